/* Storing an object in a directory: a temporary file beside it, on the disk, then the name. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/crypto.h"
#include "clients/objects/directory_internal.h"

struct directory_put {
    struct sink sink; /* first, so that the address is the same */
    const struct directory *directory;
    const struct call *call;
    char *key;
    const char *name; /* the key's last part */
    char *temporary;  /* NULL: it is not there (any more) */
    int parent, fd;   /* -1 until the first write or the end */
};

/* The temporary's name holds the object's, so that a sweep knows its key. */
static bool begin(struct directory_put *self, struct err *err)
{
    if (self->fd >= 0)
        return true;
    self->parent = directory_open_parent(self->directory, self->key, DIRECTORY_MAKE, &self->name);
    if (self->parent < 0)
        return directory_set_errno(self->directory, self->key, errno, err);
    CLEANUP(freep) char *random = random_hex(8);
    CLEANUP(freep) char *temporary = mem_printf(OBJECTS_TEMPORARY_PREFIX "%s-%s", random, self->name);
    self->fd = openat(self->parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (self->fd < 0)
        return directory_set_errno(self->directory, self->key, errno, err);
    self->temporary = STEAL(temporary);
    return true;
}

static bool put_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct directory_put *self = (struct directory_put *)sink;
    const char *at = bytes;
    if (!begin(self, err))
        return false;
    while (len > 0) {
        if (!call_check(self->call, err))
            return err_wrap(err, "%s/%s", self->directory->objects.name, self->key);
        ssize_t written = write(self->fd, at, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return directory_set_errno(self->directory, self->key, errno, err);
        at += written;
        len -= (size_t)written;
    }
    return true;
}

static bool put_finish(struct sink *sink, struct err *err)
{
    struct directory_put *self = (struct directory_put *)sink;
    if (!begin(self, err))
        return false;
    if (!call_check(self->call, err))
        return err_wrap(err, "%s/%s", self->directory->objects.name, self->key);
    if (fsync(self->fd) != 0 || renameat(self->parent, self->temporary, self->parent, self->name) != 0)
        return directory_set_errno(self->directory, self->key, errno, err);
    free(STEAL(self->temporary));
    if (fsync(self->parent) != 0)
        return directory_set_errno(self->directory, self->key, errno, err);
    return true;
}

static void put_free(struct sink *sink)
{
    struct directory_put *self = (struct directory_put *)sink;
    if (self->temporary) {
        unlinkat(self->parent, self->temporary, 0);
        directory_prune(self->directory, self->key);
    }
    closep(&self->fd);
    closep(&self->parent);
    free(self->temporary);
    free(self->key);
    free(self);
}

struct sink *directory_put(struct objects *objects, const char *key, const struct call *call)
{
    struct directory_put *self = MEM_NEW(struct directory_put);
    self->sink = (struct sink){ .write = put_write, .finish = put_finish, .free = put_free };
    self->directory = (const struct directory *)objects;
    self->call = call;
    self->key = mem_strdup(key);
    self->parent = self->fd = -1;
    return &self->sink;
}
