/*
 * The SQL of the store, in one table. Conventions: documents travel as json text that C has made; times are
 * milliseconds of our own clock (base/clock.h); each write that others must see takes its version from `counter` in
 * its very last statement, with the row in `change` and the notification, so that whoever holds the counter's row has
 * nothing left to do but commit.
 */
#include "store/statements.h"

/* In the order of enum record_column. */
#define RECORD_COLUMNS                                                                                                 \
    "kind, namespace, name, uid, generation, version, created_ms, deletion_ms, finalizers, labels, annotations, "      \
    "spec, status, managed"
#define EVENT_COLUMNS                                                                                                  \
    "uid, name, namespace, version, about_kind, about_namespace, about_name, about_uid, type, reason, message, "       \
    "first_ms, last_ms, count"
#define CHANGE_COLUMNS                                                                                                 \
    "version, kind, namespace, name, uid, generation, operation, object, spec_changed, is_event, who, at_ms"

/* Any two numbers of our own. The first is held by the session that leads, the second by transactions. */
#define LEADER_LOCK_KEY "731964850264"
#define LEADER_GATE_KEY "731964850265"
#define ACCOUNT_COLUMNS "id, email, name, password_hash, role, tenants, disabled, created_ms, last_login_ms"

#define NEXT_VERSION "with next as (update counter set version = version + 1 returning version), "
/* All parts of a statement see one snapshot: this is the row as it was. */
#define BEFORE "(select row_to_json(old) from record old where old.uid = $1)"
/* `stored` in front of it makes a write that met no row answer with no row, which is an error then. */
#define TELL "select next.version, pg_notify('tenantd_change', next.version::text) from next, stored"

