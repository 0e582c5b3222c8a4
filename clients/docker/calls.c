/* The table of calls to an engine; see calls.h. */
#include "clients/docker/calls.h"

#include "base/str.h"

const struct docker_known_call docker_known_calls[] = {
    { "version", "GET", "/version" },
    { "info", "GET", "/info" },
    { "sizes", "GET", "/system/df" },
    { "events", "GET", "/events" },
    { "container-list", "GET", "/containers/json" },
    { "container-create", "POST", "/containers/create" },
    { "container-inspect", "GET", "/containers/*/json" },
    { "container-start", "POST", "/containers/*/start" },
    { "container-stop", "POST", "/containers/*/stop" },
    { "container-restart", "POST", "/containers/*/restart" },
    { "container-unpause", "POST", "/containers/*/unpause" },
    { "container-update", "POST", "/containers/*/update" },
    { "container-wait", "POST", "/containers/*/wait" },
    { "container-stats", "GET", "/containers/*/stats" },
    { "container-logs", "GET", "/containers/*/logs" },
    { "container-remove", "DELETE", "/containers/*" },
    { "archive-read", "GET", "/containers/*/archive" },
    { "archive-write", "PUT", "/containers/*/archive" },
    { "image-inspect", "GET", "/images/*/json" },
    { "image-pull", "POST", "/images/create" },
    { "network-list", "GET", "/networks" },
    { "network-inspect", "GET", "/networks/*" },
    { "network-create", "POST", "/networks/create" },
    { "network-connect", "POST", "/networks/*/connect" },
    { "network-disconnect", "POST", "/networks/*/disconnect" },
    { "network-remove", "DELETE", "/networks/*" },
    { "volume-list", "GET", "/volumes" },
    { "volume-inspect", "GET", "/volumes/*" },
    { "volume-create", "POST", "/volumes/create" },
    { "volume-remove", "DELETE", "/volumes/*" },
    { NULL },
};

static bool path_is(const char *pattern, const char *path)
{
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            size_t len = strcspn(path, "/?");
            if (len == 0)
                return false;
            path += len;
        } else if (*path++ != *pattern) {
            return false;
        }
    }
    return *path == '\0' || *path == '?';
}

const char *docker_call_name(const char *method, const char *path)
{
    for (const struct docker_known_call *call = docker_known_calls; call->name; call++)
        if (str_equal(call->method, method) && path_is(call->path, path))
            return call->name;
    return "other";
}
