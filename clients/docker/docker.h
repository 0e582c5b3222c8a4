/*
 * The Docker Engine API, as far as tenantd needs it (source: docs.docker.com, Engine API v1.41 to v1.51). Blocking; one
 * handle per worker thread. Knows no record kinds. Every call takes a struct call (deadline and cancel; NULL: the handle's default
 * timeout). tests/sim puts a simulated engine behind this header.
 *
 * Errors: ERR_NOT_FOUND (404, positive), ERR_CONFLICT (409), ERR_INVALID (400 and refused settings), ERR_REMOTE (5xx), ERR_UNREACHABLE, ERR_TIMEOUT;
 * errors.c has the table. The engine's own message is always part of the error. "Tried" means with Engine 20.10.
 */
#pragma once

#include "base/clock.h"
#include "base/json.h"
#include "base/stream.h"

struct docker;
struct docker_options {
    const char *host;      /* unix:///..., tcp://host:port; NULL: DOCKER_HOST, else unix:///var/run/docker.sock */
    const char *cert_path; /* ca.pem, cert.pem, key.pem; NULL: DOCKER_CERT_PATH when DOCKER_TLS_VERIFY is set */
    int64_t timeout_ms;    /* of calls without a struct call */
};
/* Does not connect yet; negotiates the version with the first call. Bad addresses are ERR_INVALID. */
bool docker_open(const struct docker_options *options, struct docker **ret_docker, struct err *err) MUST_USE;
void docker_free(struct docker *docker);
void docker_freep(struct docker **docker);

/* ---- the engine ---- */

struct docker_version {
    char *engine; /* "20.10.24+dfsg1" */
    char *api;    /* what the two of us speak: "1.41" */
    char *operating_system, *architecture;
};
void docker_version_release(struct docker_version *version);
/* Asks anew each time, and so negotiates anew. */
bool docker_version(struct docker *docker, const struct call *call, struct docker_version *ret,
                    struct err *err) MUST_USE;
/* The newest version both sides know, from an answer of GET /version; ERR_UNSUPPORTED with both ranges when there is none. Pure. */
bool docker_negotiate(const json_t *version_reply, char **ret_api, struct err *err) MUST_USE;

struct docker_host {
    int64_t millicores;
    int64_t memory_bytes;
};
bool docker_host(struct docker *docker, const struct call *call, struct docker_host *ret, struct err *err) MUST_USE;
/* Where the engine keeps volumes, on its own host: "/var/lib/docker". Owned. */
bool docker_root(struct docker *docker, const struct call *call, char **ret, struct err *err) MUST_USE;
/* True when containers' own addresses can be reached from here (a unix socket: same host). */
bool docker_is_local(const struct docker *docker);
/* The address of the default bridge (docker0) on the host, e.g. 172.17.0.1. Owned. */
bool docker_bridge_address(struct docker *docker, const struct call *call, char **ret, struct err *err) MUST_USE;

/* ---- containers ---- */

enum container_state {
    CONTAINER_CREATED,
    CONTAINER_RUNNING,
    CONTAINER_PAUSED,
    CONTAINER_RESTARTING,
    CONTAINER_REMOVING,
    CONTAINER_EXITED,
    CONTAINER_DEAD
};

/* What GET /containers/json and inspect tell. */
struct container {
    char *id, *name; /* without the leading slash */
    char *image;     /* as asked for; in a list its id once the tag has moved on */
    char *image_id;  /* "sha256:..." */
    enum container_state state;
    json_t *labels;   /* object of strings */
    json_t *networks; /* {"<network name>": {"id": "...", "address": "10.213.0.2"}} */
    /* [{"container": 8069, "address": "127.0.0.1", "host": 20000}], published ones. While it does not run: none in a list, after inspect
     * those that it will publish. */
    json_t *ports;

    /* Only after container_inspect(): */
    bool inspected;
    int exit_code;
    bool oom_killed;
    char *error; /* of the last start */
    int64_t started_ms, finished_ms;
    int64_t memory_bytes, memory_swap_bytes, nano_cpus, pids_limit;
    char *restart_policy;
    json_t *env;     /* array of "K=v" */
    json_t *command; /* array: what runs, entrypoint and arguments */
    json_t *mounts;  /* [{"type": "volume", "source": "td-...", "target": "/data"}] */
    char *user;
};
void container_release(struct container *container);
void container_copy(struct container *to, const struct container *from);
struct containers {
    struct container *items;
    size_t count;
};
void containers_release(struct containers *containers);

