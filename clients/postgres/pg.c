/*
 * One PostgreSQL connection whose every wait ends by a deadline or a flag: libpq's non-blocking half behind blocking
 * calls.
 */
#include "clients/postgres/pg.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>

#include "base/log.h"
#include "base/str.h"

#define QUERY_MS     (30 * SECOND_MS) /* of a call without a deadline */
#define SLICE_MS     200              /* how late a raised cancel flag is seen */
#define TERMINATE_MS 1000             /* what ending a given-up query on the server may cost */
#define SQLSTATE_LEN 5
#define IDLE_READS   8 /* of an idle connection before a query; more is somebody flooding us with notices */

struct pg {
    char *url;
    PGconn *conn;
    bool (*prepare)(struct pg *pg, void *context, const struct call *call, struct err *err);
    void *context;
    bool preparing;
    char sqlstate[SQLSTATE_LEN + 1];
};

/* The only place that decides what a SQLSTATE means; the first row whose text begins it counts. */
static const struct {
    const char *prefix;
    enum err_code code;
    const char *instead; /* said instead of the server's message, where that shows the value it complains about */
} sqlstates[] = {
    { "08", ERR_UNREACHABLE, NULL },
    { "57P", ERR_UNREACHABLE, NULL }, /* shut down, crashed, starting up, database dropped under us */
    { "57", ERR_REMOTE, NULL },       /* 57014 too: whoever cancelled it, it was not our flag */
    { "23505", ERR_EXISTS, NULL },
    { "42P04", ERR_EXISTS, NULL },
    { "42710", ERR_EXISTS, NULL },
    { "3D000", ERR_NOT_FOUND, NULL },
    { "42704", ERR_NOT_FOUND, NULL },
    { "55006", ERR_CONFLICT, NULL },
    { "55000", ERR_CONFLICT, NULL }, /* closed with ALLOW_CONNECTIONS false */
    { "55P03", ERR_CONFLICT, NULL },
    { "40", ERR_CONFLICT, NULL },
    { "23503", ERR_CONFLICT, NULL },
    { "2BP01", ERR_CONFLICT, NULL },
    { "42501", ERR_FORBIDDEN, NULL },
    { "28", ERR_REMOTE, NULL }, /* a login refused passes when the server's administrator puts it right: try again */
    { "53100", ERR_DISK_FULL, NULL },
    { "53", ERR_REMOTE, NULL },
    { "58", ERR_REMOTE, NULL },
    { "XX", ERR_REMOTE, NULL },
    { "25006", ERR_REMOTE, NULL }, /* read-only: a standby, until it is promoted */
    { "22", ERR_INTERNAL, "a value does not fit its type" },
};

/* Five of them, at least one a digit: unlike "FATAL". */
static bool sqlstate_is_valid(const char *text)
{
    static const char digits_and_letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return strspn(text, digits_and_letters) == SQLSTATE_LEN && strcspn(text, "0123456789") < SQLSTATE_LEN;
}

static void add_one_line(struct str *str, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool blank = isspace((unsigned char)text[i]);
        if (!blank)
            str_addc(str, text[i]);
        else if (str->len > 0 && str->text[str->len - 1] != ' ')
            str_addc(str, ' ');
    }
}

static void trim(struct str *str)
{
    while (str->len > 0 && str->text[str->len - 1] == ' ')
        str->text[--str->len] = '\0';
}

static bool raise_sqlstate(const char *sqlstate, const char *message, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(sqlstates); i++)
        if (str_starts_with(sqlstate, sqlstates[i].prefix))
            return err_set(err, sqlstates[i].code, "%s (SQLSTATE %s)",
                           sqlstates[i].instead ? sqlstates[i].instead : message, sqlstate);
    return err_set(err, ERR_INTERNAL, "%s (SQLSTATE %s)", message, sqlstate);
}

/*
 * libpq gives no SQLSTATE for a login that failed, but with PQERRORS_VERBOSE it writes it into the text, after the
 * severity: "FATAL:  28P01: password ...". The lines that follow with details and source places are left out.
 */
