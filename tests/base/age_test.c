/* The age format against the program `age`, in both directions, against fixed files, and what was broken on the way. */
#include <unistd.h>

#include "base/age.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/process.h"
#include "tests/check.h"

#define CHUNK ((size_t)64 << 10)
#define LIMIT ((size_t)4 << 20)

/* Made with age 1.1.1: `age-keygen`, `printf 'hello, recovery point\n' | age -r <recipient>`. */
static const char fixed_identity[] = "AGE-SECRET-KEY-1F44YFJQPKJ6AGDVHM4J5H3H5U60WYA9TE64SS2FLH43ET4T0EPDSAFLQ3F";
static const char fixed_recipient[] = "age1x3f8qtj7dxmgrjenlcjzayxyfe63ujumaqdqh7gxutw0g7a8maqsaukfce";
static const char fixed_file[] =
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+"
    "IFgyNTUxOSAyWmV4U1Nrc3NCaXJFVC9tTkc1WEV5cmV0Z29TUXFFMmlHWXJ5Z3M0MGxrCk5kMCsvemJLSGNaZkRybVJ4aWpjVXViL3R5ZWJnNThJeV"
    "FKaG1OWFVPbHMKLS0tIFFXcnpPZWRWMzhqUDBLeTN1ZVIzTFpiUE80RGJpNFcvTUhvVnkvUzY5YmMK+3YrvivXH3Ejx+/Io1UP6csbWpl/"
    "U014LpiWiQ7S5UmzzYY3JqwY7rzi0Pd8vf9oGHeHK9iZ";

/* Somebody's, whose other half is nowhere. */
static const char ssh_recipient[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDjih0lE+FNFoJFwasDLfYjp6s/Hp6pHVcvfqEwp+t6y";

static char *directory;

static void run(const char *const *argv, const struct str *input, struct str *ret)
{
    struct err err = ERR_INIT;
    const struct process process = {
        .argv = argv, .input = input->text, .input_len = input->len, .output_limit = LIMIT, .directory = directory
    };
    assert_ok(process_run(&process, NULL, ret, &err), &err);
}

static void fill(struct str *text, size_t len)
{
    CLEANUP(freep) char *bytes = mem_zalloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 31 + i / 65536);
    str_clear(text);
    str_addn(text, bytes, len);
}

static bool write_pieces(struct sink *sink, const struct str *text, size_t piece, struct err *err)
{
    for (size_t at = 0; at < text->len; at += piece)
        if (!sink_write(sink, text->text + at, text->len - at < piece ? text->len - at : piece, err))
            return false;
    return sink_finish(sink, err);
}

static void encrypt(const struct age_recipient *recipients, size_t count, const struct str *text, size_t piece,
                    struct str *ret)
{
    struct err err = ERR_INIT;
    CLEANUP(sink_freep) struct sink *sink = age_encrypt_sink_new(recipients, count, text_sink_new(ret, LIMIT));
    assert_ok(write_pieces(sink, text, piece, &err), &err);
}

static bool decrypt(const struct age_identity *identity, const struct str *sealed, size_t piece, struct str *ret,
                    struct err *err)
{
    CLEANUP(sink_freep) struct sink *sink = age_decrypt_sink_new(identity, 1, text_sink_new(ret, LIMIT));
    return write_pieces(sink, sealed, piece, err);
}

static void assert_same(const struct str *a, const struct str *b)
{
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->text, b->text, a->len);
}

static void keep_identity(const struct age_identity *identity)
{
    struct err err = ERR_INIT;
    CLEANUP(freep) char *text = age_identity_print(identity);
    CLEANUP(freep) char *path = mem_printf("%s/key", directory);
    assert_ok(file_write(path, text, strlen(text), 0600, &err), &err);
}

/* ---- keys ---- */

static void keys_are_those_of_age(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str made = STR_INIT, none = STR_INIT;
    struct age_identity identity;
    struct err err = ERR_INIT;
    run((const char *const[]){ "age-keygen", NULL }, &none, &made); /* also tells the recipient on stderr */
    char *line = strstr(made.text, "AGE-SECRET-KEY-");
    assert_non_null(line);
    line[strcspn(line, "\n")] = '\0';
    assert_ok(age_identity_parse(line, &identity, &err), &err);
    CLEANUP(freep) char *printed = age_identity_print(&identity);
    assert_string_equal(printed, line);
    struct age_recipient recipient = age_identity_recipient(&identity);
    CLEANUP(freep) char *recipient_text = age_recipient_print(&recipient);
    assert_non_null(strstr(made.text, recipient_text));
    struct age_recipient again;
    assert_ok(age_recipient_parse(recipient_text, &again, &err), &err);
    assert_memory_equal(&again, &recipient, sizeof(again));
}

