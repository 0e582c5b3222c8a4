/* Writes tar: ustar headers, with a pax header before them where a name or a number does not fit. */
#include "clients/docker/tar.h"
#include "clients/docker/tar_header.h"

static void put_octal(char *field, size_t size, uint64_t value)
{
    field[size - 1] = '\0';
    for (size_t i = size - 1; i-- > 0; value >>= 3)
        field[i] = (char)('0' + (value & 7));
}

/* size - 1 octal digits. */
static bool fits_octal(size_t size, uint64_t value)
{
    return value >> (3 * (size - 1)) == 0;
}

static void put_text(char *field, size_t size, const char *text)
{
    size_t len = strlen(text);
    memcpy(field, text, len < size ? len : size);
}

static void write_header(struct str *out, const struct tar_entry *entry)
{
    struct tar_header header = { 0 };
    put_text(header.name, sizeof(header.name), entry->name);
    put_octal(header.mode, sizeof(header.mode), (uint64_t)entry->mode & 07777);
    /* What does not fit was said by a pax header before, and counts there. */
    put_octal(header.uid, sizeof(header.uid), (uint64_t)entry->uid);
    put_octal(header.gid, sizeof(header.gid), (uint64_t)entry->gid);
    put_octal(header.size, sizeof(header.size), entry->size);
    put_octal(header.mtime, sizeof(header.mtime), entry->mtime > 0 ? (uint64_t)entry->mtime : 0);
    header.type = entry->type;
    if (entry->link_target)
        put_text(header.link_target, sizeof(header.link_target), entry->link_target);
    memcpy(header.magic, "ustar", 6);
    memcpy(header.version, "00", 2);
    put_octal(header.checksum, 7, tar_header_sum(&header));
    header.checksum[7] = ' ';
    str_addn(out, &header, sizeof(header));
}

static void pad(struct str *out, uint64_t size)
{
    static const char zeros[TAR_BLOCK];
    str_addn(out, zeros, (size_t)tar_padding(size));
}

/* "<length> <key>=<value>\n", where the length counts its own digits. */
static void add_record(struct str *records, const char *key, const char *value)
{
    size_t rest = strlen(key) + strlen(value) + 3;
    size_t digits = 1;
    for (size_t bound = 10; rest + digits >= bound; bound *= 10)
        digits++;
    str_addf(records, "%zu %s=%s\n", rest + digits, key, value);
}

static void add_number_record(struct str *records, const char *key, size_t field_size, int64_t value)
{
    if (fits_octal(field_size, (uint64_t)value))
        return;
    CLEANUP(freep) char *text = mem_printf("%lld", (long long)value);
    add_record(records, key, text);
}

void tar_write_entry(struct str *out, const struct tar_entry *entry)
{
    CLEANUP(str_release) struct str records = STR_INIT;
    struct tar_header header;
    if (strlen(entry->name) > sizeof(header.name))
        add_record(&records, "path", entry->name);
    if (entry->link_target && strlen(entry->link_target) > sizeof(header.link_target))
        add_record(&records, "linkpath", entry->link_target);
    add_number_record(&records, "uid", sizeof(header.uid), entry->uid);
    add_number_record(&records, "gid", sizeof(header.gid), entry->gid);
    add_number_record(&records, "size", sizeof(header.size), (int64_t)entry->size);
    if (records.len > 0) {
        const struct tar_entry extension = { .type = 'x', .name = "pax", .mode = 0644, .size = records.len };
        write_header(out, &extension);
        str_addn(out, records.text, records.len);
        pad(out, records.len);
    }
    write_header(out, entry);
}

void tar_write_file(struct str *out, const struct tar_entry *entry, const void *bytes)
{
    tar_write_entry(out, entry);
    str_addn(out, bytes, (size_t)entry->size);
    pad(out, entry->size);
}

void tar_write_end(struct str *out)
{
    static const char zeros[2 * TAR_BLOCK];
    str_addn(out, zeros, sizeof(zeros));
}
