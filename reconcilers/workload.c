/* Rendering of an App's blueprint, and comparing a container with what was rendered; see workload.h. */
#include "reconcilers/workload.h"

#include "reconcilers/names.h"
#include "specs/template.h"

static void file_release(struct rendered_file *file)
{
    free(file->path);
    free(file->content);
}

void rendered_release(struct rendered *rendered)
{
    strv_release(&rendered->command);
    strv_release(&rendered->env);
    struct rendered_file *files = rendered->files.items;
    for (size_t i = 0; i < rendered->files.count; i++)
        file_release(&files[i]);
    free(files);
    json_decref(rendered->labels);
    free(rendered->hash);
    *rendered = (struct rendered){ 0 };
}

struct lookup {
    const json_t *values;
};

static bool look_up(void *context, const char *name, struct str *ret_value)
{
    const struct lookup *lookup = context;
    const char *text = json_text(lookup->values, name);
    if (text)
        str_add(ret_value, text);
    return text != NULL;
}

bool workload_render_text(const char *template, const json_t *values, char **ret, struct err *err)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    struct lookup lookup = { values };
    if (!template_render(template, look_up, &lookup, &out, err))
        return false;
    *ret = str_steal(&out);
    return true;
}

char *workload_change_value(const struct instance_spec *spec, enum app_change_field field)
{
    switch (field) {
    case CHANGE_ADDONS:
        return strv_join(&spec->addons, ",");
    case CHANGE_DISABLED_MODULES:
        return strv_join(&spec->disabled_modules, ",");
    case CHANGE_ADMIN_EMAIL:
        return mem_strdup(spec->admin_email ? spec->admin_email : "");
    case CHANGE_DEMO_DATA:
        return mem_strdup(spec->demo_data ? "true" : "false");
    case CHANGE_FIELDS:
        break;
    }
    return mem_strdup("");
}

static void put_text(json_t *values, const char *name, const char *text)
{
    json_put_text(values, name, text ? text : "");
}

json_t *workload_values(const struct settings *settings, const struct app_spec *app, const struct instance_spec *spec,
                        const struct workload_subject *subject)
{
    json_t *values = json_object();
    CLEANUP(freep) char *port = mem_printf("%d", settings->database_port);
    put_text(values, "database.host", settings->database_host);
    put_text(values, "database.port", port);
    put_text(values, "database.name", subject->database);
    put_text(values, "database.user", subject->role);
    put_text(values, "database.password", subject->password);
    put_text(values, "instance.name", subject->name);
    put_text(values, "instance.namespace", subject->namespace);
    put_text(values, "instance.uid", subject->uid);
    put_text(values, "tenant.name", subject->namespace);
    put_text(values, "app.name", subject->app_name);
    put_text(values, "version", subject->version);
    static const char *const types[] = {
        [INSTANCE_PRODUCTION] = "production",
        [INSTANCE_STAGING] = "staging",
        [INSTANCE_DEVELOPMENT] = "development",
    };
    put_text(values, "spec.type", types[spec->type]);
    put_text(values, "spec.description", spec->description);
    CLEANUP(freep) char *domains = strv_join(&spec->domains, ",");
    put_text(values, "spec.domains", domains);
    for (int field = 0; field < CHANGE_FIELDS; field++) {
        CLEANUP(freep) char *name = mem_printf("spec.%s", app_change_field_names[field]);
        CLEANUP(freep) char *value = workload_change_value(spec, (enum app_change_field)field);
        put_text(values, name, value);
    }
    const struct app_parameter *parameters = app->parameters.items;
    for (size_t i = 0; i < app->parameters.count; i++) {
        CLEANUP(freep) char *name = mem_printf("parameters.%s", parameters[i].name);
        const char *given = json_text(spec->env, parameters[i].name);
        put_text(values, name, given ? given : parameters[i].fallback);
    }
    for (size_t i = 0; i < app->secrets.count; i++) {
        CLEANUP(freep) char *name = mem_printf("secret.%s", app->secrets.items[i]);
        put_text(values, name, json_text(subject->secrets, app->secrets.items[i]));
    }
    put_text(values, "clone.sourceDatabase", NULL);
    put_text(values, "restore.sourceDatabase", NULL);
    put_text(values, "restore.neutralize", NULL);
    put_text(values, "change.old", NULL);
    put_text(values, "change.new", NULL);
    return values;
}

