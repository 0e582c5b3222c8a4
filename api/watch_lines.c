/* The lines of one watch. */
#include "api/watch_lines.h"

#include "api/status.h"

static const char *const type_names[] = {
    [CHANGE_ADDED] = "ADDED",
    [CHANGE_MODIFIED] = "MODIFIED",
    [CHANGE_DELETED] = "DELETED",
};
/* What the map's keys stand for; their addresses alone count. */
static char is_in, is_out;

void watch_lines_release(struct watch_lines *lines)
{
    scope_release(&lines->scope);
    map_free(lines->matching);
}

/* ---- printing ---- */

static void add_line(struct str *out, const char *type, const char *object)
{
    str_add(out, "{\"type\":\"");
    str_add(out, type);
    str_add(out, "\",\"object\":");
    str_add(out, object);
    str_add(out, "}\n");
}

static json_t *as_table(struct watch_lines *lines, json_t *object)
{
    const char *version = json_text(json_object_get(object, "metadata"), "resourceVersion");
    json_t *table = lines->has_columns ? table_new_without_columns(version) : table_new(&lines->scope.view, version);
    lines->has_columns = true;
    table_add(table, &lines->scope.view, object, lines->include, clock_wall_ms());
    return table;
}

/* `text`: the object printed already; NULL: not yet. */
static void add_object(struct watch_lines *lines, enum change_type type, json_t *object, const char *text,
                       struct str *out)
{
    CLEANUP(freep) char *own_text = NULL;
    if (lines->as_table) {
        CLEANUP(json_decrefp) json_t *table = as_table(lines, object);
        own_text = json_dump(table);
    } else if (!text) {
        own_text = json_dump(object);
    }
    add_line(out, type_names[type], own_text ? own_text : text);
}

void watch_lines_add_existing(struct watch_lines *lines, json_t *object, struct str *out)
{
    add_object(lines, CHANGE_ADDED, object, NULL, out);
}

void watch_lines_add_bookmark(const struct watch_lines *lines, int64_t version, bool ends_initial_events,
                              struct str *out)
{
    CLEANUP(freep) char *text = mem_printf("%lld", (long long)version);
    CLEANUP(json_decrefp) json_t *object = json_object();
    json_t *metadata = json_object();
    json_put_text(metadata, "resourceVersion", text);
    if (ends_initial_events) {
        json_t *annotations = json_object();
        json_put_text(annotations, "k8s.io/initial-events-end", "true");
        json_put(metadata, "annotations", annotations);
    }
    json_put_text(object, "kind", lines->scope.view.kind);
    json_put_text(object, "apiVersion", lines->scope.view.api_version);
    json_put(object, "metadata", metadata);
    CLEANUP(freep) char *printed = json_dump(object);
    add_line(out, "BOOKMARK", printed);
}

void watch_lines_add_expired(int64_t version, int64_t newest, struct str *out)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    err_set(&err, ERR_EXPIRED, "too old resource version: %lld (%lld)", (long long)version, (long long)newest);
    CLEANUP(json_decrefp) json_t *status = status_failure(&err);
    CLEANUP(freep) char *printed = json_dump(status);
    add_line(out, "ERROR", printed);
}

/* ---- deciding ---- */

static char *key_of(const json_t *object)
{
    const json_t *metadata = json_object_get(object, "metadata");
    const char *namespace = json_text(metadata, "namespace");
    const char *name = json_text(metadata, "name");
    return mem_printf("%s/%s", namespace ? namespace : "", name ? name : "");
}

void watch_lines_start(struct watch_lines *lines, const struct listing *listing)
{
    lines->listed_version = listing->version;
    if (selector_is_constant(&lines->scope.selector))
        return;
    lines->matching = map_new(NULL);
    for (size_t i = 0; i < json_array_size(listing->objects); i++) {
        CLEANUP(freep) char *key = key_of(json_array_get(listing->objects, i));
        map_put(lines->matching, key, &is_in);
    }
}

enum was { WAS_OUT, WAS_IN, WAS_UNKNOWN };

static enum was was_matching(const struct watch_lines *lines, const struct change *change, const char *key)
{
    if (change->type == CHANGE_ADDED)
        return WAS_OUT;
    const char *known = map_get(lines->matching, key);
    if (known)
        return known == &is_in ? WAS_IN : WAS_OUT;
    return change->version <= lines->listed_version ? WAS_UNKNOWN : WAS_OUT;
}

static void note_matching(struct watch_lines *lines, const struct change *change, const char *key, bool matches)
{
    if (matches)
        map_put(lines->matching, key, &is_in);
    else if (change->version <= lines->listed_version) /* later, not to be in the map says the same */
        map_put(lines->matching, key, &is_out);
    else
        map_remove(lines->matching, key);
}

/*
 * What a change is to a watch that sees a part: an object that begins to match is ADDED, one that no longer does is
 * DELETED. False: nothing. Unknown is told as if it had matched: who keeps a copy must not keep it too long, and to
 * delete what one does not have harms nobody.
 */
static bool seen_as(struct watch_lines *lines, const struct change *change, const json_t *object,
                    enum change_type *ret_type)
{
    bool matches = selector_matches(&lines->scope.selector, object);
    *ret_type = change->type;
    if (!lines->matching)
        return matches;
    CLEANUP(freep) char *key = key_of(object);
    enum was was = was_matching(lines, change, key);
    bool matches_now = matches && change->type != CHANGE_DELETED;
    note_matching(lines, change, key, matches_now);
    *ret_type = !matches_now ? CHANGE_DELETED : was == WAS_OUT ? CHANGE_ADDED : CHANGE_MODIFIED;
    return matches_now || was != WAS_OUT;
}

void watch_lines_add_change(struct watch_lines *lines, const struct change *change, struct str *out)
{
    const struct view *view = &lines->scope.view;
    bool is_ours =
        view->record_kind ? !change->is_event && change->key.kind == view->record_kind->id : change->is_event;
    if (!is_ours)
        return;
    /* A change is shared between threads and its object's count of references is not ours to move. */
    CLEANUP(json_decrefp) json_t *projected = view->project ? view->project(change->object) : NULL;
    json_t *object = projected ? projected : change->object;
    enum change_type type;
    if (scope_admits(&lines->scope, object) && seen_as(lines, change, object, &type))
        add_object(lines, type, object, projected ? NULL : change->object_text, out);
}
