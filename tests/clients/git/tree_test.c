/* Listings of trees: what is taken and what is refused. */
#include "clients/git/git.h"
#include "tests/check.h"

#define OBJECT        "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
#define FILE_OF(path) "100644 blob " OBJECT "     12\t" path

static const struct {
    const char *why, *line;
    enum err_code code; /* ERR_NONE: taken */
    const char *message;
} rows[] = {
    { "a file", FILE_OF("acme.yaml"), ERR_NONE, NULL },
    { "a file below", FILE_OF("tenants/acme/erp.yaml"), ERR_NONE, NULL },
    { "an executable one", "100755 blob " OBJECT "      3\trun.yaml", ERR_NONE, NULL },
    { "a name with dots", FILE_OF("a..b.yaml"), ERR_NONE, NULL },
    { "up and out", FILE_OF("../etc/passwd.yaml"), ERR_INVALID, "leaves the tree" },
    { "up in the middle", FILE_OF("a/../../b.yaml"), ERR_INVALID, "leaves the tree" },
    { "absolute", FILE_OF("/etc/a.yaml"), ERR_INVALID, "leaves the tree" },
    { "here", FILE_OF("./a.yaml"), ERR_INVALID, "leaves the tree" },
    { "the repository's own", FILE_OF("a/.GIT/config.yaml"), ERR_INVALID, "leaves the tree" },
    { "a control character", FILE_OF("a\nb.yaml"), ERR_INVALID, "leaves the tree" },
    { "a backslash", FILE_OF("a\\..\\b.yaml"), ERR_INVALID, "leaves the tree" },
    { "a symbolic link", "120000 blob " OBJECT "     11\tacme.yaml", ERR_INVALID, "symbolic link" },
    { "a link that is no manifest", "120000 blob " OBJECT "     11\tREADME", ERR_INVALID, "symbolic link" },
    { "a submodule", "160000 commit " OBJECT "       -\tlibrary", ERR_INVALID, "submodule" },
    { "no path", "100644 blob " OBJECT "     12", ERR_INTERNAL, "cannot be read" },
    { "no size", "100644 blob " OBJECT "      -\ta.yaml", ERR_INTERNAL, "cannot be read" },
    { "no object", "100644 blob --output=x     12\ta.yaml", ERR_INTERNAL, "cannot be read" },
};

static void parses(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    CLEANUP(git_entries_release) struct git_entries entries = { 0 };
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool good = git_entries_parse(row->line, strlen(row->line) + 1, &entries, &err);
    if (row->code == ERR_NONE) {
        assert_ok(good, &err);
        assert_int_equal(entries.count, 1);
        assert_string_equal(entries.items[0].path, strchr(row->line, '\t') + 1);
        return;
    }
    assert_false(good);
    assert_int_equal(err.code, row->code);
    assert_contains(err_message(&err), row->message);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, parses, rows);
    return check_run("clients/git/tree", &list);
}
