/* Options by tables. */
#include "cli/cli.h"
#include "cli/options.h"
#include "tests/check.h"

struct values {
    bool follow, wait;
    char *name;
    struct strv files;
    int64_t lines, since_ms;
    int format;
};
static const char *const formats[] = { "table", "json", NULL };
static const char *const more_words[] = { "server", NULL };
static const struct option_row rows_of_test[] = {
    { "follow", 'f', OPTION_FLAG, offsetof(struct values, follow), .choices = more_words, .doc = "" },
    { "wait", 0, OPTION_FLAG, offsetof(struct values, wait), .fallback = "true", .doc = "" },
    { "name", 'n', OPTION_TEXT, offsetof(struct values, name), "NAME", .fallback = "nobody", .doc = "" },
    { "file", 'F', OPTION_TEXTS, offsetof(struct values, files), "FILE", .doc = "" },
    { "lines", 0, OPTION_NUMBER, offsetof(struct values, lines), "N", .doc = "" },
    { "since", 0, OPTION_DURATION, offsetof(struct values, since_ms), "TIME", .fallback = "15m", .doc = "" },
    { "output", 'o', OPTION_CHOICE, offsetof(struct values, format), "FORMAT", .choices = formats, .doc = "" },
    { NULL },
};

static char *text_of(const struct values *values, const struct strv *rest)
{
    CLEANUP(freep) char *files = strv_join(&values->files, ",");
    CLEANUP(freep) char *others = strv_join(rest, ",");
    return mem_printf("%s %s %s [%s] %d %d %s (%s)", values->follow ? "follow" : "once", values->wait ? "wait" : "go",
                      values->name, files, (int)values->lines, (int)(values->since_ms / 1000), formats[values->format],
                      others);
}

static const struct {
    const char *why, *line, *values, *error;
} rows[] = {
    { "nothing given", "", "once wait nobody [] 0 900 table ()", NULL },
    { "long options", "--follow --name=erp --lines=3 --output=json", "follow wait erp [] 3 900 json ()", NULL },
    { "values as words of their own", "--name erp --lines 3", "once wait erp [] 3 900 table ()", NULL },
    { "letters", "-f -n erp -ojson", "follow wait erp [] 0 900 json ()", NULL },
    { "flags can be taken back", "--wait=false --follow=true", "follow go nobody [] 0 900 table ()", NULL },
    { "a flag's other word for true", "--follow=server", "follow wait nobody [] 0 900 table ()", NULL },
    { "repeated", "-F a -F b --file=c", "once wait nobody [a,b,c] 0 900 table ()", NULL },
    { "the last one counts", "--name a --name b", "once wait b [] 0 900 table ()", NULL },
    { "arguments between them", "x -f y --name z w", "follow wait z [] 0 900 table (x,y,w)", NULL },
    { "two dashes end them", "-f -- --name -x", "follow wait nobody [] 0 900 table (--name,-x)", NULL },
    { "a dash is an argument", "-F - -", "once wait nobody [-] 0 900 table (-)", NULL },
    { "a duration", "--since=1h30m", "once wait nobody [] 0 5400 table ()", NULL },
    { "a duration of none", "--since=0", "once wait nobody [] 0 0 table ()", NULL },
    { "unknown", "--bogus", NULL, "there is no option --bogus" },
    { "nearly known", "--folow", NULL, "there is no option --folow; is --follow meant?" },
    { "nearly known, with a value", "--outptu=json", NULL, "there is no option --outptu; is --output meant?" },
    { "unknown letter", "-q", NULL, "there is no option -q" },
    { "a value is missing", "--name", NULL, "--name needs a value: NAME" },
    { "a letter's value is missing", "-n", NULL, "--name needs a value: NAME" },
    { "no choice", "-o xml", NULL, "--output: \"xml\" is none of table, json" },
    { "no truth", "--follow=maybe", NULL, "--follow: \"maybe\" is none of true, false, server" },
    { "no number", "--lines=many", NULL, "--lines: \"many\" is not a whole number of 0 or more" },
    { "a negative number", "--lines=-1", NULL, "--lines: \"-1\" is not a whole number of 0 or more" },
    { "no duration", "--since=soon", NULL, "--since: \"soon\" is not a duration" },
};

static void parses(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(strv_release) struct strv args = STRV_INIT;
    CLEANUP(strv_release) struct strv rest = STRV_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct values values = { 0 };
    const struct option_table table = { rows_of_test, &values };
    strv_split(&args, row->line, ' ');
    option_tables_set_fallbacks(&table, 1);
    bool parsed = options_parse(&table, 1, OPTIONS_ANYWHERE, &args, &rest, &err);
    if (row->error) {
        assert_false(parsed);
        assert_int_equal(err.code, ERR_BAD_REQUEST);
        assert_contains(err_message(&err), row->error);
    } else {
        assert_ok(parsed, &err);
        CLEANUP(freep) char *text = text_of(&values, &rest);
        assert_string_equal(text, row->values);
    }
    options_release(&table);
}

static void stops_at_the_first_argument(void **state)
{
    (void)state;
    CLEANUP(strv_release) struct strv args = STRV_INIT;
    CLEANUP(strv_release) struct strv rest = STRV_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct values values = { 0 };
    const struct option_table table = { rows_of_test, &values };
    strv_split(&args, "-f get --bogus", ' ');
    assert_ok(options_parse(&table, 1, OPTIONS_FIRST, &args, &rest, &err), &err);
    CLEANUP(freep) char *others = strv_join(&rest, " ");
    assert_true(values.follow);
    assert_string_equal(others, "get --bogus");
    options_release(&table);
}

/* Two rows of one name or letter would hide each other. */
static void count_names(const struct option_row *options, struct strv *names)
{
    for (const struct option_row *row = options; row && row->name; row++) {
        assert_false(strv_has(names, row->name));
        strv_add(names, row->name);
        if (!row->letter)
            continue;
        CLEANUP(freep) char *letter = mem_printf("-%c", row->letter);
        assert_false(strv_has(names, letter));
        strv_add(names, letter);
    }
}

static void tables_of_all_commands_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i]; i++) {
        const struct command *command = commands[i];
        CLEANUP(strv_release) struct strv names = STRV_INIT;
        CLEANUP(freep) void *values = mem_zalloc(command->options_size + 1);
        const struct option_table table = { command->options, values };
        count_names(connection_option_rows, &names);
        count_names(command->options, &names);
        option_tables_set_fallbacks(&table, 1);
        options_release(&table);
        assert_ptr_equal(command_find(command->name), command);
        for (const struct option_row *row = command->options; row && row->name; row++) {
            assert_non_null(row->doc);
            assert_true(row->type == OPTION_FLAG || row->argument);
        }
    }
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, parses, rows);
    CHECK_TEST(&list, stops_at_the_first_argument);
    CHECK_TEST(&list, tables_of_all_commands_are_sound);
    return check_run("cli/options", &list);
}
