/* A sink that counts and hashes what passes. */
#include "base/digest.h"

#include <openssl/evp.h>

struct digest_sink {
    struct sink sink; /* first, so that the address is the same */
    struct sink *next;
    struct digest *digest;
    EVP_MD_CTX *context;
};

static bool digest_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    const struct digest_sink *self = (const struct digest_sink *)sink;
    if (EVP_DigestUpdate(self->context, bytes, len) != 1)
        abort(); /* does not depend on the input */
    self->digest->bytes += len;
    return !self->next || sink_write(self->next, bytes, len, err);
}

static bool digest_finish(struct sink *sink, struct err *err)
{
    const struct digest_sink *self = (const struct digest_sink *)sink;
    if (self->next && !sink_finish(self->next, err))
        return false;
    uint8_t sum[SHA256_SIZE];
    if (EVP_DigestFinal_ex(self->context, sum, NULL) != 1)
        abort();
    CLEANUP(str_release) struct str hex = STR_INIT;
    str_add_hex(&hex, sum, sizeof(sum));
    memcpy(self->digest->sha256_hex, hex.text, sizeof(self->digest->sha256_hex));
    return true;
}

static void digest_free(struct sink *sink)
{
    struct digest_sink *self = (struct digest_sink *)sink;
    sink_free(self->next);
    EVP_MD_CTX_free(self->context);
    free(self);
}

struct sink *digest_sink_new(struct digest *ret, struct sink *next_taken)
{
    struct digest_sink *self = MEM_NEW(struct digest_sink);
    self->sink = (struct sink){ .write = digest_write, .finish = digest_finish, .free = digest_free };
    self->next = next_taken;
    self->digest = ret;
    *ret = (struct digest){ 0 };
    self->context = EVP_MD_CTX_new();
    if (!self->context || EVP_DigestInit_ex(self->context, EVP_sha256(), NULL) != 1)
        abort();
    return &self->sink;
}
