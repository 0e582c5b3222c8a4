/* What a sync has to do. */
#include "reconcilers/source/plan.h"

#include "base/map.h"
#include "reconcilers/source/owner.h"
#include "specs/merge.h"
#include "specs/wording.h"

#define FIELDS_SHOWN 8

void source_plan_release(struct source_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        json_decref(plan->items[i].stated);
        json_decref(plan->items[i].patch);
        free(plan->items[i].why);
    }
    free(plan->items);
    free(plan->blocked_message);
    *plan = (struct source_plan){ 0 };
}

static struct source_item *add_item(struct source_plan *plan, enum source_act act, const struct record_key *key)
{
    plan->items = mem_grow(plan->items, plan->count + 1, sizeof(plan->items[0]));
    plan->items[plan->count] = (struct source_item){ .act = act, .key = *key };
    return &plan->items[plan->count++];
}

/* ---- a manifest and its record ---- */

static void put_copy(json_t *to, const json_t *from, const char *key)
{
    const json_t *value = json_object_get(from, key);
    if (json_object_size(value) > 0)
        json_put(to, key, merge_without_nulls(value));
}

/* Lists are compared whole, and their items are stored with what they leave out filled in: so those are stated, too. */
static void fill_lists(json_t *stated, const json_t *filled)
{
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe (stated, next, key, value) {
        json_t *whole = json_object_get(filled, key);
        if (json_is_object(value))
            fill_lists(value, whole);
        else if (json_is_array(value) && json_is_array(whole))
            json_put(stated, key, json_deep_copy(whole));
    }
}

/* What of a manifest is the user's to say. */
static json_t *stated_of(const struct document *document)
{
    const json_t *manifest = document->value;
    static const char *const servers_own[] = { ANNOTATION_SOURCE, ANNOTATION_ADOPT, ANNOTATION_LAST_APPLIED };
    json_t *stated = json_object();
    json_t *metadata = json_object();
    put_copy(metadata, json_object_get(manifest, "metadata"), "labels");
    put_copy(metadata, json_object_get(manifest, "metadata"), "annotations");
    json_t *annotations = json_object_get(metadata, "annotations");
    for (size_t i = 0; i < ARRAY_LEN(servers_own); i++)
        json_object_del(annotations, servers_own[i]);
    if (annotations && json_object_size(annotations) == 0)
        json_object_del(metadata, "annotations");
    if (json_object_size(metadata) > 0)
        json_put(stated, "metadata", metadata);
    else
        json_decref(metadata);
    put_copy(stated, manifest, "spec");
    fill_lists(json_object_get(stated, "spec"), document->record.spec);
    return stated;
}

/* Protection outlasts what put it there: no manifest takes it off. */
static json_t *without_unprotecting(json_t *patch_taken)
{
    json_t *metadata = json_object_get(patch_taken, "metadata");
    json_t *annotations = json_object_get(metadata, "annotations");
    if (json_is_null(json_object_get(annotations, ANNOTATION_PROTECT)))
        json_object_del(annotations, ANNOTATION_PROTECT);
    if (annotations && json_object_size(annotations) == 0)
        json_object_del(metadata, "annotations");
    if (metadata && json_object_size(metadata) == 0)
        json_object_del(patch_taken, "metadata");
    if (json_object_size(patch_taken) > 0)
        return patch_taken;
    json_decref(patch_taken);
    return NULL;
}

/*
 * Where an object was stated and is no more, only what was stated in it is taken away, not what somebody else put
 * beside that: to the merge it is an object that states nothing.
 */
static void add_emptied(json_t *wanted, const json_t *last, const json_t *live)
{
    json_t *tree = (json_t *)(uintptr_t)last; /* jansson's iterators take no const; nothing is changed */
    const char *key;
    json_t *value;
    json_object_foreach (tree, key, value) {
        const json_t *there = json_object_get(live, key);
        if (!json_is_object(value) || !json_is_object(there))
            continue;
        if (!json_object_get(wanted, key))
            json_put(wanted, key, json_object());
        add_emptied(json_object_get(wanted, key), value, there);
    }
}