static void key_files(void **state)
{
    (void)state;
    struct age_identity identity, first;
    struct err err = ERR_INIT;
    assert_ok(age_identity_parse(fixed_identity, &first, &err), &err);
    CLEANUP(freep) char *text = mem_printf("# created: today\n\n  # public key\r\n%s\r\n", fixed_identity);
    assert_ok(age_identity_parse_file(text, &identity, &err), &err);
    assert_memory_equal(&identity, &first, sizeof(first));
    assert_fails(age_identity_parse_file("# nothing\n", &identity, &err), &err, ERR_INVALID);
    assert_false(age_identity_parse_file("# x\nAGE-SECRET-KEY-1WRONG\n", &identity, &err));
    assert_contains(err_message(&err), "line 2");
    assert_null(strstr(err_message(&err), "WRONG"));
    err_release(&err);
}

static const struct {
    const char *why;
    const char *text;
} bad_recipients[] = {
    { "nothing", "" },
    { "another word", "ssh-ed25519 AAAA" },
    { "one letter changed", "age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gs" },
    { "upper case", "AGE1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQU9AHUZ" },
    { "cut off", "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equ9ahu" },
    { "a letter that Bech32 has not", "age1bvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equ9ahuz" },
};

static void bad_recipient(void **state)
{
    const __typeof__(bad_recipients[0]) *row = *state;
    struct age_recipient recipient;
    struct err err = ERR_INIT;
    assert_fails(age_recipient_parse(row->text, &recipient, &err), &err, ERR_INVALID);
}

static void an_identity_is_never_shown(void **state)
{
    (void)state;
    struct age_recipient recipient;
    struct err err = ERR_INIT;
    assert_false(age_recipient_parse(fixed_identity, &recipient, &err));
    assert_null(strstr(err_message(&err), fixed_identity + 20));
    err_release(&err);
}

/* ---- files ---- */

static void a_fixed_file_opens(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str sealed = STR_INIT, plain = STR_INIT;
    struct age_identity identity;
    struct err err = ERR_INIT;
    assert_ok(age_identity_parse(fixed_identity, &identity, &err), &err);
    struct age_recipient recipient = age_identity_recipient(&identity);
    CLEANUP(freep) char *text = age_recipient_print(&recipient);
    assert_string_equal(text, fixed_recipient);
    assert_ok(str_base64_decode(fixed_file, &sealed, &err), &err);
    assert_ok(decrypt(&identity, &sealed, 5, &plain, &err), &err);
    assert_string_equal(plain.text, "hello, recovery point\n");
}

static const struct {
    const char *why;
    size_t len, piece;
} sizes[] = {
    { "nothing", 0, 1 },
    { "one byte", 1, 1 },
    { "one less than a chunk", CHUNK - 1, 1000 },
    { "a chunk", CHUNK, CHUNK },
    { "one more than a chunk", CHUNK + 1, 333 },
    { "two chunks", 2 * CHUNK, 2 * CHUNK },
    { "many", 5 * CHUNK + 17, 100001 },
};

static void both_directions(void **state)
{
    const __typeof__(sizes[0]) *row = *state;
    CLEANUP(str_release) struct str text = STR_INIT, sealed = STR_INIT, plain = STR_INIT;
    struct age_identity identity, other;
    struct err err = ERR_INIT;
    age_identity_generate(&identity);
    age_identity_generate(&other);
    const struct age_recipient recipients[] = { age_identity_recipient(&other), age_identity_recipient(&identity) };
    fill(&text, row->len);
    encrypt(recipients, 2, &text, row->piece, &sealed);
    assert_ok(decrypt(&identity, &sealed, row->piece, &plain, &err), &err);
    assert_same(&plain, &text);
    assert_ok(decrypt(&other, &sealed, 1 + row->piece / 2, &plain, &err), &err);
    assert_same(&plain, &text);

    keep_identity(&identity);
    run((const char *const[]){ "age", "-d", "-i", "key", NULL }, &sealed, &plain);
    assert_same(&plain, &text);

    CLEANUP(freep) char *recipient = age_recipient_print(&recipients[1]);
    CLEANUP(freep) char *second = age_recipient_print(&recipients[0]);
    run((const char *const[]){ "age", "-r", second, "-r", recipient, NULL }, &text, &sealed);
    assert_ok(decrypt(&identity, &sealed, row->piece, &plain, &err), &err);
    assert_same(&plain, &text);
}

