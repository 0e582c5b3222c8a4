/* The sum over a tree of files; see files.h. */
#include "reconcilers/restore/files.h"

#include <openssl/evp.h>

#include "base/crypto.h"
#include "clients/docker/tar.h"

struct files_sink {
    struct sink sink, *next;
    struct files_sum *ret;
    struct tar_reader *reader;
    EVP_MD_CTX *context; /* of the present entry; */
    bool has_entry;
    uint8_t sum[SHA256_SIZE]; /* big-endian, modulo 2^256 */
};

static void update(struct files_sink *self, const void *bytes, size_t len)
{
    if (EVP_DigestUpdate(self->context, bytes, len) != 1)
        abort(); /* does not depend on the input */
}

/* Addition, not exclusive or: two equal entries must not cancel out. */
static void end_entry(struct files_sink *self)
{
    uint8_t one[SHA256_SIZE];
    unsigned carry = 0;
    if (!self->has_entry)
        return;
    if (EVP_DigestFinal_ex(self->context, one, NULL) != 1)
        abort();
    for (size_t i = SHA256_SIZE; i-- > 0;) {
        carry += (unsigned)self->sum[i] + one[i];
        self->sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
    self->has_entry = false;
}

/* "./filestore/" and "filestore" are the same. */
static char *plain_name(const char *name)
{
    while (str_starts_with(name, "./"))
        name += 2;
    size_t len = strlen(name);
    while (len > 0 && name[len - 1] == '/')
        len--;
    return mem_strndup(name, len);
}

static bool see_entry(void *context, const struct tar_entry *entry, struct err *err)
{
    (void)err; /* nothing can go wrong here */
    struct files_sink *self = context;
    end_entry(self);
    if (EVP_DigestInit_ex(self->context, EVP_sha256(), NULL) != 1)
        abort();
    self->has_entry = true;
    self->ret->files += entry->type != '5';
    CLEANUP(freep) char *name = plain_name(entry->name);
    CLEANUP(freep)
    char *head = mem_printf("%c %o %" PRId64 " %" PRId64 " %" PRIu64, entry->type, (unsigned)entry->mode, entry->uid,
                            entry->gid, entry->type == '5' ? 0 : entry->size);
    update(self, head, strlen(head) + 1);
    update(self, name, strlen(name) + 1);
    const char *target = entry->link_target ? entry->link_target : "";
    update(self, target, strlen(target) + 1);
    return true;
}

static bool see_data(void *context, const char *bytes, size_t len, struct err *err)
{
    (void)err;
    update(context, bytes, len);
    return true;
}

static bool files_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct files_sink *self = (struct files_sink *)sink;
    return tar_reader_take(self->reader, bytes, len, err) && (!self->next || sink_write(self->next, bytes, len, err));
}

static bool files_finish(struct sink *sink, struct err *err)
{
    struct files_sink *self = (struct files_sink *)sink;
    if (!tar_reader_end(self->reader, err) || (self->next && !sink_finish(self->next, err)))
        return false;
    end_entry(self);
    CLEANUP(str_release) struct str hex = STR_INIT;
    str_add_hex(&hex, self->sum, sizeof(self->sum));
    memcpy(self->ret->hex, hex.text, sizeof(self->ret->hex));
    return true;
}

static void files_free(struct sink *sink)
{
    struct files_sink *self = (struct files_sink *)sink;
    sink_free(self->next);
    tar_reader_freep(&self->reader);
    EVP_MD_CTX_free(self->context);
    free(self);
}

struct sink *files_sum_sink_new(struct files_sum *ret, struct sink *next_taken)
{
    struct files_sink *self = MEM_NEW(struct files_sink);
    const struct tar_visitor visitor = { .entry = see_entry, .data = see_data, .context = self };
    self->sink = (struct sink){ .write = files_write, .finish = files_finish, .free = files_free };
    self->next = next_taken;
    self->ret = ret;
    *ret = (struct files_sum){ 0 };
    self->reader = tar_reader_new(&visitor);
    self->context = EVP_MD_CTX_new();
    if (!self->context)
        abort();
    return &self->sink;
}
