/* The request target: path segments and query. */
#include "api/uri.h"

#include "base/json.h"
#include "specs/wording.h"

#define PARTS_MAX 100

void uri_release(struct uri *uri)
{
    strv_release(&uri->segments);
    strv_release(&uri->keys);
    strv_release(&uri->values);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum plus { PLUS_STAYS, PLUS_IS_BLANK };

static bool decode(const char *raw, size_t len, enum plus plus, struct strv *list, struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    for (size_t i = 0; i < len; i++) {
        char c = raw[i];
        if (c == '+' && plus == PLUS_IS_BLANK)
            c = ' ';
        if (raw[i] == '%') {
            bool is_whole = len - i > 2;
            int high = is_whole ? hex_value(raw[i + 1]) : -1;
            int low = is_whole ? hex_value(raw[i + 2]) : -1;
            if (high < 0 || low < 0)
                return err_set(err, ERR_BAD_REQUEST, "the request target has a broken %%XX");
            c = (char)(high << 4 | low);
            i += 2;
        }
        str_addc(&text, c);
    }
    if (!str_is_utf8(text.text, text.len))
        return err_set(err, ERR_BAD_REQUEST, "the request target holds a NUL or is no UTF-8");
    strv_add_taken(list, str_steal(&text));
    return true;
}

static bool parse_path(const char *path, size_t len, struct uri *uri, struct err *err)
{
    const char *end = path + len;
    while (path < end) {
        path++; /* the slash */
        const char *slash = memchr(path, '/', (size_t)(end - path));
        const char *stop = slash ? slash : end;
        if (stop == end && stop == path)
            return true; /* a trailing slash */
        if (uri->segments.count == PARTS_MAX)
            return err_set(err, ERR_BAD_REQUEST, "the path has more than %d segments", PARTS_MAX);
        if (!decode(path, (size_t)(stop - path), PLUS_STAYS, &uri->segments, err))
            return false;
        path = stop;
    }
    return true;
}

static bool parse_query(const char *query, struct uri *uri, struct err *err)
{
    while (*query) {
        size_t len = strcspn(query, "&");
        const char *equals = memchr(query, '=', len);
        size_t key_len = equals ? (size_t)(equals - query) : len;
        if (len > 0) {
            if (uri->keys.count == PARTS_MAX)
                return err_set(err, ERR_BAD_REQUEST, "the query has more than %d parameters", PARTS_MAX);
            if (!decode(query, key_len, PLUS_IS_BLANK, &uri->keys, err))
                return false;
            const char *value = equals ? equals + 1 : query + len;
            if (!decode(value, (size_t)(query + len - value), PLUS_IS_BLANK, &uri->values, err)) {
                strv_add(&uri->values, ""); /* as many as keys */
                return false;
            }
        }
        query += len;
        if (*query == '&')
            query++;
    }
    return true;
}

bool uri_parse(const char *raw, struct uri *ret_uri, struct err *err)
{
    *ret_uri = (struct uri){ 0 };
    if (raw[0] != '/') { /* a proxy's absolute form, or "*" */
        const char *host = strstr(raw, "://");
        raw = host ? strchr(host + 3, '/') : NULL;
        if (!raw)
            return err_set(err, ERR_BAD_REQUEST, "the request target has no path");
    }
    size_t path_len = strcspn(raw, "?");
    if (!parse_path(raw, path_len, ret_uri, err))
        return false;
    return raw[path_len] != '?' || parse_query(raw + path_len + 1, ret_uri, err);
}

const char *uri_query(const struct uri *uri, const char *key)
{
    for (size_t i = 0; i < uri->keys.count; i++)
        if (str_equal(uri->keys.items[i], key))
            return uri->values.items[i];
    return NULL;
}

bool uri_query_flag(const struct uri *uri, const char *key, bool *ret, struct err *err)
{
    const char *value = uri_query(uri, key);
    *ret = value && (value[0] == '\0' || str_equal(value, "true") || str_equal(value, "1"));
    if (*ret || !value || str_equal(value, "false") || str_equal(value, "0"))
        return true;
    CLEANUP(freep) char *shown = quoted(value);
    return err_set(err, ERR_BAD_REQUEST, "%s: %s is neither true nor false", key, shown);
}

bool uri_query_number(const struct uri *uri, const char *key, int64_t max, int64_t fallback, int64_t *ret,
                      struct err *err)
{
    const char *value = uri_query(uri, key);
    *ret = fallback;
    if (!value || value[0] == '\0' || str_parse_int64(value, 0, max, ret))
        return true;
    CLEANUP(freep) char *shown = quoted(value);
    return err_set(err, ERR_BAD_REQUEST, "%s: %s is no number from 0 to %lld", key, shown, (long long)max);
}