/* Two files of the same text have nothing in common. */
static void keys_are_fresh(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str text = STR_INIT, one = STR_INIT, two = STR_INIT;
    struct age_identity identity;
    age_identity_generate(&identity);
    const struct age_recipient recipient = age_identity_recipient(&identity);
    fill(&text, 1000);
    encrypt(&recipient, 1, &text, 1000, &one);
    encrypt(&recipient, 1, &text, 1000, &two);
    assert_int_equal(one.len, two.len);
    assert_memory_not_equal(one.text + one.len - 1016, two.text + two.len - 1016, 1000);
}

/* ---- what was broken ---- */

struct broken {
    struct age_identity identity;
    struct str sealed, plain;
    size_t payload_at; /* behind header and nonce */
    struct err err;
};

static void broken_set_up(struct broken *broken, size_t len)
{
    *broken = (struct broken){ .sealed = STR_INIT, .plain = STR_INIT };
    CLEANUP(str_release) struct str text = STR_INIT;
    age_identity_generate(&broken->identity);
    const struct age_recipient recipient = age_identity_recipient(&broken->identity);
    fill(&text, len);
    encrypt(&recipient, 1, &text, len, &broken->sealed);
    broken->payload_at = (size_t)(strstr(broken->sealed.text, "\n--- ") - broken->sealed.text) + 5 + 43 + 1 + 16;
}

static void broken_release(struct broken *broken)
{
    str_release(&broken->sealed);
    str_release(&broken->plain);
    err_release(&broken->err);
}

static void a_wrong_key(void **state)
{
    (void)state;
    CLEANUP(broken_release) struct broken broken;
    broken_set_up(&broken, 10);
    age_identity_generate(&broken.identity);
    assert_false(decrypt(&broken.identity, &broken.sealed, 1000, &broken.plain, &broken.err));
    assert_int_equal(broken.err.code, ERR_FORBIDDEN);
    assert_contains(err_message(&broken.err), "other recipients");
    assert_int_equal(broken.plain.len, 0);
}

/* Every byte of a small file counts. */
static void any_altered_byte(void **state)
{
    (void)state;
    CLEANUP(broken_release) struct broken broken;
    broken_set_up(&broken, 10);
    for (size_t i = 0; i < broken.sealed.len; i++) {
        broken.sealed.text[i] ^= 1;
        assert_false(decrypt(&broken.identity, &broken.sealed, 1000, &broken.plain, &broken.err));
        assert_int_equal(broken.plain.len, 0);
        assert_true(broken.err.code == ERR_INVALID || broken.err.code == ERR_FORBIDDEN);
        err_clear(&broken.err);
        broken.sealed.text[i] ^= 1;
    }
}

static void cut_anywhere(void **state)
{
    (void)state;
    CLEANUP(broken_release) struct broken broken;
    broken_set_up(&broken, 10);
    size_t len = broken.sealed.len;
    for (size_t cut = 1; cut <= len; cut++) {
        broken.sealed.len = len - cut;
        assert_fails(decrypt(&broken.identity, &broken.sealed, 7, &broken.plain, &broken.err), &broken.err,
                     ERR_INVALID);
    }
}

static void cut_between_chunks(void **state)
{
    (void)state;
    CLEANUP(broken_release) struct broken broken;
    broken_set_up(&broken, 3 * CHUNK);
    broken.sealed.len = broken.payload_at + 2 * (CHUNK + 16);
    assert_false(decrypt(&broken.identity, &broken.sealed, 9999, &broken.plain, &broken.err));
    assert_int_equal(broken.err.code, ERR_INVALID);
    assert_contains(err_message(&broken.err), "cut off behind chunk 2");
}

