/* Completion for bash, from the table of commands. */
#include "cli/commands.h"
#include "specs/kind.h"

static void add_words_of_options(struct str *out, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row && row->name; row++) {
        str_addf(out, " --%s%s", row->name, row->type == OPTION_FLAG ? "" : "=");
        if (row->letter)
            str_addf(out, " -%c", row->letter);
    }
}

static void add_command_words(struct str *out)
{
    str_add(out, "    local commands=\"");
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->is_hidden)
            str_addf(out, "%s%s", i > 0 ? " " : "", commands[i]->name);
    str_add(out, "\"\n    local kinds=\"all");
    for (size_t i = 0; i < KINDS; i++)
        str_addf(out, " %s %s", kinds[i].plural, kinds[i].singular);
    str_add(out, "\"\n    local common=\"");
    CLEANUP(str_release) struct str words = STR_INIT;
    add_words_of_options(&words, connection_option_rows);
    str_addf(out, "%s\"\n", words.text + 1);
}

static const char *completion_word(enum completion completes)
{
    static const char *const words[] = {
        [COMPLETE_NOTHING] = "nothing",   [COMPLETE_RECORDS] = "records", [COMPLETE_INSTANCES] = "instances",
        [COMPLETE_COMMANDS] = "commands", [COMPLETE_SHELLS] = "shells",
    };
    return words[completes];
}

static void add_cases(struct str *out)
{
    str_add(out, "    case $command in\n");
    for (size_t i = 0; commands[i]; i++) {
        CLEANUP(str_release) struct str options = STR_INIT;
        if (commands[i]->is_hidden)
            continue;
        add_words_of_options(&options, commands[i]->options);
        str_addf(out, "    %s) completes=%s options=\"%s\" ;;\n", commands[i]->name,
                 completion_word(commands[i]->completes), options.len > 0 ? options.text + 1 : "");
    }
    str_add(out, "    esac\n");
}

/* Options that take one of a few words, wherever they stand. */
static void add_choices(struct str *out)
{
    for (size_t i = 0; commands[i]; i++)
        for (const struct option_row *row = commands[i]->options; row && row->name; row++) {
            if (row->type != OPTION_CHOICE)
                continue;
            str_addf(out, "    %s:--%s", commands[i]->name, row->name);
            if (row->letter)
                str_addf(out, " | %s:-%c", commands[i]->name, row->letter);
            str_add(out, ") words=\"");
            for (size_t word = 0; row->choices[word]; word++)
                str_addf(out, "%s%s", word > 0 ? " " : "", row->choices[word]);
            str_add(out, "\" ;;\n");
        }
}

void completion_print_bash(struct str *out)
{
    str_add(out, "# bash completion for tenantctl; printed by `tenantctl completion bash`\n"
                 "_tenantctl_names() { # [KIND]\n"
                 "    tenantctl get \"${1:-instances}\" -A -o name 2>/dev/null | sed 's,^[a-z]*\\.tenantd/,,'\n"
                 "}\n\n"
                 "_tenantctl() {\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                 "    local command= kind= completes=commands options= words= i\n");
    add_command_words(out);
    str_add(out, "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                 "        case ${COMP_WORDS[i]} in\n"
                 "        -* | =) ;;\n"
                 "        *)\n"
                 "            if [[ -z $command && \" $commands \" == *\" ${COMP_WORDS[i]} \"* ]]; then\n"
                 "                command=${COMP_WORDS[i]}\n"
                 "            elif [[ -n $command && -z $kind && \" $kinds \" == *\" ${COMP_WORDS[i]} \"* ]]; then\n"
                 "                kind=${COMP_WORDS[i]}\n"
                 "            fi ;;\n"
                 "        esac\n"
                 "    done\n");
    add_cases(out);
    str_add(out, "    # --output=json arrives as three words.\n"
                 "    [[ $word == = ]] && word=\n"
                 "    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD-2]}\n"
                 "    case $command:$before in\n");
    add_choices(out);
    str_add(out,
            "    *:-f | *:--filename)\n"
            "        [[ $command == logs ]] || { compopt -o filenames; COMPREPLY=($(compgen -f -- \"$word\")); return; "
            "} ;;\n"
            "    *:--kubeconfig | *:--ca) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
            "    *:-n | *:--namespace) words=$(_tenantctl_names tenants) ;;\n"
            "    esac\n"
            "    if [[ -z $words && $word == -* ]]; then\n"
            "        words=\"$options $common\"\n"
            "    elif [[ -z $words ]]; then\n"
            "        case $completes in\n"
            "        commands) words=$commands ;;\n"
            "        shells) words=bash ;;\n"
            "        instances) words=$(_tenantctl_names) ;;\n"
            "        records)\n"
            "            if [[ -n $kind ]]; then words=$(_tenantctl_names \"$kind\")\n"
            "            else words=\"$kinds $(_tenantctl_names)\"; fi ;;\n"
            "        esac\n"
            "    fi\n"
            "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
            "    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
            "    return 0\n"
            "}\n"
            "complete -F _tenantctl tenantctl\n");
}
