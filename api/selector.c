/* Label and field selectors. */
#include "api/selector.h"

#include "specs/wording.h"

#define REQUIREMENTS_MAX 100

void selector_release(struct selector *selector)
{
    for (size_t i = 0; i < selector->label_count; i++) {
        free(selector->labels[i].key);
        strv_release(&selector->labels[i].values);
    }
    for (size_t i = 0; i < selector->field_count; i++) {
        free(selector->fields[i].key);
        strv_release(&selector->fields[i].values);
    }
    free(selector->labels);
    free(selector->fields);
    *selector = (struct selector){ 0 };
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/';
}

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " \t");
}

/* A label's key or value; owned, "" where there is none. */
static char *take_word(const char **at)
{
    skip_blanks(at);
    const char *start = *at;
    while (is_word_char(**at))
        (*at)++;
    char *word = mem_strndup(start, (size_t)(*at - start));
    skip_blanks(at);
    return word;
}

static bool take(const char **at, const char *wanted)
{
    if (!str_starts_with(*at, wanted))
        return false;
    *at += strlen(wanted);
    return true;
}

static bool complain(const char *text, const char *why, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(text);
    return err_set(err, ERR_BAD_REQUEST, "unable to parse requirement: %s in %s", why, shown);
}

static struct requirement *add(struct requirement **list, size_t *count)
{
    *list = mem_grow(*list, *count + 1, sizeof(struct requirement));
    (*list)[*count] = (struct requirement){ 0 };
    return &(*list)[(*count)++];
}

static bool parse_set(const char **at, struct requirement *requirement, const char *whole, struct err *err)
{
    skip_blanks(at);
    if (!take(at, "("))
        return complain(whole, "\"(\" is missing after in or notin", err);
    do {
        strv_add_taken(&requirement->values, take_word(at));
    } while (take(at, ","));
    return take(at, ")") || complain(whole, "\")\" is missing", err);
}

static bool parse_label(const char **at, struct requirement *requirement, const char *whole, struct err *err)
{
    skip_blanks(at);
    bool is_negated = take(at, "!");
    requirement->key = take_word(at);
    if (requirement->key[0] == '\0')
        return complain(whole, "a label's name is missing", err);
    requirement->operator= is_negated ? SELECT_MISSING : SELECT_EXISTS;
    if (is_negated || **at == ',' || **at == '\0')
        return true;
    if (take(at, "!="))
        requirement->operator= SELECT_NOT_EQUAL;
    else if (take(at, "==") || take(at, "="))
        requirement->operator= SELECT_EQUAL;
    if (requirement->operator!= SELECT_EXISTS) {
        strv_add_taken(&requirement->values, take_word(at));
        return true;
    }
    CLEANUP(freep) char *word = take_word(at);
    if (!str_equal(word, "in") && !str_equal(word, "notin"))
        return complain(whole, "one of =, ==, !=, in, notin is missing after a label's name", err);
    requirement->operator= str_equal(word, "in") ? SELECT_IN : SELECT_NOT_IN;
    return parse_set(at, requirement, whole, err);
}

static bool parse_labels(const char *text, struct selector *selector, struct err *err)
{
    const char *at = text;
    skip_blanks(&at);
    while (*at) {
        if (selector->label_count == REQUIREMENTS_MAX)
            return err_set(err, ERR_BAD_REQUEST, "a selector has at most %d requirements", REQUIREMENTS_MAX);
        if (!parse_label(&at, add(&selector->labels, &selector->label_count), text, err))
            return false;
        skip_blanks(&at);
        if (*at && !take(&at, ","))
            return complain(text, "\",\" is missing between two requirements", err);
    }
    return true;
}

/* Values may have "\\", "\," and "\=" in them. */
static char *take_field_value(const char **at)
{
    CLEANUP(str_release) struct str value = STR_INIT;
    for (; **at && **at != ','; (*at)++) {
        if (**at == '\\' && (*at)[1])
            (*at)++;
        str_addc(&value, **at);
    }
    return str_steal(&value);
}

static bool parse_field(const char **at, const char *const *known, struct requirement *requirement, const char *whole,
                        struct err *err)
{
    requirement->key = take_word(at);
    if (take(at, "!="))
        requirement->operator= SELECT_NOT_EQUAL;
    else if (!take(at, "==") && !take(at, "="))
        return complain(whole, "one of =, ==, != is missing", err);
    strv_add_taken(&requirement->values, take_field_value(at));
    for (; *known; known++)
        if (str_equal(*known, requirement->key))
            return true;
    return err_set(err, ERR_BAD_REQUEST, "field label not supported: %s", requirement->key);
}

static bool parse_fields(const char *text, const char *const *known, struct selector *selector, struct err *err)
{
    for (const char *at = text; *at;) {
        if (take(&at, ","))
            continue;
        if (selector->field_count == REQUIREMENTS_MAX)
            return err_set(err, ERR_BAD_REQUEST, "a selector has at most %d requirements", REQUIREMENTS_MAX);
        if (!parse_field(&at, known, add(&selector->fields, &selector->field_count), text, err))
            return false;
    }
    return true;
}

bool selector_parse(const char *labels, const char *fields, const char *const *known_fields,
                    struct selector *ret_selector, struct err *err)
{
    *ret_selector = (struct selector){ 0 };
    return (!labels || parse_labels(labels, ret_selector, err)) &&
           (!fields || parse_fields(fields, known_fields, ret_selector, err));
}

bool selector_is_empty(const struct selector *selector)
{
    return selector->label_count == 0 && selector->field_count == 0;
}

static bool matches(const struct requirement *requirement, const char *value)
{
    switch (requirement->operator) {
    case SELECT_EQUAL:
    case SELECT_IN:
        return value && strv_has(&requirement->values, value);
    case SELECT_NOT_EQUAL:
    case SELECT_NOT_IN:
        return !value || !strv_has(&requirement->values, value);
    case SELECT_EXISTS:
        return value;
    case SELECT_MISSING:
        return !value;
    }
    abort();
}

/* The text at a dotted path; "" where there is none, so that `path=` selects what has nothing there. */
static const char *field_text(const json_t *object, const char *path)
{
    while (object) {
        size_t len = strcspn(path, ".");
        CLEANUP(freep) char *key = mem_strndup(path, len);
        object = json_object_get(object, key);
        if (path[len] == '\0')
            break;
        path += len + 1;
    }
    const char *text = json_string_value(object);
    return text ? text : "";
}

bool selector_matches(const struct selector *selector, const json_t *object)
{
    for (size_t i = 0; i < selector->field_count; i++)
        if (!matches(&selector->fields[i], field_text(object, selector->fields[i].key)))
            return false;
    if (selector->label_count == 0)
        return true;
    const json_t *labels = json_at(object, "metadata", "labels", NULL);
    for (size_t i = 0; i < selector->label_count; i++)
        if (!matches(&selector->labels[i], json_text(labels, selector->labels[i].key)))
            return false;
    return true;
}

bool selector_is_constant(const struct selector *selector)
{
    for (size_t i = 0; i < selector->field_count; i++)
        if (str_equal(selector->fields[i].key, "status.phase"))
            return false;
    return selector->label_count == 0;
}

const char *selector_name(const struct selector *selector)
{
    for (size_t i = 0; i < selector->field_count; i++)
        if (selector->fields[i].operator== SELECT_EQUAL && str_equal(selector->fields[i].key, "metadata.name"))
            return selector->fields[i].values.items[0];
    return NULL;
}
