/* Lists and then follows changes: resumes where it stood after a lost connection, and lists again when the server has forgotten (410). */
#pragma once

#include "cli/client.h"

enum watch_event {
    WATCH_LIST, /* the whole list: first of all, and again after gaps; what it lacks is gone */
    WATCH_ADDED,
    WATCH_MODIFIED,
    WATCH_DELETED,
};
enum watch_next { WATCH_GO_ON, WATCH_DONE, WATCH_FAILED };

struct watch {
    const char *path;  /* of the list, encoded, without a query */
    const char *query; /* "labelSelector=a%3Db"; NULL: none */
    enum client_accept accept;
    /* `object` is borrowed. WATCH_FAILED: with err. */
    enum watch_next (*on_event)(void *context, enum watch_event event, json_t *object, struct err *err);
    /* The connection is lost and tried again; NULL err: it is back. May be NULL. */
    void (*on_trouble)(void *context, const struct err *trouble);
    void *context;
};
/* True: on_event() said WATCH_DONE. ERR_TIMEOUT, ERR_CANCELLED: the call is over. Passing troubles after the first answer do not end it. */
bool watch_run(struct client *client, const struct watch *watch, const struct call *call, struct err *err) MUST_USE;
