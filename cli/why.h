/* The one answer to "why is it not ready": what is in the way, since when, what comes next, what one can do. Pure. */
#pragma once

#include "cli/objects.h"
#include "cli/terminal.h"

struct why {
    bool is_ready;
    const char *since; /* RFC 3339, borrowed from the object; NULL: not known */
    char *reason;      /* "InitFailed" */
    char *cause;       /* a sentence */
    char *next;        /* what tenantd does about it, and when; "" when ready */
    char *remedy;      /* what one can do; "" when there is nothing to do */
};
/* `object` is the record as the API gives it and must outlive *ret. */
void why_explain(const json_t *object, int64_t now_ms, struct why *ret);
void why_release(struct why *why);
/* As `tenantctl why` prints it, with the output of what failed. */
void why_print(const json_t *object, int64_t now_ms, const struct terminal *terminal, struct str *out);
/* For one line of progress: "InitFailed: this Odoo has no addon named foo", and "tries again in 12s" or "". Both owned. */
void why_brief(const json_t *object, int64_t now_ms, char **ret_doing, char **ret_next);

struct why_row {
    const char *reason;
    const char *cause; /* where the condition's message is empty */
    /* What one can do; NULL: nothing but wait. {name} is what one types ("acme/erp"), {namespace}, {app}, {uid}. */
    const char *remedy;
};
extern const struct why_row why_rows[]; /* NULL reason ends */
