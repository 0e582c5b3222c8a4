/* Records printed from the texts of their documents. See record_text.h. */
#include "specs/record_text.h"

#include <ctype.h>

#include "specs/kind.h"

static bool is_filled(const char *document)
{
    return (document[0] == '{' && document[1] != '}') || (document[0] == '[' && document[1] != ']');
}

/* ---- read ---- */

static bool read_document(const struct record_text *text, const char *column, const char *document, json_t **target,
                          struct err *err)
{
    json_t *value = NULL;
    if (!json_parse_answer(document, strlen(document), &value, err)) {
        err_wrap(err, "column %s", column);
        return err_wrap(err, "stored %s %s/%s", kinds[text->key.kind].name, text->key.namespace, text->key.name);
    }
    json_decref(*target);
    *target = value;
    return true;
}

bool record_from_text(const struct record_text *text, struct record *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *finalizers = NULL;
    ret->key = text->key;
    free(ret->uid);
    ret->uid = mem_strdup(text->uid);
    ret->generation = text->generation;
    ret->version = text->version;
    ret->created_ms = text->created_ms;
    ret->deletion_ms = text->deletion_ms;
    if (!read_document(text, "finalizers", text->finalizers, &finalizers, err) ||
        !read_document(text, "managed", text->managed, &ret->managed, err) ||
        !read_document(text, "labels", text->labels, &ret->labels, err) ||
        !read_document(text, "annotations", text->annotations, &ret->annotations, err) ||
        !read_document(text, "spec", text->spec, &ret->spec, err) ||
        !read_document(text, "status", text->status, &ret->status, err))
        return false;
    json_to_strv(finalizers, &ret->finalizers);
    return true;
}

bool record_text_to_json(const struct record_text *text, json_t **ret_object, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    if (!record_from_text(text, &record, err))
        return false;
    *ret_object = record_to_json_shared(&record);
    return true;
}

bool record_text_head(const struct record_text *text, json_t **ret_object, struct err *err)
{
    CLEANUP(json_decrefp) json_t *labels = NULL;
    if (is_filled(text->labels) && !read_document(text, "labels", text->labels, &labels, err))
        return false;
    json_t *metadata = json_object();
    json_put_text(metadata, "name", text->key.name);
    if (text->key.namespace[0])
        json_put_text(metadata, "namespace", text->key.namespace);
    if (labels)
        json_put(metadata, "labels", STEAL(labels));
    *ret_object = json_object();
    json_put(*ret_object, "metadata", metadata);
    return true;
}

/* ---- as text ---- */

static void add_key(struct str *out, const char *key)
{
    str_add(out, out->text[out->len - 1] == '{' ? "\"" : ",\"");
    str_add(out, key);
    str_add(out, "\":");
}

/* Such a one is stored with more digits than are shown. */
static bool has_real_number(const char *document)
{
    for (const char *at = document; *at; at++) {
        if (*at == '"') {
            for (at++; *at && *at != '"'; at++)
                if (*at == '\\' && at[1])
                    at++;
            if (!*at)
                return false; /* cut off: not stored by us */
        } else if ((*at == '.' || *at == 'e' || *at == 'E') && at > document && isdigit((unsigned char)at[-1])) {
            return true;
        }
    }
    return false;
}

static void add_document(struct str *out, const char *key, const char *document)
{
    CLEANUP(json_decrefp) json_t *value = NULL;
    add_key(out, key);
    if (!has_real_number(document) || !json_parse_answer(document, strlen(document), &value, NULL)) {
        str_add(out, document);
        return;
    }
    CLEANUP(freep) char *shown = json_dump(value);
    str_add(out, shown);
}

static bool is_plain(const char *text)
{
    for (const char *at = text; *at; at++)
        if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\')
            return false;
    return true;
}

static void add_text(struct str *out, const char *key, const char *value)
{
    add_key(out, key);
    if (is_plain(value)) {
        str_addc(out, '"');
        str_add(out, value);
        str_addc(out, '"');
        return;
    }
    CLEANUP(json_decrefp) json_t *text = json_from_text(value);
    CLEANUP(freep) char *shown = json_dump(text);
    str_add(out, shown);
}

static void add_time(struct str *out, const char *key, int64_t time_ms)
{
    if (time_ms == 0)
        return;
    CLEANUP(freep) char *time = time_to_rfc3339(time_ms);
    add_text(out, key, time);
}

/* Of metadata, where all is text. */
static void add_filled(struct str *out, const char *key, const char *document)
{
    if (!is_filled(document))
        return;
    add_key(out, key);
    str_add(out, document);
}

/* Keys in the order of their bytes, as json_dump() has them. */
static void add_metadata(struct str *out, const struct record_text *text)
{
    str_addc(out, '{');
    add_filled(out, "annotations", text->annotations);
    add_time(out, "creationTimestamp", text->created_ms);
    add_time(out, "deletionTimestamp", text->deletion_ms);
    add_filled(out, "finalizers", text->finalizers);
    add_key(out, "generation");
    str_addf(out, "%lld", (long long)text->generation);
    add_filled(out, "labels", text->labels);
    add_filled(out, "managedFields", text->managed);
    add_text(out, "name", text->key.name);
    if (text->key.namespace[0])
        add_text(out, "namespace", text->key.namespace);
    add_key(out, "resourceVersion");
    str_addf(out, "\"%lld\"", (long long)text->version);
    add_text(out, "uid", text->uid);
    str_addc(out, '}');
}

void record_text_print(const struct record_text *text, struct str *out)
{
    str_addc(out, '{');
    add_text(out, "apiVersion", API_VERSION);
    add_text(out, "kind", kinds[text->key.kind].name);
    add_key(out, "metadata");
    add_metadata(out, text);
    add_document(out, "spec", text->spec);
    add_document(out, "status", text->status);
    str_addc(out, '}');
}
