/* Our own TLS certificate. */
#include "api/certificate.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"

#define VALID_DAYS 3650
#define RENEW_DAYS 30
#define FILE_LIMIT (256 * 1024)
#define SUBJECT    "tenantd"
#define DAY_S      (DAY_MS / SECOND_MS)

static void key_freep(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
static void x509_freep(X509 **certificate)
{
    X509_free(*certificate);
}
static void bio_freep(BIO **bio)
{
    BIO_free(*bio);
}
static void extension_freep(X509_EXTENSION **extension)
{
    X509_EXTENSION_free(*extension);
}

/* ---- names ---- */

static bool is_address(const char *name)
{
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* What OpenSSL would read as more than a name stays out: the list is its own little language. */
static bool is_plain(const char *name)
{
    return name[0] &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") == strlen(name) &&
           (is_address(name) || !strchr(name, ':'));
}

static void collect_names(const struct strv *more, struct strv *ret)
{
    char host[HOST_NAME_MAX + 1] = "";
    strv_add(ret, "localhost");
    strv_add(ret, "127.0.0.1");
    strv_add(ret, "::1");
    if (gethostname(host, sizeof(host) - 1) == 0 && is_plain(host) && !strv_has(ret, host))
        strv_add(ret, host);
    for (size_t i = 0; more && i < more->count; i++)
        if (is_plain(more->items[i]) && !strv_has(ret, more->items[i]))
            strv_add(ret, more->items[i]);
}

static char *print_names(const struct strv *names)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    for (size_t i = 0; i < names->count; i++)
        str_addf(&text, "%s%s:%s", i > 0 ? "," : "", is_address(names->items[i]) ? "IP" : "DNS", names->items[i]);
    return str_steal(&text);
}

/* ---- making one ---- */

static bool add_extension(X509 *certificate, int id, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    CLEANUP(extension_freep) X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
    return extension && X509_add_ext(certificate, extension, -1) == 1;
}

static bool set_serial(X509 *certificate)
{
    unsigned char bytes[16];
    random_bytes(bytes, sizeof(bytes));
    bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and always of one length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool good = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return good;
}

static bool set_subject(X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)SUBJECT, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1;
}

/* Clients pin it as an authority, so it may sign: itself, and nothing below. */
static bool fill(X509 *certificate, EVP_PKEY *key, const char *names)
{
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) && set_subject(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) && /* clients' clocks differ */
           X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_DAYS * DAY_S) &&
           X509_set_pubkey(certificate, key) == 1 &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, NID_subject_alt_name, names) && X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* The text of a memory BIO; owned. */
static char *bio_text(BIO *bio)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    return mem_strndup(bytes, (size_t)len);
}

bool certificate_make(const struct strv *more_names, char **ret_certificate_pem, char **ret_key_pem, struct err *err)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(key_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
    CLEANUP(x509_freep) X509 *certificate = X509_new();
    CLEANUP(bio_freep) BIO *certificate_text = BIO_new(BIO_s_mem());
    CLEANUP(bio_freep) BIO *key_text = BIO_new(BIO_s_secmem());
    collect_names(more_names, &names);
    CLEANUP(freep) char *printed = print_names(&names);
    if (!key || !certificate || !certificate_text || !key_text || !fill(certificate, key, printed) ||
        PEM_write_bio_X509(certificate_text, certificate) != 1 ||
        PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) != 1)
        return err_set(err, ERR_INTERNAL, "libcrypto could not make a certificate for %s", printed);
    *ret_certificate_pem = bio_text(certificate_text);
    *ret_key_pem = bio_text(key_text);
    return true;
}

/* ---- keeping it ---- */

static bool covers(X509 *certificate, const struct strv *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        int found =
            is_address(name) ? X509_check_ip_asc(certificate, name, 0) : X509_check_host(certificate, name, 0, 0, NULL);
        if (found != 1)
            return false;
    }
    return true;
}

static bool is_own(X509 *certificate)
{
    char name[sizeof(SUBJECT) + 1] = "";
    int len = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof(name));
    return len == (int)strlen(SUBJECT) && str_equal(name, SUBJECT);
}

/* False where it is one of ours that should be replaced. What cannot be read is for the listener to complain about. */
static bool is_good(const char *pem, const struct strv *more_names)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(bio_freep) BIO *bio = BIO_new_mem_buf(pem, -1);
    CLEANUP(x509_freep) X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (!certificate || !is_own(certificate))
        return true;
    int days, seconds;
    collect_names(more_names, &names);
    return ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) == 1 && days >= RENEW_DAYS &&
           covers(certificate, &names);
}

static bool read_both(const char *certificate_path, const char *key_path, struct str *certificate, struct str *key,
                      struct err *err)
{
    return file_read(certificate_path, FILE_LIMIT, certificate, err) && file_read(key_path, FILE_LIMIT, key, err);
}

bool certificate_ensure(const char *directory, const struct strv *more_names, char **ret_certificate_pem,
                        char **ret_key_pem, struct err *err)
{
    CLEANUP(freep) char *certificate_path = mem_printf("%s/tls.crt", directory);
    CLEANUP(freep) char *key_path = mem_printf("%s/tls.key", directory);
    CLEANUP(str_release) struct str certificate = STR_INIT;
    CLEANUP(str_release) struct str key = STR_INIT;
    /* The key is written first, so a certificate without one does not come from us. */
    if (file_exists(certificate_path)) {
        if (!read_both(certificate_path, key_path, &certificate, &key, err))
            return err_wrap(err, "TLS certificate in %s", directory);
        if (is_good(certificate.text, more_names)) {
            *ret_certificate_pem = str_steal(&certificate);
            *ret_key_pem = str_steal(&key);
            return true;
        }
    }
    CLEANUP(freep) char *new_certificate = NULL;
    CLEANUP(freep) char *new_key = NULL;
    if (!certificate_make(more_names, &new_certificate, &new_key, err) ||
        !file_write(key_path, new_key, strlen(new_key), 0600, err) ||
        !file_write(certificate_path, new_certificate, strlen(new_certificate), 0644, err))
        return err_wrap(err, "TLS certificate in %s", directory);
    *ret_certificate_pem = STEAL(new_certificate);
    *ret_key_pem = STEAL(new_key);
    return true;
}
