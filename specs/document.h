/*
 * YAML texts become records that can be applied: read, checked, told apart, ordered. `tenantctl apply` reads files with it, a Source its repository.
 * Pure.
 */
#pragma once

#include "specs/kind.h"

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
/* Borrowed; NULL: no such record among them. `namespace` NULL: none. */
const struct document *documents_find(const struct documents *documents, enum kind_id kind, const char *namespace,
                                      const char *name);

enum documents_check {
    DOCUMENTS_WHOLE,
    DOCUMENTS_NAMES, /* kind and name are right; the rest does not matter */
};
enum documents_lines {
    DOCUMENTS_LINE_OF_DOCUMENT, /* complaints name the line where the document began */
    DOCUMENTS_LINE_OF_FIELD,    /* where the field stands, or the innermost one around it that is there */
};
struct document_rules {
    const char *namespace;       /* where a document is silent; NULL: none */
    const char *namespace_says;  /* why no other is allowed: "-n says"; NULL: others are */
    const char *cluster_refusal; /* why records without a namespace are refused; NULL: they are not */
    enum documents_check check;
    enum documents_lines lines;
};

/* Collects documents and what is wrong with them, one per line: "acme.yaml:12: Instance acme/erp: spec.resources.memory: ...". */
struct document_reader {
    struct document_rules rules;
    struct documents *documents; /* borrowed */
    struct strv complaints;
    struct map *places; /* "Instance/acme/erp" to its origin */
    const char *text;   /* while it is read: where fields are looked for */
    size_t text_len;
};
void document_reader_release(struct document_reader *reader); /* but not the documents */
/* All documents of one text; `path` names it. A List is its items. */
void document_read(struct document_reader *reader, const char *path, const char *text, size_t len);
/* When all is read: rules between an Instance and an App that came with it; then the order of applying: App, Tenant, Instance, the rest. */
void document_read_end(struct document_reader *reader);
/* For Instances that came without their App: the stored one, decoded. Adds complaints. */
struct app_spec;
void document_check_app(struct document_reader *reader, const struct document *document, const struct app_spec *app);
/* "acme.yaml:12: Instance acme/erp: field: message", as all complaints are worded; `field` may be "". */
void document_complain(struct document_reader *reader, const struct document *document, const char *field,
                       const char *message);
/* The place of a kind in the order of applying, from 0. */
size_t document_rank(enum kind_id kind);
