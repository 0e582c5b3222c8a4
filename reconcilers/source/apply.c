/* Writes what the plan says, record by record. */
#include "base/log.h"
#include "reconcilers/admission.h"
#include "reconcilers/source/owner.h"
#include "reconcilers/source/source.h"
#include "specs/kind.h"

#define TRIES        5
#define LOOK_EVERY   16 /* records between two looks at whether a newer commit was announced */
#define FAILURES_MAX 50

static char *writer_of(const struct source_attempt *attempt)
{
    return mem_printf("source/%s", attempt->record.key.name);
}

/* ---- one record ---- */

struct writing {
    struct source_attempt *attempt;
    struct admission_source source;
    struct problems problems;
    struct admission admission;
    struct store_write write;
    char *who;
};

static void writing_open(struct writing *writing, struct source_attempt *attempt, const json_t *stated)
{
    writing->attempt = attempt;
    writing->source = (struct admission_source){ attempt->record.key.name, attempt->record.uid, stated };
    writing->admission = (struct admission){
        .settings = attempt->ctx->settings,
        .problems = &writing->problems,
        .source = &writing->source,
    };
    writing->who = writer_of(attempt);
    writing->write = (struct store_write){
        .mode = STORE_WRITE,
        .admit = admission_admit,
        .context = &writing->admission,
        .who = writing->who,
    };
}

static void writing_release(struct writing *writing)
{
    problems_release(&writing->problems);
    admission_release(&writing->admission);
    free(writing->who);
}

static bool create(struct source_attempt *attempt, const struct source_item *item, struct err *err)
{
    CLEANUP(writing_release) struct writing writing = { 0 };
    CLEANUP(record_release) struct record next = { 0 };
    writing_open(&writing, attempt, item->stated);
    return (source_item_next(item, &next, &writing.problems) || problems_to_err(&writing.problems, err)) &&
           store_create(attempt->ctx->store, &next, &writing.write, err);
}

static bool change_once(struct source_attempt *attempt, const struct source_item *item, struct err *err)
{
    CLEANUP(writing_release) struct writing writing = { 0 };
    CLEANUP(record_release) struct record next = { 0 };
    CLEANUP(freep) char *owner = source_owner_text(attempt->record.key.name, attempt->record.uid);
    writing_open(&writing, attempt, item->stated);
    if (!source_item_next(item, &next, &writing.problems))
        return problems_to_err(&writing.problems, err);
    json_put_text(next.annotations, ANNOTATION_SOURCE, owner);
    next.uid = mem_strdup(item->live->uid);
    if (!store_update(attempt->ctx->store, &next, item->live->version, &writing.write, err))
        return false;
    /* A record that already was as stated is not written, so neither was what is remembered of it. */
    return !item->is_restated ||
           store_applied_put(attempt->ctx->store, item->live->uid, attempt->record.uid, item->stated, err);
}

/* The item with the record as it is now; false: it is no longer ours to change. */
static bool look_again(struct source_attempt *attempt, const struct source_item *item, struct record *live,
                       struct source_plan *ret_plan, struct err *err)
{
    CLEANUP(json_decrefp) json_t *last = NULL;
    CLEANUP(json_decrefp) json_t *applied = json_object();
    record_release(live);
    record_init(live);
    if (!store_get(attempt->ctx->store, &item->key, live, err) ||
        !store_applied_get(attempt->ctx->store, live->uid, &last, err))
        return false;
    if (last)
        json_put(applied, live->uid, STEAL(last));
    struct documents one = { .items = (struct document *)(uintptr_t)item->document, .count = 1 }; /* borrowed */
    struct records lives = { .items = live, .count = 1 };
    const struct source_view view = {
        .name = attempt->record.key.name,
        .uid = attempt->record.uid,
        .spec = &attempt->spec,
        .documents = &one,
        .lives = &lives,
        .applied = applied,
        .revision = attempt->revision,
    };
    source_plan_release(ret_plan);
    source_plan_make(&view, ret_plan);
    enum source_act act = ret_plan->items[0].act;
    return act == SOURCE_CHANGE || act == SOURCE_ADOPT || act == SOURCE_UNCHANGED ||
           err_set(err, ERR_CONFLICT, "it was changed meanwhile");
}

/* Status is written all the time; a record that moved on is compared anew. */
static bool change(struct source_attempt *attempt, const struct source_item *item, struct err *err)
{
    CLEANUP(record_release) struct record live = { 0 };
    CLEANUP(source_plan_release) struct source_plan again = { 0 };
    const struct source_item *now = item;
    for (int tries = 1;; tries++) {
        if (change_once(attempt, now, err))
            return true;
        if (err->code != ERR_CONFLICT || tries == TRIES)
            return false;
        err_clear(err);
        if (!look_again(attempt, item, &live, &again, err))
            return false;
        now = &again.items[0];
    }
}

