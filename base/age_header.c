/* The header of the age format: who may open a file, and that nobody changed that. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "base/age_internal.h"

#define INTRO       "age-encryption.org/v1\n"
#define LABEL       "age-encryption.org/v1/X25519"
#define BODY_LINE   64 /* of a stanza's body; a shorter one is its last */
#define KEY_BASE64  43 /* characters of 32 bytes, without padding */
#define STANZAS_MAX 1000

/* ---- primitives ---- */

static void pkey_freep(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void pkey_context_freep(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

static void cipher_freep(EVP_CIPHER_CTX **cipher)
{
    EVP_CIPHER_CTX_free(*cipher);
}

bool age_x25519(const uint8_t secret[AGE_KEY_SIZE], const uint8_t public[AGE_KEY_SIZE],
                uint8_t ret_shared[AGE_KEY_SIZE])
{
    static const uint8_t base_point[AGE_KEY_SIZE] = { 9 };
    size_t len = AGE_KEY_SIZE;
    CLEANUP(pkey_freep) EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, AGE_KEY_SIZE);
    if (!own)
        abort();
    if (memcmp(public, base_point, sizeof(base_point)) == 0)
        return EVP_PKEY_get_raw_public_key(own, ret_shared, &len) == 1;
    CLEANUP(pkey_freep) EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public, AGE_KEY_SIZE);
    CLEANUP(pkey_context_freep) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    if (!other || !context || EVP_PKEY_derive_init(context) != 1)
        abort();
    return EVP_PKEY_derive_set_peer(context, other) == 1 && EVP_PKEY_derive(context, ret_shared, &len) == 1;
}

void age_hkdf(const struct age_hkdf *hkdf, uint8_t ret_key[32])
{
    /* Extract, then one block of expand: HMAC(HMAC(salt, secret), info || 1). An absent salt is a key of zeros (RFC 5869, 2.2). */
    static const uint8_t no_salt[SHA256_SIZE];
    uint8_t extracted[SHA256_SIZE];
    CLEANUP(str_release) struct str info = STR_INIT;
    str_add(&info, hkdf->info);
    str_addc(&info, 1);
    hmac_sha256(hkdf->salt ? hkdf->salt : no_salt, hkdf->salt ? hkdf->salt_size : sizeof(no_salt), hkdf->secret,
                hkdf->secret_size, extracted);
    hmac_sha256(extracted, sizeof(extracted), info.text, info.len, ret_key);
    mem_wipe(extracted, sizeof(extracted));
}

