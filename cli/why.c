/* From reason to remedy, in one table. */
#include "cli/why.h"

#define LOGS "see what it says: tenantctl logs {name} --tail=50"

const struct why_row why_rows[] = {
    { "Running", "all that it needs is there", NULL },
    { "Ready", "all that it needs is there", NULL },
    { "Active", "all that it needs is there", NULL },
    { "BuildingWarmDatabase", "a database that instances are cloned from is being made", NULL },
    { "Stopped", "it is stopped, as its record asks", "start it: tenantctl start {name}" },
    { "TenantSuspended", "its tenant is suspended, so nothing of it runs",
      "set spec.suspended of tenant {namespace} to false and apply it" },
    { "Paused", "it is paused: tenantd looks and does nothing", "go on: tenantctl resume {name}" },
    { "Deleting", "it is being deleted", "follow it: tenantctl events {name} -w" },

    { "EngineUnavailable", "Docker does not answer",
      "on tenantd's machine: docker info; it goes on by itself when Docker is back" },
    { "DatabaseServerUnavailable", "PostgreSQL does not answer",
      "see whether it runs and takes connections; it goes on by itself when PostgreSQL is back" },
    { "NameTaken", "something that is not tenantd's has the name that it needs",
      "rename or remove what the message names; tenantd never touches what is not its own" },
    { "TenantMissing", "its tenant does not exist", "apply tenant {namespace}" },
    { "AppMissing", "its app does not exist", "apply app {app}, or see which there are: tenantctl get apps" },
    { "VersionMissing", "its app has no such version",
      "take one of these: tenantctl get app {app}; or add the version to the app" },
    { "RenderFailed", "a template of its app cannot be filled in", "correct the app {app}, or spec.env, and apply it" },

    { "WaitingForNetwork", "its tenant's network is not there yet", "if it lasts: tenantctl why tenant {namespace}" },
    { "WaitingForWarmDatabase", "the database that it is cloned from is still being made",
      "follow that: tenantctl describe app {app}" },
    { "WaitingForInstances", "instances of it are still there", "see which: tenantctl get instances -A" },
    { "InUse", "instances still use it",
      "see which: tenantctl get instances -A; delete them, or let them use another" },
    { "ExceedsHost", "it asks for more than the host has", "lower spec.resources and apply it" },
    { "DataMissing", "its database or its volume has gone, and an empty one is not made in its place",
      "bring the data back; or, where it may be lost: kubectl annotate {kubectl} tenantd/accept-data-loss={uid}" },

    { "Restoring", "a restore of it is on its way; changes of its record wait until that is over",
      "follow it: tenantctl get restores -n {namespace}" },
    { "RestoreFailed", "the data that it was to be made of could not be restored",
      "see why: tenantctl get restores -n {namespace} -o wide; then delete it, or restore into it again" },
    { "RestoreRunning", "another restore of that instance is on its way", NULL },
    { "WaitingForInstance", "the instance is being prepared", NULL },
    { "WaitingForSwitch", "the instance is stopped and switched over to the restored data",
      "if it lasts, see what the instance waits for: tenantctl why" },
    { "Fetching", "the recovery point is read and checked; nothing is touched yet", NULL },
    { "Building", "a database and a volume are built beside the instance's own; it goes on meanwhile", NULL },
    { "Completed", "the recovery point was restored", NULL },
    { "Failed", "it failed, and nothing was touched", "correct what the message says, and make another one" },
    { "RolledBack", "the restored data did not prove healthy; the data of before serves again",
      "correct what the message says, and make another one" },

    { "CrashLoop", "its container ends again and again", LOGS },
    { "DiskFull", "a disk is full: its own, the host's or the database server's",
      "make room on the disk that its output or message names; it goes on by itself" },
    { "Unhealthy", "its container runs, but does not answer as it should", LOGS },
    { "WaitingForHealth", "its container runs and has yet to answer", "if it lasts, " LOGS },
    { "Starting", "its container is starting", NULL },
    { "Provisioning", "it is being set up", NULL },
    { "Reconciling", "it is being brought to what its record asks", NULL },

    { "ImagePullFailed", "its image cannot be had",
      "correct the image in app {app}, or the registry's credentials in tenantd's configuration" },
    { "WarmDatabaseFailed", "the database that instances are cloned from cannot be made",
      "correct what its output says in app {app} and apply it" },
    { "InitFailed", "its app's init command failed", "correct what its output says, in the record or in app {app}" },
    { "CloneFailed", "its app's clone command failed", "correct what its output says, in the record or in app {app}" },
    { "UpgradeFailed", "the upgrade failed; the version before it goes on",
      "correct what its output says, then change the record; or go back to the version before it" },
    { "ChangeFailed", "its app's command for a changed field failed",
      "correct what its output says, in the record or in app {app}" },
    { "CreateFailed", "its container cannot be created",
      "correct what the message says, in the record or in app {app}" },
    { "StartFailed", "its container cannot be started", LOGS },
    { "ResizeFailed", "its resources cannot be changed", "correct spec.resources and apply it" },
    { "StepFailed", "a step failed", "see which: tenantctl describe {name}" },
    { "WaitingForBackup", "its deletion waits for a last backup",
      "wait, or set spec.deletionPolicy to Retain or Delete and apply it" },
    { "LastBackupFailed", "its deletion waits for a last backup, and that failed",
      "correct what the message says; it is tried again. Or set spec.deletionPolicy to Retain or Delete and apply it" },
    { "BackupNotMade", "a backup that is due could not be asked for", "correct what the message says" },
    { NULL },
};

