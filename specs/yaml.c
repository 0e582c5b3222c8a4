/* YAML becomes jansson values: one walk over libyaml's events with a stack of its own, so depth costs no C stack. */
#include "specs/yaml.h"

#include <yaml.h>

#include "base/map.h"
#include "specs/wording.h"
#include "specs/yaml_scalar.h"

#define TEXT_MAX   ((size_t)4 * 1024 * 1024)
#define LEVELS_MAX 100
/* libyaml compares each %TAG line with all before it. */
#define TAG_LINES_MAX 100
#define DOCUMENTS_MAX 1000
#define NODES_MAX     200000
/* Keys and texts after aliases are followed: an anchor with a long text is a bomb, too. */
#define BYTES_MAX ((size_t)16 * 1024 * 1024)

/* A list or map that is still open. */
struct level {
    json_t *value;
    char *key;    /* of a map, when its value comes next; owned */
    char *anchor; /* owned; known to aliases when the value is complete */
};

struct reader {
    yaml_parser_t parser;
    struct level levels[LEVELS_MAX];
    size_t depth;
    json_t *root;        /* of the document being read */
    struct map *anchors; /* name to json_t, of the document being read */
    size_t nodes, bytes; /* so far, in all documents */
    yaml_mark_t mark;    /* where the present event begins */
};

static bool complain_at(size_t line, size_t column, struct err *err, const char *what)
{
    return err_set(err, ERR_BAD_REQUEST, "line %zu, column %zu: %s", line, column, what);
}

static bool complain(const struct reader *reader, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
static bool complain(const struct reader *reader, struct err *err, const char *fmt, ...)
{
    CLEANUP(str_release) struct str message = STR_INIT;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&message, fmt, args);
    va_end(args);
    return complain_at(reader->mark.line + 1, reader->mark.column + 1, err, message.text);
}

static void free_json(void *value)
{
    json_decref(value);
}

/* ---- limits ---- */

static bool count_node(struct reader *reader, size_t bytes, struct err *err)
{
    reader->nodes++;
    reader->bytes += bytes;
    if (reader->nodes > NODES_MAX)
        return complain(reader, err, "more than %d values, aliases followed", NODES_MAX);
    if (reader->bytes > BYTES_MAX)
        return complain(reader, err, "more than 16 MiB of text, aliases followed");
    return true;
}

/* Counts what a copy of `value` adds; its depth is at most LEVELS_MAX. */
static bool count_copy(struct reader *reader, const json_t *value, struct err *err)
{
    json_t *tree = (json_t *)(uintptr_t)value; /* jansson's iterators take no const; nothing is changed */
    size_t i;
    json_t *item;
    const char *key;
    if (!count_node(reader, json_is_string(value) ? json_string_length(value) : 0, err))
        return false;
    json_array_foreach (tree, i, item) {
        if (!count_copy(reader, item, err))
            return false;
    }
    json_object_foreach (tree, key, item) {
        if (!count_node(reader, strlen(key), err) || !count_copy(reader, item, err))
            return false;
    }
    return true;
}

static size_t levels_of(const json_t *value)
{
    json_t *tree = (json_t *)(uintptr_t)value;
    size_t deepest = 0, i;
    json_t *item;
    const char *key;
    json_array_foreach (tree, i, item) {
        size_t levels = levels_of(item);
        deepest = levels > deepest ? levels : deepest;
    }
    json_object_foreach (tree, key, item) {
        size_t levels = levels_of(item);
        deepest = levels > deepest ? levels : deepest;
    }
    return json_is_array(value) || json_is_object(value) ? deepest + 1 : 0;
}

/* ---- building ---- */

static bool check_key(const struct reader *reader, const struct level *level, const char *key, bool plain,
                      struct err *err)
{
    CLEANUP(freep) char *shown = quoted(key);
    if (plain && str_equal(key, "<<"))
        return complain(reader, err, "merge keys (<<) are not supported; write the fields out");
    if (json_object_get(level->value, key))
        return complain(reader, err, "key %s appears twice", shown);
    return true;
}

/* Puts a value where the walk stands: root, next list item, or value of the pending key. */
static void place(struct reader *reader, json_t *value_taken)
{
    if (reader->depth == 0) {
        reader->root = value_taken;
        return;
    }
    struct level *level = &reader->levels[reader->depth - 1];
    if (json_is_array(level->value)) {
        json_push(level->value, value_taken);
        return;
    }
    json_put(level->value, level->key, value_taken);
    free(STEAL(level->key));
}

static bool wants_key(const struct reader *reader)
{
    const struct level *level = reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;
    return level && json_is_object(level->value) && !level->key;
}

static void remember(struct reader *reader, const char *anchor, json_t *value)
{
    if (anchor)
        map_put(reader->anchors, anchor, json_incref(value));
}