/* ChaCha20-Poly1305 of a file key under a key that is used once, so the nonce is zero. */
static void wrap(const uint8_t key[32], const uint8_t file_key[AGE_FILE_KEY_SIZE], uint8_t ret_wrapped[32])
{
    static const uint8_t nonce[12];
    int len;
    CLEANUP(cipher_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (!cipher || EVP_EncryptInit_ex2(cipher, EVP_chacha20_poly1305(), key, nonce, NULL) != 1 ||
        EVP_EncryptUpdate(cipher, ret_wrapped, &len, file_key, AGE_FILE_KEY_SIZE) != 1 ||
        EVP_EncryptFinal_ex(cipher, ret_wrapped + AGE_FILE_KEY_SIZE, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, AGE_TAG_SIZE, ret_wrapped + AGE_FILE_KEY_SIZE) != 1)
        abort();
}

static bool unwrap(const uint8_t key[32], const uint8_t wrapped[32], uint8_t ret_file_key[AGE_FILE_KEY_SIZE])
{
    static const uint8_t nonce[12];
    uint8_t tag[AGE_TAG_SIZE], rest[AGE_TAG_SIZE]; /* a stream cipher has none */
    int len;
    memcpy(tag, wrapped + AGE_FILE_KEY_SIZE, sizeof(tag));
    CLEANUP(cipher_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (!cipher || EVP_DecryptInit_ex2(cipher, EVP_chacha20_poly1305(), key, nonce, NULL) != 1 ||
        EVP_DecryptUpdate(cipher, ret_file_key, &len, wrapped, AGE_FILE_KEY_SIZE) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) != 1)
        abort();
    return EVP_DecryptFinal_ex(cipher, rest, &len) == 1;
}

static void wrap_key(const uint8_t shared[AGE_KEY_SIZE], const struct age_recipient *share,
                     const struct age_recipient *recipient, uint8_t ret_key[32])
{
    uint8_t salt[2 * AGE_KEY_SIZE];
    memcpy(salt, share->key, AGE_KEY_SIZE);
    memcpy(salt + AGE_KEY_SIZE, recipient->key, AGE_KEY_SIZE);
    const struct age_hkdf hkdf = { shared, AGE_KEY_SIZE, salt, sizeof(salt), LABEL };
    age_hkdf(&hkdf, ret_key);
}

static void header_mac(const uint8_t file_key[AGE_FILE_KEY_SIZE], const char *text, size_t len,
                       uint8_t ret_mac[SHA256_SIZE])
{
    uint8_t key[32];
    const struct age_hkdf hkdf = { .secret = file_key, .secret_size = AGE_FILE_KEY_SIZE, .info = "header" };
    age_hkdf(&hkdf, key);
    hmac_sha256(key, sizeof(key), text, len, ret_mac);
    mem_wipe(key, sizeof(key));
}

/* ---- making ---- */

static void add_key_base64(struct str *text, const uint8_t key[32])
{
    CLEANUP(str_release) struct str padded = STR_INIT;
    str_add_base64(&padded, key, 32);
    str_addn(text, padded.text, KEY_BASE64);
}

static bool add_stanza(struct str *text, const struct age_recipient *recipient,
                       const uint8_t file_key[AGE_FILE_KEY_SIZE], struct err *err)
{
    struct age_identity ephemeral;
    uint8_t shared[AGE_KEY_SIZE], key[32], wrapped[32];
    age_identity_generate(&ephemeral);
    const struct age_recipient share = age_identity_recipient(&ephemeral);
    bool is_good = age_x25519(ephemeral.key, recipient->key, shared);
    mem_wipe(&ephemeral, sizeof(ephemeral));
    if (!is_good)
        return err_set(err, ERR_INVALID, "an age recipient is no usable key");
    wrap_key(shared, &share, recipient, key);
    wrap(key, file_key, wrapped);
    mem_wipe(shared, sizeof(shared));
    mem_wipe(key, sizeof(key));
    str_add(text, "-> X25519 ");
    add_key_base64(text, share.key);
    str_addc(text, '\n');
    add_key_base64(text, wrapped);
    str_addc(text, '\n');
    return true;
}

bool age_header_make(const struct age_recipient *recipients, size_t count, const uint8_t file_key[AGE_FILE_KEY_SIZE],
                     struct str *ret, struct err *err)
{
    uint8_t mac[SHA256_SIZE];
    str_clear(ret);
    str_add(ret, INTRO);
    for (size_t i = 0; i < count; i++)
        if (!add_stanza(ret, &recipients[i], file_key, err))
            return false;
    str_add(ret, "---");
    header_mac(file_key, ret->text, ret->len, mac);
    str_addc(ret, ' ');
    add_key_base64(ret, mac);
    str_addc(ret, '\n');
    return true;
}

/* ---- reading ---- */

static bool broken(struct err *err, const char *what)
{
    return err_set(err, ERR_INVALID, "it is no age file, or its header was altered: %s", what);
}

/* Where we are in the text. */
struct lines {
    const char *text;
    size_t len, at;
    const char *line; /* without its end; not NUL-terminated */
    size_t line_len;
};

/* ERR_NOT_FOUND: the text ends before the line does. */
static bool next_line(struct lines *lines, struct err *err)
{
    const char *start = lines->text + lines->at;
    const char *end = memchr(start, '\n', lines->len - lines->at);
    if (!end && lines->len >= AGE_HEADER_MAX)
        return broken(err, "it does not end");
    if (!end)
        return err_set(err, ERR_NOT_FOUND, "the age header is cut off");
    lines->line = start;
    lines->line_len = (size_t)(end - start);
    lines->at += lines->line_len + 1;
    return true;
}

/* Exactly 32 bytes, in the one way to write them. */
static bool key_from_base64(const char *text, size_t len, uint8_t ret[32])
{
    CLEANUP(str_release) struct str padded = STR_INIT;
    CLEANUP(str_release) struct str bytes = STR_INIT;
    if (len != KEY_BASE64)
        return false;
    str_addn(&padded, text, len);
    str_addc(&padded, '=');
    if (!str_base64_decode(padded.text, &bytes, NULL) || bytes.len != 32)
        return false;
    memcpy(ret, bytes.text, 32);
    return true;
}

static bool is_base64_line(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!((line[i] >= 'A' && line[i] <= 'Z') || (line[i] >= 'a' && line[i] <= 'z') ||
              (line[i] >= '0' && line[i] <= '9') || line[i] == '+' || line[i] == '/'))
            return false;
    return len <= BODY_LINE;
}