static void compare(struct source_item *item, const json_t *last)
{
    CLEANUP(json_decrefp) json_t *live = record_to_json(item->live);
    CLEANUP(json_decrefp) json_t *drift = last ? merge_three_way(NULL, last, live) : NULL;
    CLEANUP(json_decrefp) json_t *wanted = json_deep_copy(item->stated);
    add_emptied(wanted, last, live);
    json_t *patch = merge_three_way(last, wanted, live);
    item->patch = patch ? without_unprotecting(patch) : NULL;
    item->is_drift = drift != NULL;
    item->is_restated = !last || !json_equal(last, item->stated);
}

static void judge_live(const struct source_view *view, struct source_item *item)
{
    const json_t *annotations = item->live->annotations;
    struct source_owner owner;
    bool is_owned = source_owner_of(annotations, &owner);
    bool is_ours = is_owned && str_equal(owner.uid, view->uid);
    bool may_adopt = str_equal(json_text(annotations, ANNOTATION_ADOPT), view->name);
    if (source_is_ignored(annotations)) {
        item->act = SOURCE_IGNORED;
        return;
    }
    if (item->live->deletion_ms) {
        item->act = SOURCE_GOING;
        return;
    }
    if (!is_ours && !may_adopt) {
        bool is_namesakes = is_owned && str_equal(owner.name, view->name);
        CLEANUP(freep)
        char *whose = is_owned ? mem_printf("is %sSource %s's", is_namesakes ? "an earlier " : "", owner.name)
                               : mem_strdup("was made by hand");
        item->act = SOURCE_CONFLICT;
        item->why = mem_printf("%s, not Source %s's; annotate it " ANNOTATION_ADOPT ": %s to hand it over", whose,
                               view->name, view->name);
        return;
    }
    compare(item, is_ours ? json_object_get(view->applied, item->live->uid) : NULL);
    item->act = !is_ours ? SOURCE_ADOPT : item->patch ? SOURCE_CHANGE : SOURCE_UNCHANGED;
}

static void plan_manifests(const struct source_view *view, const struct map *lives, struct source_plan *plan)
{
    for (size_t i = 0; i < view->documents->count; i++) {
        const struct document *document = &view->documents->items[i];
        CLEANUP(freep) char *key = record_key_text(&document->record.key);
        struct source_item *item = add_item(plan, SOURCE_CREATE, &document->record.key);
        item->document = document;
        item->live = map_get(lives, key);
        item->stated = stated_of(document);
        if (item->live)
            judge_live(view, item);
        else
            item->is_restated = true;
    }
}

/* ---- records without a manifest ---- */

size_t source_prune_max(size_t owned, int64_t limit_percent)
{
    size_t most = owned * (size_t)limit_percent / 100;
    return most > 0 ? most : 1;
}

/* A tenant goes with all it has, so it stays while somebody else's record, or one that is to stay, is in it. */
static char *why_tenant_stays(const struct source_view *view, const struct map *manifests, const struct record *tenant)
{
    for (size_t i = 0; i < view->documents->count; i++)
        if (str_equal(view->documents->items[i].record.key.namespace, tenant->key.name))
            return mem_printf("is the tenant of %s, which has a manifest", view->documents->items[i].record.key.name);
    for (size_t i = 0; i < view->lives->count; i++) {
        const struct record *record = &view->lives->items[i];
        struct source_owner owner;
        CLEANUP(freep) char *key = record_key_text(&record->key);
        if (!str_equal(record->key.namespace, tenant->key.name) || map_get(manifests, key) || record->deletion_ms)
            continue;
        if (!source_owner_of(record->annotations, &owner) || !str_equal(owner.uid, view->uid))
            return mem_printf("holds %s, which is not this Source's", key);
        if (record_annotation(record, ANNOTATION_PROTECT) || source_is_ignored(record->annotations))
            return mem_printf("holds %s, which stays", key);
    }
    return NULL;
}

