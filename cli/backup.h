/* What the commands about recovery points share. */
#pragma once

#include "cli/cli.h"
#include "cli/names.h"
#include "specs/backup.h"

/* "TENANT/BACKUP". */
bool backup_target(struct cli *cli, const char *text, struct targets *ret, struct err *err) MUST_USE;
/* `ret` is zeroed or filled; fields_release() it. */
bool backup_get(struct cli *cli, const char *namespace, const char *name, struct backup_status *ret,
                struct err *err) MUST_USE;

char *backup_bytes_wording(int64_t bytes); /* "12.0 MiB"; owned */
/* Its objects as files in a directory (NULL: one of its name), each compared with the manifest before it gets its name; cli/download.c. */
enum download_form { DOWNLOAD_OPENED, DOWNLOAD_STORED };
bool backup_download(struct cli *cli, const struct target *backup, const char *directory_or_null,
                     enum download_form form, struct err *err) MUST_USE;

enum prune { PRUNE_SHOW, PRUNE_DELETE };
/* What the instance's retention keeps and what it does not; PRUNE_DELETE deletes the latter. */
bool backup_prune(struct cli *cli, const char *instance, enum prune prune, struct err *err) MUST_USE;
