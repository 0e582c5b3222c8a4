/* All commands; each is described where it is implemented. */
#pragma once

#include "cli/cli.h"

extern const struct command apply_command, get_command, describe_command, why_command, diff_command, delete_command,
    events_command, logs_command, secret_command, key_command, catalog_command, source_command, export_command,
    orphans_command, pause_command, resume_command, backup_command, backups_command, restore_command, restart_command,
    stop_command, start_command, login_command, logout_command, account_command, token_command, audit_command,
    version_command, help_command, completion_command, man_command;

/* `there is no command "aply"; is apply meant?` Always false. */
bool command_complain(const char *name, struct err *err);
