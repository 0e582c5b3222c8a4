/* What a Source says of itself: status, events, metrics. */
#include "base/log.h"
#include "base/metrics.h"
#include "reconcilers/source/source.h"
#include "specs/kind.h"

#define LISTED_MAX 50
#define TEXT_MAX   ((size_t)1000)

#define HEALTH_LOOK_MS (3 * SECOND_MS)
#define LATE_LOOK_MS   (30 * SECOND_MS) /* they have failed; should they recover, that is seen, too */

static const struct metric syncs_total = {
    .name = "tenantd_source_syncs_total",
    .help = "Syncs of Sources, by what became of them: ok, or the reason of the failure.",
    .type = METRIC_COUNTER,
    .labels = { "source", "result" },
};
static const struct metric last_sync_seconds = {
    .name = "tenantd_source_last_sync_timestamp_seconds",
    .help = "When a Source's last sync succeeded, in seconds since the epoch; time() minus this is its age.",
    .type = METRIC_GAUGE,
    .labels = { "source" },
};
static const struct metric sync_seconds = {
    .name = "tenantd_source_sync_duration_seconds",
    .help = "How long syncs took, from the fetch to the status.",
    .type = METRIC_HISTOGRAM,
    .labels = { "source" },
};
static const struct metric records_gauge = {
    .name = "tenantd_source_records",
    .help = "Records of a Source by state: synced, drifted, conflict, kept.",
    .type = METRIC_GAUGE,
    .labels = { "source", "state" },
};

/* ---- health ---- */

static bool is_healthy(const struct record *record, char **ret_why)
{
    const json_t *list = json_object_get(record->status, "conditions");
    bool healthy = false;
    const char *message = "not looked at yet";
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *condition = json_array_get(list, i);
        if (!str_equal(json_text(condition, "type"), "Ready"))
            continue;
        bool is_present = json_int(condition, "observedGeneration", 0) >= record->generation;
        healthy = is_present && str_equal(json_text(condition, "status"), "True");
        const char *said = json_text(condition, "message");
        const char *reason = json_text(condition, "reason");
        message = said && is_present ? said : reason && is_present ? reason : message;
    }
    if (!healthy)
        *ret_why = mem_strdup(message);
    return healthy;
}

void source_health_of(const struct source_plan *plan, struct source_health *ret)
{
    *ret = (struct source_health){ 0 };
    for (size_t i = 0; i < plan->count; i++) {
        const struct source_item *item = &plan->items[i];
        CLEANUP(freep) char *why = NULL;
        bool counts = item->document && item->act != SOURCE_IGNORED && item->act != SOURCE_CONFLICT;
        if (!counts || (item->act == SOURCE_UNCHANGED && is_healthy(item->live, &why)))
            continue;
        if (ret->waiting++ > 0)
            continue;
        CLEANUP(freep) char *key = record_key_text(&item->key);
        ret->first = mem_printf("%s: %s", key, why ? why : "just written");
    }
}

/* ---- lists ---- */

