/* The blocking HTTP client against a server that behaves badly. */
#include <signal.h>

#include "clients/http/http.h"
#include "tests/check.h"
#include "tests/clients/http/server.h"

struct fixture {
    struct server *server;
    struct http *http;
};

static int setup(void **state)
{
    struct fixture *fixture = MEM_NEW(struct fixture);
    fixture->server = server_tcp();
    const struct http_target target = { .base_url = fixture->server->base_url };
    fixture->http = http_new(&target);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_free(fixture->http);
    server_free(fixture->server);
    free(fixture);
    return 0;
}

/* Status, or minus the error's code. */
static int get(struct http *http, const char *path, const struct call *call, struct str *ret_body, struct err *err)
{
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    const struct http_request request = { .method = "GET", .path = path, .body_limit = 1000 };
    if (!http_send(http, &request, call, &reply, err))
        return -(int)err->code;
    if (ret_body)
        str_move(ret_body, &reply.body);
    return reply.status;
}

static void assert_usable(struct http *http)
{
    CLEANUP(str_release) struct str body = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_int_equal(get(http, "/ok", NULL, &body, &err), 200);
    assert_string_equal(body.text, "hello");
    assert_int_equal(err.code, ERR_NONE);
}

/* Each of these answers, and after each of them the handle still works. */
static void answers_and_errors(void **state)
{
    static const struct {
        const char *why;
        const char *path;
        int64_t deadline_ms;
        int result;
    } rows[] = {
        { "a plain answer", "/ok", 0, 200 },
        { "any status is an answer", "/status/404", 0, 404 },
        { "a server's error, too", "/status/503", 0, 503 },
        { "no redirect is followed", "/status/302", 0, 302 },
        { "dots in the path stay", "/a/../ok", 0, -ERR_UNREACHABLE },
        { "closed without a word", "/nothing", 0, -ERR_UNREACHABLE },
        { "cut within the body", "/cut", 0, -ERR_UNREACHABLE },
        { "cut between chunks", "/chunkcut", 0, -ERR_UNREACHABLE },
        { "cut within a chunk", "/chunkmid", 0, -ERR_UNREACHABLE },
        { "a chunk's length is nonsense", "/badchunk", 0, -ERR_UNREACHABLE },
        { "cut within the headers", "/halfhead", 0, -ERR_UNREACHABLE },
        { "no HTTP at all", "/garbage", 0, -ERR_UNREACHABLE },
        { "a megabyte of headers", "/headers", 0, -ERR_UNREACHABLE },
        { "more than was wanted", "/lines", 0, 200 },
        { "a body that stops coming", "/stall", 200, -ERR_TIMEOUT },
        { "a head that never comes", "/mute", 200, -ERR_TIMEOUT },
        { "a byte now and then", "/drip", 300, -ERR_TIMEOUT },
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        struct call call = call_within(NULL, rows[i].deadline_ms ? rows[i].deadline_ms : 5000);
        int64_t began_ms = clock_mono_ms();
        int result = get(fixture->http, rows[i].path, &call, NULL, &err);
        if (result != rows[i].result)
            fail_msg("%s: %d instead of %d (%s)", rows[i].why, result, rows[i].result, err_message(&err));
        if (rows[i].deadline_ms)
            assert_in_range(clock_mono_ms() - began_ms, rows[i].deadline_ms - 1, rows[i].deadline_ms + 200);
        assert_usable(fixture->http);
    }
}

static void errors_name_the_target_not_its_credentials(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct http_target target = { .base_url = "http://me:secret@127.0.0.1:1" };
    CLEANUP(http_freep) struct http *http = http_new(&target);
    assert_int_equal(get(http, "/ok", NULL, NULL, &err), -ERR_UNREACHABLE);
    assert_non_null(strstr(err_message(&err), "http://127.0.0.1:1"));
    assert_null(strstr(err_message(&err), "secret"));
}

static void bad_addresses(void **state)
{
    static const struct {
        const char *base_url;
        const char *unix_socket;
        enum err_code code;
    } rows[] = {
        { "ftp://127.0.0.1", NULL, ERR_INVALID },
        { "file:///etc", NULL, ERR_INVALID },
        { "http://", NULL, ERR_INVALID },
        { "http://127.0.0.1:1", NULL, ERR_UNREACHABLE },
        { "http://docker", "/nonexistent.sock", ERR_UNREACHABLE },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        const struct http_target target = { .base_url = rows[i].base_url, .unix_socket = rows[i].unix_socket };
        CLEANUP(http_freep) struct http *http = http_new(&target);
        int result = get(http, "/ok", NULL, NULL, &err);
        if (result != -(int)rows[i].code)
            fail_msg("%s: %d (%s)", rows[i].base_url, result, err_message(&err));
    }
}

