/* What stands between us and S3 goes wrong, by order (tests/tools/s3_faults.py): what may pass is overcome, what may not is told. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "clients/http/http.h"
#include "tests/clients/objects/contract.h"
#include "tests/clients/s3/rgw.h"

#define BUCKET    "faults-1"
#define BIG_BYTES ((size_t)35 << 20) /* three parts of 16 MiB, the last one smaller */

static struct rgw rgw;
static char *proxy; /* its address */
static struct http *orders;

static struct objects *open_bucket(void)
{
    struct s3_options options = rgw_options(&rgw, BUCKET);
    options.endpoint = proxy;
    options.patience_ms = 20 * SECOND_MS;
    options.stall_ms = 2 * SECOND_MS;
    return rgw_open(&options);
}

static size_t leftovers(const char *prefix)
{
    CLEANUP(freep) char *count = rgw_look(&rgw, "uploads", BUCKET, prefix, NULL);
    return strtoul(count, NULL, 10);
}

static const struct contract_place contract_place = { open_bucket, leftovers };

/* ---- the proxy ---- */

static int proxy_input = -1;
static pid_t proxy_pid;

static void start_proxy(void)
{
    int in[2], out[2];
    char line[100] = "";
    if (pipe(in) != 0 || pipe(out) != 0)
        exit(1);
    proxy_pid = fork();
    if (proxy_pid == 0) {
        const char *upstream = strstr(rgw.endpoint, "//") + 2;
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execlp("python3", "python3", "tests/tools/s3_faults.py", upstream, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    proxy_input = in[1];
    FILE *output = fdopen(out[0], "r");
    if (!fgets(line, sizeof(line), output))
        exit(1);
    fclose(output);
    proxy = rgw_value(line, "PROXY");
    const struct http_target target = { .base_url = proxy };
    orders = http_new(&target);
}

static void stop_proxy(void)
{
    close(proxy_input); /* its end */
    waitpid(proxy_pid, NULL, 0);
    http_free(orders);
    free(proxy);
}

static size_t order(const char *method, const char *path)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    const struct http_request request = { .method = method, .path = path };
    assert_ok(http_send(orders, &request, NULL, &reply, &err), &err);
    return strtoul(reply.body.text, NULL, 10);
}

static void clear_faults(void)
{
    order("POST", "/-/clear");
}

static void add_fault(const char *what, const char *method, const char *match, size_t count)
{
    CLEANUP(freep) char *path = mem_printf("/-/fault?do=%s&method=%s&match=%s&count=%zu", what, method, match, count);
    order("POST", path);
}

static size_t count_requests(const char *method, const char *match)
{
    CLEANUP(freep) char *path = mem_printf("/-/count?method=%s&match=%s", method, match);
    return order("GET", path);
}

/* ---- what is done meanwhile ---- */

typedef bool act_fn(struct objects *objects, const char *prefix, struct err *err);

static bool put_small(struct objects *objects, const char *prefix, struct err *err)
{
    CLEANUP(freep) char *key = mem_printf("%s/small", prefix);
    if (!objects_put_bytes(objects, key, "0123456789", 10, NULL, err))
        return false;
    clear_faults();
    contract_expect(objects, key, "0123456789");
    return true;
}

static bool put_big(struct objects *objects, const char *prefix, struct err *err)
{
    CLEANUP(freep) char *key = mem_printf("%s/big", prefix);
    struct digest sent, got;
    CLEANUP(sink_freep) struct sink *put = digest_sink_new(&sent, objects_put(objects, key, NULL));
    if (!contract_write_much(put, BIG_BYTES, err) || !sink_finish(put, err))
        return false;
    clear_faults();
    CLEANUP(sink_freep) struct sink *to = digest_sink_new(&got, NULL);
    assert_ok(objects_get(objects, key, to, NULL, err) && sink_finish(to, err), err);
    assert_string_equal(got.sha256_hex, sent.sha256_hex);
    assert_int_equal(leftovers(prefix), 0);
    return true;
}

/* Of an object that was put before the faults. */
static bool get_big(struct objects *objects, const char *prefix, struct err *err)
{
    (void)prefix;
    struct digest got;
    CLEANUP(sink_freep) struct sink *to = digest_sink_new(&got, NULL);
    if (!objects_get(objects, "kept/big", to, NULL, err))
        return false;
    assert_ok(sink_finish(to, err), err);
    assert_int_equal(got.bytes, BIG_BYTES);
    clear_faults();
    CLEANUP(freep) char *sum = rgw_look(&rgw, "sha256", BUCKET, "kept/big", NULL);
    assert_string_equal(got.sha256_hex, sum);
    return true;
}

static bool list_some(struct objects *objects, const char *prefix, struct err *err)
{
    (void)prefix;
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    if (!objects_list(objects, "kept/", contract_note_key, &keys, NULL, err))
        return false;
    assert_int_equal(keys.count, 1);
    return true;
}

static bool look_at_one(struct objects *objects, const char *prefix, struct err *err)
{
    (void)prefix;
    CLEANUP(object_release) struct object object = { 0 };
    return objects_head(objects, "kept/big", NULL, &object, err);
}

static bool delete_one(struct objects *objects, const char *prefix, struct err *err)
{
    CLEANUP(freep) char *key = mem_printf("%s/small", prefix);
    CLEANUP(object_release) struct object object = { 0 };
    struct err gone = ERR_INIT;
    contract_put(objects, key, "x");
    if (!objects_delete(objects, key, NULL, err))
        return false;
    assert_fails(objects_head(objects, key, NULL, &object, &gone), &gone, ERR_NOT_FOUND);
    return true;
}

static const struct row {
    const char *why;
    act_fn *act;
    const char *what, *method, *match;
    size_t count;
    enum err_code code; /* ERR_NONE: overcome */
    const char *problem;
} rows[] = {
    { "small put: no answer", put_small, "cut", "PUT", "small", 2 },
    { "small put: done, and no answer", put_small, "lost", "PUT", "small", 1 },
    { "small put: silence", put_small, "stall", "PUT", "small", 1 },
    { "small put: 500", put_small, "500", "PUT", "small", 2 },
    { "small put: SlowDown", put_small, "503", "PUT", "small", 3 },
    { "small put: a bit turns", put_small, "flip", "PUT", "small", 1 },
    { "small put: 200 and lost", put_small, "forget", "PUT", "small", 1, ERR_REMOTE,
      "it was answered well, but the object is not there" },
    { "small put: no look at it afterwards", put_small, "500", "HEAD", "small", 2 },
    { "big put: begin without answer", put_big, "cut", "POST", "uploads=", 1 },
    { "big put: begin answered by a page", put_big, "login", "POST", "uploads=", 1, ERR_REMOTE, "has no upload" },
    { "big put: parts without answer", put_big, "cut", "PUT", "partNumber=", 3 },
    { "big put: a part done, and no answer", put_big, "lost", "PUT", "partNumber=2", 1 },
    { "big put: a part meets silence", put_big, "stall", "PUT", "partNumber=1", 1 },
    { "big put: SlowDown", put_big, "503", "PUT", "partNumber=", 4 },
    { "big put: a bit turns", put_big, "flip", "PUT", "partNumber=3", 1 },
    { "big put: a part answered 200 and lost", put_big, "forget", "PUT", "partNumber=2", 1, ERR_REMOTE, "InvalidPart" },
    { "big put: end done, and no answer", put_big, "lost", "POST", "uploadId=", 1 },
    { "big put: end without answer", put_big, "cut", "POST", "uploadId=", 1 },
    { "big put: end answered 500", put_big, "500", "POST", "uploadId=", 2 },
    { "big put: end answered 200 and lost", put_big, "forget", "POST", "uploadId=", 1, ERR_REMOTE,
      "it was answered well, but the object is not there" },
    { "get: broken twice", get_big, "half", "GET", "kept", 2 },
    { "get: no answer", get_big, "cut", "GET", "kept", 2 },
    { "get: silence", get_big, "stall", "GET", "kept", 1 },
    { "get: SlowDown", get_big, "503", "GET", "kept", 2 },
    { "list: broken", list_some, "half", "GET", "list-type", 1 },
    { "list: 500", list_some, "500", "GET", "list-type", 2 },
    { "list: a page", list_some, "login", "GET", "list-type", 1, ERR_REMOTE, "it is no list" },
    { "head: 503", look_at_one, "503", "HEAD", "kept", 2 },
    { "delete: done, and no answer", delete_one, "lost", "DELETE", "small", 1 },
};

static void a_fault_is_overcome_or_told(void **state)
{
    const struct row *row = *state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(freep) char *prefix = contract_prefix();
    clear_faults();
    contract_expect_keys(objects, prefix, ""); /* the bucket was looked for */
    add_fault(row->what, row->method, row->match, row->count);
    bool good = row->act(objects, prefix, &err);
    if (row->code == ERR_NONE) {
        assert_ok(good, &err);
        return;
    }
    assert_false(good);
    assert_int_equal(err.code, row->code);
    assert_contains(err_message(&err), row->problem);
    err_clear(&err);
    clear_faults();
    contract_expect_keys(objects, prefix, "");
    assert_int_equal(leftovers(prefix), 0);
}

static void patience_has_an_end(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct s3_options options = rgw_options(&rgw, BUCKET);
    options.endpoint = proxy;
    options.patience_ms = 1500;
    CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
    clear_faults();
    contract_put(objects, "patience/before", "x");
    add_fault("503", "PUT", "patience", 100000);
    assert_false(objects_put_bytes(objects, "patience/small", "x", 1, NULL, &err));
    assert_int_equal(err.code, ERR_TOO_MANY);
    assert_contains(err_message(&err), "PUT s3://" BUCKET "/patience/small at http://127.0.0.1:");
    assert_contains(err_message(&err), ": 503 SlowDown: by order");
    err_clear(&err);
    size_t tries = count_requests("PUT", "patience/small");
    assert_true(tries >= 2 && tries <= 12); /* growing waits, not a storm */
    clear_faults();
    add_fault("cut", "PUT", "patience", 100000);
    assert_fails(objects_put_bytes(objects, "patience/small", "x", 1, NULL, &err), &err, ERR_UNREACHABLE);
    clear_faults();
    contract_put(objects, "patience/small", "y");
}

static void a_deadline_ends_patience(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    clear_faults();
    contract_put(objects, "deadline/before", "x");
    add_fault("500", "PUT", "deadline", 100000);
    struct call call = call_within(NULL, 1000);
    assert_false(objects_put_bytes(objects, "deadline/small", "x", 1, &call, &err));
    assert_int_equal(err.code, ERR_TIMEOUT);
    err_clear(&err);
    clear_faults();
}

/* A part that hangs does not hold a cancelled put. */
static void a_cancel_ends_parts(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct s3_options options = rgw_options(&rgw, BUCKET);
    options.endpoint = proxy;
    CLEANUP(contract_close) struct objects *objects = rgw_open(&options); /* with the usual 30 s of silence */
    int cancelled = 0;
    struct call call = { .cancelled = &cancelled };
    clear_faults();
    add_fault("stall", "PUT", "cancel", 100);
    CLEANUP(sink_freep) struct sink *put = objects_put(objects, "cancel/big", &call);
    assert_ok(contract_write_much(put, (size_t)40 << 20, &err), &err);
    cancelled = 1;
    int64_t before_ms = clock_mono_ms();
    assert_fails(sink_finish(put, &err), &err, ERR_CANCELLED);
    sink_freep(&put);
    assert_true(clock_mono_ms() - before_ms < 20 * SECOND_MS); /* less than the stalled server's own 30 s */
    clear_faults();
    assert_int_equal(leftovers("cancel"), 0);
}

/* Replaces the object when the first bytes of the old one have come. */
struct replacing_sink {
    struct sink sink;
    struct objects *other;
    bool done;
};

static bool replacing_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct replacing_sink *self = (struct replacing_sink *)sink;
    (void)bytes;
    (void)len;
    if (self->done)
        return true;
    self->done = true;
    CLEANUP(sink_freep) struct sink *put = objects_put(self->other, "replaced/big", NULL);
    return contract_write_much(put, BIG_BYTES / 2, err) && sink_finish(put, err);
}

