/* Names as they are typed, and paths of the API. */
#include "cli/names.h"

#include "specs/wording.h"

void targets_release(struct targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        free(targets->items[i].namespace);
        free(targets->items[i].name);
    }
    free(targets->items);
    *targets = (struct targets){ 0 };
}

void targets_add(struct targets *targets, const struct kind *kind, const char *namespace, const char *name)
{
    targets->items = mem_grow(targets->items, targets->count + 1, sizeof(targets->items[0]));
    targets->items[targets->count++] = (struct target){
        .kind = kind,
        .namespace = mem_strdup(kind->namespaced ? namespace : NULL),
        .name = mem_strdup(name),
    };
}

/* "instance", "Instances", "inst", "instances.tenantd". */
static const struct kind *kind_of(const char *text)
{
    size_t len = strlen(text);
    if (str_ends_with(text, "." API_GROUP))
        len -= strlen("." API_GROUP);
    CLEANUP(freep) char *name = mem_strndup(text, len);
    return kind_by_any_name(name);
}

bool names_are_kinds(const char *text)
{
    if (str_equal(text, "all"))
        return true;
    CLEANUP(strv_release) struct strv words = STRV_INIT;
    strv_split(&words, text, ',');
    for (size_t i = 0; i < words.count; i++)
        if (!kind_of(words.items[i]))
            return false;
    return words.count > 0;
}

static bool complain_word(const char *text, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(text);
    struct nearest nearest;
    nearest_start(&nearest, text);
    for (size_t i = 0; i < KINDS; i++) {
        nearest_offer(&nearest, kinds[i].singular);
        nearest_offer(&nearest, kinds[i].plural);
    }
    if (nearest.best)
        return err_set(err, ERR_BAD_REQUEST, "there is no kind %s; is %s meant?", shown, nearest.best);
    return err_set(
        err, ERR_BAD_REQUEST,
        "%s is neither a kind (tenant, app, instance, source) nor TENANT/NAME; with -n TENANT it names an instance",
        shown);
}

static bool complain_namespace(const struct kind *kind, const char *name, struct err *err)
{
    return err_set(err, ERR_BAD_REQUEST, "whose %s is %s? Write TENANT/%s, or -n TENANT", kind->singular, name, name);
}

/* A name behind its kind: "erp", or "acme/erp" where the kind is namespaced. */
static bool add_name(const struct kind *kind, const char *text, const char *namespace, struct targets *ret,
                     struct err *err)
{
    const char *slash = strchr(text, '/');
    CLEANUP(freep) char *own = slash ? mem_strndup(text, (size_t)(slash - text)) : mem_strdup(namespace);
    const char *name = slash ? slash + 1 : text;
    CLEANUP(freep) char *shown = quoted(text);
    bool is_wrong = !name[0] || strchr(name, '/') || (slash && (slash == text || !kind->namespaced));
    if (is_wrong)
        return err_set(err, ERR_BAD_REQUEST, "%s does not name %s %s", shown,
                       strchr("aeiou", kind->singular[0]) ? "an" : "a", kind->singular);
    if (kind->namespaced && !own)
        return complain_namespace(kind, name, err);
    targets_add(ret, kind, own, name);
    return true;
}

/* A word that stands alone: "acme/erp", "instance/erp", "erp". */
static bool add_word(const char *text, const char *namespace, struct targets *ret, struct err *err)
{
    const char *slash = strchr(text, '/');
    if (!slash) {
        if (kind_of(text))
            return err_set(err, ERR_BAD_REQUEST, "which %s? Write %s NAME", text, text);
        if (!namespace)
            return complain_word(text, err);
        return add_name(&kinds[KIND_INSTANCE], text, namespace, ret, err);
    }
    CLEANUP(freep) char *first = mem_strndup(text, (size_t)(slash - text));
    const struct kind *kind = kind_of(first);
    if (kind)
        return add_name(kind, slash + 1, namespace, ret, err);
    if (strchr(slash + 1, '/'))
        return complain_word(first, err);
    return add_name(&kinds[KIND_INSTANCE], text, namespace, ret, err);
}

