/* Images: inspect, pull, and a look into one. */
#include "clients/docker/docker_internal.h"

#define PROGRESS_LINE_LIMIT ((size_t)1 << 20)
#define REMOVE_MS           (30 * SECOND_MS)

void image_release(struct image *image)
{
    free(image->id);
    free(image->digest);
    free(image->user);
    json_decref(image->env);
    json_decref(image->command);
    *image = (struct image){ 0 };
}

static json_t *array_or_empty(const json_t *value)
{
    return json_is_array(value) ? json_deep_copy(value) : json_array();
}

bool image_inspect(struct docker *docker, const char *reference, const struct call *call, struct image *ret,
                   struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(json_decrefp) json_t *reply = NULL;
    struct image image = { 0 };
    docker_path(&path, "images", reference, "/json");
    if (!docker_get(docker, path.text, call, &reply, err) || !json_copy_string(reply, "Id", &image.id, err))
        return err_wrap(err, "inspect image %s", reference);
    const json_t *config = json_at(reply, "Config", NULL);
    const char *user = json_text(config, "User");
    image.digest = mem_strdup(json_string_value(json_array_get(json_at(reply, "RepoDigests", NULL), 0)));
    image.user = mem_strdup(user ? user : "");
    image.env = array_or_empty(json_at(config, "Env", NULL));
    image.command = array_or_empty(json_at(config, "Entrypoint", NULL));
    CLEANUP(json_decrefp) json_t *arguments = array_or_empty(json_at(config, "Cmd", NULL));
    json_array_extend(image.command, arguments);
    *ret = image;
    return true;
}

/* ---- pull ---- */

struct pull {
    struct str line;
    void (*progress)(void *context, const char *line);
    void *context;
};

/* {"status": "Pulling fs layer", "id": "a1b2"} or {"errorDetail": {"message": "..."}, "error": "..."} */
static bool pull_line(const struct pull *pull, const char *line, size_t len, struct err *err)
{
    CLEANUP(json_decrefp) json_t *value = NULL;
    if (!json_parse_answer(line, len, &value, err))
        return false;
    const char *problem = json_string_value(json_at(value, "errorDetail", "message", NULL));
    if (!problem)
        problem = json_text(value, "error");
    if (problem)
        return docker_set_stream_error(err, problem);
    const char *id = json_text(value, "id");
    const char *status = json_text(value, "status");
    if (!pull->progress || !status)
        return true;
    CLEANUP(str_release) struct str text = STR_INIT;
    str_addf(&text, "%s%s%s", id ? id : "", id ? ": " : "", status);
    if (json_text(value, "progress"))
        str_addf(&text, " %s", json_text(value, "progress"));
    pull->progress(pull->context, text.text);
    return true;
}

static bool pull_take(void *context, const char *bytes, size_t len, struct err *err)
{
    struct pull *pull = context;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\n' && bytes[i] != '\r')
            str_addc(&pull->line, bytes[i]);
        if (pull->line.len > PROGRESS_LINE_LIMIT)
            return err_set(err, ERR_INTERNAL, "a progress line is longer than %zu bytes", PROGRESS_LINE_LIMIT);
        if (bytes[i] != '\n' || pull->line.len == 0)
            continue;
        if (!pull_line(pull, pull->line.text, pull->line.len, err))
            return false;
        str_clear(&pull->line);
    }
    return true;
}

/* "host:5000/name:tag" and "name@sha256:..." into name and tag. Without a tag the engine would pull all of them. */
static void split_reference(const char *reference, char **ret_name, char **ret_tag)
{
    const char *at_sign = strchr(reference, '@');
    const char *slash = strrchr(reference, '/');
    const char *colon = strrchr(reference, ':');
    const char *split = at_sign ? at_sign : colon && (!slash || colon > slash) ? colon : NULL;
    *ret_name = split ? mem_strndup(reference, (size_t)(split - reference)) : mem_strdup(reference);
    *ret_tag = mem_strdup(split ? split + 1 : "latest");
}

static void wipe_and_release(struct str *secret)
{
    mem_wipe(secret->text, secret->len);
    str_release(secret);
}

/* Docker wants base64 in the alphabet for URLs. */
static void add_auth_header(struct str *header, const struct image_credentials *credentials)
{
    CLEANUP(json_decrefp) json_t *auth = json_object();
    json_put_text(auth, "username", credentials->username);
    json_put_text(auth, "password", credentials->password);
    json_put_text(auth, "serveraddress", credentials->server);
    char *text = json_dump(auth);
    str_add(header, "X-Registry-Auth: ");
    size_t begin = header->len;
    str_add_base64(header, text, strlen(text));
    for (char *at = header->text + begin; *at; at++)
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    mem_wipe(text, strlen(text));
    free(text);
}

static bool pull(struct docker *docker, const char *reference, const char *auth_header, struct pull *pull_state,
                 const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    CLEANUP(freep) char *name = NULL;
    CLEANUP(freep) char *tag = NULL;
    split_reference(reference, &name, &tag);
    str_add(&path, "/images/create?fromImage=");
    str_add_url_segment(&path, name);
    str_add(&path, "&tag=");
    str_add_url_segment(&path, tag);
    const struct docker_request request = {
        .method = "POST",
        .path = path.text,
        .sink = pull_take,
        .sink_context = pull_state,
        .header = auth_header,
    };
    if (!docker_send(docker, &request, call, NULL, err))
        return false;
    return pull_state->line.len == 0 || pull_line(pull_state, pull_state->line.text, pull_state->line.len, err);
}

bool image_pull(struct docker *docker, const char *reference, const struct image_credentials *credentials,
                void (*progress)(void *context, const char *line), void *context, const struct call *call,
                struct err *err)
{
    CLEANUP(wipe_and_release) struct str auth = STR_INIT;
    struct pull state = { .line = STR_INIT, .progress = progress, .context = context };
    if (credentials)
        add_auth_header(&auth, credentials);
    bool done = pull(docker, reference, credentials ? auth.text : NULL, &state, call, err);
    str_release(&state.line);
    return done || err_wrap(err, "pull image %s", reference);
}

/* ---- a look inside ---- */

bool image_read_file(struct docker *docker, const char *reference, const char *path, size_t limit, const json_t *labels,
                     const struct call *call, struct str *ret, struct err *err)
{
    CLEANUP(freep) char *id = NULL;
    CLEANUP(err_release) struct err leftover = ERR_INIT;
    static const char *const never_run[] = { "never-run", NULL }; /* the engine insists on a command */
    const struct container_create create = { .image = reference, .command = never_run, .labels = labels };
    struct container_file_seen seen = { .bytes = STR_INIT };
    struct call within = docker_call(docker, call, 0);
    if (!container_create(docker, &create, &within, &id, err))
        return err_wrap(err, "read %s in image %s", path, reference);
    bool done = container_read_file(docker, id, path, limit, &within, &seen, err);
    /* The container goes also when the call was cancelled or is over. */
    struct call removal = call_afterwards(call, REMOVE_MS);
    if (!container_remove(docker, id, &removal, &leftover) && done) {
        done = false;
        if (err)
            err_move(err, &leftover);
    }
    if (done)
        str_move(ret, &seen.bytes);
    str_release(&seen.bytes);
    return done || err_wrap(err, "read %s in image %s", path, reference);
}
