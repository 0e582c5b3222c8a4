/* The views of the API: record kinds, namespaces, events. */
#include "api/view.h"

#include <ctype.h>

static const char *const record_field_labels[] = { "metadata.name", "metadata.namespace", "status.phase", NULL };
static const char *const instance_field_labels[] = { "metadata.name", "metadata.namespace", "status.phase", "spec.app",
                                                     NULL };

struct view view_of_kind(const struct kind *kind)
{
    return (struct view){
        .kind = kind->name,
        .plural = kind->plural,
        .api_version = API_VERSION,
        .group = API_GROUP,
        .record_kind = kind,
        .is_namespaced = kind->namespaced,
        .field_labels = kind->id == KIND_INSTANCE ? instance_field_labels : record_field_labels,
        .columns = kind->columns,
    };
}

json_t *view_project(const struct view *view, json_t *object)
{
    return view->project ? view->project(object) : json_incref(object);
}

/* ---- namespaces: tenants, seen as kubectl wants to see them ---- */

static json_t *project_namespace(const json_t *tenant)
{
    static const char *const kept[] = { "name",  "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp",
                                        "labels" };
    json_t *metadata = json_object();
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        json_t *value = json_at(tenant, "metadata", kept[i], NULL);
        if (value)
            json_put(metadata, kept[i], json_deep_copy(value));
    }
    json_t *status = json_object();
    bool is_going = json_object_get(metadata, "deletionTimestamp") != NULL;
    json_put_text(status, "phase", is_going ? "Terminating" : "Active");
    json_t *object = json_object();
    json_put_text(object, "kind", "Namespace");
    json_put_text(object, "apiVersion", "v1");
    json_put(object, "metadata", metadata);
    json_put(object, "spec", json_object());
    json_put(object, "status", status);
    return object;
}

static const struct column namespace_columns[] = {
    { .name = "Status",
      .type = "string",
      .path = "status.phase",
      .doc = "Active, or Terminating while it is deleted." },
    { .name = NULL },
};

const struct view namespace_view = {
    .kind = "Namespace",
    .plural = "namespaces",
    .api_version = "v1",
    .group = "",
    .record_kind = &kinds[KIND_TENANT],
    .field_labels = record_field_labels,
    .project = project_namespace,
    .columns = namespace_columns,
};

/* ---- events ---- */

static const char *const event_field_labels[] = {
    "metadata.name",
    "metadata.namespace",
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "type",
    "reportingComponent",
    NULL,
};

/* As kubectl prints it: "instance/erp". */
static char *event_cell(const struct column *column, const json_t *object, int64_t now_ms)
{
    (void)column; /* the only one without a path */
    (void)now_ms;
    const json_t *about = json_object_get(object, "involvedObject");
    const char *kind = json_text(about, "kind");
    const char *name = json_text(about, "name");
    char *text = mem_printf("%s/%s", kind ? kind : "", name ? name : "");
    for (char *at = text; *at && *at != '/'; at++)
        *at = (char)tolower((unsigned char)*at);
    return text;
}

static const struct column event_columns[] = {
    { .name = "Last Seen", .type = "date", .path = "lastTimestamp", .doc = "How long ago it was last seen." },
    { .name = "Type", .type = "string", .path = "type", .doc = "Normal or Warning." },
    { .name = "Reason", .type = "string", .path = "reason", .doc = "What happened, in one word." },
    { .name = "Object", .type = "string", .doc = "What it is about." },
    { .name = "Message", .type = "string", .path = "message", .doc = "What happened, in a sentence." },
    { .name = "First Seen",
      .type = "date",
      .path = "firstTimestamp",
      .priority = 1,
      .doc = "How long ago it was first seen." },
    { .name = "Count", .type = "string", .path = "count", .priority = 1, .doc = "How often it was seen." },
    { .name = "Name", .type = "string", .path = "metadata.name", .priority = 1, .doc = "The event's own name." },
    { .name = NULL },
};

const struct view event_view = {
    .kind = "Event",
    .plural = "events",
    .api_version = "v1",
    .group = "",
    .is_namespaced = true,
    .field_labels = event_field_labels,
    .columns = event_columns,
    .columns_are_all = true,
    .cell = event_cell,
};
