/* Conditions and retry status: the parts of a status that every kind has. */
#include "specs/record.h"

static const char *const condition_status_words[] = {
    [CONDITION_UNKNOWN] = "Unknown", [CONDITION_TRUE] = "True", [CONDITION_FALSE] = "False", NULL
};

const struct field condition_fields[] = {
    { "type", FIELD_TEXT, offsetof(struct condition, type), FIELD_REQUIRED, .doc = "What it is about." },
    { "status", FIELD_ENUM, offsetof(struct condition, status), FIELD_REQUIRED, .choices = condition_status_words,
      .doc = "Whether it holds." },
    { "reason", FIELD_TEXT, offsetof(struct condition, reason), .doc = "Why, in one word." },
    { "message", FIELD_TEXT, offsetof(struct condition, message), .doc = "Why, in words." },
    { "lastTransitionTime", FIELD_TIME, offsetof(struct condition, last_transition_ms),
      .doc = "When the status last became another one." },
    { "observedGeneration", FIELD_INT, offsetof(struct condition, observed_generation),
      .doc = "The spec's generation that it is about." },
    { NULL },
};

const struct field retry_status_fields[] = {
    { "class", FIELD_TEXT, offsetof(struct retry_status, class),
      .doc = "Kind of trouble: passing, conflict or invalid." },
    { "attempts", FIELD_INT, offsetof(struct retry_status, attempts), .doc = "How often it failed in a row." },
    { "nextTime", FIELD_TIME, offsetof(struct retry_status, next_ms), .doc = "When it is tried again." },
    { NULL },
};

static struct condition *find(const struct field_list *list, const char *type)
{
    struct condition *conditions = list->items;
    for (size_t i = 0; i < list->count; i++) {
        if (str_equal(conditions[i].type, type))
            return &conditions[i];
    }
    return NULL;
}

static struct condition *append(struct field_list *list, const char *type)
{
    list->items = mem_grow(list->items, list->count + 1, sizeof(struct condition));
    struct condition *condition = (struct condition *)list->items + list->count++;
    *condition = (struct condition){ .type = mem_strdup(type) };
    return condition;
}

void condition_set(struct field_list *list, const char *type, enum condition_status status, const char *reason,
                   const char *message, int64_t generation, int64_t now_ms)
{
    struct condition *condition = find(list, type);
    bool is_new = !condition;
    if (is_new)
        condition = append(list, type);
    if (is_new || condition->status != (int)status)
        condition->last_transition_ms = now_ms;
    /* Copied first: reason and message may be the condition's own. */
    char *new_reason = mem_strdup(reason), *new_message = mem_strdup(message);
    free(condition->reason);
    free(condition->message);
    condition->reason = new_reason;
    condition->message = new_message;
    condition->status = (int)status;
    condition->observed_generation = generation;
}

void condition_drop(struct field_list *list, const char *type)
{
    struct condition *condition = find(list, type);
    if (!condition)
        return;
    size_t behind = list->count - (size_t)(condition - (struct condition *)list->items) - 1;
    fields_release(condition_fields, condition);
    memmove(condition, condition + 1, behind * sizeof(*condition));
    list->count--;
}

const struct condition *condition_find(const struct field_list *list, const char *type)
{
    return find(list, type);
}