static bool add_kinds(const char *text, const char *namespace, struct targets *ret)
{
    static const enum kind_id all[] = { KIND_APP, KIND_TENANT, KIND_SOURCE, KIND_INSTANCE };
    CLEANUP(strv_release) struct strv words = STRV_INIT;
    if (str_equal(text, "all")) {
        for (size_t i = 0; i < ARRAY_LEN(all); i++)
            targets_add(ret, &kinds[all[i]], namespace, NULL);
        return true;
    }
    strv_split(&words, text, ',');
    for (size_t i = 0; i < words.count; i++)
        targets_add(ret, kind_of(words.items[i]), namespace, NULL);
    return true;
}

bool targets_parse(const struct strv *args, const char *namespace, struct targets *ret, struct err *err)
{
    if (args->count > 0 && names_are_kinds(args->items[0])) {
        const struct kind *kind = kind_of(args->items[0]);
        if (args->count == 1)
            return add_kinds(args->items[0], namespace, ret);
        if (!kind)
            return err_set(err, ERR_BAD_REQUEST, "names can follow one kind only, not %s", args->items[0]);
        for (size_t i = 1; i < args->count; i++)
            if (!add_name(kind, args->items[i], namespace, ret, err))
                return false;
        return true;
    }
    for (size_t i = 0; i < args->count; i++)
        if (!add_word(args->items[i], namespace, ret, err))
            return false;
    return true;
}

bool targets_parse_records(const struct strv *args, const char *namespace, struct targets *ret, struct err *err)
{
    if (!targets_parse(args, namespace, ret, err))
        return false;
    for (size_t i = 0; i < ret->count; i++)
        if (!ret->items[i].name)
            return err_set(err, ERR_BAD_REQUEST, "which %s? Write %s NAME", ret->items[i].kind->singular,
                           ret->items[i].kind->singular);
    return ret->count > 0 || err_set(err, ERR_BAD_REQUEST, "no record is named; write TENANT/NAME or KIND NAME");
}

static bool check_instances(const struct targets *targets, struct err *err)
{
    for (size_t i = 0; i < targets->count; i++)
        if (targets->items[i].kind->id != KIND_INSTANCE)
            return err_set(err, ERR_BAD_REQUEST, "this is for instances (TENANT/NAME), not for %s",
                           targets->items[i].kind->plural);
    return true;
}

bool targets_parse_instances(const struct strv *args, const char *namespace, struct targets *ret, struct err *err)
{
    return targets_parse_records(args, namespace, ret, err) && check_instances(ret, err);
}

bool target_parse_instance(const char *text, const char *namespace, struct targets *ret, struct err *err)
{
    return add_word(text, namespace, ret, err) && check_instances(ret, err);
}

bool targets_span_kinds(const struct targets *targets)
{
    for (size_t i = 1; i < targets->count; i++)
        if (targets->items[i].kind != targets->items[0].kind)
            return true;
    return false;
}

/* ---- texts ---- */

char *target_text(const struct target *target)
{
    if (target->namespace)
        return mem_printf("%s." API_GROUP "/%s/%s", target->kind->singular, target->namespace, target->name);
    return target_brief(target);
}

char *target_brief(const struct target *target)
{
    return mem_printf("%s." API_GROUP "/%s", target->kind->singular, target->name);
}

char *target_short(const struct target *target)
{
    if (target->namespace)
        return mem_printf("%s/%s", target->namespace, target->name);
    return mem_printf("%s %s", target->kind->singular, target->name);
}

char *target_path(const struct target *target)
{
    CLEANUP(str_release) struct str path = STR_INIT;
    str_add(&path, "/apis/" API_VERSION);
    if (target->namespace) {
        str_add(&path, "/namespaces/");
        str_add_url_segment(&path, target->namespace);
    }
    str_addf(&path, "/%s", target->kind->plural);
    if (target->name) {
        str_addc(&path, '/');
        str_add_url_segment(&path, target->name);
    }
    return str_steal(&path);
}
