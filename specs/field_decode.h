/* What the files field_decode*.c share. */
#pragma once

#include "specs/field_internal.h"

/* A walk over one document. */
struct decoder {
    struct str path; /* where it stands */
    struct problems *problems;
    bool absent; /* inside an object that the document does not have: nothing is required */
};
/* Adds a problem at the present path. */
void decoder_complain(struct decoder *decoder, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool is_absent(const json_t *value); /* missing or null */
bool has_nul(const json_t *text);    /* a string that C would see the beginning of only */

/* Each reads `value`, not absent, into the member; false when a problem was added. */
bool decode_text(struct decoder *decoder, const struct field *field, const json_t *value, char **member) MUST_USE;
bool decode_texts(struct decoder *decoder, const struct field *field, const json_t *value,
                  struct strv *member) MUST_USE;
bool decode_map(struct decoder *decoder, const struct field *field, const json_t *value, json_t **member) MUST_USE;
bool decode_bool(struct decoder *decoder, const json_t *value, bool *member) MUST_USE;
bool decode_int(struct decoder *decoder, const json_t *value, int64_t *member) MUST_USE;
bool decode_quantity(struct decoder *decoder, const struct field *field, const json_t *value, int64_t *member) MUST_USE;
bool decode_time(struct decoder *decoder, const json_t *value, int64_t *member) MUST_USE;
bool decode_enum(struct decoder *decoder, const struct field *field, const json_t *value, int *member) MUST_USE;
/* Complains when `value` is not a list of an allowed length; `what` is "" or " of texts". */
bool check_list(struct decoder *decoder, const struct field *field, const json_t *value, const char *what) MUST_USE;
