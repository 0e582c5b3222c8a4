/* What one line of the engine's event stream says. Pure. */
#include "clients/docker/docker_internal.h"

void docker_event_release(struct docker_event *event)
{
    free(event->type);
    free(event->action);
    free(event->id);
    json_decref(event->attributes);
    *event = (struct docker_event){ 0 };
}

bool docker_event_from_json(const json_t *line, struct docker_event *ret, struct err *err)
{
    CLEANUP(docker_event_release) struct docker_event event = { 0 };
    const json_t *actor = json_at(line, "Actor", NULL);
    if (!json_copy_string(line, "Type", &event.type, err) || !json_copy_string(line, "Action", &event.action, err) ||
        !json_copy_string(actor, "ID", &event.id, err))
        return err_wrap(err, "read an event");
    event.attributes = docker_object(json_at(actor, "Attributes", NULL));
    event.time_ms = json_int(line, "timeNano", 0) / 1000000;
    if (event.time_ms == 0)
        event.time_ms = json_int(line, "time", 0) * SECOND_MS;
    *ret = event;
    event = (struct docker_event){ 0 };
    return true;
}
