/*
 * Clients for the tests: whole requests through libcurl, and bare sockets for those who misbehave. All in a header,
 * as tests/store/pg_fixture.h says.
 */
#pragma once

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "api/routes.h"
#include "tests/api/api_fixture.h"

struct reply {
    int status;
    struct str body;
    struct str headers;
    json_t *json; /* NULL when the body is none */
};

static inline void reply_release(struct reply *reply)
{
    str_release(&reply->body);
    str_release(&reply->headers);
    json_decref(reply->json);
}

struct ask {
    const char *token; /* NULL: the admin's; "": none */
    const char *method, *path;
    const char *content_type; /* NULL: application/json */
    const char *accept;
    const char *body;
    size_t body_len; /* 0: strlen(body) */
    bool plain;
    const char *header; /* one more */
};

static inline size_t reply_add(char *bytes, size_t size, size_t count, void *context)
{
    str_addn(context, bytes, size * count);
    return size * count;
}

static inline struct curl_slist *ask_headers(const struct ask *ask)
{
    CLEANUP(freep) char *token = mem_printf("Authorization: Bearer %s", ask->token ? ask->token : ADMIN_TOKEN);
    CLEANUP(freep)
    char *type = mem_printf("Content-Type: %s", ask->content_type ? ask->content_type : "application/json");
    CLEANUP(freep) char *accept = mem_printf("Accept: %s", ask->accept ? ask->accept : "application/json");
    struct curl_slist *headers = NULL;
    if (!ask->token || ask->token[0])
        headers = curl_slist_append(headers, token);
    headers = curl_slist_append(headers, type);
    headers = curl_slist_append(headers, accept);
    if (ask->header)
        headers = curl_slist_append(headers, ask->header);
    return headers;
}

/* No route answers with a status that /openapi/v3 or /openapi.json does not tell of. */
static inline void assert_documented(const char *method, const char *path, int status)
{
    struct request request = { .method = mem_strdup(method), .body = STR_INIT };
    if (uri_parse(path, &request.uri, NULL) && routes_find(&request, NULL) && !route_documents(request.route, status))
        fail_msg("%s %s: %d is not documented", method, path, status);
    request_release(&request);
}

/* Sends and waits for the whole answer, over TLS with the certificate checked, unless `plain`. */
static inline void ask(struct api_fixture *fixture, const struct ask *ask, struct reply *ret)
{
    *ret = (struct reply){ .body = STR_INIT, .headers = STR_INIT };
    CURL *curl = curl_easy_init();
    int port = ask->plain ? api_plain_port(fixture->api) : api_port(fixture->api);
    CLEANUP(freep) char *url = mem_printf("http%s://127.0.0.1:%d%s", ask->plain ? "" : "s", port, ask->path);
    struct curl_slist *headers = ask_headers(ask);
    struct curl_blob authority = { .data = fixture->certificate_pem, .len = strlen(fixture->certificate_pem) };
    const char *method = ask->method ? ask->method : "GET";
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &authority);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, reply_add);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &ret->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, reply_add);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &ret->headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    if (ask->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, ask->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(ask->body_len ? ask->body_len : strlen(ask->body)));
    }
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK)
        fail_msg("%s %s: %s", method, ask->path, curl_easy_strerror(code));
    ret->status = (int)status;
    assert_documented(method, ask->path, ret->status);
    ret->json = json_loadb(ret->body.text, ret->body.len, JSON_DECODE_ANY, NULL);
}

/* The same, checked and thrown away. */
#define assert_asked(fixture, wanted_status, ...)                                                                      \
    do {                                                                                                               \
        CLEANUP(reply_release) struct reply reply_;                                                                    \
        const struct ask ask_ = { __VA_ARGS__ };                                                                       \
        ask((fixture), &ask_, &reply_);                                                                                \
        if (reply_.status != (wanted_status))                                                                          \
            fail_msg("%s %s: %d instead of %d: %.300s", ask_.method ? ask_.method : "GET", ask_.path, reply_.status,   \
                     (wanted_status), reply_.body.text);                                                               \
    } while (0)

