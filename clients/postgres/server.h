/*
 * The database server that holds the customers' databases. Our role has CREATEDB and nothing more; roles are made
 * through SECURITY DEFINER functions in schema `tenantd` of the connection's database, installed once by an
 * administrator (server_bootstrap()), which accept only names td_<installation>_<12 hex digits>; our role becomes a
 * member of each of them, which is what lets it own, enter and end for them. Passwords reach the server only as SCRAM
 * verifiers. Blocking; one handle per worker. Knows no record kinds. tests/sim puts a simulated server behind this
 * header.
 *
 * Errors are those of pg.h. ERR_INVALID: a name or stamp that cannot be (names are at most 63 bytes of UTF-8, any
 * characters); ERR_FORBIDDEN, too: the server was not bootstrapped.
 *
 * What a tenant's role can still do: see the names of all databases and roles, connect to database `postgres` (images
 * wait for the server there; it can leave nothing in it), and with its own database whatever an owner can: drop it,
 * grant others into it (public_can_connect tells), change its comment. So a stamp says whose a database is only
 * together with its name.
 */
#pragma once

#include "base/clock.h"
#include "base/json.h"

struct server;
/* `installation`: 6 hex digits, part of every role's name. */
struct server *server_new(const char *url, const char *installation);
void server_free(struct server *server);
void server_freep(struct server **server);

struct server_version {
    char *text; /* "15.20"; owned, free() it */
    int number; /* 150020 */
};
bool server_version(struct server *server, const struct call *call, struct server_version *ret,
                    struct err *err) MUST_USE;

/*
 * Run as a superuser (`admin_url`): makes the connection role (LOGIN, CREATEDB, with `password` sent as verifier)
 * where it is missing, its database, and the functions; safe to repeat. Refuses a role that has more than CREATEDB
 * (ERR_INVALID) and another owner's database (ERR_CONFLICT). Takes from PUBLIC: CONNECT on template1, all but CONNECT
 * on `postgres`. Other databases that are open to everybody, and so to tenants, are logged as warnings.
 */
struct server_bootstrap {
    const char *admin_url;
    const char *installation;
    const char *role;     /* of the connection, e.g. "tenantd" */
    const char *password; /* NULL: leave it alone */
    const char *database; /* e.g. "tenantd" */
};
struct pg;
/* The audit's table tenantd.audit alone, as the role that `pg` is logged in as; nothing where it is there. */
bool server_audit_create(struct pg *pg, const struct call *call, struct err *err) MUST_USE;
bool server_bootstrap(const struct server_bootstrap *bootstrap, const struct call *call, struct err *err) MUST_USE;

/* ---- roles ---- */

struct role_seen {
    bool exists;
    bool can_login;
    int64_t connection_limit;
    bool verifier_matches; /* the stored verifier is the one given */
    bool deviates;         /* in rights or memberships from what role_ensure() makes, which puts it right */
};
/* A SCRAM-SHA-256 verifier; owned. The same password gives a new salt each time, so store it with the password.
 * `role` is one of this installation. */
bool server_scram_verifier(struct server *server, const char *role, const char *password, const struct call *call,
                           char **ret, struct err *err) MUST_USE;
bool role_look(struct server *server, const char *role, const char *verifier, const struct call *call,
               struct role_seen *ret, struct err *err) MUST_USE;
/* Makes it, or puts it right: LOGIN, that verifier, that connection limit (-1: none), nothing else. */
bool role_ensure(struct server *server, const char *role, const char *verifier, int64_t connection_limit,
                 const struct call *call, struct err *err) MUST_USE;
/* Ends its sessions, too. ERR_NOT_FOUND when it is missing; ERR_CONFLICT names what depends on it. */
bool role_drop(struct server *server, const char *role, const struct call *call, struct err *err) MUST_USE;
/* As a list shows it. */
struct role_listed {
    char *name;
    bool can_login;
    int64_t connection_limit;
    bool deviates;         /* as of role_seen */
    char *verifier_digest; /* server_verifier_digest() of the stored one; "": it has no password */
};
void role_listed_release(struct role_listed *role);
struct role_list {
    struct role_listed *items;
    size_t count;
};
void role_list_release(struct role_list *roles);
/* By it a list tells that a password is another one without showing the verifier. Owned. Pure. */
char *server_verifier_digest(const char *verifier);

/* ---- databases ---- */

