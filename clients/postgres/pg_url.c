/* Connection URLs with another database and user: read by libpq's own parser, written as a URI. */
#include "base/str.h"
#include "clients/postgres/pg.h"

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *option = options; option->keyword; option++)
        if (str_equal(option->keyword, keyword))
            return option->val && *option->val ? option->val : NULL;
    return NULL;
}

static void add_parameter(struct str *url, const char *keyword, const char *value, bool *first)
{
    str_addc(url, *first ? '?' : '&');
    *first = false;
    str_add_url_segment(url, keyword);
    str_addc(url, '=');
    str_add_url_segment(url, value);
}

static void wipe_freep(char **secret)
{
    if (*secret)
        mem_wipe(*secret, strlen(*secret));
    freep(secret);
}

char *pg_url_with(const char *url, const char *database, const char *user_or_null, const char *password_or_null)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (!options)
        return mem_strdup(url); /* connecting tells what is wrong with it */
    /* Somebody else's password is of no use to another user. */
    CLEANUP(wipe_freep)
    char *password = mem_strdup(password_or_null ? password_or_null
                                : user_or_null   ? NULL
                                                 : option_value(options, "password"));
    const char *user = user_or_null ? user_or_null : option_value(options, "user");
    const char *host = option_value(options, "host");
    const char *port = option_value(options, "port");
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
    /* Socket directories, IPv6 addresses and lists stand in the query part, where nothing is ambiguous. */
    bool in_front = host && strspn(host, plain) == strlen(host) && (!port || !strchr(port, ','));
    struct str out = STR_INIT;
    str_add(&out, "postgresql://");
    if (in_front && user) {
        str_add_url_segment(&out, user);
        if (password) {
            str_addc(&out, ':');
            str_add_url_segment(&out, password);
        }
        str_addc(&out, '@');
    }
    if (in_front) {
        str_add(&out, host);
        if (port)
            str_addf(&out, ":%s", port);
    }
    str_addc(&out, '/');
    str_add_url_segment(&out, database);
    bool first = true;
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        const char *value = option->val;
        bool is_front = str_equal(option->keyword, "host") || str_equal(option->keyword, "port");
        if (str_equal(option->keyword, "dbname"))
            continue;
        if (str_equal(option->keyword, "user"))
            value = in_front ? NULL : user;
        else if (str_equal(option->keyword, "password"))
            value = in_front && user ? NULL : password;
        else if (is_front && in_front)
            continue;
        if (value && *value)
            add_parameter(&out, option->keyword, value, &first);
    }
    PQconninfoFree(options);
    return str_steal(&out);
}
