/* What -f names: files, directories and standard input as records, checked before anything is sent. */
#pragma once

#include "cli/names.h"

struct document {
    char *origin; /* "acme.yaml:12" */
    const struct kind *kind;
    json_t *value;        /* as written, with its namespace, without what is the server's own */
    struct record record; /* decoded, with defaults */
};
struct documents {
    struct document *items;
    size_t count;
};
void documents_release(struct documents *documents);

enum documents_check {
    DOCUMENTS_WHOLE,
    DOCUMENTS_NAMES, /* kind and name are right; the rest does not matter */
};
struct documents_source {
    const struct strv *paths; /* "-": `in` */
    FILE *in;
    bool recursive;
    const char *namespace;     /* where a document is silent; NULL: none */
    bool namespace_must_match; /* it was given by -n */
    enum documents_check check;
};
/*
 * In the order in which they can be applied: App, Tenant, Instance. ERR_INVALID with every problem of all documents, one per line:
 * "acme.yaml:12: Instance acme/erp: spec.resources.memory: ...".
 */
bool documents_load(const struct documents_source *source, struct documents *ret, struct err *err) MUST_USE;
/* What a document is about; its texts are borrowed. */
struct target document_target(const struct document *document);
/* Borrowed; NULL: no such record among them. `namespace` NULL: none. */
const struct document *documents_find(const struct documents *documents, enum kind_id kind, const char *namespace,
                                      const char *name);
