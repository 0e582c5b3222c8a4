/* Readers of what the engine's JSON has everywhere. Pure. */
#include "clients/docker/docker_internal.h"

int64_t docker_time_ms(const char *text)
{
    int64_t wall_ms = 0;
    return text && time_from_rfc3339(text, &wall_ms) && wall_ms > 0 ? wall_ms : 0;
}

json_t *docker_object(const json_t *value)
{
    json_t *copy = json_is_object(value) ? json_deep_copy(value) : json_object();
    if (!copy)
        abort();
    return copy;
}
