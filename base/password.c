/* Passwords of people: yescrypt. */
#include "base/password.h"

#include <crypt.h>

#include "base/crypto.h"
#include "base/metrics.h"

#define METHOD "$y$"

static const struct metric hashes_total = {
    .name = "tenantd_password_hashes_total",
    .help = "Password hashes computed, by purpose; an unknown user's costs one like a wrong password.",
    .type = METRIC_COUNTER,
    .labels = { "purpose" },
};

/* Of nobody's password, made with the parameters that password_hash() takes: the work is that of a real one. */
static const char stand_in[] = "$y$j9T$CgfOjZYtHgsUfc9LBVsbz1$GTowRmAdzaORD7OtmNw8PXyhhjE1TDU8Qy8lThBSzPB";

/* Owned; NULL when `setting` is none that libcrypt can use. */
static char *hash_with(const char *password, const char *setting)
{
    struct crypt_data *data = MEM_NEW(struct crypt_data); /* 32 KiB: not for a stack */
    char *hash = crypt_r(password, setting, data);
    char *copy = hash && hash[0] != '*' ? mem_strdup(hash) : NULL;
    mem_wipe(data, sizeof(*data));
    free(data);
    return copy;
}

char *password_hash(const char *password)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    uint8_t random[16];
    random_bytes(random, sizeof(random));
    char *hash = crypt_gensalt_rn(METHOD, 0, (const char *)random, sizeof(random), setting, sizeof(setting))
                     ? hash_with(password, setting)
                     : NULL;
    if (!hash)
        abort(); /* a libcrypt without yescrypt: nothing can be stored then */
    metric_add(&hashes_total, 1, "new", NULL, NULL);
    return hash;
}

bool password_matches(const char *password, const char *hash)
{
    const char *setting = hash ? hash : stand_in;
    CLEANUP(freep) char *made = strlen(password) <= PASSWORD_MAX ? hash_with(password, setting) : NULL;
    metric_add(&hashes_total, 1, "check", NULL, NULL);
    return hash && made && equal_constant_time(made, hash);
}
