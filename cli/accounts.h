/* What the administrator's commands share: an action word, then requests below /auth. */
#pragma once

#include "cli/cli.h"

struct admin_action {
    const char *word;      /* "create"; NULL ends a table */
    size_t args;           /* after the word */
    const char *arguments; /* of them, for a message */
    command_fn *run;       /* its args begin after the word */
};
/* Runs the action that the first argument names; ERR_BAD_REQUEST names those there are. */
bool admin_run(struct cli *cli, const struct admin_action *actions, const void *options, const struct strv *args,
               int *ret_exit, struct err *err);
/* One request below /auth; `body_taken` NULL: none. `name` is encoded and appended where it is not NULL. */
bool admin_send(struct cli *cli, const char *method, const char *collection, const char *name, json_t *body_taken,
                json_t **ret, struct err *err) MUST_USE;
/* A table of the items of a list: `columns` are "HEADER:key", NULL-terminated. */
void admin_print_table(struct cli *cli, const json_t *answer, const char *const *columns);
/* "a,b" or several options; NULL where there are none. */
json_t *admin_list(const struct strv *values);