static void body_limit(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    struct http_request request = { .method = "GET", .path = "/ok", .body_limit = 4 };
    assert_false(http_send(fixture->http, &request, NULL, &reply, &err));
    assert_int_equal(err.code, ERR_TOO_LARGE);
    request.body_limit = 5;
    assert_true(http_send(fixture->http, &request, NULL, &reply, &err));
}

static void connections_are_kept(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 10; i++)
        assert_usable(fixture->http);
    assert_int_equal(fixture->server->connections, 1);
    CLEANUP(err_release) struct err err = ERR_INIT;
    for (int i = 0; i < 10; i++) { /* each next one finds its kept connection closed */
        assert_int_equal(get(fixture->http, "/once", NULL, NULL, &err), 200);
        sleep_ms(2);
    }
    assert_usable(fixture->http);
}

/* A kept connection that dies without an answer: what does no harm is tried again at once, a POST is not. */
static void posts_are_sent_once(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *method;
        int sent;
    } rows[] = { { "GET", 2 }, { "PUT", 2 }, { "DELETE", 2 }, { "POST", 1 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
        const struct http_request request = { .method = rows[i].method, .path = "/nothing" };
        assert_usable(fixture->http);
        int before = __atomic_load_n(&fixture->server->requests, __ATOMIC_RELAXED);
        assert_fails(http_send(fixture->http, &request, NULL, &reply, &err), &err, ERR_UNREACHABLE);
        assert_int_equal(__atomic_load_n(&fixture->server->requests, __ATOMIC_RELAXED) - before, rows[i].sent);
    }
}

/* ---- bodies ---- */

static bool give_lines(void *context, char *bytes, size_t room, size_t *ret_len, struct err *err)
{
    int *left = context;
    (void)err;
    *ret_len = 0;
    if (*left == 0)
        return true;
    (*left)--;
    *ret_len = room < 1000 ? room : 1000;
    memset(bytes, 'y', *ret_len);
    return true;
}

static bool give_then_fail(void *context, char *bytes, size_t room, size_t *ret_len, struct err *err)
{
    int *left = context;
    if (*left == 0)
        return err_set(err, ERR_EXPIRED, "the source ran dry");
    return give_lines(context, bytes, room, ret_len, err);
}

static bool count_bytes(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)bytes;
    (void)err;
    *(size_t *)context += len;
    return true;
}

static bool refuse(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)context;
    (void)bytes;
    (void)len;
    return err_set(err, ERR_EXPIRED, "the sink is full");
}

