/* Signatures of requests. */
#include "clients/s3/sign.h"

#include <ctype.h>

#include "base/crypto.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

void s3_signed_release(struct s3_signed *made)
{
    str_release(&made->path);
    strv_release(&made->headers);
}

static void add_path(struct str *out, const struct s3_parts *parts)
{
    if (parts->bucket) {
        str_addc(out, '/');
        str_add_url_segment(out, parts->bucket);
    }
    if (parts->key || !parts->bucket)
        str_addc(out, '/');
    for (const char *at = parts->key; at && *at;) {
        const char *slash = strchrnul(at, '/');
        CLEANUP(freep) char *segment = mem_strndup(at, (size_t)(slash - at));
        str_add_url_segment(out, segment);
        if (*slash)
            str_addc(out, '/');
        at = *slash ? slash + 1 : slash;
    }
}

/* Sorts "name<TAB>value" by name first, as no name has a byte below TAB, and puts `separator` between the two. */
static void sort_pairs(struct strv *pairs, char separator)
{
    strv_sort(pairs);
    for (size_t i = 0; i < pairs->count; i++)
        *strchr(pairs->items[i], '\t') = separator;
}

/* Encoded, "=" also behind what has no value: both the URL's query and the signed one. */
static void add_query(struct str *out, const struct s3_pair *query)
{
    CLEANUP(strv_release) struct strv pairs = STRV_INIT;
    for (size_t i = 0; query && query[i].name; i++) {
        CLEANUP(str_release) struct str pair = STR_INIT;
        str_add_url_segment(&pair, query[i].name);
        str_addc(&pair, '\t');
        str_add_url_segment(&pair, query[i].value ? query[i].value : "");
        strv_add_taken(&pairs, str_steal(&pair));
    }
    sort_pairs(&pairs, '=');
    CLEANUP(freep) char *text = strv_join(&pairs, "&");
    str_add(out, text);
}

/* "20130524T000000Z". Owned. */
static char *amz_date(int64_t wall_ms)
{
    CLEANUP(freep) char *text = time_to_rfc3339(wall_ms);
    CLEANUP(str_release) struct str date = STR_INIT;
    for (const char *at = text; *at; at++)
        if (isalnum((unsigned char)*at))
            str_addc(&date, *at);
    return str_steal(&date);
}

/* All headers that are signed, "name:value". */
static void collect_headers(const struct s3_parts *parts, const char *date, struct strv *headers)
{
    strv_addf(headers, "host\t%s", parts->host);
    strv_addf(headers, "x-amz-content-sha256\t%s", parts->payload_sha256_hex);
    strv_addf(headers, "x-amz-date\t%s", date);
    for (size_t i = 0; parts->headers && parts->headers[i].name; i++)
        strv_addf(headers, "%s\t%s", parts->headers[i].name, parts->headers[i].value);
    sort_pairs(headers, ':');
}

/* "host;x-amz-date". Owned. */
static char *header_names(const struct strv *headers)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    for (size_t i = 0; i < headers->count; i++)
        strv_add_taken(&names, mem_strndup(headers->items[i], strcspn(headers->items[i], ":")));
    return strv_join(&names, ";");
}

static void derive(const char *secret_key, const char *date, const char *region, uint8_t key[SHA256_SIZE])
{
    char day[9];
    memcpy(day, date, 8);
    day[8] = '\0';
    CLEANUP(freep) char *first = mem_printf("AWS4%s", secret_key);
    const char *const steps[] = { day, region, "s3", "aws4_request" };
    hmac_sha256(first, strlen(first), steps[0], strlen(steps[0]), key);
    for (size_t i = 1; i < ARRAY_LEN(steps); i++)
        hmac_sha256(key, SHA256_SIZE, steps[i], strlen(steps[i]), key);
    mem_wipe(first, strlen(first));
}

/* The signature in hex. Owned. */
static char *sign(const struct s3_signer *signer, const char *date, const char *scope, const struct str *canonical)
{
    uint8_t key[SHA256_SIZE];
    uint8_t mac[SHA256_SIZE];
    CLEANUP(freep) char *hash = sha256_hex(canonical->text, canonical->len);
    CLEANUP(freep) char *text = mem_printf(ALGORITHM "\n%s\n%s\n%s", date, scope, hash);
    CLEANUP(str_release) struct str hex = STR_INIT;
    derive(signer->secret_key, date, signer->region, key);
    hmac_sha256(key, sizeof(key), text, strlen(text), mac);
    mem_wipe(key, sizeof(key));
    str_add_hex(&hex, mac, sizeof(mac));
    return str_steal(&hex);
}

void s3_sign(const struct s3_parts *parts, const struct s3_signer *signer, struct s3_signed *ret)
{
    CLEANUP(str_release) struct str query = STR_INIT;
    CLEANUP(str_release) struct str canonical = STR_INIT;
    CLEANUP(strv_release) struct strv headers = STRV_INIT;
    CLEANUP(freep) char *date = amz_date(signer->wall_ms);
    CLEANUP(freep) char *scope = mem_printf("%.8s/%s/s3/aws4_request", date, signer->region);
    collect_headers(parts, date, &headers);
    CLEANUP(freep) char *names = header_names(&headers);
    str_clear(&ret->path);
    strv_release(&ret->headers);
    add_path(&ret->path, parts);
    add_query(&query, parts->query);
    str_addf(&canonical, "%s\n%s\n%s\n", parts->method, ret->path.text, query.text);
    for (size_t i = 0; i < headers.count; i++)
        str_addf(&canonical, "%s\n", headers.items[i]);
    str_addf(&canonical, "\n%s\n%s", names, parts->payload_sha256_hex);
    if (query.len > 0)
        str_addf(&ret->path, "?%s", query.text);
    CLEANUP(freep) char *signature = sign(signer, date, scope, &canonical);
    strv_addf(&headers, "Authorization: " ALGORITHM " Credential=%s/%s,SignedHeaders=%s,Signature=%s",
              signer->access_key, scope, names, signature);
    strv_copy(&ret->headers, &headers);
}