bool workload_render_command(const struct strv *templates, const json_t *values, struct strv *ret, struct err *err)
{
    for (size_t i = 0; i < templates->count; i++) {
        char *text = NULL;
        if (!workload_render_text(templates->items[i], values, &text, err))
            return err_wrap(err, "command argument %zu", i + 1);
        if (text[0] || !templates->items[i][0])
            strv_add_taken(ret, text);
        else
            free(text);
    }
    return true;
}

static bool render_env(const struct workload *workload, struct strv *ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *env = json_object();
    const char *key;
    json_t *template;
    json_object_foreach (workload->app->env, key, template) {
        CLEANUP(freep) char *text = NULL;
        if (!workload_render_text(json_string_value(template), workload->values, &text, err))
            return err_wrap(err, "env %s", key);
        json_put_text(env, key, text);
    }
    if (workload->extra_env)
        json_object_update(env, (json_t *)(uintptr_t)workload->extra_env /* jansson reads it only */);
    CLEANUP(strv_release) struct strv keys = STRV_INIT;
    json_object_foreach (env, key, template)
        strv_add(&keys, key);
    strv_sort(&keys);
    for (size_t i = 0; i < keys.count; i++)
        strv_addf(ret, "%s=%s", keys.items[i], json_text(env, keys.items[i]));
    return true;
}

static bool render_files(const struct workload *workload, struct field_list *ret, struct err *err)
{
    const struct app_file *files = workload->app->files.items;
    struct rendered_file *rendered = mem_zalloc((workload->app->files.count + 1) * sizeof(*rendered));
    ret->items = rendered;
    for (size_t i = 0; i < workload->app->files.count; i++) {
        if (!workload_render_text(files[i].content, workload->values, &rendered[i].content, err))
            return err_wrap(err, "file %s", files[i].path);
        rendered[i].path = mem_strdup(files[i].path);
        rendered[i].executable = files[i].executable;
        ret->count++;
    }
    return true;
}

/* Traefik's Docker provider: one router and one service per port, told apart by path prefix. */
static void add_proxy_labels(const struct settings *settings, const struct workload *workload, json_t *labels)
{
    if (!workload->domains || workload->domains->count == 0)
        return;
    CLEANUP(str_release) struct str hosts = STR_INIT;
    for (size_t i = 0; i < workload->domains->count; i++)
        str_addf(&hosts, "%sHost(`%s`)", i ? " || " : "", workload->domains->items[i]);
    json_put_text(labels, "traefik.enable", "true");
    json_put_text(labels, "traefik.docker.network", workload->network);
    const struct app_port *ports = workload->app->ports.items;
    for (size_t i = 0; i < workload->app->ports.count; i++) {
        CLEANUP(freep)
        char *id = /* no underscore is in a name, so that no tenant's router is called like another's */
            mem_printf("%s_%s_%s_%s", settings->prefix, workload->key->namespace, workload->key->name, ports[i].name);
        CLEANUP(freep) char *router = mem_printf("traefik.http.routers.%s", id);
        CLEANUP(freep) char *rule_key = mem_printf("%s.rule", router);
        CLEANUP(freep)
        char *rule = ports[i].path_prefix ? mem_printf("(%s) && PathPrefix(`%s`)", hosts.text, ports[i].path_prefix)
                                          : mem_strdup(hosts.text);
        json_put_text(labels, rule_key, rule);
        CLEANUP(freep) char *service_key = mem_printf("%s.service", router);
        json_put_text(labels, service_key, id);
        CLEANUP(freep) char *port_key = mem_printf("traefik.http.services.%s.loadbalancer.server.port", id);
        CLEANUP(freep) char *port = mem_printf("%" PRId64, ports[i].port);
        json_put_text(labels, port_key, port);
        CLEANUP(freep) char *entry_key = mem_printf("%s.entrypoints", router);
        json_put_text(labels, entry_key, settings->proxy_entrypoints);
        CLEANUP(freep) char *tls_key = mem_printf("%s.tls.certresolver", router);
        json_put_text(labels, tls_key, settings->proxy_cert_resolver);
    }
}