static void add_cut(struct strv *list, const char *text)
{
    CLEANUP(str_release) struct str cut = STR_INIT;
    size_t len = strnlen(text, TEXT_MAX);
    while (text[len] && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
        len--; /* not within a character */
    str_add_utf8(&cut, text, len);
    for (char *at = cut.text; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    strv_add(list, cut.text);
}

static void list_texts(const struct strv *from, struct strv *to)
{
    strv_release(to);
    for (size_t i = 0; i < from->count && i < LISTED_MAX; i++)
        add_cut(to, from->items[i]);
    if (from->count > LISTED_MAX)
        strv_addf(to, "and %zu more", from->count - LISTED_MAX);
}

static void list_items(const struct source_plan *plan, bool (*is_meant)(const struct source_item *item),
                       struct strv *to)
{
    CLEANUP(strv_release) struct strv texts = STRV_INIT;
    for (size_t i = 0; i < plan->count; i++)
        if (is_meant(&plan->items[i]))
            strv_add_taken(&texts, source_item_text(&plan->items[i]));
    list_texts(&texts, to);
}

static bool is_conflict(const struct source_item *item)
{
    return item->act == SOURCE_CONFLICT;
}
static bool is_kept(const struct source_item *item)
{
    return item->act == SOURCE_KEPT;
}
static bool is_act(const struct source_item *item)
{
    return item->act == SOURCE_CREATE || item->act == SOURCE_CHANGE || item->act == SOURCE_ADOPT ||
           item->act == SOURCE_PRUNE;
}

/* ---- conditions ---- */

static void set_text(char **member, const char *text)
{
    char *copy = mem_strdup(text); /* it may be the old one */
    free(*member);
    *member = copy;
}

struct verdict {
    const char *phase, *reason;
    char *message; /* owned; NULL: none */
    bool is_synced, is_ready;
};

static void set_conditions(struct source_attempt *attempt, const struct verdict *verdict)
{
    struct source_status *status = &attempt->status;
    int64_t generation = attempt->record.generation, now_ms = clock_wall_ms();
    condition_set(&status->conditions, "Synced", verdict->is_synced ? CONDITION_TRUE : CONDITION_FALSE,
                  verdict->is_synced ? "Synced" : verdict->reason, verdict->is_synced ? NULL : verdict->message,
                  generation, now_ms);
    condition_set(&status->conditions, "Ready", verdict->is_ready ? CONDITION_TRUE : CONDITION_FALSE, verdict->reason,
                  verdict->message, generation, now_ms);
    set_text(&status->phase, verdict->phase);
    set_text(&status->message, verdict->is_ready ? NULL : verdict->message);
    status->observed_generation = generation;
}

static bool write_status(struct source_attempt *attempt, struct err *err)
{
    const struct record *record = &attempt->record;
    CLEANUP(json_decrefp) json_t *json = fields_encode(source_status_fields, &attempt->status);
    const char *name = record->key.name;
    if (attempt->status.last_sync_ms)
        metric_set(&last_sync_seconds, (double)attempt->status.last_sync_ms / SECOND_MS, name, NULL, NULL);
    return json_equal(json, record->status) ||
           store_update_status(attempt->ctx->store, &record->key, record->uid, json, NULL, err);
}

bool source_tell_suspended(struct source_attempt *attempt, struct err *err)
{
    const char *paused = record_annotation(&attempt->record, ANNOTATION_PAUSED);
    CLEANUP(freep)
    char *until = attempt->spec.suspend_until_ms && !paused ? time_to_rfc3339(attempt->spec.suspend_until_ms) : NULL;
    struct verdict verdict = { .phase = "Suspended",
                               .reason = paused ? "Paused" : "Suspended",
                               .message = until ? mem_printf("until %s", until) : mem_strdup(paused) };
    set_conditions(attempt, &verdict);
    free(verdict.message);
    return write_status(attempt, err);
}

/* An event, unless the status says the same already. */
static bool tell_event(struct source_attempt *attempt, enum event_type type, const char *reason, const char *message,
                       struct err *err)
{
    return store_event_add(attempt->ctx->store, &attempt->record, type, reason, message, err);
}

bool source_tell_failure(struct source_attempt *attempt, const char *reason, const struct err *why, struct err *err)
{
    struct source_status *status = &attempt->status;
    CLEANUP(strv_release) struct strv none = STRV_INIT;
    bool is_news = !str_equal(status->message, err_message(why));
    struct verdict verdict = { .phase = "Failed", .reason = reason, .message = mem_strdup(err_message(why)) };
    set_conditions(attempt, &verdict);
    if (attempt->has_fetched)
        status->last_attempt_ms = attempt->begun_ms;
    if (attempt->revision)
        set_text(&status->attempted_revision, attempt->revision);
    list_texts(attempt->reader.complaints.count ? &attempt->reader.complaints : &none, &status->problems);
    metric_add(&syncs_total, 1, attempt->record.key.name, reason, NULL);
    bool ok = write_status(attempt, err) &&
              (!is_news || tell_event(attempt, EVENT_WARNING, "SyncFailed", verdict.message, err));
    free(verdict.message);
    return ok;
}

/* ---- what a sync did ---- */

static char *first_of(const struct strv *list)
{
    return list->count == 1 ? mem_strdup(list->items[0])
                            : mem_printf("%s, and %zu more", list->items[0], list->count - 1);
}

/* Written once more than needed rather than told wrong: the first thing in the way is named, the lists have all. */
static void judge(struct source_attempt *attempt, const struct source_health *health, struct verdict *ret)
{
    const struct source_plan *plan = &attempt->plan;
    const struct source_status *status = &attempt->status;
    bool detects = attempt->spec.mode == SOURCE_DETECT_ONLY;
    *ret = (struct verdict){ .phase = "Failed" };
    if (attempt->failures.count > 0) {
        ret->reason = "ApplyFailed";
        ret->message = first_of(&attempt->failures);
    } else if (attempt->is_superseded) {
        ret->phase = "Syncing";
        ret->reason = "Superseded";
        ret->message = mem_strdup("a newer sync was asked for while this one ran");
    } else if (status->conflicts.count > 0) {
        ret->reason = "Conflict";
        ret->message = first_of(&status->conflicts);
    } else if (plan->blocked_reason) {
        ret->reason = plan->blocked_reason;
        ret->message = mem_strdup(plan->blocked_message);
    } else if (detects && source_plan_acts(plan) > 0) {
        ret->phase = "Drifted";
        ret->reason = "Drifted";
        ret->message = first_of(&status->drifted);
    } else if (plan->counts[SOURCE_GOING] > 0) {
        ret->phase = "Waiting";
        ret->reason = "WaitsForDeletion";
        ret->message =
            mem_printf("%zu of its records are being deleted, and made again then", plan->counts[SOURCE_GOING]);
    } else {
        ret->is_synced = true;
        ret->is_ready = !attempt->spec.wait || health->waiting == 0;
        ret->phase = ret->is_ready ? "Synced" : "Waiting";
        ret->reason = ret->is_ready ? "Synced" : "WaitsForHealth";
        if (!ret->is_ready)
            ret->message = mem_printf("%zu records are not Ready; %s", health->waiting, health->first);
    }
}

/* After how many milliseconds those that are waited for are looked at again; 0: none is. */
static int64_t set_healthy(struct source_attempt *attempt, const struct source_health *health, struct verdict *verdict)
{
    struct field_list *conditions = &attempt->status.conditions;
    int64_t generation = attempt->record.generation, now_ms = clock_wall_ms();
    if (!attempt->spec.wait) {
        condition_drop(conditions, "Healthy");
        return 0;
    }
    bool is_late = attempt->state.applied_ms && now_ms > attempt->state.applied_ms + attempt->spec.wait_timeout_ms;
    if (health->waiting == 0)
        condition_set(conditions, "Healthy", CONDITION_TRUE, "Healthy", NULL, generation, now_ms);
    else
        condition_set(conditions, "Healthy", is_late ? CONDITION_FALSE : CONDITION_UNKNOWN,
                      is_late ? "TimedOut" : "Progressing", health->first, generation, now_ms);
    if (is_late && verdict->is_synced && !verdict->is_ready) {
        verdict->phase = "Failed";
        verdict->reason = "HealthTimedOut";
    }
    if (health->waiting == 0)
        return 0;
    return is_late ? LATE_LOOK_MS : HEALTH_LOOK_MS;
}

static void set_counts(struct source_attempt *attempt)
{
    const size_t *counts = attempt->plan.counts;
    struct source_counts *to = &attempt->status.counts;
    size_t owned = counts[SOURCE_CREATE] + counts[SOURCE_CHANGE] + counts[SOURCE_UNCHANGED] + counts[SOURCE_ADOPT] +
                   counts[SOURCE_KEPT];
    bool detects = attempt->spec.mode == SOURCE_DETECT_ONLY;
    size_t failed = attempt->failures.count < owned ? attempt->failures.count : owned;
    to->records = (int64_t)(detects ? attempt->plan.owned : owned - failed);
    if (!attempt->has_fetched)
        return; /* they are of the last sync, and this only put something back */
    to->created = (int64_t)counts[SOURCE_CREATE];
    to->changed = (int64_t)counts[SOURCE_CHANGE];
    to->unchanged = (int64_t)counts[SOURCE_UNCHANGED];
    to->pruned = (int64_t)counts[SOURCE_PRUNE];
    to->adopted = (int64_t)counts[SOURCE_ADOPT];
    to->ignored = (int64_t)counts[SOURCE_IGNORED];
    to->failed = (int64_t)attempt->failures.count;
}

static void set_metrics(const struct source_attempt *attempt, const struct verdict *verdict)
{
    const char *name = attempt->record.key.name;
    const size_t *counts = attempt->plan.counts;
    size_t drifted = attempt->spec.mode == SOURCE_DETECT_ONLY ? source_plan_acts(&attempt->plan) : 0;
    metric_set(&records_gauge, (double)(attempt->status.counts.records - (int64_t)counts[SOURCE_KEPT]), name, "synced",
               NULL);
    metric_set(&records_gauge, (double)drifted, name, "drifted", NULL);
    metric_set(&records_gauge, (double)counts[SOURCE_CONFLICT], name, "conflict", NULL);
    metric_set(&records_gauge, (double)counts[SOURCE_KEPT], name, "kept", NULL);
    if (!attempt->has_fetched)
        return;
    metric_add(&syncs_total, 1, name, verdict->is_synced ? "ok" : verdict->reason, NULL);
    metric_observe(&sync_seconds, (double)(clock_wall_ms() - attempt->begun_ms) / SECOND_MS, name, NULL, NULL);
}

static bool tell_events(struct source_attempt *attempt, const struct verdict *verdict, bool is_news, struct err *err)
{
    const struct source_counts *counts = &attempt->status.counts;
    enum event_type type = attempt->is_superseded ? EVENT_NORMAL : EVENT_WARNING;
    if (!verdict->is_synced)
        return !is_news || tell_event(attempt, type, verdict->reason, verdict->message, err);
    if (!attempt->has_fetched || attempt->applied_acts == 0)
        return true;
    CLEANUP(freep)
    char *message = mem_printf("%.12s: %" PRId64 " created, %" PRId64 " changed, %" PRId64 " adopted, %" PRId64
                               " pruned, %" PRId64 " unchanged",
                               attempt->revision, counts->created, counts->changed, counts->adopted, counts->pruned,
                               counts->unchanged);
    log_info("source synced", LOG_STR("revision", attempt->revision), LOG_INT("acts", attempt->applied_acts));
    return tell_event(attempt, EVENT_NORMAL, "Synced", message, err);
}

bool source_tell(struct source_attempt *attempt, const struct source_health *health, int64_t *ret_look_ms,
                 struct err *err)
{
    struct source_status *status = &attempt->status;
    struct verdict verdict;
    CLEANUP(strv_release) struct strv none = STRV_INIT;
    bool detects = attempt->spec.mode == SOURCE_DETECT_ONLY;
    list_items(&attempt->plan, is_conflict, &status->conflicts);
    list_items(&attempt->plan, is_kept, &status->kept);
    strv_release(&status->drifted);
    status->drifted = (struct strv)STRV_INIT;
    if (detects)
        list_items(&attempt->plan, is_act, &status->drifted);
    list_texts(attempt->failures.count ? &attempt->failures : &none, &status->problems);
    set_counts(attempt);
    judge(attempt, health, &verdict);
    *ret_look_ms = set_healthy(attempt, health, &verdict);
    bool is_news = !str_equal(status->message, verdict.message);
    set_conditions(attempt, &verdict);
    if (attempt->has_fetched)
        status->last_attempt_ms = attempt->begun_ms;
    if (attempt->has_fetched && verdict.is_synced)
        status->last_sync_ms = attempt->begun_ms;
    set_text(&status->attempted_revision, attempt->revision);
    if (!detects && !attempt->is_superseded)
        set_text(&status->revision, attempt->revision);
    set_metrics(attempt, &verdict);
    bool ok = write_status(attempt, err) && tell_events(attempt, &verdict, is_news, err);
    free(verdict.message);
    return ok;
}