static char *why_it_stays(const struct source_view *view, const struct map *manifests, const struct record *record)
{
    if (record_annotation(record, ANNOTATION_PROTECT))
        return mem_strdup("is protected by annotation " ANNOTATION_PROTECT);
    if (!view->spec->prune)
        return mem_strdup("prune is off");
    return record->key.kind == KIND_TENANT ? why_tenant_stays(view, manifests, record) : NULL;
}

static void plan_without_manifest(const struct source_view *view, const struct map *manifests, enum kind_id kind,
                                  struct source_plan *plan)
{
    for (size_t i = 0; i < view->lives->count; i++) {
        const struct record *record = &view->lives->items[i];
        struct source_owner owner;
        if (record->key.kind != kind || !source_owner_of(record->annotations, &owner) ||
            !str_equal(owner.uid, view->uid))
            continue;
        CLEANUP(freep) char *key = record_key_text(&record->key);
        plan->owned += record->deletion_ms == 0;
        if (map_get(manifests, key) || record->deletion_ms || source_is_ignored(record->annotations))
            continue;
        struct source_item *item = add_item(plan, SOURCE_PRUNE, &record->key);
        item->live = record;
        item->why = why_it_stays(view, manifests, record);
        if (item->why)
            item->act = SOURCE_KEPT;
    }
}

/* Nothing is pruned rather than a part of it: what is in the way is said, and nobody has to guess what went. */
static void hold_prunes(struct source_plan *plan, const char *reason, char *message_taken)
{
    plan->blocked_reason = reason;
    plan->blocked_message = message_taken;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].act == SOURCE_PRUNE) {
            plan->items[i].act = SOURCE_KEPT;
            plan->items[i].why = mem_printf("is held back: %s", reason);
        }
}

static void guard_prunes(const struct source_view *view, struct source_plan *plan)
{
    size_t wanted = 0, most = source_prune_max(plan->owned, view->spec->prune_limit);
    for (size_t i = 0; i < plan->count; i++)
        wanted += plan->items[i].act == SOURCE_PRUNE;
    if (wanted == 0)
        return;
    if (view->documents->count == 0)
        hold_prunes(plan, "TreeIsEmpty",
                    mem_printf("the tree has no manifest at all, so none of %zu records is pruned", wanted));
    else if (wanted > most && !str_equal(view->confirmed, view->revision))
        hold_prunes(
            plan, "PruneLimit",
            mem_printf("%zu of %zu records would be pruned, and pruneLimit allows %zu; if that is meant, annotate "
                       "the Source " ANNOTATION_CONFIRM_PRUNE ": %s",
                       wanted, plan->owned, most, view->revision));
}

/* ---- the whole ---- */

void source_plan_make(const struct source_view *view, struct source_plan *ret)
{
    struct map *lives = map_new(NULL);
    struct map *manifests = map_new(NULL);
    for (size_t i = 0; i < view->lives->count; i++) {
        CLEANUP(freep) char *key = record_key_text(&view->lives->items[i].key);
        map_put(lives, key, &view->lives->items[i]);
    }
    for (size_t i = 0; i < view->documents->count; i++) {
        CLEANUP(freep) char *key = record_key_text(&view->documents->items[i].record.key);
        map_put(manifests, key, &view->documents->items[i]);
    }
    plan_manifests(view, lives, ret);
    size_t ranks = document_rank((enum kind_id)(KINDS - 1)) + KINDS;
    for (size_t rank = ranks; rank-- > 0;)
        for (int kind = 0; kind < KINDS; kind++)
            if (document_rank((enum kind_id)kind) == rank)
                plan_without_manifest(view, manifests, (enum kind_id)kind, ret);
    guard_prunes(view, ret);
    for (size_t i = 0; i < ret->count; i++)
        ret->counts[ret->items[i].act]++;
    map_free(lives);
    map_free(manifests);
}

