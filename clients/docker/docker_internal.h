/* What the files of clients/docker/ share: one call to the engine, its path, and readers of its JSON. */
#pragma once

#include "clients/docker/docker.h"
#include "clients/http/http.h"

struct docker {
    char *unix_socket; /* NULL: TCP */
    char *base_url;    /* without the API version */
    char *ca_file, *cert_file, *key_file;
    int64_t timeout_ms;
    struct http *http;
    char *api; /* "1.41"; NULL until the engine was asked */
};
struct http_target docker_target(const struct docker *docker); /* borrowed from `docker` */
struct docker *docker_clone(const struct docker *docker);      /* a second connection to the same engine */

struct docker_request {
    const char *method;
    const char *path; /* behind the version: "/containers/json?all=1", already encoded */
    const json_t *body;
    http_sink_fn *sink; /* of a successful answer */
    void *sink_context;
    http_source_fn *source; /* a tar stream */
    void *source_context;
    const char *header; /* one more, may be NULL */
};
/* True: the engine did it (2xx), or it was so already (304). `ret_reply` may be NULL: the answer is not looked at. */
bool docker_send(struct docker *docker, const struct docker_request *request, const struct call *call,
                 json_t **ret_reply, struct err *err) MUST_USE;
bool docker_get(struct docker *docker, const char *path, const struct call *call, json_t **ret_reply,
                struct err *err) MUST_USE;
bool docker_post(struct docker *docker, const char *path, const json_t *body, const struct call *call,
                 struct err *err) MUST_USE;
bool docker_delete(struct docker *docker, const char *path, const struct call *call, struct err *err) MUST_USE;
/*
 * docker_post() of what makes an object. Once sent, no cancel breaks it off: the engine would go on without us, and make
 * the object after the next attempt, which may be the deletion's, has looked for it.
 */
bool docker_create(struct docker *docker, const char *path, const json_t *body, const struct call *call,
                   json_t **ret_reply, struct err *err) MUST_USE;

/* Raises what an answer of `status` with this body means. Always false. Pure. */
bool docker_set_error(struct err *err, int status, const char *body, size_t len);
/* The same for a message without a status of its own, as in the stream of a pull. Always false. */
bool docker_set_stream_error(struct err *err, const char *message);

/* "/<kind>/<name><action>", the name encoded. */
void docker_path(struct str *path, const char *kind, const char *name, const char *action);
/* "filters={"label":["..."]}", encoded; `label` NULL: every object. */
void docker_add_label_filter(struct str *path, const char *label);
/* The call itself; where it has no deadline, with the handle's default time plus `more_ms`. */
struct call docker_call(const struct docker *docker, const struct call *call, int64_t more_ms);

/* Docker's times; the year 1 (never) and what cannot be read are 0. */
int64_t docker_time_ms(const char *text);
/* A copy of an object member that is an object, or an empty object. Never NULL; a new reference. */
json_t *docker_object(const json_t *value);

/* Gives a directory that exists the mode and owner of `wanted`. */
struct tar_entry;
bool archive_set_directory(struct docker *docker, const char *id, const char *path, const struct tar_entry *wanted,
                           const struct call *call, struct err *err) MUST_USE;
