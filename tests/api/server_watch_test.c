/* Watches over the wire: where they begin, what they tell, and that none of it is lost, repeated or out of order. */
#include "tests/api/api_client.h"

/* ---- one watch, read to its end ---- */

struct line {
    char *type, *name, *version;
    json_t *value;
};
struct lines {
    struct line *items;
    size_t count;
};

static void lines_release(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->items[i].type);
        free(lines->items[i].name);
        free(lines->items[i].version);
        json_decref(lines->items[i].value);
    }
    free(lines->items);
}

static void lines_add(struct lines *lines, const char *text, size_t len)
{
    json_t *value = json_loadb(text, len, 0, NULL);
    assert_non_null(value);
    const json_t *metadata = json_at(value, "object", "metadata", NULL);
    lines->items = mem_grow(lines->items, lines->count + 1, sizeof(struct line));
    lines->items[lines->count++] = (struct line){
        .type = mem_strdup(json_text(value, "type")),
        .name = mem_strdup(json_text(metadata, "name")),
        .version = mem_strdup(json_text(metadata, "resourceVersion")),
        .value = value,
    };
}

/* `path` has a timeoutSeconds. */
static void watch(struct api_fixture *api, const char *path, const char *accept, const char *token, struct lines *ret)
{
    CLEANUP(reply_release) struct reply reply;
    ask(api, &(struct ask){ .path = path, .accept = accept, .token = token }, &reply);
    assert_int_equal(reply.status, 200);
    *ret = (struct lines){ 0 };
    for (const char *at = reply.body.text; *at;) {
        size_t len = strcspn(at, "\n");
        if (len > 0)
            lines_add(ret, at, len);
        at += len + (at[len] == '\n');
    }
}

/* "ADDED acme, MODIFIED acme" */
static void assert_lines(const struct lines *lines, const char *expected)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    for (size_t i = 0; i < lines->count; i++)
        strv_addf(&parts, "%s %s", lines->items[i].type, lines->items[i].name ? lines->items[i].name : "-");
    CLEANUP(freep) char *text = strv_join(&parts, ", ");
    assert_string_equal(text, expected);
}

static void label(struct api_fixture *api, const char *path, const char *value)
{
    CLEANUP(freep) char *body = mem_printf("{\"metadata\":{\"labels\":{\"a\":%s}}}", value);
    assert_asked(api, 200, .method = "PATCH", .path = path, .content_type = MERGE, .body = body);
}

static char *version_now(struct api_fixture *api)
{
    CLEANUP(reply_release) struct reply list;
    ask(api, &(struct ask){ .path = TENANTS "?limit=1" }, &list);
    return mem_strdup(json_text(metadata_of(&list), "resourceVersion"));
}

static void test_from_nothing(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(lines_release) struct lines all, none;
    make_acme(api);
    watch(api, TENANTS "?watch=true&resourceVersion=0&timeoutSeconds=1", NULL, NULL, &all);
    assert_lines(&all, "ADDED acme");
    watch(api, TENANTS "?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dnone", NULL, NULL, &none);
    assert_lines(&none, "");
}

static void test_from_a_version(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(lines_release) struct lines all, namespaces, selected;
    make_acme(api);
    CLEANUP(freep) char *version = version_now(api);
    label(api, TENANTS "/acme", "\"b\"");
    assert_asked(api, 201, .method = "POST", .path = TENANTS, .body = BETA);
    label(api, TENANTS "/acme", "\"c\"");
    label(api, TENANTS "/beta", "\"b\"");
    CLEANUP(freep) char *path = mem_printf(TENANTS "?watch=true&timeoutSeconds=1&resourceVersion=%s", version);
    watch(api, path, NULL, NULL, &all);
    assert_lines(&all, "MODIFIED acme, ADDED beta, MODIFIED acme, MODIFIED beta");
    CLEANUP(freep)
    char *other = mem_printf("/api/v1/namespaces?watch=true&timeoutSeconds=1&resourceVersion=%s", version);
    watch(api, other, NULL, NULL, &namespaces);
    assert_lines(&namespaces, "MODIFIED acme, ADDED beta, MODIFIED acme, MODIFIED beta");
    assert_string_equal(json_text(json_object_get(namespaces.items[0].value, "object"), "kind"), "Namespace");
    CLEANUP(freep) char *part = mem_printf("%s&labelSelector=a%%3Db", path);
    watch(api, part, NULL, NULL, &selected);
    /* acme does not match any more when the watch begins, and whether it did before is not known. */
    assert_lines(&selected, "MODIFIED acme, DELETED acme, ADDED beta");
}