/* Over everything that only a new container can change; limits are changed in place and stay out. */
static char *hash_of(const struct settings *settings, const struct workload *workload, const struct rendered *rendered)
{
    CLEANUP(json_decrefp) json_t *all = json_object();
    json_put_text(all, "image", workload->image);
    json_put_text(all, "network", workload->network);
    json_put_text(all, "volume", workload->volume);
    json_put_text(all, "dataPath", workload->app->data_path);
    json_put(all, "uid", json_integer(workload->app->user.uid));
    json_put(all, "gid", json_integer(workload->app->user.gid));
    json_put(all, "publish", json_integer(workload->publish_port));
    json_put_text(all, "publishAddress", workload->publish_port ? settings->publish_address : NULL);
    json_put(all, "capabilities", json_from_strv(&workload->app->capabilities));
    json_put(all, "command", json_from_strv(&rendered->command));
    json_put(all, "env", json_from_strv(&rendered->env));
    json_put(all, "labels", json_deep_copy(rendered->labels));
    json_put_text(all, "databaseAddress", settings->database_address);
    json_t *list = json_array();
    const struct rendered_file *files = rendered->files.items;
    for (size_t i = 0; i < rendered->files.count; i++) {
        json_t *file = json_object();
        json_put_text(file, "path", files[i].path);
        json_put_text(file, "content", files[i].content);
        json_put(file, "executable", json_boolean(files[i].executable));
        json_push(list, file);
    }
    json_put(all, "files", list);
    CLEANUP(freep) char *text = json_dump(all);
    return sha256_hex(text, strlen(text));
}

bool workload_render(const struct settings *settings, const struct workload *workload, struct rendered *ret,
                     struct err *err)
{
    struct rendered rendered = { 0 };
    bool ok = workload_render_command(&workload->app->command, workload->values, &rendered.command, err) &&
              render_env(workload, &rendered.env, err) && render_files(workload, &rendered.files, err);
    if (!ok) {
        rendered_release(&rendered);
        return err_wrap(err, "render app");
    }
    rendered.labels = name_labels(settings, workload->key, workload->uid, "app");
    add_proxy_labels(settings, workload, rendered.labels);
    rendered.hash = hash_of(settings, workload, &rendered);
    json_put_text(rendered.labels, LABEL_HASH, rendered.hash);
    json_put_text(rendered.labels, LABEL_RENDER, RENDER_VERSION);
    *ret = rendered;
    return true;
}

static bool has_text(const json_t *array, const char *text)
{
    size_t i;
    json_t *item;
    json_array_foreach (array, i, item)
        if (str_equal(json_string_value(item), text))
            return true;
    return false;
}

/* The container's env is ours over the image's, and nothing else. */
static bool env_is_right(const struct rendered *rendered, const struct container *container, const struct image *image)
{
    for (size_t i = 0; i < rendered->env.count; i++)
        if (!has_text(container->env, rendered->env.items[i]))
            return false;
    size_t i;
    json_t *item;
    json_array_foreach (container->env, i, item) {
        const char *text = json_string_value(item);
        if (image && text && !strv_has(&rendered->env, text) && !has_text(image->env, text))
            return false;
    }
    return true;
}

static bool command_is_right(const struct rendered *rendered, const struct container *container,
                             const struct image *image)
{
    CLEANUP(json_decrefp) json_t *ours = json_from_strv(&rendered->command);
    if (rendered->command.count)
        return json_equal(ours, container->command);
    return !image || json_equal(image->command, container->command);
}

/* A volume that the engine made for a VOLUME of the image has 64 hex digits for a name. */
static bool is_anonymous(const json_t *mount)
{
    enum { ID_DIGITS = 64 };
    const char *source = json_text(mount, "source");
    return str_equal(json_text(mount, "type"), "volume") && source && strlen(source) == ID_DIGITS &&
           strspn(source, "0123456789abcdef") == ID_DIGITS;
}

