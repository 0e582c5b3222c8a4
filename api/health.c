/*
 * /healthz and /livez: the process answers. /readyz: what it stands on answers, too. Anybody may ask, so the
 * neighbours are asked at most once in a few seconds, whoever asks us.
 */
#include "api/health.h"

#include <curl/curl.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <pthread.h>

#include "api/api.h"
#include "api/handlers.h"
#include "api/recovery_key.h"
#include "api/stream.h"
#include "api/watch.h"
#include "base/metrics.h"
#include "clients/postgres/pg.h"
#include "store/leadership.h"

static const struct metric recovery_key_gauge = {
    .name = "tenantd_recovery_key_exported",
    .help = "Whether the recovery key was exported: 1, or 0 as long as this host has the only copy.",
    .type = METRIC_GAUGE,
};

#define FRESH_MS (2 * SECOND_MS)
#define PROBE_MS (3 * SECOND_MS)

struct readiness {
    pthread_mutex_t lock; /* guards what follows; not held while neighbours are asked */
    int64_t checked_mono_ms;
    bool is_checking;
    bool is_ready;
    struct str report; /* with ?verbose */
};

struct readiness *readiness_new(void)
{
    struct readiness *readiness = MEM_NEW(struct readiness);
    pthread_mutex_init(&readiness->lock, NULL);
    readiness->report = (struct str)STR_INIT;
    str_add(&readiness->report, "readyz check: the first look is under way\n");
    return readiness;
}

void readiness_free(struct readiness *readiness)
{
    if (!readiness)
        return;
    pthread_mutex_destroy(&readiness->lock);
    str_release(&readiness->report);
    free(readiness);
}

bool health_live(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)worker; /* that we got here is the answer */
    (void)request;
    (void)err;
    answer_text(answer, 200, "ok");
    return true;
}

/* ---- what we stand on; each appends one line and tells whether it is well ---- */

static bool report(struct str *out, const char *name, bool is_good, const char *detail)
{
    str_addf(out, "[%c]%s %s%s%s\n", is_good ? '+' : '-', name, is_good ? "ok" : "failed", detail[0] ? ": " : "",
             detail);
    return is_good;
}

static bool check_store(struct worker *worker, struct str *out)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct call call = call_within(NULL, PROBE_MS);
    if (!worker_open(worker, &err))
        return report(out, "records", false, "not opened yet");
    bool good = store_ping(worker->store, &call, &err);
    return report(out, "records", good, good ? "" : "the database does not answer");
}

/* Who acts on the records: this one, or another one while this stands by. Either is well; nobody at all is not told here. */
static bool check_leader(struct worker *worker, struct str *out)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(leadership_release) struct leadership leadership = { 0 };
    struct call call = call_within(NULL, PROBE_MS);
    if (!worker_open(worker, &err))
        return true;
    store_set_call(worker->store, &call);
    bool good = store_leadership(worker->store, &leadership, &err);
    store_set_call(worker->store, NULL);
    CLEANUP(freep)
    char *detail = !good ? mem_strdup("not known")
                   : leadership.epoch
                       ? mem_printf("%s leads in epoch %lld%s", leadership.name, (long long)leadership.epoch,
                                    leadership.holder[0] ? "" : ", and has left")
                       : mem_strdup("nobody led yet");
    return report(out, "leader", good, detail);
}

static bool check_feed(struct worker *worker, struct str *out)
{
    bool good = feed_is_connected(worker->shared->options->feed);
    return report(out, "feed", good, good ? "" : "not connected");
}

static bool check_server(struct worker *worker, struct str *out)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct server_version version = { 0 };
    struct call call = call_within(NULL, PROBE_MS);
    if (!worker_open(worker, &err))
        return report(out, "postgresql", false, "not opened yet");
    bool good = server_version(worker_server(worker), &call, &version, &err);
    CLEANUP(freep) char *detail = mem_printf("PostgreSQL %s", good ? version.text : "does not answer");
    free(version.text);
    return report(out, "postgresql", good, detail);
}

static bool check_engine(struct worker *worker, struct str *out)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(docker_version_release) struct docker_version version = { 0 };
    struct call call = call_within(NULL, PROBE_MS);
    struct docker *docker = worker_docker(worker, &err);
    if (!docker || !docker_version(docker, &call, &version, &err))
        return report(out, "docker", false, "Docker Engine does not answer");
    CLEANUP(freep) char *detail = mem_printf("Docker Engine %s, API %s", version.engine, version.api);
    return report(out, "docker", true, detail);
}

