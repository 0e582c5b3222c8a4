/* Walking a directory of objects: lists, and the sweep of temporary files. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "clients/objects/directory_internal.h"

#define DEPTH_MAX 40 /* more than a key has parts */

struct walk {
    const struct directory *directory;
    const char *prefix;
    const struct call *call;
    /* A regular file below the prefix, as it stands in its directory `parent`. `key` is that of the object it is (or was to become). */
    bool (*visit)(struct walk *walk, int parent, const char *name, const char *key, const struct stat *status,
                  struct err *err);
    objects_visit_fn *visit_object;
    void *context;
    int64_t before_ms; /* of a sweep */
};

static void dir_closep(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* The key that the file or directory `name` has in a directory of the key `path` ("" or "a/b/"). Owned. */
static char *key_of(const char *path, const char *name)
{
    size_t head = strlen(OBJECTS_TEMPORARY_PREFIX) + 16; /* random digits, and a dash behind them */
    bool is_temporary = str_starts_with(name, OBJECTS_TEMPORARY_PREFIX) && strlen(name) > head + 1;
    return mem_printf("%s%s", path, is_temporary ? name + head + 1 : name);
}

/* Whether keys that begin with `path` ("a/b/") can begin with the prefix. */
static bool may_hold(const char *path, const char *prefix)
{
    size_t path_len = strlen(path);
    size_t prefix_len = strlen(prefix);
    return strncmp(path, prefix, path_len < prefix_len ? path_len : prefix_len) == 0;
}

/* The names in `dir`, those of directories with a "/" behind them: their bytewise order is that of their keys. */
static bool read_names(const struct walk *walk, DIR *dir, const char *path, struct strv *names, struct err *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry && errno != 0)
            return directory_set_errno(walk->directory, path, errno, err);
        if (!entry)
            break;
        if (str_equal(entry->d_name, ".") || str_equal(entry->d_name, ".."))
            continue;
        struct stat status;
        if (fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue; /* it is gone */
        if (S_ISDIR(status.st_mode))
            strv_addf(names, "%s/", entry->d_name);
        else if (S_ISREG(status.st_mode))
            strv_add(names, entry->d_name);
    }
    strv_sort(names);
    return true;
}

static bool walk_directory(struct walk *walk, int fd_taken, const char *path, int depth, struct err *err);

static bool walk_entry(struct walk *walk, int parent, const char *path, const char *name, int depth, struct err *err)
{
    CLEANUP(freep) char *key = key_of(path, name);
    struct stat status;
    if (str_ends_with(name, "/")) {
        CLEANUP(freep) char *bare = mem_strndup(name, strlen(name) - 1);
        int fd =
            may_hold(key, walk->prefix) ? openat(parent, bare, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        return fd < 0 || walk_directory(walk, fd, key, depth + 1, err);
    }
    if (!str_starts_with(key, walk->prefix) || fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode))
        return true;
    return walk->visit(walk, parent, name, key, &status, err);
}

static bool walk_directory(struct walk *walk, int fd_taken, const char *path, int depth, struct err *err)
{
    CLEANUP(dir_closep) DIR *dir = fdopendir(fd_taken);
    if (!dir) {
        int errnum = errno;
        close(fd_taken);
        return directory_set_errno(walk->directory, path, errnum, err);
    }
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    if (depth > DEPTH_MAX) /* nothing of ours */
        return true;
    if (!read_names(walk, dir, path, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++)
        if (!call_check(walk->call, err) || !walk_entry(walk, dirfd(dir), path, names.items[i], depth, err))
            return false;
    return true;
}

static bool walk_all(struct walk *walk, struct err *err)
{
    int fd = openat(walk->directory->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return directory_set_errno(walk->directory, "", errno, err);
    return walk_directory(walk, fd, "", 0, err);
}

static bool show(struct walk *walk, int parent, const char *name, const char *key, const struct stat *status,
                 struct err *err)
{
    (void)parent;
    if (str_starts_with(name, OBJECTS_TEMPORARY_PREFIX) || !objects_key_check(key, NULL))
        return true;
    CLEANUP(object_release)
    struct object object = {
        .key = mem_strdup(key),
        .size = (uint64_t)status->st_size,
        .modified_ms = (int64_t)status->st_mtim.tv_sec * SECOND_MS + status->st_mtim.tv_nsec / 1000000,
    };
    return walk->visit_object(walk->context, &object, err);
}

bool directory_list(struct objects *objects, const char *prefix, objects_visit_fn *visit, void *context,
                    const struct call *call, struct err *err)
{
    struct walk walk = {
        .directory = (const struct directory *)objects,
        .prefix = prefix,
        .call = call,
        .visit = show,
        .visit_object = visit,
        .context = context,
    };
    return walk_all(&walk, err);
}

static bool sweep(struct walk *walk, int parent, const char *name, const char *key, const struct stat *status,
                  struct err *err)
{
    if (!str_starts_with(name, OBJECTS_TEMPORARY_PREFIX) ||
        (int64_t)status->st_mtim.tv_sec * SECOND_MS > walk->before_ms)
        return true;
    if (unlinkat(parent, name, 0) != 0 && errno != ENOENT)
        return directory_set_errno(walk->directory, key, errno, err);
    directory_prune(walk->directory, key);
    return true;
}

bool directory_sweep(struct objects *objects, const char *prefix, int64_t age_ms, const struct call *call,
                     struct err *err)
{
    struct walk walk = {
        .directory = (const struct directory *)objects,
        .prefix = prefix,
        .call = call,
        .visit = sweep,
        .before_ms = clock_wall_ms() - age_ms,
    };
    return walk_all(&walk, err);
}
