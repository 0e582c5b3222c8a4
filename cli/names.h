/* How users name records, and where the API keeps them. Pure. */
#pragma once

#include "specs/kind.h"

/* One record; without a name all of a kind. */
struct target {
    const struct kind *kind;
    char *namespace; /* NULL: none, or of all namespaces */
    char *name;      /* NULL: all */
};
struct targets {
    struct target *items;
    size_t count;
};
void targets_release(struct targets *targets);
void targets_add(struct targets *targets, const struct kind *kind, const char *namespace, const char *name);

/*
 * "acme/erp" is an instance; "instance acme/erp", "instance/erp", "instance/acme/erp", "tenants acme", "app/odoo", and whatever -o name printed are
 * as with kubectl; "erp" alone is an instance when there is a `namespace` (may be NULL). ERR_BAD_REQUEST.
 */
bool targets_parse(const struct strv *args, const char *namespace, struct targets *ret, struct err *err) MUST_USE;
/* The same, but each must name one record. */
bool targets_parse_records(const struct strv *args, const char *namespace, struct targets *ret,
                           struct err *err) MUST_USE;
/* Exactly one instance: "acme/erp", or "erp" with a namespace. */
bool target_parse_instance(const char *text, const char *namespace, struct targets *ret, struct err *err) MUST_USE;
/* Instances only: "acme/erp acme/crm", "instance acme/erp". At least one. */
bool targets_parse_instances(const struct strv *args, const char *namespace, struct targets *ret,
                             struct err *err) MUST_USE;
bool targets_span_kinds(const struct targets *targets);
bool names_are_kinds(const char *text); /* "tenants", "tenants,instances", "all" */

char *target_text(const struct target *target);  /* "instance.tenantd/acme/erp", "tenant.tenantd/acme"; owned */
char *target_brief(const struct target *target); /* "instance.tenantd/erp", as kubectl says it; owned */
char *target_short(const struct target *target); /* "acme/erp", "tenant acme": what one types; owned */
char *target_path(const struct target *target);  /* "/apis/tenantd/v1/namespaces/acme/instances/erp"; owned */
