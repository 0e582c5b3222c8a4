/* The files of a commit or a directory that are manifests. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "reconcilers/source/source.h"

#define FILES_MAX  10000
#define FILE_MAX   (INT64_C(4) << 20)
#define TOTAL_MAX  (INT64_C(64) << 20)
#define LEVELS_MAX 64

void source_files_release(struct source_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].path);
        mem_wipe(files->items[i].text.text, files->items[i].text.len); /* it may have been sealed */
        str_release(&files->items[i].text);
        free(files->items[i].refusal);
    }
    free(files->items);
    *files = (struct source_files){ 0 };
}

static struct source_file *add_file(struct source_files *files, const char *path)
{
    files->items = mem_grow(files->items, files->count + 1, sizeof(files->items[0]));
    struct source_file *file = &files->items[files->count++];
    *file = (struct source_file){ .path = mem_strdup(path) };
    file->text = (struct str)STR_INIT;
    return file;
}

bool source_is_manifest(const char *path)
{
    if (path[0] == '.' || strstr(path, "/."))
        return false;
    return str_ends_with(path, ".yaml") || str_ends_with(path, ".yml");
}

/* Sums up before anything is read. */
static bool check_size(const char *path, int64_t size, size_t count, int64_t *total, struct err *err)
{
    *total += size;
    if (size > FILE_MAX)
        return err_set(err, ERR_TOO_LARGE, "%s has %" PRId64 " bytes; a manifest has at most 4 MiB", path, size);
    if (count > FILES_MAX)
        return err_set(err, ERR_TOO_LARGE, "there are more than %d manifests; let several Sources share them",
                       FILES_MAX);
    return *total <= TOTAL_MAX ||
           err_set(err, ERR_TOO_LARGE, "the manifests have more than 64 MiB together; let several Sources share them");
}

/* ---- a commit ---- */

static bool read_entries(const struct git *git, const struct git_entries *entries, const struct call *call,
                         struct source_files *ret, struct err *err)
{
    const struct git_entry **chosen = mem_zalloc((entries->count + 1) * sizeof(const struct git_entry *));
    size_t count = 0;
    int64_t total = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < entries->count; i++) {
        if (!source_is_manifest(entries->items[i].path))
            continue;
        chosen[count++] = &entries->items[i];
        ok = check_size(entries->items[i].path, entries->items[i].size, count, &total, err);
    }
    struct str *texts = mem_zalloc((count + 1) * sizeof(*texts));
    for (size_t i = 0; i < count; i++)
        texts[i] = (struct str)STR_INIT;
    ok = ok && git_read(git, chosen, count, call, texts, err);
    for (size_t i = 0; i < count; i++) {
        if (ok)
            str_move(&add_file(ret, chosen[i]->path)->text, &texts[i]);
        str_release(&texts[i]);
    }
    free(texts);
    free(chosen);
    return ok;
}

bool source_read_commit(const struct git *git, const char *commit, const char *path, const struct call *call,
                        struct source_files *ret, struct err *err)
{
    CLEANUP(git_entries_release) struct git_entries entries = { 0 };
    return git_list(git, commit, path, call, &entries, err) && read_entries(git, &entries, call, ret, err);
}

/* ---- a directory ---- */

struct walk {
    struct source_files *files;
    int64_t total;
};

static bool read_at(struct walk *walk, int directory_fd, const char *name, const char *path, struct err *err)
{
    CLEANUP(closep) int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return err_set_errno(err, errno, "open %s", path);
    if (!S_ISREG(status.st_mode))
        return err_set(err, ERR_INVALID, "%s is no regular file", path);
    if (!check_size(path, status.st_size, walk->files->count + 1, &walk->total, err))
        return false;
    struct source_file *file = add_file(walk->files, path);
    char buffer[16384];
    for (ssize_t got; (got = read(fd, buffer, sizeof(buffer))) != 0;) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(err, errno, "read %s", path);
        str_addn(&file->text, buffer, (size_t)got);
        if ((int64_t)file->text.len > FILE_MAX)
            return err_set(err, ERR_TOO_LARGE, "%s grows while it is read", path);
    }
    return true;
}

static bool walk_directory(struct walk *walk, int fd, const char *prefix, int levels, struct err *err);

static bool walk_entry(struct walk *walk, int fd, const char *name, const char *path, int levels, struct err *err)
{
    struct stat status;
    if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return err_set_errno(err, errno, "look at %s", path);
    if (S_ISLNK(status.st_mode))
        return err_set(err, ERR_INVALID, "%s is a symbolic link; links are not followed: put the file itself there",
                       path);
    if (!S_ISDIR(status.st_mode))
        return !source_is_manifest(path) || read_at(walk, fd, name, path, err);
    CLEANUP(closep) int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (below < 0)
        return err_set_errno(err, errno, "open %s", path);
    CLEANUP(freep) char *prefix = mem_printf("%s/", path);
    return walk_directory(walk, below, prefix, levels - 1, err);
}

static bool list_names(int fd, struct strv *ret, struct err *err)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *directory = own < 0 ? NULL : fdopendir(own);
    if (!directory) {
        closep(&own);
        return err_set_errno(err, errno, "list a directory");
    }
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            strv_add(ret, entry->d_name);
    closedir(directory);
    strv_sort(ret);
    return true;
}

static bool walk_directory(struct walk *walk, int fd, const char *prefix, int levels, struct err *err)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    if (levels == 0)
        return err_set(err, ERR_TOO_LARGE, "%s is nested too deeply", prefix);
    if (!list_names(fd, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(freep) char *path = mem_printf("%s%s", prefix, names.items[i]);
        if (!walk_entry(walk, fd, names.items[i], path, levels, err))
            return false;
    }
    return true;
}

/* One part after the other, none of them a link. */
static bool open_below(const char *directory, const char *path, int *ret_fd, struct err *err)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "open %s", directory);
    strv_split(&parts, path ? path : "", '/');
    for (size_t i = 0; i < parts.count; i++) {
        int below = openat(fd, parts.items[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        int errnum = errno;
        closep(&fd);
        if (below < 0)
            return errnum == ELOOP || errnum == ENOTDIR
                       ? err_set(err, ERR_INVALID, "%s of %s is no directory", path, directory)
                       : err_set_errno(err, errnum, "open %s of %s", path, directory);
        fd = below;
    }
    *ret_fd = fd;
    return true;
}

static char *digest_of(const struct source_files *files)
{
    CLEANUP(str_release) struct str sums = STR_INIT;
    for (size_t i = 0; i < files->count; i++) {
        CLEANUP(freep) char *sum = sha256_hex(files->items[i].text.text, files->items[i].text.len);
        str_addf(&sums, "%s  %s\n", sum, files->items[i].path);
    }
    CLEANUP(freep) char *digest = sha256_hex(sums.text, sums.len);
    return mem_printf("sha256:%s", digest);
}

bool source_read_directory(const char *directory, const char *path, struct source_files *ret, char **ret_revision,
                           struct err *err)
{
    CLEANUP(closep) int fd = -1;
    struct walk walk = { .files = ret };
    if (!open_below(directory, path, &fd, err) || !walk_directory(&walk, fd, "", LEVELS_MAX, err))
        return false;
    *ret_revision = digest_of(ret);
    return true;
}
