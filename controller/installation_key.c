/* A recovery key is given to an empty data directory. */
#include "base/file.h"
#include "controller/installation.h"
#include "reconcilers/backup/recovery_key.h"

#define KEY_FILE_MAX ((size_t)64 << 10)

static void wipe_str(struct str *text)
{
    mem_wipe(text->text, text->len);
    str_release(text);
}

static void wipe_key(struct recovery_key *key)
{
    mem_wipe(key, sizeof(*key));
}

/* A key that stands there sealed something, so nothing may take its place. */
static bool check_empty(const char *data, struct err *err)
{
    static const char *const names[] = { "secrets.key", "installation", "backup.identity" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(freep) char *path = mem_printf("%s/%s", data, names[i]);
        if (file_exists(path))
            return err_set(err, ERR_CONFLICT,
                           "%s is there: a recovery key is for a data directory that no tenantd was started on yet",
                           path);
    }
    return true;
}

static bool write_identity(const char *data, const struct recovery_key *key, struct err *err)
{
    if (!key->has_identity)
        return true;
    CLEANUP(freep) char *path = mem_printf("%s/backup.identity", data);
    CLEANUP(freep) char *secret = age_identity_print(&key->identity);
    CLEANUP(str_release) struct str text = STR_INIT;
    str_addf(&text, "%s\n", secret);
    bool written = file_write(path, text.text, text.len, 0600, err);
    mem_wipe(secret, strlen(secret));
    mem_wipe(text.text, text.len);
    return written;
}

/* The id last: where it stands, the daemon asks for the key. */
static bool write_all(const char *data, const struct recovery_key *key, struct err *err)
{
    CLEANUP(freep) char *key_path = mem_printf("%s/secrets.key", data);
    CLEANUP(freep) char *id_path = mem_printf("%s/installation", data);
    CLEANUP(freep) char *id = mem_printf("%s\n", key->installation);
    return write_identity(data, key, err) && file_write(key_path, key->secrets_key, SEAL_KEY_SIZE, 0600, err) &&
           file_write(id_path, id, strlen(id), 0600, err);
}

bool installation_import_key(const struct config *config, const char *file, struct err *err)
{
    CLEANUP(wipe_str) struct str text = STR_INIT;
    CLEANUP(wipe_key) struct recovery_key key = { 0 };
    CLEANUP(freep) char *lock = mem_printf("%s/lock", config->data);
    CLEANUP(closep) int lock_fd = -1;
    if (!file_read(file, KEY_FILE_MAX, &text, err))
        return false;
    if (!recovery_key_parse(text.text, &key, err))
        return err_wrap(err, "%s", file);
    return dir_make(config->data, 0700, err) && file_lock(lock, &lock_fd, err) && check_empty(config->data, err) &&
           write_all(config->data, &key, err);
}
