/* The keys and the directory of backups, as configuration and data directory have them. */
#include "base/file.h"
#include "base/log.h"
#include "controller/installation.h"

enum { IDENTITY_LIMIT = 65536 };
static const char identity_name[] = "backup.identity";

void installation_backup_release(struct backup_settings *backup)
{
    mem_wipe(&backup->identity, sizeof(backup->identity));
    mem_wipe(backup->manifest_key, sizeof(backup->manifest_key));
    free((char *)(uintptr_t)backup->directory);
    if (backup->s3_secret_key)
        mem_wipe(backup->s3_secret_key, strlen(backup->s3_secret_key));
    free(backup->s3_secret_key);
    *backup = (struct backup_settings){ 0 };
}

static bool read_identity(const char *path, struct backup_settings *backup, struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    if (!file_read(path, IDENTITY_LIMIT, &text, err))
        return false;
    bool is_good = age_identity_parse_file(text.text, &backup->identity, err);
    mem_wipe(text.text, text.len);
    backup->has_identity = is_good;
    return is_good || err_wrap(err, "%s", path);
}

/* As age-keygen writes one, so that `age -d -i` takes the file. */
static bool make_identity(const char *path, struct backup_settings *backup, struct err *err)
{
    age_identity_generate(&backup->identity);
    backup->has_identity = true;
    const struct age_recipient recipient = age_identity_recipient(&backup->identity);
    CLEANUP(freep) char *public_text = age_recipient_print(&recipient);
    CLEANUP(freep) char *secret_text = age_identity_print(&backup->identity);
    CLEANUP(freep) char *text = mem_printf("# public key: %s\n%s\n", public_text, secret_text);
    bool done = file_write(path, text, strlen(text), 0600, err);
    mem_wipe(secret_text, strlen(secret_text));
    mem_wipe(text, strlen(text));
    if (done)
        log_info("key of backups made: keep a copy of it elsewhere", LOG_STR("file", path),
                 LOG_STR("recipient", public_text));
    return done;
}

static bool open_identity(const struct config *config, struct backup_settings *backup, struct err *err)
{
    CLEANUP(freep) char *own = mem_printf("%s/%s", config->data, identity_name);
    if (config->backup.identity_file)
        return read_identity(config->backup.identity_file, backup, err);
    if (file_exists(own))
        return read_identity(own, backup, err);
    return config->backup.recipients.count > 0 || make_identity(own, backup, err);
}

static bool take_recipients(const struct config *config, struct backup_settings *backup, struct err *err)
{
    const struct strv *recipients = &config->backup.recipients;
    if (recipients->count > AGE_RECIPIENTS_MAX)
        return err_set(err, ERR_INVALID, "backup.recipients: more than %d", AGE_RECIPIENTS_MAX);
    for (size_t i = 0; i < recipients->count; i++)
        if (!age_recipient_parse(recipients->items[i], &backup->recipients[i], err))
            return err_wrap(err, "backup.recipients[%zu]", i);
    backup->recipient_count = recipients->count;
    if (backup->recipient_count == 0) {
        backup->recipients[0] = age_identity_recipient(&backup->identity);
        backup->recipient_count = 1;
    }
    return true;
}

static bool read_s3_secret(const struct config_s3 *s3, struct backup_settings *backup, struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    if (!s3->endpoint)
        return true;
    if (s3->secret_key) {
        backup->s3_secret_key = mem_strdup(s3->secret_key);
        return true;
    }
    if (!file_read(s3->secret_key_file, IDENTITY_LIMIT, &text, err))
        return err_wrap(err, "backup.s3.secretKeyFile");
    backup->s3_secret_key = mem_strndup(text.text, strcspn(text.text, "\r\n"));
    mem_wipe(text.text, text.len);
    return backup->s3_secret_key[0] ||
           err_set(err, ERR_INVALID, "backup.s3.secretKeyFile: %s is empty", s3->secret_key_file);
}

bool installation_backup(const struct config *config, const struct installation *installation,
                         struct backup_settings *ret, struct err *err)
{
    static const char purpose[] = "tenantd: manifests of recovery points";
    *ret = (struct backup_settings){ .config = &config->backup };
    const char *directory = config->backup.directory;
    if (!directory)
        ret->directory = mem_printf("%s/backups", config->data);
    else if (!str_equal(directory, "none"))
        ret->directory = mem_strdup(directory);
    hmac_sha256(installation->key, SEAL_KEY_SIZE, purpose, strlen(purpose), ret->manifest_key);
    return (open_identity(config, ret, err) && take_recipients(config, ret, err) &&
            read_s3_secret(&config->backup.s3, ret, err)) ||
           err_wrap(err, "backups");
}
