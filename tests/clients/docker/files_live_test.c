/* Files into, out of and between containers on a real engine, and images. */
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clients/docker/tar.h"
#include "tests/clients/docker/live.h"

/* Runs a shell script as root in a new container of the same image with `volume` at /data; its output, owned. */
static char *look(const struct live *live, const char *volume, const char *script)
{
    CLEANUP(freep) char *mount = mem_printf("%s:/data", volume);
    return LIVE_RUN("docker", "run", "--rm", "--network", "none", "--user", "0:0", "-v", mount, "--label", live->label,
                    "--entrypoint", "/bin/sh", live->image, "-c", script);
}

/* A volume, and a container on it that never runs. */
static char *holder(const struct live *live, const char *name, char **ret_volume)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *volume_name = mem_printf("volume-%s", name);
    char *volume = live_name(live, volume_name);
    const struct container_mount mount = { .volume = volume, .target = "/data" };
    const struct container_create base = { .mounts = &mount, .mount_count = 1 };
    assert_ok(volume_create(live->docker, volume, live->labels, NULL, &err), &err);
    char *id = live_create(live, name, "true", &base);
    *ret_volume = volume;
    return id;
}

static void put_and_read(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *volume = NULL;
    CLEANUP(freep) char *id = holder(live, "c", &volume);
    CLEANUP(freep) char *deep = mem_printf("/etc/%0100d/%0100d/deep.conf", 1, 2);
    CLEANUP(freep) char *big = mem_zalloc(3000000);
    memset(big, 'b', 3000000);
    const struct container_file files[] = {
        { .path = "/etc/app/new/app.conf", .bytes = "password=x", .size = 10, .mode = 0400, .uid = 1000, .gid = 1001 },
        { .path = "/data/in/volume", .bytes = "kept", .size = 4, .mode = 0640, .uid = 3000000, .gid = 7 },
        { .path = "/etc/empty", .bytes = "", .size = 0, .mode = 0644 },
        { .path = deep, .bytes = "deep", .size = 4, .mode = 0600 },
        { .path = "/big", .bytes = big, .size = 3000000, .mode = 0644 },
    };
    assert_ok(container_put_files(live->docker, id, files, ARRAY_LEN(files), NULL, &err), &err);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct container_file_seen seen = { .bytes = STR_INIT };
        assert_ok(container_read_file(live->docker, id, files[i].path, 3000000, NULL, &seen, &err), &err);
        assert_int_equal(seen.bytes.len, files[i].size);
        assert_memory_equal(seen.bytes.text, files[i].bytes, files[i].size);
        assert_int_equal(seen.mode, files[i].mode);
        assert_int_equal(seen.uid, files[i].uid);
        assert_int_equal(seen.gid, files[i].gid);
        str_release(&seen.bytes);
    }
    assert_seen(id, "{{.State.Status}}", "created"); /* nothing was started for it */
    CLEANUP(freep)
    char *listed = look(live, volume, "stat -c '%a %u %g %n' /data /data/in /data/in/volume; cat /data/in/volume");
    assert_string_equal(listed, "755 1000 1000 /data\n755 0 0 /data/in\n640 3000000 7 /data/in/volume\nkept");
    CLEANUP(freep)
    char *directories =
        LIVE_RUN("sh", "-c", "docker cp $0:/etc/app - | tar --numeric-owner -tvf - | awk '{print $1, $2, $6}'", id);
    assert_string_equal(directories,
                        "drwxr-xr-x 0/0 app/\ndrwxr-xr-x 0/0 app/new/\n-r-------- 1000/1001 app/new/app.conf");
}

static void put_into_a_running_one(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *id = live_start(live, "c", "sleep 600", NULL);
    const struct container_file file = {
        .path = "/tmp/x", .bytes = "one", .size = 3, .mode = 0444, .uid = 5, .gid = 6
    };
    const struct container_file longer = {
        .path = "/tmp/x", .bytes = "longer", .size = 6, .mode = 0440, .uid = 5, .gid = 6
    };
    assert_ok(container_put_files(live->docker, id, &file, 1, NULL, &err), &err);
    CLEANUP(freep) char *first = LIVE_RUN("docker", "exec", id, "sh", "-c", "cat /tmp/x; stat -c ' %a %u %g' /tmp/x");
    assert_string_equal(first, "one 444 5 6");
    assert_ok(container_put_files(live->docker, id, &longer, 1, NULL, &err), &err); /* replaces it */
    CLEANUP(freep) char *second = LIVE_RUN("docker", "exec", "-u", "0", id, "sh", "-c", "stat -c '%s %a' /tmp/x");
    assert_string_equal(second, "6 440");
    CLEANUP(freep) char *tmp = LIVE_RUN("docker", "exec", id, "stat", "-c", "%a %u", "/tmp");
    assert_string_equal(tmp, "1777 0"); /* directories that are there stay as they are */
}

