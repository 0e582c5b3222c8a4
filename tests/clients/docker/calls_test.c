#include "clients/docker/calls.h"
#include "tests/check.h"

static const struct {
    const char *why;
    const char *method, *path;
    const char *name;
} rows[] = {
    { "a fixed path", "GET", "/version", "version" },
    { "with a query", "GET", "/containers/json?all=1&filters=%7B%7D", "container-list" },
    { "a name in it", "GET", "/containers/td-acme.erp/json", "container-inspect" },
    { "a name that is encoded", "GET", "/images/tenantd%2Ftiny%3A1/json", "image-inspect" },
    { "a name at the end", "DELETE", "/volumes/td-acme.erp-0a1b", "volume-remove" },
    { "and a query behind it", "DELETE", "/containers/0a1b?force=1", "container-remove" },
    { "the method counts", "PUT", "/containers/0a1b/archive?path=%2Frun", "archive-write" },
    { "a word before a name", "POST", "/networks/create", "network-create" },
    { "longer than any", "GET", "/containers/0a1b/json/more", "other" },
    { "no name at all", "GET", "/containers//json", "other" },
    { "not ours", "POST", "/build", "other" },
};

static void names(void **state)
{
    const __typeof__(rows[0]) *row = *state;
    assert_string_equal(docker_call_name(row->method, row->path), row->name);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, names, rows);
    return check_run("docker calls", &list);
}
