/* Server-side apply. Source of the format: Kubernetes' FieldsV1, "f:" before each key. */
#include "api/apply.h"

#include "specs/record.h"

void apply_conflicts_release(struct apply_conflicts *conflicts)
{
    for (size_t i = 0; i < conflicts->count; i++) {
        free(conflicts->items[i].manager);
        free(conflicts->items[i].path);
    }
    free(conflicts->items);
    *conflicts = (struct apply_conflicts){ 0 };
}

/* ---- skeletons ---- */

static json_t *skeleton_of(const json_t *value)
{
    json_t *tree = (json_t *)(uintptr_t)value; /* jansson's iterators take no const; nothing is changed */
    json_t *skeleton = json_object();
    const char *key;
    json_t *member;
    json_object_foreach (tree, key, member) {
        CLEANUP(freep) char *name = mem_printf("f:%s", key);
        if (!json_is_null(member))
            json_put(skeleton, name, skeleton_of(member));
    }
    return skeleton;
}

/* What may be somebody's: not names and kinds. */
static json_t *skeleton_of_document(const json_t *document)
{
    static const char *const owned[] = { "labels", "annotations", "finalizers" };
    const json_t *metadata = json_object_get(document, "metadata");
    const json_t *spec = json_object_get(document, "spec");
    json_t *fields = json_object();
    json_t *inner = json_object();
    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        const json_t *value = json_object_get(metadata, owned[i]);
        CLEANUP(freep) char *name = mem_printf("f:%s", owned[i]);
        if (value && !json_is_null(value))
            json_put(inner, name, skeleton_of(value));
    }
    if (json_object_size(inner) > 0)
        json_put(fields, "f:metadata", inner);
    else
        json_decref(inner);
    if (json_is_object(spec) && json_object_size(spec) > 0)
        json_put(fields, "f:spec", skeleton_of(spec));
    return fields;
}

/* ---- paths ---- */

/* Leaves of a skeleton, each as its keys joined by a byte that no key can have: UTF-8 knows none such. */
#define SEPARATOR '\xff'

static void add_leaves(const json_t *skeleton, const char *path, struct strv *leaves)
{
    json_t *tree = (json_t *)(uintptr_t)skeleton; /* as above */
    const char *key;
    json_t *member;
    json_object_foreach (tree, key, member) {
        CLEANUP(freep)
        char *inner = path[0] ? mem_printf("%s%c%s", path, SEPARATOR, key + 2) : mem_strdup(key + 2);
        if (json_object_size(member) == 0)
            strv_add(leaves, inner);
        else
            add_leaves(member, inner, leaves);
    }
}

static json_t *value_at(const json_t *root, const char *path)
{
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    strv_split(&keys, path, SEPARATOR);
    const json_t *at = root;
    for (size_t i = 0; at && i < keys.count; i++)
        at = json_object_get(at, keys.items[i]);
    return (json_t *)(uintptr_t)at;
}

static void put_at(json_t *root, const char *path, json_t *value_taken)
{
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    strv_split(&keys, path, SEPARATOR);
    for (size_t i = 0; i + 1 < keys.count; i++) {
        if (!json_is_object(json_object_get(root, keys.items[i])))
            json_put(root, keys.items[i], json_object());
        root = json_object_get(root, keys.items[i]);
    }
    json_put(root, keys.items[keys.count - 1], value_taken);
}

static void drop_at(json_t *root, const char *path)
{
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    strv_split(&keys, path, SEPARATOR);
    for (size_t i = 0; root && i + 1 < keys.count; i++)
        root = json_object_get(root, keys.items[i]);
    if (root)
        json_object_del(root, keys.items[keys.count - 1]);
}

static char *shown_path(const char *path)
{
    char *shown = mem_printf(".%s", path);
    for (char *at = shown; *at; at++)
        if (*at == SEPARATOR)
            *at = '.';
    return shown;
}

/* Equal, or one is inside the other: a list that one holds is not to be replaced by another's object. */
static bool overlaps(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);
    size_t len = a_len < b_len ? a_len : b_len;
    const char *longer = a_len < b_len ? b : a;
    return strncmp(a, b, len) == 0 && (longer[len] == '\0' || longer[len] == SEPARATOR);
}

static bool holds(const struct strv *leaves, const char *path)
{
    for (size_t i = 0; i < leaves->count; i++)
        if (overlaps(leaves->items[i], path))
            return true;
    return false;
}

/* ---- entries ---- */

static json_t *entry_new(const char *manager, const char *now, json_t *fields_taken)
{
    json_t *entry = json_object();
    json_put(entry, "manager", json_from_text(manager));
    json_put_text(entry, "operation", "Apply");
    json_put_text(entry, "apiVersion", API_VERSION);
    json_put_text(entry, "time", now);
    json_put_text(entry, "fieldsType", "FieldsV1");
    json_put(entry, "fieldsV1", fields_taken);
    return entry;
}

