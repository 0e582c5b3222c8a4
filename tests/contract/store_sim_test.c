/* The contract, kept by the simulated store. */
#include "tests/contract/store_contract.h"
#include "tests/sim/store.h"

static int set_up(void **state)
{
    struct store_contract *contract = MEM_NEW(struct store_contract);
    sim_open(1);
    contract->store = store_new(NULL);
    *state = contract;
    return 0;
}

static int tear_down(void **state)
{
    struct store_contract *contract = *state;
    store_free(contract->store);
    free(contract);
    sim_close();
    return 0;
}

int main(void)
{
    struct check_list list = { 0 };
    store_contract_add(&list, set_up, tear_down);
    return check_run("store_contract_sim", &list);
}
