/* Start-up, adoption and stop of the embedded PostgreSQL cluster. */
#include "clients/postgres/cluster.h"

#include <poll.h>

#include "base/log.h"
#include "clients/postgres/cluster_internal.h"
#include "clients/postgres/pg.h"

#define SLICE_MS     50
#define LOOK_MS      (5 * SECOND_MS)  /* one attempt to log in */
#define APPEAR_MS    (10 * SECOND_MS) /* from the start to a pid file */
#define PORT_WAIT_MS (3 * SECOND_MS)
#define AGAIN_MS     500
#define START_LIMIT  20

/* A server that answers. */
struct reached {
    struct pg *pg;
    int port;
    bool adopted; /* it ran before we came */
};

static void reached_release(struct reached *reached)
{
    pg_free(reached->pg);
}

void cluster_release(struct cluster *cluster)
{
    free(cluster->directory);
    free(cluster->admin_url);
    *cluster = (struct cluster){ 0 };
}

static char *admin_url_of(const struct cluster_place *place, int port)
{
    CLEANUP(str_release) struct str url = STR_INIT;
    str_add(&url, "postgresql:///postgres?host=");
    str_add_url_segment(&url, place->sockets);
    str_addf(&url, "&port=%d&user=" CLUSTER_SUPERUSER, port);
    return str_steal(&url);
}

static bool pause_for(int milliseconds, const struct call *call, struct err *err)
{
    poll(NULL, 0, milliseconds); /* an early return is harmless */
    return call_check(call, err);
}

/* A server that was killed may leave processes that hold its port a moment longer. */
static bool wait_for_port(const struct cluster_options *options, int port, const struct call *call, struct err *err)
{
    struct call waiting = call_within(call, PORT_WAIT_MS);
    for (;;) {
        CLEANUP(err_release) struct err why = ERR_INIT;
        if (cluster_port_is_free(options, port, &why))
            return true;
        if (why.code != ERR_CONFLICT || !pause_for(SLICE_MS, &waiting, NULL)) {
            err_move(err, &why);
            return false;
        }
    }
}

/* This call's starts of the server. */
struct starting {
    int count;
    int64_t at_ms;
    bool waited; /* it came up or ended, so that one which is missing has ended */
};

/*
 * The first start is for a server that does not run, or just ended while it was adopted; the others are for one that
 * did not come up because sessions of a killed predecessor still held its memory: that passes.
 */
static bool start_server(const struct cluster_place *place, const struct cluster_options *options, int port,
                         struct starting *starting, const struct call *call, struct err *err)
{
    bool is_first = starting->count++ == 0;
    bool has_unit = !starting->waited;
    starting->at_ms = clock_mono_ms();
    if (is_first)
        return wait_for_port(options, port, call, err) && postmaster_start(place, call, &starting->waited, err);
    CLEANUP(freep) char *words = postmaster_last_words(place->directory);
    if (starting->count > START_LIMIT || !strstr(words, "shared memory block"))
        return err_set(err, ERR_REMOTE, "PostgreSQL in %s does not start%s%s: %s", place->directory,
                       has_unit ? "; see also: journalctl -u tenantd-postgres-" : "", has_unit ? place->hash : "",
                       *words ? words : "it left no log");
    return pause_for(AGAIN_MS, call, err) && postmaster_start(place, call, &starting->waited, err);
}

/* True with *ret == NULL: not yet. */
static bool log_in(const struct cluster_place *place, int port, struct pg **ret, const struct call *call,
                   struct err *err)
{
    CLEANUP(freep) char *url = admin_url_of(place, port);
    CLEANUP(pg_freep) struct pg *pg = pg_new(url);
    CLEANUP(err_release) struct err why = ERR_INIT;
    struct call look = call_within(call, LOOK_MS);
    if (pg_connect(pg, &look, &why)) {
        *ret = STEAL(pg);
        return true;
    }
    if (!call_check(call, err))
        return err_wrap(err, "PostgreSQL in %s does not let us in yet (%s)", place->directory, err_message(&why));
    if (why.code == ERR_UNREACHABLE || why.code == ERR_TIMEOUT || str_starts_with(pg_sqlstate(pg), "53"))
        return true;
    err_move(err, &why);
    return err_wrap(err, "log in to the PostgreSQL cluster in %s", place->directory);
}

/*
 * Starts the server where none runs, and waits until a login succeeds. Recovery after a crash may take minutes, so only
 * the call's deadline ends the waiting.
 */