static bool mounts_are_right(const struct workload *workload, const struct container *container)
{
    bool found = !workload->app->data_path;
    size_t i;
    json_t *mount;
    json_array_foreach (container->mounts, i, mount) {
        bool is_data = workload->app->data_path && str_equal(json_text(mount, "target"), workload->app->data_path);
        if (is_data && !str_equal(json_text(mount, "source"), workload->volume))
            return false;
        if (!is_data && !is_anonymous(mount))
            return false;
        found = found || is_data;
    }
    return found;
}

static bool labels_are_right(const struct rendered *rendered, const struct container *container)
{
    const char *key;
    json_t *label;
    json_object_foreach (rendered->labels, key, label)
        if (!str_equal(key, LABEL_HASH) && !str_equal(key, LABEL_RENDER) &&
            !str_equal(json_text(container->labels, key), json_string_value(label)))
            return false;
    return true;
}

static bool user_is_right(const struct workload *workload, const struct container *container)
{
    const struct app_user *user = &workload->app->user;
    if (user->uid < 0)
        return true;
    CLEANUP(freep) char *text = mem_printf("%" PRId64 ":%" PRId64, user->uid, user->gid >= 0 ? user->gid : user->uid);
    return str_equal(container->user, text);
}

/* What an inspect shows of the request; files are not among it: those are compared in a rolling look. */
static bool looks_alike(const struct workload *workload, const struct rendered *rendered,
                        const struct container *container, const struct image *image_or_null)
{
    const struct image *image =
        image_or_null && str_equal(image_or_null->id, container->image_id) ? image_or_null : NULL;
    int64_t published = json_int(json_array_get(container->ports, 0), "host", 0);
    return container->inspected && str_equal(container->image, workload->image) &&
           command_is_right(rendered, container, image) && env_is_right(rendered, container, image) &&
           mounts_are_right(workload, container) && labels_are_right(rendered, container) &&
           user_is_right(workload, container) &&
           (published == workload->publish_port || container->state != CONTAINER_RUNNING);
}

bool workload_is_outdated(const struct rendered *rendered, const struct container *container)
{
    return !str_equal(json_text(container->labels, LABEL_HASH), rendered->hash);
}

bool workload_matches(const struct workload *workload, const struct rendered *rendered,
                      const struct container *container, const struct image *image_or_null)
{
    if (!workload_is_outdated(rendered, container))
        return !container->inspected || looks_alike(workload, rendered, container, image_or_null);
    return !str_equal(json_text(container->labels, LABEL_RENDER), RENDER_VERSION) &&
           looks_alike(workload, rendered, container, image_or_null);
}

const struct image_credentials *workload_credentials(const struct settings *settings, const char *image)
{
    for (size_t i = 0; i < settings->registry_count; i++) {
        CLEANUP(freep) char *prefix = mem_printf("%s/", settings->registries[i].server);
        if (str_starts_with(image, prefix))
            return &settings->registries[i];
    }
    return NULL;
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

/* How many bytes of `text` are `secret`, line breaks within not counted; 0: it does not begin with it. */
static size_t length_in(const char *text, const char *secret)
{
    const char *at = text;
    for (; *secret; secret++, at++) {
        while (at > text && is_break(*at))
            at++;
        if (*at != *secret)
            return 0;
    }
    return (size_t)(at - text);
}

static void cover(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_break(text[i]))
            text[i] = '*';
}

/* `ret_blanked` begins as a copy of `text`, which stays, so that one secret's asterisks do not hide another one. */
static void blank(const char *text, const char *secret, char *ret_blanked)
{
    enum { END_MIN = 4 }; /* a shorter end says little, and is found in much */
    for (size_t at = 0; text[at]; at++)
        cover(ret_blanked + at, length_in(text + at, secret));
    for (const char *end = secret; strlen(end) >= END_MIN; end++)
        cover(ret_blanked, length_in(text, end));
}

char *workload_blank_secrets(const json_t *values, const char *text)
{
    char *blanked = mem_strdup(text);
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)values, name, value) {
        const char *secret = json_string_value(value);
        if (secret && secret[0] && (str_equal(name, "database.password") || str_starts_with(name, "secret.")))
            blank(text, secret, blanked);
    }
    return blanked;
}