static void swapped_chunks(void **state)
{
    (void)state;
    CLEANUP(broken_release) struct broken broken;
    broken_set_up(&broken, 3 * CHUNK);
    char *first = broken.sealed.text + broken.payload_at, *second = first + CHUNK + 16;
    CLEANUP(freep) char *kept = mem_zalloc(CHUNK + 16);
    memcpy(kept, first, CHUNK + 16);
    memcpy(first, second, CHUNK + 16);
    memcpy(second, kept, CHUNK + 16);
    assert_false(decrypt(&broken.identity, &broken.sealed, 9999, &broken.plain, &broken.err));
    assert_contains(err_message(&broken.err), "chunk 1 of the age file was altered, moved or cut off");
    assert_int_equal(broken.plain.len, 0);
}

static void more_behind_the_end(void **state)
{
    (void)state;
    CLEANUP(broken_release) struct broken broken;
    broken_set_up(&broken, 10);
    str_add(&broken.sealed, "x");
    assert_fails(decrypt(&broken.identity, &broken.sealed, 1000, &broken.plain, &broken.err), &broken.err, ERR_INVALID);
}

static const struct {
    const char *why;
    const char *text;
    const char *message;
} bad_headers[] = {
    { "nothing", "", "cut off" },
    { "something else", "PGDMP and more", "does not begin with" },
    { "another version", "age-encryption.org/v2\n-> X25519 a\n", "another version" },
    { "no stanza", "age-encryption.org/v1\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "last line" },
    { "no line of ours", "age-encryption.org/v1\nhello\n", "no stanza" },
    { "a short share", "age-encryption.org/v1\n-> X25519 AAAA\nAAAA\n--- ", "malformed" },
    { "no base64", "age-encryption.org/v1\n-> X25519 AAAA\n=====\n--- ", "not base64" },
};

static void bad_header(void **state)
{
    const __typeof__(bad_headers[0]) *row = *state;
    CLEANUP(str_release) struct str sealed = STR_INIT, plain = STR_INIT;
    struct age_identity identity;
    struct err err = ERR_INIT;
    age_identity_generate(&identity);
    str_add(&sealed, row->text);
    assert_false(decrypt(&identity, &sealed, 1000, &plain, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_contains(err_message(&err), row->message);
    err_release(&err);
}

/* Other kinds of recipients beside ours are no hindrance. */
static void strangers_are_passed_over(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str text = STR_INIT, sealed = STR_INIT, plain = STR_INIT;
    struct age_identity identity;
    struct err err = ERR_INIT;
    age_identity_generate(&identity);
    const struct age_recipient recipient = age_identity_recipient(&identity);
    CLEANUP(freep) char *recipient_text = age_recipient_print(&recipient);
    fill(&text, 100);
    run((const char *const[]){ "age", "-r", ssh_recipient, "-r", recipient_text, NULL }, &text, &sealed);
    assert_ok(decrypt(&identity, &sealed, 1000, &plain, &err), &err);
    assert_same(&plain, &text);
}

static void an_endless_header_ends(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str sealed = STR_INIT, plain = STR_INIT;
    struct age_identity identity;
    struct err err = ERR_INIT;
    age_identity_generate(&identity);
    str_add(&sealed, "age-encryption.org/v1\n");
    while (sealed.len < 2 * AGE_HEADER_MAX)
        str_add(&sealed, "-> x ");
    assert_fails(decrypt(&identity, &sealed, 10000, &plain, &err), &err, ERR_INVALID);
}

int main(void)
{
    struct check_list list = { 0 };
    char place[] = "/tmp/tenantd-age-XXXXXX";
    directory = mkdtemp(place);
    CHECK_TEST(&list, keys_are_those_of_age);
    CHECK_TEST(&list, key_files);
    CHECK_ROWS(&list, bad_recipient, bad_recipients);
    CHECK_TEST(&list, an_identity_is_never_shown);
    CHECK_TEST(&list, a_fixed_file_opens);
    CHECK_ROWS(&list, both_directions, sizes);
    CHECK_TEST(&list, keys_are_fresh);
    CHECK_TEST(&list, a_wrong_key);
    CHECK_TEST(&list, any_altered_byte);
    CHECK_TEST(&list, cut_anywhere);
    CHECK_TEST(&list, cut_between_chunks);
    CHECK_TEST(&list, swapped_chunks);
    CHECK_TEST(&list, more_behind_the_end);
    CHECK_ROWS(&list, bad_header, bad_headers);
    CHECK_TEST(&list, strangers_are_passed_over);
    CHECK_TEST(&list, an_endless_header_ends);
    int failed = check_run("age", &list);
    struct err err = ERR_INIT;
    if (!dir_remove(directory, &err))
        err_release(&err);
    return failed;
}
