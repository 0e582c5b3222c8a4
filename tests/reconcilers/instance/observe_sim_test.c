/* What an instance's look makes of answers, and of none; in the simulated world, where nothing of the instance is there. */
#include "tests/reconcilers/sim_world.h"

static char name[] = "td-acme.erp", job[] = "td-acme.erp.job", volume[] = "td-acme.erp-0123", image[] = "app:1",
            network[] = "td-acme", role[] = "td_0a1b2c_0123456789ab", database[] = "acme_erp";

static const struct row {
    const char *why;
    const char *call; /* that fails ... */
    unsigned nth;     /* ... when it is made for that time */
    enum err_code code;
    size_t at; /* of what was looked at, in struct instance_seen */
    enum thing is;
} rows[] = {
    { "all answer: no container", NULL, 0, ERR_NONE, offsetof(struct instance_seen, container_is), THING_ABSENT },
    { "all answer: no volume", NULL, 0, ERR_NONE, offsetof(struct instance_seen, volume_is), THING_ABSENT },
    { "all answer: no image", NULL, 0, ERR_NONE, offsetof(struct instance_seen, image_is), THING_ABSENT },
    { "all answer: no database", NULL, 0, ERR_NONE, offsetof(struct instance_seen, database_is), THING_ABSENT },
    { "a job is not missing for an answer of 500", "container_inspect", 1, ERR_REMOTE,
      offsetof(struct instance_seen, job_is), THING_UNKNOWN },
    { "nor is the container", "container_inspect", 2, ERR_REMOTE, offsetof(struct instance_seen, container_is),
      THING_UNKNOWN },
    { "nor the volume", "volume_inspect", 1, ERR_REMOTE, offsetof(struct instance_seen, volume_is), THING_UNKNOWN },
    { "nor the image", "image_inspect", 1, ERR_TIMEOUT, offsetof(struct instance_seen, image_is), THING_UNKNOWN },
    { "nor the database", "database_look", 1, ERR_REMOTE, offsetof(struct instance_seen, database_is), THING_UNKNOWN },
};

struct trouble {
    const struct row *row;
    unsigned count;
    bool server_is_away;
};

static bool before(void *context, const struct sim_call *what, struct err *err)
{
    struct trouble *trouble = context;
    if (trouble->server_is_away && what->side == SIM_SERVER)
        return err_set(err, ERR_UNREACHABLE, "refused");
    bool is_it = str_equal(what->name, trouble->row->call) && ++trouble->count == trouble->row->nth;
    return !is_it || err_set(err, trouble->row->code, "no answer");
}

/* True: all of it was seen. */
static bool look(struct trouble *trouble, struct instance_seen *ret)
{
    struct sim_world world;
    CLEANUP(err_release) struct err err = ERR_INIT;
    sim_world_open(&world);
    sim->hooks = (struct sim_hooks){ .before = before, .context = trouble };
    struct instance_want want = {
        .record = world.instance, .container = name, .job = job, .network = network, .role = role, .image = image
    };
    want.state.volume = volume;
    want.state.initialised = true;
    want.spec.database.name = database;
    bool seen = instance_observe(&world.ctx, &want, LOOK_LIVE, ret, &err);
    sim_world_close(&world);
    return seen;
}

static void test_look(void **state)
{
    const struct row *row = *state;
    struct trouble trouble = { .row = row };
    CLEANUP(instance_seen_release) struct instance_seen seen;
    assert_int_equal(look(&trouble, &seen), row->call == NULL);
    assert_int_equal(*(const enum thing *)((const char *)&seen + row->at), row->is);
    assert_true(!seen.engine_away_ms == (row->code != ERR_TIMEOUT));
}

/* The engine is asked although the server is away, and what is wrong with it hides nothing of that. */
static void test_server_is_away_too(void **state)
{
    static const struct row engine = { .call = "container_inspect", .nth = 1, .code = ERR_REMOTE };
    struct trouble trouble = { .row = &engine, .server_is_away = true };
    CLEANUP(instance_seen_release) struct instance_seen seen;
    (void)state;
    assert_false(look(&trouble, &seen));
    assert_true(seen.server_away_ms > 0);
    assert_int_equal(seen.engine_away_ms, 0);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_look, rows);
    CHECK_TEST(&list, test_server_is_away_too);
    return check_run("instance look", &list);
}