#define TENANTS   "/apis/tenantd/v1/tenants"
#define APPS      "/apis/tenantd/v1/apps"
#define INSTANCES "/apis/tenantd/v1/namespaces/acme/instances"
#define MERGE     "application/merge-patch+json"
#define TABLE     "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
#define ACME      "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"acme\"},\"spec\":{}}"
#define BETA      "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"beta\"},\"spec\":{}}"
#define TINY                                                                                                           \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"App\",\"metadata\":{\"name\":\"tiny\"},\"spec\":{\"versions\":"         \
    "[{\"name\":\"1.0\",\"image\":\"tiny:1\"}],\"ports\":[{\"name\":\"http\",\"port\":8080}],\"dataPath\":\"/data\","  \
    "\"health\":{\"path\":\"/\"}}}"
#define INSTANCE(name, extra)                                                                                          \
    "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Instance\",\"metadata\":{\"name\":\"" name                              \
    "\"},\"spec\":{\"app\":\"tiny\","                                                                                  \
    "\"version\":\"1.0\"" extra "}}"

static inline void make_acme(struct api_fixture *fixture)
{
    assert_asked(fixture, 201, .method = "POST", .path = TENANTS, .body = ACME);
    assert_asked(fixture, 201, .method = "POST", .path = APPS, .body = TINY);
}

static inline const char *message_of(const struct reply *reply)
{
    const char *message = json_text(reply->json, "message");
    return message ? message : "";
}

static inline const json_t *metadata_of(const struct reply *reply)
{
    return json_object_get(reply->json, "metadata");
}

static inline size_t items_of(const struct reply *reply)
{
    return json_array_size(json_object_get(reply->json, "items"));
}

/* The value of a metric without labels; -1: not there. */
static inline double metric_of(struct api_fixture *fixture, const char *name)
{
    CLEANUP(reply_release) struct reply reply;
    const struct ask metrics = { .path = "/metrics" };
    ask(fixture, &metrics, &reply);
    assert_int_equal(reply.status, 200);
    CLEANUP(freep) char *line = mem_printf("\n%s ", name);
    const char *found = strstr(reply.body.text, line);
    return found ? strtod(found + strlen(line), NULL) : -1;
}

/* Until the metric has that value; fails after 20 s. */
static inline void wait_metric(struct api_fixture *fixture, const char *name, double wanted)
{
    int64_t until_ms = clock_mono_ms() + 20 * SECOND_MS;
    double value;
    while ((value = metric_of(fixture, name)) != wanted) {
        if (clock_mono_ms() > until_ms)
            fail_msg("%s is %g, not %g", name, value, wanted);
        usleep(20000);
    }
}

/* ---- bare sockets, on the plain listener ---- */

static inline int dial(struct api_fixture *fixture)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)api_plain_port(fixture->api)) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void send_text(int fd, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void send_get(int fd, const char *path)
{
    CLEANUP(freep)
    char *text = mem_printf("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", path, ADMIN_TOKEN);
    send_text(fd, text);
}

/*
 * What arrives until `wanted` stands in it, the other side closes, or the time is over; appended. False: the other
 * side closed.
 */
static inline bool receive_until(int fd, struct str *text, const char *wanted, int64_t wait_ms)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;
    char buffer[16384];
    while (!wanted || !strstr(text->text, wanted)) {
        int64_t left_ms = until_ms - clock_mono_ms();
        struct pollfd pollfd = { .fd = fd, .events = POLLIN };
        if (left_ms <= 0 || poll(&pollfd, 1, (int)left_ms) <= 0)
            return true;
        ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
        if (got <= 0)
            return false;
        str_addn(text, buffer, (size_t)got);
    }
    return true;
}
