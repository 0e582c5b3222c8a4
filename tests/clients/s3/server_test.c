/* What only a real S3 server can show: versions, object locks, quotas, TLS, wrong credentials and clocks, too many requests. */
#include <pthread.h>
#include <signal.h>

#include "tests/clients/objects/contract.h"
#include "tests/clients/s3/rgw.h"

static struct rgw rgw;

static struct objects *open_bucket(void)
{
    struct s3_options options = rgw_options(&rgw, "server-1");
    return rgw_open(&options);
}

static size_t leftovers(const char *prefix)
{
    CLEANUP(freep) char *count = rgw_look(&rgw, "uploads", "server-1", prefix, NULL);
    return strtoul(count, NULL, 10);
}

static const struct contract_place contract_place = { open_bucket, leftovers };

static void expect_versions(const char *bucket, const char *prefix, const char *wanted)
{
    CLEANUP(freep) char *found = rgw_look(&rgw, "versions", bucket, prefix, NULL);
    assert_string_equal(found, wanted);
}

/* ---- buckets ---- */

static void a_bucket_is_made_when_it_is_missing(void **state)
{
    static const char *const regions[] = { "us-east-1",
                                           "eu-central-1" }; /* the server knows no other place than its own */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        CLEANUP(freep) char *bucket = mem_printf("made-%zu", i);
        struct s3_options options = rgw_options(&rgw, bucket);
        options.region = regions[i];
        CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
        contract_expect_keys(objects, "", "");
        contract_put(objects, "a", "x");
        contract_expect(objects, "a", "x");
        CLEANUP(freep) char *versioning = rgw_look(&rgw, "versioning", bucket, NULL, NULL);
        assert_string_equal(versioning, ""); /* not asked for */
    }
}

static void versioning_is_turned_on_when_asked_for(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct s3_options options = rgw_options(&rgw, "versioned-1");
    options.versioning = true;
    CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
    contract_put(objects, "x/a b+", "12345");
    contract_put(objects, "x/a b+", "1234567");
    contract_put(objects, "x/a b+.other", "123");
    CLEANUP(freep) char *versioning = rgw_look(&rgw, "versioning", "versioned-1", NULL, NULL);
    assert_string_equal(versioning, "Enabled");
    expect_versions("versioned-1", "x/", "3 15");
    /* The bucket's bytes fall. */
    assert_ok(objects_delete(objects, "x/a b+", NULL, &err), &err);
    expect_versions("versioned-1", "x/", "1 3");
    contract_expect(objects, "x/a b+.other", "123");
}

static void markers_go_with_their_versions(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct s3_options options = rgw_options(&rgw, "versioned-2");
    CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
    contract_put(objects, "m/old", "before there were versions");
    free(rgw_look(&rgw, "version", "versioned-2", NULL, NULL));
    for (int i = 0; i < 3; i++)
        contract_put(objects, "m/old", "again");
    CLEANUP(contract_close) struct objects *other = rgw_open(&options);
    assert_ok(objects_delete(other, "m/old", NULL, &err), &err);
    assert_ok(objects_delete(other, "m/old", NULL, &err), &err);
    expect_versions("versioned-2", "m/", "0 0");
    contract_expect_keys(other, "m/", "");
}

/* ---- object locks ---- */

static void a_locked_object_is_held(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct s3_options options = rgw_options(&rgw, "locked-1");
    free(rgw_look(&rgw, "lockable", "locked-1", NULL, NULL));
    CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
    CLEANUP(object_release) struct object object = { 0 };
    contract_put(objects, "held/a", "x");
    contract_put(objects, "held/b", "x");
    CLEANUP(freep) char *until = rgw_look(&rgw, "lock", "locked-1", "held/a", "3600");
    assert_ok(objects_head(objects, "held/a", NULL, &object, &err), &err);
    assert_true(object.held_until_ms > clock_wall_ms() + 50 * MINUTE_MS);
    assert_true(object.held_until_ms < clock_wall_ms() + 70 * MINUTE_MS);
    assert_false(objects_delete(objects, "held/a", NULL, &err));
    assert_int_equal(err.code, ERR_FORBIDDEN);
    assert_contains(err_message(&err), "s3://locked-1/held/a");
    assert_contains(err_message(&err), "is held by an object lock until ");
    assert_contains(err_message(&err), until);
    err_clear(&err);
    contract_expect(objects, "held/a", "x");
    assert_ok(objects_delete(objects, "held/b", NULL, &err), &err);
    expect_versions("locked-1", "held/", "1 1");
    free(rgw_look(&rgw, "unlock", "locked-1", NULL, NULL));
}

/* ---- who may what ---- */

