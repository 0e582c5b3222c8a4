/* Shapes of texts that several kinds share, each with its complaint. */
#include "specs/check.h"

#include <ctype.h>

#include "specs/wording.h"

#define DNS_LABEL_MAX   63
#define DNS_NAME_MAX    253
#define EMAIL_LOCAL_MAX 64
#define FILE_PATH_MAX   1024

static void complain(struct problems *problems, const char *path, const char *text, const char *why)
{
    CLEANUP(freep) char *shown = quoted(text);
    problems_add(problems, PROBLEM_INVALID, path, "%s %s", shown, why);
}

/* About one text of a list. */
static void complain_at(struct problems *problems, const char *path, size_t index, const char *text, const char *why)
{
    CLEANUP(freep) char *at = mem_printf("%s[%zu]", path, index);
    complain(problems, at, text, why);
}

static bool consists_of(const char *text, const char *characters)
{
    return text[strspn(text, characters)] == '\0';
}

static bool is_ascii(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text >= 0x80)
            return false;
    }
    return true;
}

/* ---- names ---- */

static bool is_label_of(const char *text, size_t len)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return len > 0 && len <= DNS_LABEL_MAX && strspn(text, characters) >= len && text[0] != '-' && text[len - 1] != '-';
}

bool is_dns_label(const char *text)
{
    return is_label_of(text, strlen(text));
}

bool is_dns_name(const char *text)
{
    const char *last = text;
    if (strlen(text) > DNS_NAME_MAX)
        return false;
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ".");
        if (!is_label_of(at, len))
            return false;
        last = at;
        at += len;
        if (*at == '\0')
            break;
    }
    return !consists_of(last, "0123456789"); /* else it would be an address */
}

bool is_qualified_name(const char *text)
{
    const char *slash = strchr(text, '/');
    const char *name = slash ? slash + 1 : text;
    size_t len = strlen(name);
    CLEANUP(freep) char *prefix = slash ? mem_strndup(text, (size_t)(slash - text)) : NULL;
    if (prefix && !is_dns_name(prefix))
        return false;
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return len > 0 && len <= DNS_LABEL_MAX && consists_of(name, characters) && isalnum((unsigned char)name[0]) &&
           isalnum((unsigned char)name[len - 1]);
}

void check_dns_label(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* the shape is the same wherever it stands */
    const char *text = *(char *const *)value;
    if (!is_dns_label(text))
        complain(problems, path, text, "is not a name; use a-z, 0-9 and - (not at the ends), at most 63 characters");
}

void check_env_name(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* as above */
    const char *text = *(char *const *)value;
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    if (*text == '\0' || isdigit((unsigned char)*text) || !consists_of(text, characters))
        complain(problems, path, text, "is not an environment name; use letters, digits and _, no digit first");
}

void check_word(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* as above */
    const char *text = *(char *const *)value;
    if (*text == '\0')
        complain(problems, path, text, "must not be empty");
    else if (strpbrk(text, " \t\n"))
        complain(problems, path, text, "must not have blanks");
}

/* ---- e-mail and domains ---- */

void check_email(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* as above */
    const char *text = *(char *const *)value;
    /* Fewer characters than RFC 5322 allows: the address stands in commands and configuration files. */
    static const char characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-";
    const char *at = strchr(text, '@');
    size_t local = at ? (size_t)(at - text) : 0;
    CLEANUP(str_release) struct str domain = STR_INIT;
    for (const char *c = at ? at + 1 : ""; *c; c++)
        str_addc(&domain, (char)tolower((unsigned char)*c));
    bool good = at && local > 0 && local <= EMAIL_LOCAL_MAX && strspn(text, characters) == local && text[0] != '.' &&
                text[local - 1] != '.' && !strstr(text, "..") && is_dns_name(domain.text);
    if (!good)
        complain(problems, path, text, "is not an e-mail address like admin@example.com");
}

static const char *domain_complaint(const char *name)
{
    if (is_dns_name(name))
        return NULL;
    if (strchr(name, '*'))
        return "is a wildcard; write out each name";
    if (strstr(name, "://") || strchr(name, '/') || strchr(name, ':'))
        return "is not a domain name; leave out scheme, port and path";
    if (!is_ascii(name))
        return "has letters outside ASCII; write it in punycode (xn--...)";
    for (const char *at = name; *at; at++) {
        if (isupper((unsigned char)*at))
            return "has upper-case letters; write it in lower case";
    }
    return "is not a domain name like erp.example.com";
}

