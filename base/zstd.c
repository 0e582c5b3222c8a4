/* zstd's streaming interface behind sinks. */
#include "base/zstd.h"

#include <zstd.h>

#define WINDOW_LOG_MAX 27 /* 128 MiB */

struct zstd_sink {
    struct sink sink;
    struct sink *next;
    ZSTD_CCtx *packer;   /* of the one ... */
    ZSTD_DCtx *unpacker; /* ... or the other */
    size_t pending;      /* what zstd still wants of the present frame; 0: a frame is complete */
    bool has_begun;
    char *out;
    size_t out_size;
};

static void zstd_sink_free(struct sink *sink)
{
    struct zstd_sink *self = (struct zstd_sink *)sink;
    ZSTD_freeCCtx(self->packer);
    ZSTD_freeDCtx(self->unpacker);
    sink_free(self->next);
    free(self->out);
    free(self);
}

static struct zstd_sink *zstd_sink_new(struct sink *next_taken, size_t out_size)
{
    struct zstd_sink *self = MEM_NEW(struct zstd_sink);
    self->next = next_taken;
    self->out_size = out_size;
    self->out = mem_zalloc(out_size);
    self->sink.free = zstd_sink_free;
    return self;
}

/* ---- packing ---- */

/* Feeds `input` until zstd has done what `directive` asks for. */
static bool pack(struct zstd_sink *self, ZSTD_inBuffer *input, ZSTD_EndDirective directive, struct err *err)
{
    for (;;) {
        ZSTD_outBuffer output = { self->out, self->out_size, 0 };
        size_t left = ZSTD_compressStream2(self->packer, &output, input, directive);
        if (ZSTD_isError(left))
            return err_set(err, ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(left));
        if (output.pos > 0 && !sink_write(self->next, self->out, output.pos, err))
            return false;
        if (directive == ZSTD_e_end ? left == 0 : input->pos == input->size)
            return true;
    }
}

static bool pack_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    ZSTD_inBuffer input = { bytes, len, 0 };
    return pack((struct zstd_sink *)sink, &input, ZSTD_e_continue, err);
}

static bool pack_finish(struct sink *sink, struct err *err)
{
    struct zstd_sink *self = (struct zstd_sink *)sink;
    ZSTD_inBuffer nothing = { NULL, 0, 0 };
    return pack(self, &nothing, ZSTD_e_end, err) && sink_finish(self->next, err);
}

struct sink *zstd_pack_sink_new(struct sink *next_taken, int level)
{
    struct zstd_sink *self = zstd_sink_new(next_taken, ZSTD_CStreamOutSize());
    self->sink.write = pack_write;
    self->sink.finish = pack_finish;
    self->packer = ZSTD_createCCtx();
    if (!self->packer || ZSTD_isError(ZSTD_CCtx_setParameter(self->packer, ZSTD_c_compressionLevel, level)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(self->packer, ZSTD_c_checksumFlag, 1)))
        abort(); /* no memory: nothing else can be wrong with these */
    return &self->sink;
}

/* ---- unpacking ---- */

static bool unpack_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct zstd_sink *self = (struct zstd_sink *)sink;
    ZSTD_inBuffer input = { bytes, len, 0 };
    bool is_full = false; /* there may be more where this came from, although all input is taken */
    while (input.pos < input.size || is_full) {
        ZSTD_outBuffer output = { self->out, self->out_size, 0 };
        self->has_begun = true;
        self->pending = ZSTD_decompressStream(self->unpacker, &output, &input);
        if (ZSTD_isError(self->pending))
            return err_set(err, ERR_INVALID, "it is no zstd, or was altered: %s", ZSTD_getErrorName(self->pending));
        if (output.pos > 0 && !sink_write(self->next, self->out, output.pos, err))
            return false;
        is_full = output.pos == output.size && self->pending != 0;
    }
    return true;
}

static bool unpack_finish(struct sink *sink, struct err *err)
{
    struct zstd_sink *self = (struct zstd_sink *)sink;
    if (!self->has_begun || self->pending != 0)
        return err_set(err, ERR_INVALID, "the zstd stream ends too early");
    return sink_finish(self->next, err);
}

struct sink *zstd_unpack_sink_new(struct sink *next_taken)
{
    struct zstd_sink *self = zstd_sink_new(next_taken, ZSTD_DStreamOutSize());
    self->sink.write = unpack_write;
    self->sink.finish = unpack_finish;
    self->unpacker = ZSTD_createDCtx();
    if (!self->unpacker || ZSTD_isError(ZSTD_DCtx_setParameter(self->unpacker, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
        abort();
    return &self->sink;
}
