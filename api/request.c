/* A request as handlers see it, and their answer. */
#include "api/request.h"

#include <ctype.h>

#include "api/stream.h"
#include "specs/wording.h"
#include "specs/yaml.h"

void request_release(struct request *request)
{
    free(request->method);
    free(request->target);
    uri_release(&request->uri);
    str_release(&request->body);
    free(request->accept);
    free(request->content_type);
    free(request->signature);
    if (request->authorization)
        mem_wipe(request->authorization, strlen(request->authorization));
    free(request->authorization);
    free(request->idempotency_key);
    problems_release(&request->problems);
    free(request->warning);
    free(request->about_name);
}

void request_set_warning(struct request *request, const char *text)
{
    free(request->warning);
    request->warning = mem_strdup(text);
}

void request_set_about(struct request *request, const struct view *view, const char *name)
{
    char *copy = mem_strdup(name); /* it may be the old one */
    free(request->about_name);
    request->about = view;
    request->about_name = copy;
}

char *request_media_type(const struct request *request)
{
    const char *type = request->content_type;
    if (!type || type[0] == '\0')
        return mem_strdup("application/json");
    size_t len = strcspn(type, "; \t");
    char *media = mem_strndup(type, len);
    for (char *at = media; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return media;
}

static bool is_yaml(const char *media)
{
    static const char *const names[] = { "application/yaml", "application/x-yaml", "text/yaml" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equal(media, names[i]))
            return true;
    return false;
}

bool request_document(const struct request *request, json_t **ret_document, struct err *err)
{
    CLEANUP(freep) char *media = request_media_type(request);
    bool as_yaml = is_yaml(media);
    if (!as_yaml && !str_equal(media, "application/json"))
        return err_set(err, ERR_UNSUPPORTED,
                       "the body of the request was in an unknown format - accepted media types include: "
                       "application/json, application/yaml");
    if (request->body.len == 0)
        return err_set(err, ERR_BAD_REQUEST, "the request has no body");
    CLEANUP(json_decrefp) json_t *document = NULL;
    bool good = as_yaml ? yaml_parse_one(request->body.text, request->body.len, &document, err)
                        : json_parse(request->body.text, request->body.len, &document, err);
    if (!good)
        return false;
    if (!json_is_object(document))
        return err_set(err, ERR_BAD_REQUEST, "the body must be an object, not %s", value_type_wording(document));
    *ret_document = STEAL(document);
    return true;
}

bool request_decode(struct request *request, const struct field *fields, void *ret_struct, json_t **ret_document,
                    struct err *err)
{
    CLEANUP(json_decrefp) json_t *document = NULL;
    if (!request_document(request, &document, err))
        return false;
    problems_release(&request->problems);
    fields_decode(fields, document, "", ret_struct, &request->problems);
    if (!problems_to_err(&request->problems, err))
        return false;
    if (ret_document)
        *ret_document = STEAL(document);
    return true;
}

bool request_is_flat(const struct request *request)
{
    const struct strv *segments = &request->uri.segments;
    if (segments->count > 0 && str_equal(segments->items[0], "auth"))
        return true;
    if (segments->count < 3 || !str_equal(segments->items[0], "api") || !str_equal(segments->items[1], "v1"))
        return false;
    const char *plural = segments->items[2];
    return !str_equal(plural, "namespaces") && !str_equal(plural, "events"); /* Kubernetes' own */
}

bool request_mode(const struct request *request, enum store_mode *ret_mode, struct err *err)
{
    const char *value = uri_query(&request->uri, "dryRun");
    *ret_mode = value && value[0] ? STORE_DRY_RUN : STORE_WRITE;
    if (*ret_mode == STORE_WRITE || str_equal(value, "All"))
        return true;
    CLEANUP(freep) char *shown = quoted(value);
    return err_set(err, ERR_BAD_REQUEST, "dryRun: %s is not supported, only All is", shown);
}

bool request_wants_table(const struct request *request)
{
    const char *wish = request->accept ? strstr(request->accept, "as=Table") : NULL;
    return wish && !isalnum((unsigned char)wish[strlen("as=Table")]);
}

void answer_release(struct answer *answer)
{
    str_release(&answer->body);
    strv_release(&answer->headers);
    if (answer->stream) {
        stream_end(answer->stream);
        stream_unref(answer->stream);
    }
    *answer = (struct answer){ .body = STR_INIT };
}

void answer_json(struct answer *answer, int status, json_t *value_taken)
{
    CLEANUP(json_decrefp) json_t *value = value_taken;
    CLEANUP(freep) char *text = json_dump(value);
    str_clear(&answer->body);
    str_add(&answer->body, text);
    str_addc(&answer->body, '\n');
    answer->status = status;
    answer->content_type = "application/json";
}

void answer_printed(struct answer *answer, int status, struct str *text_moved)
{
    str_addc(text_moved, '\n');
    str_move(&answer->body, text_moved);
    answer->status = status;
    answer->content_type = "application/json";
}

void answer_text(struct answer *answer, int status, const char *text)
{
    str_clear(&answer->body);
    str_add(&answer->body, text);
    answer->status = status;
    answer->content_type = "text/plain; charset=utf-8";
}

void answer_warn(struct answer *answer, const char *text)
{
    CLEANUP(str_release) struct str safe = STR_INIT;
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\')
            str_addc(&safe, '\\');
        str_addc(&safe, (unsigned char)*at < 0x20 ? ' ' : *at);
    }
    strv_addf(&answer->headers, "Warning: 299 - \"%s\"", safe.text);
}
