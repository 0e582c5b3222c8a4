/* The rules that every write of a record meets. */
#include "reconcilers/admission.h"

#include "reconcilers/source/owner.h"
#include "specs/kind.h"

void admission_release(struct admission *admission)
{
    free(admission->note);
    admission->note = NULL;
}

/* While a record is being deleted only what helps it go may change. */
static bool check_frozen(const struct record *old, const struct record *next, struct err *err)
{
    static const char changeable[] = "deletionPolicy";
    if (!old->deletion_ms || record_spec_equal(old, next))
        return true;
    CLEANUP(json_decrefp) json_t *before = json_copy(old->spec);
    CLEANUP(json_decrefp) json_t *after = json_copy(next->spec);
    json_object_del(before, changeable);
    json_object_del(after, changeable);
    return json_equal(before, after) ||
           err_set(err, ERR_FORBIDDEN, "it is being deleted: of its spec only %s may change", changeable);
}

/* Ours goes when the outside is clean, never by a user's hand: what was made would stay behind. */
static void keep_teardown(const struct record *old, struct record *next)
{
    if (!strv_has(&old->finalizers, FINALIZER_TEARDOWN) || strv_has(&next->finalizers, FINALIZER_TEARDOWN))
        return;
    CLEANUP(strv_release) struct strv kept = STRV_INIT;
    for (size_t i = 0; i < old->finalizers.count; i++) { /* in the old order: nothing has changed, then */
        const char *name = old->finalizers.items[i];
        if (str_equal(name, FINALIZER_TEARDOWN) || strv_has(&next->finalizers, name))
            strv_add(&kept, name);
    }
    for (size_t i = 0; i < next->finalizers.count; i++)
        if (!strv_has(&kept, next->finalizers.items[i]))
            strv_add(&kept, next->finalizers.items[i]);
    strv_copy(&next->finalizers, &kept);
}

/* Nor does it come back, which admission would have it do, when only somebody else's still holds the record. */
static void end_teardown(const struct record *old, struct record *next)
{
    if (!old->deletion_ms || strv_has(&old->finalizers, FINALIZER_TEARDOWN))
        return;
    CLEANUP(strv_release) struct strv kept = STRV_INIT;
    for (size_t i = 0; i < next->finalizers.count; i++)
        if (!str_equal(next->finalizers.items[i], FINALIZER_TEARDOWN))
            strv_add(&kept, next->finalizers.items[i]);
    strv_copy(&next->finalizers, &kept);
}

/* ---- whose it is ---- */

static void copy_annotation(const struct record *old, struct record *next, const char *name)
{
    const char *value = old ? record_annotation(old, name) : NULL;
    if (value)
        json_put_text(next->annotations, name, value);
    else
        json_object_del(next->annotations, name);
}

/* What a Source says of a change by hand. */
static bool take_note(struct admission *admission, char *note_taken, struct err *err)
{
    free(admission->note);
    admission->note = note_taken;
    if (!note_taken || admission->managed == ADMISSION_WARN)
        return true;
    return err_set(err, ERR_CONFLICT, "%s", note_taken);
}

static bool settle_owner(struct store *tx, const struct record *old, struct record *next, struct admission *admission,
                         struct err *err)
{
    const struct admission_source *source = admission->source;
    char *note = NULL;
    if (source && source->stated) {
        CLEANUP(freep) char *owner = source_owner_text(source->name, source->uid);
        json_put_text(next->annotations, ANNOTATION_SOURCE, owner);
        return store_applied_put(tx, next->uid, source->uid, source->stated, err);
    }
    if (source) {
        json_object_del(next->annotations, ANNOTATION_SOURCE);
        return store_applied_drop(tx, next->uid, err);
    }
    copy_annotation(old, next, ANNOTATION_SOURCE);
    if (!old || old->deletion_ms)
        return true;
    return source_note_of_change(tx, old, next, &note, err) && take_note(admission, note, err);
}

bool admission_check_deletion(struct store *store, const struct record *record, struct admission *admission,
                              struct err *err)
{
    char *note = NULL;
    if (record->deletion_ms)
        return true;
    return source_note_of_change(store, record, NULL, &note, err) && take_note(admission, note, err);
}

bool admission_admit(struct store *tx, const struct record *old, struct record *next, void *context, struct err *err)
{
    struct admission *admission = context;
    struct problems *problems = admission->problems;
    const struct kind *kind = &kinds[next->key.kind];
    problems_release(problems); /* of an earlier run: the store may ask twice */
    if (old) {
        keep_teardown(old, next);
        if (!record_settle(kind, old, next, problems))
            return problems_to_err(problems, err);
        if (!check_frozen(old, next, err))
            return false;
    } else if (!record_settle(kind, NULL, next, problems)) {
        return problems_to_err(problems, err);
    }
    if (admission->check_caller && !admission->check_caller(tx, old, next, admission->caller, err))
        return false;
    store_admit_fn *own = reconcilers[kind->id].admit;
    if (own && !own(tx, old, next, (void *)(uintptr_t)admission->settings, err))
        return false;
    if (old)
        end_teardown(old, next);
    return settle_owner(tx, old, next, admission, err);
}
