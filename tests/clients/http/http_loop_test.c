/* HTTP on a libev loop: many at once, cancels at awkward moments, streams, and nothing left behind. */
#include <dirent.h>

#include "clients/http/http_loop.h"
#include "tests/check.h"
#include "tests/clients/http/server.h"

struct fixture {
    struct server *server;
    struct ev_loop *loop;
    struct http_loop *http_loop;
};

/* What became of one flight. */
struct outcome {
    struct fixture *fixture;
    struct http_flight *flight;
    const char *path;
    int opened; /* status */
    int done;
    int status;
    char *problem;
    struct str body;
    bool cancel_on_open;
    struct http_flight *cancel_on_data;
    struct outcome *begin_on_data;
    struct outcome *begin_on_done;
    int *left; /* the loop is left when it is 0 */
};

static int count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static int setup(void **state)
{
    struct fixture *fixture = MEM_NEW(struct fixture);
    fixture->server = server_tcp();
    fixture->loop = ev_loop_new(EVFLAG_AUTO);
    fixture->http_loop = http_loop_new(fixture->loop);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_loop_free(fixture->http_loop);
    ev_loop_destroy(fixture->loop);
    server_free(fixture->server);
    free(fixture);
    return 0;
}

static void outcome_release(struct outcome *outcome)
{
    free(outcome->problem);
    str_release(&outcome->body);
}

static void begin(struct fixture *fixture, struct outcome *outcome, const char *path, int64_t timeout_ms);

static void on_data(void *context, const char *bytes, size_t len)
{
    struct outcome *outcome = context;
    str_addn(&outcome->body, bytes, len);
    if (outcome->begin_on_data) {
        begin(outcome->fixture, outcome->begin_on_data, "/ok", 1000);
        outcome->begin_on_data = NULL;
    }
    if (outcome->cancel_on_data) {
        http_flight_cancel(outcome->cancel_on_data);
        outcome->cancel_on_data = NULL;
    }
}

static void on_open(void *context, int status)
{
    struct outcome *outcome = context;
    assert_int_equal(outcome->opened, 0);
    assert_int_equal(outcome->done, 0);
    outcome->opened = status;
    if (outcome->cancel_on_open)
        http_flight_cancel(outcome->flight);
}

static void on_done(void *context, int status, const char *problem)
{
    struct outcome *outcome = context;
    outcome->done++;
    outcome->status = status;
    free(outcome->problem);
    outcome->problem = mem_strdup(problem);
    if (outcome->begin_on_done)
        begin(outcome->fixture, outcome->begin_on_done, "/ok", 1000);
    if (outcome->left && --*outcome->left == 0)
        ev_break(outcome->fixture->loop, EVBREAK_ALL);
}

static void begin(struct fixture *fixture, struct outcome *outcome, const char *path, int64_t timeout_ms)
{
    const struct http_flight_options options = {
        .target = { .base_url = fixture->server->base_url, .unix_socket = fixture->server->unix_socket },
        .path = path,
        .timeout_ms = timeout_ms,
        .on_open = on_open,
        .on_data = on_data,
        .on_done = on_done,
        .context = outcome,
    };
    outcome->fixture = fixture;
    outcome->path = path;
    outcome->body = outcome->body.text ? outcome->body : (struct str)STR_INIT;
    outcome->flight = http_loop_get(fixture->http_loop, &options);
}

static void stop_loop(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void run_for(struct fixture *fixture, int64_t ms)
{
    ev_timer timer;
    ev_now_update(fixture->loop);
    ev_timer_init(&timer, stop_loop, (ev_tstamp)ms / 1000, 0);
    ev_timer_start(fixture->loop, &timer);
    ev_run(fixture->loop, 0);
    ev_timer_stop(fixture->loop, &timer);
}

static void every_end(void **state)
{
    static const struct {
        const char *why;
        const char *path;
        int64_t timeout_ms;
        int status;
        const char *body;
        int opened;
    } rows[] = {
        { "a plain answer", "/ok", 1000, 200, "hello", 200 },
        { "any status", "/status/503", 1000, 503, "{\"message\": \"no\"}", 503 },
        { "a stream that ends", "/lines", 0, 200, "line 0\nline 1\nline 2\nline 3\nline 4\n", 200 },
        { "closed without a word", "/nothing", 1000, 0, "", 0 },
        { "cut within the body", "/cut", 1000, 0, "only this", 200 },
        { "cut between chunks", "/chunkcut", 0, 0, "hello", 200 },
        { "cut within the headers", "/halfhead", 1000, 0, "", 0 },
        { "no HTTP", "/garbage", 1000, 0, "", 0 },
        { "a megabyte of headers", "/headers", 1000, 0, "", 0 },
        { "silence", "/mute", 100, 0, "", 0 },
        { "a body that stops coming", "/stall", 100, 0, "abc", 200 },
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int left = 1;
        CLEANUP(outcome_release) struct outcome outcome = { .left = &left };
        begin(fixture, &outcome, rows[i].path, rows[i].timeout_ms);
        assert_int_equal(outcome.done, 0); /* never from within the asking */
        run_for(fixture, 3000);
        if (outcome.done != 1 || outcome.status != rows[i].status || strcmp(outcome.body.text, rows[i].body) != 0)
            fail_msg("%s: done %d, status %d (%s), body %s", rows[i].why, outcome.done, outcome.status, outcome.problem,
                     outcome.body.text);
        if (outcome.opened != rows[i].opened)
            fail_msg("%s: opened with %d", rows[i].why, outcome.opened);
        assert_int_equal(outcome.problem[0] == '\0', outcome.status != 0);
    }
}

static void nobody_listens(void **state)
{
    struct fixture *fixture = *state;
    static const char *const base_urls[] = { "http://127.0.0.1:1", "nonsense", "http://" };
    for (size_t i = 0; i < ARRAY_LEN(base_urls); i++) {
        int left = 1;
        CLEANUP(outcome_release) struct outcome outcome = { .fixture = fixture, .body = STR_INIT, .left = &left };
        const struct http_flight_options options = { .target = { .base_url = base_urls[i] },
                                                     .path = "/",
                                                     .timeout_ms = 1000,
                                                     .on_done = on_done,
                                                     .context = &outcome };
        http_loop_get(fixture->http_loop, &options);
        run_for(fixture, 3000);
        assert_int_equal(outcome.done, 1);
        assert_int_equal(outcome.status, 0);
        assert_true(outcome.problem[0]);
    }
}

#define MANY 200

static void many_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcomes[MANY] = { 0 };
    int descriptors = count_descriptors();
    int left = MANY;
    for (size_t i = 0; i < MANY; i++) {
        outcomes[i].left = &left;
        begin(fixture, &outcomes[i], i % 4 == 3 ? "/lines" : "/ok", 10000);
    }
    run_for(fixture, 10000);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(outcomes[i].done, 1);
        assert_int_equal(outcomes[i].status, 200);
        outcome_release(&outcomes[i]);
    }
    while (__atomic_load_n(&fixture->server->open, __ATOMIC_ACQUIRE) > 0)
        sleep_ms(1);
    assert_in_range(count_descriptors(), 0, descriptors + 2); /* no connection is kept */
}

