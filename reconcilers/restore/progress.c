/* How far a restore is, written into its status while bytes pass; and its status in general. */
#include "base/log.h"
#include "reconcilers/restore/restore.h"

#define TELL_EVERY_MS  2000
#define STATUS_CALL_MS 10000

struct progress_sink {
    struct sink sink, *next;
    struct reconcile_context *ctx;
    struct restore_want *want;
    struct restore_progress progress;
    char *what;
    int64_t started_ms, told_ms; /* on the monotonic clock */
};

static void tell_progress(struct progress_sink *self)
{
    CLEANUP(err_release) struct err ignored = ERR_INIT;
    int64_t now_ms = clock_mono_ms();
    if (now_ms - self->told_ms < TELL_EVERY_MS)
        return;
    self->told_ms = now_ms;
    self->progress.bytes_per_second = self->progress.bytes * SECOND_MS / (now_ms - self->started_ms + 1);
    if (!restore_tell(self->ctx, self->want, NULL, &self->progress, &ignored))
        log_warning("progress not stored", LOG_STR("error", err_message(&ignored)));
}

static bool progress_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct progress_sink *self = (struct progress_sink *)sink;
    if (!sink_write(self->next, bytes, len, err))
        return false;
    self->progress.bytes += (int64_t)len;
    tell_progress(self);
    return true;
}

static bool progress_finish(struct sink *sink, struct err *err)
{
    struct progress_sink *self = (struct progress_sink *)sink;
    return sink_finish(self->next, err);
}

static void progress_free(struct sink *sink)
{
    struct progress_sink *self = (struct progress_sink *)sink;
    sink_free(self->next);
    free(self->what);
    free(self);
}

struct sink *restore_progress_sink_new(struct reconcile_context *ctx, struct restore_want *want, const char *what,
                                       int64_t total_bytes, struct sink *next_taken)
{
    struct progress_sink *self = MEM_NEW(struct progress_sink);
    self->sink = (struct sink){ progress_write, progress_finish, progress_free };
    self->next = next_taken;
    self->ctx = ctx;
    self->want = want;
    self->what = mem_strdup(what);
    self->progress.what = self->what;
    self->progress.total_bytes = total_bytes;
    self->started_ms = clock_mono_ms();
    self->told_ms = self->started_ms - TELL_EVERY_MS; /* the beginning is told, too */
    return &self->sink;
}

/* ---- status ---- */

static void set_text(char **member, const char *text)
{
    free(*member);
    *member = mem_strdup(text);
}

static void fill_known(struct restore_status *status, const struct restore_state *state)
{
    if (!state->resolved)
        return;
    free(status->point);
    status->point = mem_printf("%s/%s/%s", state->source.tenant, state->source.uid, state->source.name);
    free(status->instance);
    status->instance = mem_printf("%s/%s", state->target.namespace, state->target.name);
    set_text(&status->tier, state->tier);
    status->bytes = state->source.database_bytes + state->source.data_bytes;
    status->started_ms = state->started_ms;
    status->completed_ms = state->result.phase ? state->result.time_ms : 0;
    status->seconds = state->result.seconds;
    status->checked = (struct restore_checked){ state->result.tables, state->result.files };
}

static const char *message_of(const struct restore_want *want, const struct plan *plan)
{
    if (want->state.result.phase)
        return want->state.result.message;
    if (want->state.problem)
        return want->state.problem;
    return plan ? plan->blocked_message : NULL;
}

static void fill(struct restore_status *status, const struct restore_want *want, const struct plan *plan)
{
    const char *message = message_of(want, plan);
    set_text(&status->phase, restore_phase(want));
    set_text(&status->message, message);
    status->observed_generation = want->record.generation;
    fill_known(status, &want->state);
    bool completed = str_equal(status->phase, RESTORE_COMPLETED);
    const char *reason = plan && plan->blocked_reason ? plan->blocked_reason : status->phase;
    condition_set(&status->conditions, "Ready", completed ? CONDITION_TRUE : CONDITION_FALSE, reason, message,
                  want->record.generation, clock_wall_ms());
}

bool restore_tell(struct reconcile_context *ctx, struct restore_want *want, const struct plan *plan_or_null,
                  const struct restore_progress *progress, struct err *err)
{
    struct restore_status status = { 0 };
    CLEANUP(problems_release) struct problems ignored = PROBLEMS_INIT; /* of a status that an older version wrote */
    struct record *record = &want->record;
    fields_decode(restore_status_fields, record->status, "", &status, &ignored);
    fill(&status, want, plan_or_null);
    set_text(&status.progress.what, progress ? progress->what : NULL);
    status.progress.bytes = progress ? progress->bytes : 0;
    status.progress.total_bytes = progress ? progress->total_bytes : 0;
    status.progress.bytes_per_second = progress ? progress->bytes_per_second : 0;
    CLEANUP(json_decrefp) json_t *json = fields_encode(restore_status_fields, &status);
    fields_release(restore_status_fields, &status);
    if (json_equal(json, record->status))
        return true;
    /* What was done is told even when the attempt was cancelled by a newer generation. */
    struct call call = call_within(NULL, STATUS_CALL_MS);
    store_set_call(ctx->store, &call);
    bool ok = store_update_status(ctx->store, &record->key, record->uid, json, NULL, err);
    store_set_call(ctx->store, &ctx->call);
    if (ok) {
        json_decref(record->status);
        record->status = json_incref(json);
    }
    return ok;
}
