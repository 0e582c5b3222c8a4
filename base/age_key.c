/* Keys of the age format: X25519 pairs as Bech32 text (BIP 173, without its limit of 90 characters). */
#include <ctype.h>

#include "base/age_internal.h"

#define IDENTITY_PREFIX  "AGE-SECRET-KEY-"
#define RECIPIENT_PREFIX "age"
#define CHECKSUM_LEN     6
#define KEY_WORDS        52 /* of five bits, for 32 bytes */

static const char letters[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t polymod_step(uint32_t sum, uint8_t word)
{
    static const uint32_t generators[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
    uint32_t top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ word;
    for (size_t i = 0; i < ARRAY_LEN(generators); i++)
        if (top >> i & 1)
            sum ^= generators[i];
    return sum;
}

/* Over the lower-case prefix. */
static uint32_t polymod_prefix(const char *prefix)
{
    uint32_t sum = 1;
    for (const char *at = prefix; *at; at++)
        sum = polymod_step(sum, (uint8_t)tolower((unsigned char)*at) >> 5);
    sum = polymod_step(sum, 0);
    for (const char *at = prefix; *at; at++)
        sum = polymod_step(sum, (uint8_t)tolower((unsigned char)*at) & 31);
    return sum;
}

static char *bech32_print(const char *prefix, const uint8_t key[AGE_KEY_SIZE])
{
    uint8_t words[KEY_WORDS + CHECKSUM_LEN] = { 0 };
    for (size_t bit = 0; bit < AGE_KEY_SIZE * 8; bit++)
        words[bit / 5] |= (uint8_t)((key[bit / 8] >> (7 - bit % 8) & 1) << (4 - bit % 5));
    uint32_t sum = polymod_prefix(prefix);
    for (size_t i = 0; i < KEY_WORDS; i++)
        sum = polymod_step(sum, words[i]);
    for (size_t i = 0; i < CHECKSUM_LEN; i++)
        sum = polymod_step(sum, 0);
    sum ^= 1;
    for (size_t i = 0; i < CHECKSUM_LEN; i++)
        words[KEY_WORDS + i] = sum >> (5 * (CHECKSUM_LEN - 1 - i)) & 31;
    bool is_upper = isupper((unsigned char)prefix[0]);
    size_t prefix_len = strlen(prefix);
    char *text = mem_zalloc(prefix_len + 1 + sizeof(words) + 1);
    memcpy(text, prefix, prefix_len);
    text[prefix_len] = '1';
    for (size_t i = 0; i < sizeof(words); i++)
        text[prefix_len + 1 + i] = is_upper ? (char)toupper((unsigned char)letters[words[i]]) : letters[words[i]];
    mem_wipe(words, sizeof(words));
    return text;
}

/* The key behind `prefix` in text that is all of the prefix's case; false: it is none. */
static bool bech32_parse(const char *text, size_t len, const char *prefix, uint8_t ret_key[AGE_KEY_SIZE])
{
    size_t prefix_len = strlen(prefix);
    bool is_upper = isupper((unsigned char)prefix[0]);
    if (len != prefix_len + 1 + KEY_WORDS + CHECKSUM_LEN || strncmp(text, prefix, prefix_len) != 0 ||
        text[prefix_len] != '1')
        return false;
    uint32_t sum = polymod_prefix(prefix);
    uint8_t key[AGE_KEY_SIZE + 1] = { 0 }; /* the last word's padding bits run into one more byte */
    for (size_t i = 0; i < KEY_WORDS + CHECKSUM_LEN; i++) {
        unsigned char c = (unsigned char)text[prefix_len + 1 + i];
        const char *found =
            is_upper ? (isupper(c) || isdigit(c) ? strchr(letters, tolower(c)) : NULL) : strchr(letters, c);
        if (!c || !found)
            return false;
        uint8_t word = (uint8_t)(found - letters);
        sum = polymod_step(sum, word);
        for (size_t b = 0; i < KEY_WORDS && b < 5; b++)
            key[(i * 5 + b) / 8] |= (uint8_t)((word >> (4 - b) & 1) << (7 - (i * 5 + b) % 8));
    }
    bool fits = sum == 1 && key[AGE_KEY_SIZE] == 0;
    if (fits)
        memcpy(ret_key, key, AGE_KEY_SIZE);
    mem_wipe(key, sizeof(key));
    return fits;
}

/* The text without blanks around it. */
static const char *trimmed(const char *text, size_t *ret_len)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    *ret_len = len;
    return text;
}

void age_identity_generate(struct age_identity *ret)
{
    random_bytes(ret->key, sizeof(ret->key));
}

struct age_recipient age_identity_recipient(const struct age_identity *identity)
{
    static const uint8_t base_point[AGE_KEY_SIZE] = { 9 };
    struct age_recipient recipient = { 0 };
    if (!age_x25519(identity->key, base_point, recipient.key))
        abort(); /* the base point is not of low order */
    return recipient;
}

char *age_identity_print(const struct age_identity *identity)
{
    return bech32_print(IDENTITY_PREFIX, identity->key);
}

char *age_recipient_print(const struct age_recipient *recipient)
{
    return bech32_print(RECIPIENT_PREFIX, recipient->key);
}

bool age_identity_parse(const char *text, struct age_identity *ret, struct err *err)
{
    size_t len;
    const char *start = trimmed(text, &len);
    return bech32_parse(start, len, IDENTITY_PREFIX, ret->key) ||
           err_set(err, ERR_INVALID,
                   "it is no age identity; one looks like AGE-SECRET-KEY-1..., as age-keygen writes it");
}

bool age_recipient_parse(const char *text, struct age_recipient *ret, struct err *err)
{
    size_t len;
    const char *start = trimmed(text, &len);
    if (str_starts_with(start, IDENTITY_PREFIX)) /* not to be shown */
        return err_set(err, ERR_INVALID, "it is an age identity (secret); a recipient looks like age1...");
    return bech32_parse(start, len, RECIPIENT_PREFIX, ret->key) ||
           err_set(err, ERR_INVALID,
                   "\"%.80s\" is no age recipient; one looks like age1..., as age-keygen -y prints it", start);
}

bool age_identity_parse_file(const char *text, struct age_identity *ret, struct err *err)
{
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    bool is_found = false, is_good = true;
    strv_split(&lines, text, '\n');
    for (size_t i = 0; i < lines.count && !is_found && is_good; i++) {
        size_t len;
        const char *start = trimmed(lines.items[i], &len);
        if (len == 0 || *start == '#')
            continue;
        is_good = age_identity_parse(start, ret, err) || err_wrap(err, "line %zu", i + 1);
        is_found = is_good;
    }
    for (size_t i = 0; i < lines.count; i++)
        mem_wipe(lines.items[i], strlen(lines.items[i]));
    return is_good && (is_found || err_set(err, ERR_INVALID, "there is no age identity in it"));
}
