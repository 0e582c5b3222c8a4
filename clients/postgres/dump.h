/*
 * Logical dumps with PostgreSQL's own pg_dump, run with an argument vector; the password travels by environment. All is done as the instance's
 * own role, so that nothing which a customer has put into his database ever runs with our rights. Blocking.
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

/* All borrowed. */
struct dump_source {
    const char *database, *role, *password;
    const char *query; /* SQL whose first column is wanted too, in the same snapshot; NULL: none */
};
struct dump_result {
    struct server_version version; /* of the server */
    struct dump_tables tables;     /* ordinary tables, but those that belong to extensions */
    struct strv answers;           /* of the query, sorted; SQL nulls are left out */
};
void dump_result_release(struct dump_result *result);
/*
 * The whole database in pg_dump's custom format, not compressed inside, into `to`, which is neither finished nor freed. ERR_UNSUPPORTED: pg_dump is
 * older than the server (checked before it starts); ERR_NOT_FOUND: it is not installed; ERR_EXIT: it failed, with its last
 * lines; ERR_TOO_LARGE: the query has more than DUMP_ANSWERS_MAX answers.
 */
#define DUMP_ANSWERS_MAX 1000000
bool database_dump(struct server *server, const struct dump_source *source, struct sink *to, const struct call *call,
                   struct dump_result *ret, struct err *err) MUST_USE;
/*
 * The newest program of that name ("pg_dump", "pg_restore") of /usr/lib/postgresql/<major>/bin, else the one in PATH, and its major version.
 * Owned. ERR_NOT_FOUND: it is not installed.
 */
bool dump_find_program(const char *name, const struct call *call, char **ret_path, int *ret_major,
                       struct err *err) MUST_USE;
