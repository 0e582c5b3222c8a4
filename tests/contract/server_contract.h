/*
 * What clients/postgres/server.h promises and the reconcilers build on, as tests that speak through the header alone: server_real_test.c runs
 * them against PostgreSQL, server_sim_test.c against the simulated server, so that this one cannot lie.
 */
#pragma once

#include "clients/postgres/server.h"
#include "tests/check.h"

/* The test finds one in *state. The names are of the server's installation. */
struct server_contract {
    struct server *server;
    const char *role, *other_role;
    const char *stamp, *other_stamp;
    const char *connection_role;
    /* The tenant makes a table in its database, so that there is something that is its own. */
    void (*fill)(const char *database, const char *role, const char *password);
};
void server_contract_add(struct check_list *list, CMFixtureFunction setup, CMFixtureFunction teardown);
