/* Who acts; see leader.h. */
#include "controller/leader.h"

#include <pthread.h>

#include "base/log.h"
#include "base/metrics.h"

enum {
    CONFIRMS_PER_HOLD = 5,
    LEAVE_CALL_MS = 2000,
    LOCK_CALL_MS = 10000, /* the first question of a session waits for nothing; a begin waits for writes under way */
};

static const struct metric leads = {
    .name = "tenantd_leader",
    .help = "1: this tenantd acts on the records; 0: it stands by.",
    .type = METRIC_GAUGE,
};
static const struct metric epoch_gauge = {
    .name = "tenantd_leader_epoch",
    .help = "The epoch in which this tenantd leads, or led last.",
    .type = METRIC_GAUGE,
};

static const char *const state_names[] = {
    [LEADER_STANDBY] = "standby",
    [LEADER_WAITING] = "waiting",
    [LEADER_LEADING] = "leading",
};

struct leader {
    struct leader_options options;
    struct store *store;
    pthread_t thread;
    bool runs;
    enum leader_state state;             /* the thread's own */
    int64_t acts_from_ms;                /* the thread's own: when the waiting is over */
    int64_t epoch;                       /* atomic; 0: not ours */
    volatile int64_t permitted_until_ms; /* atomic; 0: not now */
    pthread_mutex_t lock;                /* guards `stopped` */
    pthread_cond_t changed;
    bool stopped;
    int cancelled; /* atomic */
};

static void set_state(struct leader *leader, enum leader_state state)
{
    if (leader->state == state)
        return;
    leader->state = state;
    metric_set(&leads, state == LEADER_LEADING, NULL, NULL, NULL);
    log_info("leadership", LOG_STR("state", state_names[state]),
             LOG_INT("epoch", __atomic_load_n(&leader->epoch, __ATOMIC_ACQUIRE)));
    if (leader->options.on_change)
        leader->options.on_change(leader->options.context, state);
}

/* Answered questions count from when they were asked. */
static void permit(struct leader *leader, int64_t asked_ms)
{
    if (clock_mono_ms() < leader->acts_from_ms) {
        set_state(leader, LEADER_WAITING);
        return;
    }
    __atomic_store_n(&leader->permitted_until_ms, asked_ms + leader->options.config->hold_ms, __ATOMIC_RELEASE);
    set_state(leader, LEADER_LEADING);
}

static void lose(struct leader *leader, const char *why)
{
    __atomic_store_n(&leader->permitted_until_ms, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&leader->epoch, 0, __ATOMIC_RELEASE);
    log_warning("leadership lost", LOG_STR("why", why));
    set_state(leader, LEADER_STANDBY);
}

static bool begin_epoch(struct leader *leader, int64_t asked_ms, struct err *err)
{
    CLEANUP(leadership_release) struct leadership before = { 0 };
    const struct leader_options *options = &leader->options;
    int64_t epoch = 0;
    if (!store_leader_begin(leader->store, options->holder, options->name, &before, &epoch, err))
        return false;
    /* Of our own data directory nobody else can be left: its lock is ours. */
    bool may_act_still = before.holder[0] && !str_equal(before.holder, options->holder);
    leader->acts_from_ms = may_act_still ? clock_mono_ms() + options->config->take_over_ms : 0;
    __atomic_store_n(&leader->epoch, epoch, __ATOMIC_RELEASE);
    metric_set(&epoch_gauge, (double)epoch, NULL, NULL, NULL);
    if (may_act_still)
        log_info("takes over", LOG_STR("from", before.name), LOG_INT("wait_ms", options->config->take_over_ms));
    permit(leader, asked_ms);
    return true;
}