const struct statement statements[STATEMENTS] = {
    [PING] = { "ping", 0, "select 1 from counter" },
    [FACT_ADD] = { "fact_add", 2, "insert into fact (name, value) values ($1, $2) on conflict (name) do nothing" },
    [FACT_FIND] = { "fact_find", 1, "select value from fact where name = $1" },

    [RECORD_FIND] = { "record_find", 3,
                      "select " RECORD_COLUMNS " from record where kind = $1 and namespace = $2 and name = $3" },
    [RECORD_FIND_BY_UID] = { "record_find_by_uid", 1, "select " RECORD_COLUMNS " from record where uid = $1" },
    /* Not "for update": that would wait for claims, state and secrets of the record, which only refer to its key. */
    [RECORD_LOCK] = { "record_lock", 3,
                      "select " RECORD_COLUMNS " from record where kind = $1 and namespace = $2 and name = $3 "
                      "for no key update" },
    /* One statement is one snapshot: it shows all records up to the counter's version and nothing after it. */
    [RECORD_LIST] = { "record_list", 5,
                      "select counter.version as newest, page.* from counter left join (select " RECORD_COLUMNS
                      " from record where kind = $1 and ($2::text is null or namespace = $2) "
                      "and (namespace, name) > ($3, $4) order by namespace, name limit $5::bigint) page on true "
                      "order by page.namespace, page.name" },
    /*
     * As it was at a version: what has not changed since, and of what has, the state before its first change. Whole only
     * while every change since is kept.
     */
    [RECORD_LIST_AT] = { "record_list_at", 6,
                         "select counter.version as newest, counter.version = $6::bigint or exists "
                         "(select from change where version = $6::bigint + 1) and not exists (select from change "
                         "where version > $6::bigint and not is_event and operation <> 'ADDED' and before is null) "
                         "as is_whole, page.* "
                         "from counter left join (select " RECORD_COLUMNS " from (select " RECORD_COLUMNS
                         " from record where version <= $6::bigint union all select " RECORD_COLUMNS " from "
                         "(select distinct on (kind, namespace, name) before from change where version > $6::bigint "
                         "and not is_event order by kind, namespace, name, version) first, "
                         "json_populate_record(null::store.record, first.before) where first.before is not null) was "
                         "where kind = $1 and ($2::text is null or namespace = $2) "
                         "and (namespace, name) > ($3, $4) order by namespace, name limit $5::bigint) page on true "
                         "order by page.namespace, page.name" },
    [RECORD_COUNT] = { "record_count", 2,
                       "select count(*) as count from record where kind = $1 and ($2::text is null or namespace = "
                       "$2)" },
    [RECORD_INSERT] = { "record_insert", 14,
                        NEXT_VERSION
                        "stored as (insert into record (" RECORD_COLUMNS ") "
                        "select $1, $2, $3, $4, $5::bigint, next.version, $6::bigint, 0, $7::json, $8::json, $9::json, "
                        "$10::json, $11::json, $14::json from next returning uid), "
                        "told as (insert into change (" CHANGE_COLUMNS ") "
                        "select next.version, $1, $2, $3, $4, $5::bigint, 'ADDED', $12::json, true, false, $13, "
                        "$6::bigint from next) " TELL },
    [RECORD_UPDATE] = { "record_update", 13,
                        NEXT_VERSION
                        "stored as (update record set version = next.version, generation = $2::bigint, "
                        "deletion_ms = $3::bigint, finalizers = $4::json, labels = $5::json, annotations = $6::json, "
                        "spec = $7::json, status = $8::json, managed = $13::json from next where uid = $1 returning "
                        "kind, namespace, name), "
                        "told as (insert into change (" CHANGE_COLUMNS ", before) "
                        "select next.version, stored.kind, stored.namespace, stored.name, $1, $2::bigint, 'MODIFIED', "
                        "$9::json, $10::boolean, false, $11, $12::bigint, " BEFORE " from next, stored) " TELL },
    [RECORD_DELETE] = { "record_delete", 4,
                        NEXT_VERSION "stored as (delete from record using next where uid = $1 "
                                     "returning kind, namespace, name, generation), "
                                     "told as (insert into change (" CHANGE_COLUMNS ", before) "
                                     "select next.version, stored.kind, stored.namespace, stored.name, $1, "
                                     "stored.generation, 'DELETED', "
                                     "$2::json, true, false, $3, $4::bigint, " BEFORE " from next, stored) " TELL },
    [NAMESPACE_IS_USED] = { "namespace_is_used", 2,
                            "select 1 from record where namespace = $1 and kind <> all ($2::text[]) limit 1" },

    [CHANGE_READ] = { "change_read", 2,
                      "select counter.version as newest, page.* from counter left join (select " CHANGE_COLUMNS
                      " from change where version > $1::bigint order by version limit $2::bigint) page on true "
                      "order by page.version" },
    /*
     * The oldest ones in a row; one that is young keeps those after it too, whatever the clock said when they were
     * written.
     */
    [CHANGE_PRUNE] = { "change_prune", 3,
                       "with oldest as (select version, bool_and(at_ms < $1::bigint and version <= $2::bigint) "
                       "over (order by version) as is_old from change order by version limit $3::bigint) "
                       "delete from change where version <= (select max(version) from oldest where is_old)" },

    [STATE_FIND] = { "state_find", 1, "select document from state where uid = $1" },
    [STATE_PUT] = { "state_put", 2,
                    "insert into state (uid, document) values ($1, $2::json) "
                    "on conflict (uid) do update set document = excluded.document" },
    [SECRET_FIND] = { "secret_find", 2, "select sealed from secret where uid = $1 and name = $2" },
    [SECRET_ADD] = { "secret_add", 3,
                     "insert into secret (uid, name, sealed) values ($1, $2, $3) on conflict (uid, name) do nothing" },
    [SECRET_PUT] = { "secret_put", 3,
                     "insert into secret (uid, name, sealed) values ($1, $2, $3) "
                     "on conflict (uid, name) do update set sealed = excluded.sealed" },
    [SECRET_NAMES] = { "secret_names", 1, "select name from secret where uid = $1 order by name" },
    [SECRET_DROP] = { "secret_drop", 2, "delete from secret where uid = $1 and name = $2" },

    [APPLIED_FIND] = { "applied_find", 1, "select document from applied where uid = $1" },
    [APPLIED_PUT] = { "applied_put", 3,
                      "insert into applied (uid, source, document) values ($1, $2, $3::json) on conflict (uid) "
                      "do update set source = excluded.source, document = excluded.document" },
    [APPLIED_LIST] = { "applied_list", 1, "select uid, document from applied where source = $1" },
    [APPLIED_DROP] = { "applied_drop", 1, "delete from applied where uid = $1" },
    /* Whoever wrote last what a user can write; status and events are nobody's. */
    [CHANGE_WRITERS] = { "change_writers", 1,
                         "select distinct on (kind, namespace, name) kind, namespace, name, who from change "
                         "where spec_changed and not is_event and who is not null and who <> $1 "
                         "order by kind, namespace, name, version desc" },

    [CLAIM_ADD] = { "claim_add", 3,
                    "insert into claim (scope, value, uid) values ($1, $2, $3) on conflict (scope, value) do nothing" },
    [CLAIM_HOLDER] = { "claim_holder", 2, "select uid from claim where scope = $1 and value = $2" },
    [CLAIM_OF] = { "claim_of", 2, "select value from claim where scope = $1 and uid = $2 order by value limit 1" },
    [CLAIM_DROP] = { "claim_drop", 2, "delete from claim where scope = $1 and uid = $2" },
    [CLAIM_VALUES] = { "claim_values", 1, "select value from claim where scope = $1 order by value" },

    /* Whoever adds events about one record comes in turn, so that two equal ones are counted and not both stored. */
    [EVENT_LOCK] = { "event_lock", 1, "select pg_advisory_xact_lock(hashtextextended($1, 7435))" },
    [EVENT_FIND_LIKE] = { "event_find_like", 5,
                          "select " EVENT_COLUMNS " from event where about_uid = $1 and type = $2 and reason = $3 "
                          "and message = $4 and last_ms > $5::bigint order by version desc limit 1" },
    [EVENT_TRIM] = { "event_trim", 2,
                     "delete from event where uid in (select uid from event where about_uid = $1 "
                     "order by version desc offset $2::bigint)" },
    [EVENT_INSERT] = { "event_insert", 15,
                       NEXT_VERSION
                       "stored as (insert into event (" EVENT_COLUMNS ") "
                       "select $1, $2, $3, next.version, $4, $5, $6, $7, $8, $9, $10, $11::bigint, $12::bigint, "
                       "$13::bigint from next on conflict (uid) do update set version = excluded.version, "
                       "last_ms = excluded.last_ms, count = excluded.count returning uid), "
                       "told as (insert into change (" CHANGE_COLUMNS ") "
                       "select next.version, $4, $5, $6, $7, 0, $14, $15::json, $14 = 'ADDED', true, null, $12::bigint "
                       "from next) " TELL },
    [EVENT_LIST] = { "event_list", 1,
                     "select counter.version as newest, page.* from counter left join (select " EVENT_COLUMNS
                     " from event where ($1::text is null or namespace = $1)) page on true order by page.version" },
    [EVENT_PRUNE] = { "event_prune", 1, "delete from event where last_ms < $1::bigint" },

    [TOKEN_PUT] = { "token_put", 7,
                    "insert into token (user_name, digest, role, tenants, verbs, created_ms, expires_ms) "
                    "values ($1, $2, $3, $4, $5, $6::bigint, $7::bigint) "
                    "on conflict (user_name) do update set digest = excluded.digest, role = excluded.role, "
                    "tenants = excluded.tenants, verbs = excluded.verbs, created_ms = excluded.created_ms, "
                    "expires_ms = excluded.expires_ms" },
    [TOKEN_INSERT] = { "token_insert", 7,
                       "insert into token (user_name, digest, role, tenants, verbs, created_ms, expires_ms) "
                       "values ($1, $2, $3, $4, $5, $6::bigint, $7::bigint)" },
    /* A session is its account as that is now, so a change of the account counts at once. */
    [TOKEN_FIND] = { "token_find", 2,
                     "select user_name, role, tenants, verbs, used_ms, '' as account from token "
                     "where digest = $1 and (expires_ms = 0 or expires_ms > $2::bigint) "
                     "union all select email, role, tenants, '', 0, id from session join account on id = account "
                     "where digest = $1 and expires_ms > $2::bigint and not disabled" },
    [TOKEN_TOUCH] = { "token_touch", 2, "update token set used_ms = $2::bigint where digest = $1" },
    [TOKEN_LIST] = { "token_list", 0,
                     "select user_name, role, tenants, verbs, created_ms, expires_ms, used_ms, '' as account "
                     "from token order by user_name" },
    [TOKEN_DROP] = { "token_drop", 1, "delete from token where user_name = $1 returning user_name" },
    [TOKEN_LEAVE_TENANT] = { "token_leave_tenant", 1,
                             "update token set tenants = array_to_string(array_remove(string_to_array(tenants, ','), "
                             "$1), ',') where $1 = any(string_to_array(tenants, ','))" },
    [TOKEN_DROP_MEMBERS] = { "token_drop_members", 0, "delete from token where role = 'member' and tenants = ''" },

    [ACCOUNT_INSERT] = { "account_insert", 7,
                         "insert into account (" ACCOUNT_COLUMNS ") values ($1, lower($2), $3, $4, $5, $6, false, "
                         "$7::bigint, 0)" },
    [ACCOUNT_FIND] = { "account_find", 1,
                       "select " ACCOUNT_COLUMNS " from account where id = $1 or email = lower($1)" },
    [ACCOUNT_LOCK] = { "account_lock", 1, "select " ACCOUNT_COLUMNS " from account where id = $1 for no key update" },
    [ACCOUNT_LIST] = { "account_list", 0, "select " ACCOUNT_COLUMNS " from account order by email" },
    [ACCOUNT_UPDATE] = { "account_update", 6,
                         "update account set name = $2, password_hash = $3, role = $4, tenants = $5, "
                         "disabled = $6::boolean where id = $1" },
    [ACCOUNT_SEEN] = { "account_seen", 2, "update account set last_login_ms = $2::bigint where id = $1" },
    [ACCOUNT_DROP] = { "account_drop", 1, "delete from account where id = $1" },
    [ACCOUNT_LEAVE_TENANT] = { "account_leave_tenant", 1,
                               "update account set tenants = array_to_string(array_remove(string_to_array(tenants, "
                               "','), $1), ',') where $1 = any(string_to_array(tenants, ','))" },
    [SESSION_INSERT] = { "session_insert", 4,
                         "with gone as (delete from session where expires_ms <= $3::bigint) "
                         "insert into session (digest, account, created_ms, expires_ms) "
                         "values ($1, $2, $3::bigint, $4::bigint)" },
    [SESSION_DROP] = { "session_drop", 1,
                       "delete from session using account where digest = $1 and id = account returning account, "
                       "email" },
    [SESSION_DROP_OF] = { "session_drop_of", 1, "delete from session where account = $1" },
    [ATTEMPT_COUNT] = { "attempt_count", 3,
                        "with gone as (delete from attempt where since_ms < $3::bigint and key <> $1) "
                        "insert into attempt (key, count, since_ms) values ($1, 1, $2::bigint) "
                        "on conflict (key) do update set "
                        "count = case when attempt.since_ms < $3::bigint then 1 else attempt.count + 1 end, "
                        "since_ms = case when attempt.since_ms < $3::bigint then $2::bigint else attempt.since_ms end "
                        "returning count" },
    [ATTEMPT_CLEAR] = { "attempt_clear", 1, "delete from attempt where key = $1" },

    [IDEMPOTENCY_PRUNE] = { "idempotency_prune", 2,
                            "delete from idempotency where at_ms < $1::bigint or (status = 0 and at_ms < $2::bigint)" },
    [IDEMPOTENCY_BEGIN] = { "idempotency_begin", 4,
                            "insert into idempotency (user_name, key, digest, at_ms) values ($1, $2, $3, $4::bigint) "
                            "on conflict do nothing returning key" },
    [IDEMPOTENCY_FIND] = { "idempotency_find", 2,
                           "select digest, status, body from idempotency where user_name = $1 and key = $2" },
    [IDEMPOTENCY_KEEP] = { "idempotency_keep", 4,
                           "update idempotency set status = $3::bigint, body = $4 where user_name = $1 and key = $2" },
    [IDEMPOTENCY_FORGET] = { "idempotency_forget", 2, "delete from idempotency where user_name = $1 and key = $2" },

    [AUDIT_INSERT] = { "audit_insert", 9,
                       "insert into tenantd.audit (at_ms, who, address, verb, kind, namespace, name, uid, fields) "
                       "values ($1::bigint, $2, $3, $4, $5, $6, $7, $8, $9)" },
    [AUDIT_LIST] = { "audit_list", 6,
                     "select number, at_ms, who, address, verb, kind, namespace, name, uid, fields from tenantd.audit "
                     "where ($1::text is null or who = $1) and ($2::text is null or namespace = $2) "
                     "and ($3::text is null or name = $3) and at_ms >= $4::bigint and number < $5::bigint "
                     "order by number desc limit $6::bigint" },

    [LEADER_FIND] = { "leader_find", 0, "select epoch, holder, name, since_ms from leader" },
    [LEADER_SILENCE] = { "leader_silence", 1, "select set_config('idle_session_timeout', $1, false)" },
    [LEADER_LOCK] = { "leader_lock", 0, "select pg_try_advisory_lock(" LEADER_LOCK_KEY ") as held" },
    [LEADER_UNLOCK] = { "leader_unlock", 0, "select pg_advisory_unlock_all()" },
    [LEADER_GATE] = { "leader_gate", 0, "select pg_advisory_xact_lock(" LEADER_GATE_KEY ")" },
    [LEADER_ENTER] = { "leader_enter", 0, "select pg_advisory_xact_lock_shared(" LEADER_GATE_KEY ")" },
    [LEADER_BEGIN] = { "leader_begin", 3,
                       "update leader set epoch = epoch + 1, holder = $1, name = $2, since_ms = $3::bigint "
                       "returning epoch" },
    /* The connection may be another one than that which took the lock: so it is asked for what this one holds. */
    [LEADER_CONFIRM] = { "leader_confirm", 0,
                         "select epoch, exists (select from pg_locks where locktype = 'advisory' and granted "
                         "and pid = pg_backend_pid() and objsubid = 1 and database = (select oid from pg_database "
                         "where datname = current_database()) and (classid::bigint << 32 | objid::bigint) = "
                         "" LEADER_LOCK_KEY ") as held from leader" },
    [LEADER_LEAVE] = { "leader_leave", 1, "update leader set holder = '' where epoch = $1::bigint" },
};

void statements_add_script(struct str *script)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        str_addf(script, "prepare %s as %s;", statements[i].name, statements[i].sql);
}
