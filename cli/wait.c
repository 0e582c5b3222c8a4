/* One watching thread per kind; the calling thread paints, once a second and whenever something changed. */
#include "cli/wait.h"

#include <pthread.h>

#include "cli/objects.h"
#include "cli/progress.h"
#include "cli/watch.h"
#include "cli/why.h"

#define PAINT_EVERY_MS 1000
#define LOOK_EVERY_MS  100 /* for Ctrl-C */

/* What is known of one record; guarded by the board's lock. */
struct waited {
    const struct wait_item *item;
    char *name;
    json_t *object; /* the last one seen; NULL: none */
    enum progress_state state;
    int64_t done_ms; /* mono; when it got there */
};

struct board {
    const struct wait_for *wait;
    int64_t started_ms;
    volatile int stop; /* ends the watchers' calls */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_changed;
    struct waited *waited;
    char *trouble;  /* the connection is lost; NULL: it is not */
    struct err err; /* of a watcher that gave up */
};

/* One thread: a kind, in one namespace or in all. */
struct watcher_thread {
    struct board *board;
    const struct connection *connection;
    struct target all;
    pthread_t thread;
    bool is_started;
};

/* ---- what an event means; lock held ---- */

static void wake(struct board *board)
{
    board->is_changed = true;
    pthread_cond_signal(&board->changed);
}

static bool got_there(const struct board *board, const struct waited *waited, const json_t *object)
{
    if (board->wait->goal == WAIT_READY)
        return object_is_ready(object) && object_generation(object) >= waited->item->generation;
    return waited->item->uid && !str_equal(object_meta(object, "uid"), waited->item->uid);
}

/* What runs once and has come to a bad end will not become ready. */
static bool has_failed(const json_t *object)
{
    const char *phase = json_text(json_object_get(object, "status"), "phase");
    return str_equal(phase, "Failed") || str_equal(phase, "RolledBack");
}

static void settle(struct waited *waited, enum progress_state state)
{
    if (waited->state == PROGRESS_WAITING)
        waited->done_ms = clock_mono_ms();
    waited->state = state;
}

static void note_object(struct board *board, struct waited *waited, json_t *object)
{
    json_decref(waited->object);
    waited->object = json_incref(object);
    if (got_there(board, waited, object))
        settle(waited, PROGRESS_DONE);
    else if (board->wait->goal == WAIT_READY && has_failed(object))
        settle(waited, PROGRESS_FAILED);
    else if (waited->state == PROGRESS_DONE && board->wait->goal == WAIT_READY)
        waited->state = PROGRESS_WAITING; /* Ready once is not Ready when all the others are */
}

static void note_absence(struct board *board, struct waited *waited)
{
    settle(waited, board->wait->goal == WAIT_GONE ? PROGRESS_DONE : PROGRESS_FAILED);
}

static bool is_about(const struct waited *waited, const json_t *object)
{
    const char *namespace = waited->item->target.namespace;
    return str_equal(json_text(object, "kind"), waited->item->target.kind->name) &&
           str_equal(object_meta(object, "name"), waited->item->target.name) &&
           str_equal(object_meta(object, "namespace"), namespace ? namespace : "");
}

static json_t *find_object(const struct waited *waited, const json_t *items)
{
    for (size_t i = 0; i < json_array_size(items); i++)
        if (is_about(waited, json_array_get(items, i)))
            return json_array_get(items, i);
    return NULL;
}

static void note_list(struct watcher_thread *watcher, const json_t *list)
{
    struct board *board = watcher->board;
    const json_t *items = json_object_get(list, "items");
    for (size_t i = 0; i < board->wait->count; i++) {
        struct waited *waited = &board->waited[i];
        if (waited->item->target.kind != watcher->all.kind)
            continue;
        json_t *object = find_object(waited, items);
        if (object)
            note_object(board, waited, object);
        else
            note_absence(board, waited);
    }
}

static enum watch_next on_event(void *context, enum watch_event event, json_t *object, struct err *err)
{
    (void)err; /* nothing can go wrong here */
    struct watcher_thread *watcher = context;
    struct board *board = watcher->board;
    pthread_mutex_lock(&board->lock);
    if (event == WATCH_LIST)
        note_list(watcher, object);
    for (size_t i = 0; event != WATCH_LIST && i < board->wait->count; i++) {
        struct waited *waited = &board->waited[i];
        if (!is_about(waited, object))
            continue;
        if (event == WATCH_DELETED)
            note_absence(board, waited);
        else
            note_object(board, waited, object);
    }
    wake(board);
    pthread_mutex_unlock(&board->lock);
    return WATCH_GO_ON;
}

static void on_trouble(void *context, const struct err *trouble)
{
    struct board *board = ((struct watcher_thread *)context)->board;
    pthread_mutex_lock(&board->lock);
    free(board->trouble);
    board->trouble = trouble ? mem_printf("connection lost, trying again: %s", err_message(trouble)) : NULL;
    wake(board);
    pthread_mutex_unlock(&board->lock);
}

/* ---- the watching threads ---- */