static void a_replaced_object_is_not_read_on(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CONTRACT_OPEN(other);
    struct replacing_sink sink = { .sink.write = replacing_write, .other = other };
    clear_faults();
    {
        CLEANUP(sink_freep) struct sink *put = objects_put(objects, "replaced/big", NULL);
        assert_ok(contract_write_much(put, BIG_BYTES, &err) && sink_finish(put, &err), &err);
    }
    add_fault("half", "GET", "replaced", 1);
    assert_fails(objects_get(objects, "replaced/big", &sink.sink, NULL, &err), &err, ERR_CONFLICT);
    clear_faults();
}

static void *come_back(void *context)
{
    (void)context;
    usleep(1500000);
    free(rgw_do(&rgw, "resume", NULL));
    return NULL;
}

static void a_server_may_go_away_and_come_back(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    pthread_t thread;
    struct digest sent;
    clear_faults();
    CLEANUP(sink_freep) struct sink *put = digest_sink_new(&sent, objects_put(objects, "away/big", NULL));
    assert_ok(contract_write_much(put, (size_t)20 << 20, &err), &err);
    free(rgw_do(&rgw, "pause", NULL));
    assert_int_equal(pthread_create(&thread, NULL, come_back, NULL), 0);
    assert_ok(contract_write_much(put, (size_t)40 << 20, &err), &err);
    assert_ok(sink_finish(put, &err), &err);
    pthread_join(thread, NULL);
    CLEANUP(freep) char *sum = rgw_look(&rgw, "sha256", BUCKET, "away/big", NULL);
    assert_string_equal(sum, sent.sha256_hex);
}

int main(void)
{
    struct check_list list = { 0 };
    struct err err = ERR_INIT;
    signal(SIGPIPE, SIG_IGN);
    rgw = rgw_start("faults");
    start_proxy();
    struct objects *objects = open_bucket();
    struct sink *put = objects_put(objects, "kept/big", NULL);
    assert_ok(contract_write_much(put, BIG_BYTES, &err) && sink_finish(put, &err), &err);
    sink_free(put);
    objects_free(objects);
    CHECK_ROWS(&list, a_fault_is_overcome_or_told, rows);
    CHECK_TEST(&list, patience_has_an_end);
    CHECK_TEST(&list, a_deadline_ends_patience);
    CHECK_TEST(&list, a_cancel_ends_parts);
    CHECK_TEST(&list, a_replaced_object_is_not_read_on);
    CHECK_TEST(&list, a_server_may_go_away_and_come_back);
    int failed = check_run("clients/s3/faults", &list);
    stop_proxy();
    rgw_stop(&rgw);
    return failed;
}
