/* Looking into records. */
#include "cli/objects.h"

#include <ctype.h>

const json_t *object_condition(const json_t *object, const char *type)
{
    const json_t *conditions = json_at(object, "status", "conditions", NULL);
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const json_t *condition = json_array_get(conditions, i);
        if (str_equal(json_text(condition, "type"), type))
            return condition;
    }
    return NULL;
}

int64_t object_generation(const json_t *object)
{
    return json_int(json_object_get(object, "metadata"), "generation", 0);
}

bool object_is_ready(const json_t *object)
{
    const json_t *ready = object_condition(object, "Ready");
    int64_t observed = json_int(json_object_get(object, "status"), "observedGeneration", 0);
    observed = json_int(ready, "observedGeneration", observed);
    return str_equal(json_text(ready, "status"), "True") && observed >= object_generation(object);
}

bool object_is_being_deleted(const json_t *object)
{
    return object_meta(object, "deletionTimestamp")[0] != '\0';
}

const char *object_meta(const json_t *object, const char *key)
{
    const char *text = json_text(json_object_get(object, "metadata"), key);
    return text ? text : "";
}

const char *object_annotation(const json_t *object, const char *key)
{
    return json_text(json_at(object, "metadata", "annotations", NULL), key);
}

bool object_target(const json_t *object, struct targets *ret)
{
    const char *kind_name = json_text(object, "kind");
    const struct kind *kind = kind_name ? kind_by_name(kind_name) : NULL;
    if (!kind)
        return false;
    const char *namespace = object_meta(object, "namespace");
    targets_add(ret, kind, namespace[0] ? namespace : NULL, object_meta(object, "name"));
    return true;
}

json_t *object_user_annotations(const json_t *object)
{
    const json_t *annotations = json_at(object, "metadata", "annotations", NULL);
    json_t *copy = json_is_object(annotations) ? json_deep_copy(annotations) : json_object();
    json_object_del(copy, ANNOTATION_LAST_APPLIED);
    return copy;
}

char *age_of(const char *time, int64_t now_ms)
{
    int64_t at_ms;
    if (!time || !time_from_rfc3339(time, &at_ms))
        return mem_strdup("");
    return time_age(now_ms > at_ms ? now_ms - at_ms : 0);
}

char *object_upper(const char *text)
{
    char *upper = mem_strdup(text);
    for (char *at = upper; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    return upper;
}

void object_add_query(struct str *query, const char *key, const char *value)
{
    str_addf(query, "%s%s=", query->len > 0 ? "&" : "", key);
    str_add_url_segment(query, value);
}