static void requests_arrive_as_meant(void **state)
{
    struct fixture *fixture = *state;
    static const char *const headers[] = { "X-Own: 1", NULL };
    static const struct {
        const char *why;
        struct http_request request;
        const char *sent[6]; /* all of them stand in the request */
        const char *absent;
    } rows[] = {
        { "GET", { .method = "GET" }, { "GET /echo?a=%2F HTTP/1.1\r\n" }, "Content-" },
        { "DELETE", { .method = "DELETE" }, { "DELETE /echo" }, "Content-" },
        { "POST without a body", { .method = "POST" }, { "POST /echo", "Content-Length: 0\r\n" }, "Content-Type" },
        { "PUT without a body", { .method = "PUT" }, { "PUT /echo", "Content-Length: 0\r\n" }, "Content-Type" },
        { "PATCH with a body and headers",
          { .method = "PATCH", .body = "{}", .body_len = 2, .content_type = "application/json", .headers = headers },
          { "PATCH /echo", "Content-Length: 2\r\n", "Content-Type: application/json\r\n", "X-Own: 1\r\n",
            "\r\n\r\n{}" },
          "Expect" },
        { "DELETE with a body",
          { .method = "DELETE", .body = "xy", .body_len = 2 },
          { "DELETE /", "\r\n\r\nxy" },
          "Content-Type" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
        struct http_request request = rows[i].request;
        request.path = "/echo?a=%2F";
        if (!http_send(fixture->http, &request, NULL, &reply, &err))
            fail_msg("%s: %s", rows[i].why, err_message(&err));
        for (size_t k = 0; k < ARRAY_LEN(rows[i].sent) && rows[i].sent[k]; k++)
            if (!strstr(reply.body.text, rows[i].sent[k]))
                fail_msg("%s: no %s in\n%s", rows[i].why, rows[i].sent[k], reply.body.text);
        if (strstr(reply.body.text, rows[i].absent))
            fail_msg("%s: %s in\n%s", rows[i].why, rows[i].absent, reply.body.text);
    }
}

static void streamed_upload(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    int left = 3000;
    const struct http_request request = {
        .method = "PUT", .path = "/echo", .source = give_lines, .source_context = &left
    };
    assert_true(http_send(fixture->http, &request, NULL, &reply, &err));
    assert_int_equal(reply.status, 200);
    size_t sent = 0;
    for (const char *at = reply.body.text; *at; at++)
        sent += *at == 'y';
    assert_int_equal(sent, 3000 * 1000);
    assert_int_equal(left, 0);
}

static void failing_source_and_sink(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    int left = 5;
    const struct http_request upload = {
        .method = "PUT", .path = "/echo", .source = give_then_fail, .source_context = &left
    };
    assert_false(http_send(fixture->http, &upload, NULL, &reply, &err));
    assert_int_equal(err.code, ERR_EXPIRED);
    assert_usable(fixture->http);
    err_clear(&err);
    const struct http_request download = { .method = "GET", .path = "/ok", .sink = refuse };
    assert_false(http_send(fixture->http, &download, NULL, &reply, &err));
    assert_int_equal(err.code, ERR_EXPIRED);
    assert_usable(fixture->http);
}

/* The server answers before it has read the body, and never reads it. */
static void early_answer_to_an_upload(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    struct call call = call_within(NULL, 5000);
    int left = 1000000;
    const struct http_request request = {
        .method = "PUT", .path = "/early", .source = give_lines, .source_context = &left
    };
    assert_true(http_send(fixture->http, &request, &call, &reply, &err));
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply.body.text, "not wanted");
    assert_true(left > 0);
    assert_usable(fixture->http);
}

static void sink_gets_success_only(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    size_t seen = 0;
    struct http_request request = { .method = "GET", .path = "/ok", .sink = count_bytes, .sink_context = &seen };
    assert_true(http_send(fixture->http, &request, NULL, &reply, &err));
    assert_int_equal(seen, 5);
    assert_int_equal(reply.body.len, 0);
    request.path = "/status/500";
    assert_true(http_send(fixture->http, &request, NULL, &reply, &err));
    assert_int_equal(seen, 5);
    assert_string_equal(reply.body.text, "{\"message\": \"no\"}");
    request.path = "/chunkcut"; /* what came before the cut was seen, but it is no success */
    assert_false(http_send(fixture->http, &request, NULL, &reply, &err));
    assert_int_equal(err.code, ERR_UNREACHABLE);
}

/* ---- cancel ---- */

static void assert_header(const struct http_reply *reply, const char *name, const char *wanted)
{
    CLEANUP(freep) char *value = http_reply_header(reply, name);
    if (!str_equal(value, wanted))
        fail_msg("%s is %s", name, value ? value : "not there");
}

static void headers_of_an_answer(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    const struct http_request request = { .method = "GET", .path = "/etag" };
    assert_ok(http_send(fixture->http, &request, NULL, &reply, &err), &err);
    assert_string_equal(reply.body.text, "ok");
    assert_header(&reply, "Etag", "\"a b\"");
    assert_header(&reply, "x-none", "");
    assert_header(&reply, "x-non", NULL);
    assert_header(&reply, "Content-Length", "2");
}

struct heads {
    int status, heads, pieces;
    bool refuse;
};

static bool take_head(void *context, const struct http_reply *head, struct err *err)
{
    struct heads *heads = context;
    CLEANUP(freep) char *etag = http_reply_header(head, "etag");
    assert_int_equal(heads->pieces, 0);
    assert_string_equal(etag, "\"a b\"");
    heads->status = head->status;
    heads->heads++;
    return !heads->refuse || err_set(err, ERR_CONFLICT, "another one");
}

