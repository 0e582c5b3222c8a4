/* RFC 7386 (merge patch) and RFC 6902 (JSON patch). */
#include "api/patch.h"

#include "specs/wording.h"

#define OPERATIONS_MAX 1000
/* Copies of copies double each time, so what they add up to is limited, too. */
#define COPIED_MAX (3 * 1024 * 1024)

/* ---- JSON pointers (RFC 6901) ---- */

/* Where an operation works: a member of `parent`, or the whole document where there is no parent. */
struct place {
    json_t *parent; /* borrowed; NULL: the root */
    char *key;      /* of an object, decoded */
    size_t index;   /* of an array; its size for "-" */
};

static void place_release(struct place *place)
{
    free(place->key);
    *place = (struct place){ 0 };
}

static bool no_such_place(const char *pointer, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(pointer);
    return err_set(err, ERR_INVALID, "the path %s is not there", shown);
}

/* The reference token up to the next slash; false: "~" that is neither ~0 nor ~1. */
static bool take_token(const char **at, char **ret_token)
{
    CLEANUP(str_release) struct str token = STR_INIT;
    for (; **at && **at != '/'; (*at)++) {
        char c = **at;
        if (c == '~') {
            (*at)++;
            if (**at != '0' && **at != '1')
                return false;
            c = **at == '0' ? '~' : '/';
        }
        str_addc(&token, c);
    }
    *ret_token = str_steal(&token);
    return true;
}

/* An array's index as RFC 6901 writes it: no sign, no leading zero; "-" is the place behind the last one. */
static bool parse_index(const char *token, size_t size, size_t *ret_index)
{
    int64_t index;
    if (str_equal(token, "-")) {
        *ret_index = size;
        return true;
    }
    if (strspn(token, "0123456789") != strlen(token) || (token[0] == '0' && token[1]))
        return false;
    if (!str_parse_int64(token, 0, (int64_t)size, &index))
        return false;
    *ret_index = (size_t)index;
    return true;
}

static json_t *value_at(json_t *root, const struct place *place)
{
    if (!place->parent)
        return root;
    if (json_is_object(place->parent))
        return json_object_get(place->parent, place->key);
    return json_array_get(place->parent, place->index);
}

/* All but the last step must exist; whether the last one does is value_at()'s to tell. */
static bool find_place(json_t *root, const char *pointer, struct place *ret_place, struct err *err)
{
    const char *at = pointer;
    while (*at) {
        if (*at != '/') {
            CLEANUP(freep) char *shown = quoted(pointer);
            return err_set(err, ERR_BAD_REQUEST, "%s is no JSON pointer: it must begin with /", shown);
        }
        at++;
        json_t *parent = value_at(root, ret_place);
        place_release(ret_place);
        if (!take_token(&at, &ret_place->key)) {
            CLEANUP(freep) char *shown = quoted(pointer);
            return err_set(err, ERR_BAD_REQUEST, "%s is no JSON pointer: ~ is written ~0", shown);
        }
        bool is_there =
            json_is_object(parent) ||
            (json_is_array(parent) && parse_index(ret_place->key, json_array_size(parent), &ret_place->index));
        if (!is_there)
            return no_such_place(pointer, err);
        ret_place->parent = parent;
    }
    return true;
}

/* Copies of a chain into its own innermost place would double its depth each time. */
static bool check_levels(const char *pointer, const json_t *value, struct err *err)
{
    size_t above = 0;
    for (const char *at = pointer; *at; at++)
        above += *at == '/';
    return (above <= JSON_LEVELS_MAX && !json_is_deeper(value, JSON_LEVELS_MAX - above)) ||
           err_set(err, ERR_BAD_REQUEST, "the patch makes more than %d levels", JSON_LEVELS_MAX);
}

/* ---- operations; `*root` is replaced where the whole document is meant ---- */

static bool add_value(json_t **root, const char *pointer, json_t *value_taken, struct err *err)
{
    CLEANUP(json_decrefp) json_t *value = value_taken;
    CLEANUP(place_release) struct place place = { 0 };
    if (!check_levels(pointer, value, err) || !find_place(*root, pointer, &place, err))
        return false;
    if (!place.parent) {
        json_decref(*root);
        *root = STEAL(value);
    } else if (json_is_object(place.parent)) {
        json_put(place.parent, place.key, STEAL(value));
    } else if (json_array_insert_new(place.parent, place.index, STEAL(value)) != 0) {
        abort(); /* find_place() looked at the index */
    }
    return true;
}

/* A new reference to the value that was there. */
static bool remove_value(json_t **root, const char *pointer, json_t **ret_value, struct err *err)
{
    CLEANUP(place_release) struct place place = { 0 };
    if (!find_place(*root, pointer, &place, err))
        return false;
    json_t *value = value_at(*root, &place);
    if (!value)
        return no_such_place(pointer, err);
    *ret_value = json_incref(value);
    if (!place.parent) {
        json_decref(*root);
        *root = json_null();
    } else if (json_is_object(place.parent)) {
        json_object_del(place.parent, place.key);
    } else {
        json_array_remove(place.parent, place.index);
    }
    return true;
}

