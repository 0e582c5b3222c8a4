/* The kubeconfig that start-up writes. */
#include "api/kubeconfig.h"

#include "api/address.h"
#include "base/file.h"
#include "base/json.h"
#include "specs/yaml.h"

#define FILE_LIMIT (1024 * 1024)
#define ENTRY_NAME "tenantd"

static json_t *named(const char *what, json_t *value_taken)
{
    json_t *entry = json_object();
    json_put_text(entry, "name", ENTRY_NAME);
    json_put(entry, what, value_taken);
    json_t *list = json_array();
    json_push(list, entry);
    return list;
}

void kubeconfig_print(const struct kubeconfig *config, struct str *out)
{
    json_t *cluster = json_object();
    json_put_text(cluster, "server", config->server);
    if (config->certificate_pem) {
        CLEANUP(str_release) struct str encoded = STR_INIT;
        str_add_base64(&encoded, config->certificate_pem, strlen(config->certificate_pem));
        json_put_text(cluster, "certificate-authority-data", encoded.text);
    }
    json_t *user = json_object();
    json_put_text(user, "token", config->token);
    json_t *context = json_object();
    json_put_text(context, "cluster", ENTRY_NAME);
    json_put_text(context, "user", config->user);
    json_put_text(context, "namespace", config->namespace);

    CLEANUP(json_decrefp) json_t *document = json_object();
    json_put_text(document, "apiVersion", "v1");
    json_put_text(document, "kind", "Config");
    json_put(document, "clusters", named("cluster", cluster));
    json_t *users = named("user", user);
    json_put_text(json_array_get(users, 0), "name", config->user);
    json_put(document, "users", users);
    json_put(document, "contexts", named("context", context));
    json_put_text(document, "current-context", ENTRY_NAME);
    yaml_print(document, out);
}

bool kubeconfig_write(const struct kubeconfig *config, const char *path, struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(str_release) struct str present = STR_INIT;
    kubeconfig_print(config, &text);
    if (file_read(path, FILE_LIMIT, &present, NULL) && str_equal(present.text, text.text))
        return true;
    return file_write(path, text.text, text.len, 0600, err) || err_wrap(err, "write the kubeconfig");
}

char *kubeconfig_server_url(const char *address, int port)
{
    CLEANUP(freep) char *host = NULL;
    CLEANUP(freep) char *own_port = NULL;
    if (!address_split(address, &host, &own_port, NULL))
        return mem_printf("https://%s", address);
    bool is_any = host[0] == '\0' || str_equal(host, "0.0.0.0") || str_equal(host, "::");
    if (is_any)
        return mem_printf("https://127.0.0.1:%d", port);
    return mem_printf(strchr(host, ':') ? "https://[%s]:%d" : "https://%s:%d", host, port);
}