/* All containers, stopped ones too, that carry label `label` ("key=value"). One call. */
bool container_list(struct docker *docker, const char *label, const struct call *call, struct containers *ret,
                    struct err *err) MUST_USE;
bool container_inspect(struct docker *docker, const char *name_or_id, const struct call *call, struct container *ret,
                       struct err *err) MUST_USE;
/* Fills from the JSON of inspect or of one item of the list. Pure; for tests and events. */
bool container_from_json(const json_t *inspect, struct container *ret, struct err *err) MUST_USE;

struct container_mount {
    const char *volume; /* a named volume */
    const char *target;
    bool read_only;
};
struct container_publish {
    int container_port;
    const char *address;
    int host_port;
};
/*
 * All borrowed for the call. Every container gets: no-new-privileges, all capabilities dropped, log rotation, restart policy no, an init
 * process. A fresh volume is filled from what the image has at its place, owner and mode too. A volume that does not exist is
 * made by the engine, without labels: create it before.
 */
struct container_create {
    const char *name;
    const char *image;
    const char *const *command;      /* in place of the image's entrypoint and arguments; NULL: the image's own */
    const char *const *env;          /* "K=v"; NULL: none */
    const json_t *labels;            /* object of strings */
    const char *user;                /* "1000:1000"; NULL: the image's */
    const char *const *capabilities; /* added back; NULL: none */
    const char *network;             /* NULL: none at all */
    const char *const *extra_hosts;  /* "name:address" */
    const char *hostname;
    const struct container_mount *mounts;
    size_t mount_count;
    const struct container_publish *publishes;
    size_t publish_count;
    int64_t memory_bytes, nano_cpus, pids_limit; /* 0: none */
    int64_t stop_timeout_ms;
};
/* ERR_NOT_FOUND: there is no such image; ERR_CONFLICT: the name is taken. */
bool container_create(struct docker *docker, const struct container_create *create, const struct call *call,
                      char **ret_id, struct err *err) MUST_USE;
/*
 * Starting a running one and stopping a stopped one succeed. ERR_CONFLICT: a host port is taken. A command that does not exist is no error
 * here, because of the init process: the container ends with 127 (tried). Stop and restart need a deadline beyond `grace_ms`.
 */
bool container_start(struct docker *docker, const char *id, const struct call *call, struct err *err) MUST_USE;
bool container_stop(struct docker *docker, const char *id, int64_t grace_ms, const struct call *call,
                    struct err *err) MUST_USE;
bool container_restart(struct docker *docker, const char *id, int64_t grace_ms, const struct call *call,
                       struct err *err) MUST_USE;
/* ERR_CONFLICT when it does not run. */
bool container_kill(struct docker *docker, const char *id, const struct call *call, struct err *err) MUST_USE;
bool container_unpause(struct docker *docker, const char *id, const struct call *call, struct err *err) MUST_USE;
/* Kills it when it runs; anonymous volumes go too, named ones stay. Removing a missing one is ERR_NOT_FOUND. */
bool container_remove(struct docker *docker, const char *id, const struct call *call, struct err *err) MUST_USE;
bool container_rename(struct docker *docker, const char *id, const char *name, const struct call *call,
                      struct err *err) MUST_USE;
/* Blocks until it has ended. One that was never started counts as ended, with 0. */
bool container_wait(struct docker *docker, const char *id, const struct call *call, int *ret_exit_code,
                    struct err *err) MUST_USE;

struct container_resources {
    int64_t memory_bytes, nano_cpus, pids_limit; /* 0: as it is; a limit cannot be taken away */
    const char *restart_policy;                  /* NULL: as it is */
};
/*
 * Memory and MemorySwap go together. What the engine refuses is ERR_INVALID: less memory than is in use, more CPUs than the host has. More
 * memory than the host has is not refused (tried).
 */
