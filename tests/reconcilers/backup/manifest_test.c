/* Manifests: there and back, and what is none. */
#include "reconcilers/backup/manifest.h"
#include "reconcilers/backup/point.h"
#include "tests/check.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const uint8_t key[MANIFEST_KEY_SIZE] = { 1, 2, 3 };

static const char good[] =
    "{\"app\":\"odoo\",\"backup\":\"b1\",\"database\":{\"name\":\"acme_erp\",\"serverNumber\":150014,"
    "\"serverVersion\":\"15.14\",\"tables\":[{\"name\":\"public.t\",\"rows\":7}]},"
    "\"finished\":\"2026-01-02T03:05:00Z\",\"format\":1,\"installation\":\"aabbcc\","
    "\"instance\":\"erp\",\"objects\":[{\"name\":\"database.dump.zst.age\",\"plainBytes\":100,"
    "\"plainSHA256\":\"" HASH "\",\"storedBytes\":40,\"storedSHA256\":\"" HASH
    "\"}],\"reason\":\"Manual\",\"records\":{\"tenant\":{\"kind\":\"Tenant\"}},"
    "\"started\":\"2026-01-02T03:04:05Z\",\"tenant\":\"acme\",\"uid\":\"u-1\",\"version\":\"17.0\"}";

static void there_and_back(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CLEANUP(manifest_release) struct manifest manifest = { 0 };
    assert_ok(manifest_decode(good, strlen(good), &manifest, &err), &err);
    assert_string_equal(manifest.database.name, "acme_erp");
    assert_int_equal(manifest.database.tables.count, 1);
    assert_int_equal(((struct manifest_table *)manifest.database.tables.items)->rows, 7);
    assert_int_equal(manifest_stored_bytes(&manifest), 40);
    assert_non_null(manifest_find(&manifest, POINT_DATABASE));
    assert_null(manifest_find(&manifest, POINT_DATA));
    CLEANUP(freep) char *text = manifest_encode(&manifest, NULL);
    assert_string_equal(text, good);
    assert_fails(manifest_check_mac(text, strlen(text), key, &err), &err, ERR_FORBIDDEN);
}

/* An empty table is one that a drill must find empty. */
static void an_empty_table(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    CLEANUP(manifest_release) struct manifest manifest = { 0 };
    CLEANUP(manifest_release) struct manifest again = { 0 };
    assert_ok(manifest_decode(good, strlen(good), &manifest, &err), &err);
    ((struct manifest_table *)manifest.database.tables.items)->rows = 0;
    CLEANUP(freep) char *text = manifest_encode(&manifest, NULL);
    assert_ok(manifest_decode(text, strlen(text), &again, &err), &err);
    assert_int_equal(again.database.tables.count, 1);
    assert_int_equal(((struct manifest_table *)again.database.tables.items)->rows, 0);
}

static void a_signature(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    uint8_t other[MANIFEST_KEY_SIZE] = { 9 };
    CLEANUP(manifest_release) struct manifest manifest = { 0 };
    CLEANUP(manifest_release) struct manifest again = { 0 };
    assert_ok(manifest_decode(good, strlen(good), &manifest, &err), &err);
    CLEANUP(freep) char *text = manifest_encode(&manifest, key);
    assert_ok(manifest_check_mac(text, strlen(text), key, &err), &err);
    assert_ok(manifest_decode(text, strlen(text), &again, &err), &err);
    CLEANUP(freep) char *twice = manifest_encode(&again, key);
    assert_string_equal(twice, text);
    assert_fails(manifest_check_mac(text, strlen(text), other, &err), &err, ERR_FORBIDDEN);
    char *at = strstr(text, "acme_erp");
    *at = 'b';
    assert_fails(manifest_check_mac(text, strlen(text), key, &err), &err, ERR_FORBIDDEN);
}

/* `good` with one text put in another's place. */
static const struct {
    const char *why, *from, *to;
    enum err_code code;
    const char *message;
} bad_rows[] = {
    { "from the future", "\"format\":1", "\"format\":2", ERR_UNSUPPORTED, "format 2, and this version reads up to 1" },
    { "from the future, with more in it", "\"format\":1", "\"format\":7,\"more\":1", ERR_UNSUPPORTED, "format 7" },
    { "no format", "\"format\":1,", "", ERR_INVALID, "format" },
    { "format 0", "\"format\":1", "\"format\":0", ERR_INVALID, "format" },
    { "no JSON", "{\"app\"", "\"app\"", ERR_INVALID, "it is no manifest" },
    { "an unknown member", "\"format\":1", "\"format\":1,\"extra\":1", ERR_INVALID, "extra" },
    { "an unknown object", "database.dump.zst.age", "../../etc/passwd", ERR_INVALID, "no object of a recovery point" },
    { "a short hash", "\"plainSHA256\":\"01", "\"plainSHA256\":\"1", ERR_INVALID, "no SHA-256" },
    { "an upper-case hash", "\"storedSHA256\":\"0123456789a", "\"storedSHA256\":\"0123456789A", ERR_INVALID,
      "SHA-256" },
    { "a negative size", "\"storedBytes\":40", "\"storedBytes\":-40", ERR_INVALID, "storedBytes" },
    { "no time", "2026-01-02T03:04:05Z", "yesterday", ERR_INVALID, "started" },
    { "a table twice", "{\"name\":\"public.t\",\"rows\":7}",
      "{\"name\":\"public.t\",\"rows\":7},{\"name\":\"public.t\",\"rows\":7}", ERR_INVALID, "tables" },
    { "no uid", "\"uid\":\"u-1\",", "", ERR_INVALID, "uid" },
};

static void bad_one(void **state)
{
    const __typeof__(bad_rows[0]) *row = *state;
    const char *at = strstr(good, row->from);
    assert_non_null(at);
    CLEANUP(freep) char *text = mem_printf("%.*s%s%s", (int)(at - good), good, row->to, at + strlen(row->from));
    CLEANUP(manifest_release) struct manifest manifest = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_false(manifest_decode(text, strlen(text), &manifest, &err));
    assert_int_equal(err.code, row->code);
    assert_contains(err_message(&err), row->message);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, there_and_back);
    CHECK_TEST(&list, an_empty_table);
    CHECK_TEST(&list, a_signature);
    CHECK_ROWS(&list, bad_one, bad_rows);
    return check_run("manifest", &list);
}
