/* What a client sent becomes a record: envelope, names, labels, spec; all problems are reported. */
#include "specs/check.h"
#include "specs/kind.h"
#include "specs/wording.h"

#define ANNOTATIONS_MAX_BYTES (256 * 1024)
#define LABEL_VALUE_MAX       63

/* The server's own members may stand in a body (a client sends back what it read), and say nothing. */
enum { CREATED, DELETED, GRACE, GENERATION, UID, MANAGED, SELF_LINK, IGNORED };

struct envelope {
    char *api_version;
    char *kind;
    struct envelope_metadata {
        char *name, *generate_name, *namespace, *version;
        json_t *labels, *annotations;
        struct strv finalizers;
        json_t *ignored[IGNORED];
    } metadata;
    json_t *spec;
    json_t *status;
};

static void check_version(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* there is one such field */
    const char *text = *(char *const *)value;
    int64_t version = 0;
    CLEANUP(freep) char *shown = quoted(text);
    if (*text && !str_parse_int64(text, 0, INT64_MAX, &version))
        problems_add(problems, PROBLEM_INVALID, path, "%s is not a version that this server gave out", shown);
}

#define SERVERS_OWN(field_name, index)                                                                                 \
    {                                                                                                                  \
        field_name, FIELD_JSON, offsetof(struct envelope_metadata, ignored[index]), .doc = "The server's own."         \
    }

static const struct field metadata_fields[] = {
    { "name", FIELD_TEXT, offsetof(struct envelope_metadata, name), .doc = "Name." },
    { "generateName", FIELD_TEXT, offsetof(struct envelope_metadata, generate_name),
      .doc = "Where name is absent: what the server makes one from." },
    { "namespace", FIELD_TEXT, offsetof(struct envelope_metadata, namespace), .doc = "Tenant." },
    { "resourceVersion", FIELD_TEXT, offsetof(struct envelope_metadata, version), .check = check_version },
    { "labels", FIELD_TEXT_MAP, offsetof(struct envelope_metadata, labels), .example = "{tier: \"gold\"}" },
    { "annotations", FIELD_TEXT_MAP, offsetof(struct envelope_metadata, annotations), .doc = "Notes." },
    { "finalizers", FIELD_TEXTS, offsetof(struct envelope_metadata, finalizers), .max = 20 },
    SERVERS_OWN("creationTimestamp", CREATED),
    SERVERS_OWN("deletionTimestamp", DELETED),
    SERVERS_OWN("deletionGracePeriodSeconds", GRACE),
    SERVERS_OWN("generation", GENERATION),
    SERVERS_OWN("uid", UID),
    SERVERS_OWN("managedFields", MANAGED),
    SERVERS_OWN("selfLink", SELF_LINK),
    { NULL },
};

static const struct field envelope_fields[] = {
    { "apiVersion", FIELD_TEXT, offsetof(struct envelope, api_version), FIELD_REQUIRED, .example = API_VERSION },
    { "kind", FIELD_TEXT, offsetof(struct envelope, kind), FIELD_REQUIRED, .doc = "Kind." },
    { "metadata", FIELD_OBJECT, offsetof(struct envelope, metadata), .fields = metadata_fields },
    { "spec", FIELD_JSON, offsetof(struct envelope, spec), .doc = "What is wanted." },
    { "status", FIELD_JSON, offsetof(struct envelope, status), .doc = "The server's own." },
    { NULL },
};

static void envelope_release(struct envelope *envelope)
{
    fields_release(envelope_fields, envelope);
}

static void check_type(const struct envelope *envelope, const struct kind *kind, struct problems *problems)
{
    if (envelope->api_version && envelope->api_version[0] && !str_equal(envelope->api_version, API_VERSION)) {
        CLEANUP(freep) char *shown = quoted(envelope->api_version);
        problems_add(problems, PROBLEM_INVALID, "apiVersion", "%s is not known; write " API_VERSION, shown);
    }
    if (envelope->kind && envelope->kind[0] && !str_equal(envelope->kind, kind->name)) {
        CLEANUP(freep) char *shown = quoted(envelope->kind);
        problems_add(problems, PROBLEM_INVALID, "kind", "%s stands where %s is expected", shown, kind->name);
    }
}

/* ---- names ---- */

/* What counts of the URL's and the body's text; NULL: neither has one. */
static const char *agree(const char *url, const char *body, const char *path, struct problems *problems)
{
    bool in_body = body && *body;
    if (url && in_body && !str_equal(url, body)) {
        CLEANUP(freep) char *shown = quoted(body);
        CLEANUP(freep) char *shown_url = quoted(url);
        problems_add(problems, PROBLEM_INVALID, path, "%s is not %s, as the URL says", shown, shown_url);
    }
    return url ? url : in_body ? body : NULL;
}

static void check_name(const struct kind *kind, const char *name, const char *path, struct problems *problems)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    if (!name)
        problems_add(problems, PROBLEM_REQUIRED, path, "is required");
    else if (!kind_check_name(kind, name, &err))
        problems_add(problems, PROBLEM_INVALID, path, "%s", err_message(&err));
}

