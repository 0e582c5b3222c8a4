/* Streams: what every sink has in common. */
#include "base/stream.h"

bool sink_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    return len == 0 || sink->write(sink, bytes, len, err);
}

bool sink_finish(struct sink *sink, struct err *err)
{
    return sink->finish(sink, err);
}

void sink_free(struct sink *sink)
{
    if (sink)
        sink->free(sink);
}

void sink_freep(struct sink **sink)
{
    sink_free(*sink);
    *sink = NULL;
}

/* Keeps what comes in memory. */
struct text_sink {
    struct sink sink; /* first, so that the address is the same */
    struct str *text;
    size_t limit;
};

static bool text_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    const struct text_sink *self = (const struct text_sink *)sink;
    if (len > self->limit - self->text->len)
        return err_set(err, ERR_TOO_LARGE, "larger than %zu bytes", self->limit);
    str_addn(self->text, bytes, len);
    return true;
}

static bool text_finish(struct sink *sink, struct err *err)
{
    (void)sink; /* all is there already */
    (void)err;
    return true;
}

static void text_free(struct sink *sink)
{
    free(sink);
}

struct sink *text_sink_new(struct str *ret, size_t limit)
{
    struct text_sink *self = MEM_NEW(struct text_sink);
    self->sink = (struct sink){ .write = text_write, .finish = text_finish, .free = text_free };
    self->text = ret;
    self->limit = limit;
    str_clear(ret);
    return &self->sink;
}
