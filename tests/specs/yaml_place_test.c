/* Where in a text a field stands. */
#include "specs/yaml.h"
#include "tests/check.h"

static const char text[] = "# a comment\n"               /* 1 */
                           "kind: Tenant\n"              /* 2 */
                           "metadata:\n"                 /* 3 */
                           "  annotations:\n"            /* 4 */
                           "    example.com/a.b: x\n"    /* 5 */
                           "---\n"                       /* 6 */
                           "kind: App\n"                 /* 7 */
                           "spec:\n"                     /* 8 */
                           "  versions:\n"               /* 9 */
                           "  - name: one\n"             /* 10 */
                           "  - {name: two, image: i}\n" /* 11 */
                           "  ports: [1,\n"              /* 12 */
                           "    2]\n";                   /* 13 */

static const struct {
    const char *why;
    size_t document;
    const char *path;
    size_t line;
} rows[] = {
    { "a field", 6, "kind", 7 },
    { "a nested one", 6, "spec.versions", 9 },
    { "an item", 6, "spec.versions[1]", 11 },
    { "an item's field", 6, "spec.versions[0].name", 10 },
    { "an item on a line of its own", 6, "spec.ports[1]", 13 },
    { "what is missing: the innermost around it", 6, "spec.dataPath", 8 },
    { "an item that is missing", 6, "spec.versions[7].name", 9 },
    { "a key with dots", 2, "metadata.annotations.example.com/a.b", 5 },
    { "nothing in particular", 6, "", 7 },
    { "a document that is not there", 40, "kind", 40 },
};

static void finds(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    assert_int_equal(yaml_line_of(text, strlen(text), row->document, row->path), row->line);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, finds, rows);
    return check_run("specs/yaml_place", &list);
}
