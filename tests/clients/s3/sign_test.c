/* Signatures, against the examples that AWS publishes ("Authenticating Requests: Using the Authorization Header"). */
#include "base/crypto.h"
#include "clients/s3/sign.h"
#include "tests/check.h"

/* The examples' key pair, public since 2013. */
static const struct s3_signer signer = {
    .region = "us-east-1",
    .access_key = "AKIAIOSFODNN7EXAMPLE",
    .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    .wall_ms = INT64_C(1369353600000), /* 2013-05-24 */
};

static const struct row {
    const char *why;
    struct s3_parts parts;
    const char *payload;
    const char *path, *signed_headers, *signature;
} rows[] = {
    { "GET of an object, with a range",
      { .method = "GET", .key = "test.txt", .headers = (const struct s3_pair[]){ { "range", "bytes=0-9" }, { 0 } } },
      "",
      "/test.txt",
      "host;range;x-amz-content-sha256;x-amz-date",
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
    { "PUT of an object whose key has a mark",
      { .method = "PUT",
        .key = "test$file.text",
        .headers = (const struct s3_pair[]){ { "x-amz-storage-class", "REDUCED_REDUNDANCY" },
                                             { "date", "Fri, 24 May 2013 00:00:00 GMT" },
                                             { 0 } } },
      "Welcome to Amazon S3.",
      "/test%24file.text",
      "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
    { "a parameter without a value",
      { .method = "GET", .query = (const struct s3_pair[]){ { "lifecycle", "" }, { 0 } } },
      "",
      "/?lifecycle=",
      "host;x-amz-content-sha256;x-amz-date",
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
    { "a list, its parameters out of order",
      { .method = "GET", .query = (const struct s3_pair[]){ { "prefix", "J" }, { "max-keys", "2" }, { 0 } } },
      "",
      "/?max-keys=2&prefix=J",
      "host;x-amz-content-sha256;x-amz-date",
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};

static void signs_as_published(void **state)
{
    const struct row *row = *state;
    CLEANUP(s3_signed_release) struct s3_signed made = S3_SIGNED_INIT;
    CLEANUP(freep) char *hash = sha256_hex(row->payload, strlen(row->payload));
    struct s3_parts parts = row->parts;
    parts.host = "examplebucket.s3.amazonaws.com";
    parts.payload_sha256_hex = hash;
    s3_sign(&parts, &signer, &made);
    assert_string_equal(made.path.text, row->path);
    CLEANUP(freep)
    char *wanted = mem_printf("Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
                              "us-east-1/s3/aws4_request,SignedHeaders=%s,Signature=%s",
                              row->signed_headers, row->signature);
    assert_string_equal(made.headers.items[made.headers.count - 1], wanted);
    assert_true(strv_has(&made.headers, "host:examplebucket.s3.amazonaws.com"));
    assert_true(strv_has(&made.headers, "x-amz-date:20130524T000000Z"));
}

/* What is sent is what is signed, whatever the key; and names sort by themselves, not with what follows them. */
static const struct path_row {
    const char *why;
    struct s3_parts parts;
    const char *path, *signed_headers;
} path_rows[] = {
    { "bucket in the path", { .bucket = "b-1", .key = "a/b" }, "/b-1/a/b", NULL },
    { "the bucket itself, in the path", { .bucket = "b-1" }, "/b-1", NULL },
    { "the bucket itself, before the host", { 0 }, "/", NULL },
    { "every mark is encoded once, slashes stay",
      { .key = "a b+c%2F/!*'()=@:,;$&?#~-_." },
      "/a%20b%2Bc%252F/%21%2A%27%28%29%3D%40%3A%2C%3B%24%26%3F%23~-_.",
      NULL },
    { "UTF-8", { .key = "r\xc3\xa4k" }, "/r%C3%A4k", NULL },
    { "values of parameters",
      { .query = (const struct s3_pair[]){ { "prefix", "a/b +&=" }, { "continuation-token", "x==" }, { 0 } } },
      "/?continuation-token=x%3D%3D&prefix=a%2Fb%20%2B%26%3D",
      NULL },
    { "a parameter that begins another one",
      { .query =
            (const struct s3_pair[]){ { "version-id-marker", "1" }, { "versions", "" }, { "version", "2" }, { 0 } } },
      "/?version=2&version-id-marker=1&versions=",
      NULL },
    { "a header that begins another one",
      { .headers =
            (const struct s3_pair[]){ { "x-amz-copy-source-range", "r" }, { "x-amz-copy-source", "s" }, { 0 } } },
      "/",
      "SignedHeaders=host;x-amz-content-sha256;x-amz-copy-source;x-amz-copy-source-range;x-amz-date," },
};

static void encodes(void **state)
{
    const struct path_row *row = *state;
    CLEANUP(s3_signed_release) struct s3_signed made = S3_SIGNED_INIT;
    struct s3_parts parts = row->parts;
    parts.method = "GET";
    parts.host = "h";
    parts.payload_sha256_hex = "00";
    s3_sign(&parts, &signer, &made);
    assert_string_equal(made.path.text, row->path);
    if (row->signed_headers)
        assert_contains(made.headers.items[made.headers.count - 1], row->signed_headers);
}

static void an_access_key_may_have_a_colon(void **state)
{
    (void)state;
    CLEANUP(s3_signed_release) struct s3_signed made = S3_SIGNED_INIT;
    const struct s3_signer other = { .region = "eu", .access_key = "team:user", .secret_key = "s", .wall_ms = 0 };
    const struct s3_parts parts = { .method = "GET", .host = "h", .payload_sha256_hex = "00" };
    s3_sign(&parts, &other, &made);
    assert_contains(made.headers.items[made.headers.count - 1], "Credential=team:user/19700101/eu/s3/aws4_request,");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, signs_as_published, rows);
    CHECK_ROWS(&list, encodes, path_rows);
    CHECK_TEST(&list, an_access_key_may_have_a_colon);
    return check_run("clients/s3/sign", &list);
}