static void cancel_in_flight(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcomes[MANY] = { 0 };
    for (size_t i = 0; i < MANY; i++)
        begin(fixture, &outcomes[i], i % 2 ? "/stall" : "/mute", 0);
    for (size_t i = 0; i < MANY; i += 3) /* some before they have begun */
        http_flight_cancel(outcomes[i].flight);
    run_for(fixture, 200);
    for (size_t i = 1; i < MANY; i += 3)
        http_flight_cancel(outcomes[i].flight);
    run_for(fixture, 50);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(outcomes[i].done, 0);
        outcome_release(&outcomes[i]);
    }
    /* The last third goes with the loop, in teardown. */
}

static void cancel_from_within(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(outcome_release) struct outcome own = { 0 };
    CLEANUP(outcome_release) struct outcome other = { 0 };
    CLEANUP(outcome_release) struct outcome victim = { 0 };
    CLEANUP(outcome_release) struct outcome early = { .cancel_on_open = true };
    begin(fixture, &early, "/lines", 0);
    begin(fixture, &own, "/lines", 0);
    own.cancel_on_data = own.flight;
    begin(fixture, &victim, "/mute", 0);
    begin(fixture, &other, "/lines", 0);
    other.cancel_on_data = victim.flight;
    run_for(fixture, 300);
    assert_int_equal(early.opened, 200);
    assert_int_equal(early.done, 0);
    assert_string_equal(early.body.text, "");
    assert_int_equal(own.done, 0);
    assert_string_equal(own.body.text, "line 0\n");
    assert_int_equal(victim.done, 0);
    assert_int_equal(other.done, 1);
    assert_int_equal(other.status, 200);
}

static void begin_from_within(void **state)
{
    struct fixture *fixture = *state;
    int left = 3;
    CLEANUP(outcome_release) struct outcome by_done = { .left = &left };
    CLEANUP(outcome_release) struct outcome by_data = { .left = &left, .begin_on_done = &by_done };
    CLEANUP(outcome_release) struct outcome first = { .left = &left, .begin_on_data = &by_data };
    begin(fixture, &first, "/lines", 0);
    run_for(fixture, 3000);
    assert_int_equal(first.status, 200);
    assert_int_equal(by_data.status, 200);
    assert_string_equal(by_data.body.text, "hello");
    assert_int_equal(by_done.status, 200);
}

static void body_limit(void **state)
{
    struct fixture *fixture = *state;
    int left = 1;
    CLEANUP(outcome_release) struct outcome outcome = { .fixture = fixture, .body = STR_INIT, .left = &left };
    const struct http_flight_options options = {
        .target = { .base_url = fixture->server->base_url },
        .path = "/lines",
        .body_limit = 10,
        .on_data = on_data,
        .on_done = on_done,
        .context = &outcome,
    };
    http_loop_get(fixture->http_loop, &options);
    run_for(fixture, 3000);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.body.text, "line 0\nlin");
}

static void stream_over_a_unix_socket(void **state)
{
    struct fixture *fixture = *state;
    server_free(fixture->server);
    fixture->server = server_unix();
    int left = 1;
    CLEANUP(outcome_release) struct outcome stream = { .left = &left };
    begin(fixture, &stream, "/lines", 0);
    run_for(fixture, 3000);
    assert_int_equal(stream.status, 200);
    assert_string_equal(stream.body.text, "line 0\nline 1\nline 2\nline 3\nline 4\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_end, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_listens, setup, teardown),
        cmocka_unit_test_setup_teardown(many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(cancel_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(cancel_from_within, setup, teardown),
        cmocka_unit_test_setup_teardown(begin_from_within, setup, teardown),
        cmocka_unit_test_setup_teardown(body_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(stream_over_a_unix_socket, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