static bool read_scalar(struct reader *reader, const yaml_event_t *event, struct err *err)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    const char *tag = (const char *)event->data.scalar.tag;
    const char *anchor = (const char *)event->data.scalar.anchor;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !tag;
    if (strlen(text) != len) /* "\0" in quotes */
        return complain(reader, err, "NUL characters are not allowed");
    if (!count_node(reader, len, err))
        return false;
    if (wants_key(reader)) {
        struct level *level = &reader->levels[reader->depth - 1];
        if (anchor)
            return complain(reader, err, "an anchor on a key is not supported");
        if (!check_key(reader, level, text, plain, err))
            return false;
        level->key = mem_strdup(text);
        return true;
    }
    json_t *value = NULL;
    CLEANUP(err_release) struct err why = ERR_INIT;
    if (!yaml_scalar(text, tag, plain, &value, &why))
        return complain(reader, err, "%s", err_message(&why));
    remember(reader, anchor, value);
    place(reader, value);
    return true;
}

static bool read_alias(struct reader *reader, const yaml_event_t *event, struct err *err)
{
    const char *anchor = (const char *)event->data.alias.anchor;
    const json_t *value = map_get(reader->anchors, anchor);
    CLEANUP(freep) char *shown = quoted(anchor);
    if (wants_key(reader))
        return complain(reader, err, "an alias as a key is not supported");
    if (!value)
        return complain(reader, err, "alias %s has no complete anchor before it", shown);
    if (!count_copy(reader, value, err))
        return false;
    if (reader->depth + levels_of(value) > LEVELS_MAX)
        return complain(reader, err, "more than %d levels of nesting", LEVELS_MAX);
    place(reader, json_deep_copy(value));
    return true;
}

static bool check_collection_tag(const struct reader *reader, const char *tag, const char *core, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(tag ? tag : "");
    if (!tag || str_equal(tag, core) || str_equal(tag, "!"))
        return true;
    return complain(reader, err, "tag %s is not supported here", shown);
}

static bool open_level(struct reader *reader, json_t *value_taken, const char *anchor, struct err *err)
{
    CLEANUP(json_decrefp) json_t *value = value_taken;
    if (wants_key(reader))
        return complain(reader, err, "a key must be text");
    if (reader->depth == LEVELS_MAX)
        return complain(reader, err, "more than %d levels of nesting", LEVELS_MAX);
    if (!count_node(reader, 0, err))
        return false;
    reader->levels[reader->depth++] = (struct level){ .value = json_incref(value), .anchor = mem_strdup(anchor) };
    return true;
}

static void close_level(struct reader *reader)
{
    struct level level = reader->levels[--reader->depth];
    remember(reader, level.anchor, level.value);
    free(level.anchor);
    place(reader, level.value);
}

static bool read_event(struct reader *reader, const yaml_event_t *event, struct err *err)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event, err);
    case YAML_ALIAS_EVENT:
        return read_alias(reader, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return check_collection_tag(reader, (const char *)event->data.sequence_start.tag, YAML_SEQ_TAG, err) &&
               open_level(reader, json_array(), (const char *)event->data.sequence_start.anchor, err);
    case YAML_MAPPING_START_EVENT:
        return check_collection_tag(reader, (const char *)event->data.mapping_start.tag, YAML_MAP_TAG, err) &&
               open_level(reader, json_object(), (const char *)event->data.mapping_start.anchor, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_level(reader);
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return true;
}

/* ---- the stream ---- */

/* Where the byte at `offset` stands; lines and columns count from 1, columns in characters. */
static void locate(const char *text, size_t offset, size_t *ret_line, size_t *ret_column)
{
    *ret_line = 1;
    *ret_column = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            *ret_line += 1;
            *ret_column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            *ret_column += 1;
        }
    }
}