/* The stanza whose first line is the present one. */
static bool parse_stanza(struct lines *lines, struct age_header *header, struct err *err)
{
    static const char mine[] = "-> X25519 ";
    const size_t mine_len = sizeof(mine) - 1;
    const char *first = lines->line;
    size_t first_len = lines->line_len;
    bool is_mine = first_len >= mine_len - 1 && strncmp(first, mine, mine_len - 1) == 0 &&
                   (first_len == mine_len - 1 || first[mine_len - 1] == ' ');
    size_t body_lines = 0;
    do {
        if (!next_line(lines, err))
            return false;
        if (!is_base64_line(lines->line, lines->line_len))
            return broken(err, "a stanza's body is not base64");
        body_lines++;
    } while (lines->line_len == BODY_LINE);
    if (!is_mine)
        return true;
    if (header->count == AGE_RECIPIENTS_MAX)
        return true; /* ours are among the first, and nobody's key is lost by not trying more */
    struct age_stanza *stanza = &header->stanzas[header->count];
    if (first_len != mine_len + KEY_BASE64 || body_lines != 1 ||
        !key_from_base64(first + mine_len, KEY_BASE64, stanza->share.key) ||
        !key_from_base64(lines->line, lines->line_len, stanza->wrapped))
        return broken(err, "an X25519 stanza is malformed");
    header->count++;
    return true;
}

static bool parse_intro(const char *text, size_t len, struct err *err)
{
    static const char intro[] = INTRO;
    static const char family[] = "age-encryption.org/";
    size_t seen = len < sizeof(intro) - 1 ? len : sizeof(intro) - 1;
    if (memcmp(text, intro, seen) == 0)
        return seen == sizeof(intro) - 1 || err_set(err, ERR_NOT_FOUND, "the age header is cut off");
    if (len >= sizeof(family) - 1 && memcmp(text, family, sizeof(family) - 1) == 0)
        return broken(err, "it is of another version than v1");
    return broken(err, "it does not begin with age-encryption.org/v1");
}

bool age_header_parse(const char *text, size_t len, struct age_header *ret, struct err *err)
{
    static const char last[] = "--- ";
    struct lines lines = { .text = text, .len = len, .at = sizeof(INTRO) - 1 };
    *ret = (struct age_header){ 0 };
    if (!parse_intro(text, len, err))
        return false;
    for (size_t stanzas = 0; stanzas <= STANZAS_MAX; stanzas++) {
        if (!next_line(&lines, err))
            return false;
        if (lines.line_len >= 3 && strncmp(lines.line, "---", 3) == 0) {
            size_t last_len = sizeof(last) - 1;
            if (stanzas == 0 || lines.line_len != last_len + KEY_BASE64 || lines.line[3] != ' ' ||
                !key_from_base64(lines.line + last_len, KEY_BASE64, ret->mac))
                return broken(err, "its last line is malformed");
            ret->mac_at = (size_t)(lines.line - text) + 3;
            ret->len = lines.at;
            return true;
        }
        if (lines.line_len < 4 || strncmp(lines.line, "-> ", 3) != 0)
            return broken(err, "a line is no stanza");
        if (!parse_stanza(&lines, ret, err))
            return false;
    }
    return broken(err, "it has too many stanzas");
}

bool age_header_open(const struct age_header *header, const char *text, const struct age_identities *identities,
                     uint8_t ret_file_key[AGE_FILE_KEY_SIZE], struct err *err)
{
    for (size_t i = 0; i < identities->count * header->count; i++) {
        const struct age_identity *identity = &identities->items[i / header->count];
        const struct age_stanza *stanza = &header->stanzas[i % header->count];
        const struct age_recipient own = age_identity_recipient(identity);
        uint8_t shared[AGE_KEY_SIZE], key[32], mac[SHA256_SIZE];
        if (!age_x25519(identity->key, stanza->share.key, shared))
            return broken(err, "a share is a point of low order");
        wrap_key(shared, &stanza->share, &own, key);
        bool fits = unwrap(key, stanza->wrapped, ret_file_key);
        mem_wipe(shared, sizeof(shared));
        mem_wipe(key, sizeof(key));
        if (!fits)
            continue;
        header_mac(ret_file_key, text, header->mac_at, mac);
        return CRYPTO_memcmp(mac, header->mac, sizeof(mac)) == 0 || broken(err, "its HMAC is wrong");
    }
    return err_set(err, ERR_FORBIDDEN, "no identity at hand opens it: it was encrypted for other recipients");
}
