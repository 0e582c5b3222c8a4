/*
 * A record whose documents are still the JSON text that is stored: reads are answered from it, because to read that text into trees and to
 * print those again is by far the most that a long list costs. Plain data. Pure.
 */
#pragma once

#include "specs/record.h"

/* All texts borrowed from whoever made it. */
struct record_text {
    struct record_key key;
    const char *uid;
    int64_t generation, version, created_ms; /* never 0 */
    int64_t deletion_ms;                     /* 0: no deletion requested */
    /* JSON without a line break, keys sorted, as jansson prints it with all digits of real numbers. */
    const char *finalizers, *managed;                 /* arrays */
    const char *labels, *annotations, *spec, *status; /* objects */
};
/* Appends, byte for byte, what json_dump() makes of record_to_json() of the same record. */
void record_text_print(const struct record_text *text, struct str *out);
/* Read into `ret`, which may hold something that is freed. ERR_INTERNAL, naming record and column: written by another tenantd, or by hand. */
bool record_from_text(const struct record_text *text, struct record *ret, struct err *err) MUST_USE;
/* What is printed as a tree; a new reference. Errors as above. */
bool record_text_to_json(const struct record_text *text, json_t **ret_object, struct err *err) MUST_USE;
/* Of it only metadata with name, namespace and labels: enough to tell whose it is and whether it is selected. A new reference. */
bool record_text_head(const struct record_text *text, json_t **ret_object, struct err *err) MUST_USE;
