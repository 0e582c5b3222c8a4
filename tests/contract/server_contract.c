/* The contract of the database server; see server_contract.h. */
#include "tests/contract/server_contract.h"

#include "base/json.h"

#define PASSWORD_OF_ROLE "open-sesame-contract"
#define LIMIT            7

/* The verifier, owned. */
static char *make_role(const struct server_contract *contract, const char *role)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    char *verifier = NULL;
    assert_ok(server_scram_verifier(contract->server, role, PASSWORD_OF_ROLE, NULL, &verifier, &err), &err);
    assert_ok(role_ensure(contract->server, role, verifier, LIMIT, NULL, &err), &err);
    return verifier;
}

static void make_database(const struct server_contract *contract, const char *name, const char *template_or_null)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    free(make_role(contract, contract->role));
    assert_ok(database_create(contract->server, name, contract->role, template_or_null, contract->stamp, NULL, &err),
              &err);
}

static void assert_database(const struct server_contract *contract, const char *name, const char *owner,
                            const char *stamp)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(database_release) struct database seen = { 0 };
    assert_ok(database_look(contract->server, name, NULL, &seen, &err), &err);
    assert_string_equal(seen.owner, owner);
    assert_string_equal(seen.comment, stamp);
    assert_false(seen.public_can_connect);
    assert_false(seen.deviates);
    bool is_closed = str_equal(owner, contract->connection_role);
    assert_int_equal(seen.allow_connections, !is_closed);
}

static void roles(void **state)
{
    const struct server_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(freep) char *second = NULL;
    CLEANUP(databases_release) struct databases databases = { 0 };
    CLEANUP(role_list_release) struct role_list list = { 0 };
    struct role_seen seen = { .exists = true };
    assert_ok(role_look(contract->server, contract->role, "", NULL, &seen, &err), &err);
    assert_false(seen.exists);
    CLEANUP(freep) char *verifier = make_role(contract, contract->role);
    assert_ok(role_look(contract->server, contract->role, verifier, NULL, &seen, &err), &err);
    assert_true(seen.exists && seen.can_login && seen.verifier_matches && !seen.deviates);
    assert_int_equal(seen.connection_limit, LIMIT);
    assert_ok(server_scram_verifier(contract->server, contract->role, PASSWORD_OF_ROLE, NULL, &second, &err), &err);
    assert_string_not_equal(second, verifier); /* another salt */
    assert_ok(role_look(contract->server, contract->role, second, NULL, &seen, &err), &err);
    assert_false(seen.verifier_matches);
    assert_ok(role_ensure(contract->server, contract->role, verifier, LIMIT + 1, NULL, &err), &err);
    assert_ok(server_list(contract->server, NULL, &databases, &list, &err), &err);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].name, contract->role);
    assert_int_equal(list.items[0].connection_limit, LIMIT + 1);
    CLEANUP(freep) char *digest = server_verifier_digest(verifier);
    assert_string_equal(list.items[0].verifier_digest, digest);
    assert_ok(role_drop(contract->server, contract->role, NULL, &err), &err);
    assert_fails(role_drop(contract->server, contract->role, NULL, &err), &err, ERR_NOT_FOUND);
    assert_fails(role_drop(contract->server, "somebody", NULL, &err), &err, ERR_INVALID);
}

static void databases(void **state)
{
    const struct server_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(database_release) struct database seen = { 0 };
    CLEANUP(databases_release) struct databases list = { 0 };
    struct server *server = contract->server;
    size_t found = 0;
    assert_fails(database_look(server, "contract", NULL, &seen, &err), &err, ERR_NOT_FOUND);
    assert_fails(database_create(server, "contract", contract->role, NULL, contract->stamp, NULL, &err), &err,
                 ERR_NOT_FOUND); /* there is no such role */
    make_database(contract, "contract", NULL);
    assert_database(contract, "contract", contract->role, contract->stamp);
    assert_fails(database_create(server, "contract", contract->role, NULL, contract->stamp, NULL, &err), &err,
                 ERR_EXISTS);
    assert_fails(database_create(server, "contract2", contract->role, NULL, "tenantd", NULL, &err), &err, ERR_INVALID);
    assert_fails(database_create(server, "contract2", "nobody", NULL, contract->stamp, NULL, &err), &err, ERR_INVALID);
    assert_ok(database_list(server, NULL, &list, &err), &err);
    for (size_t i = 0; i < list.count; i++)
        found += str_equal(list.items[i].name, "contract") && str_equal(list.items[i].comment, contract->stamp);
    assert_int_equal(found, 1);
    assert_fails(database_drop(server, "contract", contract->other_stamp, NULL, &err), &err, ERR_CONFLICT);
    assert_fails(role_drop(server, contract->role, NULL, &err), &err, ERR_CONFLICT); /* it owns one */
    assert_ok(database_drop(server, "contract", contract->stamp, NULL, &err), &err);
    assert_fails(database_drop(server, "contract", contract->stamp, NULL, &err), &err, ERR_NOT_FOUND);
    assert_ok(role_drop(server, contract->role, NULL, &err), &err);
}

