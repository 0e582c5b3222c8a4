/* Field tables: problems, paths, and what every walk over a table needs. */
#include "specs/field.h"

#include "specs/field_internal.h"
#include "specs/quantity.h"
#include "specs/wording.h"
#include "specs/yaml.h"

#define PATH_SHOWN_MAX 200
#define KEY_SHOWN_MAX  60

/* ---- problems ---- */

static struct problem *append(struct problems *problems)
{
    problems->items = mem_grow(problems->items, problems->count + 1, sizeof(*problems->items));
    struct problem *problem = &problems->items[problems->count++];
    *problem = (struct problem){ 0 };
    return problem;
}

void problems_add(struct problems *problems, enum problem_kind kind, const char *path, const char *fmt, ...)
{
    if (problems->count > PROBLEMS_MAX)
        return;
    struct problem *problem = append(problems);
    problem->kind = kind;
    if (problems->count > PROBLEMS_MAX) {
        problem->path = mem_strdup("");
        problem->message = mem_strdup("more is wrong; only the first 100 problems are shown");
        return;
    }
    CLEANUP(str_release) struct str shown = STR_INIT;
    str_add_shown(&shown, path, PATH_SHOWN_MAX);
    problem->path = str_steal(&shown);
    CLEANUP(str_release) struct str message = STR_INIT;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&message, fmt, args);
    va_end(args);
    problem->message = str_steal(&message);
}

void problems_release(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        free(problems->items[i].path);
        free(problems->items[i].message);
    }
    free(problems->items);
    *problems = (struct problems){ 0 };
}

bool problems_has_only_unknown_fields(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (problems->items[i].kind != PROBLEM_UNKNOWN_FIELD)
            return false;
    }
    return problems->count > 0;
}

bool problems_has_under(const struct problems *problems, const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < problems->count; i++) {
        const char *at = problems->items[i].path;
        if (strncmp(at, path, len) == 0 && (at[len] == '\0' || at[len] == '.' || at[len] == '['))
            return true;
    }
    return false;
}

char *problems_text(const struct problems *problems)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        str_addf(&out, "%s%s%s%s", i > 0 ? "; " : "", problem->path, problem->path[0] ? ": " : "", problem->message);
    }
    return str_steal(&out);
}

static bool unknown_fields_to_err(const struct problems *problems, struct err *err)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        const char *hint = strchr(problem->message, ';'); /* "unknown field; did you mean ...?" */
        if (i > 0)
            str_add(&out, ", ");
        if (problem->path[0] == '\0')
            str_add(&out, problem->message);
        else
            str_addf(&out, "unknown field \"%s\"", problem->path);
        if (problem->path[0] != '\0' && hint)
            str_addf(&out, " (%s)", hint + 2);
    }
    return err_set(err, ERR_BAD_REQUEST, "strict decoding error: %s", out.text);
}

bool problems_to_err(const struct problems *problems, struct err *err)
{
    if (problems->count == 0)
        return true;
    if (problems_has_only_unknown_fields(problems))
        return unknown_fields_to_err(problems, err);
    CLEANUP(freep) char *text = problems_text(problems);
    return err_set(err, ERR_INVALID, "%s", text);
}

/* ---- paths ---- */

size_t path_push(struct str *path, const char *name)
{
    size_t mark = path->len;
    if (mark > 0)
        str_addc(path, '.');
    str_add(path, name);
    return mark;
}

size_t path_push_key(struct str *path, const char *key)
{
    size_t mark = path->len;
    if (mark > 0)
        str_addc(path, '.');
    str_add_shown(path, key, KEY_SHOWN_MAX);
    return mark;
}

size_t path_push_index(struct str *path, size_t index)
{
    size_t mark = path->len;
    str_addf(path, "[%zu]", index);
    return mark;
}

void path_pop(struct str *path, size_t mark)
{
    if (path->len == mark)
        return;
    path->len = mark;
    path->text[mark] = '\0';
}

/* ---- values ---- */

static json_t *checked_fallback(const struct field *field, json_t *value)
{
    if (value)
        return value;
    fprintf(stderr, "field table: the default of \"%s\" cannot be read: %s\n", field->name, field->fallback);
    abort();
}

