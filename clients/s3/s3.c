/* A bucket as a place for objects. */
#include "clients/s3/s3.h"

#include "clients/s3/s3_internal.h"

#define PATIENCE_MS (3 * MINUTE_MS)
#define STALL_MS    (30 * SECOND_MS)

char *s3_full_key(const struct s3 *s3, const char *key)
{
    return s3->prefix ? mem_printf("%s/%s", s3->prefix, key) : mem_strdup(key);
}

struct http *s3_http_new(const struct s3 *s3)
{
    const struct http_target target = { .base_url = s3->base_url, .ca_file = s3->ca_file };
    return http_new(&target);
}

static void s3_free(struct objects *objects)
{
    struct s3 *s3 = (struct s3 *)objects;
    http_free(s3->http);
    for (size_t i = 0; i < S3_UPLOADERS; i++)
        http_free(s3->uploaders[i]);
    if (s3->secret_key)
        mem_wipe(s3->secret_key, strlen(s3->secret_key));
    char *const texts[] = { s3->endpoint,   s3->bucket,  s3->prefix, s3->region,   s3->access_key,
                            s3->secret_key, s3->ca_file, s3->host,   s3->base_url, objects->name };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
    free(s3);
}

static bool s3_head_object(struct objects *objects, const char *key, const struct call *call, struct object *ret,
                           struct err *err)
{
    struct s3 *s3 = (struct s3 *)objects;
    CLEANUP(freep) char *full_key = s3_full_key(s3, key);
    if (!s3_prepare(s3, call, err) || !s3_head(s3, full_key, NULL, call, ret, NULL, err))
        return false;
    free(ret->key);
    ret->key = mem_strdup(key);
    return true;
}

static const struct objects_vtable s3_vtable = {
    .free = s3_free,
    .put = s3_put,
    .get = s3_get,
    .head = s3_head_object,
    .list = s3_list,
    .remove = s3_remove,
    .sweep = s3_sweep,
};

/* The Host header: without the port that the scheme stands for, as HTTP clients write it. Owned; NULL: no endpoint. */
static char *host_of(const char *endpoint)
{
    bool is_tls = str_starts_with(endpoint, "https://");
    if (!is_tls && !str_starts_with(endpoint, "http://"))
        return NULL;
    const char *authority = strstr(endpoint, "://") + 3;
    if (!*authority || strpbrk(authority, "/?#@ \t\r\n"))
        return NULL;
    const char *port = is_tls ? ":443" : ":80";
    size_t len = strlen(authority);
    return mem_strndup(authority, str_ends_with(authority, port) ? len - strlen(port) : len);
}

static void set_address(struct s3 *s3, char *host_taken)
{
    if (s3->style == S3_STYLE_PATH) {
        s3->host = host_taken;
        s3->base_url = mem_strdup(s3->endpoint);
        return;
    }
    const char *authority = strstr(s3->endpoint, "://") + 3;
    s3->host = mem_printf("%s.%s", s3->bucket, host_taken);
    s3->base_url = mem_printf("%.*s%s.%s", (int)(authority - s3->endpoint), s3->endpoint, s3->bucket, authority);
    free(host_taken);
}

bool s3_open(const struct s3_options *options, struct objects **ret, struct err *err)
{
    char *host = host_of(options->endpoint);
    if (!host)
        return err_set(err, ERR_INVALID, "the S3 endpoint is not a server like https://s3.example.com");
    struct s3 *s3 = MEM_NEW(struct s3);
    s3->objects.vtable = &s3_vtable;
    s3->endpoint = mem_strdup(options->endpoint);
    s3->bucket = mem_strdup(options->bucket);
    s3->prefix = options->prefix && *options->prefix ? mem_strdup(options->prefix) : NULL;
    s3->region = mem_strdup(options->region);
    s3->access_key = mem_strdup(options->access_key);
    s3->secret_key = mem_strdup(options->secret_key);
    s3->ca_file = mem_strdup(options->ca_file);
    s3->style = options->style;
    s3->versioning = options->versioning;
    s3->patience_ms = options->patience_ms ? options->patience_ms : PATIENCE_MS;
    s3->stall_ms = options->stall_ms ? options->stall_ms : STALL_MS;
    s3->clock_offset_ms = options->clock_offset_ms;
    s3->objects.name = mem_printf("s3://%s%s%s", s3->bucket, s3->prefix ? "/" : "", s3->prefix ? s3->prefix : "");
    set_address(s3, host);
    s3->http = s3_http_new(s3);
    *ret = &s3->objects;
    return true;
}