/* Look again, live: what is ours to delete must still be so, in the version that goes. */
static bool prune_once(struct source_attempt *attempt, const struct source_item *item, struct err *err)
{
    CLEANUP(record_release) struct record last = { 0 };
    CLEANUP(record_release) struct record now = { 0 };
    CLEANUP(freep) char *who = writer_of(attempt);
    struct source_owner owner;
    bool gone;
    record_init(&now);
    record_init(&last);
    if (!store_get(attempt->ctx->store, &item->key, &now, err))
        return false;
    if (!source_owner_of(now.annotations, &owner) || !str_equal(owner.uid, attempt->record.uid) ||
        !str_equal(now.uid, item->live->uid) || source_is_ignored(now.annotations))
        return err_set(err, ERR_FORBIDDEN, "it was changed meanwhile");
    return store_delete(attempt->ctx->store, &item->key, now.uid, now.version, STORE_WRITE, who, &last, &gone, err);
}

static bool prune(struct source_attempt *attempt, const struct source_item *item, struct err *err)
{
    for (int tries = 1;; tries++) {
        if (prune_once(attempt, item, err))
            return true;
        bool is_gone = err->code == ERR_NOT_FOUND;
        if (!is_gone && (err->code != ERR_CONFLICT || tries == TRIES))
            return false;
        err_clear(err);
        if (is_gone)
            return true;
    }
}

/* ---- telling ---- */

/* What a deletion and a change by hand leave: who did it, and that it is as stated again. */
static bool tell_put_back(struct source_attempt *attempt, const struct source_item *item, const json_t *writers,
                          struct err *err)
{
    CLEANUP(freep) char *key = record_key_text(&item->key);
    CLEANUP(freep) char *fields = source_item_text(item);
    const char *who = json_text(writers, key);
    CLEANUP(freep)
    char *message = mem_printf("%s: changed by %s, put back as Source %s states it at %.12s", fields,
                               who ? who : "somebody", attempt->record.key.name, attempt->revision);
    return store_event_add(attempt->ctx->store, item->live, EVENT_WARNING, "PutBack", message, err);
}

static bool was_applied_before(const struct source_attempt *attempt)
{
    return attempt->state.applied_ms && str_equal(attempt->state.revision, attempt->revision);
}

/* A record that was deleted by hand and is made again, at a revision that had been applied whole. */
static bool tell_made_again(struct source_attempt *attempt, const struct source_item *item, const json_t *writers,
                            struct err *err)
{
    CLEANUP(freep) char *key = record_key_text(&item->key);
    const char *who = json_text(writers, key);
    CLEANUP(freep)
    char *message = mem_printf("%s was deleted by %s, and is made again as the repository states it at %.12s", key,
                               who ? who : "somebody", attempt->revision);
    return store_event_add(attempt->ctx->store, &attempt->record, EVENT_WARNING, "MadeAgain", message, err);
}

static bool tell(struct source_attempt *attempt, const struct source_item *item, const json_t *writers, struct err *err)
{
    if (item->act == SOURCE_CHANGE && item->is_drift)
        return tell_put_back(attempt, item, writers, err);
    if (item->act == SOURCE_CREATE && was_applied_before(attempt))
        return tell_made_again(attempt, item, writers, err);
    return true;
}

static bool find_writers(struct source_attempt *attempt, json_t **ret, struct err *err)
{
    CLEANUP(freep) char *own = writer_of(attempt);
    bool is_needed = false;
    for (size_t i = 0; i < attempt->plan.count; i++) {
        const struct source_item *item = &attempt->plan.items[i];
        is_needed = is_needed || (item->act == SOURCE_CHANGE && item->is_drift) ||
                    (item->act == SOURCE_CREATE && was_applied_before(attempt));
    }
    return !is_needed || store_last_writers(attempt->ctx->store, own, ret, err);
}

/* ---- all of them ---- */

static bool run_item(struct source_attempt *attempt, const struct source_item *item, struct err *err)
{
    switch (item->act) {
    case SOURCE_CREATE:
        return create(attempt, item, err);
    case SOURCE_CHANGE:
    case SOURCE_ADOPT:
        return change(attempt, item, err);
    case SOURCE_UNCHANGED:
        return !item->is_restated ||
               store_applied_put(attempt->ctx->store, item->live->uid, attempt->record.uid, item->stated, err);
    case SOURCE_PRUNE:
        return prune(attempt, item, err);
    case SOURCE_IGNORED:
    case SOURCE_CONFLICT:
    case SOURCE_GOING:
    case SOURCE_KEPT:
    case SOURCE_ACTS:
        break;
    }
    return true;
}

const char *const source_act_steps[SOURCE_ACTS] = {
    [SOURCE_CREATE] = "create-record",
    [SOURCE_CHANGE] = "change-record",
    [SOURCE_ADOPT] = "adopt-record",
    [SOURCE_PRUNE] = "prune-record",
};

static bool is_act(enum source_act act)
{
    return source_act_steps[act] != NULL;
}

