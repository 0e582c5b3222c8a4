/* S3's answers, read element by element. */
#include "clients/s3/answers.h"

#include <ctype.h>

#include "clients/s3/xml.h"

#define ITEMS_MAX         10000 /* servers give 1,000 a page */
#define MESSAGE_SHOWN_MAX 300

static void item_release(struct s3_item *item)
{
    free(item->key);
    free(item->id);
}

void s3_page_release(struct s3_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        item_release(&page->items[i]);
    free(page->items);
    free(page->next_token);
    free(page->next_key);
    free(page->next_id);
    *page = (struct s3_page){ 0 };
}

static void set_text(char **text, const char *value)
{
    free(*text);
    *text = mem_strdup(value);
}

/* ---- pages ---- */

struct page_reading {
    struct s3_page page;
    struct s3_item item; /* the one that is being read */
};

static void page_reading_release(struct page_reading *reading)
{
    s3_page_release(&reading->page);
    item_release(&reading->item);
}

static bool take_item(struct page_reading *reading, bool is_marker, struct err *err)
{
    struct s3_page *page = &reading->page;
    if (!reading->item.key || page->count == ITEMS_MAX)
        return err_set(err, ERR_REMOTE, "the list has an entry without a key, or too many");
    page->items = mem_grow(page->items, page->count + 1, sizeof(*page->items));
    page->items[page->count] = reading->item;
    page->items[page->count++].is_marker = is_marker;
    reading->item = (struct s3_item){ 0 };
    return true;
}

static bool set_size(struct s3_item *item, const char *text, struct err *err)
{
    int64_t size;
    if (!str_parse_int64(text, 0, INT64_MAX, &size))
        return err_set(err, ERR_REMOTE, "the list has a size that is none");
    item->size = (uint64_t)size;
    return true;
}

static bool set_time(struct s3_item *item, const char *text, struct err *err)
{
    return time_from_rfc3339(text, &item->time_ms) || err_set(err, ERR_REMOTE, "the list has a time that is none");
}

/* What stands in an entry, whatever the list. */
static bool visit_entry(struct page_reading *reading, const char *name, const char *text, struct err *err)
{
    if (str_equal(name, "Key"))
        set_text(&reading->item.key, text);
    else if (str_equal(name, "VersionId") || str_equal(name, "UploadId"))
        set_text(&reading->item.id, text);
    else if (str_equal(name, "Size"))
        return set_size(&reading->item, text, err);
    else if (str_equal(name, "LastModified") || str_equal(name, "Initiated"))
        return set_time(&reading->item, text, err);
    return true;
}

static bool visit_list(struct page_reading *reading, const char *name, const char *text, struct err *err)
{
    struct s3_page *page = &reading->page;
    if (str_equal(name, "Contents") || str_equal(name, "Version") || str_equal(name, "Upload"))
        return take_item(reading, false, err);
    if (str_equal(name, "DeleteMarker"))
        return take_item(reading, true, err);
    if (str_equal(name, "IsTruncated"))
        page->is_truncated = str_equal(text, "true");
    else if (str_equal(name, "NextContinuationToken"))
        set_text(&page->next_token, text);
    else if (str_equal(name, "NextKeyMarker"))
        set_text(&page->next_key, text);
    else if (str_equal(name, "NextVersionIdMarker") || str_equal(name, "NextUploadIdMarker"))
        set_text(&page->next_id, text);
    else if (str_equal(name, "EncodingType"))
        page->is_encoded = str_equal(text, "url");
    return true;
}

static bool is_list(const char *name, size_t len)
{
    static const char *const lists[] = { "ListBucketResult", "ListVersionsResult", "ListMultipartUploadsResult" };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (strlen(lists[i]) == len && strncmp(name, lists[i], len) == 0)
            return true;
    return false;
}