static const struct why_row *find_row(const char *reason)
{
    for (const struct why_row *row = why_rows; row->reason; row++)
        if (str_equal(row->reason, reason))
            return row;
    return NULL;
}

/* ---- remedies ---- */

static char *name_of(const json_t *object)
{
    CLEANUP(targets_release) struct targets targets = { 0 };
    return object_target(object, &targets) ? target_short(&targets.items[0]) : mem_strdup(object_meta(object, "name"));
}

static char *kubectl_name_of(const json_t *object)
{
    CLEANUP(targets_release) struct targets targets = { 0 };
    if (!object_target(object, &targets))
        return mem_strdup(object_meta(object, "name"));
    const struct target *target = &targets.items[0];
    return mem_printf("%s %s%s%s", target->kind->singular, target->name, target->namespace ? " -n " : "",
                      target->namespace ? target->namespace : "");
}

static void add_placeholder(struct str *out, const char *name, const json_t *object)
{
    /* Of an App itself: its own name. */
    const char *app = json_text(json_object_get(object, "spec"), "app");
    if (!app)
        app = object_meta(object, "name");
    CLEANUP(freep)
    char *value = str_equal(name, "name")      ? name_of(object)
                  : str_equal(name, "kubectl") ? kubectl_name_of(object)
                  : str_equal(name, "app")     ? mem_strdup(app)
                                               : mem_strdup(object_meta(object, name));
    text_add_clean(out, value);
}

static char *fill_in(const char *remedy, const json_t *object)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    while (*remedy) {
        size_t plain = strcspn(remedy, "{");
        str_addn(&out, remedy, plain);
        remedy += plain;
        if (*remedy == '\0')
            break;
        size_t len = strcspn(remedy, "}");
        CLEANUP(freep) char *name = mem_strndup(remedy + 1, len - 1);
        add_placeholder(&out, name, object);
        remedy += len + 1;
    }
    return str_steal(&out);
}

/* ---- what comes next ---- */

static char *next_try(const json_t *retry, int64_t now_ms)
{
    const char *time = json_text(retry, "nextTime");
    int64_t attempts = json_int(retry, "attempts", 0);
    int64_t at_ms;
    if (str_equal(json_text(retry, "class"), "invalid"))
        return mem_strdup("nothing until the record changes");
    if (!time || !time_from_rfc3339(time, &at_ms))
        return mem_strdup("tries again");
    CLEANUP(freep) char *span = time_age(at_ms > now_ms ? at_ms - now_ms : 0);
    bool is_now = at_ms < now_ms + SECOND_MS;
    return mem_printf("tries again %s%s (failed %" PRId64 " time%s)", is_now ? "now" : "in ", is_now ? "" : span,
                      attempts, attempts == 1 ? "" : "s");
}

static char *next_of(const json_t *object, const struct why_row *row, int64_t now_ms)
{
    const json_t *retry = json_at(object, "status", "retry", NULL);
    if (json_object_size(retry) > 0)
        return next_try(retry, now_ms);
    if (row && str_equal(row->reason, "Paused"))
        return mem_strdup("nothing until it is resumed");
    return mem_strdup("goes on as soon as it can");
}

/* ---- the answer ---- */

