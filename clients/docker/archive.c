/* Files into and out of containers, through the engine's archive calls. */
#include <sys/stat.h>

#include "clients/docker/docker_internal.h"
#include "clients/docker/tar.h"

#define LINKS_FOLLOWED 8

static void archive_path(struct str *path, const char *id, const char *inside)
{
    docker_path(path, "containers", id, "/archive?path=");
    str_add_url_segment(path, inside);
}

static const char *without_root(const char *path)
{
    return path + strspn(path, "/");
}

struct bytes_left {
    const char *bytes;
    size_t len;
};

static bool give(void *context, char *bytes, size_t room, size_t *ret_len, struct err *err)
{
    (void)err; /* memory does not fail; the signature is http.h's */
    struct bytes_left *left = context;
    size_t part = left->len < room ? left->len : room;
    memcpy(bytes, left->bytes, part);
    left->bytes += part;
    left->len -= part;
    *ret_len = part;
    return true;
}

/* Unpacks `tar` at `directory`, which must exist. No file replaces a directory, nor the other way round. */
static bool put_tar(struct docker *docker, const char *id, const char *directory, const struct str *tar,
                    const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    struct bytes_left left = { tar->text, tar->len };
    archive_path(&path, id, directory);
    str_add(&path, "&noOverwriteDirNonDir=1");
    const struct docker_request request = {
        .method = "PUT", .path = path.text, .source = give, .source_context = &left
    };
    return docker_send(docker, &request, call, NULL, err);
}

bool container_put_files(struct docker *docker, const char *id, const struct container_file *files, size_t count,
                         const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str tar = STR_INIT;
    for (size_t i = 0; i < count; i++) {
        if (files[i].path[0] != '/' || str_ends_with(files[i].path, "/"))
            return err_set(err, ERR_INVALID, "put files into container %s: %s is no absolute path of a file", id,
                           files[i].path);
        const struct tar_entry entry = {
            .type = '0',
            .name = without_root(files[i].path),
            .mode = files[i].mode,
            .uid = files[i].uid,
            .gid = files[i].gid,
            .size = files[i].size,
            .mtime = clock_wall_ms() / SECOND_MS,
        };
        tar_write_file(&tar, &entry, files[i].bytes);
    }
    tar_write_end(&tar);
    bool done = put_tar(docker, id, "/", &tar, call, err);
    mem_wipe(tar.text, tar.len); /* passwords are among them */
    return done || err_wrap(err, "put files into container %s", id);
}

/* ---- reading ---- */

/* The first entry of an archive: the file or directory asked for itself. */
struct first {
    struct tar_reader *reader;
    struct container_file_seen *file; /* NULL: only the entry is wanted, the rest of the stream is not read */
    size_t limit;
    size_t entries;
    bool enough; /* the transfer was ended by us, which is no error */
    char type;
    int mode;
    int64_t uid, gid;
    char *link_target;
};

static void first_release(struct first *first)
{
    tar_reader_freep(&first->reader);
    free(first->link_target);
}

static bool first_entry(void *context, const struct tar_entry *entry, struct err *err)
{
    struct first *first = context;
    if (first->entries++ > 0)
        return true;
    first->type = entry->type;
    first->mode = entry->mode;
    first->uid = entry->uid;
    first->gid = entry->gid;
    first->link_target = mem_strdup(entry->link_target);
    if (first->file && entry->size > first->limit)
        return err_set(err, ERR_TOO_LARGE, "it has %llu bytes, the limit is %zu", (unsigned long long)entry->size,
                       first->limit);
    first->enough = !first->file || entry->type == '5'; /* all that is in a directory would follow */
    return !first->enough || err_set(err, ERR_INTERNAL, "enough was read");
}

static bool first_data(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)err; /* the size was checked with the entry; the signature is tar.h's */
    struct first *first = context;
    if (first->file && first->entries == 1)
        str_addn(&first->file->bytes, bytes, len);
    return true;
}

static bool take(void *context, const char *bytes, size_t len, struct err *err)
{
    return tar_reader_take(context, bytes, len, err);
}

/* `file` NULL: reads only what the entry says. */
static bool read_first(struct docker *docker, const char *id, const char *inside, struct first *first,
                       const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const struct tar_visitor visitor = { .entry = first_entry, .data = first_data, .context = first };
    first->reader = tar_reader_new(&visitor);
    archive_path(&path, id, inside);
    const struct docker_request request = {
        .method = "GET", .path = path.text, .sink = take, .sink_context = first->reader
    };
    if (docker_send(docker, &request, call, NULL, &problem) && tar_reader_end(first->reader, &problem))
        return first->entries > 0 || err_set(err, ERR_INTERNAL, "the archive is empty");
    if (first->enough)
        return true;
    if (err)
        err_move(err, &problem);
    return false;
}

