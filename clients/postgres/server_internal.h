/* What the files behind server.h share; nobody else includes it. */
#pragma once

#include "clients/postgres/pg.h"
#include "clients/postgres/server.h"

#define SQLSTATE_UNDEFINED_FUNCTION "42883"
#define SQLSTATE_NO_SUCH_SCHEMA     "3F000"
#define SQLSTATE_DEPENDENT_OBJECTS  "2BP01"

#define NAME_LIMIT 63 /* bytes; PostgreSQL cuts longer ones off without an error */

struct server {
    struct pg *pg;
    char *url;
    char *installation;
};

/* A database's or role's name that PostgreSQL can keep as it is. */
bool server_name_check(const char *what, const char *name, struct err *err) MUST_USE;
/* td_<installation>_<12 hex digits>. */
bool server_is_role(const char *installation, const char *name);
bool server_role_check(const struct server *server, const char *role, struct err *err) MUST_USE;
bool server_installation_check(const char *installation, struct err *err) MUST_USE;
/* Runs what calls the administrator's functions; where they are missing, the error says what to do. */
bool server_run(struct server *server, const char *sql, const char *const *params, int count, const struct call *call,
                PGresult **ret, struct err *err) MUST_USE;
/*
 * A connection that sees nothing but pg_catalog: in a tenant's database an operator of his own in schema public, made
 * to fit our query better than the real one, would run with our rights.
 */
struct pg *server_pg_new(const char *url);
/* A SCRAM-SHA-256 verifier made on our side; owned. */
bool server_encrypt(struct pg *pg, const char *role, const char *password, const struct call *call, char **ret,
                    struct err *err) MUST_USE;