static void test_deletion_and_events(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(lines_release) struct lines lines, events;
    make_acme(api);
    CLEANUP(freep) char *version = version_now(api);
    api_fixture_settle(api);
    assert_asked(api, 201, .method = "POST", .path = TENANTS, .body = BETA);
    CLEANUP(freep)
    char *path = mem_printf(
        TENANTS "?watch=true&timeoutSeconds=2&fieldSelector=metadata.name%%3Dbeta&resourceVersion=%s", version);
    usleep(300000);
    assert_asked(api, 200, .method = "DELETE", .path = TENANTS "/beta");
    watch(api, path, NULL, NULL, &lines);
    api_fixture_unsettle(api);
    assert_true(lines.count >= 3);
    assert_string_equal(lines.items[0].type, "ADDED");
    const struct line *last = &lines.items[lines.count - 1];
    assert_string_equal(last->type, "DELETED");
    assert_string_not_equal(last->version, lines.items[lines.count - 2].version);
    assert_non_null(json_object_get(json_at(last->value, "object", "metadata", NULL), "deletionTimestamp"));
    watch(api, "/api/v1/events?watch=true&timeoutSeconds=1&fieldSelector=involvedObject.name%3Dbeta", NULL, NULL,
          &events);
    assert_true(events.count >= 1);
    assert_string_equal(json_text(json_object_get(events.items[0].value, "object"), "reason"), "Ready");
}

static void test_tables_and_bookmarks(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(lines_release) struct lines tables, initial;
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = TENANTS, .body = BETA);
    watch(api, TENANTS "?watch=true&timeoutSeconds=1", TABLE, NULL, &tables);
    assert_int_equal(tables.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *table = json_object_get(tables.items[i].value, "object");
        assert_string_equal(json_text(table, "kind"), "Table");
        assert_int_equal(json_array_size(json_object_get(table, "columnDefinitions")) > 0, i == 0);
    }
    watch(api,
          TENANTS "?watch=true&timeoutSeconds=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch="
                  "NotOlderThan",
          NULL, NULL, &initial);
    assert_int_equal(initial.count, 3);
    const json_t *bookmark = json_object_get(initial.items[2].value, "object");
    assert_string_equal(initial.items[2].type, "BOOKMARK");
    assert_string_equal(json_text(json_at(bookmark, "metadata", "annotations", NULL), "k8s.io/initial-events-end"),
                        "true");
}

static void assert_expired(struct api_fixture *api, const char *path)
{
    CLEANUP(lines_release) struct lines lines;
    watch(api, path, NULL, NULL, &lines);
    assert_int_equal(lines.count, 1);
    const json_t *status = json_object_get(lines.items[0].value, "object");
    assert_string_equal(lines.items[0].type, "ERROR");
    assert_int_equal(json_int(status, "code", 0), 410);
    assert_string_equal(json_text(status, "reason"), "Expired");
}

static void test_expiry(void **state)
{
    struct api_fixture *api = *state;
    make_acme(api);
    label(api, TENANTS "/acme", "\"b\"");
    assert_expired(api, TENANTS "?watch=true&timeoutSeconds=20&resourceVersion=1000000"); /* of another database */
    pg_fixture_run(api->store.url, "delete from store.change where version <= 2");
    api_fixture_stop(api); /* forgets what it had in memory */
    api_fixture_start(api);
    assert_expired(api, TENANTS "?watch=true&timeoutSeconds=20&resourceVersion=1");
}

static void test_member_watches_the_own(void **state)
{
    struct api_fixture *api = *state;
    CLEANUP(lines_release) struct lines own, foreign, tenants;
    make_acme(api);
    assert_asked(api, 201, .method = "POST", .path = TENANTS, .body = BETA);
    assert_asked(api, 201, .method = "POST", .path = "/apis/tenantd/v1/namespaces/beta/instances",
                 .body = INSTANCE("their", ""));
    assert_asked(api, 201, .method = "POST", .path = INSTANCES, .body = INSTANCE("web", ""));
    watch(api, "/apis/tenantd/v1/instances?watch=true&timeoutSeconds=1", NULL, MEMBER_TOKEN, &own);
    assert_lines(&own, "ADDED web");
    watch(api, "/apis/tenantd/v1/namespaces/beta/instances?watch=true&resourceVersion=1&timeoutSeconds=1", NULL,
          MEMBER_TOKEN, &foreign);
    assert_lines(&foreign, "");
    watch(api, TENANTS "?watch=true&resourceVersion=1&timeoutSeconds=1", NULL, MEMBER_TOKEN, &tenants);
    assert_lines(&tenants, "");
}

