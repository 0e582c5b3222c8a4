/* The list pass; see passes.h. */
#include "controller/passes.h"

#include <pthread.h>

#include "base/log.h"
#include "base/metrics.h"
#include "controller/breaker.h"
#include "controller/marks.h"
#include "reconcilers/names.h"
#include "reconcilers/orphans.h"
#include "specs/kind.h"

enum {
    ASK_CALL_MS = 20000,
    SIZES_CALL_MS = 300000,
    SIZES_INTERVAL_MS = 600000,
    SIZES_FIRST_MS = 20000,
    SPREAD_MS = 2000, /* over which all records are looked at when a neighbour is back */
};

static const struct metric neighbour_up = {
    .name = "tenantd_neighbour_up",
    .help = "Whether a neighbour answers: 0 is an open breaker.",
    .type = METRIC_GAUGE,
    .labels = { "neighbour" },
};
static const struct metric pass_seconds = {
    .name = "tenantd_pass_duration_seconds",
    .help = "How long list passes took.",
    .type = METRIC_HISTOGRAM,
    .labels = { "neighbour" },
};

static const struct metric orphans_gauge = {
    .name = "tenantd_orphans",
    .help = "Things that carry our installation's id and belong to no record, but for retained ones.",
    .type = METRIC_GAUGE,
    .labels = { "kind" },
};

struct passes {
    size_t orphan_count; /* as last told */
    struct passes_options options;
    struct docker *docker;
    struct server *server;
    char *label;
    struct marks *container_marks, *database_marks, *role_marks;
    bool was_listed;
    int64_t sizes_due_ms;
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t lock; /* guards `breakers` and `stopped` */
    pthread_cond_t changed;
    struct breaker breakers[2]; /* by enum neighbour */
    bool stopped;
    int cancelled; /* atomic */
};

enum neighbour { NEIGHBOUR_ENGINE, NEIGHBOUR_SERVER, NEIGHBOURS };

static void wake(struct passes *passes, const struct record_key *key)
{
    queue_add(passes->options.queue, key, QUEUE_URGENT, clock_mono_ms());
}

/* ---- containers ---- */

static void add_mark(struct str *mark, const struct container *container)
{
    const char *name;
    json_t *endpoint;
    str_addf(mark, "%s %d", container->id, (int)container->state);
    json_object_foreach (container->networks, name, endpoint) {
        const char *id = json_text(endpoint, "id"), *address = json_text(endpoint, "address");
        str_addf(mark, " %s=%s,%s", name, id ? id : "", address ? address : "");
    }
}

/* Whom a pass wakes, once the world has its news. */
struct news {
    struct record_key *owners;
    size_t count;
    struct strv touched; /* ids of containers that are not what they were */
};

static void news_release(struct news *news)
{
    free(news->owners);
    strv_release(&news->touched);
}

static void add_owner(struct news *news, const json_t *labels)
{
    const struct kind *kind = kind_by_name(json_text(labels, LABEL_KIND));
    const char *namespace = json_text(labels, LABEL_NAMESPACE), *name = json_text(labels, LABEL_NAME);
    struct record_key key;
    if (!kind || !name || !record_key_set(&key, kind->id, namespace ? namespace : "", name))
        return;
    news->owners = mem_grow(news->owners, news->count + 1, sizeof(news->owners[0]));
    news->owners[news->count++] = key;
}

static void compare_containers(struct passes *passes, const struct containers *list, struct news *news)
{
    CLEANUP(str_release) struct str mark = STR_INIT;
    marks_begin(passes->container_marks);
    for (size_t i = 0; i < list->count; i++) {
        const struct container *container = &list->items[i];
        CLEANUP(freep) char *before = NULL;
        str_clear(&mark);
        add_mark(&mark, container);
        if (!marks_note(passes->container_marks, container->name, mark.text, &before) && passes->was_listed) {
            strv_add(&news->touched, container->id);
            add_owner(news, container->labels);
        }
    }
    marks_end(passes->container_marks, NULL, NULL);
    passes->was_listed = true;
}

/* What vanished is known only by what was known before. */
static void take_list(struct passes *passes, struct containers *list_taken)
{
    struct world *world = passes->options.world;
    CLEANUP(news_release) struct news news = { 0 };
    CLEANUP(containers_release) struct containers missing = { 0 };
    compare_containers(passes, list_taken, &news);
    world_take_containers(world, list_taken, &missing);
    for (size_t i = 0; i < missing.count; i++)
        add_owner(&news, missing.items[i].labels);
    for (size_t i = 0; i < news.touched.count; i++)
        world_touch_container(world, news.touched.items[i]);
    for (size_t i = 0; i < news.count; i++)
        wake(passes, &news.owners[i]);
}

