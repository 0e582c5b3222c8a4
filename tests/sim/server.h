/*
 * The inside of the simulated database server (server.c), for those who look at the world or hurt it past the header. What it answers is held to
 * PostgreSQL's answers by tests/contract/server_contract.c.
 */
#pragma once

#include "clients/postgres/server.h"
#include "tests/sim/engine.h"

#define SIM_ADMIN "tenantd" /* the connection role, which owns what was closed */

struct sim_database {
    struct database seen;
    char *objects_role; /* whom what stands in it belongs to; NULL: it is empty, or a superuser's */
    char *template;     /* that it was cloned from */
    struct sim_data data;
    json_t *applied; /* what the application was told to take over, by field */
};
struct sim_role {
    char *name, *verifier;
    int64_t connection_limit;
    bool can_login, deviates;
};
struct sim_server {
    struct map *databases, *roles;
};

struct sim_server *sim_server_new(void);
void sim_server_free(struct sim_server *server);
struct sim_database *sim_database_find(const char *name);
struct sim_role *sim_role_find(const char *name);
/* The role makes something of its own in it. */
void sim_database_fill(struct sim_database *database, const char *role);
/* Past the header, as a superuser. */
void sim_database_drop(const char *name);
struct sim_database *sim_database_add(const char *name, const char *owner, const char *comment_or_null);
void sim_role_drop(const char *name); /* what it owns goes to the superuser */
/* Whether somebody who has this password may log in to this database as this role; why not in *ret_why. */
bool sim_login(const char *role, const char *password, const char *database, const char **ret_why);
