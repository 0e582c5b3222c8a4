/*
 * /openapi/v2: kubectl up to 1.28 reads it as protobuf before each create, apply and edit. It says as little as those
 * need: that each kind's PATCH takes `dryRun`. With definitions kubectl 1.20 would validate by itself, and worse than
 * we do.
 */
#include "api/handlers.h"

/* One length-delimited protobuf field (wire type 2). */
static void add_field(struct str *out, unsigned number, const void *bytes, size_t len)
{
    uint64_t parts[] = { (uint64_t)number << 3 | 2, len };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (; parts[i] >= 0x80; parts[i] >>= 7)
            str_addc(out, (char)((parts[i] & 0x7f) | 0x80));
        str_addc(out, (char)parts[i]);
    }
    str_addn(out, bytes, len);
}

static void add_text(struct str *out, unsigned number, const char *text)
{
    add_field(out, number, text, strlen(text));
}

/* Wraps what `inner` holds into field `number` of an otherwise empty message, which takes its place. */
static void wrap(struct str *inner, unsigned number)
{
    CLEANUP(str_release) struct str outer = STR_INIT;
    add_field(&outer, number, inner->text, inner->len);
    str_move(inner, &outer);
}

/*
 * Operation: parameter 8 {1: Parameter {2: NonBody {3: Query {2: "query", 4: "dryRun", 6: "string"}}}}, extension 13.
 */
static void add_operation(struct str *out, const struct kind *kind)
{
    CLEANUP(str_release) struct str parameter = STR_INIT;
    add_text(&parameter, 2, "query");
    add_text(&parameter, 4, "dryRun");
    add_text(&parameter, 6, "string");
    wrap(&parameter, 3);
    wrap(&parameter, 2);
    wrap(&parameter, 1);
    add_field(out, 8, parameter.text, parameter.len);

    CLEANUP(freep) char *yaml = mem_printf("group: %s\nkind: %s\nversion: v1\n", API_GROUP, kind->name);
    CLEANUP(str_release) struct str value = STR_INIT;
    add_text(&value, 2, yaml);
    CLEANUP(str_release) struct str extension = STR_INIT;
    add_text(&extension, 1, "x-kubernetes-group-version-kind");
    add_field(&extension, 2, value.text, value.len);
    add_field(out, 13, extension.text, extension.len);
}

bool openapi_v2(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker; /* constant */
    (void)request;
    (void)err;
    CLEANUP(str_release) struct str paths = STR_INIT;
    for (size_t i = 0; i < KINDS; i++) {
        CLEANUP(freep) char *path = mem_printf("/%s", kinds[i].name);
        CLEANUP(str_release) struct str operation = STR_INIT;
        add_operation(&operation, &kinds[i]);
        wrap(&operation, 8); /* PathItem.patch */
        CLEANUP(str_release) struct str item = STR_INIT;
        add_text(&item, 1, path);
        add_field(&item, 2, operation.text, operation.len);
        add_field(&paths, 2, item.text, item.len);
    }
    str_clear(&answer->body);
    add_text(&answer->body, 1, "2.0");
    add_field(&answer->body, 8, paths.text, paths.len);
    answer->status = 200;
    answer->content_type = "application/octet-stream"; /* the right one has an @ in it, which breaks kubectl 1.20 */
    return true;
}