static bool list_containers(struct passes *passes, struct err *err)
{
    struct call call = { .deadline_mono_ms = clock_mono_ms() + ASK_CALL_MS, .cancelled = &passes->cancelled };
    CLEANUP(containers_release) struct containers list = { 0 };
    struct docker_host host;
    bool ok = (world_host(passes->options.world, &host) || docker_host(passes->docker, &call, &host, err)) &&
              container_list(passes->docker, passes->label, &call, &list, err);
    if (ok) {
        world_set_host(passes->options.world, &host);
        take_list(passes, &list);
    }
    return ok;
}

/* ---- databases ---- */

/* Its stamp says whose it is: "tenantd <installation> <uid>". */
static void wake_database_owner(void *context, const char *name, const char *mark)
{
    (void)name;
    struct passes *passes = context;
    const char *uid = strrchr(mark, ' ');
    struct record_key key;
    CLEANUP(freep) char *uid12 = uid ? name_uid12(uid + 1) : NULL;
    if (uid12 && known_by_uid12(passes->options.known, uid12, &key))
        wake(passes, &key);
}

/* What was known and is gone or different wakes its record; what is new was made by us. */
static void compare_databases(struct passes *passes, const struct databases *list)
{
    CLEANUP(str_release) struct str mark = STR_INIT;
    marks_begin(passes->database_marks);
    for (size_t i = 0; i < list->count; i++) {
        const struct database *database = &list->items[i];
        CLEANUP(freep) char *before = NULL;
        str_clear(&mark);
        str_addf(&mark, "%s %d %d %d %s", database->owner, database->public_can_connect, database->allow_connections,
                 database->deviates, database->comment ? database->comment : "");
        if (!marks_note(passes->database_marks, database->name, mark.text, &before) && before)
            wake_database_owner(passes, database->name, before);
    }
    marks_end(passes->database_marks, wake_database_owner, passes);
}

/* Its name says whose it is: td_<installation>_<12 digits of the uid>. */
static void wake_role_owner(void *context, const char *role, const char *mark)
{
    (void)mark;
    struct passes *passes = context;
    const char *uid12 = strrchr(role, '_');
    struct record_key key;
    if (uid12 && known_by_uid12(passes->options.known, uid12 + 1, &key))
        wake(passes, &key);
}

static void compare_roles(struct passes *passes, const struct role_list *list)
{
    CLEANUP(str_release) struct str mark = STR_INIT;
    marks_begin(passes->role_marks);
    for (size_t i = 0; i < list->count; i++) {
        const struct role_listed *role = &list->items[i];
        CLEANUP(freep) char *before = NULL;
        str_clear(&mark);
        str_addf(&mark, "%d %d %" PRId64 " %s", role->can_login, role->deviates, role->connection_limit,
                 role->verifier_digest);
        if (!marks_note(passes->role_marks, role->name, mark.text, &before) && before)
            wake_role_owner(passes, role->name, before);
    }
    marks_end(passes->role_marks, wake_role_owner, passes);
}

static bool list_databases(struct passes *passes, struct err *err)
{
    struct call call = { .deadline_mono_ms = clock_mono_ms() + ASK_CALL_MS, .cancelled = &passes->cancelled };
    struct databases databases = { 0 };
    struct role_list roles = { 0 };
    bool ok = server_list(passes->server, &call, &databases, &roles, err);
    if (ok) {
        world_put_databases(passes->options.world, &databases, &roles);
        compare_databases(passes, &databases);
        compare_roles(passes, &roles);
    }
    databases_release(&databases);
    role_list_release(&roles);
    return ok;
}

/* ---- sizes, seldom: the engine walks trees for them ---- */

static void measure(struct passes *passes)
{
    struct call call = { .deadline_mono_ms = clock_mono_ms() + SIZES_CALL_MS, .cancelled = &passes->cancelled };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(json_decrefp) json_t *sizes = NULL;
    const char *name;
    json_t *size;
    if (volume_sizes(passes->docker, &call, &sizes, &problem))
        json_object_foreach (sizes, name, size)
            world_set_volume_size(passes->options.world, name, json_integer_value(size));
    CLEANUP(freep) char *stamp = mem_printf("tenantd %s ", passes->options.settings->installation);
    struct databases databases = { 0 };
    err_clear(&problem);
    if (database_list(passes->server, &call, &databases, &problem))
        for (size_t i = 0; i < databases.count; i++) {
            int64_t bytes;
            const struct database *database = &databases.items[i];
            CLEANUP(err_release) struct err ignored = ERR_INIT; /* dropped meanwhile, or a clone that is being made */
            if (database->comment && str_starts_with(database->comment, stamp) &&
                database_size(passes->server, database->name, &call, &bytes, &ignored))
                world_set_database_size(passes->options.world, database->name, bytes);
        }
    databases_release(&databases);
    queue_hurry_all(passes->options.queue, clock_mono_ms(), SPREAD_MS);
}

