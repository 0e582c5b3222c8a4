#include "specs/app.h"
#include "tests/specs/documents.h"

#define V            "versions: [{name: \"1\", image: \"a:1\"}]"
#define CAPABILITIES "CHOWN DAC_OVERRIDE FOWNER SETUID SETGID KILL NET_BIND_SERVICE SETPCAP FSETID"

static const struct row {
    const char *why;
    const char *spec;
    const char *problem;
} rows[] = {
    { "the least", "{" V "}", "" },
    { "no version", "{versions: []}", "spec.versions: must not be empty" },
    { "versions missing", "{}", "spec.versions: is required, like [{name: \"17.0\", image: \"odoo:17.0\"}]" },
    { "a version twice", "{versions: [{name: a, image: x}, {name: a, image: y}]}",
      "spec.versions[1].name: \"a\" is taken by [0] already" },
    { "a version that is a number", "{versions: [{name: 14.0, image: x}]}",
      "spec.versions[0].name: 14.0 is a number; write \"14.0\" in quotes" },
    { "an image with a blank", "{versions: [{name: a, image: \"x y\"}]}",
      "spec.versions[0].image: \"x y\" must not have blanks" },
    { "an empty image", "{versions: [{name: a, image: \"\"}]}", "spec.versions[0].image: must not be empty" },
    { "a user", "{" V ", user: {uid: 0, gid: 0}}", "" },
    { "half a user", "{" V ", user: {uid: 101}}", "spec.user.gid: is required" },
    { "a negative user", "{" V ", user: {uid: -1, gid: 1}}",
      "spec.user.uid: -1 is out of range; it must be between 0 and 2147483646" },
    { "capabilities", "{" V ", capabilities: [CHOWN, SETUID, NET_BIND_SERVICE]}", "" },
    { "a capability with its prefix", "{" V ", capabilities: [CAP_CHOWN]}",
      "spec.capabilities[0]: \"CAP_CHOWN\": leave out CAP_" },
    { "SYS_ADMIN", "{" V ", capabilities: [SYS_ADMIN]}",
      "spec.capabilities[0]: \"SYS_ADMIN\" is not given to applications; there are " CAPABILITIES },
    { "SYS_PTRACE", "{" V ", capabilities: [SYS_PTRACE]}",
      "spec.capabilities[0]: \"SYS_PTRACE\" is not given to applications; there are " CAPABILITIES },
    { "NET_ADMIN", "{" V ", capabilities: [NET_ADMIN]}",
      "spec.capabilities[0]: \"NET_ADMIN\" is not given to applications; there are " CAPABILITIES },
    { "ALL", "{" V ", capabilities: [ALL]}",
      "spec.capabilities[0]: \"ALL\" is not given to applications; there are " CAPABILITIES },
    { "an unknown capability", "{" V ", capabilities: [chown]}",
      "spec.capabilities[0]: \"chown\" is not given to applications; there are " CAPABILITIES },
    { "a capability twice", "{" V ", capabilities: [CHOWN, CHOWN]}", "spec.capabilities[1]: \"CHOWN\" appears twice" },
    { "a port twice", "{" V ", ports: [{name: a, port: 80}, {name: b, port: 80}]}",
      "spec.ports[1].port: 80 is taken by [0] already" },
    { "a port's name twice", "{" V ", ports: [{name: a, port: 80}, {name: a, port: 81}]}",
      "spec.ports[1].name: \"a\" is taken by [0] already" },
    { "a path prefix twice",
      "{" V ", ports: [{name: a, port: 80, pathPrefix: /x}, {name: b, port: 81, pathPrefix: /x}]}",
      "spec.ports[1].pathPrefix: \"/x\" is taken by [0] already" },
    { "port 0", "{" V ", ports: [{name: a, port: 0}]}",
      "spec.ports[0].port: 0 is out of range; it must be between 1 and 65535" },
    { "port 65536", "{" V ", ports: [{name: a, port: 65536}]}",
      "spec.ports[0].port: 65536 is out of range; it must be between 1 and 65535" },
    { "a port's name in capitals", "{" V ", ports: [{name: HTTP, port: 80}]}",
      "spec.ports[0].name: \"HTTP\" is not a name; use a-z, 0-9 and - (not at the ends), at most 63 characters" },
    { "a relative data path", "{" V ", dataPath: data}", "spec.dataPath: \"data\" is not absolute; begin it with /" },
    { "the root as data path", "{" V ", dataPath: /}",
      "spec.dataPath: \"/\" is the root directory; name a path below it" },
    { "health", "{" V ", ports: [{name: http, port: 80}], health: {path: /ok, port: http}}", "" },
    { "health without a port takes the first", "{" V ", ports: [{name: http, port: 80}], health: {path: /ok}}", "" },
    { "health at an unknown port", "{" V ", ports: [{name: http, port: 80}], health: {path: /ok, port: web}}",
      "spec.health.port: \"web\" is not the name of a port in spec.ports" },
    { "health without ports", "{" V ", health: {path: /ok}}",
      "spec.health: needs a port to ask; declare one in spec.ports" },
    { "a wrong port does not make health wrong",
      "{" V ", ports: [{name: http, port: 0}], health: {path: /ok, port: web}}",
      "spec.ports[0].port: 0 is out of range; it must be between 1 and 65535" },
    { "health without a path", "{" V ", ports: [{name: http, port: 80}], health: {port: http}}",
      "spec.health.path: is required, like /web/login" },
    { "a file twice", "{" V ", files: [{path: /a, content: x}, {path: /a, content: y}]}",
      "spec.files[1].path: \"/a\" is written by [0] already" },
    { "a file upwards", "{" V ", files: [{path: /a/../b, content: x}]}",
      "spec.files[0].path: \"/a/../b\" has a part . or ..; write the path out" },
    { "a file with unknown name", "{" V ", files: [{path: /a, content: \"x\\n{{database.hots}}\"}]}",
      "spec.files[0].content: line 2, column 1: \"database.hots\" is not a name that is known here; did you mean "
      "database.host?" },
    { "a section that is not closed", "{" V ", files: [{path: /a, content: \"{{#spec.addons}}\"}]}",
      "spec.files[0].content: line 1, column 1: section \"spec.addons\" is not closed by {{/spec.addons}}" },
    { "all fixed names",
      "{" V ", env: {A: \"{{database.host}}{{database.port}}{{database.name}}{{database.user}}{{database.password}}"
      "{{instance.name}}{{instance.uid}}{{instance.namespace}}{{tenant.name}}{{app.name}}{{version}}{{spec.adminEmail}}"
      "{{spec.addons}}"
      "{{spec.disabledModules}}{{spec.demoData}}{{spec.domains}}{{spec.type}}{{spec.description}}\"}}",
      "" },
    { "a declared parameter and secret",
      "{" V ", parameters: [{name: WORKERS, type: integer, default: \"0\"}], secrets: [key],"
      " env: {A: \"{{parameters.WORKERS}}{{secret.key}}\"}}",
      "" },
    { "a parameter that is not declared", "{" V ", env: {A: \"{{parameters.WORKERS}}\"}}",
      "spec.env.A: line 1, column 1: \"parameters.WORKERS\" is not a name that is known here; declare it in "
      "spec.parameters" },
    { "a parameter's near miss", "{" V ", parameters: [{name: WORKERS}], env: {A: \"{{parameters.WORKER}}\"}}",
      "spec.env.A: line 1, column 1: \"parameters.WORKER\" is not a name that is known here; did you mean "
      "parameters.WORKERS?" },
    { "a secret that is not declared", "{" V ", env: {A: \"{{secret.key}}\"}}",
      "spec.env.A: line 1, column 1: \"secret.key\" is not a name that is known here; declare it in spec.secrets" },
    { "wrong parameters do not make their uses wrong", "{" V ", parameters: 5, env: {A: \"{{parameters.X}}\"}}",
      "spec.parameters: must be a list, not a number" },
    { "the clone's source in env", "{" V ", env: {A: \"{{clone.sourceDatabase}}\"}}",
      "spec.env.A: line 1, column 1: \"clone.sourceDatabase\" is not a name that is known here; it is known in "
      "clone.after "
      "only" },
    { "the restore's source in restore.after",
      "{" V ", restore: {after: {command: [x, \"{{restore.sourceDatabase}}\", \"{{restore.neutralize}}\"]}}}", "" },
    { "the restore's source in init", "{" V ", init: {command: [x, \"{{restore.neutralize}}\"]}}",
      "spec.init.command[1]: line 1, column 1: \"restore.neutralize\" is not a name that is known here; it is known in "
      "restore.after only" },
    { "the clone's source in clone.after", "{" V ", clone: {after: {command: [x, \"{{clone.sourceDatabase}}\"]}}}",
      "" },
    { "the clone's source in init", "{" V ", init: {command: [x, \"{{clone.sourceDatabase}}\"]}}",
      "spec.init.command[1]: line 1, column 1: \"clone.sourceDatabase\" is not a name that is known here; it is known "
      "in "
      "clone.after only" },
    { "a change in onChange", "{" V ", onChange: {addons: {command: [x, \"{{change.old}}{{change.new}}\"]}}}", "" },
    { "a change in upgrade", "{" V ", upgrade: {command: [\"{{change.new}}\"]}}",
      "spec.upgrade.command[0]: line 1, column 1: \"change.new\" is not a name that is known here; it is known in "
      "onChange "
      "only" },
    { "a secret in a command", "{" V ", secrets: [key], command: [x, \"-p{{secret.key}}\"]}",
      "spec.command[1]: line 1, column 3: \"secret.key\" is not a name that is known here; everybody on the host can "
      "read a "
      "command; give secrets by env or files" },
    { "the password in a one-shot", "{" V ", init: {command: [x, \"{{database.password}}\"]}}",
      "spec.init.command[1]: line 1, column 1: \"database.password\" is not a name that is known here; everybody on "
      "the host "
      "can read a command; give secrets by env or files" },
    { "a secret's name", "{" V ", secrets: [\"a-b\"]}",
      "spec.secrets[0]: \"a-b\" is not a secret's name; use letters, digits and _, a letter first, at most 63" },
    { "parameters of all types",
      "{" V ", parameters: [{name: A}, {name: B, type: integer, default: \"-3\"}, {name: C, type: boolean, default: "
      "\"true\"},"
      " {name: D, type: enum, values: [x, y], default: x}]}",
      "" },
    { "a default of another type", "{" V ", parameters: [{name: A, type: integer, default: many}]}",
      "spec.parameters[0].default: \"many\" is not a whole number" },
    { "a default that is no text", "{" V ", parameters: [{name: A, type: integer, default: 0}]}",
      "spec.parameters[0].default: 0 is a number; write \"0\" in quotes" },
    { "a default that is no boolean", "{" V ", parameters: [{name: A, type: boolean, default: \"yes\"}]}",
      "spec.parameters[0].default: \"yes\" is not \"true\" or \"false\"" },
    { "a default that is not in the values", "{" V ", parameters: [{name: A, type: enum, values: [x, y], default: z}]}",
      "spec.parameters[0].default: \"z\" is not one of x, y" },
    { "an enum without values", "{" V ", parameters: [{name: A, type: enum}]}",
      "spec.parameters[0].values: is required for type enum, like [low, high]" },
    { "values without an enum", "{" V ", parameters: [{name: A, values: [x]}]}",
      "spec.parameters[0].values: stands with type enum only" },
    { "values twice", "{" V ", parameters: [{name: A, type: enum, values: [x, x]}]}",
      "spec.parameters[0].values[1]: \"x\" appears twice" },
    { "an unknown type", "{" V ", parameters: [{name: A, type: int}]}",
      "spec.parameters[0].type: \"int\" is not one of string, integer, boolean, enum" },
    { "a parameter's name", "{" V ", parameters: [{name: a-b}]}",
      "spec.parameters[0].name: \"a-b\" is not an environment name; use letters, digits and _, no digit first" },
    { "a command without its command", "{" V ", init: {timeout: 5m}}",
      "spec.init.command: is required, like [sh, -c, ...]" },
    { "an empty command", "{" V ", init: {command: []}}", "spec.init.command: must not be empty" },
    { "a command as one text", "{" V ", init: {command: sh -c x}}",
      "spec.init.command: must be a list of texts, like [sh, -c, ...], not text" },
    { "a timeout without unit", "{" V ", init: {command: [x], timeout: \"5\"}}",
      "spec.init.timeout: \"5\" has no unit at its end; try 5s" },
    { "onChange immutable", "{" V ", onChange: {demoData: {immutable: true}}}", "" },
    { "onChange that says nothing", "{" V ", onChange: {addons: {}}}",
      "spec.onChange.addons: needs a command, or immutable: true" },
    { "onChange that says both", "{" V ", onChange: {addons: {command: [x], immutable: true}}}",
      "spec.onChange.addons: has a command and is immutable; choose one" },
    { "onChange of another field", "{" V ", onChange: {addon: {command: [x]}}}",
      "spec.onChange.addon: unknown field; did you mean \"addons\"?" },
    { "a warm database without clone.after", "{" V ", warmDatabase: true, init: {command: [x]}}",
      "spec.clone.after: is required with warmDatabase and init: clones would share keys and passwords without it" },
    { "a warm database with clone.after",
      "{" V ", warmDatabase: true, init: {command: [x]}, clone: {after: {command: [y]}}}", "" },
    { "a warm database without init", "{" V ", warmDatabase: true}", "" },
    { "a list of environment", "{" V ", env: [A=b]}",
      "spec.env: must be a map of strings, like {DB_HOST: \"{{database.host}}\"}, not a list" },
    { "nothing may be down", "{" V ", rollout: {maxUnavailable: 0}}",
      "spec.rollout.maxUnavailable: 0 is out of range; it must be between 1 and 1000" },
};