bool container_update(struct docker *docker, const char *id, const struct container_resources *resources,
                      const struct call *call, struct err *err) MUST_USE;
/* Memory in use without the page cache that can be given back, in bytes; 0 when it does not run. */
bool container_memory_use(struct docker *docker, const char *id, const struct call *call, int64_t *ret_bytes,
                          struct err *err) MUST_USE;

struct container_logs {
    bool follow;
    int64_t tail;     /* lines from the end; < 0: all */
    int64_t since_ms; /* 0: from the beginning */
    bool timestamps;
};
/*
 * Both outputs, demultiplexed, in order. `sink` may end it by returning false (then the error is its). A followed log ends with the
 * container, and then now and then lacks the last lines (tried): who needs them reads again without following.
 */
bool container_read_logs(struct docker *docker, const char *id, const struct container_logs *logs,
                         bool (*sink)(void *context, const char *bytes, size_t len, struct err *err), void *context,
                         const struct call *call, struct err *err) MUST_USE;
/* The end of both outputs, at most `limit` bytes, beginning with a whole line where there is one. */
bool container_log_tail(struct docker *docker, const char *id, size_t limit, const struct call *call, struct str *ret,
                        struct err *err) MUST_USE;

/*
 * Files to put into a container (running or not), as one tar stream. Missing directories are made, owned by root, 0755. A file replaces
 * a file, never a directory.
 */
struct container_file {
    const char *path; /* absolute */
    const void *bytes;
    size_t size;
    int mode; /* 0400 */
    int64_t uid, gid;
};
bool container_put_files(struct docker *docker, const char *id, const struct container_file *files, size_t count,
                         const struct call *call, struct err *err) MUST_USE;
/* Makes `path` (a directory, e.g. the volume's mount point) belong to uid:gid; its mode and what it holds stay. Nothing is started. */
bool container_own_directory(struct docker *docker, const char *id, const char *path, int64_t uid, int64_t gid,
                             const struct call *call, struct err *err) MUST_USE;
/* One small file out of a container, over symbolic links. ERR_NOT_FOUND when it is not there, ERR_TOO_LARGE beyond `limit`. */
struct container_file_seen {
    struct str bytes;
    int mode;
    int64_t uid, gid;
};
bool container_read_file(struct docker *docker, const char *id, const char *path, size_t limit, const struct call *call,
                         struct container_file_seen *ret, struct err *err) MUST_USE;
/*
 * Copies a path's content (a directory tree) between two containers, e.g. two volumes mounted in never-started ones, in fixed memory. The
 * target directory must exist, and gets the owner and mode of the other one. ERR_REMOTE when the stream breaks off, which the engine
 * itself answers with 200 (tried: a file that shrinks meanwhile). After an error the target is incomplete. Uses a second connection and
 * a thread for as long as it takes.
 */
bool container_copy_tree(struct docker *docker, const char *from_id, const char *from_path, const char *to_id,
                         const char *to_path, const struct call *call, struct err *err) MUST_USE;

/*
 * The end of a chain that unpacks the tar written into it at `directory`, which must exist in the container (running or not) and gets
 * owner and mode of the archive's first entry; numeric owners are kept. In fixed memory, over a second connection and with a thread.
 * The tar is read along: one that is broken or cut off is ERR_REMOTE. Abandoned or failed, what was unpacked so far stays. `docker`
 * is borrowed until it is freed. NULL: no thread could be started.
 */
struct sink *container_unpack(struct docker *docker, const char *id, const char *directory, const struct call *call,
                              struct err *err) MUST_USE;

/* ---- images, networks, volumes ---- */

struct image {
    char *id;
    char *digest;    /* "repo@sha256:...", NULL when it came from no registry */
    char *user;      /* Config.User */
    json_t *env;     /* array of "K=v" that its containers begin with */
    json_t *command; /* array: entrypoint and arguments where a container gives none */
};
void image_release(struct image *image);
bool image_inspect(struct docker *docker, const char *reference, const struct call *call, struct image *ret,
                   struct err *err) MUST_USE;
