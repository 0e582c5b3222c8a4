/* Who asks, and what they may. */
#include "api/auth.h"

#include "api/status.h"

/* ---- who ---- */

static const char *after_scheme(const char *authorization, const char *scheme)
{
    size_t len = strlen(scheme);
    if (!authorization || strncasecmp(authorization, scheme, len) != 0 || authorization[len] != ' ')
        return NULL;
    return authorization + len + strspn(authorization + len, " ");
}

char *auth_token(const struct request *request)
{
    const char *bearer = after_scheme(request->authorization, "Bearer");
    if (bearer)
        return bearer[0] ? mem_strdup(bearer) : NULL;
    /* kubectl sends no bearer token over plain HTTP, but it does send a password that stands in the URL. */
    const char *basic = request->is_encrypted ? NULL : after_scheme(request->authorization, "Basic");
    CLEANUP(str_release) struct str pair = STR_INIT;
    if (!basic || !str_base64_decode(basic, &pair, NULL))
        return NULL;
    const char *colon = strchr(pair.text, ':');
    char *token = colon && colon[1] ? mem_strdup(colon + 1) : NULL;
    mem_wipe(pair.text, pair.len);
    return token;
}

bool auth_identify(struct store *store, struct request *request, struct err *err)
{
    char *token = auth_token(request);
    if (!token)
        return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
    bool good = store_token_find(store, token, &request->identity, err);
    mem_wipe(token, strlen(token));
    free(token);
    if (!good && err->code == ERR_UNAUTHORIZED)
        return err_set(err, ERR_UNAUTHORIZED, "Unauthorized");
    if (!good)
        return err_wrap(err, "look up the token");
    return true;
}

/* ---- what ---- */

#define VERBS_READ  (VERB_GET | VERB_LIST | VERB_WATCH)
#define VERBS_WRITE (VERB_CREATE | VERB_UPDATE | VERB_PATCH | VERB_DELETE)
#define VERBS_ALL   (VERBS_READ | VERBS_WRITE | VERB_PLAN | VERB_LOG | VERB_SECRETS)
#define ANY_KIND    (-1) /* of records */
#define EVENTS      (-2)

enum whose { OWN, ANYBODYS };

static const struct grant {
    enum role role;
    int kind; /* enum kind_id, ANY_KIND, EVENTS */
    unsigned verbs;
    enum whose whose;
} grants[] = {
    { ROLE_ADMIN, ANY_KIND, VERBS_ALL, ANYBODYS },  { ROLE_ADMIN, EVENTS, VERBS_READ, ANYBODYS },
    { ROLE_MEMBER, KIND_TENANT, VERBS_READ, OWN },  { ROLE_MEMBER, KIND_APP, VERBS_READ, ANYBODYS },
    { ROLE_MEMBER, KIND_INSTANCE, VERBS_ALL, OWN }, { ROLE_MEMBER, KIND_RESTORE, VERBS_ALL, OWN },
    { ROLE_MEMBER, EVENTS, VERBS_READ, OWN },
};

enum auth_answer auth_may(const struct identity *identity, enum verb verb, const struct kind *kind, const char *tenant)
{
    int wanted = kind ? (int)kind->id : EVENTS;
    bool is_own = !tenant || str_equal(tenant, identity->namespace);
    bool may_know = false;
    for (size_t i = 0; i < ARRAY_LEN(grants); i++) {
        const struct grant *grant = &grants[i];
        bool is_meant = grant->kind == wanted || (grant->kind == ANY_KIND && kind);
        if (grant->role != identity->role || !is_meant)
            continue;
        if (grant->whose == OWN && !is_own)
            continue;
        if (grant->verbs & verb)
            return AUTH_ALLOWED;
        may_know = true;
    }
    return may_know ? AUTH_FORBIDDEN : AUTH_HIDDEN;
}

bool auth_may_see(const struct identity *identity, const struct view *view, const json_t *object)
{
    if (identity->role == ROLE_ADMIN)
        return true;
    const struct kind *kind = view->record_kind;
    if (kind && kind->id == KIND_APP)
        return true;
    const json_t *about = json_object_get(object, kind ? "metadata" : "involvedObject");
    bool is_tenant = kind ? kind->id == KIND_TENANT : str_equal(json_text(about, "kind"), kinds[KIND_TENANT].name);
    return str_equal(json_text(about, is_tenant ? "name" : "namespace"), identity->namespace);
}

static const struct {
    enum verb verb;
    const char *name;
} verb_names[] = {
    { VERB_GET, "get" },
    { VERB_LIST, "list" },
    { VERB_WATCH, "watch" },
    { VERB_CREATE, "create" },
    { VERB_UPDATE, "update" },
    { VERB_PATCH, "patch" },
    { VERB_DELETE, "delete" },
    { VERB_PLAN, "plan" },
    { VERB_LOG, "read the log of" },
    { VERB_SECRETS, "read the secrets of" },
};

const char *verb_name(enum verb verb)
{
    for (size_t i = 0; i < ARRAY_LEN(verb_names); i++)
        if (verb_names[i].verb == verb)
            return verb_names[i].name;
    return "";
}

bool raise_forbidden_verb(struct request *request, const char *verb, struct err *err)
{
    const struct view *view = &request->view;
    CLEANUP(str_release) struct str text = STR_INIT;
    str_addf(&text, "User \"%s\" cannot %s resource \"%s\" in API group \"%s\"", request->identity.user, verb,
             view->plural, view->group);
    if (request->namespace)
        str_addf(&text, " in the namespace \"%s\"", request->namespace);
    else
        str_add(&text, " at the cluster scope");
    err_set(err, ERR_FORBIDDEN, "%s", text.text);
    return raise_from_store(request, err);
}