static void checks_specs(void **state)
{
    const struct row *row = *state;
    assert_problem(&kinds[KIND_APP], row->spec, row->problem);
}

static void app_release(struct app_spec *app)
{
    fields_release(app_spec_fields, app);
}

static void decode(struct app_spec *app, const char *yaml)
{
    CLEANUP(json_decrefp) json_t *spec = document(yaml);
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    fields_decode(app_spec_fields, spec, "spec", app, &problems);
    CLEANUP(freep) char *text = problems_text(&problems);
    assert_string_equal(text, "");
}

static void fills_defaults(void **state)
{
    (void)state;
    CLEANUP(app_release) struct app_spec app = { 0 };
    decode(&app, "{" V ", init: {command: [x]}, onChange: {adminEmail: {command: [y], timeout: 1m, live: true}}}");
    assert_int_equal(app.user.uid, -1);
    assert_int_equal(app.user.gid, -1);
    assert_int_equal(app.init.timeout_ms, 20 * MINUTE_MS);
    assert_int_equal(app.upgrade.timeout_ms, 30 * MINUTE_MS);
    assert_int_equal(app.clone.after.timeout_ms, 10 * MINUTE_MS);
    assert_int_equal(app.on_change.field[CHANGE_ADDONS].timeout_ms, 20 * MINUTE_MS);
    assert_int_equal(app.on_change.field[CHANGE_ADMIN_EMAIL].timeout_ms, MINUTE_MS);
    assert_true(app.on_change.field[CHANGE_ADMIN_EMAIL].live);
    assert_int_equal(app.health.startup_timeout_ms, 10 * MINUTE_MS);
    assert_int_equal(app.health.failure_threshold, 3);
    assert_int_equal(app.stop_timeout_ms, 30 * SECOND_MS);
    assert_int_equal(app.rollout.max_unavailable, 1);
    assert_null(app.health.path);
    assert_int_equal(app.upgrade.command.count, 0);
}

