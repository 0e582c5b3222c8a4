/* Files and directories. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 << 10)

bool file_read(const char *path, size_t limit, struct str *ret_bytes, struct err *err)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set_errno(err, errno, "open %s", path);
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(freep) char *buffer = mem_grow(NULL, READ_SIZE, 1);
    for (;;) {
        ssize_t got = read(fd, buffer, READ_SIZE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(err, errno, "read %s", path);
        if (got == 0)
            break;
        if ((size_t)got > limit - bytes.len)
            return err_set(err, ERR_TOO_LARGE, "read %s: larger than %zu bytes", path, limit);
        str_addn(&bytes, buffer, (size_t)got);
    }
    str_move(ret_bytes, &bytes);
    return true;
}

/* The part before the last slash: "." without one. Owned. */
static char *parent_of(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    while (len > 0 && path[len - 1] != '/')
        len--;
    while (len > 1 && path[len - 1] == '/')
        len--;
    return len > 0 ? mem_strndup(path, len) : mem_strdup(".");
}

static bool write_all(int fd, const char *path, const void *bytes, size_t size, struct err *err)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_set_errno(err, errno, "write %s", path);
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static bool dir_sync(const char *path, struct err *err)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return err_set_errno(err, errno, "sync directory %s", path);
    return true;
}

/* Writes and closes the temporary file; its name must not be used before its bytes are on the disk. */
static bool write_and_close(int fd_taken, const char *path, const void *bytes, size_t size, mode_t mode,
                            struct err *err)
{
    CLEANUP(closep) int fd = fd_taken;
    if (!write_all(fd, path, bytes, size, err))
        return false;
    if (fchmod(fd, mode) != 0) /* mkostemp() made it 0600 */
        return err_set_errno(err, errno, "set the mode of %s", path);
    if (fsync(fd) != 0)
        return err_set_errno(err, errno, "sync %s", path);
    return true;
}

bool file_write(const char *path, const void *bytes, size_t size, mode_t mode, struct err *err)
{
    CLEANUP(freep) char *directory = parent_of(path);
    CLEANUP(freep) char *temporary = mem_printf("%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "create %s", temporary);
    if (!write_and_close(fd, temporary, bytes, size, mode, err)) {
        unlink(temporary);
        return false;
    }
    if (rename(temporary, path) != 0) {
        err_set_errno(err, errno, "rename %s to %s", temporary, path);
        unlink(temporary);
        return false;
    }
    return dir_sync(directory, err);
}

bool file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool dir_make(const char *path, mode_t mode, struct err *err)
{
    if (is_directory(path))
        return true;
    CLEANUP(freep) char *parent = parent_of(path);
    if (!is_directory(parent) && !str_equal(parent, path) && !dir_make(parent, 0755, err))
        return false;
    if (mkdir(path, mode) == 0)
        return true;
    int errnum = errno;
    if (errnum == EEXIST && is_directory(path)) /* somebody was quicker */
        return true;
    if (errnum == EEXIST)
        return err_set(err, ERR_CONFLICT, "make directory %s: something else has that name", path);
    return err_set_errno(err, errnum, "make directory %s", path);
}

static void dir_closep(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* Opens `name` in `parent_fd`; a symlink is refused. NULL with errno set. */
static DIR *open_dir(int parent_fd, const char *name)
{
    CLEANUP(closep) int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    DIR *dir = fdopendir(fd);
    if (dir)
        fd = -1; /* closedir() closes it */
    return dir;
}

/* The names in it but . and .., unsorted. */
static bool read_names(DIR *dir, const char *path, struct strv *names, struct err *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry && errno != 0)
            return err_set_errno(err, errno, "read directory %s", path);
        if (!entry)
            return true;
        if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
            strv_add(names, entry->d_name);
    }
}

/* `path` is for messages only. What vanishes meanwhile is fine. */
static bool remove_tree(int parent_fd, const char *name, const char *path, struct err *err)
{
    {
        CLEANUP(dir_closep) DIR *dir = open_dir(parent_fd, name);
        if (!dir)
            return errno == ENOENT ? true : err_set_errno(err, errno, "open directory %s", path);
        CLEANUP(strv_release) struct strv names = STRV_INIT;
        if (!read_names(dir, path, &names, err))
            return false;
        for (size_t i = 0; i < names.count; i++) {
            CLEANUP(freep) char *inner = mem_printf("%s/%s", path, names.items[i]);
            if (unlinkat(dirfd(dir), names.items[i], 0) == 0 || errno == ENOENT)
                continue;
            if (errno != EISDIR) /* what Linux says of directories */
                return err_set_errno(err, errno, "remove %s", inner);
            if (!remove_tree(dirfd(dir), names.items[i], inner, err))
                return false;
        }
    }
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return err_set_errno(err, errno, "remove directory %s", path);
    return true;
}

bool dir_remove(const char *path, struct err *err)
{
    return remove_tree(AT_FDCWD, path, path, err);
}

bool dir_list(const char *path, struct strv *ret_names, struct err *err)
{
    CLEANUP(dir_closep) DIR *dir = opendir(path); /* glibc opens it O_CLOEXEC */
    if (!dir)
        return err_set_errno(err, errno, "open directory %s", path);
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    if (!read_names(dir, path, &names, err))
        return false;
    strv_sort(&names);
    strv_release(ret_names);
    *ret_names = names;
    names = (struct strv)STRV_INIT;
    return true;
}

bool file_lock(const char *path, int *ret_fd, struct err *err)
{
    int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (opened < 0 && errno == EISDIR)
        opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(closep) int fd = opened;
    if (fd < 0)
        return err_set_errno(err, errno, "open %s", path);
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return err_set(err, ERR_CONFLICT, "%s is locked by another process", path);
        if (errno != EINTR)
            return err_set_errno(err, errno, "lock %s", path);
    }
    *ret_fd = fd;
    fd = -1;
    return true;
}