struct database {
    char *name, *owner;
    char *comment;           /* what database_create() stamped: "tenantd <installation> ...", else NULL */
    bool public_can_connect; /* or anybody but owner and ourselves can */
    bool allow_connections;
    bool deviates; /* from what database_create() makes: its connection limit, is a template, its owner is locked out */
    int64_t connections;
    int64_t size_bytes; /* -1 unless asked for */
};
void database_release(struct database *database);
struct databases {
    struct database *items;
    size_t count;
};
void databases_release(struct databases *databases);
/* All databases, and all roles of this installation, in one query: what a pass looks at. */
bool server_list(struct server *server, const struct call *call, struct databases *ret_databases,
                 struct role_list *ret_roles, struct err *err) MUST_USE;
/* All databases with owner and stamp, in one query; sizes only with database_size(). */
bool database_list(struct server *server, const struct call *call, struct databases *ret, struct err *err) MUST_USE;
bool database_look(struct server *server, const char *name, const struct call *call, struct database *ret,
                   struct err *err) MUST_USE; /* ERR_NOT_FOUND */
bool database_size(struct server *server, const char *name, const struct call *call, int64_t *ret_bytes,
                   struct err *err) MUST_USE;
/*
 * CREATE DATABASE name OWNER role TEMPLATE template (NULL: template0), stamped with `stamp` (its comment, "tenantd
 * <installation> <uid>") before anybody can connect, CONNECT revoked from PUBLIC. Exists: ERR_EXISTS, whoever made
 * it. A template is one after database_close(). A remainder of a killed call that lacks its stamp is told by its
 * owner and put right by database_repair().
 */
bool database_create(struct server *server, const char *name, const char *role, const char *template_or_null,
                     const char *stamp, const struct call *call, struct err *err) MUST_USE;
/*
 * Owner, grants, stamp, ALLOW_CONNECTIONS as database_create() leaves them; safe to repeat. Only for a database that
 * carries `stamp`, or carries none and belongs to `role`; else ERR_CONFLICT.
 */
bool database_repair(struct server *server, const char *name, const char *role, const char *stamp,
                     const struct call *call, struct err *err) MUST_USE;
/*
 * In a clone, which `role` must own (ERR_CONFLICT): everything inside that belongs to other roles of this
 * installation goes to `role` (REASSIGN OWNED for each); their grants and default privileges in it go away. Other
 * databases stay whose they are. Safe to repeat.
 */
bool database_take_over(struct server *server, const char *name, const char *role, const struct call *call,
                        struct err *err) MUST_USE;
/*
 * Gives it to the connection role, closes it to everybody and ends its sessions: a template. Another stamp:
 * ERR_CONFLICT.
 */
bool database_close(struct server *server, const char *name, const char *stamp, const struct call *call,
                    struct err *err) MUST_USE;
/*
 * Ends all sessions and forbids new ones; then renames; it is as open as before then, also where renaming failed.
 * Without a stamp of this installation, or with a session that we cannot end (a superuser's): ERR_CONFLICT. A taken
 * name: ERR_EXISTS.
 */
bool database_rename(struct server *server, const char *name, const char *new_name, const struct call *call,
                     struct err *err) MUST_USE;
/*
 * One database takes another's place: `live` becomes `aside` and `beside` becomes `live`, both in one transaction. All
 * sessions in the two are ended first; afterwards `live` is open and `aside` closed. Where there is no `live`, only
 * `beside` is renamed; where `beside` is gone and `live` there, it was done already. So it is safe to repeat after a
 * crash at any point, and with `beside` and `aside` exchanged it is its own way back. When it fails, `live` is the
 * one it was, and open. Each that exists must carry `stamp`, else ERR_CONFLICT, as with a session that we cannot end;
 * a taken `aside` is ERR_EXISTS; neither `live` nor `beside`: ERR_NOT_FOUND.
 */
struct database_swap {
    const char *live, *beside, *aside;
    const char *stamp;
};
bool database_swap(struct server *server, const struct database_swap *swap, const struct call *call,
                   struct err *err) MUST_USE;
/*
 * Ends all sessions and drops. The stamp is looked at again in the same call: another one, or none, is ERR_CONFLICT,
 * never dropped (database_repair() gives a remainder its stamp first). When dropping fails, it stays closed and the
 * connection role's.
 */
bool database_drop(struct server *server, const char *name, const char *stamp, const struct call *call,
                   struct err *err) MUST_USE;