size_t source_plan_acts(const struct source_plan *plan)
{
    return plan->counts[SOURCE_CREATE] + plan->counts[SOURCE_CHANGE] + plan->counts[SOURCE_ADOPT] +
           plan->counts[SOURCE_PRUNE];
}

bool source_item_next(const struct source_item *item, struct record *ret_next, struct problems *problems)
{
    const struct kind *kind = &kinds[item->key.kind];
    CLEANUP(json_decrefp) json_t *base = json_object();
    CLEANUP(json_decrefp) json_t *live = NULL;
    if (item->live) {
        live = record_to_json(item->live);
        json_object_del(live, "status");
    } else {
        json_put_text(base, "apiVersion", API_VERSION);
        json_put_text(base, "kind", kind->name);
    }
    CLEANUP(json_decrefp) json_t *document = patch_merge(live ? live : base, item->live ? item->patch : item->stated);
    if (!item->patch && item->live) {
        json_decref(document);
        document = json_deep_copy(live);
    }
    return record_from_json(document, kind, item->key.namespace[0] ? item->key.namespace : NULL, item->key.name,
                            ret_next, NULL, problems);
}

/* ---- words ---- */

static void add_fields(const json_t *patch, struct str *path, struct strv *fields)
{
    json_t *tree = (json_t *)(uintptr_t)patch; /* jansson's iterators take no const; nothing is changed */
    const char *key;
    json_t *value;
    json_object_foreach (tree, key, value) {
        size_t mark = path->len;
        str_addf(path, "%s%s", mark ? "." : "", key);
        if (json_object_size(value) > 0)
            add_fields(value, path, fields);
        else
            strv_add(fields, path->text);
        path->len = mark;
        path->text[mark] = '\0';
    }
}

char *source_item_text(const struct source_item *item)
{
    CLEANUP(freep) char *key = record_key_text(&item->key);
    CLEANUP(strv_release) struct strv fields = STRV_INIT;
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(str_release) struct str text = STR_INIT;
    str_add(&text, key);
    if (item->why)
        str_addf(&text, ": %s", item->why);
    if (!item->patch || item->why)
        return str_steal(&text);
    add_fields(item->patch, &path, &fields);
    strv_sort(&fields);
    for (size_t i = 0; i < fields.count && i < FIELDS_SHOWN; i++)
        str_addf(&text, "%s%s", i ? ", " : ": ", fields.items[i]);
    if (fields.count > FIELDS_SHOWN)
        str_addf(&text, " and %zu more", fields.count - FIELDS_SHOWN);
    return str_steal(&text);
}

void source_plan_preview(const struct source_plan *plan, struct plan *ret)
{
    static const struct {
        const char *name;
        enum step_effect effect;
    } steps[SOURCE_ACTS] = {
        [SOURCE_CREATE] = { "create", EFFECT_NONE },
        [SOURCE_CHANGE] = { "change", EFFECT_NONE },
        [SOURCE_ADOPT] = { "adopt", EFFECT_NONE },
        [SOURCE_PRUNE] = { "prune", EFFECT_DESTROY },
    };
    for (size_t i = 0; i < plan->count; i++) {
        const struct source_item *item = &plan->items[i];
        CLEANUP(freep) char *text = source_item_text(item);
        if (steps[item->act].name)
            plan_add(ret, (int)item->act, steps[item->act].name, steps[item->act].effect, text);
        else if (item->act == SOURCE_CONFLICT)
            plan_block(ret, BLOCK_FINAL, "Conflict", "%s", text);
    }
    if (plan->blocked_reason)
        plan_block(ret, BLOCK_FINAL, plan->blocked_reason, "%s", plan->blocked_message);
}