json_t *field_fallback(const struct field *field)
{
    const char *text = field->fallback;
    if (!text)
        return NULL;
    int64_t number = 0;
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES:
    case FIELD_CPU:
    case FIELD_DURATION:
    case FIELD_TIME:
    case FIELD_ENUM:
        return checked_fallback(field, json_string(text));
    case FIELD_BOOL:
        return json_boolean(str_equal(text, "true"));
    case FIELD_INT:
        return checked_fallback(field,
                                str_parse_int64(text, INT64_MIN, INT64_MAX, &number) ? json_integer(number) : NULL);
    case FIELD_TEXTS:
    case FIELD_TEXT_MAP:
    case FIELD_ENV_MAP:
    case FIELD_JSON:
    case FIELD_OBJECT:
    case FIELD_LIST:
        break;
    }
    if (str_equal(text, "[]"))
        return json_array();
    if (str_equal(text, "{}"))
        return json_object();
    json_t *value = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    return checked_fallback(field, yaml_parse_one(text, strlen(text), &value, &err) ? value : NULL);
}

bool field_quantity(const struct field *field, const json_t *value, int64_t *ret, struct err *err)
{
    CLEANUP(freep) char *number = json_is_number(value) ? value_wording(value) : NULL;
    const char *text = number ? number : json_string_value(value);
    if (field->type == FIELD_BYTES)
        return quantity_bytes(text, ret, err);
    if (field->type == FIELD_CPU)
        return quantity_millicores(text, ret, err);
    return quantity_duration(text, ret, err);
}

bool field_values_equal(const struct field *field, const json_t *a, const json_t *b)
{
    bool no_a = !a || json_is_null(a), no_b = !b || json_is_null(b);
    if (no_a || no_b)
        return no_a && no_b;
    if (json_equal(a, b))
        return true;
    if (field->type == FIELD_TEXT && (field->flags & FIELD_NUMBER_TOO)) {
        CLEANUP(freep) char *a_text = json_is_string(a) ? mem_strdup(json_string_value(a)) : value_wording(a);
        CLEANUP(freep) char *b_text = json_is_string(b) ? mem_strdup(json_string_value(b)) : value_wording(b);
        return str_equal(a_text, b_text);
    }
    bool quantities = field->type == FIELD_BYTES || field->type == FIELD_CPU || field->type == FIELD_DURATION;
    bool readable = (json_is_string(a) || json_is_number(a)) && (json_is_string(b) || json_is_number(b));
    int64_t a_number = 0, b_number = 0;
    CLEANUP(err_release) struct err err = ERR_INIT;
    return quantities && readable && field_quantity(field, a, &a_number, &err) &&
           field_quantity(field, b, &b_number, &err) && a_number == b_number;
}

/* ---- release ---- */

static void release_list(const struct field *field, struct field_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        fields_release(field->fields, (char *)list->items + i * field->item_size);
    free(list->items);
    *list = (struct field_list){ 0 };
}

static void release_member(const struct field *field, void *member)
{
    switch (field->type) {
    case FIELD_TEXT: {
        char **text = member;
        if (*text && (field->flags & FIELD_SECRET))
            mem_wipe(*text, strlen(*text));
        free(*text);
        *text = NULL;
        break;
    }
    case FIELD_TEXTS:
        strv_release(member);
        break;
    case FIELD_TEXT_MAP:
    case FIELD_ENV_MAP:
    case FIELD_JSON:
        json_decrefp(member);
        *(json_t **)member = NULL;
        break;
    case FIELD_OBJECT:
        fields_release(field->fields, member);
        break;
    case FIELD_LIST:
        release_list(field, member);
        break;
    case FIELD_BOOL:
    case FIELD_INT:
    case FIELD_BYTES:
    case FIELD_CPU:
    case FIELD_DURATION:
    case FIELD_TIME:
    case FIELD_ENUM:
        break;
    }
}

void fields_release(const struct field *fields, void *structure)
{
    for (const struct field *field = fields; field->name; field++)
        release_member(field, field_member(field, structure));
}
