/* The table of commands. */
#include "cli/commands.h"

#include "specs/wording.h"

const struct command *const commands[] = {
    &apply_command,      &get_command,     &describe_command, &why_command,
    &diff_command,       &delete_command,  &events_command,   &logs_command,
    &secret_command,     &key_command,     &catalog_command,  &source_command,
    &export_command,     &orphans_command, &pause_command,    &resume_command,
    &backup_command,     &backups_command, &restore_command,  &restart_command,
    &stop_command,       &start_command,   &login_command,    &logout_command,
    &account_command,    &token_command,   &audit_command,    &version_command,
    &completion_command, &help_command,    &man_command,      NULL,
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (str_equal(commands[i]->name, name))
            return commands[i];
    return NULL;
}

bool command_complain(const char *name, struct err *err)
{
    CLEANUP(freep) char *shown = quoted(name);
    struct nearest nearest;
    nearest_start(&nearest, name);
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->is_hidden)
            nearest_offer(&nearest, commands[i]->name);
    if (nearest.best)
        return err_set(err, ERR_BAD_REQUEST, "there is no command %s; is %s meant?", shown, nearest.best);
    return err_set(err, ERR_BAD_REQUEST, "there is no command %s; tenantctl --help lists them", shown);
}
