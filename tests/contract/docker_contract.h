/*
 * What clients/docker/docker.h promises and the reconcilers build on, as tests that speak through the header alone. docker_real_test.c runs them
 * against a real engine, docker_sim_test.c against the simulated one, so that this one cannot lie. A difference that was found elsewhere
 * becomes a test here.
 */
#pragma once

#include "clients/docker/docker.h"
#include "tests/check.h"

/* The test finds one in *state. */
struct docker_contract {
    struct docker *docker;
    const json_t *labels; /* for all that is made: who runs the tests removes it by them */
    const char *label;    /* the same for lists */
    const char *prefix;   /* of names */
    const char *image;    /* has /bin/sh */
};
void docker_contract_add(struct check_list *list, CMFixtureFunction setup, CMFixtureFunction teardown);
