/*
 * YAML (libyaml) to jansson values and back. Core schema: plain true/false/null/numbers are typed, quoted ones are text. Limits: 4 MiB, 100
 * levels, 1,000 documents, 200,000 nodes after aliases are followed (an alias bomb is an error); duplicate keys, tags other than the core ones,
 * NUL and invalid UTF-8 are errors with line and column. Also reads JSON, which is YAML. Pure.
 */
#pragma once

#include "base/json.h"

/* A document of the stream with the place where it began. */
struct yaml_document {
    json_t *value;
    size_t line; /* from 1 */
};
struct yaml_documents {
    struct yaml_document *items; /* empty documents are left out */
    size_t count;
};
void yaml_documents_release(struct yaml_documents *documents);
bool yaml_parse(const char *text, size_t len, struct yaml_documents *ret_documents, struct err *err) MUST_USE;
/* Exactly one document. */
bool yaml_parse_one(const char *text, size_t len, json_t **ret_value, struct err *err) MUST_USE;
void yaml_print(const json_t *value,
                struct str *out); /* block style, keys in their order; text quoted where it must be */
/*
 * The line (from 1) of the value at `path` ("spec.versions[2].image") in the document that begins at `document_line`; where the
 * path ends early, of the innermost value around it. For messages; the text was read before. A document of a List's items: its own.
 */
size_t yaml_line_of(const char *text, size_t len, size_t document_line, const char *path);
