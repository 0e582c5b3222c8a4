/* How far a backup is: a sink that counts what passes, and tells the record every few seconds. */
#include "base/log.h"
#include "reconcilers/backup/backup.h"

#define TELL_EVERY_MS (3 * SECOND_MS)

struct meter {
    struct sink sink;
    struct sink *next;
    struct reconcile_context *ctx;
    struct backup_want *want;
    int64_t begun_ms, told_ms, bytes;
};

static void tell(struct meter *meter, int64_t now_ms)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct backup_progress *progress = &meter->want->status.progress;
    int64_t span_ms = now_ms - meter->begun_ms;
    progress->bytes = meter->bytes;
    progress->bytes_per_second = span_ms > 0 ? meter->bytes * SECOND_MS / span_ms : 0;
    meter->told_ms = now_ms;
    if (!backup_tell(meter->ctx, meter->want, &problem)) /* the work itself goes on */
        log_warning("progress not stored", LOG_STR("error", err_message(&problem)));
}

static bool meter_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct meter *meter = (struct meter *)sink;
    int64_t now_ms = clock_mono_ms();
    meter->bytes += (int64_t)len;
    if (now_ms - meter->told_ms >= TELL_EVERY_MS)
        tell(meter, now_ms);
    return call_check(&meter->ctx->call, err) && sink_write(meter->next, bytes, len, err);
}

static bool meter_finish(struct sink *sink, struct err *err)
{
    return sink_finish(((struct meter *)sink)->next, err);
}

static void meter_free(struct sink *sink)
{
    struct meter *meter = (struct meter *)sink;
    sink_free(meter->next);
    free(meter);
}

struct sink *backup_meter_new(struct reconcile_context *ctx, struct backup_want *want, const char *what,
                              struct sink *next_taken)
{
    struct meter *meter = MEM_NEW(struct meter);
    meter->sink = (struct sink){ .write = meter_write, .finish = meter_finish, .free = meter_free };
    meter->next = next_taken;
    meter->ctx = ctx;
    meter->want = want;
    meter->begun_ms = meter->told_ms = clock_mono_ms();
    free(want->status.progress.what);
    want->status.progress.what = mem_strdup(what);
    return &meter->sink;
}
