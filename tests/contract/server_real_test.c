/* The contract, kept by PostgreSQL. */
#include "tests/clients/postgres/server_fixture.h"
#include "tests/contract/server_contract.h"

static void fill(const char *database, const char *role, const char *password)
{
    assert_answer(role, password, database, "create table t (id serial primary key)", "");
}

static int set_up(void **state)
{
    struct server_contract *contract = MEM_NEW(struct server_contract);
    *contract = (struct server_contract){ .server = server,
                                          .role = ROLE_A,
                                          .other_role = ROLE_B,
                                          .stamp = STAMP("a"),
                                          .other_stamp = STAMP("b"),
                                          .connection_role = "tenantd",
                                          .fill = fill };
    *state = contract;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return tidy(state);
}

int main(void)
{
    struct check_list list = { 0 };
    server_contract_add(&list, set_up, tear_down);
    int failed = _cmocka_run_group_tests("server_contract_real", list.tests, list.count, start, stop);
    free(list.tests);
    return failed;
}
