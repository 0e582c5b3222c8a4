/* Which version of the Engine API the engine and we both know. */
#include "clients/docker/docker_internal.h"

/* Engine 20.10 speaks 1.41; 1.51 is the newest one read about and tried against recorded answers. */
#define OLDEST_MINOR 41
#define NEWEST_MINOR 51

/* "1.41" -> 41. Docker has only ever counted the second number. */
static bool parse_minor(const json_t *reply, const char *key, int64_t *ret_minor, struct err *err)
{
    const char *text = json_text(reply, key);
    if (!text || !str_starts_with(text, "1.") || !str_parse_int64(text + 2, 0, 100000, ret_minor))
        return err_set(err, ERR_INTERNAL, "the Docker engine names %s \"%s\", which is no API version", key,
                       text ? text : "");
    return true;
}

bool docker_negotiate(const json_t *version_reply, char **ret_api, struct err *err)
{
    int64_t newest = 0;
    int64_t oldest = 0;
    if (!parse_minor(version_reply, "ApiVersion", &newest, err) ||
        !parse_minor(version_reply, "MinAPIVersion", &oldest, err))
        return false;
    int64_t minor = newest < NEWEST_MINOR ? newest : NEWEST_MINOR;
    if (minor < OLDEST_MINOR || minor < oldest)
        return err_set(
            err, ERR_UNSUPPORTED,
            "the Docker engine %s speaks API versions 1.%d to 1.%d, tenantd speaks 1.%d (Docker 20.10) to 1.%d",
            json_text(version_reply, "Version") ? json_text(version_reply, "Version") : "(unknown)", (int)oldest,
            (int)newest, OLDEST_MINOR, NEWEST_MINOR);
    *ret_api = mem_printf("1.%d", (int)minor);
    return true;
}
