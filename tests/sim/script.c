/* Scripts: what was injected, as text, and less of it; see run.h. */
#include "tests/sim/run.h"

void script_release(struct script *script)
{
    free(script->items);
    *script = (struct script){ 0 };
}

char *script_print(const struct script *script)
{
    struct str text = STR_INIT;
    str_addf(&text, "%" PRIu64, script->seed);
    for (size_t i = 0; i < script->count; i++) {
        const struct injection *item = &script->items[i];
        str_addf(&text, " %s#%u%c%s:%u", item->call, item->nth, item->when == SIM_BEFORE ? '<' : '>',
                 item->action->name, item->parameter);
    }
    return str_steal(&text);
}

/* "container_start#2<unreachable:0" */
static bool parse_item(const char *text, struct injection *ret, struct err *err)
{
    const char *hash = strchr(text, '#'), *arrow = hash ? strpbrk(hash, "<>") : NULL;
    const char *colon = arrow ? strchr(arrow, ':') : NULL;
    int64_t nth = 0, parameter = 0;
    if (!colon || (size_t)(hash - text) >= sizeof(ret->call))
        return err_set(err, ERR_INVALID, "\"%s\" is not call#nth<action:number", text);
    CLEANUP(freep) char *count = mem_strndup(hash + 1, (size_t)(arrow - hash - 1));
    CLEANUP(freep) char *name = mem_strndup(arrow + 1, (size_t)(colon - arrow - 1));
    memcpy(ret->call, text, (size_t)(hash - text));
    ret->action = action_find(name);
    ret->when = *arrow == '<' ? SIM_BEFORE : SIM_AFTER;
    if (!ret->action)
        return err_set(err, ERR_INVALID, "there is no action %s", name);
    if (!str_parse_int64(count, 1, INT32_MAX, &nth) || !str_parse_int64(colon + 1, 0, INT32_MAX, &parameter))
        return err_set(err, ERR_INVALID, "\"%s\" has no number where one should be", text);
    ret->nth = (unsigned)nth;
    ret->parameter = (unsigned)parameter;
    return true;
}

bool script_parse(const char *text, struct script *ret, struct err *err)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    int64_t seed = 0;
    strv_split(&parts, text, ' ');
    if (parts.count == 0 || !str_parse_int64(parts.items[0], 0, INT64_MAX, &seed))
        return err_set(err, ERR_INVALID, "a script begins with its seed");
    *ret = (struct script){ .seed = (uint64_t)seed };
    for (size_t i = 1; i < parts.count; i++) {
        struct injection item = { 0 };
        if (!parts.items[i][0])
            continue;
        if (!parse_item(parts.items[i], &item, err)) {
            script_release(ret);
            return false;
        }
        ret->items = mem_grow(ret->items, ret->count + 1, sizeof(ret->items[0]));
        ret->items[ret->count++] = item;
    }
    return true;
}

static void take_away(struct script *script, size_t at, size_t count)
{
    memmove(script->items + at, script->items + at + count, (script->count - at - count) * sizeof(script->items[0]));
    script->count -= count;
}

/* Halves first, then single ones, until none can be spared. */
void script_shrink(struct script *script, char **ret_fault)
{
    bool smaller = true;
    for (size_t part = script->count / 2 ? script->count / 2 : 1; part >= 1; part = smaller ? part : part / 2) {
        smaller = false;
        for (size_t at = 0; at + part <= script->count;) {
            struct script less = { .seed = script->seed, .count = script->count };
            char *fault = NULL;
            less.items = mem_grow(NULL, script->count, sizeof(less.items[0]));
            memcpy(less.items, script->items, script->count * sizeof(less.items[0]));
            take_away(&less, at, part);
            if (run_script(&less, &fault)) {
                script_release(&less);
                at += part;
                continue;
            }
            script_release(script);
            *script = less;
            free(*ret_fault);
            *ret_fault = fault;
            smaller = true;
        }
    }
}