/* ---- many writers, and watchers that come and go ---- */

#define WRITERS  4
#define WATCHERS 4
#define WRITES   40

struct writer {
    struct api_fixture *api;
    pthread_t thread;
    int number;
    char *problem; /* NULL: none. Threads cannot assert: cmocka would jump out of another one's test */
};

static pthread_rwlock_t api_lock = PTHREAD_RWLOCK_INITIALIZER; /* write: while the API is restarted */

static int try_to(struct api_fixture *api, const char *method, const char *path, const char *type, const char *body)
{
    CLEANUP(reply_release) struct reply reply;
    pthread_rwlock_rdlock(&api_lock);
    ask(api, &(struct ask){ .method = method, .path = path, .content_type = type, .body = body }, &reply);
    pthread_rwlock_unlock(&api_lock);
    return reply.status;
}

static char *app_body(int number)
{
    return mem_printf(
        "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"App\",\"metadata\":{\"name\":\"app-%d\"},\"spec\":{\"versions\":"
        "[{\"name\":\"1\",\"image\":\"x:1\"}],\"ports\":[{\"name\":\"http\",\"port\":80}],\"dataPath\":\"/d\","
        "\"health\":{\"path\":\"/\"}}}",
        number);
}

/* As its reconciler would, when the outside is clean. */
static bool let_go(struct store *store, const char *name, struct err *err)
{
    CLEANUP(record_release) struct record record = { 0 };
    struct record_key key = key_of(KIND_APP, "", name);
    return store_get(store, &key, &record, err) &&
           store_remove_finalizer(store, &key, record.uid, FINALIZER_TEARDOWN, err);
}

/* Made, changed twice, deleted: over and over. */
static void *write_much(void *context)
{
    struct writer *writer = context;
    CLEANUP(freep) char *path = mem_printf(APPS "/app-%d", writer->number);
    CLEANUP(freep) char *create = app_body(writer->number);
    CLEANUP(store_freep) struct store *store = store_new(&writer->api->store.options);
    CLEANUP(err_release) struct err err = ERR_INIT;
    for (int i = 0; i < WRITES && !writer->problem; i++) {
        CLEANUP(freep) char *patch = mem_printf("{\"metadata\":{\"labels\":{\"n\":\"%d\"}}}", i);
        bool creates = i % 4 == 0, deletes = i % 4 == 3;
        int status = creates   ? try_to(writer->api, "POST", APPS, NULL, create)
                     : deletes ? try_to(writer->api, "DELETE", path, NULL, NULL)
                               : try_to(writer->api, "PATCH", path, MERGE, patch);
        if (status != (creates ? 201 : 200))
            writer->problem = mem_printf("write %d: %d", i, status);
        else if (deletes && !let_go(store, path + strlen(APPS "/"), &err))
            writer->problem = mem_printf("write %d: %s", i, err_message(&err));
    }
    return NULL;
}

struct watcher {
    struct api_fixture *api;
    pthread_t thread;
    struct strv seen; /* "17 ADDED app-1" */
    int64_t version;
    int *is_done;
    int64_t *last_version; /* atomic; known when is_done */
    int connections;
    char *problem; /* NULL: none */
};

static size_t break_off_at_random(char *bytes, size_t size, size_t count, void *context)
{
    str_addn(context, bytes, size * count);
    return random_below(6) == 0 ? 0 : size * count; /* 0: libcurl closes the connection */
}

/* What is wrong with the line; owned, NULL when nothing. */
static char *take_line(struct watcher *watcher, const char *text, size_t len)
{
    CLEANUP(json_decrefp) json_t *value = json_loadb(text, len, 0, NULL);
    const char *type = json_text(value, "type");
    const json_t *metadata = json_at(value, "object", "metadata", NULL);
    const char *shown = json_text(metadata, "resourceVersion");
    int64_t version = 0;
    if (!type || !shown || !str_parse_int64(shown, 1, INT64_MAX, &version))
        return mem_printf("after %lld: %.*s", (long long)watcher->version, (int)len, text);
    if (version <= watcher->version)
        return mem_printf("%s after %lld", shown, (long long)watcher->version);
    watcher->version = version;
    strv_addf(&watcher->seen, "%s %s %s", shown, type, json_text(metadata, "name"));
    return NULL;
}

