/* Copies a tree between two containers: the tar stream goes from one connection to a second one through a ring of fixed size. */
#include <pthread.h>

#include "clients/docker/docker_internal.h"
#include "clients/docker/ring_internal.h"
#include "clients/docker/tar.h"

/* What the reading thread works on: the caller's until it starts, then its own, the caller's again after the join. */
struct read_side {
    struct docker *docker;
    const char *path;
    struct ring *ring;
    struct tar_reader *reader;
    size_t entries;
    struct tar_entry root; /* only mode and owner */
    bool done;
    struct err err;
};

static bool see_entry(void *context, const struct tar_entry *entry, struct err *err)
{
    struct read_side *side = context;
    if (side->entries++ > 0)
        return true;
    if (entry->type != '5')
        return err_set(err, ERR_INVALID, "it is no directory");
    side->root = (struct tar_entry){ .mode = entry->mode, .uid = entry->uid, .gid = entry->gid };
    return true;
}

/* Passes on only what the tar reader found in order. */
static bool read_take(void *context, const char *bytes, size_t len, struct err *err)
{
    struct read_side *side = context;
    return tar_reader_take(side->reader, bytes, len, err) && ring_put(side->ring, bytes, len, err);
}

static void *read_run(void *context)
{
    struct read_side *side = context;
    const struct docker_request request = {
        .method = "GET", .path = side->path, .sink = read_take, .sink_context = side
    };
    side->done = docker_send(side->docker, &request, &side->ring->call, NULL, &side->err) &&
                 tar_reader_end(side->reader, &side->err);
    ring_set(side->ring, side->done ? &side->ring->finished : &side->ring->reader_failed);
    return NULL;
}

/* Both sides at once. The error of the side that failed first is the true one: the other only noticed. */
static bool stream(struct docker *docker, struct read_side *side, const char *to_path, const struct call *call,
                   struct err *err)
{
    pthread_t thread;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    const struct docker_request request = {
        .method = "PUT", .path = to_path, .source = ring_take, .source_context = side->ring
    };
    int errnum = pthread_create(&thread, NULL, read_run, side);
    if (errnum != 0)
        return err_set_errno(err, errnum, "start a thread");
    bool written = docker_send(docker, &request, call, NULL, &problem);
    ring_set(side->ring, &side->ring->writer_gone);
    pthread_join(thread, NULL);
    bool reader_was_first = !side->done && (written || problem.code == ERR_CANCELLED);
    if (written && side->done)
        return true;
    if (err)
        err_move(err, reader_was_first ? &side->err : &problem);
    return false;
}

/* An archive of a container is read under its lock, so unpacking into the same one would wait for ever. */
static bool check_two(struct docker *docker, const char *from_id, const char *to_id, const struct call *call,
                      struct err *err)
{
    CLEANUP(container_release) struct container from = { 0 };
    CLEANUP(container_release) struct container to = { 0 };
    if (!container_inspect(docker, from_id, call, &from, err) || !container_inspect(docker, to_id, call, &to, err))
        return false;
    return strcmp(from.id, to.id) != 0 || err_set(err, ERR_INVALID, "a container cannot be copied into itself");
}

static bool copy(struct docker *docker, struct read_side *side, const char *to_id, const char *to_path,
                 const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    docker_path(&path, "containers", to_id, "/archive?noOverwriteDirNonDir=1&path=");
    str_add_url_segment(&path, to_path);
    /* The engine leaves the directory itself as it was, see archive.c. */
    return stream(docker, side, path.text, call, err) &&
           archive_set_directory(docker, to_id, to_path, &side->root, call, err);
}

static void read_side_release(struct read_side *side)
{
    tar_reader_freep(&side->reader);
    docker_free(side->docker);
    err_release(&side->err);
}

static bool copy_tree(struct docker *docker, const char *from_id, const char *from_path, const char *to_id,
                      const char *to_path, const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(freep) char *content = mem_printf("%s/.", from_path); /* names within the archive then begin with "./" */
    if (!check_two(docker, from_id, to_id, call, err))
        return false;
    docker_path(&path, "containers", from_id, "/archive?path=");
    str_add_url_segment(&path, content);
    CLEANUP(ring_release) struct ring ring;
    ring_init(&ring, call);
    CLEANUP(read_side_release)
    struct read_side side = { .docker = docker_clone(docker), .path = path.text, .ring = &ring };
    const struct tar_visitor visitor = { .entry = see_entry, .context = &side };
    side.reader = tar_reader_new(&visitor);
    return copy(docker, &side, to_id, to_path, call, err);
}

bool container_copy_tree(struct docker *docker, const char *from_id, const char *from_path, const char *to_id,
                         const char *to_path, const struct call *call, struct err *err)
{
    struct call within = docker_call(docker, call, 0);
    return copy_tree(docker, from_id, from_path, to_id, to_path, &within, err) ||
           err_wrap(err, "copy %s of container %s to %s of container %s", from_path, from_id, to_path, to_id);
}