static void put_and_read_refused(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *id = live_create(live, "c", "true", NULL);
    struct container_file_seen seen = { .bytes = STR_INIT };
    const struct container_file over_directory = { .path = "/etc", .bytes = "x", .size = 1, .mode = 0644 };
    const struct container_file below_file = { .path = "/etc/passwd/x", .bytes = "x", .size = 1, .mode = 0644 };
    const struct container_file fine = { .path = "/x", .bytes = "x", .size = 1, .mode = 0644 };
    assert_false(container_put_files(live->docker, id, &over_directory, 1, NULL, &err));
    err_clear(&err);
    assert_false(container_put_files(live->docker, id, &below_file, 1, NULL, &err));
    err_clear(&err);
    const struct container_file no_file = { .path = "/etc/", .mode = 0644 };
    assert_fails(container_put_files(live->docker, id, &no_file, 1, NULL, &err), &err, ERR_INVALID);
    assert_fails(container_put_files(live->docker, "tdtest.nobody", &fine, 1, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_read_file(live->docker, id, "/etc/nosuch", 100, NULL, &seen, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_read_file(live->docker, id, "/etc", 100, NULL, &seen, &err), &err, ERR_INVALID);
    assert_fails(container_read_file(live->docker, id, "/bin/busybox", 100, NULL, &seen, &err), &err, ERR_TOO_LARGE);
    assert_fails(container_read_file(live->docker, "tdtest.nobody", "/x", 100, NULL, &seen, &err), &err, ERR_NOT_FOUND);
    assert_ok(container_read_file(live->docker, id, "/etc/passwd", 1000, NULL, &seen, &err), &err); /* handle fine */
    str_release(&seen.bytes);
}

static void links_are_followed(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep)
    char *id = live_start(live, "c",
                          "cd /tmp; mkdir d; echo -n found >d/file; ln -s d/file relative; ln -s /tmp/relative "
                          "absolute; ln -s ../absolute d/up;"
                          "ln -s loop loop; ln -s nothing dangling; echo ready; sleep 600",
                          NULL);
    static const struct {
        const char *path;
        enum err_code code;
    } rows[] = {
        { "/tmp/d/file", ERR_NONE }, { "/tmp/relative", ERR_NONE }, { "/tmp/absolute", ERR_NONE },
        { "/tmp/d/up", ERR_NONE },   { "/tmp/loop", ERR_REMOTE },   { "/tmp/dangling", ERR_NOT_FOUND },
    };
    CLEANUP(freep) char *waited = LIVE_RUN("sh", "-c", "until docker logs $0 | grep -q ready; do sleep 0.1; done", id);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct container_file_seen seen = { .bytes = STR_INIT };
        bool read = container_read_file(live->docker, id, rows[i].path, 1000, NULL, &seen, &err);
        if (err.code != rows[i].code || (read && strcmp(seen.bytes.text, "found") != 0))
            fail_msg("%s: %s %s", rows[i].path, seen.bytes.text, err_message(&err));
        str_release(&seen.bytes);
        err_clear(&err);
    }
}