static bool raise_connect_error(PGconn *conn, char ret_sqlstate[SQLSTATE_LEN + 1], struct err *err)
{
    CLEANUP(str_release) struct str message = STR_INIT;
    static const char *const left_out[] = { "DETAIL:", "HINT:", "LOCATION:", "CONTEXT:" };
    for (const char *line = PQerrorMessage(conn); *line;) {
        size_t len = strcspn(line, "\n");
        bool skip = false;
        for (size_t i = 0; i < ARRAY_LEN(left_out); i++)
            skip = skip || str_starts_with(line, left_out[i]);
        if (!skip) {
            add_one_line(&message, line, len);
            str_addc(&message, ' ');
        }
        line += len + (line[len] == '\n');
    }
    trim(&message);
    for (char *at = message.text; (at = strstr(at, ": ")) != NULL; at += 2) {
        char *state = at + 2;
        if (!sqlstate_is_valid(state) || !str_starts_with(state + SQLSTATE_LEN, ": "))
            continue;
        memcpy(ret_sqlstate, state, SQLSTATE_LEN);
        ret_sqlstate[SQLSTATE_LEN] = '\0';
        memmove(state, state + SQLSTATE_LEN + 2, strlen(state + SQLSTATE_LEN + 2) + 1); /* it is said at the end */
    }
    if (*ret_sqlstate)
        return raise_sqlstate(ret_sqlstate, message.text, err);
    return err_set(err, ERR_UNREACHABLE, "%s", message.len > 0 ? message.text : "the connection broke");
}

static bool raise_result_error(PGconn *conn, const PGresult *result, char ret_sqlstate[SQLSTATE_LEN + 1],
                               struct err *err)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    CLEANUP(str_release) struct str message = STR_INIT;
    if (!sqlstate || strlen(sqlstate) != SQLSTATE_LEN || !primary)
        return raise_connect_error(conn, ret_sqlstate, err);
    memcpy(ret_sqlstate, sqlstate, SQLSTATE_LEN + 1);
    add_one_line(&message, primary, strlen(primary));
    trim(&message);
    return raise_sqlstate(sqlstate, message.text, err);
}

static void drop_notice(void *context, const PGresult *result)
{
    (void)context; /* libpq's signature; a notice may show values and says nothing that we act upon */
    (void)result;
}

/* True when the socket is ready for `events`. */
static bool conn_wait(PGconn *conn, short events, const struct call *call, struct err *err)
{
    for (;;) {
        if (!call_check(call, err))
            return false;
        int64_t left_ms = call_left_ms(call);
        struct pollfd pollfd = { .fd = PQsocket(conn), .events = events };
        if (pollfd.fd < 0)
            return err_set(err, ERR_UNREACHABLE, "the connection broke");
        int ready = poll(&pollfd, 1, left_ms < SLICE_MS ? (int)left_ms : SLICE_MS);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return err_set_errno(err, errno, "wait for PostgreSQL");
    }
}

static bool url_is_valid(const char *url, struct err *err)
{
    /* libpq's own message quotes the part that it stumbles over, which may be the password. */
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (!options)
        return err_set(err, ERR_INVALID,
                       "the PostgreSQL connection string cannot be read; "
                       "try postgresql://user:password@host:5432/database");
    PQconninfoFree(options);
    return true;
}

/*
 * `like`: NULL, or a connection whose very server is wanted, where the URL names several. Only the resolver can block
 * here past the deadline: libpq looks names up within PQconnectPoll().
 */
static bool conn_open(const char *url, PGconn *like, const struct call *call, PGconn **ret,
                      char ret_sqlstate[SQLSTATE_LEN + 1], struct err *err)
{
    if (!url_is_valid(url, err) || !call_check(call, err))
        return false;
    /* Later ones win: what stands before dbname is a default, what stands after it is our will. */
    const char *keywords[] = { "fallback_application_name",
                               "keepalives_idle",
                               "keepalives_interval",
                               "keepalives_count",
                               "gssencmode",
                               "dbname",
                               "client_encoding",
                               "host",
                               "hostaddr",
                               "port",
                               NULL };
    const char *values[] = { "tenantd", "30", "10", "3", "disable", url, "UTF8", NULL, NULL, NULL, NULL };
    if (like) {
        values[7] = PQhost(like);
        values[8] = PQhostaddr(like);
        values[9] = PQport(like);
    } else {
        keywords[7] = NULL;
    }
    PGconn *conn = PQconnectStartParams(keywords, values, 1);
    if (!conn)
        abort(); /* out of memory, as in mem_zalloc() */
    PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(conn, drop_notice, NULL);
    PostgresPollingStatusType state = PQstatus(conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        if (!conn_wait(conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, call, err)) {
            PQfinish(conn);
            return false;
        }
        state = PQconnectPoll(conn);
    }
    if (state == PGRES_POLLING_FAILED || PQsetnonblocking(conn, 1) != 0) {
        raise_connect_error(conn, ret_sqlstate, err);
        PQfinish(conn);
        return false;
    }
    *ret = conn;
    return true;
}

