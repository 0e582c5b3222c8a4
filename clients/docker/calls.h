/* Every call that this client makes to an engine, by name: for metrics, and for tests that walk them all. */
#pragma once

#include <stddef.h>

struct docker_known_call {
    const char *name;
    const char *method;
    const char *path; /* without version and query; a segment * is a name or id */
};
extern const struct docker_known_call docker_known_calls[]; /* ends with a NULL name */
/* "container-create"; "other" for what the table does not have. Pure. */
const char *docker_call_name(const char *method, const char *path);
