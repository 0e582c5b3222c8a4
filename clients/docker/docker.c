/* The connection to an engine: where it is, which version of the API the two of us speak, and how one call is made. */
#include "base/metrics.h"
#include "clients/docker/calls.h"
#include "clients/docker/docker_internal.h"

#define DEFAULT_SOCKET     "unix:///var/run/docker.sock"
#define DEFAULT_TIMEOUT_MS (30 * SECOND_MS)

static const struct metric requests_total = {
    .name = "tenantd_docker_requests_total",
    .help = "Calls to the Docker engine, by name and HTTP status; 0: no answer.",
    .type = METRIC_COUNTER,
    .labels = { "call", "status" },
};

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static bool use_certificates(struct docker *docker, const char *configured, struct err *err)
{
    const char *directory = configured;
    if (!directory && from_environment("DOCKER_TLS_VERIFY")) {
        directory = from_environment("DOCKER_CERT_PATH");
        if (!directory)
            return err_set(err, ERR_INVALID, "DOCKER_TLS_VERIFY is set, DOCKER_CERT_PATH is not");
    }
    if (!directory)
        return true;
    docker->ca_file = mem_printf("%s/ca.pem", directory);
    docker->cert_file = mem_printf("%s/cert.pem", directory);
    docker->key_file = mem_printf("%s/key.pem", directory);
    return true;
}

static bool use_tcp(struct docker *docker, const char *host, const char *address, struct err *err)
{
    const char *colon = strrchr(address, ':');
    const char *bracket = strrchr(address, ']'); /* of an IPv6 address, which has colons of its own */
    int64_t port = docker->ca_file ? 2376 : 2375;
    bool has_port = colon && (!bracket || colon > bracket);
    if (has_port && !str_parse_int64(colon + 1, 1, 65535, &port))
        return err_set(err, ERR_INVALID, "Docker host %s has no usable port", host);
    CLEANUP(freep) char *name = mem_strndup(address, has_port ? (size_t)(colon - address) : strlen(address));
    if (!name[0] || strpbrk(name, "/@?#"))
        return err_set(err, ERR_INVALID, "Docker host %s is not tcp://host:port", host);
    docker->base_url = mem_printf("%s://%s:%d", docker->ca_file ? "https" : "http", name, (int)port);
    return true;
}

static bool use_host(struct docker *docker, const struct docker_options *options, struct err *err)
{
    const char *host = options->host ? options->host : from_environment("DOCKER_HOST");
    if (!host)
        host = DEFAULT_SOCKET;
    if (str_starts_with(host, "unix://")) {
        docker->unix_socket = mem_strdup(host + strlen("unix://"));
        docker->base_url = mem_strdup("http://docker");
        return docker->unix_socket[0] == '/' ||
               err_set(err, ERR_INVALID, "Docker host %s is not unix:///path/of/socket", host);
    }
    if (!str_starts_with(host, "tcp://"))
        return err_set(err, ERR_INVALID, "Docker host %s begins with neither unix:// nor tcp://", host);
    return use_certificates(docker, options->cert_path, err) && use_tcp(docker, host, host + strlen("tcp://"), err);
}

struct http_target docker_target(const struct docker *docker)
{
    return (struct http_target){
        .base_url = docker->base_url,
        .unix_socket = docker->unix_socket,
        .ca_file = docker->ca_file,
        .cert_file = docker->cert_file,
        .key_file = docker->key_file,
    };
}

bool docker_open(const struct docker_options *options, struct docker **ret_docker, struct err *err)
{
    CLEANUP(docker_freep) struct docker *docker = MEM_NEW(struct docker);
    docker->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    if (!use_host(docker, options, err))
        return false;
    struct http_target target = docker_target(docker);
    docker->http = http_new(&target);
    *ret_docker = STEAL(docker);
    return true;
}

struct docker *docker_clone(const struct docker *docker)
{
    struct docker *clone = MEM_NEW(struct docker);
    clone->unix_socket = mem_strdup(docker->unix_socket);
    clone->base_url = mem_strdup(docker->base_url);
    clone->ca_file = mem_strdup(docker->ca_file);
    clone->cert_file = mem_strdup(docker->cert_file);
    clone->key_file = mem_strdup(docker->key_file);
    clone->timeout_ms = docker->timeout_ms;
    clone->api = mem_strdup(docker->api);
    struct http_target target = docker_target(clone);
    clone->http = http_new(&target);
    return clone;
}

