/*
 * Restoring a logical dump with PostgreSQL's own pg_restore, run with an argument vector; the password travels by environment. It stops at its
 * first error, so what it made counts only after sink_finish().
 */
#pragma once

#include "clients/postgres/dump.h"

/* All borrowed until the sink is freed. */
struct restore_into {
    const char *database;
    /* Who restores owns everything, and code in the dump runs with his rights: the instance's role, never ourselves. */
    const char *role, *password;
};
/*
 * The end of a chain: takes pg_dump's custom format and restores it into an empty database of `server`. Owners and grants in the dump are not
 * looked at. ERR_NOT_FOUND: there is no pg_restore; ERR_EXIT, of write and finish: it failed, with its last lines. NULL with err.
 */
struct sink *restore_sink_new(struct server *server, const struct restore_into *into, const struct call *call,
                              struct err *err) MUST_USE;
/* Rows of every table of a database, by name, as dump_database() tells them. */
bool database_count_rows(struct server *server, const char *database, const struct call *call, struct dump_tables *ret,
                         struct err *err) MUST_USE;
