/* The payload of the age format: chunks that know their place (STREAM), as sinks. */
#include "base/age.h"

#include <assert.h>
#include <openssl/evp.h>

#include "base/age_internal.h"

#define CHUNK_SIZE ((size_t)64 << 10)
#define NONCE_SIZE 16
#define ROOM       (CHUNK_SIZE + AGE_TAG_SIZE)

enum chunk { CHUNK_MIDDLE, CHUNK_LAST };

/* One direction of the payload. */
struct payload {
    EVP_CIPHER_CTX *cipher;
    uint8_t key[32];
    uint64_t counter; /* of the next chunk */
    uint8_t out[ROOM];
};

static void payload_release(struct payload *payload)
{
    EVP_CIPHER_CTX_free(payload->cipher);
    mem_wipe(payload->key, sizeof(payload->key));
    mem_wipe(payload->out, sizeof(payload->out));
}

static void payload_start(struct payload *payload, const uint8_t file_key[AGE_FILE_KEY_SIZE],
                          const uint8_t nonce[NONCE_SIZE])
{
    const struct age_hkdf hkdf = { file_key, AGE_FILE_KEY_SIZE, nonce, NONCE_SIZE, "payload" };
    age_hkdf(&hkdf, payload->key);
    payload->cipher = EVP_CIPHER_CTX_new();
    if (!payload->cipher)
        abort();
}

/* Eleven bytes of counter, one that says whether it is the last. */
static void chunk_nonce(uint64_t counter, enum chunk chunk, uint8_t ret[12])
{
    memset(ret, 0, 12);
    for (int i = 0; i < 8; i++)
        ret[10 - i] = (uint8_t)(counter >> (8 * i));
    ret[11] = chunk == CHUNK_LAST;
}

static void seal_chunk(struct payload *payload, const uint8_t *plain, size_t len, enum chunk chunk)
{
    uint8_t nonce[12];
    int done;
    chunk_nonce(payload->counter++, chunk, nonce);
    if (EVP_EncryptInit_ex2(payload->cipher, EVP_chacha20_poly1305(), payload->key, nonce, NULL) != 1 ||
        (len > 0 && EVP_EncryptUpdate(payload->cipher, payload->out, &done, plain, (int)len) != 1) ||
        EVP_EncryptFinal_ex(payload->cipher, payload->out + len, &done) != 1 ||
        EVP_CIPHER_CTX_ctrl(payload->cipher, EVP_CTRL_AEAD_GET_TAG, AGE_TAG_SIZE, payload->out + len) != 1)
        abort(); /* does not depend on the input */
}

/* `sealed` has at least a tag. */
static bool open_chunk(struct payload *payload, const uint8_t *sealed, size_t len, enum chunk chunk)
{
    uint8_t nonce[12], tag[AGE_TAG_SIZE];
    int done;
    size_t plain_len = len - AGE_TAG_SIZE;
    memcpy(tag, sealed + plain_len, sizeof(tag));
    chunk_nonce(payload->counter, chunk, nonce);
    if (EVP_DecryptInit_ex2(payload->cipher, EVP_chacha20_poly1305(), payload->key, nonce, NULL) != 1 ||
        (plain_len > 0 && EVP_DecryptUpdate(payload->cipher, payload->out, &done, sealed, (int)plain_len) != 1) ||
        EVP_CIPHER_CTX_ctrl(payload->cipher, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) != 1)
        abort();
    return EVP_DecryptFinal_ex(payload->cipher, payload->out + plain_len, &done) == 1;
}

/* ---- encrypting ---- */

struct encrypt_sink {
    struct sink sink;
    struct sink *next;
    struct age_recipient recipients[AGE_RECIPIENTS_MAX];
    size_t recipient_count;
    bool has_begun;
    struct payload payload;
    uint8_t plain[CHUNK_SIZE]; /* a full one waits: it may be the last */
    size_t len;
};

