/* Reads tar as a stream: blocks are gathered, headers checked, data passed on. */
#include "clients/docker/tar.h"
#include "clients/docker/tar_header.h"

#define EXTENSION_LIMIT ((uint64_t)1 << 20) /* of one pax header or long name */

/* What a header before the entry's own said about it. */
struct extension {
    char *name, *link_target; /* NULL: nothing said */
    bool has_size, has_uid, has_gid;
    int64_t size, uid, gid;
};

enum part { PART_HEADER, PART_EXTENSION, PART_DATA, PART_PADDING, PART_END };

struct tar_reader {
    struct tar_visitor visitor;
    enum part part;
    struct tar_header header;
    size_t header_len;
    uint64_t left;    /* of the present part, unless it is a header */
    uint64_t padding; /* behind the present data */
    bool of_entry;    /* data and padding are those of an entry, not of an extended header */
    struct str extension_text;
    char extension_type; /* x, L, K; g is read over */
    struct extension extension;
    int zero_blocks;
};

struct tar_reader *tar_reader_new(const struct tar_visitor *visitor)
{
    struct tar_reader *reader = MEM_NEW(struct tar_reader);
    reader->visitor = *visitor;
    reader->extension_text = (struct str)STR_INIT;
    return reader;
}

static void extension_clear(struct extension *extension)
{
    free(extension->name);
    free(extension->link_target);
    *extension = (struct extension){ 0 };
}

void tar_reader_freep(struct tar_reader **reader)
{
    if (!*reader)
        return;
    extension_clear(&(*reader)->extension);
    str_release(&(*reader)->extension_text);
    free(*reader);
    *reader = NULL;
}

static bool broken(struct err *err, const char *what)
{
    return err_set(err, ERR_REMOTE, "the tar stream is broken: %s", what);
}

/* Octal text with blanks around it, or GNU's base 256 (first bit set). */
static bool get_number(const char *field, size_t size, uint64_t *ret, struct err *err)
{
    const unsigned char *bytes = (const unsigned char *)field;
    uint64_t value = 0;
    if (bytes[0] & 0x80) {
        if (bytes[0] != 0x80)
            return broken(err, "a number is negative or too large");
        for (size_t i = 1; i < size; i++) {
            if (value >> 55) /* keeps it below 2^63 */
                return broken(err, "a number is too large");
            value = value << 8 | bytes[i];
        }
        *ret = value;
        return true;
    }
    size_t at = 0;
    while (at < size && field[at] == ' ')
        at++;
    for (; at < size && field[at] >= '0' && field[at] <= '7'; at++)
        value = value << 3 | (uint64_t)(field[at] - '0'); /* at most 12 digits: 36 bits */
    if (at < size && field[at] != ' ' && field[at] != '\0')
        return broken(err, "a number is not octal");
    *ret = value;
    return true;
}

static char *get_text(const char *field, size_t size)
{
    return mem_strndup(field, strnlen(field, size));
}

/* Behind a ustar name stands its front part; GNU keeps other things there. */
static char *get_name(const struct tar_header *header)
{
    CLEANUP(freep) char *name = get_text(header->name, sizeof(header->name));
    if (memcmp(header->magic, "ustar", 6) != 0 || !header->prefix[0])
        return STEAL(name);
    CLEANUP(freep) char *prefix = get_text(header->prefix, sizeof(header->prefix));
    return mem_printf("%s/%s", prefix, name);
}

