/* Rendering, what the hash covers, which container still fits, and the blanking of secrets. */
#include "reconcilers/names.h"
#include "reconcilers/workload.h"
#include "tests/check.h"

static const struct settings settings = { .installation = "aabbcc",
                                          .prefix = "td",
                                          .publish_address = "127.0.0.1",
                                          .database_host = "db",
                                          .database_address = "host-gateway" };

/* A scene that owns what a workload borrows. */
struct scene {
    struct app_spec app;
    struct app_port port;
    struct app_file file;
    struct record_key key;
    struct strv domains;
    json_t *values, *extra_env;
    struct workload workload;
};

static void set_up(struct scene *scene)
{
    static char web[] = "web", path[] = "/etc/app.conf", content[] = "password={{database.password}}", data[] = "/data";
    *scene = (struct scene){ .port = { .name = web, .port = 8069 }, .file = { .path = path, .content = content } };
    assert_true(record_key_set(&scene->key, KIND_INSTANCE, "acme", "erp"));
    strv_add(&scene->app.command, "app");
    strv_add(&scene->app.command, "{{spec.addons}}");
    strv_add(&scene->app.command, "");
    strv_add(&scene->app.command, "--db={{database.name}}");
    scene->app.env = json_pack("{s:s, s:s}", "Z", "{{database.name}}", "A", "a");
    scene->app.files = (struct field_list){ &scene->file, 1 };
    scene->app.ports = (struct field_list){ &scene->port, 1 };
    scene->app.data_path = data;
    scene->app.user.uid = scene->app.user.gid = 1000;
    scene->values =
        json_pack("{s:s, s:s, s:s}", "database.name", "acme_erp", "database.password", "geheim", "spec.addons", "");
    scene->extra_env = json_pack("{s:s}", "M", "{{not a template}}");
    scene->workload = (struct workload){ .app = &scene->app,
                                         .key = &scene->key,
                                         .uid = "u1",
                                         .image = "app:1",
                                         .network = "td-acme",
                                         .volume = "td-acme.erp-1",
                                         .values = scene->values,
                                         .extra_env = scene->extra_env,
                                         .domains = &scene->domains,
                                         .millicores = 1000,
                                         .memory_bytes = 1 << 30 };
}

static void tear_down(struct scene *scene)
{
    strv_release(&scene->app.command);
    strv_release(&scene->app.capabilities);
    strv_release(&scene->domains);
    json_decref(scene->app.env);
    json_decref(scene->values);
    json_decref(scene->extra_env);
}

static void test_rendered(void **state)
{
    (void)state;
    struct scene scene;
    CLEANUP(rendered_release) struct rendered rendered = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    set_up(&scene);
    strv_add(&scene.domains, "erp.example");
    assert_ok(workload_render(&settings, &scene.workload, &rendered, &err), &err);
    CLEANUP(freep) char *command = strv_join(&rendered.command, "|");
    CLEANUP(freep) char *env = strv_join(&rendered.env, "|");
    assert_string_equal(command,
                        "app||--db=acme_erp"); /* what renders to nothing is left out, what is written empty stays */
    assert_string_equal(env, "A=a|M={{not a template}}|Z=acme_erp");
    const struct rendered_file *file = rendered.files.items;
    assert_int_equal(rendered.files.count, 1);
    assert_string_equal(file->content, "password=geheim");
    assert_string_equal(json_text(rendered.labels, LABEL_HASH), rendered.hash);
    assert_string_equal(json_text(rendered.labels, "traefik.http.routers.td_acme_erp_web.rule"), "Host(`erp.example`)");
    tear_down(&scene);
}

static void test_unknown_name(void **state)
{
    (void)state;
    struct scene scene;
    CLEANUP(rendered_release) struct rendered rendered = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    set_up(&scene);
    json_object_del(scene.values, "database.password");
    assert_false(workload_render(&settings, &scene.workload, &rendered, &err));
    assert_contains(err_message(&err), "/etc/app.conf");
    assert_null(rendered.hash);
    tear_down(&scene);
}

/* ---- the hash ---- */

