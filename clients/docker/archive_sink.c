/* Unpacks a tar that comes from a chain of sinks into a container: a second connection and a thread carry it to the engine. */
#include <pthread.h>

#include "clients/docker/docker_internal.h"
#include "clients/docker/ring_internal.h"
#include "clients/docker/tar.h"

struct archive_sink {
    struct sink sink;
    struct docker *docker; /* the caller's, for the directory itself */
    struct docker *sender; /* of the thread's own */
    char *id, *directory;
    struct str path; /* of the request */
    struct ring ring;
    struct tar_reader *reader;
    size_t entries;
    struct tar_entry root; /* only mode and owner */
    pthread_t thread;
    bool runs; /* the thread */
    bool sent; /* the thread's until it is joined, as is: */
    struct err err;
};

static bool see_entry(void *context, const struct tar_entry *entry, struct err *err)
{
    struct archive_sink *self = context;
    if (self->entries++ > 0)
        return true;
    if (entry->type != '5')
        return err_set(err, ERR_INVALID, "the archive does not begin with a directory");
    self->root = (struct tar_entry){ .mode = entry->mode, .uid = entry->uid, .gid = entry->gid };
    return true;
}

static void *send_run(void *context)
{
    struct archive_sink *self = context;
    const struct docker_request request = {
        .method = "PUT", .path = self->path.text, .source = ring_take, .source_context = &self->ring
    };
    self->sent = docker_send(self->sender, &request, &self->ring.call, NULL, &self->err);
    ring_set(&self->ring, &self->ring.writer_gone);
    return NULL;
}

static void join(struct archive_sink *self)
{
    if (self->runs)
        pthread_join(self->thread, NULL);
    self->runs = false;
}

/* What the engine said is the reason, where it said something. */
static bool raise_sender(struct archive_sink *self, struct err *err)
{
    join(self);
    if (!self->sent && self->err.code != ERR_NONE)
        err_move(err, &self->err);
    else if (self->sent)
        err_set(err, ERR_REMOTE, "the engine ended the upload before it was complete");
    return err_wrap(err, "unpack into %s of container %s", self->directory, self->id);
}

static bool archive_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct archive_sink *self = (struct archive_sink *)sink;
    if (!tar_reader_take(self->reader, bytes, len, err))
        return err_wrap(err, "unpack into %s of container %s", self->directory, self->id);
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (ring_put(&self->ring, bytes, len, &problem))
        return true;
    if (problem.code == ERR_CANCELLED && !call_is_cancelled(&self->ring.call))
        return raise_sender(self, err);
    err_move(err, &problem);
    return false;
}

static bool archive_finish(struct sink *sink, struct err *err)
{
    struct archive_sink *self = (struct archive_sink *)sink;
    if (!tar_reader_end(self->reader, err))
        return err_wrap(err, "unpack into %s of container %s", self->directory, self->id);
    ring_set(&self->ring, &self->ring.finished);
    join(self);
    if (!self->sent)
        return raise_sender(self, err);
    /* The engine leaves the directory itself as it was, see archive.c. */
    return archive_set_directory(self->docker, self->id, self->directory, &self->root, &self->ring.call, err) ||
           err_wrap(err, "unpack into %s of container %s", self->directory, self->id);
}

static void archive_free(struct sink *sink)
{
    struct archive_sink *self = (struct archive_sink *)sink;
    if (self->runs)
        ring_set(&self->ring, &self->ring.reader_failed);
    join(self);
    ring_release(&self->ring);
    tar_reader_freep(&self->reader);
    docker_free(self->sender);
    err_release(&self->err);
    str_release(&self->path);
    free(self->id);
    free(self->directory);
    free(self);
}

struct sink *container_unpack(struct docker *docker, const char *id, const char *directory, const struct call *call,
                              struct err *err)
{
    struct archive_sink *self = MEM_NEW(struct archive_sink);
    struct call within = docker_call(docker, call, 0);
    const struct tar_visitor visitor = { .entry = see_entry, .context = self };
    self->sink = (struct sink){ archive_write, archive_finish, archive_free };
    self->docker = docker;
    self->sender = docker_clone(docker);
    self->id = mem_strdup(id);
    self->directory = mem_strdup(directory);
    self->path = (struct str)STR_INIT;
    docker_path(&self->path, "containers", id, "/archive?noOverwriteDirNonDir=1&path=");
    str_add_url_segment(&self->path, directory);
    ring_init(&self->ring, &within);
    self->reader = tar_reader_new(&visitor);
    int errnum = pthread_create(&self->thread, NULL, send_run, self);
    self->runs = errnum == 0;
    if (self->runs)
        return &self->sink;
    sink_free(&self->sink);
    err_set_errno(err, errnum, "start a thread");
    return NULL;
}
