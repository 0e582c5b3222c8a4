/* What clients do to a server, with and without intent: none of it harms the others. */
#include "tests/api/api_client.h"

#define STREAMS "tenantd_api_streams"
#define WATCHES "tenantd_api_watches"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

/* The API anew, with a shorter patience. */
static void restart_with_idle(struct api_fixture *api, int64_t idle_ms)
{
    api_fixture_stop(api);
    api->listen.idle_timeout_ms = idle_ms;
    api_fixture_start(api);
}

static int64_t resident_bytes(void)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    struct err err = ERR_INIT;
    int64_t pages = 0;
    assert_ok(file_read("/proc/self/statm", 4096, &text, &err), &err);
    char *at = strchr(text.text, ' ');
    assert_non_null(at);
    *strchr(at + 1, ' ') = '\0';
    assert_true(str_parse_int64(at + 1, 1, INT64_MAX, &pages));
    return pages * 4096;
}

static int open_descriptors(void)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    struct err err = ERR_INIT;
    assert_ok(dir_list("/proc/self/fd", &names, &err), &err);
    return (int)names.count;
}

/* ---- watchers ---- */

#define MANY 1000

static void open_watches(struct api_fixture *api, int *fds)
{
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(api);
        send_get(fds[i], i % 2 ? TENANTS "?watch=true" : TENANTS "?watch=true&labelSelector=a%3Db");
    }
    wait_metric(api, STREAMS, MANY);
}

/* 1,000 connections have their buffers, 32 KB each; what is allowed to stay is a part of that. */
#define STAYS_BYTES (12 << 20)

static void test_watchers_that_vanish(void **state)
{
    struct api_fixture *api = *state;
    int fds[MANY];
    int descriptors = 0;
    restart_with_idle(api, 2 * SECOND_MS);
    make_acme(api);
    mem_give_back();
    int64_t before_bytes = resident_bytes();
    for (int round = 0; round < 4; round++) {
        open_watches(api, fds);
        for (int i = 0; i < MANY; i++)
            close(fds[i]);
        wait_metric(api, STREAMS, 0);
        wait_metric(api, WATCHES, 0);
        if (round == 1) { /* each worker has its connection by now */
            usleep(500000);
            descriptors = open_descriptors();
        }
    }
    for (int i = 0; i < 500 && open_descriptors() > descriptors; i++)
        usleep(20000);
    assert_in_range(open_descriptors(), 0, descriptors);
    for (int i = 0; i < 500 && !IS_SANITIZED && resident_bytes() > before_bytes + STAYS_BYTES; i++) {
        mem_give_back(); /* as the daemon does every other second */
        usleep(20000);
    }
    if (!IS_SANITIZED)
        assert_in_range(resident_bytes(), 0, before_bytes + STAYS_BYTES);
}