static void *watcher_main(void *context)
{
    struct watcher_thread *watcher = context;
    struct board *board = watcher->board;
    CLEANUP(client_freep) struct client *client = client_new(watcher->connection);
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *path = target_path(&watcher->all);
    const struct watch watch = {
        .path = path,
        .on_event = on_event,
        .on_trouble = on_trouble,
        .context = watcher,
    };
    const struct call call = { .cancelled = &board->stop };
    if (watch_run(client, &watch, &call, &err) || err.code == ERR_CANCELLED)
        return NULL;
    pthread_mutex_lock(&board->lock);
    if (board->err.code == ERR_NONE)
        err_move(&board->err, &err);
    wake(board);
    pthread_mutex_unlock(&board->lock);
    return NULL;
}

/* The namespace that all items of a kind have in common; NULL: there is none. */
static char *common_namespace(const struct wait_for *wait, const struct kind *kind)
{
    const char *common = NULL;
    for (size_t i = 0; i < wait->count; i++) {
        const struct target *target = &wait->items[i].target;
        if (target->kind != kind)
            continue;
        if (common && !str_equal(common, target->namespace))
            return NULL;
        common = target->namespace;
    }
    return (char *)(uintptr_t)common; /* borrowed, not written to */
}

static bool has_kind(const struct wait_for *wait, const struct kind *kind)
{
    for (size_t i = 0; i < wait->count; i++)
        if (wait->items[i].target.kind == kind)
            return true;
    return false;
}

static bool start_watchers(struct cli *cli, struct board *board, struct watcher_thread *watchers, struct err *err)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (!has_kind(board->wait, &kinds[i]))
            continue;
        watchers[i] = (struct watcher_thread){
            .board = board,
            .connection = &cli->connection,
            .all = { .kind = &kinds[i], .namespace = common_namespace(board->wait, &kinds[i]) },
        };
        int failure = pthread_create(&watchers[i].thread, NULL, watcher_main, &watchers[i]);
        if (failure)
            return err_set_errno(err, failure, "start a thread");
        watchers[i].is_started = true;
    }
    return true;
}

static void stop_watchers(struct board *board, struct watcher_thread *watchers)
{
    __atomic_store_n(&board->stop, 1, __ATOMIC_RELEASE);
    for (size_t i = 0; i < KINDS; i++)
        if (watchers[i].is_started)
            pthread_join(watchers[i].thread, NULL);
}

/* ---- painting; lock held ---- */

#define MIB ((double)(1 << 20))

/* "database: 12.5 of 40.0 MiB, 8.1 MiB/s" of what moves data; NULL: it does not. Owned. */
static char *transfer_of(const json_t *object)
{
    const json_t *progress = json_at(object, "status", "progress", NULL);
    const char *what = json_text(progress, "what");
    int64_t bytes = json_int(progress, "bytes", 0), total = json_int(progress, "totalBytes", 0);
    double rate = (double)json_int(progress, "bytesPerSecond", 0) / MIB;
    if (!what)
        return NULL;
    CLEANUP(freep) char *of = total ? mem_printf(" of %.1f", (double)total / MIB) : mem_strdup("");
    return mem_printf("%s: %.1f%s MiB, %.1f MiB/s", what, (double)bytes / MIB, of, rate);
}

static void tell_doing(const struct board *board, const struct waited *waited, char **ret_doing, char **ret_also)
{
    *ret_also = mem_strdup("");
    bool is_over_with = board->wait->goal == WAIT_GONE && object_is_ready(waited->object); /* not looked at since */
    if (waited->state == PROGRESS_FAILED && has_failed(waited->object)) {
        *ret_doing = mem_strdup(json_text(json_object_get(waited->object, "status"), "message"));
    } else if (waited->state == PROGRESS_FAILED) {
        *ret_doing = mem_strdup("was deleted");
    } else if (waited->state == PROGRESS_WAITING && board->trouble) {
        *ret_doing = mem_strdup(board->trouble);
    } else if (waited->state == PROGRESS_WAITING && waited->object && !is_over_with) {
        free(*ret_also);
        why_brief(waited->object, clock_wall_ms(), ret_doing, ret_also);
        char *transfer = transfer_of(waited->object);
        if (transfer) {
            free(*ret_also);
            *ret_also = transfer;
        }
    } else {
        *ret_doing = mem_strdup("");
    }
}

static const char *phase_of(const struct board *board, const struct waited *waited)
{
    const char *phase = json_text(json_object_get(waited->object, "status"), "phase");
    if (waited->state == PROGRESS_DONE)
        return board->wait->goal == WAIT_READY ? "Ready" : "Gone";
    if (waited->state == PROGRESS_FAILED)
        return has_failed(waited->object) ? phase : "Gone";
    if (object_is_being_deleted(waited->object))
        return "Deleting";
    return phase && phase[0] ? phase : "Pending";
}

