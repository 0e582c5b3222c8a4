/* What -f names: files, directories and standard input as records, checked before anything is sent. */
#pragma once

#include "cli/names.h"
#include "specs/document.h"

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