void check_domains(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    const struct strv *list = value;
    for (size_t i = 0; i < list->count; i++) {
        const char *why = domain_complaint(list->items[i]);
        if (why)
            complain_at(problems, path, i, list->items[i], why);
    }
    check_unique_texts(field, value, path, problems);
}

/* ---- lists ---- */

void check_unique_texts(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* as above */
    const struct strv *list = value;
    for (size_t i = 1; i < list->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (!str_equal(list->items[i], list->items[j]))
                continue;
            complain_at(problems, path, i, list->items[i], "appears twice");
            break;
        }
    }
}

void check_technical_names(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    const struct strv *list = value;
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->items[i];
        if (*name == '\0' || !consists_of(name, "abcdefghijklmnopqrstuvwxyz0123456789_"))
            complain_at(problems, path, i, name, "is not a technical name; use a-z, 0-9 and _, like sale_management");
    }
    check_unique_texts(field, value, path, problems);
}

/* ---- paths ---- */

void check_url_path(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* as above */
    const char *text = *(char *const *)value;
    bool good = text[0] == '/' && is_ascii(text) && !strpbrk(text, " \t\n\"'`<>\\{}#");
    if (!good)
        complain(problems, path, text, "is not a URL path; it begins with / and has no blanks, like /web/login");
}

static const char *file_path_complaint(const char *text)
{
    static const char *const kernel[] = { "/proc", "/sys", "/dev" };
    if (text[0] != '/')
        return "is not absolute; begin it with /";
    if (strlen(text) > FILE_PATH_MAX)
        return "is longer than 1024 bytes";
    if (text[1] == '\0')
        return "is the root directory; name a path below it";
    if (strpbrk(text, "\n\t:"))
        return "has a line break, a tab or a colon";
    for (const char *part = text; part; part = strchr(part + 1, '/')) {
        size_t len = strcspn(part + 1, "/");
        if (len == 0)
            return "has an empty part (// or a / at the end)";
        if ((len == 1 && part[1] == '.') || (len == 2 && part[1] == '.' && part[2] == '.'))
            return "has a part . or ..; write the path out";
    }
    for (size_t i = 0; i < ARRAY_LEN(kernel); i++) {
        size_t len = strlen(kernel[i]);
        if (strncmp(text, kernel[i], len) == 0 && (text[len] == '/' || text[len] == '\0'))
            return "belongs to the kernel";
    }
    return NULL;
}

void check_file_path(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* as above */
    const char *text = *(char *const *)value;
    const char *why = file_path_complaint(text);
    if (why)
        complain(problems, path, text, why);
}

/* ---- places for objects ---- */

bool is_bucket_name(const char *text)
{
    size_t len = strlen(text);
    if (len < 3 || len > 63 || strstr(text, "..") || strstr(text, ".-") || strstr(text, "-."))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && text[i] != '-' && text[i] != '.')
            return false;
    return isalnum((unsigned char)text[0]) && isalnum((unsigned char)text[len - 1]);
}

bool is_objects_prefix(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 200 || text[0] == '/' || text[len - 1] == '/')
        return false;
    for (const char *part = text; part;) {
        const char *slash = strchrnul(part, '/');
        size_t part_len = (size_t)(slash - part);
        if (part_len == 0 || part[0] == '.' || part_len > 100)
            return false;
        for (size_t i = 0; i < part_len; i++)
            if (!isalnum((unsigned char)part[i]) && !strchr("-_.", part[i]))
                return false;
        part = *slash ? slash + 1 : NULL;
    }
    return true;
}

void check_bucket(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* as above */
    const char *text = *(char *const *)value;
    if (!is_bucket_name(text))
        complain(problems, path, text, "is not a bucket's name; use 3 to 63 of a-z, 0-9, - and .");
}

void check_objects_prefix(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* as above */
    const char *text = *(char *const *)value;
    if (!is_objects_prefix(text))
        complain(problems, path, text,
                 "is not a prefix like backups or site/backups; use letters, digits, -, _ and ., no / at its ends");
}
