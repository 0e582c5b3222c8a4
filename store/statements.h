/* Every statement the store runs, by name. Private to store/: the other rooms call store.h. */
#pragma once

#include "base/str.h"

#define STATEMENT_PARAMS_MAX 16

/* Where the columns of a record stand in every row that has them, counted from the first, "kind". */
enum record_column {
    COLUMN_KIND,
    COLUMN_NAMESPACE,
    COLUMN_NAME,
    COLUMN_UID,
    COLUMN_GENERATION,
    COLUMN_VERSION,
    COLUMN_CREATED,
    COLUMN_DELETION,
    COLUMN_FINALIZERS,
    COLUMN_LABELS,
    COLUMN_ANNOTATIONS,
    COLUMN_SPEC,
    COLUMN_STATUS,
    COLUMN_MANAGED,
};

enum statement_id {
    PING,
    FACT_ADD,
    FACT_FIND,

    RECORD_FIND,
    RECORD_FIND_BY_UID,
    RECORD_LOCK,
    RECORD_LIST,
    RECORD_LIST_AT,
    RECORD_COUNT,
    RECORD_INSERT,
    RECORD_UPDATE,
    RECORD_DELETE,
    NAMESPACE_IS_USED,

    CHANGE_READ,
    CHANGE_PRUNE,

    STATE_FIND,
    STATE_PUT,
    SECRET_FIND,
    SECRET_ADD,
    SECRET_PUT,
    SECRET_NAMES,
    SECRET_DROP,
    APPLIED_FIND,
    APPLIED_PUT,
    APPLIED_LIST,
    APPLIED_DROP,
    CHANGE_WRITERS,
    CLAIM_ADD,
    CLAIM_HOLDER,
    CLAIM_OF,
    CLAIM_DROP,
    CLAIM_VALUES,

    EVENT_LOCK,
    EVENT_FIND_LIKE,
    EVENT_TRIM,
    EVENT_INSERT,
    EVENT_LIST,
    EVENT_PRUNE,

    TOKEN_PUT,
    TOKEN_INSERT,
    TOKEN_FIND,
    TOKEN_TOUCH,
    TOKEN_LIST,
    TOKEN_DROP,
    TOKEN_LEAVE_TENANT,
    TOKEN_DROP_MEMBERS,

    ACCOUNT_INSERT,
    ACCOUNT_FIND,
    ACCOUNT_LOCK,
    ACCOUNT_LIST,
    ACCOUNT_UPDATE,
    ACCOUNT_SEEN,
    ACCOUNT_DROP,
    ACCOUNT_LEAVE_TENANT,
    SESSION_INSERT,
    SESSION_DROP,
    SESSION_DROP_OF,
    ATTEMPT_COUNT,
    ATTEMPT_CLEAR,

    IDEMPOTENCY_PRUNE,
    IDEMPOTENCY_BEGIN,
    IDEMPOTENCY_FIND,
    IDEMPOTENCY_KEEP,
    IDEMPOTENCY_FORGET,

    AUDIT_INSERT,
    AUDIT_LIST,

    LEADER_FIND,
    LEADER_SILENCE,
    LEADER_LOCK,
    LEADER_UNLOCK,
    LEADER_GATE,
    LEADER_ENTER,
    LEADER_BEGIN,
    LEADER_CONFIRM,
    LEADER_LEAVE,
    STATEMENTS
};

struct statement {
    const char *name;
    size_t params;
    const char *sql;
};
extern const struct statement statements[STATEMENTS];

/* One script that prepares them all: a single round trip when a connection opens. */
void statements_add_script(struct str *script);