/* Where a symbolic link leads, seen from the directory it lies in. */
static char *link_destination(const char *path, const char *target)
{
    if (target[0] == '/')
        return mem_strdup(target);
    const char *slash = strrchr(path, '/');
    return mem_printf("%.*s/%s", slash ? (int)(slash - path) : 0, path, target);
}

/* The way to a file, over symbolic links. */
struct search {
    const char *id;
    char *inside; /* where we are: a link moves it on */
    size_t limit;
    bool found;
    struct container_file_seen file;
};

static void search_release(struct search *search)
{
    free(search->inside);
    str_release(&search->file.bytes);
}

/* Reads the file, or goes where the link leads. */
static bool search_step(struct docker *docker, struct search *search, const struct call *call, struct err *err)
{
    CLEANUP(first_release) struct first first = { .file = &search->file, .limit = search->limit };
    if (!read_first(docker, search->id, search->inside, &first, call, err))
        return false;
    if (first.type == '2') {
        char *destination = link_destination(search->inside, first.link_target);
        free(search->inside);
        search->inside = destination;
        return true;
    }
    if (first.type != '0')
        return err_set(err, ERR_INVALID, "it is no file");
    search->file.mode = first.mode;
    search->file.uid = first.uid;
    search->file.gid = first.gid;
    search->found = true;
    return true;
}

bool container_read_file(struct docker *docker, const char *id, const char *path, size_t limit, const struct call *call,
                         struct container_file_seen *ret, struct err *err)
{
    CLEANUP(search_release)
    struct search search = { .id = id, .inside = mem_strdup(path), .limit = limit, .file = { .bytes = STR_INIT } };
    struct call within = docker_call(docker, call, 0);
    for (int i = 0; !search.found && i <= LINKS_FOLLOWED; i++)
        if (!search_step(docker, &search, &within, err))
            return err_wrap(err, "read %s in container %s", search.inside, id);
    if (!search.found)
        return err_set(err, ERR_INVALID, "read %s in container %s: more than %d symbolic links", path, id,
                       LINKS_FOLLOWED);
    *ret = search.file;
    search.file.bytes = (struct str)STR_INIT;
    return true;
}

/* Splits "/var/lib/odoo/" into "/var/lib" and "odoo/", for an entry that names a directory in its parent. */
static bool split_directory(const char *path, char **ret_parent, char **ret_name, struct err *err)
{
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    size_t slash = len;
    while (slash > 0 && path[slash - 1] != '/')
        slash--;
    if (path[0] != '/' || len == 0 || (len - slash == 1 && path[slash] == '.') ||
        (len - slash == 2 && memcmp(path + slash, "..", 2) == 0))
        return err_set(err, ERR_INVALID, "%s names no directory below the root", path);
    *ret_parent = slash > 1 ? mem_strndup(path, slash - 1) : mem_strdup("/");
    *ret_name = mem_printf("%.*s/", (int)(len - slash), path + slash);
    return true;
}

/*
 * The engine applies an entry's owner and mode to a directory that is there already, the mount point of a volume too (tried), but skips
 * the entry "." of the place it unpacks to. So the directory is named from its parent.
 */
bool archive_set_directory(struct docker *docker, const char *id, const char *path, const struct tar_entry *wanted,
                           const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str tar = STR_INIT;
    CLEANUP(freep) char *parent = NULL;
    CLEANUP(freep) char *name = NULL;
    if (!split_directory(path, &parent, &name, err))
        return false;
    struct tar_entry entry = *wanted;
    entry.type = '5';
    entry.name = name;
    entry.mtime = clock_wall_ms() / SECOND_MS;
    tar_write_entry(&tar, &entry);
    tar_write_end(&tar);
    return put_tar(docker, id, parent, &tar, call, err);
}

static bool own_directory(struct docker *docker, const char *id, const char *path, int64_t uid, int64_t gid,
                          const struct call *call, struct err *err)
{
    CLEANUP(first_release) struct first seen = { 0 };
    if (!read_first(docker, id, path, &seen, call, err))
        return false;
    if (seen.type != '5')
        return err_set(err, ERR_INVALID, "it is no directory");
    if (seen.uid == uid && seen.gid == gid)
        return true;
    const struct tar_entry wanted = { .mode = seen.mode, .uid = uid, .gid = gid };
    return archive_set_directory(docker, id, path, &wanted, call, err);
}

bool container_own_directory(struct docker *docker, const char *id, const char *path, int64_t uid, int64_t gid,
                             const struct call *call, struct err *err)
{
    struct call within = docker_call(docker, call, 0);
    return own_directory(docker, id, path, uid, gid, &within, err) ||
           err_wrap(err, "give directory %s in container %s to %lld:%lld", path, id, (long long)uid, (long long)gid);
}
