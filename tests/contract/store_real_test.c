/* The contract, kept by the store in PostgreSQL. */
#include "tests/contract/store_contract.h"
#include "tests/store/store_fixture.h"

struct subject {
    struct store_contract contract; /* first: the tests take it for that */
    struct store_fixture fixture;
};

static int set_up(void **state)
{
    struct subject *subject = MEM_NEW(struct subject);
    store_fixture_open(&subject->fixture, &fixture_pg);
    subject->contract.store = subject->fixture.store;
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;
    store_fixture_close(&subject->fixture);
    free(subject);
    return 0;
}

int main(void)
{
    struct check_list list = { 0 };
    store_contract_add(&list, set_up, tear_down);
    int failed = store_tests_run("store_contract_real", list.tests, list.count);
    free(list.tests);
    return failed;
}
