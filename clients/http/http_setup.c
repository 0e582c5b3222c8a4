/* How a CURL handle is set up for a target, and what curl's results mean. */
#include <pthread.h>
#include <sys/socket.h>

#include "clients/http/http_internal.h"

#define CONNECT_TIMEOUT_MS 30000L
#define HEAD_LIMIT         ((size_t)256 << 10)

void http_must(CURLcode code)
{
    if (code != CURLE_OK)
        abort();
}

static void init_curl(void)
{
    http_must(curl_global_init(CURL_GLOBAL_DEFAULT));
}

void http_global_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (pthread_once(&once, init_curl) != 0)
        abort();
}

/* curl itself opens sockets that children would inherit. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context; /* the callback's signature is curl's */
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void setup_tls(CURL *curl, const struct http_target *target)
{
    if (target->ca_pem) {
        struct curl_blob pem = {
            .data = (void *)(uintptr_t)target->ca_pem, /* copied, not written to */
            .len = strlen(target->ca_pem),
            .flags = CURL_BLOB_COPY,
        };
        http_must(curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &pem));
    } else if (target->ca_file) {
        http_must(curl_easy_setopt(curl, CURLOPT_CAINFO, target->ca_file));
    }
    if (target->ca_pem || target->ca_file) /* or the system's directory of authorities would still count */
        http_must(curl_easy_setopt(curl, CURLOPT_CAPATH, NULL));
    if (target->cert_file)
        http_must(curl_easy_setopt(curl, CURLOPT_SSLCERT, target->cert_file));
    if (target->key_file)
        http_must(curl_easy_setopt(curl, CURLOPT_SSLKEY, target->key_file));
    http_must(curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, target->skip_verify ? 0L : 1L));
    http_must(curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, target->skip_verify ? 0L : 2L));
}

/* In "http://" curl would take the path for the host. */
static bool has_scheme_and_host(const char *base_url)
{
    static const char *const schemes[] = { "http://", "https://" };
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_starts_with(base_url, schemes[i]))
            return !strchr("/?#", base_url[strlen(schemes[i])]); /* the end of the text is among them */
    return false;
}

void http_setup(CURL *curl, const struct http_target *target, const char *path, char problem[CURL_ERROR_SIZE])
{
    CLEANUP(str_release) struct str url = STR_INIT;
    if (has_scheme_and_host(target->base_url)) /* else the URL stays empty, which curl refuses */
        str_addf(&url, "%s%s", target->base_url, path);
    problem[0] = '\0';
    http_must(curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem));
    http_must(curl_easy_setopt(curl, CURLOPT_URL, url.text));
    http_must(curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https"));
    http_must(curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L)); /* "/a/../b" was meant so, and S3 signs it so */
    http_must(curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1));
    http_must(curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L));
    http_must(curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L)); /* giving up does not wait for the resolver's thread */
    http_must(curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L));
    http_must(curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS));
    http_must(curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket));
    http_must(curl_easy_setopt(curl, CURLOPT_USERAGENT, "tenantd/" TENANTD_VERSION));
    if (target->unix_socket) {
        http_must(curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, target->unix_socket));
        http_must(curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"));
    }
    setup_tls(curl, target);
}

bool http_head_take(struct http_head *head, const char *line, size_t len)
{
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) /* also after a "100 Continue"; trailers have no such line */
        head->ended = false;
    else if (len > 0 && (line[0] == '\r' || line[0] == '\n'))
        head->ended = true;
    head->bytes += len;
    return head->bytes <= HEAD_LIMIT;
}

/* An answer that is no HTTP is as good as none, so nearly all is "unreachable": it may pass. */
bool http_check(struct err *err, CURLcode result, const struct http_head *head, const char *where, const char *problem)
{
    const char *text = problem[0] ? problem : curl_easy_strerror(result);
    if (head->bytes > HEAD_LIMIT)
        return err_set(err, ERR_UNREACHABLE, "%s: the answer has more than %zu bytes of headers", where, HEAD_LIMIT);
    switch (result) {
    case CURLE_OK:
        /* A connection that closes within the headers is to curl an answer without a body (tried, 7.88). */
        return head->ended ||
               err_set(err, ERR_UNREACHABLE, "%s: it was closed within the headers of the answer", where);
    case CURLE_URL_MALFORMAT:
        return err_set(err, ERR_INVALID, "%s: %s", where, text);
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
        return err_set(err, ERR_INTERNAL, "%s: %s", where, text);
    case CURLE_OUT_OF_MEMORY:
        abort();
    default:
        return err_set(err, ERR_UNREACHABLE, "%s: %s", where, text);
    }
}

char *http_target_name(const struct http_target *target)
{
    if (target->unix_socket)
        return mem_strdup(target->unix_socket);
    const char *authority = strstr(target->base_url, "://");
    if (!authority)
        return mem_strdup(target->base_url);
    authority += strlen("://");
    size_t len = strcspn(authority, "/?#");
    const char *at_sign = memrchr(authority, '@', len);
    const char *host = at_sign ? at_sign + 1 : authority;
    return mem_printf("%.*s%.*s", (int)(authority - target->base_url), target->base_url, (int)(authority + len - host),
                      host);
}
