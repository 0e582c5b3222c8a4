/* api/certificate.c and api/kubeconfig.c, looked at with openssl and kubectl's own eyes. */
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/certificate.h"
#include "api/kubeconfig.h"
#include "base/file.h"
#include "base/process.h"
#include "specs/yaml.h"
#include "tests/check.h"

static int make_directory(void **state)
{
    char path[] = "/tmp/tenantd-cert-XXXXXX";
    if (!mkdtemp(path))
        return -1;
    *state = mem_strdup(path);
    return 0;
}

static int remove_directory(void **state)
{
    struct err err = ERR_INIT;
    bool good = dir_remove(*state, &err);
    err_release(&err);
    free(*state);
    return good ? 0 : -1;
}

static char *run(const char *const *argv)
{
    struct str output = STR_INIT;
    struct err err = ERR_INIT;
    const struct process process = { .argv = argv };
    assert_ok(process_run(&process, NULL, &output, &err), &err);
    return str_steal(&output);
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static unsigned mode_of(const char *directory, const char *name)
{
    CLEANUP(freep) char *path = mem_printf("%s/%s", directory, name);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static void test_openssl_accepts_it(void **state)
{
    const char *directory = *state;
    CLEANUP(strv_release) struct strv more = STRV_INIT;
    CLEANUP(freep) char *certificate = NULL;
    CLEANUP(freep) char *key = NULL;
    struct err err = ERR_INIT;
    strv_add(&more, "api.example.com");
    strv_add(&more, "192.0.2.7");
    strv_add(&more, "evil,DNS:other"); /* does not get out of its name */
    assert_ok(certificate_ensure(directory, &more, &certificate, &key, &err), &err);
    assert_int_equal(mode_of(directory, "tls.crt"), 0644);
    assert_int_equal(mode_of(directory, "tls.key"), 0600);

    CLEANUP(freep) char *path = mem_printf("%s/tls.crt", directory);
    char host[HOST_NAME_MAX + 1] = "";
    assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
    const char *const names[] = { "localhost", "api.example.com", host };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        free(RUN("openssl", "verify", "-purpose", "sslserver", "-CAfile", path, "-verify_hostname", names[i], path));
    const char *const addresses[] = { "127.0.0.1", "::1", "192.0.2.7" };
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        free(RUN("openssl", "verify", "-purpose", "sslserver", "-CAfile", path, "-verify_ip", addresses[i], path));
    CLEANUP(freep) char *text = RUN("openssl", "x509", "-in", path, "-noout", "-text");
    assert_contains(text, "prime256v1");
    assert_null(strstr(text, "other"));
}

static void test_kept_until_it_must_go(void **state)
{
    const char *directory = *state;
    CLEANUP(strv_release) struct strv more = STRV_INIT;
    CLEANUP(freep) char *first = NULL;
    CLEANUP(freep) char *first_key = NULL;
    CLEANUP(freep) char *second = NULL;
    CLEANUP(freep) char *second_key = NULL;
    CLEANUP(freep) char *third = NULL;
    CLEANUP(freep) char *third_key = NULL;
    struct err err = ERR_INIT;
    assert_ok(certificate_ensure(directory, NULL, &first, &first_key, &err), &err);
    assert_ok(certificate_ensure(directory, NULL, &second, &second_key, &err), &err);
    assert_string_equal(first, second);
    assert_string_equal(first_key, second_key);
    strv_add(&more, "api.example.com");
    assert_ok(certificate_ensure(directory, &more, &third, &third_key, &err), &err);
    assert_string_not_equal(first, third);
}

static void test_strangers_certificate_is_left_alone(void **state)
{
    const char *directory = *state;
    CLEANUP(strv_release) struct strv more = STRV_INIT;
    CLEANUP(freep) char *certificate = mem_printf("%s/tls.crt", directory);
    CLEANUP(freep) char *key = mem_printf("%s/tls.key", directory);
    CLEANUP(freep) char *seen = NULL;
    CLEANUP(freep) char *seen_key = NULL;
    CLEANUP(str_release) struct str before = STR_INIT;
    struct err err = ERR_INIT;
    free(RUN("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
             "-subj", "/CN=example.com", "-keyout", key, "-out", certificate));
    assert_ok(file_read(certificate, 65536, &before, &err), &err);
    strv_add(&more, "api.example.com");
    assert_ok(certificate_ensure(directory, &more, &seen, &seen_key, &err), &err);
    assert_string_equal(seen, before.text);
}

static void test_key_missing(void **state)
{
    const char *directory = *state;
    CLEANUP(freep) char *path = mem_printf("%s/tls.key", directory);
    CLEANUP(freep) char *certificate = NULL;
    CLEANUP(freep) char *key = NULL;
    struct err err = ERR_INIT;
    assert_ok(certificate_ensure(directory, NULL, &certificate, &key, &err), &err);
    assert_int_equal(unlink(path), 0);
    CLEANUP(freep) char *other = NULL;
    CLEANUP(freep) char *other_key = NULL;
    assert_fails(certificate_ensure(directory, NULL, &other, &other_key, &err), &err, ERR_NOT_FOUND);
}

static void test_kubeconfig(void **state)
{
    const char *directory = *state;
    CLEANUP(freep) char *path = mem_printf("%s/admin.kubeconfig", directory);
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(json_decrefp) json_t *value = NULL;
    struct err err = ERR_INIT;
    const struct kubeconfig config = {
        .server = "https://127.0.0.1:7440",
        .certificate_pem = "-----BEGIN CERTIFICATE-----\n",
        .user = "admin",
        .token = "t: #1",
        .namespace = "acme",
    };
    assert_ok(kubeconfig_write(&config, path, &err), &err);
    assert_int_equal(mode_of(directory, "admin.kubeconfig"), 0600);
    assert_ok(file_read(path, 65536, &text, &err), &err);
    assert_ok(yaml_parse_one(text.text, text.len, &value, &err), &err);
    const json_t *cluster = json_object_get(json_array_get(json_object_get(value, "clusters"), 0), "cluster");
    const json_t *user = json_object_get(json_array_get(json_object_get(value, "users"), 0), "user");
    assert_string_equal(json_text(cluster, "server"), "https://127.0.0.1:7440");
    CLEANUP(str_release) struct str pem = STR_INIT;
    assert_ok(str_base64_decode(json_text(cluster, "certificate-authority-data"), &pem, &err), &err);
    assert_string_equal(pem.text, config.certificate_pem);
    assert_string_equal(json_text(user, "token"), "t: #1");
    assert_string_equal(json_text(value, "current-context"), "tenantd");

    struct stat before, after;
    assert_int_equal(stat(path, &before), 0);
    assert_ok(kubeconfig_write(&config, path, &err), &err);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static const struct {
    const char *why;
    const char *address;
    const char *url;
} urls[] = {
    { "an address", "127.0.0.1:7440", "https://127.0.0.1:99" },
    { "all addresses", "0.0.0.0:7440", "https://127.0.0.1:99" },
    { "no address", ":7440", "https://127.0.0.1:99" },
    { "all of IPv6", "[::]:7440", "https://127.0.0.1:99" },
    { "IPv6", "[::1]:0", "https://[::1]:99" },
    { "a name", "api.example.com:0", "https://api.example.com:99" },
};

static void test_url(void **state)
{
    const __typeof__(urls[0]) *row = *state;
    CLEANUP(freep) char *url = kubeconfig_server_url(row->address, 99);
    assert_string_equal(url, row->url);
}

int main(void)
{
    struct check_list list = { 0 };
    static const CMUnitTestFunction with_directory[] = {
        test_openssl_accepts_it, test_kept_until_it_must_go, test_strangers_certificate_is_left_alone, test_key_missing,
        test_kubeconfig,
    };
    static const char *const names[] = { "openssl accepts it", "kept until it must go", "a stranger's is left alone",
                                         "its key is missing", "kubeconfig" };
    for (size_t i = 0; i < ARRAY_LEN(with_directory); i++) {
        check_add(&list, names[i], with_directory[i], NULL);
        list.tests[list.count - 1].setup_func = make_directory;
        list.tests[list.count - 1].teardown_func = remove_directory;
    }
    CHECK_ROWS(&list, test_url, urls);
    return check_run("certificate", &list);
}