/* All whole lines; what is left half told counts for nothing. */
static void take_lines(struct watcher *watcher, const char *text)
{
    for (const char *end; !watcher->problem && (end = strchr(text, '\n')); text = end + 1)
        if (end > text)
            watcher->problem = take_line(watcher, text, (size_t)(end - text));
}

/* One connection, for a random while; what it leaves half told is asked for again. */
static void watch_once(struct watcher *watcher)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    CURL *curl = curl_easy_init();
    bool plain = random_below(2) == 0;
    pthread_rwlock_rdlock(&api_lock);
    int port = plain ? api_plain_port(watcher->api->api) : api_port(watcher->api->api);
    pthread_rwlock_unlock(&api_lock);
    CLEANUP(freep)
    char *url = mem_printf("http%s://127.0.0.1:%d" APPS "?watch=true&resourceVersion=%lld&timeoutSeconds=%d",
                           plain ? "" : "s", port, (long long)watcher->version, 1 + (int)random_below(2));
    struct curl_slist *headers = ask_headers(&(struct ask){ 0 });
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L); /* 503 while it shuts down */
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, break_off_at_random);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
    curl_easy_perform(curl); /* a server that is being restarted refuses: the next one will not */
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    watcher->connections++;
    take_lines(watcher, text.text);
}

static void *watch_much(void *context)
{
    struct watcher *watcher = context;
    while (!watcher->problem &&
           (!__atomic_load_n(watcher->is_done, __ATOMIC_ACQUIRE) || watcher->version < *watcher->last_version))
        watch_once(watcher);
    return NULL;
}

static void test_each_change_once_and_in_order(void **state)
{
    struct api_fixture *api = *state;
    struct writer writers[WRITERS];
    struct watcher watchers[WATCHERS];
    int is_done = 0;
    int64_t last_version = 0;
    make_acme(api);
    int64_t first_version = newest_version(&api->store);
    for (int i = 0; i < WATCHERS; i++) {
        watchers[i] = (struct watcher){
            .api = api, .version = first_version, .is_done = &is_done, .last_version = &last_version
        };
        assert_int_equal(pthread_create(&watchers[i].thread, NULL, watch_much, &watchers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){ .api = api, .number = i };
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_much, &writers[i]), 0);
    }
    for (int i = 0; i < 3; i++) { /* the daemon is restarted while they work */
        usleep(400000);
        pthread_rwlock_wrlock(&api_lock);
        api_fixture_stop(api);
        api_fixture_start(api);
        pthread_rwlock_unlock(&api_lock);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        if (writers[i].problem)
            fail_msg("writer %d: %s", i, writers[i].problem);
    }
    last_version = newest_version(&api->store);
    __atomic_store_n(&is_done, 1, __ATOMIC_RELEASE);
    CLEANUP(freep)
    char *sql = mem_printf(
        "select string_agg(version || ' ' || operation || ' ' || name, E'\\n' order by version) from store.change "
        "where kind = 'App' and not is_event and version > %lld",
        (long long)first_version);
    CLEANUP(freep) char *truth = pg_fixture_text(api->store.url, sql);
    for (int i = 0; i < WATCHERS; i++) {
        pthread_join(watchers[i].thread, NULL);
        if (watchers[i].problem)
            fail_msg("watcher %d: %s", i, watchers[i].problem);
        CLEANUP(freep) char *seen = strv_join(&watchers[i].seen, "\n");
        assert_string_equal(seen, truth);
        assert_true(watchers[i].connections > 1);
        strv_release(&watchers[i].seen);
    }
}

int main(void)
{
    struct check_list list = { 0 };
    curl_global_init(CURL_GLOBAL_ALL);
    CHECK_API(&list, test_from_nothing);
    CHECK_API(&list, test_from_a_version);
    CHECK_API(&list, test_deletion_and_events);
    CHECK_API(&list, test_tables_and_bookmarks);
    CHECK_API(&list, test_expiry);
    CHECK_API(&list, test_member_watches_the_own);
    CHECK_API(&list, test_each_change_once_and_in_order);
    return check_run_api("server_watch", &list);
}