static bool check_daemon(struct worker *worker, struct str *out)
{
    CLEANUP(str_release) struct str problems = STR_INIT;
    const struct api_options *options = worker->shared->options;
    if (!options->add_problems)
        return true;
    options->add_problems(options->problems_context, &problems);
    return report(out, "daemon", problems.len == 0, problems.text);
}

/* Backups that a lost host takes its only key from are half of a backup; but the daemon can work. */
static void add_recovery_key(struct worker *worker, struct str *out)
{
    bool matters = false;
    bool exported = false;
    struct call call = call_within(NULL, PROBE_MS);
    if (!worker_open(worker, NULL))
        return;
    store_set_call(worker->store, &call);
    bool known = recovery_key_state(worker, &matters, &exported, NULL);
    store_set_call(worker->store, NULL);
    if (!known)
        return;
    metric_set(&recovery_key_gauge, exported ? 1 : 0, NULL, NULL, NULL);
    if (matters && !exported)
        str_add(out, "[!]recovery-key " RECOVERY_KEY_NOT_EXPORTED ": " RECOVERY_KEY_ADVICE "\n");
}

static void add_libraries(struct str *out)
{
    str_addf(out, "tenantd %s, libmicrohttpd %s, %s, libpq %d, jansson %s, %s\n", TENANTD_VERSION, MHD_get_version(),
             curl_version(), PQlibVersion(), jansson_version_str(), OpenSSL_version(OPENSSL_VERSION));
}

static bool check_all(struct worker *worker, struct str *out)
{
    static bool (*const checks[])(struct worker * worker, struct str * out) = {
        check_store, check_leader, check_feed, check_server, check_engine, check_daemon,
    };
    bool is_ready = true;
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        is_ready = checks[i](worker, out) && is_ready;
    add_recovery_key(worker, out);
    add_libraries(out);
    str_addf(out, "readyz check %s\n", is_ready ? "passed" : "failed");
    return is_ready;
}

/* Asks anew when the last answers have aged and nobody else is asking. */
static void refresh(struct worker *worker, struct readiness *readiness)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    int64_t now_ms = clock_mono_ms();
    pthread_mutex_lock(&readiness->lock);
    bool is_fresh = readiness->checked_mono_ms && now_ms < readiness->checked_mono_ms + FRESH_MS;
    /* Who comes while somebody asks is told the last answer: neighbours that hang must not hold all threads. */
    bool checks = !is_fresh && !readiness->is_checking;
    readiness->is_checking = readiness->is_checking || checks;
    pthread_mutex_unlock(&readiness->lock);
    if (!checks)
        return;
    bool is_ready = check_all(worker, &text);
    pthread_mutex_lock(&readiness->lock);
    str_move(&readiness->report, &text);
    readiness->is_ready = is_ready;
    readiness->checked_mono_ms = clock_mono_ms();
    readiness->is_checking = false;
    pthread_mutex_unlock(&readiness->lock);
}

bool health_ready(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    struct readiness *readiness = worker->shared->readiness;
    bool is_verbose;
    if (!uri_query_flag(&request->uri, "verbose", &is_verbose, err))
        return false;
    refresh(worker, readiness);
    pthread_mutex_lock(&readiness->lock);
    int status = readiness->is_ready ? 200 : 503;
    answer_text(answer, status, is_verbose || status != 200 ? readiness->report.text : "ok");
    pthread_mutex_unlock(&readiness->lock);
    return true;
}

/* ---- metrics ---- */

static const struct metric streams_gauge = {
    .name = "tenantd_api_streams",
    .help = "Watches and logs that are being sent.",
    .type = METRIC_GAUGE,
};
static const struct metric watches_gauge = {
    .name = "tenantd_api_watches",
    .help = "Watches that are kept up to date.",
    .type = METRIC_GAUGE,
};

bool metrics_show(struct worker *worker, struct request *request, struct answer *answer, struct err *err)
{
    (void)request; /* one registry for all */
    (void)err;
    metric_set(&streams_gauge, (double)streams_count(worker->shared->streams), NULL, NULL, NULL);
    metric_set(&watches_gauge, (double)watches_count(worker->shared->watches), NULL, NULL, NULL);
    CLEANUP(str_release) struct str unused = STR_INIT;
    add_recovery_key(worker, &unused); /* sets its metric */
    str_clear(&answer->body);
    metrics_print(&answer->body);
    answer->status = 200;
    answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
    return true;
}
