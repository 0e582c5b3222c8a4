/* The text of a recovery key. */
#include "reconcilers/backup/recovery_key.h"

#include <ctype.h>

#define FINGERPRINT_LENGTH 16

static const char head_installation[] = "# tenantd recovery key of installation ";
static const char head_secrets[] = "# secrets key: ";
static const char head_check[] = "# fingerprint: ";

char *recovery_key_fingerprint(const struct recovery_key *key)
{
    static const char purpose[] = "tenantd: fingerprint of a recovery key";
    uint8_t mac[SHA256_SIZE];
    CLEANUP(str_release) struct str all = STR_INIT;
    CLEANUP(str_release) struct str hex = STR_INIT;
    const struct age_recipient recipient = age_identity_recipient(&key->identity);
    str_addf(&all, "%s/%s/%d/", purpose, key->installation, key->has_identity);
    if (key->has_identity)
        str_add_hex(&all, recipient.key, sizeof(recipient.key));
    hmac_sha256(key->secrets_key, sizeof(key->secrets_key), all.text, all.len, mac);
    str_add_hex(&hex, mac, FINGERPRINT_LENGTH / 2);
    return str_steal(&hex);
}

char *recovery_key_print(const struct recovery_key *key)
{
    CLEANUP(freep) char *fingerprint = recovery_key_fingerprint(key);
    struct str text = STR_INIT;
    str_addf(&text, "%s%s\n", head_installation, key->installation);
    str_add(&text,
            "# Whoever has it can read all recovery points and passwords: keep it safe, and away from that host.\n"
            "# `age -d -i FILE` opens recovery points; `tenantd import-key --from=FILE` gives it to a new host.\n");
    str_add(&text, head_secrets);
    str_add_hex(&text, key->secrets_key, sizeof(key->secrets_key));
    str_addf(&text, "\n%s%s\n", head_check, fingerprint);
    if (key->has_identity) {
        char *identity = age_identity_print(&key->identity);
        str_addf(&text, "%s\n", identity);
        mem_wipe(identity, strlen(identity));
        free(identity);
    }
    char *copy = mem_strdup(text.text);
    mem_wipe(text.text, text.len);
    str_release(&text);
    return copy;
}

/* What stands behind `head` to the line's end; owned, NULL when no line begins so. */
static char *line_behind(const char *text, const char *head)
{
    for (const char *line = text; line;) {
        if (str_starts_with(line, head))
            return mem_strndup(line + strlen(head), strcspn(line + strlen(head), "\r\n"));
        const char *end = strchr(line, '\n');
        line = end ? end + 1 : NULL;
    }
    return NULL;
}

static bool read_hex(const char *text, uint8_t *ret_bytes, size_t size)
{
    if (strlen(text) != 2 * size || strspn(text, "0123456789abcdef") != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        const char pair[3] = { text[2 * i], text[2 * i + 1], '\0' };
        ret_bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

static bool is_id(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return len > 0 && len < sizeof(((struct recovery_key *)NULL)->installation);
}

static void wipe_text(char **text)
{
    if (*text)
        mem_wipe(*text, strlen(*text));
    free(*text);
}

bool recovery_key_parse(const char *text, struct recovery_key *ret, struct err *err)
{
    CLEANUP(freep) char *installation = line_behind(text, head_installation);
    CLEANUP(wipe_text) char *secrets = line_behind(text, head_secrets);
    CLEANUP(freep) char *wanted = line_behind(text, head_check);
    struct recovery_key key = { 0 };
    if (!installation || !is_id(installation) || !secrets || !wanted ||
        !read_hex(secrets, key.secrets_key, sizeof(key.secrets_key)))
        return err_set(err, ERR_INVALID, "it is no recovery key as `tenantctl key export` writes it");
    memcpy(key.installation, installation, strlen(installation));
    key.has_identity = strstr(text, "AGE-SECRET-KEY-") != NULL;
    bool is_good = !key.has_identity || age_identity_parse_file(text, &key.identity, NULL);
    CLEANUP(freep) char *fingerprint = recovery_key_fingerprint(&key);
    is_good = is_good && str_equal(fingerprint, wanted);
    if (is_good)
        *ret = key;
    mem_wipe(&key, sizeof(key));
    return is_good || err_set(err, ERR_INVALID, "the recovery key was altered or is not whole");
}
