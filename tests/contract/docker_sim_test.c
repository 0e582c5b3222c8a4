/* The contract, kept by the simulated engine. */
#include "tests/contract/docker_contract.h"
#include "tests/sim/engine.h"

struct subject {
    struct docker_contract contract; /* first: the tests take it for that */
    json_t *labels;
};

static int set_up(void **state)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    static const struct docker_options options = { 0 };
    struct subject *subject = MEM_NEW(struct subject);
    sim_open(1);
    sim_image_add("sim/app:1", "sha256:1", "1000");
    subject->labels = json_pack("{s:s}", "tenantd.test", "sim");
    subject->contract = (struct docker_contract){
        .labels = subject->labels, .label = "tenantd.test=sim", .prefix = "tdtest-sim", .image = "sim/app:1"
    };
    *state = subject;
    return docker_open(&options, &subject->contract.docker, &err) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;
    docker_free(subject->contract.docker);
    json_decref(subject->labels);
    free(subject);
    sim_close();
    return 0;
}

int main(void)
{
    struct check_list list = { 0 };
    docker_contract_add(&list, set_up, tear_down);
    return check_run("docker_contract_sim", &list);
}
