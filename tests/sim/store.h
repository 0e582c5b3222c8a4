/* The inside of the simulated store (store.c, store_kept.c), for those who look at the records past the header; see store/store.h. */
#pragma once

#include "specs/kind.h"
#include "store/feed.h"
#include "tests/sim/sim.h"

struct sim_store {
    struct map *records;   /* key's text -> struct record */
    struct map *by_tenant; /* namespace -> struct map of the same, borrowed: key's text -> struct record */
    struct map *uids;      /* uid -> struct record, borrowed */
    struct map *states;    /* uid -> json_t */
    struct map *secrets;   /* uid -> struct map: name -> text */
    struct map *claims;    /* "scope/value" -> uid */
    int64_t version;
    struct change **changes; /* change i has version i + 1 */
    size_t change_count;
    int64_t events; /* told about records */
    /* Every state that is put, for oracles; NULL: none. */
    void (*on_state)(void *context, const char *uid, const json_t *state);
    void *context;
};

struct sim_store *sim_store_new(void);
void sim_store_free(struct sim_store *store);
struct record *sim_record_find(const struct record_key *key);
struct record *sim_record_by_uid(const char *uid);

/* ---- for store_kept.c ---- */

struct store;
/* sim_begin() with the handle's own deadline. */
bool sim_store_begin(struct store *store, const struct sim_call *what, struct err *err) MUST_USE;
/* All that is kept beside the record goes with it. */
void sim_store_forget(const char *uid);