struct image_credentials {
    const char *server, *username, *password;
};
/* `credentials` may be NULL. Progress lines go to `progress` (may be NULL). ERR_NOT_FOUND: the registry says so; ERR_UNREACHABLE: no registry answers. */
bool image_pull(struct docker *docker, const char *reference, const struct image_credentials *credentials,
                void (*progress)(void *context, const char *line), void *context, const struct call *call,
                struct err *err) MUST_USE;
/* Reads a small file of an image without starting it (a created container, removed afterwards); e.g. /etc/passwd. */
bool image_read_file(struct docker *docker, const char *reference, const char *path, size_t limit, const json_t *labels,
                     const struct call *call, struct str *ret, struct err *err) MUST_USE;

struct network {
    char *id, *name, *subnet, *gateway;
    json_t *labels;
    json_t *containers; /* {"<container id>": "<address>"} ; only after inspect */
};
void network_release(struct network *network);
struct networks {
    struct network *items;
    size_t count;
};
void networks_release(struct networks *networks);
bool network_list(struct docker *docker, const char *label, const struct call *call, struct networks *ret,
                  struct err *err) MUST_USE;
bool network_inspect(struct docker *docker, const char *name, const struct call *call, struct network *ret,
                     struct err *err) MUST_USE;
/*
 * A bridge with that subnet. An overlap with another network is ERR_CONFLICT, a taken name ERR_EXISTS. Names are not unique in Docker:
 * CheckDuplicate is asked for.
 */
bool network_create(struct docker *docker, const char *name, const char *subnet, const json_t *labels,
                    const struct call *call, struct err *err) MUST_USE;
/* Somebody is on it: ERR_CONFLICT. */
bool network_remove(struct docker *docker, const char *name, const struct call *call, struct err *err) MUST_USE;
/* On it already: ERR_EXISTS. Not on it: ERR_NOT_FOUND. */
bool network_connect(struct docker *docker, const char *network, const char *container, const struct call *call,
                     struct err *err) MUST_USE;
bool network_disconnect(struct docker *docker, const char *network, const char *container, const struct call *call,
                        struct err *err) MUST_USE;

struct volume {
    char *name;
    json_t *labels;
    int64_t created_ms;
};
void volume_release(struct volume *volume);
struct volumes {
    struct volume *items;
    size_t count;
};
void volumes_release(struct volumes *volumes);
bool volume_list(struct docker *docker, const char *label, const struct call *call, struct volumes *ret,
                 struct err *err) MUST_USE;
bool volume_inspect(struct docker *docker, const char *name, const struct call *call, struct volume *ret,
                    struct err *err) MUST_USE;
/* Succeeds when there is one that carries all of `labels`; ERR_EXISTS when there is one that does not (the engine would say "created"). */
bool volume_create(struct docker *docker, const char *name, const json_t *labels, const struct call *call,
                   struct err *err) MUST_USE;
/* In use: ERR_CONFLICT. */
bool volume_remove(struct docker *docker, const char *name, const struct call *call, struct err *err) MUST_USE;
/* Bytes used by every volume, {"name": bytes}; the engine walks the trees, so seldom. ERR_CONFLICT while it does so for another. */
bool volume_sizes(struct docker *docker, const struct call *call, json_t **ret, struct err *err) MUST_USE;

/* ---- events ---- */

struct docker_event {
    char *type;   /* container, network, volume, image */
    char *action; /* die, start, destroy, update, ... */
    char *id;
    json_t *attributes; /* labels of the container, name, exitCode ... */
    int64_t time_ms;
};
void docker_event_release(struct docker_event *event);
bool docker_event_from_json(const json_t *line, struct docker_event *ret, struct err *err) MUST_USE;
/*
 * Path (with filter; owned) and target for the loop's own streams; the target's strings live as long as `docker`. One JSON object per line.
 * With a label only events of containers come: those of networks and volumes carry no labels, so the filter drops them (tried). Hence the
 * other one: of every network on the host, that a container was disconnected (attribute "container" is its id) or that it is gone ("name").
 */
struct http_target;
void docker_event_source(struct docker *docker, const char *label, struct http_target *ret_target, char **ret_path);
void docker_network_event_source(struct docker *docker, struct http_target *ret_target, char **ret_path);