static bool set_record(struct extension *extension, const char *key, const char *value, size_t value_len,
                       struct err *err)
{
    CLEANUP(freep) char *text = mem_strndup(value, value_len);
    const struct {
        const char *key;
        bool *has;
        int64_t *number;
    } numbers[] = {
        { "size", &extension->has_size, &extension->size },
        { "uid", &extension->has_uid, &extension->uid },
        { "gid", &extension->has_gid, &extension->gid },
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (strcmp(key, numbers[i].key) == 0) {
            *numbers[i].has = true;
            return str_parse_int64(text, 0, INT64_MAX, numbers[i].number) || broken(err, "a pax number is none");
        }
    char **place = strcmp(key, "path") == 0       ? &extension->name
                   : strcmp(key, "linkpath") == 0 ? &extension->link_target
                                                  : NULL;
    if (place) {
        free(*place);
        *place = STEAL(text);
    }
    return true; /* other keys (times, extended attributes) are nothing to us */
}

/* Records "<length> <key>=<value>\n". A value may hold anything, NUL too. */
static bool read_pax(struct extension *extension, const struct str *text, struct err *err)
{
    for (size_t at = 0; at < text->len;) {
        const char *record = text->text + at;
        const char *blank = memchr(record, ' ', text->len - at);
        CLEANUP(freep) char *digits = mem_strndup(record, blank ? (size_t)(blank - record) : 0);
        int64_t len = 0;
        if (!blank || !str_parse_int64(digits, 1, (int64_t)(text->len - at), &len) || record[len - 1] != '\n')
            return broken(err, "a pax record has a wrong length");
        const char *end = record + len - 1;
        const char *equals = blank < end ? memchr(blank, '=', (size_t)(end - blank)) : NULL;
        if (!equals)
            return broken(err, "a pax record has no key");
        CLEANUP(freep) char *key = mem_strndup(blank + 1, (size_t)(equals - blank - 1));
        if (!set_record(extension, key, equals + 1, (size_t)(end - equals - 1), err))
            return false;
        at += (size_t)len;
    }
    return true;
}

static void expect_header(struct tar_reader *reader)
{
    reader->part = PART_HEADER;
    reader->header_len = 0;
}

/* The next `size` bytes and their padding belong to the header just read. */
static void expect_data(struct tar_reader *reader, enum part part, uint64_t size)
{
    reader->padding = tar_padding(size);
    reader->left = size ? size : reader->padding;
    reader->part = size ? part : PART_PADDING;
    reader->of_entry = part == PART_DATA;
    if (reader->left == 0)
        expect_header(reader);
}

static bool end_extension(struct tar_reader *reader, struct err *err)
{
    struct extension *extension = &reader->extension;
    if (reader->extension_type == 'x')
        return read_pax(extension, &reader->extension_text, err);
    char **place = reader->extension_type == 'L'   ? &extension->name
                   : reader->extension_type == 'K' ? &extension->link_target
                                                   : NULL;
    if (place) {
        free(*place);
        *place = mem_strdup(reader->extension_text.text); /* up to its NUL */
    }
    return true;
}

static bool begin_extension(struct tar_reader *reader, uint64_t size, struct err *err)
{
    if (size > EXTENSION_LIMIT)
        return broken(err, "an extended header is too large");
    reader->extension_type = reader->header.type;
    str_clear(&reader->extension_text);
    expect_data(reader, PART_EXTENSION, size);
    return size > 0 || end_extension(reader, err);
}

static bool type_has_data(char type)
{
    return type < '1' || type > '6';
}

static bool begin_entry(struct tar_reader *reader, uint64_t size, struct err *err)
{
    const struct tar_header *header = &reader->header;
    const struct extension *extension = &reader->extension;
    CLEANUP(freep) char *name = extension->name ? mem_strdup(extension->name) : get_name(header);
    CLEANUP(freep)
    char *link_target = extension->link_target ? mem_strdup(extension->link_target)
                                               : get_text(header->link_target, sizeof(header->link_target));
    uint64_t mode, uid, gid;
    if (!get_number(header->mode, sizeof(header->mode), &mode, err) ||
        !get_number(header->uid, sizeof(header->uid), &uid, err) ||
        !get_number(header->gid, sizeof(header->gid), &gid, err))
        return false;
    if (extension->has_size)
        size = (uint64_t)extension->size;
    const struct tar_entry entry = {
        .type = header->type == '\0' || header->type == '7' ? '0' : header->type,
        .name = name,
        .link_target = link_target,
        .mode = (int)(mode & 07777),
        .uid = extension->has_uid ? extension->uid : (int64_t)uid,
        .gid = extension->has_gid ? extension->gid : (int64_t)gid,
        .size = type_has_data(header->type) ? size : 0,
    };
    expect_data(reader, PART_DATA, entry.size);
    extension_clear(&reader->extension);
    return !reader->visitor.entry || reader->visitor.entry(reader->visitor.context, &entry, err);
}

static bool header_is_zero(const struct tar_header *header)
{
    static const struct tar_header zero;
    return memcmp(header, &zero, sizeof(zero)) == 0;
}

static bool take_header(struct tar_reader *reader, struct err *err)
{
    const struct tar_header *header = &reader->header;
    uint64_t sum = 0;
    uint64_t size = 0;
    expect_header(reader);
    if (header_is_zero(header)) {
        if (++reader->zero_blocks == 2)
            reader->part = PART_END;
        return true;
    }
    if (reader->zero_blocks > 0)
        return broken(err, "there is data behind its end");
    if (!get_number(header->checksum, sizeof(header->checksum), &sum, err) || sum != tar_header_sum(header))
        return broken(err, "a header's checksum is wrong");
    if (!get_number(header->size, sizeof(header->size), &size, err))
        return false;
    if (header->type && strchr("xgLK", header->type))
        return begin_extension(reader, size, err);
    return begin_entry(reader, size, err);
}

/* Behind the end there may be zeros up to the writer's blocking factor. */
static bool take_rest(const char *bytes, size_t len, struct err *err)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return broken(err, "there is data behind its end");
    return true;
}