void docker_free(struct docker *docker)
{
    if (!docker)
        return;
    http_free(docker->http);
    free(docker->unix_socket);
    free(docker->base_url);
    free(docker->ca_file);
    free(docker->cert_file);
    free(docker->key_file);
    free(docker->api);
    free(docker);
}

void docker_freep(struct docker **docker)
{
    docker_free(*docker);
    *docker = NULL;
}

bool docker_is_local(const struct docker *docker)
{
    return docker->unix_socket != NULL;
}

struct call docker_call(const struct docker *docker, const struct call *call, int64_t more_ms)
{
    /* A flag alone is no deadline: an engine that hangs must not hold whoever asks it. */
    return call && call->deadline_mono_ms ? *call : call_within(call, docker->timeout_ms + more_ms);
}

void docker_path(struct str *path, const char *kind, const char *name, const char *action)
{
    str_addf(path, "/%s/", kind);
    str_add_url_segment(path, name);
    str_add(path, action);
}

void docker_add_label_filter(struct str *path, const char *label)
{
    CLEANUP(json_decrefp) json_t *filters = json_object();
    if (label) {
        json_t *labels = json_array();
        json_push(labels, json_from_text(label));
        json_put(filters, "label", labels);
    }
    CLEANUP(freep) char *text = json_dump(filters);
    str_add(path, "filters=");
    str_add_url_segment(path, text);
}

/* ---- calls ---- */

/* `path` is request->path behind the version, or one that needs none. */
static bool exchange(struct docker *docker, const struct docker_request *request, const char *path,
                     const struct call *call, struct http_reply *ret_reply, struct err *err)
{
    CLEANUP(freep) char *body = request->body ? json_dump(request->body) : NULL;
    const char *known = request->path ? request->path : path;
    const char *const headers[] = { request->header, NULL };
    const struct http_request http_request = {
        .method = request->method,
        .path = path,
        .content_type = body              ? "application/json"
                        : request->source ? "application/x-tar"
                                          : NULL,
        .body = body,
        .body_len = body ? strlen(body) : 0,
        .source = request->source,
        .source_context = request->source_context,
        .sink = request->sink,
        .sink_context = request->sink_context,
        .headers = headers,
    };
    bool answered = http_send(docker->http, &http_request, call, ret_reply, err);
    CLEANUP(freep) char *status = mem_printf("%d", answered ? ret_reply->status : 0);
    metric_add(&requests_total, 1, docker_call_name(request->method, known), status, NULL);
    return answered;
}

static bool parse_reply(const struct http_reply *reply, json_t **ret, struct err *err)
{
    return json_parse_answer(reply->body.text, reply->body.len, ret, err);
}

/* Asks without a version in the path, which every engine answers. */
static bool ask_version(struct docker *docker, const struct call *call, json_t **ret_reply, struct err *err)
{
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    CLEANUP(json_decrefp) json_t *version = NULL;
    char *api = NULL;
    const struct docker_request request = { .method = "GET" };
    if (!exchange(docker, &request, "/version", call, &reply, err))
        return err_wrap(err, "ask the Docker engine for its version");
    if (reply.status != 200) {
        docker_set_error(err, reply.status, reply.body.text, reply.body.len);
        return err_wrap(err, "ask the Docker engine for its version");
    }
    if (!parse_reply(&reply, &version, err) || !docker_negotiate(version, &api, err))
        return err_wrap(err, "ask the Docker engine for its version");
    free(docker->api);
    docker->api = api;
    *ret_reply = STEAL(version);
    return true;
}

static bool negotiate_once(struct docker *docker, const struct call *call, struct err *err)
{
    if (docker->api)
        return true;
    CLEANUP(json_decrefp) json_t *version = NULL;
    return ask_version(docker, call, &version, err);
}

static void forget_version(struct docker *docker)
{
    free(docker->api);
    docker->api = NULL;
}