static void same(struct scene *scene)
{
    (void)scene;
}
static void memory(struct scene *scene)
{
    scene->workload.memory_bytes *= 2;
}
static void cpu(struct scene *scene)
{
    scene->workload.millicores *= 2;
}
static void image(struct scene *scene)
{
    scene->workload.image = "app:2";
}
static void volume(struct scene *scene)
{
    scene->workload.volume = "td-acme.erp-2";
}
static void network(struct scene *scene)
{
    scene->workload.network = "td-other";
}
static void publish(struct scene *scene)
{
    scene->workload.publish_port = 20000;
}
static void user(struct scene *scene)
{
    scene->app.user.uid = 1001;
}
static void capability(struct scene *scene)
{
    strv_add(&scene->app.capabilities, "CHOWN");
}
static void command(struct scene *scene)
{
    strv_add(&scene->app.command, "-v");
}
static void env(struct scene *scene)
{
    json_put_text(scene->extra_env, "M", "2");
}
static void secret_in_file(struct scene *scene)
{
    json_put_text(scene->values, "database.password", "anders");
}
static void executable(struct scene *scene)
{
    scene->file.executable = true;
}
static void domain(struct scene *scene)
{
    strv_add(&scene->domains, "erp.example");
}

static const struct hash_row {
    const char *why;
    void (*change)(struct scene *scene);
    bool differs;
} hash_rows[] = {
    { "hash: the same again", same, false },
    { "hash: memory is changed in place", memory, false },
    { "hash: cpu is changed in place", cpu, false },
    { "hash: image", image, true },
    { "hash: volume", volume, true },
    { "hash: network", network, true },
    { "hash: published port", publish, true },
    { "hash: user", user, true },
    { "hash: capability", capability, true },
    { "hash: command", command, true },
    { "hash: env", env, true },
    { "hash: a file's content", secret_in_file, true },
    { "hash: a file's mode", executable, true },
    { "hash: domain", domain, true },
};

static void test_hash(void **state)
{
    const struct hash_row *row = *state;
    struct scene scene;
    CLEANUP(rendered_release) struct rendered before = { 0 };
    CLEANUP(rendered_release) struct rendered after = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    set_up(&scene);
    assert_ok(workload_render(&settings, &scene.workload, &before, &err), &err);
    row->change(&scene);
    assert_ok(workload_render(&settings, &scene.workload, &after, &err), &err);
    assert_int_equal(!str_equal(before.hash, after.hash), row->differs);
    tear_down(&scene);
}

/* ---- does a container fit ---- */

static void other_hash(struct container *container)
{
    json_put_text(container->labels, LABEL_HASH, "0123");
}
static void other_render(struct container *container)
{
    other_hash(container);
    json_put_text(container->labels, LABEL_RENDER, "0");
}
static void other_render_and_env(struct container *container)
{
    other_render(container);
    json_array_remove(container->env, 0);
}
static void other_render_and_image(struct container *container)
{
    other_render(container);
    free(container->image);
    container->image = mem_strdup("app:0");
}
static void other_render_and_mount(struct container *container)
{
    other_render(container);
    json_array_clear(container->mounts);
}
static void other_render_and_domain(struct container *container)
{
    other_render(container);
    json_object_del(container->labels, "traefik.enable");
}
static void other_render_not_inspected(struct container *container)
{
    other_render(container);
    container->inspected = false;
}
static void hand_env(struct container *container)
{
    json_push(container->env, json_string("STRANGE=1"));
}
static void hand_value(struct container *container)
{
    json_array_set_new(container->env, 0, json_string("A=b"));
}
static void hand_command(struct container *container)
{
    json_push(container->command, json_string("--evil"));
}
static void hand_image(struct container *container)
{
    free(container->image);
    container->image = mem_strdup("app:2");
}
static void hand_volume(struct container *container)
{
    json_object_set_new(json_array_get(container->mounts, 0), "source", json_string("another"));
}
static void hand_mount(struct container *container)
{
    json_push(container->mounts, json_pack("{s:s, s:s, s:s}", "type", "bind", "source", "/etc", "target", "/host"));
}
static void hand_user(struct container *container)
{
    free(container->user);
    container->user = mem_strdup("0:0");
}
static void not_inspected(struct container *container)
{
    hand_env(container);
    container->inspected = false;
}
static void image_moved_on(struct container *container)
{
    json_push(container->env, json_string("OF_THE_OLD_IMAGE=1"));
    free(container->image_id);
    container->image_id = mem_strdup("sha256:old");
}
static void env_of_image(struct container *container)
{
    json_push(container->env, json_string("PATH=/bin"));
}
static void anonymous_volume(struct container *container)
{
    char name[65] = "";
    memset(name, 'a', 64);
    json_push(container->mounts, json_pack("{s:s, s:s, s:s}", "type", "volume", "source", name, "target", "/cache"));
}
static void as_made(struct container *container)
{
    (void)container;
}