static void show(struct board *board, struct progress *progress)
{
    size_t count = board->wait->count;
    CLEANUP(freep) struct progress_row *rows = mem_zalloc((count + 1) * sizeof(rows[0]));
    CLEANUP(strv_release) struct strv doing = STRV_INIT;
    CLEANUP(strv_release) struct strv also = STRV_INIT;
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < count; i++) {
        char *texts[2];
        tell_doing(board, &board->waited[i], &texts[0], &texts[1]);
        strv_add_taken(&doing, texts[0]);
        strv_add_taken(&also, texts[1]);
    }
    for (size_t i = 0; i < count; i++) {
        const struct waited *waited = &board->waited[i];
        int64_t until_ms = waited->state == PROGRESS_WAITING ? now_ms : waited->done_ms;
        rows[i] = (struct progress_row){
            .name = waited->name,
            .phase = phase_of(board, waited),
            .doing = doing.items[i],
            .also = also.items[i],
            .state = waited->state,
            .elapsed_ms = until_ms - board->started_ms,
        };
    }
    progress_show(progress, rows, count);
}

/* ---- until all got there; lock held ---- */

static bool all_done(const struct board *board)
{
    for (size_t i = 0; i < board->wait->count; i++)
        if (board->waited[i].state != PROGRESS_DONE)
            return false;
    return true;
}

static bool check_failed(const struct board *board, struct err *err)
{
    for (size_t i = 0; i < board->wait->count; i++)
        if (board->waited[i].state == PROGRESS_FAILED && has_failed(board->waited[i].object))
            return err_set(err, ERR_EXIT, "%s: %s", board->waited[i].name,
                           json_text(json_object_get(board->waited[i].object, "status"), "message"));
        else if (board->waited[i].state == PROGRESS_FAILED)
            return err_set(err, ERR_NOT_FOUND, "%s was deleted while it was waited for", board->waited[i].name);
    return true;
}

static void sleep_until_changed(struct board *board)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_EVERY_MS * 1000 * 1000;
    until.tv_sec += until.tv_nsec / (1000 * 1000 * 1000);
    until.tv_nsec %= 1000 * 1000 * 1000;
    pthread_cond_timedwait(&board->changed, &board->lock, &until);
}

static bool board_wait(struct board *board, const struct call *call, struct progress *progress, struct err *err)
{
    int64_t painted_ms = 0;
    for (;;) {
        bool is_time = clock_mono_ms() - painted_ms >= PAINT_EVERY_MS;
        if (board->is_changed || is_time) {
            show(board, progress);
            painted_ms = clock_mono_ms();
        }
        board->is_changed = false;
        if (all_done(board))
            return true;
        if (board->err.code != ERR_NONE) {
            err_move(err, &board->err);
            return false;
        }
        if (!check_failed(board, err) || !call_check(call, err))
            return false;
        if (!board->is_changed)
            sleep_until_changed(board);
    }
}

/* ---- the whole ---- */

static void board_init(struct board *board, const struct wait_for *wait)
{
    *board = (struct board){ .wait = wait, .started_ms = clock_mono_ms() };
    pthread_mutex_init(&board->lock, NULL);
    pthread_cond_init(&board->changed, NULL);
    board->waited = mem_zalloc((wait->count + 1) * sizeof(board->waited[0]));
    for (size_t i = 0; i < wait->count; i++)
        board->waited[i] = (struct waited){ .item = &wait->items[i], .name = target_text(&wait->items[i].target) };
}

static void board_release(struct board *board)
{
    for (size_t i = 0; i < board->wait->count; i++) {
        free(board->waited[i].name);
        json_decref(board->waited[i].object);
    }
    free(board->waited);
    free(board->trouble);
    err_release(&board->err);
    pthread_cond_destroy(&board->changed);
    pthread_mutex_destroy(&board->lock);
}

static void tell_why(struct cli *cli, const struct board *board)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    for (size_t i = 0; i < board->wait->count; i++)
        if (board->waited[i].state == PROGRESS_WAITING && board->waited[i].object) {
            str_addc(&out, '\n');
            why_print(board->waited[i].object, clock_wall_ms(), &cli->errors_terminal, &out);
        }
    fputs(out.text, cli->errors);
}

bool wait_for(struct cli *cli, const struct wait_for *wait, struct err *err)
{
    CLEANUP(progress_freep) struct progress *progress = progress_new(cli->errors, &cli->errors_terminal);
    CLEANUP(board_release) struct board board;
    struct watcher_thread watchers[KINDS] = { 0 };
    struct call call = wait->timeout_ms > 0 ? call_within(&cli->call, wait->timeout_ms) : cli->call;
    board_init(&board, wait);
    bool started = start_watchers(cli, &board, watchers, err);
    bool good = false;
    if (started) {
        pthread_mutex_lock(&board.lock);
        good = board_wait(&board, &call, progress, err);
        pthread_mutex_unlock(&board.lock);
    }
    stop_watchers(&board, watchers);
    if (!good && err->code == ERR_CANCELLED)
        fputs("tenantctl: interrupted; tenantd goes on with it\n", cli->errors);
    if (good || !started || err->code != ERR_TIMEOUT)
        return good;
    tell_why(cli, &board);
    CLEANUP(freep) char *span = time_age(wait->timeout_ms);
    return err_set(err, ERR_TIMEOUT, "timed out after %s; tenantd goes on with it", span);
}
