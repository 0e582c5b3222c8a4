/*
 * Logical dumps and restores with PostgreSQL's own programs, run with an argument vector; the password travels by environment. The programs
 * are the newest of /usr/lib/postgresql/<version>/bin, or those of PATH where there are none.
 */
#pragma once

#include "base/stream.h"
#include "clients/postgres/server.h"

/* Rows of one table in the dump's snapshot. */
struct dump_table {
    char *name; /* "public.res_partner" */
    int64_t rows;
};
struct dump_tables {
    struct dump_table *items; /* by name */
    size_t count;
};
void dump_tables_release(struct dump_tables *tables);

/* Which database and as whom. All borrowed. */
struct dump {
    const char *url; /* of the server, as whom can read all; the database's name is put in */
    const char *database;
};
/*
 * The whole database in pg_dump's custom format, not compressed inside, into `to`, which is neither finished nor freed. `ret_tables` (may be NULL): what was in its
 * snapshot. ERR_UNSUPPORTED: pg_dump is older than the server, checked before; ERR_EXIT: it failed, with its last lines.
 */
bool dump_database(const struct dump *dump, struct sink *to, const struct call *call, struct dump_tables *ret_tables,
                   struct err *err) MUST_USE;
/* The newest program of that name ("pg_dump", "pg_restore"), and its major version. Owned. ERR_NOT_FOUND: it is not installed. */
bool dump_find_program(const char *name, char **ret_path, int *ret_major, const struct call *call,
                       struct err *err) MUST_USE;
