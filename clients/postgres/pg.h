/*
 * One PostgreSQL connection with deadlines: connect and queries poll with the call's deadline and cancel flag; a query
 * that is given up is ended on the server (at most 1 s more) and the connection closed. Blocking; one thread per
 * connection. Parameters are always text. A call without a deadline is given 30 s. A URL leads to the server itself, not to a connection pooler.
 *
 * Errors: ERR_UNREACHABLE (08xxx, 57Pxx, broken), ERR_TIMEOUT, ERR_CANCELLED, ERR_EXISTS (23505, 42P04, 42710),
 * ERR_NOT_FOUND (3D000, 42704), ERR_CONFLICT (55006 in use, 55000 closed, 55P03, 40xxx, 23503, 2BP01), ERR_FORBIDDEN
 * (42501), ERR_REMOTE (28xxx login refused, 53xxx, 57xxx, 58xxx, XX, 25006), ERR_INVALID (the URL), else ERR_INTERNAL.
 * The message is one line and holds the server's message and the SQLSTATE, never a value or a password.
 */
#pragma once

#include <libpq-fe.h>

#include "base/clock.h"

struct pg;
/* `url` is a libpq connection string or URI; does not connect yet: each call does when there is no connection. */
struct pg *pg_new(const char *url);
void pg_free(struct pg *pg);
void pg_freep(struct pg **pg);
void pg_close(struct pg *pg); /* the next call connects anew */
/* Run on each fresh connection before anything else (prepare statements, set parameters, LISTEN). */
void pg_on_connect(struct pg *pg,
                   bool (*prepare)(struct pg *pg, void *context, const struct call *call, struct err *err),
                   void *context);
/* Also looks whether an idle connection still lives, as every query does first: one that the server closed is opened
 * anew without an error, except within a transaction, where it is ERR_UNREACHABLE. */
bool pg_connect(struct pg *pg, const struct call *call, struct err *err) MUST_USE;
PGconn *pg_handle(struct pg *pg); /* NULL when closed */

/* `ret` may be NULL; PQclear() it (pg_clearp). Several statements in one string are allowed when there are no
 * parameters: the last one's result comes back. An error leaves an open transaction open: "rollback" or pg_close(). */
bool pg_query(struct pg *pg, const char *sql, const char *const *params, int count, const struct call *call,
              PGresult **ret, struct err *err) MUST_USE;
bool pg_prepare(struct pg *pg, const char *name, const char *sql, const struct call *call, struct err *err) MUST_USE;
bool pg_run(struct pg *pg, const char *prepared, const char *const *params, int count, const struct call *call,
            PGresult **ret, struct err *err) MUST_USE;
void pg_clearp(PGresult **result);
const char *pg_text(const PGresult *result, int row, const char *column); /* NULL for SQL null; aborts on an unknown
                                                                             column or row */
int64_t pg_int(const PGresult *result, int row, const char *column); /* SQL null: 0; aborts on what is no integer */
/* The same for many rows: libpq copies a column's name whenever it is looked for. */
int pg_column(const PGresult *result, const char *name); /* aborts on an unknown one */
const char *pg_text_at(const PGresult *result, int row, int column);
int64_t pg_int_at(const PGresult *result, int row, int column);
/* The SQLSTATE of the last failed call, "" when none. Also of a login that was refused. */
const char *pg_sqlstate(const struct pg *pg);
/* "postgresql://..." with another database (and user and password when given); owned. Another user without a password
 * gets none. A URL that cannot be read comes back as it is: connecting tells. */
char *pg_url_with(const char *url, const char *database, const char *user_or_null, const char *password_or_null);
