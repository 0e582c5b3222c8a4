/* What every write of a record shares: reading the body, the rules, the store's call, the answer's wording. */
#pragma once

#include "api/request.h"
#include "reconcilers/admission.h"

/*
 * A body as a record of request->view's kind at the path's place, validated whole; `ret_version` is its
 * resourceVersion (0: none), its uid, where it has one, is a precondition. Unknown fields are errors, or warnings of
 * the answer, or nothing, as ?fieldValidation= says. `name` NULL: the body's counts. `ret_record` is to be released
 * in any case.
 */
bool write_decode(struct request *request, const json_t *document, const char *name, struct answer *answer,
                  struct record *ret_record, int64_t *ret_version, struct err *err) MUST_USE;
/* store_create() and store_update() with the kind's admission, errors worded; `record` is what is stored then. */
bool write_create(struct worker *worker, struct request *request, struct record *record, enum store_mode mode,
                  struct err *err) MUST_USE;
/*
 * The same for a Tenant that somebody unknown makes: a name under which anything is left of a tenant that is gone
 * (Backups and events outlive it) is ERR_EXISTS.
 */
bool write_create_unused(struct worker *worker, struct request *request, struct record *record,
                         struct err *err) MUST_USE;
bool write_update(struct worker *worker, struct request *request, struct record *record, int64_t expected_version,
                  enum store_mode mode, struct err *err) MUST_USE;
/*
 * A deletion of what a Source states, as writes are asked about it: ERR_CONFLICT where ?managed= is `refuse` and in the
 * platform API, else a warning of the answer.
 */
bool write_check_deletion(struct worker *worker, struct request *request, const struct record *record,
                          struct err *err) MUST_USE;
/* The stored record that the path names. */
bool write_find(struct worker *worker, struct request *request, struct record *ret_record, struct err *err) MUST_USE;
