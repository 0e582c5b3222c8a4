/* Who is made anew next; see rollout.h. Pure. */
#include "reconcilers/app/rollout.h"

/* Of one that has a turn. */
enum course { COURSE_DONE, COURSE_GOING, COURSE_FAILED, COURSE_IGNORED };

void rollout_verdict_release(struct rollout_verdict *verdict)
{
    json_decref(verdict->after);
    *verdict = (struct rollout_verdict){ 0 };
}

static bool has_settled(const struct rollout_input *input, const struct rollout_instance *instance)
{
    return instance->is_ready && !instance->is_waiting && input->now_ms - instance->ready_since_ms >= input->settle_ms;
}

static enum course course_of(const struct rollout_input *input, const struct rollout_instance *instance,
                             const char *mark)
{
    bool failed_before = mark[0] && str_equal(mark, instance->container);
    if (has_settled(input, instance))
        return COURSE_DONE;
    if (instance->is_failing)
        return failed_before ? COURSE_IGNORED : COURSE_FAILED;
    return instance->is_paused ? COURSE_IGNORED
                               : COURSE_GOING; /* nothing happens to a paused one: nobody waits for it */
}

/* What an edited App takes over from the rollout before: whoever is not through yet goes on counting. */
static void carry_over(const struct rollout_input *input, const json_t *turns, json_t *ret_turns)
{
    for (size_t i = 0; i < input->count; i++) {
        const struct rollout_instance *instance = &input->instances[i];
        const char *mark = json_text(turns, instance->uid);
        if (!mark || has_settled(input, instance))
            continue;
        bool failing = instance->is_failing && instance->container;
        json_put_text(ret_turns, instance->uid, failing ? instance->container : "");
    }
}

/* Only of instances that there still are. */
static void keep(const struct rollout_input *input, const json_t *turns, json_t *ret_turns)
{
    for (size_t i = 0; i < input->count; i++) {
        const char *mark = json_text(turns, input->instances[i].uid);
        if (mark)
            json_put_text(ret_turns, input->instances[i].uid, mark);
    }
}

static void count_turns(const struct rollout_input *input, const json_t *turns, struct rollout_verdict *ret)
{
    for (size_t i = 0; i < input->count; i++) {
        const struct rollout_instance *instance = &input->instances[i];
        const char *mark = json_text(turns, instance->uid);
        if (!mark)
            continue;
        enum course course = course_of(input, instance, mark);
        if (course == COURSE_FAILED && !ret->failed)
            ret->failed = instance;
        ret->going += course == COURSE_GOING;
        int64_t left_ms = instance->ready_since_ms + input->settle_ms - input->now_ms;
        if (course == COURSE_GOING && instance->is_ready && !instance->is_waiting && left_ms > 0 &&
            (!ret->look_again_ms || left_ms < ret->look_again_ms))
            ret->look_again_ms = left_ms;
    }
}

static void give_turns(const struct rollout_input *input, json_t *turns, struct rollout_verdict *ret)
{
    for (size_t i = 0; i < input->count; i++) {
        const struct rollout_instance *instance = &input->instances[i];
        if (!instance->is_waiting || json_text(turns, instance->uid))
            continue;
        if (!instance->is_paused && !ret->failed && (int64_t)ret->going < input->max_unavailable) {
            json_put_text(turns, instance->uid, "");
            ret->going++;
        } else {
            ret->waiting++;
        }
    }
}

void rollout_decide(const struct rollout_input *input, struct rollout_verdict *ret)
{
    const json_t *before = json_at(input->before, "turns", NULL);
    bool same = json_int(input->before, "generation", 0) == input->generation;
    CLEANUP(json_decrefp) json_t *turns = json_object();
    *ret = (struct rollout_verdict){ 0 };
    if (same)
        keep(input, before, turns);
    else
        carry_over(input, before, turns);
    count_turns(input, turns, ret);
    give_turns(input, turns, ret);
    if (!ret->waiting && !ret->going && !ret->failed)
        return;
    ret->after = json_object();
    json_put(ret->after, "generation", json_integer(input->generation));
    json_put(ret->after, "turns", STEAL(turns));
}

bool rollout_gives_turn(const json_t *app_state, int64_t generation, const char *uid)
{
    const json_t *rollout = json_at(app_state, "rollout", NULL);
    return json_int(rollout, "generation", 0) == generation && json_text(json_at(rollout, "turns", NULL), uid) != NULL;
}