static bool start_or_adopt(const struct cluster_place *place, const struct cluster_options *options, int wanted_port,
                           const struct call *call, struct reached *ret, struct err *err)
{
    struct starting starting = { 0 };
    while (!ret->pg) {
        CLEANUP(postmaster_release) struct postmaster running = { .pid_fd = -1 };
        if (!postmaster_find(place->directory, &running, err))
            return false;
        if (running.pid) {
            starting.waited = true;
            ret->port = running.port;
            if (!log_in(place, running.port, &ret->pg, call, err))
                return false;
        } else if (starting.count == 0 || starting.waited || clock_mono_ms() - starting.at_ms > APPEAR_MS) {
            if (!start_server(place, options, wanted_port, &starting, call, err))
                return false;
        }
        if (!ret->pg && !pause_for(SLICE_MS, call, err))
            return err_wrap(err, "wait for PostgreSQL in %s", place->directory);
    }
    ret->adopted = starting.count == 0;
    return true;
}

/* What "committed" means to us. The remedy is in the message, for nobody but an administrator can have changed it. */
static bool check_settings(struct pg *pg, const struct call *call, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!pg_query(pg,
                  "select name, setting from pg_settings where name in ('fsync', 'full_page_writes', "
                  "'synchronous_commit') and setting = 'off'",
                  NULL, 0, call, &result, err))
        return err_wrap(err, "look at PostgreSQL's settings");
    if (PQntuples(result) == 0)
        return true;
    const char *name = pg_text(result, 0, "name");
    return err_set(err, ERR_INVALID,
                   "the PostgreSQL cluster has %s off, so a power cut may lose or damage everything; as its superuser "
                   "run: ALTER SYSTEM RESET %s; SELECT pg_reload_conf();",
                   name, name);
}

/*
 * A server that runs is never restarted under the customers' feet; what it needs a restart for is said at each start.
 * An address that was not there when PostgreSQL started (docker0 before dockerd) is only logged by it.
 */
static bool warn_of_pending(const struct reached *reached, const struct cluster_options *options, int wanted_port,
                            const struct call *call, struct err *err)
{
    int port = reached->port;
    static const char *const remedy = "tenantd stop --with-database, then start it again when customers can bear it";
    CLEANUP(strv_release) struct strv addresses = STRV_INIT;
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!cluster_listen(options, &addresses, err))
        return false;
    if (wanted_port != port)
        log_warning("PostgreSQL runs on another port than configured", LOG_INT("port", port),
                    LOG_INT("wanted", wanted_port), LOG_STR("remedy", remedy));
    for (size_t i = 0; i < addresses.count; i++) {
        enum port_state state;
        if (!cluster_port_look(addresses.items[i], port, &state, err))
            return false;
        if (state != PORT_TAKEN)
            log_warning("PostgreSQL does not listen on an address", LOG_STR("address", addresses.items[i]),
                        LOG_INT("port", port), LOG_STR("remedy", remedy));
    }
    if (!pg_query(reached->pg, "select name from pg_settings where pending_restart", NULL, 0, call, &result, err))
        return err_wrap(err, "look at PostgreSQL's settings");
    for (int i = 0; i < PQntuples(result); i++)
        log_warning("PostgreSQL needs a restart for a setting", LOG_STR("setting", pg_text(result, i, "name")),
                    LOG_STR("remedy", remedy));
    return call_check(call, err);
}

bool cluster_start(const struct cluster_options *options, const struct call *call, struct cluster *ret, struct err *err)
{
    CLEANUP(cluster_place_release) struct cluster_place place = { 0 };
    CLEANUP(reached_release) struct reached reached = { 0 };
    int wanted_port = 0;
    bool changed = false;
    if (!cluster_options_check(options, err) || !cluster_place_make(options->data, call, &place, err) ||
        !cluster_port(&place, options, &wanted_port, err) ||
        !cluster_config_write(&place, options, wanted_port, &changed, err) ||
        !start_or_adopt(&place, options, wanted_port, call, &reached, err))
        return false;
    if (reached.adopted)
        log_info("running PostgreSQL adopted", LOG_STR("directory", place.directory), LOG_INT("port", reached.port));
    if (reached.adopted && changed && !pg_query(reached.pg, "select pg_reload_conf()", NULL, 0, call, NULL, err))
        return err_wrap(err, "have PostgreSQL read its configuration");
    if (!check_settings(reached.pg, call, err) || !warn_of_pending(&reached, options, wanted_port, call, err))
        return false;
    ret->admin_url = admin_url_of(&place, reached.port);
    ret->directory = STEAL(place.directory);
    ret->port = reached.port;
    return true;
}

bool cluster_stop(const char *data, const struct call *call, struct err *err)
{
    CLEANUP(cluster_place_release) struct cluster_place place = { 0 };
    CLEANUP(postmaster_release) struct postmaster running = { .pid_fd = -1 };
    CLEANUP(err_release) struct err why = ERR_INIT;
    if (!cluster_place_find(data, &place, &why)) {
        if (why.code == ERR_NOT_FOUND)
            return true;
        err_move(err, &why);
        return false;
    }
    if (!postmaster_find(place.directory, &running, err))
        return false;
    return !running.pid || postmaster_stop(&running, call, err);
}
