/* The recovery key as a file: it comes back as it was, or not at all. */
#include "reconcilers/backup/recovery_key.h"
#include "tests/check.h"

static struct recovery_key make_key(bool has_identity)
{
    struct recovery_key key = { .installation = "3fa9c1", .has_identity = has_identity };
    for (size_t i = 0; i < sizeof(key.secrets_key); i++)
        key.secrets_key[i] = (uint8_t)(i * 7);
    if (has_identity)
        age_identity_generate(&key.identity);
    return key;
}

static void it_comes_back(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    for (int i = 0; i < 2; i++) {
        const struct recovery_key key = make_key(i == 1);
        struct recovery_key got = { 0 };
        CLEANUP(freep) char *text = recovery_key_print(&key);
        assert_ok(recovery_key_parse(text, &got, &err), &err);
        assert_string_equal(got.installation, key.installation);
        assert_memory_equal(got.secrets_key, key.secrets_key, sizeof(key.secrets_key));
        assert_int_equal(got.has_identity, key.has_identity);
        assert_memory_equal(got.identity.key, key.identity.key, sizeof(key.identity.key));
    }
}

static void age_takes_it_as_an_identity(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct age_identity identity;
    const struct recovery_key key = make_key(true);
    CLEANUP(freep) char *text = recovery_key_print(&key);
    assert_ok(age_identity_parse_file(text, &identity, &err), &err);
    assert_memory_equal(identity.key, key.identity.key, sizeof(identity.key));
}

static void whatever_is_altered_is_refused(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct recovery_key key = make_key(true);
    CLEANUP(freep) char *text = recovery_key_print(&key);
    struct recovery_key got;
    static const char *const heads[] = { "installation ", "# secrets key: ", "# fingerprint: " };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        char *at = strstr(text, heads[i]) + strlen(heads[i]);
        char old = *at;
        *at = old == '0' ? '1' : '0';
        assert_fails(recovery_key_parse(text, &got, &err), &err, ERR_INVALID);
        *at = old;
    }
    strstr(text, "AGE-SECRET-KEY-")[20] ^= 1;
    assert_false(recovery_key_parse(text, &got, &err));
    assert_null(strstr(err_message(&err), "AGE-SECRET"));
    err_clear(&err);
    *strstr(text, "AGE-SECRET-KEY-") = '\0'; /* cut off */
    assert_fails(recovery_key_parse(text, &got, &err), &err, ERR_INVALID);
}

static void what_is_none_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "AGE-SECRET-KEY-1", "# secrets key: 00\n",
        "# tenantd recovery key of installation ../../x\n# secrets key: 00\n# fingerprint: 0\n"
    };
    (void)state;
    struct err err = ERR_INIT;
    struct recovery_key got;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_fails(recovery_key_parse(texts[i], &got, &err), &err, ERR_INVALID);
}

static void the_fingerprint_tells_keys_apart(void **state)
{
    (void)state;
    const struct recovery_key without = make_key(false);
    const struct recovery_key one = make_key(true);
    const struct recovery_key other = make_key(true);
    CLEANUP(freep) char *a = recovery_key_fingerprint(&without);
    CLEANUP(freep) char *b = recovery_key_fingerprint(&one);
    CLEANUP(freep) char *c = recovery_key_fingerprint(&other);
    CLEANUP(freep) char *again = recovery_key_fingerprint(&one);
    assert_int_equal(strlen(a), 16);
    assert_string_not_equal(a, b);
    assert_string_not_equal(b, c);
    assert_string_equal(b, again);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, it_comes_back);
    CHECK_TEST(&list, age_takes_it_as_an_identity);
    CHECK_TEST(&list, whatever_is_altered_is_refused);
    CHECK_TEST(&list, what_is_none_is_refused);
    CHECK_TEST(&list, the_fingerprint_tells_keys_apart);
    return check_run("reconcilers/backup/recovery_key", &list);
}