/* ---- leftovers, as seldom ---- */

static bool is_known_uid12(void *known, const char *uid12)
{
    struct record_key ignored;
    return known_by_uid12(known, uid12, &ignored);
}

/* They are told, and left alone: tenantctl orphans lists them. */
static void count_orphans(struct passes *passes)
{
    struct call call = { .deadline_mono_ms = clock_mono_ms() + SIZES_CALL_MS, .cancelled = &passes->cancelled };
    CLEANUP(orphans_release) struct orphans orphans = { 0 };
    CLEANUP(err_release) struct err problem = ERR_INIT;
    size_t counts[ORPHAN_KINDS] = { 0 };
    if (!known_was_listed(passes->options.known))
        return; /* without the records everything would be one */
    if (!orphans_list_owned(passes->docker, passes->server, passes->options.settings, &call, &orphans, &problem)) {
        log_debug("leftovers not counted", LOG_STR("error", err_message(&problem)));
        return;
    }
    orphans_keep_leftovers(&orphans, is_known_uid12, passes->options.known);
    size_t total = 0;
    for (size_t i = 0; i < orphans.count; i++) {
        counts[orphans.items[i].kind] += !orphans.items[i].is_retained;
        total += !orphans.items[i].is_retained;
    }
    for (size_t kind = 0; kind < ORPHAN_KINDS; kind++)
        metric_set(&orphans_gauge, (double)counts[kind], orphan_kind_names[kind], NULL, NULL);
    if (total && total != passes->orphan_count)
        log_warning("things of ours belong to no record", LOG_INT("count", (int64_t)total),
                    LOG_STR("remedy", "tenantctl orphans lists them"));
    passes->orphan_count = total;
}

/* ---- the passes ---- */

static const struct {
    const char *name;
    bool (*ask)(struct passes *passes, struct err *err);
    void (*tell)(struct world *world, bool answers, const char *problem, int64_t now_wall_ms);
} neighbours[NEIGHBOURS] = {
    [NEIGHBOUR_ENGINE] = { "engine", list_containers, world_set_engine },
    [NEIGHBOUR_SERVER] = { "database", list_databases, world_set_server },
};

static void ask(struct passes *passes, enum neighbour neighbour)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const char *name = neighbours[neighbour].name;
    int64_t started_ms = clock_mono_ms();
    bool answers = neighbours[neighbour].ask(passes, &problem);
    int64_t now_ms = clock_mono_ms();
    metric_observe(&pass_seconds, (double)(now_ms - started_ms) / SECOND_MS, name, NULL, NULL);
    metric_set(&neighbour_up, answers, name, NULL, NULL);
    neighbours[neighbour].tell(passes->options.world, answers, err_message(&problem), clock_wall_ms());
    pthread_mutex_lock(&passes->lock);
    enum breaker_turn turn = breaker_note(&passes->breakers[neighbour], answers, now_ms);
    pthread_mutex_unlock(&passes->lock);
    if (turn == BREAKER_OPENED)
        log_error("neighbour does not answer", LOG_STR("neighbour", name), LOG_STR("error", err_message(&problem)));
    else if (turn == BREAKER_CLOSED)
        log_info("neighbour answers again", LOG_STR("neighbour", name));
    /* Away: each record says Unknown. Back: each is looked at. */
    if (turn != BREAKER_SAME)
        queue_hurry_all(passes->options.queue, now_ms, SPREAD_MS);
}

static bool is_due(struct passes *passes, enum neighbour neighbour)
{
    pthread_mutex_lock(&passes->lock);
    bool due = breaker_take(&passes->breakers[neighbour], clock_mono_ms());
    pthread_mutex_unlock(&passes->lock);
    return due;
}

