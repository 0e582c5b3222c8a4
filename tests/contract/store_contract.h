/*
 * What store/store.h promises and the reconcilers build on, as tests that speak through the header alone: store_real_test.c runs them against
 * PostgreSQL, store_sim_test.c against the simulated store, so that this one cannot lie.
 */
#pragma once

#include "store/store.h"
#include "tests/check.h"

/* The test finds one, of an empty store, in *state. */
struct store_contract {
    struct store *store;
};
void store_contract_add(struct check_list *list, CMFixtureFunction setup, CMFixtureFunction teardown);
