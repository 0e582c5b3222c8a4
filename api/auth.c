/* Who asks, and what they may. */
#include "api/auth.h"

#include "api/routes.h"
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
#define VERBS_OWNER (VERBS_READ | VERBS_WRITE | VERB_PLAN | VERB_LOG | VERB_SECRETS | VERB_ACT)

/* docs/operations.md has it in words; tests/api/grants_test.c walks every route against it. */
const struct grant grants[] = {
    { ROLE_ADMIN, ABOUT_RECORDS, VERBS_OWNER | VERB_SUSPEND, ANYBODYS },
    { ROLE_ADMIN, ABOUT_EVENTS, VERBS_READ, ANYBODYS },
    { ROLE_ADMIN, ABOUT_ACCOUNTS, VERBS_READ | VERBS_WRITE, ANYBODYS },
    { ROLE_ADMIN, ABOUT_TOKENS, VERBS_READ | VERBS_WRITE, ANYBODYS },
    { ROLE_ADMIN, ABOUT_AUDIT, VERBS_READ, ANYBODYS },
    { ROLE_ADMIN, ABOUT_METRICS, VERBS_READ, ANYBODYS },
    { ROLE_ADMIN, ABOUT_ORPHANS, VERBS_READ | VERBS_WRITE, ANYBODYS },
    { ROLE_ADMIN, ABOUT_RECOVERY_KEY, VERB_GET | VERB_SECRETS, ANYBODYS },
    { ROLE_ADMIN, ABOUT_CATALOG, VERB_CREATE, ANYBODYS },
    { ROLE_MEMBER, KIND_TENANT, VERBS_READ, OWN },
    { ROLE_MEMBER, KIND_APP, VERBS_READ, ANYBODYS },
    { ROLE_MEMBER, KIND_INSTANCE, VERBS_OWNER, OWN },
    { ROLE_MEMBER, KIND_BACKUP, VERBS_READ | VERB_CREATE | VERB_PATCH | VERB_PLAN | VERB_SECRETS, OWN },
    { ROLE_MEMBER, KIND_RESTORE, VERBS_OWNER, OWN },
    { ROLE_MEMBER, ABOUT_EVENTS, VERBS_READ, OWN },
    { ROLE_NONE, 0, 0, OWN },
};

/* A token's own verbs narrow what its role may. */
static bool is_in_scope(const struct identity *identity, enum verb verb)
{
    return identity->verbs == 0 || (identity->verbs & verb);
}

enum auth_answer auth_may(const struct identity *identity, enum verb verb, int subject, const char *tenant)
{
    bool is_own = !tenant || identity_has_tenant(identity, tenant);
    bool may_know = false;
    for (const struct grant *grant = grants; grant->role != ROLE_NONE; grant++) {
        bool is_meant = grant->subject == subject || (grant->subject == ABOUT_RECORDS && subject >= 0);
        if (grant->role != identity->role || !is_meant)
            continue;
        if (grant->whose == OWN && !is_own)
            continue;
        if ((grant->verbs & verb) && is_in_scope(identity, verb))
            return AUTH_ALLOWED;
        may_know = true;
    }
    return may_know || subject < ABOUT_EVENTS ? AUTH_FORBIDDEN : AUTH_HIDDEN;
}

int auth_subject_of(const struct view *view)
{
    return view->record_kind ? (int)view->record_kind->id : ABOUT_EVENTS;
}

const char *auth_tenant_of(const struct request *request)
{
    const struct kind *kind = request->view.record_kind;
    return kind && kind->id == KIND_TENANT ? request->name : request->namespace;
}

/* Whose an object is: its tenant, as the table means it; NULL: nobody's. */
static const char *tenant_of(const struct view *view, const json_t *object)
{
    const struct kind *kind = view->record_kind;
    const json_t *about = json_object_get(object, kind ? "metadata" : "involvedObject");
    bool is_tenant = kind ? kind->id == KIND_TENANT : str_equal(json_text(about, "kind"), kinds[KIND_TENANT].name);
    return json_text(about, is_tenant ? "name" : "namespace");
}

bool auth_may_see(const struct identity *identity, const struct view *view, const json_t *object)
{
    const char *tenant = tenant_of(view, object);
    return auth_may(identity, VERB_GET, auth_subject_of(view), tenant ? tenant : "") != AUTH_HIDDEN;
}

bool raise_forbidden_verb(struct request *request, enum verb verb, struct err *err)
{
    const struct view *view = &request->view;
    CLEANUP(str_release) struct str text = STR_INIT;
    if (!view->kind)
        return err_set(err, ERR_FORBIDDEN, "forbidden: User \"%s\" cannot %s path \"%s\"", request->identity.user,
                       verb_name(verb), request->route->pattern);
    str_addf(&text, "User \"%s\" cannot %s resource \"%s\" in API group \"%s\"", request->identity.user,
             verb_name(verb), view->plural, view->group);
    if (request->namespace)
        str_addf(&text, " in the namespace \"%s\"", request->namespace);
    else
        str_add(&text, " at the cluster scope");
    if (!request->about)
        request_set_about(request, view, request->name);
    err_set(err, ERR_FORBIDDEN, "%s", text.text);
    return raise_from_store(request, err);
}