static bool visit_page(void *context, const char *path, const char *text, struct err *err)
{
    const char *slash = strchrnul(path, '/');
    if (!is_list(path, (size_t)(slash - path)))
        return err_set(err, ERR_REMOTE, "it is no list");
    if (!*slash)
        return true;
    const char *name = slash + 1;
    const char *inner = strchr(name, '/');
    if (!inner)
        return visit_list(context, name, text, err);
    /* "Contents/Owner/ID" and the like do not matter. */
    return strchr(inner + 1, '/') || visit_entry(context, inner + 1, text, err);
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* As in a query: some servers write a blank as "+". */
static bool url_decode(char *text, struct err *err)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        if (*at != '%') {
            *to++ = *at;
            if (*at == '+')
                to[-1] = ' ';
            continue;
        }
        if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]) || (at[1] == '0' && at[2] == '0'))
            return err_set(err, ERR_REMOTE, "the list has a key with a broken escape");
        *to++ = (char)(hex_value(at[1]) * 16 + hex_value(at[2]));
        at += 2;
    }
    *to = '\0';
    return true;
}

bool s3_page_read(const char *bytes, size_t len, struct s3_page *ret, struct err *err)
{
    CLEANUP(page_reading_release) struct page_reading reading = { 0 };
    if (!s3_xml_read(bytes, len, visit_page, &reading, err))
        return false;
    struct s3_page *page = &reading.page;
    for (size_t i = 0; page->is_encoded && i < page->count; i++)
        if (!url_decode(page->items[i].key, err))
            return false;
    if (page->is_encoded && page->next_key && !url_decode(page->next_key, err))
        return false;
    s3_page_release(ret);
    *ret = *page;
    *page = (struct s3_page){ 0 };
    return true;
}

/* ---- single values ---- */

struct text_reading {
    const char *path;
    char *text;
};

static bool visit_text(void *context, const char *path, const char *text, struct err *err)
{
    struct text_reading *reading = context;
    (void)err; /* nothing here is wrong */
    if (str_equal(path, reading->path))
        set_text(&reading->text, text);
    return true;
}

bool s3_text_read(const char *bytes, size_t len, const char *path, char **ret_text, struct err *err)
{
    struct text_reading reading = { .path = path };
    bool good = s3_xml_read(bytes, len, visit_text, &reading, err);
    CLEANUP(freep) char *text = reading.text;
    if (good)
        *ret_text = text ? STEAL(text) : mem_strdup("");
    return good;
}

/* ---- errors ---- */

void s3_problem_release(struct s3_problem *problem)
{
    free(problem->code);
    free(problem->message);
    free(problem->region);
    *problem = (struct s3_problem){ 0 };
}

/* What a server says goes into logs and records: one short line. Owned. */
static char *shown(const char *text)
{
    CLEANUP(str_release) struct str line = STR_INIT;
    size_t len = strlen(text);
    str_add_utf8(&line, text, len < MESSAGE_SHOWN_MAX ? len : MESSAGE_SHOWN_MAX);
    for (char *at = line.text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
    return str_steal(&line);
}

/* Of what may be there only this: the rest may repeat the request with its credentials. */
static bool visit_problem(void *context, const char *path, const char *text, struct err *err)
{
    struct s3_problem *problem = context;
    char **place = str_equal(path, "Error/Code")      ? &problem->code
                   : str_equal(path, "Error/Message") ? &problem->message
                   : str_equal(path, "Error/Region")  ? &problem->region
                                                      : NULL;
    if (!str_starts_with(path, "Error"))
        return err_set(err, ERR_REMOTE, "it is no error");
    if (place) {
        free(*place);
        *place = shown(text);
    }
    return true;
}

bool s3_problem_read(const char *bytes, size_t len, struct s3_problem *ret)
{
    s3_problem_release(ret);
    bool good = s3_xml_read(bytes, len, visit_problem, ret, NULL);
    if (!good)
        s3_problem_release(ret);
    char **const texts[] = { &ret->code, &ret->message, &ret->region };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (!*texts[i])
            *texts[i] = mem_strdup("");
    return good;
}
