/* Whose a record is, and what its Source would put back. */
#include "reconcilers/source/owner.h"

#include "specs/merge.h"
#include "specs/source.h"

bool source_owner_of(const json_t *annotations, struct source_owner *ret)
{
    const char *text = json_text(annotations, ANNOTATION_SOURCE);
    const char *slash = text ? strchr(text, '/') : NULL;
    if (!slash)
        return false;
    size_t name_len = (size_t)(slash - text), uid_len = strlen(slash + 1);
    if (name_len == 0 || uid_len == 0 || name_len > RECORD_NAME_MAX || uid_len > RECORD_NAME_MAX)
        return false;
    *ret = (struct source_owner){ 0 };
    memcpy(ret->name, text, name_len);
    memcpy(ret->uid, slash + 1, uid_len);
    return true;
}

char *source_owner_text(const char *name, const char *uid)
{
    return mem_printf("%s/%s", name, uid);
}

bool source_is_ignored(const json_t *annotations)
{
    return str_equal(json_text(annotations, ANNOTATION_SYNC), "ignore");
}

void source_keys_of(const json_t *object, void (*add)(void *context, const struct record_key *key), void *context)
{
    const json_t *annotations = json_at(object, "metadata", "annotations", NULL);
    const char *adopter = json_text(annotations, ANNOTATION_ADOPT);
    struct source_owner owner;
    struct record_key key;
    bool is_owned = source_owner_of(annotations, &owner);
    if (is_owned && record_key_set(&key, KIND_SOURCE, "", owner.name))
        add(context, &key);
    if (adopter && !(is_owned && str_equal(adopter, owner.name)) && record_key_set(&key, KIND_SOURCE, "", adopter))
        add(context, &key);
}

/* ---- what would be put back ---- */

/* Whether the Source is there and acts. */
static bool owner_acts(struct store *store, const char *uid, bool *ret, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    CLEANUP(problems_release)
    struct problems ignored = PROBLEMS_INIT; /* of another version's spec: what decodes counts */
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct source_spec spec = { 0 };
    record_init(&record);
    *ret = false;
    if (!store_get_by_uid(store, uid, &record, &problem)) {
        if (problem.code == ERR_NOT_FOUND)
            return true;
        err_move(err, &problem);
        return false;
    }
    fields_decode(source_spec_fields, record.spec, "spec", &spec, &ignored);
    *ret = !record.deletion_ms && spec.mode == SOURCE_APPLY && !source_is_suspended(&spec, clock_wall_ms());
    fields_release(source_spec_fields, &spec);
    return true;
}

/* The first field that a merge patch names: "spec.resources.memory". Owned. */
static char *first_field(const json_t *patch)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    while (json_object_size(patch) > 0) {
        json_t *tree = (json_t *)(uintptr_t)patch; /* jansson's iterators take no const; nothing is changed */
        void *first = json_object_iter(tree);
        str_addf(&path, "%s%s", path.len ? "." : "", json_object_iter_key(first));
        patch = json_object_iter_value(first);
    }
    return str_steal(&path);
}

/* NULL: what is stated stays as it is, or as different as it was. */
static char *field_that_changes(const json_t *stated, const struct record *old, const struct record *next)
{
    CLEANUP(json_decrefp) json_t *before = record_to_json(old);
    CLEANUP(json_decrefp) json_t *after = record_to_json(next);
    CLEANUP(json_decrefp) json_t *was_off = merge_three_way(NULL, stated, before);
    CLEANUP(json_decrefp) json_t *is_off = merge_three_way(NULL, stated, after);
    if (!is_off || (was_off && json_equal(was_off, is_off)))
        return NULL;
    return first_field(is_off);
}

bool source_note_of_change(struct store *store, const struct record *old, const struct record *next, char **ret_note,
                           struct err *err)
{
    struct source_owner owner;
    CLEANUP(json_decrefp) json_t *stated = NULL;
    bool acts = false;
    *ret_note = NULL;
    if (!source_owner_of(old->annotations, &owner) || source_is_ignored(next ? next->annotations : old->annotations))
        return true;
    if (!owner_acts(store, owner.uid, &acts, err) || !store_applied_get(store, old->uid, &stated, err))
        return false;
    if (!acts || !stated)
        return true;
    CLEANUP(freep) char *field = next ? field_that_changes(stated, old, next) : NULL;
    if (next && !field)
        return true;
    static const char remedy[] = "change it there, or annotate the record " ANNOTATION_SYNC ": ignore";
    *ret_note = next ? mem_printf("%s is stated by Source %s, which puts it back; %s", field, owner.name, remedy)
                     : mem_printf("the record is stated by Source %s, which makes it again; %s", owner.name, remedy);
    return true;
}