static bool conn_flush(PGconn *conn, const struct call *call, struct err *err)
{
    while (PQflush(conn) > 0) {
        /* The server may not read on before we have read what it says. */
        if (!conn_wait(conn, POLLIN | POLLOUT, call, err))
            return false;
        if (!PQconsumeInput(conn))
            break;
    }
    /* True also when it broke: it may still hold the server's last words, which conn_collect() reads and tells. */
    return true;
}

/* Reads until the server is ready again. The last result counts; the first error does, where there is one. */
static bool conn_collect(PGconn *conn, const struct call *call, PGresult **ret, char ret_sqlstate[SQLSTATE_LEN + 1],
                         struct err *err)
{
    CLEANUP(pg_clearp) PGresult *last = NULL;
    bool failed = false;
    for (;;) {
        while (PQisBusy(conn)) {
            if (!conn_wait(conn, POLLIN, call, err))
                return false;
            if (!PQconsumeInput(conn))
                break; /* PQgetResult() then makes an error result of it */
        }
        PGresult *result = PQgetResult(conn);
        if (!result)
            break;
        ExecStatusType status = PQresultStatus(result);
        bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
        bool copies = status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
        if (!good && !failed) {
            failed = true;
            if (copies)
                err_set(err, ERR_INTERNAL, "COPY is not spoken here");
            else
                raise_result_error(conn, result, ret_sqlstate, err);
        }
        PQclear(last);
        last = result;
        if (copies)
            break; /* left in the middle of it: the caller closes on what is no longer idle */
    }
    if (failed)
        return false;
    if (!last)
        return err_set(err, ERR_UNREACHABLE, "the connection broke");
    if (ret)
        *ret = STEAL(last);
    return true;
}

struct pg *pg_new(const char *url)
{
    struct pg *pg = MEM_NEW(struct pg);
    pg->url = mem_strdup(url);
    return pg;
}

void pg_close(struct pg *pg)
{
    PQfinish(STEAL(pg->conn));
}

void pg_free(struct pg *pg)
{
    if (!pg)
        return;
    pg_close(pg);
    mem_wipe(pg->url, strlen(pg->url));
    free(pg->url);
    free(pg);
}

void pg_freep(struct pg **pg)
{
    pg_free(*pg);
}

void pg_on_connect(struct pg *pg,
                   bool (*prepare)(struct pg *pg, void *context, const struct call *call, struct err *err),
                   void *context)
{
    pg->prepare = prepare;
    pg->context = context;
}

PGconn *pg_handle(struct pg *pg)
{
    return pg->conn;
}

const char *pg_sqlstate(const struct pg *pg)
{
    return pg->sqlstate;
}

/* A server that went away says so on the idle socket; seen here, no caller pays for it. */
static bool has_live_connection(struct pg *pg)
{
    for (int i = 0; pg->conn && i < IDLE_READS; i++) {
        struct pollfd pollfd = { .fd = PQsocket(pg->conn), .events = POLLIN };
        if (PQstatus(pg->conn) != CONNECTION_OK || pollfd.fd < 0)
            return false;
        if (poll(&pollfd, 1, 0) <= 0)
            return true;
        if (!PQconsumeInput(pg->conn))
            return false;
    }
    return pg->conn != NULL;
}

/* A flag alone is no deadline: a server that hangs must not hold whoever asks it. */
static struct call bounded(const struct call *call)
{
    return call && call->deadline_mono_ms ? *call : call_within(call, QUERY_MS);
}

static bool connect_within(struct pg *pg, const struct call *call, struct err *err)
{
    pg->sqlstate[0] = '\0';
    if (!call_check(call, err))
        return false;
    PGTransactionStatusType status = pg->conn ? PQtransactionStatus(pg->conn) : PQTRANS_IDLE;
    bool in_transaction = status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
    if (has_live_connection(pg))
        return true;
    pg_close(pg);
    if (in_transaction || pg->preparing)
        return err_set(err, ERR_UNREACHABLE, "the connection to PostgreSQL broke");
    if (!conn_open(pg->url, NULL, call, &pg->conn, pg->sqlstate, err))
        return err_wrap(err, "connect to PostgreSQL");
    if (!pg->prepare)
        return true;
    pg->preparing = true;
    bool prepared = pg->prepare(pg, pg->context, call, err);
    pg->preparing = false;
    if (!prepared)
        pg_close(pg);
    return prepared;
}

bool pg_connect(struct pg *pg, const struct call *call, struct err *err)
{
    struct call within = bounded(call);
    return connect_within(pg, &within, err);
}