/* `len` bytes of the present part, which has at least so many left. */
static bool take_part(struct tar_reader *reader, const char *bytes, size_t len, struct err *err)
{
    enum part part = reader->part;
    reader->left -= len;
    if (reader->left == 0 && part != PART_PADDING && reader->padding > 0) {
        reader->part = PART_PADDING;
        reader->left = reader->padding;
    } else if (reader->left == 0) {
        expect_header(reader);
    }
    if (part == PART_DATA)
        return !reader->visitor.data || reader->visitor.data(reader->visitor.context, bytes, len, err);
    if (part != PART_EXTENSION)
        return true;
    str_addn(&reader->extension_text, bytes, len);
    return reader->part == PART_EXTENSION || end_extension(reader, err);
}

static bool show_raw(const struct tar_reader *reader, enum tar_raw raw, const char *bytes, size_t len, struct err *err)
{
    const struct tar_visitor *visitor = &reader->visitor;
    return !visitor->raw || visitor->raw(visitor->context, raw, bytes, len, err);
}

bool tar_reader_take(struct tar_reader *reader, const char *bytes, size_t len, struct err *err)
{
    while (len > 0) {
        if (reader->part == PART_END)
            return show_raw(reader, TAR_RAW_HEADER, bytes, len, err) && take_rest(bytes, len, err);
        bool header = reader->part == PART_HEADER;
        uint64_t wanted = header ? TAR_BLOCK - reader->header_len : reader->left;
        size_t part = wanted < len ? (size_t)wanted : len;
        enum tar_raw raw = header || !reader->of_entry ? TAR_RAW_HEADER : TAR_RAW_DATA;
        if (!show_raw(reader, raw, bytes, part, err))
            return false;
        if (header) {
            memcpy((char *)&reader->header + reader->header_len, bytes, part);
            reader->header_len += part;
            if (reader->header_len == TAR_BLOCK && !take_header(reader, err))
                return false;
        } else if (!take_part(reader, bytes, part, err)) {
            return false;
        }
        bytes += part;
        len -= part;
    }
    return true;
}

bool tar_reader_end(const struct tar_reader *reader, struct err *err)
{
    return reader->part == PART_END || broken(err, "it ends too early");
}
