/* Waiting for records, by the API's watch. */
#pragma once

#include "cli/cli.h"
#include "cli/names.h"

enum wait_goal { WAIT_READY, WAIT_GONE };
struct wait_item {
    struct target target; /* borrowed texts */
    const char *uid;      /* of WAIT_GONE: another one under the same name counts as gone; NULL: none may be there */
    int64_t generation;   /* of WAIT_READY: Ready must be about this one, or a later one */
};
struct wait_for {
    enum wait_goal goal;
    const struct wait_item *items;
    size_t count;
    int64_t timeout_ms; /* 0: none */
};
/*
 * Shows progress on cli->errors. ERR_TIMEOUT: not all got there in time, and why was said. ERR_NOT_FOUND: a record that was to become ready has been
 * deleted.
 */
bool wait_for(struct cli *cli, const struct wait_for *wait, struct err *err) MUST_USE;

#define WAIT_DEFAULT "15m"