bool docker_send(struct docker *docker, const struct docker_request *request, const struct call *call,
                 json_t **ret_reply, struct err *err)
{
    CLEANUP(http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    CLEANUP(str_release) struct str path = STR_INIT;
    struct call within = docker_call(docker, call, 0);
    if (!negotiate_once(docker, &within, err))
        return false;
    str_addf(&path, "/v%s%s", docker->api, request->path);
    if (!exchange(docker, request, path.text, &within, &reply, err))
        return false;
    if (reply.status / 100 != 2 && reply.status != 304) {
        /* The engine may have been replaced by another one meanwhile: the next call asks again. */
        if (reply.status == 400)
            forget_version(docker);
        return docker_set_error(err, reply.status, reply.body.text, reply.body.len);
    }
    return !ret_reply || parse_reply(&reply, ret_reply, err);
}

bool docker_get(struct docker *docker, const char *path, const struct call *call, json_t **ret_reply, struct err *err)
{
    const struct docker_request request = { .method = "GET", .path = path };
    return docker_send(docker, &request, call, ret_reply, err);
}

bool docker_post(struct docker *docker, const char *path, const json_t *body, const struct call *call, struct err *err)
{
    const struct docker_request request = { .method = "POST", .path = path, .body = body };
    return docker_send(docker, &request, call, NULL, err);
}

bool docker_delete(struct docker *docker, const char *path, const struct call *call, struct err *err)
{
    const struct docker_request request = { .method = "DELETE", .path = path };
    return docker_send(docker, &request, call, NULL, err);
}

bool docker_create(struct docker *docker, const char *path, const json_t *body, const struct call *call,
                   json_t **ret_reply, struct err *err)
{
    const struct docker_request request = { .method = "POST", .path = path, .body = body };
    struct call whole = docker_call(docker, call, 0);
    whole.cancelled = NULL;
    return call_check(call, err) && docker_send(docker, &request, &whole, ret_reply, err);
}

/* ---- the engine ---- */

void docker_version_release(struct docker_version *version)
{
    free(version->engine);
    free(version->api);
    free(version->operating_system);
    free(version->architecture);
    *version = (struct docker_version){ 0 };
}

bool docker_version(struct docker *docker, const struct call *call, struct docker_version *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *reply = NULL;
    CLEANUP(docker_version_release) struct docker_version version = { 0 };
    struct call within = docker_call(docker, call, 0);
    if (!ask_version(docker, &within, &reply, err))
        return false;
    if (!json_copy_string(reply, "Version", &version.engine, err) ||
        !json_copy_string(reply, "Os", &version.operating_system, err) ||
        !json_copy_string(reply, "Arch", &version.architecture, err))
        return err_wrap(err, "read the Docker engine's version");
    version.api = mem_strdup(docker->api);
    *ret = version;
    version = (struct docker_version){ 0 };
    return true;
}

bool docker_host(struct docker *docker, const struct call *call, struct docker_host *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *reply = NULL;
    if (!docker_get(docker, "/info", call, &reply, err))
        return err_wrap(err, "ask the Docker engine about its host");
    int64_t cpus = json_int(reply, "NCPU", 0);
    int64_t memory_bytes = json_int(reply, "MemTotal", 0);
    if (cpus <= 0 || memory_bytes <= 0)
        return err_set(err, ERR_REMOTE, "the Docker engine does not know its host's size");
    *ret = (struct docker_host){ .millicores = cpus * 1000, .memory_bytes = memory_bytes };
    return true;
}

bool docker_root(struct docker *docker, const struct call *call, char **ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *reply = NULL;
    if (!docker_get(docker, "/info", call, &reply, err))
        return err_wrap(err, "ask the Docker engine about its host");
    const char *root = json_text(reply, "DockerRootDir");
    if (!root || root[0] != '/')
        return err_set(err, ERR_REMOTE, "the Docker engine does not say where it keeps volumes");
    *ret = mem_strdup(root);
    return true;
}

/* ---- the event stream ---- */

static void begin_event_path(const struct docker *docker, struct str *path)
{
    if (docker->api)
        str_addf(path, "/v%s", docker->api);
    str_add(path, "/events?");
}

void docker_event_source(struct docker *docker, const char *label, struct http_target *ret_target, char **ret_path)
{
    struct str path = STR_INIT;
    begin_event_path(docker, &path);
    docker_add_label_filter(&path, label);
    *ret_target = docker_target(docker);
    *ret_path = str_steal(&path);
}

void docker_network_event_source(struct docker *docker, struct http_target *ret_target, char **ret_path)
{
    struct str path = STR_INIT;
    begin_event_path(docker, &path);
    str_add(&path, "filters=");
    str_add_url_segment(&path, "{\"type\":[\"network\"],\"event\":[\"disconnect\",\"destroy\"]}");
    *ret_target = docker_target(docker);
    *ret_path = str_steal(&path);
}