static void explain_unseen(const json_t *object, struct why *ret)
{
    ret->since = json_text(json_object_get(object, "metadata"), "creationTimestamp");
    ret->reason = mem_strdup("NotSeen");
    ret->cause = mem_strdup("tenantd has not looked at the record as it is now");
    ret->next = mem_strdup("looks at it in a moment");
    ret->remedy = mem_strdup("if it lasts, see tenantd's own log");
}

void why_explain(const json_t *object, int64_t now_ms, struct why *ret)
{
    const json_t *ready = object_condition(object, "Ready");
    const char *reason = json_text(ready, "reason");
    const char *message = json_text(ready, "message");
    const struct why_row *row = find_row(reason);
    bool is_true = str_equal(json_text(ready, "status"), "True");
    *ret = (struct why){ .is_ready = object_is_ready(object) };
    if (!ready || (is_true && !ret->is_ready)) {
        explain_unseen(object, ret);
        return;
    }
    ret->since = json_text(ready, "lastTransitionTime");
    ret->reason = mem_strdup(reason ? reason : "");
    bool is_paused = row && str_equal(row->reason, "Paused");
    if (message && message[0] && !is_paused)
        ret->cause = mem_strdup(message);
    else if (is_paused && message && message[0])
        ret->cause = mem_printf("it is paused: %s", message);
    else
        ret->cause = mem_strdup(row ? row->cause : "no reason is given");
    ret->next = ret->is_ready ? mem_strdup("") : next_of(object, row, now_ms);
    ret->remedy = row && row->remedy ? fill_in(row->remedy, object) : mem_strdup("");
}

void why_release(struct why *why)
{
    free(why->reason);
    free(why->cause);
    free(why->next);
    free(why->remedy);
    *why = (struct why){ 0 };
}

void why_brief(const json_t *object, int64_t now_ms, char **ret_doing, char **ret_next)
{
    CLEANUP(why_release) struct why why;
    const char *phase = json_text(json_object_get(object, "status"), "phase");
    bool has_retry = json_object_size(json_at(object, "status", "retry", NULL)) > 0;
    why_explain(object, now_ms, &why);
    bool says_phase = !why.reason[0] || str_equal(why.reason, phase);
    *ret_doing = says_phase ? mem_strdup(why.cause) : mem_printf("%s: %s", why.reason, why.cause);
    *ret_next = has_retry && !why.is_ready ? STEAL(why.next) : mem_strdup("");
}

/* ---- printing ---- */

static void print_head(const json_t *object, const struct why *why, int64_t now_ms, const struct terminal *terminal,
                       struct str *out)
{
    CLEANUP(targets_release) struct targets targets = { 0 };
    CLEANUP(freep) char *name = object_target(object, &targets) ? target_text(&targets.items[0]) : mem_strdup("record");
    CLEANUP(freep) char *age = age_of(why->since, now_ms);
    str_addf(out, "%s is ", name);
    terminal_paint(terminal, why->is_ready ? PAINT_GOOD : PAINT_BAD, why->is_ready ? "ready" : "not ready", out);
    if (age[0])
        str_addf(out, " since %s (%s)", age, why->since);
    str_addc(out, '\n');
}

static void print_line(const char *label, const char *text, struct str *out)
{
    if (!text[0])
        return;
    str_addf(out, "  %-10s", label);
    text_add_clean(out, text);
    str_addc(out, '\n');
}

static void print_failure(const json_t *object, struct str *out)
{
    const json_t *failure = json_at(object, "status", "failure", NULL);
    const char *output = json_text(failure, "output");
    const char *step = json_text(failure, "step");
    if (!output || !output[0])
        return;
    str_addf(out, "\n  Output of %s (exit status %" PRId64 "):\n", step ? step : "the failed step",
             json_int(failure, "exitCode", 0));
    text_add_indented(out, output, "    ");
}

void why_print(const json_t *object, int64_t now_ms, const struct terminal *terminal, struct str *out)
{
    CLEANUP(why_release) struct why why;
    why_explain(object, now_ms, &why);
    CLEANUP(freep) char *because = why.reason[0] ? mem_printf("%s: %s", why.reason, why.cause) : mem_strdup(why.cause);
    const json_t *resize = object_condition(object, "ResizePending");
    print_head(object, &why, now_ms, terminal, out);
    print_line("Because", because, out);
    print_line("Next", why.next, out);
    print_line("You can", why.remedy, out);
    if (str_equal(json_text(resize, "status"), "True")) {
        const char *message = json_text(resize, "message");
        print_line("Besides", message && message[0] ? message : "its resources cannot be changed yet", out);
    }
    if (!why.is_ready)
        print_failure(object, out);
}
