/* What is made of random bytes, digests and sealing, all from libcrypto. */
#include "base/crypto.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SEAL_NONCE_SIZE 12
#define SEAL_TAG_SIZE   16

uint64_t random_below(uint64_t bound)
{
    assert(bound > 0);
    uint64_t unfair = -bound % bound; /* so many values at the bottom would make some results more likely */
    uint64_t value;
    do
        random_bytes(&value, sizeof(value));
    while (value < unfair);
    return value % bound;
}

char *random_hex(size_t bytes)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(freep) uint8_t *random = mem_zalloc(bytes);
    random_bytes(random, bytes);
    str_add_hex(&text, random, bytes);
    return str_steal(&text);
}

char *random_text(size_t length)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char *text = mem_zalloc(length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = letters[random_below(sizeof(letters) - 1)];
    return text;
}

char *random_uuid(void)
{
    uint8_t bytes[16];
    random_bytes(bytes, sizeof(bytes));
    bytes[6] = (bytes[6] & 0x0F) | 0x40; /* version 4 */
    bytes[8] = (bytes[8] & 0x3F) | 0x80; /* RFC 4122's variant */
    CLEANUP(str_release) struct str text = STR_INIT;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            str_addc(&text, '-');
        str_add_hex(&text, &bytes[i], 1);
    }
    return str_steal(&text);
}

void sha256(const void *bytes, size_t size, uint8_t ret_digest[SHA256_SIZE])
{
    if (EVP_Digest(bytes, size, ret_digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
}

char *sha256_hex(const void *bytes, size_t size)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    uint8_t digest[SHA256_SIZE];
    sha256(bytes, size, digest);
    str_add_hex(&text, digest, sizeof(digest));
    return str_steal(&text);
}

void hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size, uint8_t ret_mac[SHA256_SIZE])
{
    assert(key_size <= INT_MAX);
    if (!HMAC(EVP_sha256(), key, (int)key_size, bytes, size, ret_mac, NULL))
        abort();
}

bool equal_constant_time(const char *a, const char *b)
{
    if (!a || !b)
        return false;
    size_t len = strlen(a);
    return strlen(b) == len && CRYPTO_memcmp(a, b, len) == 0;
}

static void cipher_freep(EVP_CIPHER_CTX **cipher)
{
    EVP_CIPHER_CTX_free(*cipher);
}

void seal(const uint8_t key[SEAL_KEY_SIZE], const char *bound_to, const void *plain, size_t size,
          struct str *ret_sealed)
{
    assert(size <= INT_MAX - SEAL_NONCE_SIZE - SEAL_TAG_SIZE);
    CLEANUP(cipher_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    CLEANUP(freep) uint8_t *sealed = mem_zalloc(SEAL_NONCE_SIZE + size + SEAL_TAG_SIZE);
    uint8_t *text = sealed + SEAL_NONCE_SIZE;
    int len;
    random_bytes(sealed, SEAL_NONCE_SIZE);
    /* Nothing here depends on the input, so a failure means a broken libcrypto or no memory. */
    if (!cipher || EVP_EncryptInit_ex2(cipher, EVP_aes_256_gcm(), key, sealed, NULL) != 1 ||
        EVP_EncryptUpdate(cipher, NULL, &len, (const uint8_t *)bound_to, (int)strlen(bound_to)) != 1 ||
        (size > 0 && EVP_EncryptUpdate(cipher, text, &len, plain, (int)size) != 1) ||
        EVP_EncryptFinal_ex(cipher, text + size, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_SIZE, text + size) != 1)
        abort();
    str_clear(ret_sealed);
    str_addn(ret_sealed, sealed, SEAL_NONCE_SIZE + size + SEAL_TAG_SIZE);
}

bool seal_open(const uint8_t key[SEAL_KEY_SIZE], const char *bound_to, const void *sealed, size_t size,
               struct str *ret_plain, struct err *err)
{
    if (size < SEAL_NONCE_SIZE + SEAL_TAG_SIZE || size > INT_MAX)
        return err_set(err, ERR_INVALID, "sealed text of %zu bytes is no sealed text", size);
    CLEANUP(cipher_freep) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    const uint8_t *nonce = sealed;
    const uint8_t *text = nonce + SEAL_NONCE_SIZE;
    size_t text_len = size - SEAL_NONCE_SIZE - SEAL_TAG_SIZE;
    uint8_t tag[SEAL_TAG_SIZE];
    memcpy(tag, text + text_len, sizeof(tag));
    CLEANUP(freep) uint8_t *plain = mem_zalloc(text_len);
    int len;
    if (!cipher || EVP_DecryptInit_ex2(cipher, EVP_aes_256_gcm(), key, nonce, NULL) != 1 ||
        EVP_DecryptUpdate(cipher, NULL, &len, (const uint8_t *)bound_to, (int)strlen(bound_to)) != 1 ||
        (text_len > 0 && EVP_DecryptUpdate(cipher, plain, &len, text, (int)text_len) != 1) ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) != 1)
        abort();
    bool is_genuine = EVP_DecryptFinal_ex(cipher, plain + text_len, &len) == 1;
    if (is_genuine) {
        str_clear(ret_plain);
        str_addn(ret_plain, plain, text_len);
    }
    mem_wipe(plain, text_len);
    if (!is_genuine)
        return err_set(err, ERR_INVALID, "sealed text does not open: other key, other owner, or changed");
    return true;
}
