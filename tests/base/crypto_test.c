#include "base/crypto.h"
#include "tests/check.h"

static const struct {
    const char *why;
    const char *text;
    const char *hex;
} sha_rows[] = {
    { "nothing", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc (FIPS 180-2)", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "two blocks (FIPS 180-2)", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void sha256_of(void **state)
{
    const __typeof__(sha_rows[0]) *row = *state;
    CLEANUP(freep) char *hex = sha256_hex(row->text, strlen(row->text));
    assert_string_equal(hex, row->hex);
}

/* RFC 4231, cases 2 and 6. */
static void hmac_of(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str hex = STR_INIT;
    uint8_t mac[SHA256_SIZE];
    uint8_t long_key[131];
    const char *text = "what do ya want for nothing?";
    hmac_sha256("Jefe", 4, text, strlen(text), mac);
    str_add_hex(&hex, mac, sizeof(mac));
    assert_string_equal(hex.text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(long_key, 0xaa, sizeof(long_key));
    text = "Test Using Larger Than Block-Size Key - Hash Key First";
    hmac_sha256(long_key, sizeof(long_key), text, strlen(text), mac);
    str_clear(&hex);
    str_add_hex(&hex, mac, sizeof(mac));
    assert_string_equal(hex.text, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void random_text_has_its_form(void **state)
{
    (void)state;
    CLEANUP(freep) char *hex = random_hex(20);
    CLEANUP(freep) char *other = random_hex(20);
    CLEANUP(freep) char *text = random_text(500);
    CLEANUP(freep) char *none = random_text(0);
    CLEANUP(freep) char *no_bytes = random_hex(0);
    assert_int_equal(strlen(hex), 40);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 40);
    assert_string_not_equal(hex, other);
    assert_int_equal(strlen(text), 500);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 500);
    assert_string_equal(none, "");
    assert_string_equal(no_bytes, "");
}

static void uuid_has_version_and_variant(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        CLEANUP(freep) char *uuid = random_uuid();
        assert_int_equal(strlen(uuid), 36);
        assert_int_equal(strspn(uuid, "0123456789abcdef-"), 36);
        assert_int_equal(uuid[8], '-');
        assert_int_equal(uuid[13], '-');
        assert_int_equal(uuid[14], '4');
        assert_int_equal(uuid[18], '-');
        assert_non_null(strchr("89ab", uuid[19]));
        assert_int_equal(uuid[23], '-');
    }
}

static void random_below_reaches_every_value(void **state)
{
    (void)state;
    size_t counts[3] = { 0 };
    for (int i = 0; i < 3000; i++) {
        uint64_t value = random_below(3);
        assert_in_range(value, 0, 2);
        counts[value]++;
    }
    for (size_t i = 0; i < 3; i++)
        assert_in_range(counts[i], 800, 1200); /* eight standard deviations */
    assert_int_equal(random_below(1), 0);
    assert_true(random_below(UINT64_MAX) < UINT64_MAX);
}

static void constant_time_comparison(void **state)
{
    (void)state;
    assert_true(equal_constant_time("token", "token"));
    assert_true(equal_constant_time("", ""));
    assert_false(equal_constant_time("token", "tokem"));
    assert_false(equal_constant_time("token", "toke"));
    assert_false(equal_constant_time("token", NULL));
    assert_false(equal_constant_time(NULL, NULL)); /* two missing secrets are no match */
}

static const uint8_t key[SEAL_KEY_SIZE] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                            16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

static void sealed_opens_again(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str sealed = STR_INIT;
    CLEANUP(str_release) struct str again = STR_INIT;
    CLEANUP(str_release) struct str plain = STR_INIT;
    str_add(&sealed, "replaced");
    str_add(&plain, "replaced");
    seal(key, "secret/acme", "a\0b", 3, &sealed);
    seal(key, "secret/acme", "a\0b", 3, &again);
    assert_int_equal(sealed.len, 12 + 3 + 16);
    assert_memory_not_equal(sealed.text, again.text, sealed.len); /* a nonce of its own each time */
    assert_ok(seal_open(key, "secret/acme", sealed.text, sealed.len, &plain, &err), &err);
    assert_int_equal(plain.len, 3);
    assert_memory_equal(plain.text, "a\0b", 3);
    seal(key, "", "", 0, &sealed);
    assert_ok(seal_open(key, "", sealed.text, sealed.len, &plain, &err), &err);
    assert_int_equal(plain.len, 0);
}

static void what_another_program_sealed_opens(void **state)
{
    (void)state;
    /* Python: AESGCM(bytes(range(32))).encrypt(b"\x01" * 12, b"hunter2", b"secret/acme") */
    static const char sealed[] = "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x1f\xb6\x8b\x41\x0d\xf7\x5a\xcb"
                                 "\xd7\xf5\x5c\x71\x16\xc4\x39\x3f\x43\xc3\x49\x52\x18\x33\x8e";
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str plain = STR_INIT;
    assert_ok(seal_open(key, "secret/acme", sealed, sizeof(sealed) - 1, &plain, &err), &err);
    assert_string_equal(plain.text, "hunter2");
}

static void nothing_changed_opens(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str sealed = STR_INIT;
    CLEANUP(str_release) struct str plain = STR_INIT;
    uint8_t other_key[SEAL_KEY_SIZE] = { 0 };
    seal(key, "secret/acme", "hunter2", 7, &sealed);
    str_add(&plain, "kept");
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.text[i] ^= 1;
        assert_fails(seal_open(key, "secret/acme", sealed.text, sealed.len, &plain, &err), &err, ERR_INVALID);
        sealed.text[i] ^= 1;
    }
    for (size_t len = 0; len < sealed.len; len++) {
        CLEANUP(freep) char *part = mem_grow(NULL, len, 1);
        memcpy(part, sealed.text, len);
        assert_fails(seal_open(key, "secret/acme", part, len, &plain, &err), &err, ERR_INVALID);
    }
    assert_fails(seal_open(key, "secret/other", sealed.text, sealed.len, &plain, &err), &err, ERR_INVALID);
    assert_fails(seal_open(other_key, "secret/acme", sealed.text, sealed.len, &plain, &err), &err, ERR_INVALID);
    assert_string_equal(plain.text, "kept");
    assert_ok(seal_open(key, "secret/acme", sealed.text, sealed.len, &plain, &err), &err);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, sha256_of, sha_rows);
    CHECK_TEST(&list, hmac_of);
    CHECK_TEST(&list, random_text_has_its_form);
    CHECK_TEST(&list, uuid_has_version_and_variant);
    CHECK_TEST(&list, random_below_reaches_every_value);
    CHECK_TEST(&list, constant_time_comparison);
    CHECK_TEST(&list, sealed_opens_again);
    CHECK_TEST(&list, what_another_program_sealed_opens);
    CHECK_TEST(&list, nothing_changed_opens);
    return check_run("crypto", &list);
}