/* One question, and what its answer means. */
static bool ask(struct leader *leader, struct err *err)
{
    int64_t asked_ms = clock_mono_ms(), hold_ms = leader->options.config->hold_ms;
    int64_t epoch = __atomic_load_n(&leader->epoch, __ATOMIC_ACQUIRE);
    struct call flag = { .cancelled = &leader->cancelled };
    struct call call = call_within(&flag, epoch ? hold_ms : LOCK_CALL_MS);
    bool held = false;
    store_set_call(leader->store, &call);
    bool ok = epoch ? store_leader_confirm(leader->store, epoch, &held, err)
                    : store_leader_lock(leader->store, 2 * hold_ms, &held, err);
    if (ok && held && !epoch)
        ok = begin_epoch(leader, asked_ms, err);
    else if (ok && held)
        permit(leader, asked_ms);
    else if (ok && epoch)
        lose(leader, "the session that held the lock has ended");
    store_set_call(leader->store, NULL);
    return ok;
}

/* False: stopped. */
static bool rest(struct leader *leader)
{
    int64_t until_ms = clock_mono_ms() + leader->options.config->hold_ms / CONFIRMS_PER_HOLD;
    struct timespec until = { .tv_sec = until_ms / SECOND_MS, .tv_nsec = until_ms % SECOND_MS * 1000000 };
    pthread_mutex_lock(&leader->lock);
    while (!leader->stopped && clock_mono_ms() < until_ms)
        pthread_cond_timedwait(&leader->changed, &leader->lock, &until);
    bool stopped = leader->stopped;
    pthread_mutex_unlock(&leader->lock);
    return !stopped;
}

static void *lead_for_ever(void *context)
{
    struct leader *leader = context;
    bool was_well = true;
    do {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        bool is_well = ask(leader, &problem);
        if (!is_well && was_well && !__atomic_load_n(&leader->cancelled, __ATOMIC_ACQUIRE))
            log_warning("leadership not confirmed", LOG_STR("error", err_message(&problem)));
        was_well = is_well;
    } while (rest(leader));
    return NULL;
}

struct leader *leader_new(const struct leader_options *options)
{
    struct leader *leader = MEM_NEW(struct leader);
    leader->options = *options;
    leader->store = store_new(options->store);
    pthread_mutex_init(&leader->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&leader->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return leader;
}

bool leader_start(struct leader *leader, struct err *err)
{
    metric_set(&leads, 0, NULL, NULL, NULL);
    leader->runs = pthread_create(&leader->thread, NULL, lead_for_ever, leader) == 0;
    return leader->runs || err_set(err, ERR_INTERNAL, "no thread for the leadership");
}

bool leader_may_act(const struct leader *leader, int64_t *ret_epoch)
{
    *ret_epoch = __atomic_load_n(&leader->epoch, __ATOMIC_ACQUIRE);
    return *ret_epoch && clock_mono_ms() < __atomic_load_n(&leader->permitted_until_ms, __ATOMIC_ACQUIRE);
}

const volatile int64_t *leader_permission(const struct leader *leader)
{
    return &leader->permitted_until_ms;
}

void leader_stop(struct leader *leader)
{
    if (!leader)
        return;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    pthread_mutex_lock(&leader->lock);
    leader->stopped = true;
    __atomic_store_n(&leader->cancelled, 1, __ATOMIC_RELEASE);
    pthread_cond_signal(&leader->changed);
    pthread_mutex_unlock(&leader->lock);
    if (leader->runs)
        pthread_join(leader->thread, NULL);
    leader->runs = false;
    __atomic_store_n(&leader->permitted_until_ms, 0, __ATOMIC_RELEASE);
    struct call call = call_within(NULL, LEAVE_CALL_MS);
    store_set_call(leader->store, &call);
    if (leader->epoch && !store_leader_leave(leader->store, leader->epoch, &problem))
        log_info("leadership not given back", LOG_STR("error", err_message(&problem)));
    store_set_call(leader->store, NULL);
}

void leader_free(struct leader *leader)
{
    if (!leader)
        return;
    store_free(leader->store);
    pthread_cond_destroy(&leader->changed);
    pthread_mutex_destroy(&leader->lock);
    free(leader);
}
