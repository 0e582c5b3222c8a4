/* Numbers, quantities, times and words from documents. */
#include "base/clock.h"
#include "specs/field_decode.h"
#include "specs/wording.h"

bool decode_bool(struct decoder *decoder, const json_t *value, bool *member)
{
    if (json_is_boolean(value)) {
        *member = json_is_true(value);
        return true;
    }
    CLEANUP(freep) char *shown = value_wording(value);
    if (json_is_string(value))
        decoder_complain(decoder, "%s is text; write true or false, without quotes", shown);
    else
        decoder_complain(decoder, "must be true or false, not %s", value_type_wording(value));
    return false;
}

bool decode_int(struct decoder *decoder, const json_t *value, int64_t *member)
{
    if (json_is_integer(value)) {
        *member = json_integer_value(value);
        return true;
    }
    CLEANUP(freep) char *shown = value_wording(value);
    int64_t number = 0;
    if (json_is_string(value) && str_parse_int64(json_string_value(value), INT64_MIN, INT64_MAX, &number))
        decoder_complain(decoder, "%s is text; write %lld without quotes", shown, (long long)number);
    else if (json_is_string(value) || json_is_real(value))
        decoder_complain(decoder, "%s is not a whole number", shown);
    else
        decoder_complain(decoder, "must be a whole number, not %s", value_type_wording(value));
    return false;
}

bool decode_quantity(struct decoder *decoder, const struct field *field, const json_t *value, int64_t *member)
{
    if (!json_is_string(value) && !json_is_number(value)) {
        const char *like = field->type == FIELD_BYTES ? "a quantity like 2Gi"
                           : field->type == FIELD_CPU ? "a number of CPUs like 2 or 500m"
                                                      : "a duration like 30s or 10m";
        decoder_complain(decoder, "must be %s, not %s", like, value_type_wording(value));
        return false;
    }
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (json_is_string(value) && has_nul(value)) {
        decoder_complain(decoder, "has a NUL character");
        return false;
    }
    if (!field_quantity(field, value, member, &err)) {
        decoder_complain(decoder, "%s", err_message(&err));
        return false;
    }
    return true;
}

bool decode_time(struct decoder *decoder, const json_t *value, int64_t *member)
{
    if (json_is_string(value) && time_from_rfc3339(json_string_value(value), member))
        return true;
    CLEANUP(freep) char *shown = value_wording(value);
    decoder_complain(decoder, "%s is not a time like 2026-01-02T03:04:05Z", shown);
    return false;
}

static void complain_about_word(struct decoder *decoder, const struct field *field, const json_t *value)
{
    CLEANUP(str_release) struct str known = STR_INIT;
    struct nearest nearest;
    nearest_start(&nearest, json_is_string(value) ? json_string_value(value) : "");
    for (size_t i = 0; field->choices[i]; i++) {
        str_addf(&known, "%s%s", i > 0 ? ", " : "", field->choices[i]);
        nearest_offer(&nearest, field->choices[i]);
    }
    CLEANUP(freep) char *shown = value_wording(value);
    CLEANUP(freep) char *hint = nearest.best ? mem_printf("; did you mean %s?", nearest.best) : mem_strdup("");
    problems_add(decoder->problems, PROBLEM_NOT_SUPPORTED, decoder->path.text, "%s is not one of %s%s", shown,
                 known.text, hint);
}

bool decode_enum(struct decoder *decoder, const struct field *field, const json_t *value, int *member)
{
    for (int i = 0; json_is_string(value) && field->choices[i]; i++) {
        if (str_equal(json_string_value(value), field->choices[i])) {
            *member = i;
            return true;
        }
    }
    complain_about_word(decoder, field, value);
    return false;
}
