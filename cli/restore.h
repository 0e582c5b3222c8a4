/* Making and following Restores, for the commands that do. */
#pragma once

#include "cli/cli.h"
#include "cli/names.h"

/* Creates one in the instance's tenant, with a name that begins like the instance's, says so, and adds it to `ret`. */
bool restore_make(struct cli *cli, const struct target *instance, json_t *spec_taken, struct targets *ret,
                  struct err *err) MUST_USE;
/* The spec of a drill of its newest recovery point; owned. */
json_t *restore_drill_spec(const struct target *instance);
/* Until it is Completed; ERR_EXIT with its message where it failed. `timeout_ms` 0: without end. */
bool restore_follow(struct cli *cli, const struct target *restore, int64_t timeout_ms, struct err *err) MUST_USE;
