/* Objects in a local directory: opening, reading, removing. */
#include "clients/objects/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "clients/objects/directory_internal.h"

#define READ_SIZE       ((size_t)256 << 10)
#define MAKE_TRIES      10 /* somebody else may prune what was just made */
#define OPEN_DIRECTORY  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_TO_READ    (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) /* a FIFO must not hold us */
#define STAT_MS(status) ((int64_t)(status).st_mtim.tv_sec * SECOND_MS + (status).st_mtim.tv_nsec / 1000000)

bool directory_set_errno(const struct directory *directory, const char *key, int errnum, struct err *err)
{
    switch (errnum) {
    case EACCES:
    case EPERM:
    case EDQUOT:
        err_set_errno(err, errnum, "%s/%s", directory->objects.name, key);
        if (err)
            err->code = ERR_FORBIDDEN;
        return false;
    case ENOSPC:
    case EIO:
    case EROFS:
        err_set_errno(err, errnum, "%s/%s", directory->objects.name, key);
        if (err)
            err->code = ERR_REMOTE;
        return false;
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENOTEMPTY:
    case EEXIST:
        return err_set(err, ERR_CONFLICT, "%s/%s: a directory, file or link of that name is in the way",
                       directory->objects.name, key);
    default:
        return err_set_errno(err, errnum, "%s/%s", directory->objects.name, key);
    }
}

/* A new directory's name is on the disk only once its parent is. */
static int open_part(int parent, const char *name, enum directory_make make)
{
    int fd = openat(parent, name, OPEN_DIRECTORY);
    if (fd >= 0 || errno != ENOENT || make == DIRECTORY_LOOK)
        return fd;
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return -1;
    if (fsync(parent) != 0)
        return -1;
    return openat(parent, name, OPEN_DIRECTORY);
}

static int open_parent_once(const struct directory *directory, const char *key, enum directory_make make,
                            const char **ret_name)
{
    CLEANUP(closep) int fd = fcntl(directory->root, F_DUPFD_CLOEXEC, 0);
    const char *slash;
    for (*ret_name = key; fd >= 0 && (slash = strchr(*ret_name, '/')); *ret_name = slash + 1) {
        CLEANUP(freep) char *part = mem_strndup(*ret_name, (size_t)(slash - *ret_name));
        int inner = open_part(fd, part, make);
        int errnum = errno;
        close(fd);
        fd = inner;
        errno = errnum;
    }
    int opened = fd;
    fd = -1;
    return opened;
}

int directory_open_parent(const struct directory *directory, const char *key, enum directory_make make,
                          const char **ret_name)
{
    for (int i = 0;; i++) {
        int fd = open_parent_once(directory, key, make, ret_name);
        if (fd >= 0 || errno != ENOENT || make == DIRECTORY_LOOK || i == MAKE_TRIES)
            return fd;
    }
}

void directory_prune(const struct directory *directory, const char *key)
{
    CLEANUP(freep) char *path = mem_strdup(key);
    char *slash;
    while ((slash = strrchr(path, '/'))) {
        *slash = '\0';
        const char *name;
        CLEANUP(closep) int parent = directory_open_parent(directory, path, DIRECTORY_LOOK, &name);
        if (parent < 0 || unlinkat(parent, name, AT_REMOVEDIR) != 0) /* not empty: in use */
            return;
    }
}

/* Opens the regular file of `key`. ERR_NOT_FOUND also for what could never be an object of ours. */
static bool open_object(const struct directory *directory, const char *key, int *ret_fd, struct stat *ret_status,
                        struct err *err)
{
    const char *name;
    CLEANUP(closep) int parent = directory_open_parent(directory, key, DIRECTORY_LOOK, &name);
    CLEANUP(closep) int fd = parent < 0 ? -1 : openat(parent, name, OPEN_TO_READ);
    bool is_absent = fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP);
    if (fd < 0 && !is_absent)
        return directory_set_errno(directory, key, errno, err);
    if (fd >= 0 && fstat(fd, ret_status) != 0)
        return directory_set_errno(directory, key, errno, err);
    if (is_absent || !S_ISREG(ret_status->st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s/%s: there is no such object", directory->objects.name, key);
    *ret_fd = fd;
    fd = -1;
    return true;
}

static bool directory_get(struct objects *objects, const char *key, struct sink *to, const struct call *call,
                          struct err *err)
{
    const struct directory *self = (const struct directory *)objects;
    CLEANUP(closep) int fd = -1;
    struct stat status;
    if (!open_object(self, key, &fd, &status, err))
        return false;
    CLEANUP(freep) char *buffer = mem_grow(NULL, READ_SIZE, 1);
    uint64_t total = 0;
    for (;;) {
        if (!call_check(call, err))
            return err_wrap(err, "%s/%s", objects->name, key);
        ssize_t got = read(fd, buffer, READ_SIZE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return directory_set_errno(self, key, errno, err);
        if (got == 0)
            break;
        total += (uint64_t)got;
        if (!sink_write(to, buffer, (size_t)got, err))
            return err_wrap(err, "%s/%s", objects->name, key);
    }
    return total == (uint64_t)status.st_size ||
           err_set(err, ERR_REMOTE, "%s/%s: %" PRIu64 " bytes came instead of %lld", objects->name, key, total,
                   (long long)status.st_size);
}

static bool directory_head(struct objects *objects, const char *key, const struct call *call, struct object *ret,
                           struct err *err)
{
    const struct directory *self = (const struct directory *)objects;
    CLEANUP(closep) int fd = -1;
    struct stat status;
    if (!call_check(call, err) || !open_object(self, key, &fd, &status, err))
        return false;
    object_release(ret);
    ret->key = mem_strdup(key);
    ret->size = (uint64_t)status.st_size;
    ret->modified_ms = STAT_MS(status);
    return true;
}

static bool directory_remove(struct objects *objects, const char *key, const struct call *call, struct err *err)
{
    const struct directory *self = (const struct directory *)objects;
    const char *name;
    if (!call_check(call, err))
        return false;
    CLEANUP(closep) int parent = directory_open_parent(self, key, DIRECTORY_LOOK, &name);
    if (parent < 0)
        return errno == ENOENT || directory_set_errno(self, key, errno, err);
    if (unlinkat(parent, name, 0) != 0)
        return errno == ENOENT || directory_set_errno(self, key, errno, err);
    if (fsync(parent) != 0)
        return directory_set_errno(self, key, errno, err);
    directory_prune(self, key);
    return true;
}

static void directory_free(struct objects *objects)
{
    struct directory *self = (struct directory *)objects;
    close(self->root);
    free(objects->name);
    free(self);
}

static const struct objects_vtable directory_vtable = {
    .free = directory_free,
    .put = directory_put,
    .get = directory_get,
    .head = directory_head,
    .list = directory_list,
    .remove = directory_remove,
    .sweep = directory_sweep,
};

bool directory_open(const char *path, struct objects **ret, struct err *err)
{
    if (!dir_make(path, 0700, err))
        return err_wrap(err, "open the directory of objects %s", path);
    int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_set_errno(err, errno, "open the directory of objects %s", path);
    struct directory *self = MEM_NEW(struct directory);
    self->objects = (struct objects){ .vtable = &directory_vtable, .name = mem_strdup(path) };
    self->root = root;
    *ret = &self->objects;
    return true;
}
