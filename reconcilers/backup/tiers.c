/* Opening the places of recovery points. */
#include "reconcilers/backup/tiers.h"

#include "clients/objects/directory.h"
#include "clients/s3/s3.h"

bool backup_has_place(const struct settings *settings)
{
    const struct backup_settings *backup = settings->backup;
    return backup && (backup->directory || backup->config->s3.endpoint);
}

void tiers_release(struct tiers *tiers)
{
    for (size_t i = 0; i < tiers->count; i++)
        objects_free(tiers->items[i].objects);
    *tiers = (struct tiers){ 0 };
}

static bool open_local(const struct backup_settings *backup, struct tiers *tiers, struct err *err)
{
    struct tier *tier = &tiers->items[tiers->count];
    if (!directory_open(backup->directory, &tier->objects, err))
        return err_wrap(err, "directory of backups");
    tier->name = TIER_LOCAL;
    tiers->count++;
    return true;
}

/* A bucket of the tenant's own begins without the common prefix. */
static bool open_s3(const struct backup_settings *backup, const struct tenant_backup *where, struct tiers *tiers,
                    struct err *err)
{
    const struct config_s3 *s3 = &backup->config->s3;
    struct tier *tier = &tiers->items[tiers->count];
    bool is_own = where && where->bucket;
    const struct s3_options options = {
        .endpoint = s3->endpoint,
        .bucket = is_own ? where->bucket : s3->bucket,
        .prefix = where && where->prefix ? where->prefix
                  : is_own               ? NULL
                                         : s3->prefix,
        .region = s3->region,
        .access_key = s3->access_key,
        .secret_key = backup->s3_secret_key,
        .ca_file = s3->ca_file,
        .style = s3->style == CONFIG_S3_VIRTUAL_HOST ? S3_STYLE_VIRTUAL_HOST : S3_STYLE_PATH,
        .versioning = s3->versioning,
    };
    if (!s3_open(&options, &tier->objects, err))
        return err_wrap(err, "backup.s3");
    tier->name = TIER_S3;
    tiers->count++;
    return true;
}

bool tiers_open(const struct settings *settings, const struct tenant_backup *where, struct tiers *ret, struct err *err)
{
    const struct backup_settings *backup = settings->backup;
    *ret = (struct tiers){ 0 };
    if (!backup_has_place(settings))
        return err_set(err, ERR_UNSUPPORTED, "no place for backups is configured: backup.directory or backup.s3");
    bool opened = (!backup->config->s3.endpoint || open_s3(backup, where, ret, err)) &&
                  (!backup->directory || open_local(backup, ret, err));
    if (!opened)
        tiers_release(ret);
    return opened;
}
