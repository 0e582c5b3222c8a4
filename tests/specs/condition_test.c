#include "tests/specs/documents.h"

static void conditions_release(struct field_list *list)
{
    while (list->count > 0)
        condition_drop(list, ((struct condition *)list->items)[0].type);
    free(list->items);
}

static void keeps_the_time_of_a_transition(void **state)
{
    (void)state;
    CLEANUP(conditions_release) struct field_list list = { 0 };
    condition_set(&list, "Ready", CONDITION_FALSE, "Starting", "not yet", 1, 1000);
    const struct condition *ready = condition_find(&list, "Ready");
    assert_int_equal(ready->last_transition_ms, 1000);
    condition_set(&list, "Ready", CONDITION_FALSE, "Unhealthy", NULL, 2, 2000);
    ready = condition_find(&list, "Ready");
    assert_int_equal(ready->last_transition_ms, 1000);
    assert_int_equal(ready->observed_generation, 2);
    assert_string_equal(ready->reason, "Unhealthy");
    assert_null(ready->message);
    condition_set(&list, "Ready", CONDITION_TRUE, "Running", "", 2, 3000);
    assert_int_equal(condition_find(&list, "Ready")->last_transition_ms, 3000);
    assert_int_equal(list.count, 1);
}

static void takes_its_own_texts(void **state)
{
    (void)state;
    CLEANUP(conditions_release) struct field_list list = { 0 };
    condition_set(&list, "Ready", CONDITION_TRUE, "Running", "fine", 1, 1000);
    const struct condition *ready = condition_find(&list, "Ready");
    condition_set(&list, "Ready", CONDITION_UNKNOWN, ready->reason, ready->message, 1, 2000);
    assert_string_equal(condition_find(&list, "Ready")->message, "fine");
}

static void stay_in_the_order_first_set(void **state)
{
    (void)state;
    CLEANUP(conditions_release) struct field_list list = { 0 };
    static const char *const types[] = { "DatabaseReady", "ContainerReady", "Healthy", "Ready" };
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        condition_set(&list, types[i], CONDITION_UNKNOWN, "New", NULL, 1, 1000);
    condition_set(&list, "Healthy", CONDITION_TRUE, "Answers", NULL, 1, 2000);
    condition_drop(&list, "ContainerReady");
    condition_drop(&list, "ContainerReady");
    const struct condition *items = list.items;
    assert_int_equal(list.count, 3);
    assert_string_equal(items[0].type, "DatabaseReady");
    assert_string_equal(items[1].type, "Healthy");
    assert_string_equal(items[2].type, "Ready");
    assert_null(condition_find(&list, "ContainerReady"));
}

static void encode_as_kubernetes_has_them(void **state)
{
    (void)state;
    struct condition condition = { .type = mem_strdup("Ready"),
                                   .status = CONDITION_UNKNOWN,
                                   .reason = mem_strdup("EngineDown"),
                                   .message = mem_strdup("no answer"),
                                   .last_transition_ms = 1000,
                                   .observed_generation = 2 };
    CLEANUP(json_decrefp) json_t *encoded = fields_encode(condition_fields, &condition);
    assert_document(encoded, "{type: Ready, status: Unknown, reason: EngineDown, message: no answer,"
                             " lastTransitionTime: \"1970-01-01T00:00:01Z\", observedGeneration: 2}");
    fields_release(condition_fields, &condition);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, keeps_the_time_of_a_transition);
    CHECK_TEST(&list, takes_its_own_texts);
    CHECK_TEST(&list, stay_in_the_order_first_set);
    CHECK_TEST(&list, encode_as_kubernetes_has_them);
    return check_run("condition", &list);
}