static size_t character_length(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static bool check_characters(const char *text, size_t len, struct err *err)
{
    size_t line, column;
    if (str_is_utf8(text, len))
        return true;
    for (size_t at = 0; at < len; at += character_length((unsigned char)text[at])) {
        size_t size = character_length((unsigned char)text[at]);
        if (text[at] != '\0' && size <= len - at && str_is_utf8(text + at, size))
            continue;
        locate(text, at, &line, &column);
        return complain_at(line, column, err,
                           text[at] == '\0' ? "NUL characters are not allowed" : "this is not UTF-8");
    }
    return true;
}

static bool check_tag_lines(const char *text, size_t len, struct err *err)
{
    size_t count = 0, line = 1;
    for (const char *at = text; at; line++) {
        size_t left = len - (size_t)(at - text);
        if (left >= 4 && memcmp(at, "%TAG", 4) == 0 && ++count > TAG_LINES_MAX)
            return complain_at(line, 1, err, "more than 100 %TAG lines");
        const char *end = memchr(at, '\n', left);
        at = end ? end + 1 : NULL;
    }
    return true;
}

static bool complain_about_syntax(const struct reader *reader, const char *text, size_t len, struct err *err)
{
    const yaml_parser_t *parser = &reader->parser;
    size_t line = parser->problem_mark.line + 1, column = parser->problem_mark.column + 1;
    if (parser->error == YAML_READER_ERROR)
        locate(text, parser->problem_offset < len ? parser->problem_offset : len, &line, &column);
    CLEANUP(freep)
    char *what = parser->context ? mem_printf("%s (%s)", parser->problem, parser->context)
                                 : mem_strdup(parser->problem ? parser->problem : "cannot be read");
    return complain_at(line, column, err, what);
}

/* Forgets the document that was being read. */
static void clear(struct reader *reader)
{
    for (; reader->depth > 0; reader->depth--) {
        struct level *level = &reader->levels[reader->depth - 1];
        json_decref(level->value);
        free(level->key);
        free(level->anchor);
    }
    json_decref(reader->root);
    reader->root = NULL;
    map_free(reader->anchors);
    reader->anchors = NULL;
}

static bool add_document(struct reader *reader, struct yaml_documents *documents, size_t line, struct err *err)
{
    if (!reader->root || json_is_null(reader->root))
        return true;
    if (documents->count == DOCUMENTS_MAX)
        return complain(reader, err, "more than %d documents", DOCUMENTS_MAX);
    documents->items = mem_grow(documents->items, documents->count + 1, sizeof(*documents->items));
    json_t *root = STEAL(reader->root);
    documents->items[documents->count++] = (struct yaml_document){ .value = root, .line = line };
    return true;
}

static bool read_stream(struct reader *reader, const char *text, size_t len, struct yaml_documents *documents,
                        struct err *err)
{
    size_t line = 1;
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event))
            return complain_about_syntax(reader, text, len, err);
        reader->mark = event.start_mark;
        bool good = true;
        if (event.type == YAML_DOCUMENT_START_EVENT) {
            clear(reader);
            reader->anchors = map_new(free_json);
            line = event.start_mark.line + 1;
        } else if (event.type == YAML_DOCUMENT_END_EVENT) {
            good = add_document(reader, documents, line, err);
        } else {
            good = read_event(reader, &event, err);
        }
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (!good)
            return false;
    }
    return true;
}

void yaml_documents_release(struct yaml_documents *documents)
{
    for (size_t i = 0; i < documents->count; i++)
        json_decref(documents->items[i].value);
    free(documents->items);
    *documents = (struct yaml_documents){ 0 };
}

static bool parse_stream(const char *text, size_t len, struct yaml_documents *ret_documents, struct err *err)
{
    struct reader reader = { .depth = 0 };
    struct yaml_documents documents = { 0 };
    if (!yaml_parser_initialize(&reader.parser))
        abort(); /* out of memory */
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
    bool good = read_stream(&reader, text, len, &documents, err);
    clear(&reader);
    yaml_parser_delete(&reader.parser);
    if (good)
        *ret_documents = documents;
    else
        yaml_documents_release(&documents);
    return good;
}

/* JSON is YAML, but libyaml does not know its surrogate pairs ("\ud83d\ude00"). */
static bool parse_json(const char *text, size_t len, struct yaml_documents *ret_documents)
{
    size_t blank = 0;
    while (blank < len && strchr(" \t\r\n", text[blank]))
        blank++;
    if (blank == len || (text[blank] != '{' && text[blank] != '['))
        return false;
    json_t *value = NULL;
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!json_parse(text, len, &value, &err))
        return false;
    size_t line, column;
    locate(text, blank, &line, &column);
    ret_documents->items = mem_grow(NULL, 1, sizeof(*ret_documents->items));
    ret_documents->items[0] = (struct yaml_document){ .value = value, .line = line };
    ret_documents->count = 1;
    return true;
}

bool yaml_parse(const char *text, size_t len, struct yaml_documents *ret_documents, struct err *err)
{
    *ret_documents = (struct yaml_documents){ 0 };
    if (len > TEXT_MAX)
        return err_set(err, ERR_TOO_LARGE, "the YAML has %zu bytes; at most 4 MiB are read", len);
    if (!check_characters(text, len, err) || !check_tag_lines(text, len, err))
        return false;
    return parse_json(text, len, ret_documents) || parse_stream(text, len, ret_documents, err);
}

static void documents_release(struct yaml_documents *documents)
{
    yaml_documents_release(documents);
}

bool yaml_parse_one(const char *text, size_t len, json_t **ret_value, struct err *err)
{
    CLEANUP(documents_release) struct yaml_documents documents = { 0 };
    if (!yaml_parse(text, len, &documents, err))
        return false;
    if (documents.count == 0)
        return err_set(err, ERR_BAD_REQUEST, "there is no document");
    if (documents.count > 1)
        return err_set(err, ERR_BAD_REQUEST, "line %zu: a second document; one is expected", documents.items[1].line);
    *ret_value = STEAL(documents.items[0].value);
    return true;
}
