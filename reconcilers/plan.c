/* The list of steps that a kind's plan function makes; see plan.h. */
#include "reconcilers/plan.h"

enum { WOKEN_LOOK_MS = 30000 };

static const char *const effect_names[] = {
    [EFFECT_NONE] = "none",
    [EFFECT_RESTART] = "restart",
    [EFFECT_DESTROY] = "destroy",
};

void plan_release(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free(plan->steps[i].detail);
    free(plan->steps);
    free(plan->blocked_message);
    *plan = (struct plan)PLAN_INIT;
}

void plan_add(struct plan *plan, int id, const char *name, enum step_effect effect, const char *detail_or_null)
{
    plan->steps = mem_grow(plan->steps, plan->count + 1, sizeof(plan->steps[0]));
    plan->steps[plan->count++] =
        (struct plan_step){ .id = id, .name = name, .effect = effect, .detail = mem_strdup(detail_or_null) };
}

void plan_block(struct plan *plan, enum plan_block block, const char *reason, const char *fmt, ...)
{
    if (plan->blocked_reason)
        return;
    struct str text = STR_INIT;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    plan->blocked_reason = reason;
    plan->blocked_message = str_steal(&text);
    plan->block = block;
}

bool plan_has(const struct plan *plan, int id)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].id == id)
            return true;
    return false;
}

bool plan_outcome(const struct plan *plan, int64_t *ret_requeue_after_ms, struct err *err)
{
    if (!plan->blocked_reason || plan->block == BLOCK_FINAL)
        return true;
    if (plan->block == BLOCK_WOKEN) {
        *ret_requeue_after_ms = WOKEN_LOOK_MS;
        return true;
    }
    return err_set(err, plan->block == BLOCK_AWAY ? ERR_UNREACHABLE : ERR_CONFLICT, "%s: %s", plan->blocked_reason,
                   plan->blocked_message);
}

char *plan_text(const struct plan *plan)
{
    struct str text = STR_INIT;
    for (size_t i = 0; i < plan->count; i++)
        str_addf(&text, "%s%s", i ? " " : "", plan->steps[i].name);
    return str_steal(&text);
}

json_t *plan_to_json(const struct plan *plan)
{
    json_t *root = json_object();
    json_t *steps = json_array();
    for (size_t i = 0; i < plan->count; i++) {
        json_t *step = json_object();
        json_put_text(step, "name", plan->steps[i].name);
        json_put_text(step, "detail", plan->steps[i].detail);
        json_put_text(step, "effect", effect_names[plan->steps[i].effect]);
        json_push(steps, step);
    }
    json_put(root, "steps", steps);
    if (plan->blocked_reason) {
        json_t *blocked = json_object();
        json_put_text(blocked, "reason", plan->blocked_reason);
        json_put_text(blocked, "message", plan->blocked_message);
        json_put(root, "blocked", blocked);
    }
    return root;
}
