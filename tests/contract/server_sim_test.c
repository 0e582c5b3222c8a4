/* The contract, kept by the simulated server. */
#include "tests/contract/server_contract.h"
#include "tests/sim/server.h"

#define INSTALLATION "0a1b2c"

static void fill(const char *database, const char *role, const char *password)
{
    (void)password;
    sim_database_fill(sim_database_find(database), role);
}

static int set_up(void **state)
{
    struct server_contract *contract = MEM_NEW(struct server_contract);
    sim_open(1);
    *contract = (struct server_contract){ .server = server_new(NULL, INSTALLATION),
                                          .role = "td_" INSTALLATION "_aaaaaaaaaaaa",
                                          .other_role = "td_" INSTALLATION "_bbbbbbbbbbbb",
                                          .stamp = "tenantd " INSTALLATION " a",
                                          .other_stamp = "tenantd " INSTALLATION " b",
                                          .connection_role = SIM_ADMIN,
                                          .fill = fill };
    *state = contract;
    return 0;
}

static int tear_down(void **state)
{
    struct server_contract *contract = *state;
    server_free(contract->server);
    free(contract);
    sim_close();
    return 0;
}

int main(void)
{
    struct check_list list = { 0 };
    server_contract_add(&list, set_up, tear_down);
    return check_run("server_contract_sim", &list);
}
