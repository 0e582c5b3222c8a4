/*
 * As much of tar (POSIX ustar and pax, GNU long names and base-256 numbers) as Docker's archive calls need. The reader takes a stream in
 * pieces of any size, in fixed memory, and is strict: a wrong checksum, a missing byte or a missing end are errors, because Docker answers
 * 200 for an archive that broke off. Pure.
 */
#pragma once

#include "base/str.h"

struct tar_entry {
    char type;        /* '0' file, '1' hard link, '2' symbolic link, '3' '4' devices, '5' directory, '6' fifo */
    const char *name; /* borrowed, as it stands there: "./etc/passwd" */
    const char *link_target;
    int mode; /* permission bits, set-uid and the like */
    int64_t uid, gid;
    uint64_t size;
    int64_t mtime; /* seconds since the epoch; only for writing */
};

/* Appends to `out`; name and numbers of any size. A directory's name should end with "/". */
void tar_write_entry(struct str *out, const struct tar_entry *entry);
void tar_write_file(struct str *out, const struct tar_entry *entry,
                    const void *bytes); /* entry and its entry->size bytes */
void tar_write_end(struct str *out);

enum tar_raw {
    TAR_RAW_HEADER, /* headers, extended ones with all they hold, and the end */
    TAR_RAW_DATA,   /* what belongs to the entry seen last, its padding too */
};
struct tar_visitor {
    /* May be NULL. False (with err) ends the reading. */
    bool (*entry)(void *context, const struct tar_entry *entry, struct err *err);
    bool (*data)(void *context, const char *bytes, size_t len, struct err *err); /* of the entry seen last */
    /* Each byte as it came, before it is looked at, so an entry is told behind its header's last byte. May be NULL. */
    bool (*raw)(void *context, enum tar_raw raw, const char *bytes, size_t len, struct err *err);
    void *context;
};
struct tar_reader;
struct tar_reader *tar_reader_new(const struct tar_visitor *visitor); /* copied */
void tar_reader_freep(struct tar_reader **reader);
/* What is wrong with the stream is ERR_REMOTE. */
bool tar_reader_take(struct tar_reader *reader, const char *bytes, size_t len, struct err *err) MUST_USE;
bool tar_reader_end(const struct tar_reader *reader,
                    struct err *err) MUST_USE; /* ERR_REMOTE unless the end mark was seen */
