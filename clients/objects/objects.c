/* What all places have in common: which keys there are, and small objects in one piece. */
#include "clients/objects/objects.h"

#include "clients/objects/place.h"

#define KEY_LENGTH_MAX  1000 /* S3 takes 1024, its prefix included */
#define PART_LENGTH_MAX 200  /* a file name takes 255, that of a temporary file included */
#define PARTS_MAX       32

void objects_free(struct objects *objects)
{
    if (objects)
        objects->vtable->free(objects);
}

void objects_freep(struct objects **objects)
{
    objects_free(*objects);
    *objects = NULL;
}

const char *objects_name(const struct objects *objects)
{
    return objects->name;
}

void object_release(struct object *object)
{
    free(object->key);
    *object = (struct object){ 0 };
}

static bool is_part(const char *text, size_t len)
{
    bool is_dots = (len == 1 && text[0] == '.') || (len == 2 && text[0] == '.' && text[1] == '.');
    bool is_temporary = len >= strlen(OBJECTS_TEMPORARY_PREFIX) && str_starts_with(text, OBJECTS_TEMPORARY_PREFIX);
    return len > 0 && len <= PART_LENGTH_MAX && !is_dots && !is_temporary;
}

/* Some servers answer "a//b" or "a/../b" with another object than was asked for; XML has no control characters. */
static const char *key_problem(const char *key)
{
    size_t len = strlen(key);
    if (len == 0 || len > KEY_LENGTH_MAX)
        return "is empty or too long";
    if (!str_is_utf8(key, len))
        return "is no UTF-8";
    for (const char *at = key; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return "has a control character";
    size_t parts = 0;
    for (const char *part = key; part; parts++) {
        const char *slash = strchrnul(part, '/');
        if (!is_part(part, (size_t)(slash - part)))
            return "has a part that is empty, too long, a dot, two dots or a temporary file's";
        part = *slash ? slash + 1 : NULL;
    }
    return parts > PARTS_MAX ? "has too many parts" : NULL;
}

bool objects_key_check(const char *key, struct err *err)
{
    const char *problem = key_problem(key);
    if (!problem)
        return true;
    CLEANUP(str_release) struct str shown = STR_INIT;
    size_t len = strlen(key);
    str_add_utf8(&shown, key, len > 200 ? 200 : len);
    return err_set(err, ERR_INVALID, "object key \"%s\" %s", shown.text, problem);
}

/* What stands for a put that cannot be: it says so when it is used. */
struct refused_put {
    struct sink sink;
    struct err err;
};

static bool refused_finish(struct sink *sink, struct err *err)
{
    const struct refused_put *self = (const struct refused_put *)sink;
    return err_set(err, self->err.code, "%s", err_message(&self->err));
}

static bool refused_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    (void)bytes;
    (void)len;
    return refused_finish(sink, err);
}

static void refused_free(struct sink *sink)
{
    err_release(&((struct refused_put *)sink)->err);
    free(sink);
}

struct sink *objects_put(struct objects *objects, const char *key, const struct call *call)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (objects_key_check(key, &problem))
        return objects->vtable->put(objects, key, call);
    struct refused_put *self = MEM_NEW(struct refused_put);
    self->sink = (struct sink){ .write = refused_write, .finish = refused_finish, .free = refused_free };
    err_move(&self->err, &problem);
    return &self->sink;
}

bool objects_put_bytes(struct objects *objects, const char *key, const void *bytes, size_t len, const struct call *call,
                       struct err *err)
{
    CLEANUP(sink_freep) struct sink *sink = objects_put(objects, key, call);
    return sink_write(sink, bytes, len, err) && sink_finish(sink, err);
}

bool objects_get(struct objects *objects, const char *key, struct sink *to, const struct call *call, struct err *err)
{
    return objects_key_check(key, err) && objects->vtable->get(objects, key, to, call, err);
}

bool objects_get_bytes(struct objects *objects, const char *key, size_t limit, const struct call *call, struct str *ret,
                       struct err *err)
{
    CLEANUP(str_release) struct str bytes = STR_INIT;
    CLEANUP(sink_freep) struct sink *sink = text_sink_new(&bytes, limit);
    if (!objects_get(objects, key, sink, call, err))
        return false;
    str_move(ret, &bytes);
    return true;
}

bool objects_head(struct objects *objects, const char *key, const struct call *call, struct object *ret,
                  struct err *err)
{
    return objects_key_check(key, err) && objects->vtable->head(objects, key, call, ret, err);
}

bool objects_list(struct objects *objects, const char *prefix, objects_visit_fn *visit, void *context,
                  const struct call *call, struct err *err)
{
    return objects->vtable->list(objects, prefix, visit, context, call, err);
}

bool objects_delete(struct objects *objects, const char *key, const struct call *call, struct err *err)
{
    return objects_key_check(key, err) && objects->vtable->remove(objects, key, call, err);
}

bool objects_sweep(struct objects *objects, const char *prefix, int64_t age_ms, const struct call *call,
                   struct err *err)
{
    return objects->vtable->sweep(objects, prefix, age_ms, call, err);
}
