/* The thread that copies records; see records_copies.h. */
#include "controller/records_copies.h"

#include <pthread.h>

#include "base/log.h"
#include "base/metrics.h"
#include "reconcilers/backup/records_copy.h"
#include "specs/config.h"
#include "specs/schedule.h"

#define LOOK_MS (10 * SECOND_MS)
#define COPY_MS (30 * MINUTE_MS)
#define WAIT_MS MINUTE_MS /* after a failure */

static const struct metric copied_gauge = {
    .name = "tenantd_records_copied_timestamp_seconds",
    .help = "When all records were last copied to the place of recovery points.",
    .type = METRIC_GAUGE,
};

struct records_copies {
    struct records_copies_options options;
    struct cron cron;
    struct store *store;
    int64_t done_ms; /* wall; 0: not known yet */
    int64_t next_look_mono_ms;
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t lock; /* guards `stopped` */
    pthread_cond_t changed;
    bool stopped;
    int cancelled; /* atomic */
};

static void note_done(struct records_copies *copies, int64_t wall_ms)
{
    copies->done_ms = wall_ms;
    metric_set(&copied_gauge, (double)wall_ms / SECOND_MS, NULL, NULL, NULL);
}

/* False in `ret`: what lies there is another database's; see FACT_RECORDS_COPY. */
static bool may_write_over(struct records_copies *copies, bool is_there, bool *ret, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(freep) char *now = time_to_rfc3339(clock_wall_ms());
    CLEANUP(freep) char *since = NULL;
    *ret = store_fact(copies->store, FACT_RECORDS_COPY, is_there ? NULL : now, &since, &problem);
    if (*ret || problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return false;
}

/* The copy itself remembers when it was made; where there is none, one is due. */
static bool find_last(struct records_copies *copies, struct objects *place, const struct call *call, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(object_release) struct object object = { 0 };
    CLEANUP(freep) char *key = records_copy_key(copies->options.settings->installation);
    bool may_write;
    if (copies->done_ms != 0)
        return true;
    bool is_there = objects_head(place, key, call, &object, &problem);
    if (!is_there && problem.code != ERR_NOT_FOUND) {
        err_move(err, &problem);
        return false;
    }
    if (!may_write_over(copies, is_there, &may_write, err))
        return false;
    if (!may_write)
        return err_set(err, ERR_CONFLICT,
                       "%s of %s is there, and these records were not made of it: tenantctl catalog rebuild --records",
                       key, objects_name(place));
    copies->done_ms = 1;
    if (is_there)
        note_done(copies, object.modified_ms);
    return true;
}

static bool copy_when_due(struct records_copies *copies, struct err *err)
{
    const struct settings *settings = copies->options.settings;
    CLEANUP(tiers_release) struct tiers tiers = { 0 };
    struct call call = call_within(NULL, COPY_MS);
    call.cancelled = &copies->cancelled;
    store_set_call(copies->store, &call);
    if (!tiers_open(settings, NULL, &tiers, err) || !find_last(copies, tiers.items[0].objects, &call, err))
        return false;
    int64_t now_ms = clock_wall_ms();
    if (schedule_due_ms(&copies->cron, settings->installation, copies->done_ms, now_ms) == 0)
        return true;
    if (!records_copy_write(copies->store, settings, tiers.items[0].objects, &call, err))
        return false;
    note_done(copies, now_ms);
    log_info("records copied", LOG_STR("place", objects_name(tiers.items[0].objects)));
    return true;
}

static void look(struct records_copies *copies)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    int64_t epoch;
    copies->next_look_mono_ms = clock_mono_ms() + LOOK_MS;
    if (!leader_may_act(copies->options.leader, &epoch) || copy_when_due(copies, &err))
        return;
    copies->next_look_mono_ms = clock_mono_ms() + WAIT_MS;
    if (err.code != ERR_CANCELLED)
        log_warning("records not copied", LOG_STR("error", err_message(&err)));
}

static void *copy_for_ever(void *context)
{
    struct records_copies *copies = context;
    pthread_mutex_lock(&copies->lock);
    while (!copies->stopped) {
        if (clock_mono_ms() >= copies->next_look_mono_ms) {
            pthread_mutex_unlock(&copies->lock);
            look(copies);
            pthread_mutex_lock(&copies->lock);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 1;
        pthread_cond_timedwait(&copies->changed, &copies->lock, &until);
    }
    pthread_mutex_unlock(&copies->lock);
    return NULL;
}

bool records_copies_start(const struct records_copies_options *options, struct records_copies **ret, struct err *err)
{
    struct cron cron;
    if (!backup_has_place(options->settings)) /* nowhere to copy to */
        return true;
    if (!cron_parse(options->settings->backup->config->records, &cron, err))
        return err_wrap(err, "backup.records");
    struct records_copies *copies = MEM_NEW(struct records_copies);
    pthread_condattr_t attributes;
    copies->options = *options;
    copies->cron = cron;
    copies->store = store_new(options->store);
    if (pthread_mutex_init(&copies->lock, NULL) != 0 || pthread_condattr_init(&attributes) != 0 ||
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&copies->changed, &attributes) != 0)
        abort();
    pthread_condattr_destroy(&attributes);
    *ret = copies;
    copies->has_thread = pthread_create(&copies->thread, NULL, copy_for_ever, copies) == 0;
    return copies->has_thread || err_set(err, ERR_INTERNAL, "no thread for copies of records");
}

void records_copies_stop(struct records_copies *copies)
{
    if (!copies)
        return;
    __atomic_store_n(&copies->cancelled, 1, __ATOMIC_RELEASE);
    pthread_mutex_lock(&copies->lock);
    copies->stopped = true;
    pthread_cond_broadcast(&copies->changed);
    pthread_mutex_unlock(&copies->lock);
    if (copies->has_thread)
        pthread_join(copies->thread, NULL);
    pthread_cond_destroy(&copies->changed);
    pthread_mutex_destroy(&copies->lock);
    store_free(copies->store);
    free(copies);
}