static bool find_value(json_t *root, const char *pointer, json_t **ret_value, struct err *err)
{
    CLEANUP(place_release) struct place place = { 0 };
    if (!find_place(root, pointer, &place, err))
        return false;
    *ret_value = value_at(root, &place);
    return *ret_value || no_such_place(pointer, err);
}

struct patching {
    json_t *root;
    size_t copied;
};

static bool run_add(struct patching *patching, const char *path, const char *from, json_t *value, struct err *err)
{
    (void)from;
    return add_value(&patching->root, path, json_deep_copy(value), err);
}

static bool run_remove(struct patching *patching, const char *path, const char *from, json_t *value, struct err *err)
{
    (void)from;
    (void)value;
    CLEANUP(json_decrefp) json_t *old = NULL;
    return remove_value(&patching->root, path, &old, err);
}

static bool run_replace(struct patching *patching, const char *path, const char *from, json_t *value, struct err *err)
{
    (void)from;
    CLEANUP(json_decrefp) json_t *old = NULL;
    return remove_value(&patching->root, path, &old, err) &&
           add_value(&patching->root, path, json_deep_copy(value), err);
}

static bool run_move(struct patching *patching, const char *path, const char *from, json_t *value, struct err *err)
{
    (void)value;
    size_t len = strlen(from);
    if (str_starts_with(path, from) && path[len] == '/')
        return err_set(err, ERR_INVALID, "a value cannot be moved into itself");
    CLEANUP(json_decrefp) json_t *moved = NULL;
    return remove_value(&patching->root, from, &moved, err) && add_value(&patching->root, path, STEAL(moved), err);
}

static bool run_copy(struct patching *patching, const char *path, const char *from, json_t *value, struct err *err)
{
    (void)value;
    json_t *source;
    if (!find_value(patching->root, from, &source, err) || !check_levels(path, source, err))
        return false;
    CLEANUP(freep) char *text = json_dump(source);
    patching->copied += strlen(text);
    if (patching->copied > COPIED_MAX)
        return err_set(err, ERR_BAD_REQUEST, "the patch copies more than %d bytes", COPIED_MAX);
    return add_value(&patching->root, path, json_deep_copy(source), err);
}

static bool run_test(struct patching *patching, const char *path, const char *from, json_t *value, struct err *err)
{
    (void)from;
    json_t *found;
    if (!find_value(patching->root, path, &found, err))
        return false;
    bool is_equal = json_equal(found, value);
    if (json_is_number(found) && json_is_number(value)) /* 1 and 1.0 are one number */
        is_equal = json_number_value(found) == json_number_value(value);
    if (is_equal)
        return true;
    CLEANUP(freep) char *shown = quoted(path);
    return err_set(err, ERR_INVALID, "testing value %s failed", shown);
}

static const struct operation {
    const char *name;
    bool has_from, has_value;
    bool (*run)(struct patching *patching, const char *path, const char *from, json_t *value, struct err *err);
} known_operations[] = {
    { "add", false, true, run_add },   { "remove", false, false, run_remove }, { "replace", false, true, run_replace },
    { "move", true, false, run_move }, { "copy", true, false, run_copy },      { "test", false, true, run_test },
};

static bool run_operation(struct patching *patching, const json_t *item, struct err *err)
{
    const char *name = json_text(item, "op");
    const char *path = json_text(item, "path");
    const char *from = json_text(item, "from");
    json_t *value = json_object_get(item, "value");
    const struct operation *operation = NULL;
    for (size_t i = 0; i < ARRAY_LEN(known_operations); i++)
        if (str_equal(name, known_operations[i].name))
            operation = &known_operations[i];
    if (!operation)
        return err_set(err, ERR_BAD_REQUEST, "\"op\" must be add, remove, replace, move, copy or test");
    if (!path)
        return err_set(err, ERR_BAD_REQUEST, "\"path\" is missing");
    if (operation->has_from && !from)
        return err_set(err, ERR_BAD_REQUEST, "%s: \"from\" is missing", name);
    if (operation->has_value && !value)
        return err_set(err, ERR_BAD_REQUEST, "%s: \"value\" is missing", name);
    return operation->run(patching, path, from, value, err);
}

bool patch_json(const json_t *document, const json_t *operations, json_t **ret_value, struct err *err)
{
    if (!json_is_array(operations))
        return err_set(err, ERR_BAD_REQUEST, "a JSON patch is a list of operations");
    if (json_array_size(operations) > OPERATIONS_MAX)
        return err_set(err, ERR_BAD_REQUEST, "a JSON patch has at most %d operations", OPERATIONS_MAX);
    struct patching patching = { .root = json_deep_copy(document) };
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(operations); i++) {
        good = run_operation(&patching, json_array_get(operations, i), err);
        if (!good)
            err_wrap(err, "operation %zu", i + 1);
    }
    if (good)
        *ret_value = STEAL(patching.root);
    json_decref(patching.root);
    return good;
}