static void repaired(void **state)
{
    const struct server_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct server *server = contract->server;
    assert_fails(database_repair(server, "contract", contract->role, contract->stamp, NULL, &err), &err, ERR_NOT_FOUND);
    make_database(contract, "contract", NULL);
    free(make_role(contract, contract->other_role));
    assert_ok(database_repair(server, "contract", contract->role, contract->stamp, NULL, &err), &err);
    assert_database(contract, "contract", contract->role, contract->stamp);
    assert_fails(database_repair(server, "contract", contract->role, contract->other_stamp, NULL, &err), &err,
                 ERR_CONFLICT);
    assert_ok(database_close(server, "contract", contract->stamp, NULL, &err), &err);
    assert_database(contract, "contract", contract->connection_role, contract->stamp);
    assert_ok(database_repair(server, "contract", contract->other_role, contract->stamp, NULL, &err), &err);
    assert_database(contract, "contract", contract->other_role, contract->stamp);
}

static void renamed(void **state)
{
    const struct server_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(database_release) struct database seen = { 0 };
    struct server *server = contract->server;
    make_database(contract, "contract", NULL);
    make_database(contract, "contract2", NULL);
    assert_fails(database_rename(server, "contract", "contract2", NULL, &err), &err, ERR_EXISTS);
    assert_database(contract, "contract", contract->role, contract->stamp); /* as it was */
    assert_fails(database_rename(server, "contract0", "contract3", NULL, &err), &err, ERR_NOT_FOUND);
    assert_ok(database_rename(server, "contract", "contract3", NULL, &err), &err);
    assert_database(contract, "contract3", contract->role, contract->stamp);
    assert_fails(database_look(server, "contract", NULL, &seen, &err), &err, ERR_NOT_FOUND);
}

/* A template's role cannot go while a clone has things of it. */
static void cloned(void **state)
{
    const struct server_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct server *server = contract->server;
    make_database(contract, "contract", NULL);
    free(make_role(contract, contract->other_role));
    contract->fill("contract", contract->role, PASSWORD_OF_ROLE);
    assert_fails(database_close(server, "contract", contract->other_stamp, NULL, &err), &err, ERR_CONFLICT);
    assert_ok(database_close(server, "contract", contract->stamp, NULL, &err), &err);
    assert_fails(role_drop(server, contract->role, NULL, &err), &err, ERR_CONFLICT);
    assert_ok(database_create(server, "clone", contract->other_role, "contract", contract->other_stamp, NULL, &err),
              &err);
    assert_database(contract, "clone", contract->other_role, contract->other_stamp);
    assert_ok(database_drop(server, "contract", contract->stamp, NULL, &err), &err);
    assert_fails(role_drop(server, contract->role, NULL, &err), &err, ERR_CONFLICT);
    assert_fails(database_take_over(server, "clone", contract->role, NULL, &err), &err, ERR_CONFLICT);
    assert_ok(database_take_over(server, "clone", contract->other_role, NULL, &err), &err);
    assert_ok(role_drop(server, contract->role, NULL, &err), &err);
}

static void swapped(void **state)
{
    const struct server_contract *contract = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(database_release) struct database aside = { 0 };
    struct server *server = contract->server;
    const struct database_swap there = { "contract", "beside", "aside", contract->stamp };
    const struct database_swap back = { "contract", "aside", "beside", contract->stamp };
    assert_fails(database_swap(server, &there, NULL, &err), &err, ERR_NOT_FOUND);
    make_database(contract, "contract", NULL);
    make_database(contract, "beside", NULL);
    assert_ok(database_swap(server, &there, NULL, &err), &err);
    assert_ok(database_swap(server, &there, NULL, &err), &err); /* it was done already */
    assert_database(contract, "contract", contract->role, contract->stamp);
    assert_ok(database_look(server, "aside", NULL, &aside, &err), &err);
    assert_false(aside.allow_connections);
    assert_fails(database_look(server, "beside", NULL, &aside, &err), &err, ERR_NOT_FOUND);
    assert_ok(database_swap(server, &back, NULL, &err), &err);
    assert_ok(database_look(server, "beside", NULL, &aside, &err), &err);
    const struct database_swap others = { "contract", "beside", "aside", contract->other_stamp };
    assert_fails(database_swap(server, &others, NULL, &err), &err, ERR_CONFLICT);
}

void server_contract_add(struct check_list *list, CMFixtureFunction setup, CMFixtureFunction teardown)
{
    size_t first = list->count;
    CHECK_TEST(list, roles);
    CHECK_TEST(list, databases);
    CHECK_TEST(list, repaired);
    CHECK_TEST(list, renamed);
    CHECK_TEST(list, cloned);
    CHECK_TEST(list, swapped);
    for (size_t i = first; i < list->count; i++) {
        list->tests[i].setup_func = setup;
        list->tests[i].teardown_func = teardown;
    }
}
