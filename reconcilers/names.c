/* Derived names and ownership labels; see names.h. */
#include "reconcilers/names.h"

#include "specs/kind.h"

enum { UID_DIGITS = 12, PG_NAME_MAX = 63 };

char *name_uid12(const char *uid)
{
    struct str digits = STR_INIT;
    for (; *uid && digits.len < UID_DIGITS; uid++)
        if (*uid != '-')
            str_addc(&digits, *uid);
    return str_steal(&digits);
}

char *name_container(const struct settings *settings, const struct record_key *key)
{
    /* A tenant cannot be called "_app", so an App's things never meet a tenant's. */
    const char *namespace = key->namespace[0] ? key->namespace : "_app";
    return mem_printf("%s-%s.%s", settings->prefix, namespace, key->name);
}

char *name_job(const struct settings *settings, const struct record_key *key)
{
    CLEANUP(freep) char *container = name_container(settings, key);
    return mem_printf("%s.job", container);
}

char *name_volume(const struct settings *settings, const struct record_key *key, const char *uid)
{
    CLEANUP(freep) char *container = name_container(settings, key);
    CLEANUP(freep) char *uid12 = name_uid12(uid);
    return mem_printf("%s-%s", container, uid12);
}

char *name_network(const struct settings *settings, const char *tenant)
{
    return mem_printf("%s-%s", settings->prefix, tenant);
}

char *name_role(const struct settings *settings, const char *uid)
{
    CLEANUP(freep) char *uid12 = name_uid12(uid);
    return mem_printf("td_%s_%s", settings->installation, uid12);
}

char *name_database(const char *database, const char *what, const char *uid)
{
    CLEANUP(freep) char *uid12 = name_uid12(uid);
    int room = PG_NAME_MAX - (int)strlen(what) - 2 - UID_DIGITS;
    return mem_printf("%.*s_%s_%s", room, database, what, uid12);
}

char *name_retained(const char *database, const char *uid)
{
    return name_database(database, "retained", uid);
}

char *name_stamp(const struct settings *settings, const char *uid)
{
    return mem_printf("tenantd %s %s", settings->installation, uid);
}

char *label_installation(const struct settings *settings)
{
    return mem_printf("%s=%s", LABEL_INSTALLATION, settings->installation);
}

json_t *name_labels(const struct settings *settings, const struct record_key *key, const char *uid, const char *purpose)
{
    json_t *labels = json_object();
    json_put_text(labels, LABEL_INSTALLATION, settings->installation);
    json_put_text(labels, LABEL_KIND, kinds[key->kind].name);
    if (key->namespace[0])
        json_put_text(labels, LABEL_NAMESPACE, key->namespace);
    json_put_text(labels, LABEL_NAME, key->name);
    json_put_text(labels, LABEL_UID, uid);
    json_put_text(labels, LABEL_PURPOSE, purpose);
    return labels;
}

bool name_is_ours(const struct settings *settings, const json_t *labels, const char *uid)
{
    return str_equal(json_text(labels, LABEL_INSTALLATION), settings->installation) &&
           str_equal(json_text(labels, LABEL_UID), uid);
}