/* What is wrong with one record alone; all else ends the attempt. */
static bool concerns_one(enum err_code code)
{
    return code == ERR_INVALID || code == ERR_FORBIDDEN || code == ERR_CONFLICT || code == ERR_EXISTS ||
           code == ERR_NOT_FOUND || code == ERR_BAD_REQUEST;
}

/* A push that came meanwhile: what is left to do here may be what it takes back. */
static bool look_for_newer(struct source_attempt *attempt, struct err *err)
{
    CLEANUP(record_release) struct record now = { 0 };
    record_init(&now);
    if (!store_get(attempt->ctx->store, &attempt->record.key, &now, err))
        return false;
    attempt->is_superseded =
        now.deletion_ms || !str_equal(record_annotation(&now, ANNOTATION_SYNC_REQUESTED),
                                      record_annotation(&attempt->record, ANNOTATION_SYNC_REQUESTED));
    return true;
}

static void step(struct source_attempt *attempt, const char *name, const char *phase)
{
    struct reconcile_context *ctx = attempt->ctx;
    ctx->step = str_equal(phase, "begin") ? name : NULL;
    if (ctx->on_step)
        ctx->on_step(ctx->on_step_context, &attempt->record.key, name, phase);
}

static bool apply_item(struct source_attempt *attempt, const struct source_item *item, const json_t *writers,
                       struct err *err)
{
    const char *name = source_act_steps[item->act];
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (name)
        step(attempt, name, "begin");
    bool ok = run_item(attempt, item, &problem);
    if (name)
        step(attempt, name, "end");
    if (ok) {
        attempt->applied_acts += is_act(item->act);
        return tell(attempt, item, writers, err);
    }
    if (!concerns_one(problem.code)) {
        err_move(err, &problem);
        return false;
    }
    CLEANUP(freep) char *key = record_key_text(&item->key);
    if (attempt->failures.count < FAILURES_MAX)
        strv_addf(&attempt->failures, "%s%s%s: %s", item->document ? item->document->origin : "",
                  item->document ? ": " : "", key, err_message(&problem));
    return true;
}

bool source_apply(struct source_attempt *attempt, struct err *err)
{
    CLEANUP(json_decrefp) json_t *writers = NULL;
    if (!find_writers(attempt, &writers, err))
        return false;
    for (size_t i = 0; i < attempt->plan.count; i++) {
        const struct source_item *item = &attempt->plan.items[i];
        /* A record that could not be made may be why another one is no longer stated: nothing is deleted then. */
        if (item->act == SOURCE_PRUNE && attempt->failures.count > 0)
            break;
        struct call call = { .cancelled = attempt->ctx->call.cancelled };
        if (!call_check(&call, err) || !apply_item(attempt, item, writers, err))
            return false;
        if (is_act(item->act) && attempt->applied_acts % LOOK_EVERY == 0 && !look_for_newer(attempt, err))
            return false;
        if (attempt->is_superseded)
            return true;
    }
    return true;
}

/* ---- the end of a Source ---- */

static bool release_once(struct source_attempt *attempt, const struct record *live, struct err *err)
{
    CLEANUP(writing_release) struct writing writing = { 0 };
    CLEANUP(record_release) struct record next = { 0 };
    writing_open(&writing, attempt, NULL);
    record_copy(&next, live);
    json_object_del(next.annotations, ANNOTATION_SOURCE);
    return store_update(attempt->ctx->store, &next, live->version, &writing.write, err);
}

static bool release_record(struct source_attempt *attempt, const struct record *record, struct err *err)
{
    CLEANUP(record_release) struct record live = { 0 };
    record_copy(&live, record);
    for (int tries = 1;; tries++) {
        if (release_once(attempt, &live, err))
            return true;
        if (err->code == ERR_NOT_FOUND) {
            err_clear(err);
            return true;
        }
        if (err->code != ERR_CONFLICT || tries == TRIES)
            return false;
        err_clear(err);
        if (!store_get(attempt->ctx->store, &record->key, &live, err)) {
            bool is_gone = err->code == ERR_NOT_FOUND;
            if (is_gone)
                err_clear(err);
            return is_gone;
        }
    }
}

bool source_release_records(struct source_attempt *attempt, struct err *err)
{
    for (int kind = 0; kind < KINDS; kind++) {
        CLEANUP(records_release) struct records records = { 0 };
        struct store_query query = { .kind = (enum kind_id)kind };
        if (!store_list(attempt->ctx->store, &query, &records, NULL, err))
            return false;
        for (size_t i = 0; i < records.count; i++) {
            struct source_owner owner;
            if (!source_owner_of(records.items[i].annotations, &owner) || !str_equal(owner.uid, attempt->record.uid))
                continue;
            struct call call = { .cancelled = attempt->ctx->call.cancelled };
            if (!call_check(&call, err) || !release_record(attempt, &records.items[i], err))
                return false;
        }
    }
    return true;
}