static void decode_key(const struct envelope_metadata *metadata, const struct kind *kind, const char *namespace,
                       const char *name, struct record *record, struct problems *problems)
{
    static const char name_path[] = "metadata.name", namespace_path[] = "metadata.namespace";
    const char *own_name = agree(name, metadata->name, name_path, problems);
    const char *own_namespace = NULL;
    if (!problems_has_under(problems, name_path))
        check_name(kind, own_name, name_path, problems);
    if (kind->namespaced) {
        own_namespace = agree(namespace, metadata->namespace, namespace_path, problems);
        if (!problems_has_under(problems, namespace_path))
            check_name(&kinds[KIND_TENANT], own_namespace, namespace_path, problems);
    } else if (metadata->namespace && metadata->namespace[0]) {
        problems_add(problems, PROBLEM_FORBIDDEN, namespace_path, "%s records have no namespace; leave it out",
                     kind->name);
    }
    /* Too long a name has become a problem above; the key stays empty then. */
    if (!record_key_set(&record->key, kind->id, own_namespace ? own_namespace : "", own_name ? own_name : ""))
        record->key.kind = kind->id;
}

/* ---- labels, annotations, finalizers ---- */

static bool is_label_value(const char *value)
{
    CLEANUP(freep) char *as_name = mem_printf("%.*s", LABEL_VALUE_MAX + 1, value);
    return *value == '\0' || (!strchr(value, '/') && strlen(value) <= LABEL_VALUE_MAX && is_qualified_name(as_name));
}

static void complain(struct problems *problems, const char *map, const char *key, const char *text, const char *why)
{
    CLEANUP(freep) char *path = mem_printf("metadata.%s%s%s", map, key ? "." : "", key ? key : "");
    CLEANUP(freep) char *shown = quoted(text);
    problems_add(problems, PROBLEM_INVALID, path, "%s %s", shown, why);
}

static const char key_rule[] =
    "is not a key like tier or example.com/tier (letters, digits, - _ . inside; at most 63 characters)";

static void check_labels(json_t *labels, struct problems *problems)
{
    const char *key;
    json_t *value;
    json_object_foreach (labels, key, value) {
        const char *text = json_string_value(value);
        if (!is_qualified_name(key))
            complain(problems, "labels", NULL, key, key_rule);
        if (!is_label_value(text))
            complain(problems, "labels", key, text,
                     "is not a label's value; use letters, digits, - _ . inside, at most 63 characters");
    }
}

static void check_annotations(json_t *annotations, struct problems *problems)
{
    const char *key;
    json_t *value;
    size_t bytes = 0;
    json_object_foreach (annotations, key, value) {
        bytes += strlen(key) + json_string_length(value);
        if (!is_qualified_name(key))
            complain(problems, "annotations", NULL, key, key_rule);
    }
    if (bytes > ANNOTATIONS_MAX_BYTES)
        problems_add(problems, PROBLEM_INVALID, "metadata.annotations",
                     "are %zu bytes together; at most 256 KiB are kept", bytes);
}

static void check_finalizers(const struct strv *finalizers, struct problems *problems)
{
    for (size_t i = 0; i < finalizers->count; i++) {
        if (!is_qualified_name(finalizers->items[i]))
            complain(problems, "finalizers", NULL, finalizers->items[i], "is not a finalizer like example.com/cleanup");
    }
    check_unique_texts(NULL, finalizers, "metadata.finalizers", problems);
}

static void decode_metadata(struct envelope_metadata *metadata, struct record *record, struct problems *problems)
{
    check_labels(metadata->labels, problems);
    check_annotations(metadata->annotations, problems);
    check_finalizers(&metadata->finalizers, problems);
    if (metadata->labels) {
        json_decref(record->labels);
        record->labels = STEAL(metadata->labels);
    }
    if (metadata->annotations) {
        json_decref(record->annotations);
        record->annotations = STEAL(metadata->annotations);
    }
    strv_release(&record->finalizers);
    record->finalizers = metadata->finalizers;
    metadata->finalizers = (struct strv)STRV_INIT;
}

/* ---- spec ---- */

static void decode_spec(const struct kind *kind, json_t *spec_taken, struct record *record, struct problems *problems)
{
    json_decref(record->spec);
    record->spec = spec_taken ? spec_taken : json_object();
    void *spec = mem_zalloc(kind->spec_size);
    fields_decode(kind->spec_fields, record->spec, "spec", spec, problems);
    if (json_is_object(record->spec)) {
        if (kind->validate)
            kind->validate(record, spec, problems);
        fields_add_defaults(kind->spec_fields, record->spec);
    }
    fields_release(kind->spec_fields, spec);
    free(spec);
}

bool record_from_json(const json_t *document, const struct kind *kind, const char *namespace, const char *name,
                      struct record *ret_record, int64_t *ret_version, struct problems *problems)
{
    CLEANUP(envelope_release) struct envelope envelope = { 0 };
    size_t before = problems->count;
    int64_t version = 0;
    record_init(ret_record);
    fields_decode(envelope_fields, document, "", &envelope, problems);
    check_type(&envelope, kind, problems);
    decode_key(&envelope.metadata, kind, namespace, name, ret_record, problems);
    decode_metadata(&envelope.metadata, ret_record, problems);
    if (json_is_object(document))
        decode_spec(kind, STEAL(envelope.spec), ret_record, problems);
    if (envelope.metadata.version && envelope.metadata.version[0] &&
        !problems_has_under(problems, "metadata.resourceVersion"))
        str_parse_int64(envelope.metadata.version, 0, INT64_MAX, &version);
    if (ret_version)
        *ret_version = version;
    return problems->count == before;
}