/*
 * Ends our session on the server, for a query that is given up would otherwise run on to its end. PQcancel() of libpq
 * 15 connects and reads in blocking mode with no time limit, so it would hang just when the server does; a second
 * connection made like the first one has a deadline. Terminating rather than cancelling: a cancel that arrives before
 * the query has been read is lost. From PostgreSQL 14 on it is waited for, so that nothing is made after whoever comes
 * next has looked for it. Best effort: the caller knows no more than "given up" anyhow.
 */
static void end_on_server(const char *url, PGconn *conn)
{
    struct call call = call_within(NULL, TERMINATE_MS);
    char sqlstate[SQLSTATE_LEN + 1] = "";
    CLEANUP(err_release) struct err why = ERR_INIT;
    CLEANUP(freep) char *pid = mem_printf("%d", PQbackendPID(conn));
    const char *params[] = { pid };
    PGconn *second = NULL;
    if (!conn_open(url, conn, &call, &second, sqlstate, &why))
        return;
    const char *sql = PQserverVersion(second) >= 140000 ? "select pg_catalog.pg_terminate_backend($1::int, 800)"
                                                        : "select pg_catalog.pg_terminate_backend($1::int)";
    if (!PQsendQueryParams(second, sql, 1, NULL, params, NULL, NULL, 0) || !conn_flush(second, &call, &why) ||
        !conn_collect(second, &call, NULL, sqlstate, &why))
        log_debug("given-up query not ended on the server", LOG_STR("error", err_message(&why)));
    PQfinish(second);
}

/*
 * What was sent is flushed and answered; a connection that is not idle or at rest in a transaction afterwards is
 * closed.
 */
static bool pg_finish(struct pg *pg, int sent, const struct call *call, PGresult **ret, struct err *err)
{
    if (!sent) {
        raise_connect_error(pg->conn, pg->sqlstate, err);
        pg_close(pg);
        return false;
    }
    if (conn_flush(pg->conn, call, err) && conn_collect(pg->conn, call, ret, pg->sqlstate, err))
        return true;
    if (PQstatus(pg->conn) == CONNECTION_OK && PQtransactionStatus(pg->conn) == PQTRANS_ACTIVE) {
        end_on_server(pg->url, pg->conn);
        pg_close(pg);
    } else if (PQstatus(pg->conn) != CONNECTION_OK) {
        pg_close(pg);
    }
    return false;
}

bool pg_query(struct pg *pg, const char *sql, const char *const *params, int count, const struct call *call,
              PGresult **ret, struct err *err)
{
    struct call within = bounded(call);
    if (!connect_within(pg, &within, err))
        return false;
    int sent =
        count == 0 ? PQsendQuery(pg->conn, sql) : PQsendQueryParams(pg->conn, sql, count, NULL, params, NULL, NULL, 0);
    return pg_finish(pg, sent, &within, ret, err);
}

bool pg_prepare(struct pg *pg, const char *name, const char *sql, const struct call *call, struct err *err)
{
    struct call within = bounded(call);
    if (!connect_within(pg, &within, err))
        return false;
    return pg_finish(pg, PQsendPrepare(pg->conn, name, sql, 0, NULL), &within, NULL, err);
}

bool pg_run(struct pg *pg, const char *prepared, const char *const *params, int count, const struct call *call,
            PGresult **ret, struct err *err)
{
    struct call within = bounded(call);
    if (!connect_within(pg, &within, err))
        return false;
    return pg_finish(pg, PQsendQueryPrepared(pg->conn, prepared, count, params, NULL, NULL, 0), &within, ret, err);
}

void pg_clearp(PGresult **result)
{
    PQclear(*result);
}

int pg_column(const PGresult *result, const char *name)
{
    int column = PQfnumber(result, name);
    if (column < 0) {
        fprintf(stderr, "pg_column: no column \"%s\"\n", name);
        abort();
    }
    return column;
}

const char *pg_text_at(const PGresult *result, int row, int column)
{
    if (column < 0 || column >= PQnfields(result) || row < 0 || row >= PQntuples(result)) {
        fprintf(stderr, "pg_text_at: no column %d or no row %d\n", column, row);
        abort();
    }
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

int64_t pg_int_at(const PGresult *result, int row, int column)
{
    const char *text = pg_text_at(result, row, column);
    int64_t value = 0;
    if (text && !str_parse_int64(text, INT64_MIN, INT64_MAX, &value)) {
        fprintf(stderr, "pg_int_at: column \"%s\" is no integer\n", PQfname(result, column));
        abort();
    }
    return value;
}

const char *pg_text(const PGresult *result, int row, const char *column)
{
    return pg_text_at(result, row, pg_column(result, column));
}

int64_t pg_int(const PGresult *result, int row, const char *column)
{
    return pg_int_at(result, row, pg_column(result, column));
}
