/* Labels of simulated things, and which containers have one: a fleet asks for its own containers far too often to walk through all. */
#include "tests/sim/engine.h"

json_t *sim_labels(const json_t *labels)
{
    return labels ? json_deep_copy(labels) : json_object();
}

bool sim_has_label(const json_t *labels, const char *key_and_value)
{
    if (!key_and_value)
        return true;
    CLEANUP(freep) char *key = mem_strndup(key_and_value, strcspn(key_and_value, "="));
    const char *value = strchr(key_and_value, '=');
    const char *has = json_text(labels, key);
    return has && (!value || str_equal(has, value + 1));
}

/* "key=value" -> the containers with it; and "key", as a filter may name that alone. */
static void add(struct map *labelled, const char *label, struct sim_container *container)
{
    struct map *containers = map_get(labelled, label);
    if (!containers)
        map_put(labelled, label, containers = map_new(NULL));
    map_put(containers, container->seen.id, container);
}

void sim_labelled_add(struct map *labelled, struct sim_container *container)
{
    const char *key;
    json_t *value;
    json_object_foreach (container->seen.labels, key, value) {
        CLEANUP(freep) char *label = mem_printf("%s=%s", key, json_string_value(value));
        add(labelled, label, container);
        add(labelled, key, container);
    }
}

static void remove_one(struct map *labelled, const char *label, const struct sim_container *container)
{
    struct map *containers = map_get(labelled, label);
    if (containers && map_remove(containers, container->seen.id) && !map_count(containers))
        map_remove(labelled, label);
}

void sim_labelled_remove(struct map *labelled, const struct sim_container *container)
{
    const char *key;
    json_t *value;
    json_object_foreach (container->seen.labels, key, value) {
        CLEANUP(freep) char *label = mem_printf("%s=%s", key, json_string_value(value));
        remove_one(labelled, label, container);
        remove_one(labelled, key, container);
    }
}

void sim_labelled_free(void *containers)
{
    map_free(containers);
}