static const struct refusal_row {
    const char *why;
    const char *access_key, *secret_key; /* NULL: the right one */
    int64_t clock_offset_ms;
    const char *problem;
} refusal_rows[] = {
    { "an unknown access key", "NOBODY", NULL, 0, "InvalidAccessKeyId" },
    { "a wrong secret", NULL, "guessed", 0, "SignatureDoesNotMatch; the secret key is not this access key's" },
    { "a clock that is ahead", NULL, NULL, HOUR_MS, " s ahead of the server's: set it" },
    { "a clock that is behind", NULL, NULL, -HOUR_MS, " s behind the server's: set it" },
};

static void what_is_refused_says_why(void **state)
{
    const struct refusal_row *row = *state;
    struct err err = ERR_INIT;
    struct s3_options options = rgw_options(&rgw, "server-1");
    CLEANUP(str_release) struct str bytes = STR_INIT;
    options.clock_offset_ms = row->clock_offset_ms;
    options.access_key = row->access_key ? row->access_key : options.access_key;
    options.secret_key = row->secret_key ? row->secret_key : options.secret_key;
    CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
    assert_false(objects_put_bytes(objects, "refused", "x", 1, NULL, &err));
    assert_int_equal(err.code, ERR_FORBIDDEN);
    assert_contains(err_message(&err), row->problem);
    assert_contains(err_message(&err), "s3://server-1/refused at http://127.0.0.1:");
    assert_null(strstr(err_message(&err), options.secret_key));
    err_clear(&err);
    assert_false(objects_get_bytes(objects, "refused", 10, NULL, &bytes, &err));
    assert_int_equal(err.code, ERR_FORBIDDEN);
    err_clear(&err);
}

/* Another user with limits of his own. */
static struct s3_options make_user(const char *name, const char *bucket)
{
    CLEANUP(freep) char *user = mem_printf("--uid=%s", name);
    CLEANUP(freep) char *display = mem_printf("--display-name=%s", name);
    CLEANUP(freep) char *access = mem_printf("--access-key=%s", name);
    free(rgw_run((const char *[]){ "tests/tools/rgw.sh", "admin", rgw.dir, "user", "create", user, display, access,
                                   "--secret-key=secret", NULL },
                 NULL));
    struct s3_options options = rgw_options(&rgw, bucket);
    options.access_key = name;
    options.secret_key = "secret";
    return options;
}

static void a_full_quota_is_told(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct s3_options options = make_user("quota", "quota-1");
    free(rgw_run((const char *[]){ "tests/tools/rgw.sh", "admin", rgw.dir, "quota", "set", "--quota-scope=user",
                                   "--uid=quota", "--max-size=10M", NULL },
                 NULL));
    free(rgw_run((const char *[]){ "tests/tools/rgw.sh", "admin", rgw.dir, "quota", "enable", "--quota-scope=user",
                                   "--uid=quota", NULL },
                 NULL));
    CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
    contract_put(objects, "small", "x");
    CLEANUP(sink_freep) struct sink *put = objects_put(objects, "big", NULL);
    bool good = contract_write_much(put, (size_t)40 << 20, &err) && sink_finish(put, &err);
    assert_false(good);
    assert_int_equal(err.code, ERR_FORBIDDEN);
    assert_contains(err_message(&err), "403 QuotaExceeded");
    err_clear(&err);
    sink_freep(&put);
    contract_expect_keys(objects, "", "small");
}

static void a_suspended_user_is_told(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct s3_options options = make_user("suspended", "suspended-1");
    CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
    contract_put(objects, "before", "x");
    free(rgw_run((const char *[]){ "tests/tools/rgw.sh", "admin", rgw.dir, "user", "suspend", "--uid=suspended", NULL },
                 NULL));
    assert_false(objects_put_bytes(objects, "after", "x", 1, NULL, &err));
    assert_int_equal(err.code, ERR_FORBIDDEN);
    assert_contains(err_message(&err), "403 UserSuspended");
    err_clear(&err);
}

static void anothers_bucket_is_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    contract_put(objects, "mine", "x");
    struct s3_options options = make_user("stranger", "server-1");
    CLEANUP(contract_close) struct objects *others = rgw_open(&options);
    assert_false(objects_put_bytes(others, "theirs", "x", 1, NULL, &err));
    assert_int_equal(err.code, ERR_FORBIDDEN);
    assert_contains(err_message(&err), "403 AccessDenied");
    err_clear(&err);
}

/* ---- too many requests ---- */

struct crowd {
    const char *endpoint;
    int number;
    bool good;
};

static void *put_many(void *context)
{
    struct crowd *crowd = context;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct s3_options options = rgw_options(&rgw, "crowd-1");
    struct objects *objects = NULL;
    options.endpoint = crowd->endpoint;
    crowd->good = s3_open(&options, &objects, &err);
    for (int i = 0; crowd->good && i < 10; i++) {
        CLEANUP(freep) char *key = mem_printf("%d/%d", crowd->number, i);
        crowd->good = objects_put_bytes(objects, key, "x", 1, NULL, &err);
    }
    objects_free(objects);
    if (!crowd->good)
        fprintf(stderr, "%s\n", err_message(&err));
    return NULL;
}

