/* One answer per reason. */
#include "cli/why.h"
#include "tests/check.h"

#define NOW "2026-01-01T01:00:00Z"

/* An instance as the API gives it, with a condition and more of its status. */
static json_t *instance_with(const char *condition, const char *more)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    json_t *object = NULL;
    CLEANUP(freep)
    char *text = mem_printf(
        "{\"kind\":\"Instance\",\"metadata\":{\"name\":\"erp\",\"namespace\":\"acme\",\"generation\":2,\"uid\":\"u-1\","
        "\"creationTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":{\"app\":\"odoo\"},\"status\":{"
        "\"observedGeneration\":2,\"conditions\":[%s]%s}}",
        condition, more);
    assert_ok(json_parse(text, strlen(text), &object, &err), &err);
    return object;
}

static json_t *instance_of(const char *status, const char *reason, const char *message, const char *more)
{
    CLEANUP(freep)
    char *condition = mem_printf("{\"type\":\"Ready\",\"status\":\"%s\",\"reason\":\"%s\",\"message\":\"%s\","
                                 "\"lastTransitionTime\":\"2026-01-01T00:57:00Z\",\"observedGeneration\":2}",
                                 status, reason, message);
    return instance_with(condition, more);
}

static int64_t now_ms(void)
{
    int64_t now = 0;
    assert_true(time_from_rfc3339(NOW, &now));
    return now;
}

#define RETRY(class, attempts, time)                                                                                   \
    ",\"retry\":{\"class\":\"" class "\",\"attempts\":" #attempts ",\"nextTime\":\"2026-01-01T" time "Z\"}"

static const struct {
    const char *why, *status, *reason, *message, *more;
    bool is_ready;
    const char *cause, *next, *remedy;
} rows[] = {
    { "running", "True", "Running", "", "", true, "all that it needs is there", "", "" },
    { "stopped as asked", "True", "Stopped", "", "", true, "it is stopped, as its record asks", "",
      "start it: tenantctl start acme/erp" },
    { "suspended", "True", "TenantSuspended", "", "", true, "its tenant is suspended, so nothing of it runs", "",
      "set spec.suspended of tenant acme to false and apply it" },
    { "paused while it runs", "True", "Paused", "moving house", "", true, "it is paused: moving house", "",
      "go on: tenantctl resume acme/erp" },
    { "paused while it does not", "False", "Paused", "moving house", "", false, "it is paused: moving house",
      "nothing until it is resumed", "go on: tenantctl resume acme/erp" },
    { "the message counts", "False", "InitFailed", "no addon named foo", RETRY("passing", 4, "01:00:40"), false,
      "no addon named foo", "tries again in 40s (failed 4 times)",
      "correct what its output says, in the record or in app odoo" },
    { "a row without a message", "False", "CrashLoop", "", RETRY("passing", 1, "01:05:00"), false,
      "its container ends again and again", "tries again in 5m (failed 1 time)",
      "see what it says: tenantctl logs acme/erp --tail=50" },
    { "due", "False", "EngineUnavailable", "no answer", RETRY("passing", 2, "00:59:00"), false, "no answer",
      "tries again now (failed 2 times)",
      "on tenantd's machine: docker info; it goes on by itself when Docker is back" },
    { "Unknown is not ready", "Unknown", "EngineUnavailable", "", "", false, "Docker does not answer",
      "goes on as soon as it can", "on tenantd's machine: docker info; it goes on by itself when Docker is back" },
    { "invalid rests", "False", "RenderFailed", "no name x", ",\"retry\":{\"class\":\"invalid\",\"attempts\":1}", false,
      "no name x", "nothing until the record changes", "correct the app odoo, or spec.env, and apply it" },
    { "data is missing", "False", "DataMissing", "", "", false,
      "its database or its volume has gone, and an empty one is not made in its place", "goes on as soon as it can",
      "bring the data back; or, where it may be lost: kubectl annotate instance erp -n acme "
      "tenantd/accept-data-loss=u-1" },
    { "unknown to us", "False", "SomethingNew", "the reason why", "", false, "the reason why",
      "goes on as soon as it can", "" },
    { "unknown to us, and silent", "False", "SomethingNew", "", "", false, "no reason is given",
      "goes on as soon as it can", "" },
};

static void explains(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(json_decrefp) json_t *object = instance_of(row->status, row->reason, row->message, row->more);
    CLEANUP(why_release) struct why why;
    why_explain(object, now_ms(), &why);
    assert_int_equal(why.is_ready, row->is_ready);
    assert_string_equal(why.since, "2026-01-01T00:57:00Z");
    assert_string_equal(why.reason, row->reason);
    assert_string_equal(why.cause, row->cause);
    assert_string_equal(why.next, row->next);
    assert_string_equal(why.remedy, row->remedy);
}

static void not_looked_at_yet(void **state)
{
    (void)state;
    CLEANUP(json_decrefp) json_t *object = instance_with("", "");
    CLEANUP(why_release) struct why why;
    why_explain(object, now_ms(), &why);
    assert_false(why.is_ready);
    assert_string_equal(why.reason, "NotSeen");
}