static void own_directory(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *volume = NULL;
    CLEANUP(freep) char *id = holder(live, "c", &volume);
    CLEANUP(freep) char *made = look(live, volume, "chmod 2750 /data; echo kept >/data/file; chown 3:4 /data/file");
    assert_ok(container_own_directory(live->docker, id, "/data", 2000, 3000000, NULL, &err), &err);
    CLEANUP(freep) char *seen = look(live, volume, "stat -c '%a %u %g' /data /data/file; cat /data/file");
    assert_string_equal(seen, "2750 2000 3000000\n644 3 4\nkept");
    assert_ok(container_own_directory(live->docker, id, "/data/", 2000, 3000000, NULL, &err), &err); /* again */
    assert_ok(container_own_directory(live->docker, id, "/etc", 5, 5, NULL, &err), &err);            /* of the image */
    CLEANUP(freep) char *etc = LIVE_RUN("sh", "-c", "docker cp $0:/etc - | tar --numeric-owner -tvf - | head -n 1", id);
    assert_contains(etc, "drwxr-xr-x 5/5");
    assert_seen(id, "{{.State.Status}}", "created");
    assert_fails(container_own_directory(live->docker, id, "/nosuch", 5, 5, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_own_directory(live->docker, id, "/etc/passwd", 5, 5, NULL, &err), &err, ERR_INVALID);
    assert_fails(container_own_directory(live->docker, id, "/", 5, 5, NULL, &err), &err, ERR_INVALID);
    assert_fails(container_own_directory(live->docker, "tdtest.nobody", "/data", 5, 5, NULL, &err), &err,
                 ERR_NOT_FOUND);
}

static void own_directory_of_a_running_one(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *volume = live_name(live, "volume");
    const struct container_mount mount = { .volume = volume, .target = "/not/in/the/image" };
    const struct container_create base = { .mounts = &mount, .mount_count = 1 };
    assert_ok(volume_create(live->docker, volume, live->labels, NULL, &err), &err);
    CLEANUP(freep) char *id = live_start(live, "c", "sleep 600", &base);
    CLEANUP(freep) char *before = LIVE_RUN("docker", "exec", id, "stat", "-c", "%a %u %g", "/not/in/the/image");
    assert_string_equal(before, "755 0 0");
    assert_ok(container_own_directory(live->docker, id, "/not/in/the/image", 1000, 1000, NULL, &err), &err);
    CLEANUP(freep) char *after = LIVE_RUN("docker", "exec", id, "stat", "-c", "%a %u %g", "/not/in/the/image");
    assert_string_equal(after, "755 1000 1000");
}

/* ---- copies ---- */

#define FILL                                                                                                           \
    "cd /data; mkdir -p a/b; echo one >a/one; ln -s a/one link; ln a/one hard; head -c 20000000 /dev/urandom "         \
    ">a/b/big;"                                                                                                        \
    "n=$(printf '%0100d' 0); mkdir -p $n/$n; echo long >$n/$n/$n; mkfifo pipe; : >empty;"                              \
    "chown 7:8 a/one; chown 3000000:9 a; chmod 4711 a/b/big; chmod 3770 a/b; chown 1234:1235 /data; chmod 2751 /data"
#define SUM                                                                                                            \
    "cd /data; find . | sort | xargs stat -c '%A %u %g %h %s %Y %n'; find . -type f | sort | xargs md5sum; readlink "  \
    "link"

/* Without the size of directories and their own times, which the file system chooses. */
static char *sum(const struct live *live, const char *volume)
{
    return look(live, volume, SUM);
}

static void copy_tree(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *from_volume = NULL;
    CLEANUP(freep) char *to_volume = NULL;
    CLEANUP(freep) char *from = holder(live, "from", &from_volume);
    CLEANUP(freep) char *to = holder(live, "to", &to_volume);
    CLEANUP(freep) char *filled = look(live, from_volume, FILL);
    assert_ok(container_copy_tree(live->docker, from, "/data", to, "/data", NULL, &err), &err);
    CLEANUP(freep) char *source = sum(live, from_volume);
    CLEANUP(freep) char *target = sum(live, to_volume);
    const char *source_rest = strchr(source, '\n'); /* the first line is /data itself, whose time is the copy's */
    assert_string_equal(strchr(target, '\n'), source_rest);
    CLEANUP(freep) char *root = look(live, to_volume, "stat -c '%a %u %g' /data");
    assert_string_equal(root, "2751 1234 1235");
    assert_seen(from, "{{.State.Status}}", "created");
    assert_seen(to, "{{.State.Status}}", "created");
}

static void copy_refused(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *from_volume = NULL;
    CLEANUP(freep) char *to_volume = NULL;
    CLEANUP(freep) char *from = holder(live, "from", &from_volume);
    CLEANUP(freep) char *to = holder(live, "to", &to_volume);
    CLEANUP(freep) char *from_name = live_name(live, "from");
    CLEANUP(freep) char *filled = look(live, from_volume, FILL);
    struct docker *docker = live->docker;
    assert_fails(container_copy_tree(docker, from, "/nosuch", to, "/data", NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_copy_tree(docker, from, "/data", to, "/nosuch", NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_copy_tree(docker, from, "/data", "tdtest.nobody", "/data", NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(container_copy_tree(docker, from, "/data", from_name, "/tmp", NULL, &err), &err, ERR_INVALID);
    assert_false(container_copy_tree(docker, from, "/etc/passwd", to, "/data", NULL, &err));
    err_clear(&err);
    const struct call late = { .deadline_mono_ms = 1 };
    assert_fails(container_copy_tree(docker, from, "/data", to, "/data", &late, &err), &err, ERR_TIMEOUT);
    assert_ok(container_copy_tree(docker, from, "/data", to, "/data", NULL, &err), &err); /* the handle is fine */
}

static void *cancel_soon(void *context)
{
    const struct timespec span = { .tv_nsec = 150000000 };
    nanosleep(&span, NULL);
    __atomic_store_n((volatile int *)context, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void copy_cancelled(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *from_volume = NULL;
    CLEANUP(freep) char *to_volume = NULL;
    CLEANUP(freep) char *from = holder(live, "from", &from_volume);
    CLEANUP(freep) char *to = holder(live, "to", &to_volume);
    CLEANUP(freep) char *filled = look(live, from_volume, "head -c 700000000 /dev/zero >/data/big");
    volatile int cancelled = 0;
    const struct call call = { .cancelled = &cancelled };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, (void *)(uintptr_t)&cancelled), 0);
    int64_t began_ms = clock_mono_ms();
    assert_fails(container_copy_tree(live->docker, from, "/data", to, "/data", &call, &err), &err, ERR_CANCELLED);
    assert_in_range(clock_mono_ms() - began_ms, 100, 600);
    pthread_join(thread, NULL);
    assert_ok(container_remove(live->docker, from, NULL, &err), &err); /* no lock stays behind */
    assert_ok(container_remove(live->docker, to, NULL, &err), &err);
}

/* Docker answers 200 for an archive whose file shrank meanwhile, and ends it in the middle. */
static void copy_of_a_shrinking_file(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *from_volume = NULL;
    CLEANUP(freep) char *to_volume = NULL;
    CLEANUP(freep) char *from = holder(live, "from", &from_volume);
    CLEANUP(freep) char *to = holder(live, "to", &to_volume);
    CLEANUP(freep) char *filled = look(live, from_volume, "head -c 700000000 /dev/zero >/data/a; echo last >/data/b");
    const struct container_mount mount = { .volume = from_volume, .target = "/data" };
    const struct container_create base = { .mounts = &mount, .mount_count = 1, .user = "0:0" };
    CLEANUP(freep) char *shrinker = live_start(live, "shrinker", "sleep 2; : >/data/a; sleep 600", &base);
    bool copied = true;
    for (int i = 0; copied && i < 20; i++) /* one of them meets the moment */
        copied = container_copy_tree(live->docker, from, "/data", to, "/data", NULL, &err);
    if (copied || err.code != ERR_REMOTE || !strstr(err_message(&err), "tar stream is broken"))
        fail_msg("%s", err_message(&err));
}

/* ---- images ---- */

static void images(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(image_release) struct image image = { 0 };
    CLEANUP(image_release) struct image none = { 0 };
    CLEANUP(str_release) struct str passwd = STR_INIT;
    CLEANUP(freep) char *filter = mem_printf("label=%s", live->label);
    assert_ok(image_inspect(live->docker, live->image, NULL, &image, &err), &err);
    assert_seen(live->image, "{{.Id}}", image.id);
    assert_seen(live->image, "{{.Config.User}}", image.user);
    CLEANUP(freep)
    char *digest = LIVE_RUN("docker", "inspect", "--format", "{{range .RepoDigests}}{{.}} {{end}}", live->image);
    assert_true(image.digest ? str_starts_with(digest, image.digest) : digest[0] == '\0');
    assert_fails(image_inspect(live->docker, "tdtest/nosuch:1", NULL, &none, &err), &err, ERR_NOT_FOUND);
    assert_ok(image_read_file(live->docker, live->image, "/etc/passwd", 10000, live->labels, NULL, &passwd, &err),
              &err);
    CLEANUP(freep)
    char *seen =
        LIVE_RUN("docker", "run", "--rm", "--network", "none", "--entrypoint", "/bin/cat", live->image, "/etc/passwd");
    assert_true(str_starts_with(passwd.text, seen));
    assert_fails(image_read_file(live->docker, live->image, "/nosuch", 10000, live->labels, NULL, &passwd, &err), &err,
                 ERR_NOT_FOUND);
    assert_fails(image_read_file(live->docker, "tdtest/nosuch:1", "/x", 10000, live->labels, NULL, &passwd, &err), &err,
                 ERR_NOT_FOUND);
    CLEANUP(freep) char *left = LIVE_RUN("docker", "ps", "-aq", "--filter", filter);
    assert_string_equal(left, "");
}

/*
 * A registry of one sentence: it answers every request with `answer` and keeps what it was asked. There is none here to
 * pull from for true.
 */
struct registry {
    int fd;
    int port;
    const char *answer;
    struct str requests; /* the thread's until it is joined */
    pthread_t thread;
};

static void *registry_run(void *context)
{
    struct registry *registry = context;
    for (int fd; (fd = accept(registry->fd, NULL, NULL)) >= 0; close(fd)) {
        char request[4096];
        ssize_t got = recv(fd, request, sizeof(request), 0);
        if (got > 0)
            str_addn(&registry->requests, request, (size_t)got);
        send(fd, registry->answer, strlen(registry->answer), MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
    }
    return NULL;
}

static void registry_start(struct registry *registry, const char *answer)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    *registry = (struct registry){ .fd = socket(AF_INET, SOCK_STREAM, 0), .answer = answer, .requests = STR_INIT };
    assert_int_equal(bind(registry->fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(registry->fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(registry->fd, 16), 0);
    registry->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&registry->thread, NULL, registry_run, registry), 0);
}

static void registry_stop(struct registry *registry)
{
    shutdown(registry->fd, SHUT_RDWR);
    pthread_join(registry->thread, NULL);
    close(registry->fd);
}

static void count_lines(void *context, const char *line)
{
    (void)line;
    (*(int *)context)++;
}

static void pulls(void **state)
{
    const struct live *live = *state;
    static const struct {
        const char *why;
        const char *answer;
        enum err_code code;
    } rows[] = {
        { "no such image",
          "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 72\r\nConnection: close\r\n"
          "Docker-Distribution-Api-Version: registry/2.0\r\n\r\n"
          "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}   ",
          ERR_NOT_FOUND },
        { "wrong password",
          "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\nConnection: "
          "close\r\n"
          "Docker-Distribution-Api-Version: registry/2.0\r\n\r\n",
          ERR_UNAUTHORIZED },
        { "too often",
          "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 70\r\nConnection: "
          "close\r\n\r\n"
          "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slow down, please\"}]} ",
          ERR_TOO_MANY },
    };
    static const struct image_credentials credentials = { "127.0.0.1", "me", "s3cr3t?>~" };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(err_release) struct err err = ERR_INIT;
        struct registry registry;
        registry_start(&registry, rows[i].answer);
        CLEANUP(freep) char *reference = mem_printf("127.0.0.1:%d/tdtest/nosuch:1", registry.port);
        int lines = 0;
        bool pulled = image_pull(live->docker, reference, &credentials, count_lines, &lines, NULL, &err);
        registry_stop(&registry);
        if (pulled || err.code != rows[i].code)
            fail_msg("%s: %s: %s", rows[i].why, err_kinds[err.code].name, err_message(&err));
        assert_contains(err_message(&err), reference);
        assert_null(strstr(err_message(&err), "s3cr3t"));
        /* The credentials did arrive, as base64 of me:s3cr3t?>~ (before, the engine tries TLS, so there are NULs). */
        static const char sent[] = "Authorization: Basic bWU6czNjcjN0Pz5+";
        if (err.code == ERR_UNAUTHORIZED)
            assert_non_null(memmem(registry.requests.text, registry.requests.len, sent, strlen(sent)));
        str_release(&registry.requests);
    }
}

static void no_registry(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_fails(image_pull(live->docker, "127.0.0.1:9/tdtest/nosuch:1", NULL, NULL, NULL, NULL, &err), &err,
                 ERR_UNREACHABLE);
    assert_fails(image_pull(live->docker, "127.0.0.1:9/tdtest/nosuch", NULL, NULL, NULL, NULL, &err), &err,
                 ERR_UNREACHABLE);
    assert_fails(image_pull(live->docker, "Not A Reference", NULL, NULL, NULL, NULL, &err), &err, ERR_INVALID);
}

/* A directory of user 1000 with a file of 3 MB and one in a directory. */
static void fill_tar(struct str *tar)
{
    CLEANUP(freep) char *big = mem_zalloc(3000000);
    const struct tar_entry root = { .type = '5', .name = "./", .mode = 0750, .uid = 1000, .gid = 1001 };
    const struct tar_entry file = {
        .type = '0', .name = "./big", .mode = 0640, .uid = 3000000, .gid = 7, .size = 3000000
    };
    const struct tar_entry in = { .type = '5', .name = "./in/", .mode = 0700, .uid = 1000, .gid = 1000 };
    const struct tar_entry deep = { .type = '0', .name = "./in/deep", .mode = 04755, .uid = 1, .gid = 2, .size = 4 };
    memset(big, 'b', 3000000);
    tar_write_entry(tar, &root);
    tar_write_file(tar, &file, big);
    tar_write_entry(tar, &in);
    tar_write_file(tar, &deep, "deep");
    tar_write_end(tar);
}

static bool unpack(const struct live *live, const char *id, const char *directory, const char *bytes, size_t len,
                   struct err *err)
{
    CLEANUP(sink_freep) struct sink *sink = container_unpack(live->docker, id, directory, NULL, err);
    for (size_t at = 0; sink && at < len; at += 65521) {
        size_t part = len - at < 65521 ? len - at : 65521;
        if (!sink_write(sink, bytes + at, part, err))
            return false;
    }
    return sink && sink_finish(sink, err);
}

static void unpacks(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *volume = NULL;
    CLEANUP(freep) char *id = holder(live, "c", &volume);
    CLEANUP(str_release) struct str tar = STR_INIT;
    fill_tar(&tar);
    assert_ok(unpack(live, id, "/data", tar.text, tar.len, &err), &err);
    assert_seen(id, "{{.State.Status}}", "created");
    CLEANUP(freep)
    char *listed =
        look(live, volume, "cd /data; stat -c '%a %u %g %n' . big in in/deep; tr -d b <big | wc -c; cat in/deep");
    assert_string_equal(listed, "750 1000 1001 .\n640 3000000 7 big\n700 1000 1000 in\n4755 1 2 in/deep\n0\ndeep");
}

static void unpacks_no_half(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *volume = NULL;
    CLEANUP(freep) char *id = holder(live, "c", &volume);
    CLEANUP(str_release) struct str tar = STR_INIT;
    fill_tar(&tar);
    assert_fails(unpack(live, id, "/data", tar.text, 2000000, &err), &err, ERR_REMOTE);
    assert_fails(unpack(live, id, "/data", tar.text, tar.len - 1024, &err), &err, ERR_REMOTE);
    assert_fails(unpack(live, id, "/nosuch", tar.text, tar.len, &err), &err, ERR_NOT_FOUND);
    assert_fails(unpack(live, "tdtest.nobody", "/data", tar.text, tar.len, &err), &err, ERR_NOT_FOUND);
    struct sink *abandoned = container_unpack(live->docker, id, "/data", NULL, &err);
    assert_ok(sink_write(abandoned, tar.text, 2000000, &err), &err);
    sink_free(abandoned);
    assert_ok(unpack(live, id, "/data", tar.text, tar.len, &err), &err); /* the handle is fine */
}

int main(void)
{
    struct check_list list = { 0 };
    LIVE_TEST(&list, put_and_read);
    LIVE_TEST(&list, put_into_a_running_one);
    LIVE_TEST(&list, put_and_read_refused);
    LIVE_TEST(&list, links_are_followed);
    LIVE_TEST(&list, own_directory);
    LIVE_TEST(&list, own_directory_of_a_running_one);
    LIVE_TEST(&list, copy_tree);
    LIVE_TEST(&list, unpacks);
    LIVE_TEST(&list, unpacks_no_half);
    LIVE_TEST(&list, copy_refused);
    LIVE_TEST(&list, copy_cancelled);
    LIVE_TEST(&list, copy_of_a_shrinking_file);
    LIVE_TEST(&list, images);
    LIVE_TEST(&list, pulls);
    LIVE_TEST(&list, no_registry);
    return check_run("files_live", &list);
}
