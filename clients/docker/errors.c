/* What the engine's refusals mean: the one table from its statuses and messages to our error codes. */
#include "clients/docker/docker_internal.h"

#define MESSAGE_SHOWN 1000

/*
 * The first row that fits counts. `part` (NULL: any) is looked for in the message, as several refusals share a status; it has a blank or a
 * sign that no name of an object can have, because messages quote names. Status 0 fits all. Seen with 20.10 unless said otherwise.
 */
static const struct {
    int status;
    const char *part;
    enum err_code code;
} meanings[] = {
    { 0, "no space left on device", ERR_DISK_FULL },
    { 400, "client version ", ERR_REMOTE }, /* another engine than the one we negotiated with */
    { 404, "page not found", ERR_REMOTE },  /* the route is missing, which says nothing about the object */
    { 403, "Pool overlaps with other one", ERR_CONFLICT },
    { 403, "has active endpoints", ERR_CONFLICT },
    { 403, "already exists in network", ERR_EXISTS },
    { 409, "network with name", ERR_EXISTS },
    { 0, "is not connected to", ERR_NOT_FOUND }, /* disconnect */
    { 500, "is not paused", ERR_CONFLICT },
    { 500, "port is already allocated", ERR_CONFLICT },
    { 500, "address already in use", ERR_CONFLICT },
    { 500, "unable to set memory limit", ERR_INVALID },                     /* runc: below present use */
    { 500, "memory.limit_in_bytes: device or resource busy", ERR_INVALID }, /* the same from a runc before 1.0 */
    { 500, "memory.memsw.limit_in_bytes: device or resource busy", ERR_INVALID },
    { 500, "manifest unknown", ERR_NOT_FOUND }, /* from here on: what registries say through the engine */
    { 500, "pull access denied", ERR_NOT_FOUND },
    { 500, "unauthorized: ", ERR_UNAUTHORIZED },
    { 500, "no basic auth credentials", ERR_UNAUTHORIZED },
    { 500, "toomanyrequests: ", ERR_TOO_MANY },
    { 500, "dial tcp", ERR_UNREACHABLE },
    { 500, "TLS handshake timeout", ERR_UNREACHABLE },
    { 500, "Client.Timeout exceeded", ERR_UNREACHABLE },
    { 400, NULL, ERR_INVALID },
    { 401, NULL, ERR_UNAUTHORIZED },
    { 403, NULL, ERR_FORBIDDEN },
    { 404, NULL, ERR_NOT_FOUND },
    { 409, NULL, ERR_CONFLICT },
    { 429, NULL, ERR_TOO_MANY },
    { 0, NULL, ERR_REMOTE },
};

static enum err_code code_of(int status, const char *message)
{
    size_t i = 0;
    while ((meanings[i].status != 0 && meanings[i].status != status) ||
           (meanings[i].part && !strstr(message, meanings[i].part)))
        i++; /* the last row fits all */
    return meanings[i].code;
}

static bool set_error(struct err *err, int status, const char *message)
{
    return err_set(err, code_of(status, message), "%.*s", MESSAGE_SHOWN, message);
}

bool docker_set_stream_error(struct err *err, const char *message)
{
    return set_error(err, 500, message); /* it would have been that, had the stream not begun with 200 */
}

bool docker_set_error(struct err *err, int status, const char *body, size_t len)
{
    CLEANUP(json_decrefp) json_t *reply = NULL;
    const char *message = json_parse_answer(body, len, &reply, NULL) ? json_text(reply, "message") : NULL;
    /* Not in the engine's form: somebody in between has answered, and a 404 of theirs does not mean that the object is gone. */
    if (!message)
        return err_set(err, ERR_REMOTE, "HTTP status %d without a message of the Docker engine", status);
    return set_error(err, status, message);
}