void passes_turn(struct passes *passes)
{
    for (int neighbour = 0; neighbour < NEIGHBOURS; neighbour++)
        if (is_due(passes, (enum neighbour)neighbour))
            ask(passes, (enum neighbour)neighbour);
    bool all_there = !passes->breakers[NEIGHBOUR_ENGINE].is_open && !passes->breakers[NEIGHBOUR_SERVER].is_open;
    if (all_there && clock_mono_ms() >= passes->sizes_due_ms) {
        measure(passes);
        count_orphans(passes);
        passes->sizes_due_ms = clock_mono_ms() + SIZES_INTERVAL_MS;
    }
}

/* Under the lock. */
static int64_t next_ms(const struct passes *passes)
{
    int64_t next = passes->sizes_due_ms;
    bool is_open = false;
    for (int neighbour = 0; neighbour < NEIGHBOURS; neighbour++)
        is_open |= passes->breakers[neighbour].is_open;
    if (is_open)
        next = INT64_MAX; /* sizes wait until all are there */
    for (int neighbour = 0; neighbour < NEIGHBOURS; neighbour++)
        if (breaker_next_ms(&passes->breakers[neighbour]) < next)
            next = breaker_next_ms(&passes->breakers[neighbour]);
    return next;
}

int64_t passes_next_ms(struct passes *passes)
{
    pthread_mutex_lock(&passes->lock);
    int64_t next = next_ms(passes);
    pthread_mutex_unlock(&passes->lock);
    return next;
}

/* Until the next question, a suspicion, or the end. False: stopped. */
static bool rest(struct passes *passes)
{
    pthread_mutex_lock(&passes->lock);
    while (!passes->stopped) {
        int64_t until_ms = next_ms(passes);
        if (until_ms <= clock_mono_ms())
            break;
        struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
        pthread_cond_timedwait(&passes->changed, &passes->lock, &until);
    }
    bool stopped = passes->stopped;
    pthread_mutex_unlock(&passes->lock);
    return !stopped;
}

static void *pass_for_ever(void *context)
{
    struct passes *passes = context;
    while (rest(passes))
        passes_turn(passes);
    return NULL;
}

bool passes_new(const struct passes_options *options, struct passes **ret_passes, struct err *err)
{
    struct passes *passes = MEM_NEW(struct passes);
    passes->options = *options;
    if (!docker_open(options->docker, &passes->docker, err)) {
        free(passes);
        return false;
    }
    passes->server = server_new(options->server_url, options->settings->installation);
    passes->label = label_installation(options->settings);
    passes->container_marks = marks_new();
    passes->database_marks = marks_new();
    passes->role_marks = marks_new();
    passes->sizes_due_ms = clock_mono_ms() + SIZES_FIRST_MS;
    for (int neighbour = 0; neighbour < NEIGHBOURS; neighbour++)
        breaker_init(&passes->breakers[neighbour], options->interval_ms, clock_mono_ms());
    pthread_mutex_init(&passes->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&passes->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret_passes = passes;
    return true;
}

bool passes_start(struct passes *passes, struct err *err)
{
    passes_turn(passes);
    passes->has_thread = pthread_create(&passes->thread, NULL, pass_for_ever, passes) == 0;
    return passes->has_thread || err_set(err, ERR_INTERNAL, "no thread for list passes");
}

void passes_suspect(struct passes *passes)
{
    pthread_mutex_lock(&passes->lock);
    for (int neighbour = 0; neighbour < NEIGHBOURS; neighbour++)
        breaker_suspect(&passes->breakers[neighbour], clock_mono_ms());
    pthread_cond_signal(&passes->changed);
    pthread_mutex_unlock(&passes->lock);
}

void passes_hurry(struct passes *passes)
{
    pthread_mutex_lock(&passes->lock);
    breaker_hurry(&passes->breakers[NEIGHBOUR_ENGINE], clock_mono_ms());
    pthread_cond_signal(&passes->changed);
    pthread_mutex_unlock(&passes->lock);
}

void passes_stop(struct passes *passes)
{
    if (!passes)
        return;
    pthread_mutex_lock(&passes->lock);
    passes->stopped = true;
    __atomic_store_n(&passes->cancelled, 1, __ATOMIC_RELAXED);
    pthread_cond_signal(&passes->changed);
    pthread_mutex_unlock(&passes->lock);
    if (passes->has_thread)
        pthread_join(passes->thread, NULL);
    docker_free(passes->docker);
    server_free(passes->server);
    marks_free(passes->container_marks);
    marks_free(passes->database_marks);
    marks_free(passes->role_marks);
    pthread_cond_destroy(&passes->changed);
    pthread_mutex_destroy(&passes->lock);
    free(passes->label);
    free(passes);
}