static bool encrypt_begin(struct encrypt_sink *self, struct err *err)
{
    uint8_t file_key[AGE_FILE_KEY_SIZE], nonce[NONCE_SIZE];
    CLEANUP(str_release) struct str header = STR_INIT;
    if (self->has_begun)
        return true;
    random_bytes(file_key, sizeof(file_key));
    random_bytes(nonce, sizeof(nonce));
    if (!age_header_make(self->recipients, self->recipient_count, file_key, &header, err))
        return false;
    payload_start(&self->payload, file_key, nonce);
    mem_wipe(file_key, sizeof(file_key));
    self->has_begun = true;
    return sink_write(self->next, header.text, header.len, err) && sink_write(self->next, nonce, sizeof(nonce), err);
}

static bool encrypt_chunk(struct encrypt_sink *self, const uint8_t *plain, size_t len, enum chunk chunk,
                          struct err *err)
{
    seal_chunk(&self->payload, plain, len, chunk);
    return sink_write(self->next, self->payload.out, len + AGE_TAG_SIZE, err);
}

static bool encrypt_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct encrypt_sink *self = (struct encrypt_sink *)sink;
    const uint8_t *at = bytes;
    if (!encrypt_begin(self, err))
        return false;
    while (len > 0) {
        if (self->len == CHUNK_SIZE) {
            if (!encrypt_chunk(self, self->plain, self->len, CHUNK_MIDDLE, err))
                return false;
            self->len = 0;
        }
        size_t room = CHUNK_SIZE - self->len;
        size_t part = len < room ? len : room;
        memcpy(self->plain + self->len, at, part);
        self->len += part;
        at += part;
        len -= part;
    }
    return true;
}

static bool encrypt_finish(struct sink *sink, struct err *err)
{
    struct encrypt_sink *self = (struct encrypt_sink *)sink;
    return encrypt_begin(self, err) && encrypt_chunk(self, self->plain, self->len, CHUNK_LAST, err) &&
           sink_finish(self->next, err);
}

static void encrypt_free(struct sink *sink)
{
    struct encrypt_sink *self = (struct encrypt_sink *)sink;
    sink_free(self->next);
    payload_release(&self->payload);
    mem_wipe(self->plain, sizeof(self->plain));
    free(self);
}

struct sink *age_encrypt_sink_new(const struct age_recipient *recipients, size_t count, struct sink *next_taken)
{
    assert(count > 0 && count <= AGE_RECIPIENTS_MAX);
    struct encrypt_sink *self = MEM_NEW(struct encrypt_sink);
    self->sink = (struct sink){ .write = encrypt_write, .finish = encrypt_finish, .free = encrypt_free };
    self->next = next_taken;
    memcpy(self->recipients, recipients, count * sizeof(recipients[0]));
    self->recipient_count = count;
    return &self->sink;
}

/* ---- decrypting ---- */

enum part { PART_HEADER, PART_NONCE, PART_CHUNKS };

struct decrypt_sink {
    struct sink sink;
    struct sink *next;
    struct age_identity *identities;
    size_t identity_count;
    enum part part;
    struct str header; /* until it is whole */
    uint8_t file_key[AGE_FILE_KEY_SIZE];
    struct payload payload;
    uint8_t sealed[ROOM]; /* the nonce, then chunks; a full one waits: it may be the last */
    size_t len;
};

/* Gathers the header; `ret_used` is how many of the bytes belonged to it. */
static bool take_header(struct decrypt_sink *self, const uint8_t *bytes, size_t len, size_t *ret_used, struct err *err)
{
    struct age_header header;
    struct err problem = ERR_INIT;
    size_t before = self->header.len;
    size_t room = AGE_HEADER_MAX - before;
    str_addn(&self->header, bytes, len < room ? len : room);
    *ret_used = self->header.len - before;
    if (!age_header_parse(self->header.text, self->header.len, &header, &problem)) {
        bool goes_on = problem.code == ERR_NOT_FOUND;
        if (goes_on)
            err_release(&problem);
        else
            err_move(err, &problem);
        return goes_on;
    }
    const struct age_identities identities = { self->identities, self->identity_count };
    if (!age_header_open(&header, self->header.text, &identities, self->file_key, err))
        return false;
    *ret_used = header.len - before;
    self->part = PART_NONCE;
    return true;
}