static const struct match_row {
    const char *why;
    void (*change)(struct container *container);
    bool matches;
} match_rows[] = {
    { "fits: as made", as_made, true },
    { "fits: another hash of the same version", other_hash, false },
    { "fits: another version asked for the same", other_render, true },
    { "fits: another version, other env", other_render_and_env, false },
    { "fits: another version, other image", other_render_and_image, false },
    { "fits: another version, other volume", other_render_and_mount, false },
    { "fits: another version, other domains", other_render_and_domain, false },
    { "fits: another version, not looked at closely", other_render_not_inspected, false },
    { "fits: our labels, one variable more", hand_env, false },
    { "fits: our labels, another value", hand_value, false },
    { "fits: our labels, another command", hand_command, false },
    { "fits: our labels, another image", hand_image, false },
    { "fits: our labels, another volume", hand_volume, false },
    { "fits: our labels, one mount more", hand_mount, false },
    { "fits: our labels, another user", hand_user, false },
    { "fits: what was not looked at closely is believed", not_inspected, true },
    { "fits: what the image brings along", env_of_image, true },
    { "fits: the tag has moved on, so what the image brought along is not known", image_moved_on, true },
    { "fits: a volume that the image asks for", anonymous_volume, true },
};

static void test_match(void **state)
{
    const struct match_row *row = *state;
    struct scene scene;
    CLEANUP(rendered_release) struct rendered rendered = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    set_up(&scene);
    strv_add(&scene.domains, "erp.example");
    assert_ok(workload_render(&settings, &scene.workload, &rendered, &err), &err);
    CLEANUP(container_release) struct container container = { .inspected = true, .state = CONTAINER_RUNNING };
    container.image = mem_strdup("app:1");
    container.labels = json_deep_copy(rendered.labels);
    container.env = json_from_strv(&rendered.env);
    container.command = json_from_strv(&rendered.command);
    container.user = mem_strdup("1000:1000");
    container.image_id = mem_strdup("sha256:new");
    CLEANUP(image_release) struct image image = { .id = mem_strdup("sha256:new") };
    image.env = json_pack("[s]", "PATH=/bin");
    image.command = json_array();
    container.mounts = json_pack("[{s:s, s:s, s:s}]", "type", "volume", "source", "td-acme.erp-1", "target", "/data");
    row->change(&container);
    assert_int_equal(workload_matches(&scene.workload, &rendered, &container, &image), row->matches);
    tear_down(&scene);
}

/* ---- secrets ---- */

static const struct secret_row {
    const char *why, *text, *blanked;
} secret_rows[] = {
    { "secret: none", "all is well", "all is well" },
    { "secret: twice", "pw=abcdef, again abcdef.", "pw=******, again ******." },
    { "secret: one that begins another", "x abcdefghij y", "x ********** y" },
    { "secret: one within another", "x 12abcdef34 y", "x ********** y" },
    { "secret: overlapping itself", "zzxzzxzz", "********" },
    { "secret: broken over lines", "abc\ndef and abcd\r\nefghij", "***\n*** and ****\r\n******" },
    { "secret: the text begins in its midst", "cdef said the cut line", "**** said the cut line" },
    { "secret: what only looks like its beginning", "abcde", "abcde" },
    { "secret: other values are none", "user td_x", "user td_x" },
    { "secret: empty text", "", "" },
};

static void test_secret(void **state)
{
    const struct secret_row *row = *state;
    CLEANUP(json_decrefp)
    json_t *values = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "secret.short", "abcdef", "database.password",
                               "abcdefghij", "secret.wrapping", "12abcdef34", "secret.periodic", "zzxzz",
                               "secret.empty", "", "database.user", "td_x");
    CLEANUP(freep) char *blanked = workload_blank_secrets(values, row->text);
    assert_string_equal(blanked, row->blanked);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, test_rendered);
    CHECK_TEST(&list, test_unknown_name);
    CHECK_ROWS(&list, test_hash, hash_rows);
    CHECK_ROWS(&list, test_match, match_rows);
    CHECK_ROWS(&list, test_secret, secret_rows);
    return check_run("workload", &list);
}