static void test_every_watcher_hears(void **state)
{
    struct api_fixture *api = *state;
    int fds[MANY];
    make_acme(api);
    open_watches(api, fds);
    assert_asked(api, 200, .method = "PATCH", .path = TENANTS "/acme", .content_type = MERGE,
                 .body = "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
    for (int i = 0; i < MANY; i++) {
        CLEANUP(str_release) struct str text = STR_INIT;
        assert_true(receive_until(fds[i], &text, "\"labels\":{\"a\":\"b\"}", 20 * SECOND_MS));
        assert_contains(text.text, "\"labels\":{\"a\":\"b\"}");
        close(fds[i]);
    }
    wait_metric(api, STREAMS, 0);
}

static void test_slow_reader_is_dropped(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(str_release) struct str heard = STR_INIT;
    CLEANUP(str_release) struct str note = STR_INIT;
    restart_with_idle(api, 2 * SECOND_MS);
    make_acme(api);
    int slow = dial(api);
    int good = dial(api);
    int small = 4096;
    assert_int_equal(setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    send_get(slow, TENANTS "?watch=true");
    send_get(good, TENANTS "?watch=true");
    wait_metric(api, STREAMS, 2);
    for (int i = 0; i < 100000; i++)
        str_addc(&note, 'x');
    for (int i = 0; i < 80; i++) { /* 8 MB: more than sockets and buffers take */
        CLEANUP(freep)
        char *body = mem_printf("{\"metadata\":{\"annotations\":{\"n\":\"%d\",\"note\":\"%s\"}}}", i, note.text);
        assert_asked(api, 200, .method = "PATCH", .path = TENANTS "/acme", .content_type = MERGE, .body = body);
        CLEANUP(freep) char *mark = mem_printf("\"n\":\"%d\"", i);
        assert_true(receive_until(good, &heard, mark, 20 * SECOND_MS)); /* one waits for no other */
        assert_contains(heard.text, mark);
        str_clear(&heard);
    }
    wait_metric(api, STREAMS, 1);
    close(slow);
    close(good);
}

static void test_fast_reader_catches_up(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(str_release) struct str heard = STR_INIT;
    CLEANUP(str_release) struct str note = STR_INIT;
    make_acme(api);
    int late = dial(api);
    send_get(late, TENANTS "?watch=true");
    wait_metric(api, STREAMS, 1);
    for (int i = 0; i < 100000; i++)
        str_addc(&note, 'x');
    for (int i = 0; i < 60; i++) { /* more than the feed keeps in memory: the rest comes from the database */
        CLEANUP(freep)
        char *body = mem_printf("{\"metadata\":{\"annotations\":{\"n\":\"%d\",\"note\":\"%s\"}}}", i, note.text);
        assert_asked(api, 200, .method = "PATCH", .path = TENANTS "/acme", .content_type = MERGE, .body = body);
    }
    assert_true(receive_until(late, &heard, "\"n\":\"59\"", 30 * SECOND_MS));
    const char *at = heard.text;
    for (int i = 0; i < 60; i++) {
        CLEANUP(freep) char *mark = mem_printf("\"n\":\"%d\"", i);
        at = strstr(at, mark);
        if (!at)
            fail_msg("change %d is missing or out of order", i);
    }
    close(late);
    wait_metric(api, STREAMS, 0);
}

static void test_half_closed_watch_ends(void **state)
{
    struct api_fixture *api = *state;
    int fd = dial(api);
    send_get(fd, TENANTS "?watch=true");
    wait_metric(api, STREAMS, 1);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    wait_metric(api, STREAMS, 0);
    close(fd);
}

static void test_stop_with_watchers(void **state)
{
    struct api_fixture *api = *state;
    int fds[50];
    for (int i = 0; i < 50; i++) {
        fds[i] = dial(api);
        send_get(fds[i], TENANTS "?watch=true");
    }
    wait_metric(api, STREAMS, 50);
    int64_t started_ms = clock_mono_ms();
    api_fixture_stop(api);
    assert_true(clock_mono_ms() - started_ms < 10 * SECOND_MS);
    for (int i = 0; i < 50; i++)
        close(fds[i]);
    api_fixture_start(api);
}

/* ---- requests that do not come, or come slowly ---- */

static void test_idle_connections(void **state)
{
    struct api_fixture *api = *state;
    int fds[MANY];
    for (int i = 0; i < MANY; i++)
        fds[i] = dial(api);
    int64_t started_ms = clock_mono_ms();
    assert_asked(api, 200, .path = TENANTS);
    assert_asked(api, 200, .path = TENANTS, .plain = true);
    assert_true(clock_mono_ms() - started_ms < 5 * SECOND_MS);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
}

static const struct {
    const char *why;
    const char *begin; /* what is sent at once */
    bool drips;        /* a byte more now and then */
} unfinished[] = {
    { "nothing at all", "", false },
    { "half a head", "GET /healthz HTTP/1.1\r\nHost: x\r\n", false },
    { "a head that drips", "GET /healthz HTTP/1.1\r\nX: ", true },
    { "a body that never arrives",
      "POST " TENANTS " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " ADMIN_TOKEN "\r\nContent-Length: 10\r\n\r\n",
      false },
    { "a body that drips",
      "POST " TENANTS " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " ADMIN_TOKEN "\r\nContent-Length: 100000\r\n\r\n",
      true },
    { "a chunk that never arrives",
      "POST " TENANTS " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " ADMIN_TOKEN
      "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
      false },
};

static void test_unfinished_requests_time_out(void **state)
{
    struct api_fixture *api = *state;
    int fds[ARRAY_LEN(unfinished)];
    restart_with_idle(api, SECOND_MS);
    for (size_t i = 0; i < ARRAY_LEN(unfinished); i++) {
        fds[i] = dial(api);
        send_text(fds[i], unfinished[i].begin);
    }
    bool is_closed[ARRAY_LEN(unfinished)] = { false };
    size_t closed = 0;
    for (int64_t until_ms = clock_mono_ms() + 15 * SECOND_MS;
         closed < ARRAY_LEN(unfinished) && clock_mono_ms() < until_ms;) {
        for (size_t i = 0; i < ARRAY_LEN(unfinished); i++) {
            CLEANUP(str_release) struct str text = STR_INIT;
            if (is_closed[i])
                continue;
            if (unfinished[i].drips)
                send(fds[i], "x", 1, MSG_NOSIGNAL);
            is_closed[i] = !receive_until(fds[i], &text, NULL, 100);
            closed += is_closed[i];
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(unfinished); i++) {
        if (!is_closed[i])
            fail_msg("%s: still open", unfinished[i].why);
        close(fds[i]);
    }
    assert_asked(api, 200, .path = TENANTS);
}

/* ---- bodies ---- */

static void test_large_bodies(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(str_release) struct str body = STR_INIT;
    for (int i = 0; i < 20 << 20; i++)
        str_addc(&body, ' ');
    assert_asked(api, 413, .method = "POST", .path = TENANTS, .body = body.text);
    assert_asked(api, 413, .method = "POST", .path = TENANTS, .body = body.text, .header = "Expect:");
    assert_asked(api, 413, .method = "POST", .path = TENANTS, .body = body.text,
                 .header = "Transfer-Encoding: chunked");
    assert_asked(api, 401, .method = "POST", .path = TENANTS, .body = body.text, .token = "", .header = "Expect:");
    assert_asked(api, 401, .method = "POST", .path = TENANTS, .body = body.text, .token = "wrong",
                 .header = "Transfer-Encoding: chunked");
    assert_asked(api, 400, .method = "POST", .path = TENANTS, .body = body.text,
                 .body_len = 3 << 20); /* blanks are no JSON */
}

static void add_times(struct str *text, const char *what, int times)
{
    for (int i = 0; i < times; i++)
        str_add(text, what);
}

static void test_bombs(void **state)
{
    struct api_fixture *api = *state;
    static const struct {
        const char *what, *type;
    } nested[] = { { "[", "application/json" },
                   { "{\"a\":", "application/json" },
                   { "[", "application/yaml" },
                   { "a: {", "application/yaml" },
                   { "- ", "application/yaml" } };
    for (size_t i = 0; i < ARRAY_LEN(nested); i++) {
        CLEANUP(str_release) struct str body = STR_INIT;
        add_times(&body, nested[i].what, 10000);
        assert_asked(api, 400, .method = "POST", .path = TENANTS, .body = body.text, .content_type = nested[i].type);
    }
    CLEANUP(str_release) struct str aliases = STR_INIT;
    str_add(&aliases, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 10; i++) {
        str_addf(&aliases, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            str_addf(&aliases, "%s*a%d", k ? "," : "", i - 1);
        str_add(&aliases, "]\n");
    }
    assert_asked(api, 400, .method = "POST", .path = TENANTS, .body = aliases.text, .content_type = "application/yaml");
    static const char nul[] = "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Ten\0nt\"}";
    assert_asked(api, 400, .method = "POST", .path = TENANTS, .body = nul, .body_len = sizeof(nul) - 1);
    assert_asked(api, 400, .method = "POST", .path = TENANTS, .body = nul, .body_len = sizeof(nul) - 1,
                 .content_type = "application/yaml");
    assert_asked(api, 400, .method = "POST", .path = TENANTS, .body = "{\"kind\":\"\xff\xfe\"}");
    assert_asked(api, 400, .method = "POST", .path = TENANTS, .body = "kind: \xff\xfe\n",
                 .content_type = "application/yaml");
    assert_asked(api, 400, .method = "PATCH", .path = TENANTS "/none", .content_type = MERGE,
                 .body = "{\"a\":\"\xff\"}");
}

static void test_odd_heads(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(str_release) struct str long_line = STR_INIT;
    CLEANUP(str_release) struct str many = STR_INIT;
    str_add(&long_line, "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ");
    add_times(&long_line, "y", 100000);
    str_add(&many, "GET /healthz HTTP/1.1\r\nHost: x\r\n");
    add_times(&many, "X: y\r\n", 20000);
    const struct {
        const char *why;
        const char *text;
        const char *answer; /* NULL: the connection is closed, with or without one */
    } rows[] = {
        { "HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n", "ok" },
        { "two at once",
          "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "ok" },
        { "no host", "GET /healthz HTTP/1.1\r\n\r\n", "ok" },
        { "no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", NULL },
        { "a header beyond all measure", long_line.text, NULL },
        { "headers beyond all number", many.text, NULL },
        { "a length that is none", "POST " TENANTS " HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", NULL },
        { "two lengths", "POST " TENANTS " HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(str_release) struct str answer = STR_INIT;
        int fd = dial(api);
        ssize_t sent = send(fd, rows[i].text, strlen(rows[i].text), MSG_NOSIGNAL);
        assert_true(sent > 0);
        shutdown(fd, SHUT_WR);
        receive_until(fd, &answer, NULL, 3000);
        if (rows[i].answer && !strstr(answer.text, rows[i].answer))
            fail_msg("%s: %s", rows[i].why, answer.text);
        close(fd);
    }
    assert_asked(api, 200, .path = "/healthz");
}

int main(void)
{
    struct check_list list = { 0 };
    curl_global_init(CURL_GLOBAL_ALL);
    CHECK_API(&list, test_watchers_that_vanish);
    CHECK_API(&list, test_every_watcher_hears);
    CHECK_API(&list, test_slow_reader_is_dropped);
    CHECK_API(&list, test_fast_reader_catches_up);
    CHECK_API(&list, test_half_closed_watch_ends);
    CHECK_API(&list, test_stop_with_watchers);
    CHECK_API(&list, test_idle_connections);
    CHECK_API(&list, test_unfinished_requests_time_out);
    CHECK_API(&list, test_large_bodies);
    CHECK_API(&list, test_bombs);
    CHECK_API(&list, test_odd_heads);
    return check_run_api("server_abuse", &list);
}