static bool take_piece(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)bytes;
    (void)len;
    (void)err;
    ((struct heads *)context)->pieces++;
    return true;
}

static void the_head_comes_before_the_body(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    struct heads heads = { 0 };
    const struct http_request request = {
        .method = "GET", .path = "/etag", .head = take_head, .sink = take_piece, .sink_context = &heads
    };
    assert_ok(http_send(fixture->http, &request, NULL, &reply, &err), &err);
    assert_int_equal(heads.status, 200);
    assert_int_equal(heads.heads, 1);
    assert_int_equal(heads.pieces, 1);
    heads = (struct heads){ .refuse = true };
    assert_fails(http_send(fixture->http, &request, NULL, &reply, &err), &err, ERR_CONFLICT);
    assert_int_equal(heads.pieces, 0);
    assert_usable(fixture->http);
}

static void a_stall_ends_a_call(void **state)
{
    static const char *const paths[] = { "/stall", "/mute" };
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    struct call call = call_within(NULL, 60 * SECOND_MS);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct http_request request = { .method = "GET", .path = paths[i], .stall_ms = 200 };
        assert_false(http_send(fixture->http, &request, &call, &reply, &err));
        assert_int_equal(err.code, ERR_UNREACHABLE);
        assert_contains(err_message(&err), "nothing moved for 200 ms");
        err_clear(&err);
        assert_usable(fixture->http);
    }
    /* A byte now and then is a slow connection, not a dead one. */
    call = call_within(NULL, 600);
    const struct http_request request = { .method = "GET", .path = "/drip", .stall_ms = 300 };
    assert_fails(http_send(fixture->http, &request, &call, &reply, &err), &err, ERR_TIMEOUT);
}

static void *cancel_soon(void *context)
{
    sleep_ms(150);
    __atomic_store_n((volatile int *)context, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void cancel_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    static const char *const paths[] = { "/mute", "/stall", "/drip" };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        volatile int cancelled = 0;
        const struct call call = { .cancelled = &cancelled };
        pthread_t thread;
        int64_t began_ms = clock_mono_ms();
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, (void *)(uintptr_t)&cancelled), 0);
        assert_int_equal(get(fixture->http, paths[i], &call, NULL, &err), -ERR_CANCELLED);
        assert_in_range(clock_mono_ms() - began_ms, 150, 350);
        pthread_join(thread, NULL);
        assert_usable(fixture->http);
    }
}

static void over_before_it_began(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    const struct call late = { .deadline_mono_ms = 1 };
    assert_int_equal(get(fixture->http, "/ok", &late, NULL, &err), -ERR_TIMEOUT);
    volatile int cancelled = 1;
    const struct call call = { .cancelled = &cancelled };
    err_clear(&err);
    assert_int_equal(get(fixture->http, "/ok", &call, NULL, &err), -ERR_CANCELLED);
    assert_int_equal(fixture->server->connections, 0);
}

static void unix_socket(void **state)
{
    (void)state;
    CLEANUP(server_freep) struct server *server = server_unix();
    const struct http_target target = { .base_url = server->base_url, .unix_socket = server->unix_socket };
    CLEANUP(http_freep) struct http *http = http_new(&target);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    assert_usable(http);
    unsetenv("http_proxy");
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_int_equal(get(http, "/cut", NULL, NULL, &err), -ERR_UNREACHABLE);
    assert_non_null(strstr(err_message(&err), server->unix_socket));
    assert_usable(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_and_errors, setup, teardown),
        cmocka_unit_test(errors_name_the_target_not_its_credentials),
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test_setup_teardown(body_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(connections_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(posts_are_sent_once, setup, teardown),
        cmocka_unit_test_setup_teardown(requests_arrive_as_meant, setup, teardown),
        cmocka_unit_test_setup_teardown(streamed_upload, setup, teardown),
        cmocka_unit_test_setup_teardown(failing_source_and_sink, setup, teardown),
        cmocka_unit_test_setup_teardown(early_answer_to_an_upload, setup, teardown),
        cmocka_unit_test_setup_teardown(sink_gets_success_only, setup, teardown),
        cmocka_unit_test_setup_teardown(headers_of_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(the_head_comes_before_the_body, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stall_ends_a_call, setup, teardown),
        cmocka_unit_test_setup_teardown(cancel_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(over_before_it_began, setup, teardown),
        cmocka_unit_test(unix_socket),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