static bool decrypt_chunk(struct decrypt_sink *self, enum chunk chunk, struct err *err)
{
    struct payload *payload = &self->payload;
    unsigned long long number = payload->counter + 1;
    if (self->len < AGE_TAG_SIZE)
        return err_set(err, ERR_INVALID, "the age file is cut off in or before chunk %llu", number);
    if (!open_chunk(payload, self->sealed, self->len, chunk)) {
        if (chunk == CHUNK_LAST && self->len == ROOM && open_chunk(payload, self->sealed, self->len, CHUNK_MIDDLE))
            return err_set(err, ERR_INVALID, "the age file is cut off behind chunk %llu", number);
        return err_set(err, ERR_INVALID, "chunk %llu of the age file was altered, moved or cut off", number);
    }
    if (self->len == AGE_TAG_SIZE && payload->counter > 0)
        return err_set(err, ERR_INVALID, "chunk %llu of the age file is empty", number);
    size_t plain_len = self->len - AGE_TAG_SIZE;
    payload->counter++;
    self->len = 0;
    return sink_write(self->next, payload->out, plain_len, err);
}

/* Fills the nonce or the present chunk. */
static size_t take_into(struct decrypt_sink *self, size_t wanted, const uint8_t *bytes, size_t len)
{
    size_t part = len < wanted - self->len ? len : wanted - self->len;
    memcpy(self->sealed + self->len, bytes, part);
    self->len += part;
    return part;
}

static bool decrypt_write(struct sink *sink, const void *bytes, size_t len, struct err *err)
{
    struct decrypt_sink *self = (struct decrypt_sink *)sink;
    const uint8_t *at = bytes;
    while (len > 0) {
        size_t used = 0;
        if (self->part == PART_HEADER) {
            if (!take_header(self, at, len, &used, err))
                return false;
        } else if (self->part == PART_NONCE) {
            used = take_into(self, NONCE_SIZE, at, len);
            if (self->len == NONCE_SIZE) {
                payload_start(&self->payload, self->file_key, self->sealed);
                self->part = PART_CHUNKS;
                self->len = 0;
            }
        } else {
            if (self->len == ROOM && !decrypt_chunk(self, CHUNK_MIDDLE, err))
                return false;
            used = take_into(self, ROOM, at, len);
        }
        at += used;
        len -= used;
    }
    return true;
}

static bool decrypt_finish(struct sink *sink, struct err *err)
{
    struct decrypt_sink *self = (struct decrypt_sink *)sink;
    if (self->part != PART_CHUNKS)
        return err_set(err, ERR_INVALID, "the age file is cut off before its first chunk");
    return decrypt_chunk(self, CHUNK_LAST, err) && sink_finish(self->next, err);
}

static void decrypt_free(struct sink *sink)
{
    struct decrypt_sink *self = (struct decrypt_sink *)sink;
    sink_free(self->next);
    payload_release(&self->payload);
    str_release(&self->header);
    mem_wipe(self->identities, self->identity_count * sizeof(self->identities[0]));
    free(self->identities);
    mem_wipe(self->file_key, sizeof(self->file_key));
    free(self);
}

struct sink *age_decrypt_sink_new(const struct age_identity *identities, size_t count, struct sink *next_taken)
{
    struct decrypt_sink *self = MEM_NEW(struct decrypt_sink);
    self->sink = (struct sink){ .write = decrypt_write, .finish = decrypt_finish, .free = decrypt_free };
    self->next = next_taken;
    self->identities = mem_grow(NULL, count + 1, sizeof(identities[0]));
    memcpy(self->identities, identities, count * sizeof(identities[0]));
    self->identity_count = count;
    self->header = (struct str)STR_INIT;
    return &self->sink;
}