static void a_server_that_says_slow_down_is_served_slowly(void **state)
{
    enum { CROWD = 6 };
    (void)state;
    CLEANUP(freep) char *output = rgw_do(&rgw, "gateway", "throttled");
    CLEANUP(freep) char *endpoint = rgw_value(output, "S3_ENDPOINT");
    pthread_t threads[CROWD];
    struct crowd crowd[CROWD];
    struct s3_options options = rgw_options(&rgw, "crowd-1");
    CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    struct err err = ERR_INIT;
    contract_expect_keys(objects, "", "");
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = (struct crowd){ .endpoint = endpoint, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &crowd[i]), 0);
    }
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < CROWD; i++)
        assert_true(crowd[i].good);
    assert_ok(objects_list(objects, "", contract_note_key, &keys, NULL, &err), &err);
    assert_int_equal(keys.count, CROWD * 10);
    /* The server did refuse some: else nothing was shown here. */
    free(rgw_run((const char *[]){ "grep", "-q", "http_status=503", "-r", rgw.dir, NULL }, NULL));
}

/* ---- TLS, and buckets before the host's name ---- */

static void tls_and_virtual_hosts(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CLEANUP(freep) char *output = rgw_do(&rgw, "gateway", "tls");
    CLEANUP(freep) char *endpoint = rgw_value(output, "S3_ENDPOINT");
    CLEANUP(freep) char *ca_file = rgw_value(output, "S3_CA_FILE");
    struct s3_options options = rgw_options(&rgw, "tls-1");
    options.endpoint = endpoint;
    options.patience_ms = 1000;
    {
        CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
        assert_false(objects_put_bytes(objects, "a", "x", 1, NULL, &err)); /* an authority that nobody knows */
        assert_int_equal(err.code, ERR_UNREACHABLE);
        assert_contains(err_message(&err), "certificate");
        err_clear(&err);
    }
    options.ca_file = ca_file;
    for (int i = 0; i < 2; i++) {
        options.style = i == 0 ? S3_STYLE_PATH : S3_STYLE_VIRTUAL_HOST;
        options.prefix = i == 0 ? "path" : "host";
        CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
        contract_put(objects, "a b+/\xc3\xa4", "over TLS");
        contract_expect(objects, "a b+/\xc3\xa4", "over TLS");
        CLEANUP(sink_freep) struct sink *put = objects_put(objects, "big", NULL);
        assert_ok(contract_write_much(put, (size_t)20 << 20, &err) && sink_finish(put, &err), &err);
        contract_expect_keys(objects, "", "a b+/\xc3\xa4 big");
    }
    CLEANUP(freep) char *keys = rgw_look(&rgw, "keys", "tls-1", NULL, NULL);
    assert_contains(keys, "host/big 20971520");
    assert_contains(keys, "path/big 20971520");
}

static void an_endpoint_that_is_none_is_refused(void **state)
{
    static const char *const endpoints[] = { "s3.example.com", "ftp://h", "http://", "http://h/path", "http://u:p@h" };
    (void)state;
    struct err err = ERR_INIT;
    struct objects *objects = NULL;
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        struct s3_options options = rgw_options(&rgw, "b-1");
        options.endpoint = endpoints[i];
        assert_fails(s3_open(&options, &objects, &err), &err, ERR_INVALID);
    }
}

static void nobody_at_the_endpoint(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct s3_options options = rgw_options(&rgw, "b-1");
    options.endpoint = "http://127.0.0.1:1";
    options.patience_ms = 500;
    CLEANUP(contract_close) struct objects *objects = rgw_open(&options);
    assert_false(objects_put_bytes(objects, "a", "x", 1, NULL, &err));
    assert_int_equal(err.code, ERR_UNREACHABLE);
    assert_contains(err_message(&err), "s3://b-1 at http://127.0.0.1:1");
    err_clear(&err);
}

int main(void)
{
    struct check_list list = { 0 };
    signal(SIGPIPE, SIG_IGN);
    rgw = rgw_start("server");
    CHECK_TEST(&list, a_bucket_is_made_when_it_is_missing);
    CHECK_TEST(&list, versioning_is_turned_on_when_asked_for);
    CHECK_TEST(&list, markers_go_with_their_versions);
    CHECK_TEST(&list, a_locked_object_is_held);
    CHECK_ROWS(&list, what_is_refused_says_why, refusal_rows);
    CHECK_TEST(&list, a_full_quota_is_told);
    CHECK_TEST(&list, a_suspended_user_is_told);
    CHECK_TEST(&list, anothers_bucket_is_refused);
    CHECK_TEST(&list, a_server_that_says_slow_down_is_served_slowly);
    CHECK_TEST(&list, tls_and_virtual_hosts);
    CHECK_TEST(&list, an_endpoint_that_is_none_is_refused);
    CHECK_TEST(&list, nobody_at_the_endpoint);
    int failed = check_run("clients/s3/server", &list);
    rgw_stop(&rgw);
    return failed;
}