static void looks_up(void **state)
{
    (void)state;
    CLEANUP(app_release) struct app_spec app = { 0 };
    decode(&app,
           "{versions: [{name: \"1\", image: a}, {name: \"2\", image: b}], ports: [{name: http, port: 80}, {name: ws, "
           "port: 81}],"
           " parameters: [{name: A}], secrets: [key], env: {X: \"{{spec.domains}}\"}, command: [x, \"{{spec.type}}\"],"
           " init: {command: [\"{{spec.addons}}\"]}}");
    assert_string_equal(app_find_version(&app, "2")->image, "b");
    assert_null(app_find_version(&app, "3"));
    assert_null(app_find_version(&app, NULL));
    assert_string_equal(app_find_port(&app, NULL)->name, "http");
    assert_int_equal(app_find_port(&app, "ws")->port, 81);
    assert_null(app_find_port(&app, "x"));
    assert_non_null(app_find_parameter(&app, "A"));
    assert_null(app_find_parameter(&app, "B"));
    assert_true(app_template_knows(&app, "parameters.A"));
    assert_true(app_template_knows(&app, "secret.key"));
    assert_true(app_template_knows(&app, "change.old"));
    assert_false(app_template_knows(&app, "secret.other"));
    assert_false(app_template_knows(&app, "parameters."));
    assert_true(app_container_uses(&app, "spec.domains"));
    assert_true(app_container_uses(&app, "spec.type"));
    assert_false(app_container_uses(&app, "spec.addons"));
    assert_true(app_command_uses(&app.init.command, "spec.addons"));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, checks_specs, rows);
    CHECK_TEST(&list, fills_defaults);
    CHECK_TEST(&list, looks_up);
    return check_run("app_check", &list);
}
