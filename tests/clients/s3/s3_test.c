/* The S3 client as a place for objects: the contract against a real server, whose bytes an independent client looks at. */
#include <signal.h>

#include "tests/clients/objects/contract.h"
#include "tests/clients/s3/rgw.h"

#define BUCKET "contract-1"

static struct rgw rgw;

static struct objects *open_bucket(void)
{
    struct s3_options options = rgw_options(&rgw, BUCKET);
    options.prefix = "site one/td"; /* keys below it are nobody's business */
    return rgw_open(&options);
}

static size_t leftovers(const char *prefix)
{
    CLEANUP(freep) char *full = mem_printf("site one/td/%s", prefix);
    CLEANUP(freep) char *count = rgw_look(&rgw, "uploads", BUCKET, full, NULL);
    return strtoul(count, NULL, 10);
}

static const struct contract_place contract_place = { open_bucket, leftovers };

static void another_client_sees_the_same_bytes(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    struct digest digest;
    CLEANUP(sink_freep) struct sink *put = digest_sink_new(&digest, objects_put(objects, "other/b i+g", NULL));
    assert_ok(contract_write_much(put, CONTRACT_BIG_BYTES, &err), &err);
    assert_ok(sink_finish(put, &err), &err);
    contract_put(objects, "other/r\xc3\xa4k", "123");
    CLEANUP(freep) char *sum = rgw_look(&rgw, "sha256", BUCKET, "site one/td/other/b i+g", NULL);
    assert_string_equal(sum, digest.sha256_hex);
    CLEANUP(freep) char *keys = rgw_look(&rgw, "keys", BUCKET, "site one/td/other/", NULL);
    CLEANUP(freep)
    char *wanted = mem_printf("site one/td/other/b i+g %zu\nsite one/td/other/r\xc3\xa4k 3", CONTRACT_BIG_BYTES);
    assert_string_equal(keys, wanted);
    free(rgw_look(&rgw, "put", BUCKET, "site one/td/other/theirs &c", "from them"));
    contract_expect(objects, "other/theirs &c", "from them");
}

static void what_is_elsewhere_in_the_bucket_is_not_seen(void **state)
{
    (void)state;
    CONTRACT_OPEN(objects);
    contract_put(objects, "apart/a", "x");
    free(rgw_look(&rgw, "put", BUCKET, "apart/b", "x"));
    free(rgw_look(&rgw, "put", BUCKET, "site one/tdapart/c", "x"));
    free(rgw_look(&rgw, "put", BUCKET, "site one/td/apart//d", "x")); /* no key of ours */
    contract_expect_keys(objects, "apart", "/a");
}

static void errors_name_all_but_the_secret(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CONTRACT_OPEN(objects);
    CLEANUP(str_release) struct str bytes = STR_INIT;
    assert_false(objects_get_bytes(objects, "no/such key", 10, NULL, &bytes, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_contains(err_message(&err), "GET s3://" BUCKET "/site one/td/no/such key at http://127.0.0.1:");
    assert_contains(err_message(&err), ": 404 NoSuchKey");
    assert_null(strstr(err_message(&err), rgw.secret_key));
    err_clear(&err);
}

int main(void)
{
    struct check_list list = { 0 };
    signal(SIGPIPE, SIG_IGN);
    rgw = rgw_start("s3");
    contract_add(&list);
    CHECK_TEST(&list, another_client_sees_the_same_bytes);
    CHECK_TEST(&list, what_is_elsewhere_in_the_bucket_is_not_seen);
    CHECK_TEST(&list, errors_name_all_but_the_secret);
    int failed = check_run("clients/s3/s3", &list);
    rgw_stop(&rgw);
    return failed;
}