static void leaves_of_entry(const json_t *entry, struct strv *leaves)
{
    add_leaves(json_object_get(entry, "fieldsV1"), "", leaves);
}

/* The skeleton without the leaves that are given away. */
static json_t *without(const json_t *fields, const struct strv *given, const char *path)
{
    json_t *tree = (json_t *)(uintptr_t)fields; /* as above */
    json_t *left = json_object();
    const char *key;
    json_t *member;
    json_object_foreach (tree, key, member) {
        CLEANUP(freep)
        char *inner = path[0] ? mem_printf("%s%c%s", path, SEPARATOR, key + 2) : mem_strdup(key + 2);
        if (json_object_size(member) == 0) {
            if (!holds(given, inner))
                json_put(left, key, json_object());
            continue;
        }
        CLEANUP(json_decrefp) json_t *rest = without(member, given, inner);
        if (json_object_size(rest) > 0)
            json_put(left, key, json_incref(rest));
    }
    return left;
}

static void add_conflict(struct apply_conflicts *conflicts, const char *manager, const char *path)
{
    conflicts->items = mem_grow(conflicts->items, conflicts->count + 1, sizeof(*conflicts->items));
    conflicts->items[conflicts->count++] = (struct apply_conflict){ mem_strdup(manager), shown_path(path) };
}

/* One other manager's entry, kept but for what changes hands. */
static void keep_other(const json_t *entry, const struct strv *changed, bool is_forced, json_t *kept,
                       struct apply_conflicts *conflicts)
{
    CLEANUP(strv_release) struct strv leaves = STRV_INIT;
    CLEANUP(strv_release) struct strv given = STRV_INIT;
    leaves_of_entry(entry, &leaves);
    for (size_t i = 0; i < changed->count; i++)
        if (holds(&leaves, changed->items[i])) {
            strv_add(&given, changed->items[i]);
            if (!is_forced)
                add_conflict(conflicts, json_text(entry, "manager"), changed->items[i]);
        }
    CLEANUP(json_decrefp) json_t *fields = without(json_object_get(entry, "fieldsV1"), &given, "");
    if (json_object_size(fields) == 0)
        return;
    json_t *copy = json_deep_copy(entry);
    json_put(copy, "fieldsV1", json_incref(fields));
    json_push(kept, copy);
}

static bool is_held_by_others(const json_t *others, const char *path)
{
    for (size_t i = 0; i < json_array_size(others); i++) {
        CLEANUP(strv_release) struct strv leaves = STRV_INIT;
        leaves_of_entry(json_array_get(others, i), &leaves);
        if (holds(&leaves, path))
            return true;
    }
    return false;
}

bool apply_merge(const json_t *live, const json_t *managed, const struct apply_wish *wish, json_t **ret_document,
                 json_t **ret_managed, struct apply_conflicts *ret_conflicts)
{
    CLEANUP(json_decrefp) json_t *fields = skeleton_of_document(wish->config);
    CLEANUP(json_decrefp) json_t *others = json_array();
    CLEANUP(strv_release) struct strv leaves = STRV_INIT;
    CLEANUP(strv_release) struct strv changed = STRV_INIT;
    CLEANUP(strv_release) struct strv before = STRV_INIT;
    const json_t *own = NULL;
    add_leaves(fields, "", &leaves);
    for (size_t i = 0; i < leaves.count; i++)
        if (!json_equal(value_at(live, leaves.items[i]), value_at(wish->config, leaves.items[i])))
            strv_add(&changed, leaves.items[i]);
    for (size_t i = 0; i < json_array_size(managed); i++) {
        const json_t *entry = json_array_get(managed, i);
        if (str_equal(json_text(entry, "manager"), wish->manager))
            own = entry;
        else
            keep_other(entry, &changed, wish->is_forced, others, ret_conflicts);
    }
    if (ret_conflicts->count > 0)
        return false;
    json_t *document = json_deep_copy(live);
    leaves_of_entry(own, &before);
    for (size_t i = 0; i < before.count; i++)
        if (!holds(&leaves, before.items[i]) && !is_held_by_others(others, before.items[i]))
            drop_at(document, before.items[i]);
    for (size_t i = 0; i < leaves.count; i++)
        put_at(document, leaves.items[i], json_deep_copy(value_at(wish->config, leaves.items[i])));
    if (own && json_equal(json_object_get(own, "fieldsV1"), fields))
        json_push(others, json_deep_copy(own)); /* its time, too: nothing has changed */
    else if (json_object_size(fields) > 0)
        json_push(others, entry_new(wish->manager, wish->now, json_incref(fields)));
    *ret_document = document;
    *ret_managed = json_incref(others);
    return true;
}
