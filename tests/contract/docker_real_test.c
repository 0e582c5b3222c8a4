/* The contract, kept by a real engine. */
#include "tests/clients/docker/live.h"
#include "tests/contract/docker_contract.h"

/* `contract` first: the tests take it for that. */
struct subject {
    struct docker_contract contract;
    struct live *live;
};

static int set_up(void **state)
{
    struct subject *subject = MEM_NEW(struct subject);
    void *live = NULL;
    int failed = live_setup(&live);
    subject->live = live;
    subject->contract = (struct docker_contract){ subject->live->docker, subject->live->labels, subject->live->label,
                                                  subject->live->prefix, subject->live->image };
    *state = subject;
    return failed;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;
    void *live = subject->live;
    live_teardown(&live);
    free(subject);
    return 0;
}

int main(void)
{
    struct check_list list = { 0 };
    docker_contract_add(&list, set_up, tear_down);
    return check_run("docker_contract_real", &list);
}