static void ready_for_an_older_spec_is_not_ready(void **state)
{
    (void)state;
    CLEANUP(json_decrefp)
    json_t *object =
        instance_with("{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"Running\",\"observedGeneration\":1}", "");
    CLEANUP(why_release) struct why why;
    assert_false(object_is_ready(object));
    why_explain(object, now_ms(), &why);
    assert_string_equal(why.reason, "NotSeen");
}

static void prints_all_of_it(void **state)
{
    (void)state;
    CLEANUP(json_decrefp)
    json_t *object = instance_of(
        "False", "InitFailed", "init ended with status 1",
        ",\"failure\":{\"step\":\"initialise\",\"exitCode\":1,\"output\":\"line 1\\nbell \\u0007\\n\"}" RETRY(
            "passing", 2, "01:00:07"));
    CLEANUP(str_release) struct str out = STR_INIT;
    const struct terminal file = { 0 };
    why_print(object, now_ms(), &file, &out);
    assert_string_equal(out.text, "instance.tenantd/acme/erp is not ready since 3m (2026-01-01T00:57:00Z)\n"
                                  "  Because   InitFailed: init ended with status 1\n"
                                  "  Next      tries again in 7s (failed 2 times)\n"
                                  "  You can   correct what its output says, in the record or in app odoo\n"
                                  "\n"
                                  "  Output of initialise (exit status 1):\n"
                                  "    line 1\n"
                                  "    bell ?\n");
}

static void a_pending_resize_is_told_besides(void **state)
{
    (void)state;
    CLEANUP(json_decrefp)
    json_t *object =
        instance_with("{\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"Running\",\"observedGeneration\":2},"
                      "{\"type\":\"ResizePending\",\"status\":\"True\",\"message\":\"asks for 64Mi, uses 80Mi\"}",
                      "");
    CLEANUP(str_release) struct str out = STR_INIT;
    const struct terminal file = { 0 };
    why_print(object, now_ms(), &file, &out);
    assert_contains(out.text, " is ready\n");
    assert_contains(out.text, "  Besides   asks for 64Mi, uses 80Mi\n");
}

static void one_line_for_progress(void **state)
{
    (void)state;
    CLEANUP(json_decrefp)
    json_t *object =
        instance_of("False", "Provisioning", "put-role", ",\"phase\":\"Provisioning\"" RETRY("passing", 1, "01:00:03"));
    CLEANUP(freep) char *doing = NULL;
    CLEANUP(freep) char *next = NULL;
    why_brief(object, now_ms(), &doing, &next);
    assert_string_equal(doing, "put-role");
    assert_string_equal(next, "tries again in 3s (failed 1 time)");
}

/* Every reason that reconcilers can give, as the architect lists them. */
static const char *const reasons[] = {
    "Running",
    "Stopped",
    "TenantSuspended",
    "Paused",
    "Deleting",
    "EngineUnavailable",
    "DatabaseServerUnavailable",
    "NameTaken",
    "TenantMissing",
    "AppMissing",
    "VersionMissing",
    "RenderFailed",
    "WaitingForNetwork",
    "WaitingForWarmDatabase",
    "WaitingForInstances",
    "InUse",
    "ExceedsHost",
    "DataMissing",
    "CrashLoop",
    "Unhealthy",
    "WaitingForHealth",
    "Starting",
    "Provisioning",
    "Reconciling",
    "ImagePullFailed",
    "InitFailed",
    "CloneFailed",
    "UpgradeFailed",
    "ChangeFailed",
    "CreateFailed",
    "StartFailed",
    "ResizeFailed",
    "StepFailed",
    "WaitingForBackup",
    "LastBackupFailed",
    "BackupNotMade",
    "Ready",
    "WarmDatabaseFailed",
    "BuildingWarmDatabase",
};

static void every_reason_has_one_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        size_t found = 0;
        for (const struct why_row *row = why_rows; row->reason; row++)
            found += str_equal(row->reason, reasons[i]);
        if (found != 1)
            fail_msg("%s has %zu rows", reasons[i], found);
    }
}

static void no_remedy_has_a_placeholder_left(void **state)
{
    (void)state;
    for (const struct why_row *row = why_rows; row->reason; row++) {
        CLEANUP(json_decrefp) json_t *object = instance_of("False", row->reason, "", "");
        CLEANUP(why_release) struct why why;
        why_explain(object, now_ms(), &why);
        assert_null(strpbrk(why.remedy, "{}"));
        assert_true(why.cause[0] != '\0');
    }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, explains, rows);
    CHECK_TEST(&list, not_looked_at_yet);
    CHECK_TEST(&list, ready_for_an_older_spec_is_not_ready);
    CHECK_TEST(&list, prints_all_of_it);
    CHECK_TEST(&list, a_pending_resize_is_told_besides);
    CHECK_TEST(&list, one_line_for_progress);
    CHECK_TEST(&list, every_reason_has_one_row);
    CHECK_TEST(&list, no_remedy_has_a_placeholder_left);
    return check_run("cli/why", &list);
}
