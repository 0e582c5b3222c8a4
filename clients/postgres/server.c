/* The handle on the customers' database server, names, versions, verifiers. */
#include "base/crypto.h"
#include "clients/postgres/server_internal.h"

#define INSTALLATION_DIGITS 6
#define UID_DIGITS          12

static const char hex_digits[] = "0123456789abcdef";

static bool set_search_path(struct pg *pg, void *context, const struct call *call, struct err *err)
{
    (void)context; /* pg_on_connect()'s signature */
    return pg_query(pg, "set search_path = pg_catalog, pg_temp", NULL, 0, call, NULL, err);
}

struct pg *server_pg_new(const char *url)
{
    struct pg *pg = pg_new(url);
    pg_on_connect(pg, set_search_path, NULL);
    return pg;
}

struct server *server_new(const char *url, const char *installation)
{
    struct server *server = MEM_NEW(struct server);
    server->pg = server_pg_new(url);
    server->url = mem_strdup(url);
    server->installation = mem_strdup(installation);
    return server;
}

void server_free(struct server *server)
{
    if (!server)
        return;
    pg_free(server->pg);
    mem_wipe(server->url, strlen(server->url));
    free(server->url);
    free(server->installation);
    free(server);
}

void server_freep(struct server **server)
{
    server_free(*server);
}

bool server_name_check(const char *what, const char *name, struct err *err)
{
    size_t len = name ? strlen(name) : 0;
    if (len == 0)
        return err_set(err, ERR_INVALID, "the %s has no name", what);
    if (len > NAME_LIMIT)
        return err_set(err, ERR_INVALID, "%s name %s is longer than %d bytes", what, name, NAME_LIMIT);
    if (!str_is_utf8(name, len))
        return err_set(err, ERR_INVALID, "a %s name is not UTF-8", what);
    return true;
}

bool server_installation_check(const char *installation, struct err *err)
{
    if (installation && strlen(installation) == INSTALLATION_DIGITS &&
        strspn(installation, hex_digits) == INSTALLATION_DIGITS)
        return true;
    return err_set(err, ERR_INVALID, "an installation is named by %d hexadecimal digits", INSTALLATION_DIGITS);
}

bool server_is_role(const char *installation, const char *name)
{
    if (!name || !str_starts_with(name, "td_") || !str_starts_with(name + 3, installation))
        return false;
    const char *rest = name + 3 + strlen(installation);
    return rest[0] == '_' && strlen(rest + 1) == UID_DIGITS && strspn(rest + 1, hex_digits) == UID_DIGITS;
}

bool server_role_check(const struct server *server, const char *role, struct err *err)
{
    return server_is_role(server->installation, role) ||
           err_set(err, ERR_INVALID, "\"%s\" is no role of installation %s", role ? role : "", server->installation);
}

bool server_version(struct server *server, const struct call *call, struct server_version *ret, struct err *err)
{
    CLEANUP(pg_clearp) PGresult *result = NULL;
    if (!pg_query(server->pg,
                  "select current_setting('server_version') as text, current_setting('server_version_num') as number",
                  NULL, 0, call, &result, err))
        return err_wrap(err, "look at the version of PostgreSQL");
    const char *text = pg_text(result, 0, "text"); /* "15.18 (Debian 15.18-0+deb12u1)" */
    ret->text = mem_strndup(text, strcspn(text, " "));
    ret->number = (int)pg_int(result, 0, "number");
    return true;
}

bool server_encrypt(struct pg *pg, const char *role, const char *password, const struct call *call, char **ret,
                    struct err *err)
{
    if (!pg_connect(pg, call, err))
        return false;
    char *verifier = PQencryptPasswordConn(pg_handle(pg), password, role, "scram-sha-256");
    if (!verifier) /* libpq's message is left out: nobody promises that it holds no password */
        return err_set(err, ERR_INTERNAL, "libpq makes no verifier for the password of role %s", role);
    *ret = mem_strdup(verifier);
    PQfreemem(verifier);
    return true;
}

bool server_scram_verifier(struct server *server, const char *role, const char *password, const struct call *call,
                           char **ret, struct err *err)
{
    return server_role_check(server, role, err) && server_encrypt(server->pg, role, password, call, ret, err);
}

char *server_verifier_digest(const char *verifier)
{
    return sha256_hex(verifier, strlen(verifier));
}
