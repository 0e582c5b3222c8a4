/* Subnets are cut from the pool in order, and end with it. */
#include "reconcilers/network.h"
#include "tests/check.h"

static const struct row {
    const char *why;
    const char *pool;
    int prefix_length;
    uint32_t index;
    const char *subnet;
} rows[] = {
    { "the first", "10.213.0.0/16", 26, 0, "10.213.0.0/26" },
    { "the second", "10.213.0.0/16", 26, 1, "10.213.0.64/26" },
    { "across an octet", "10.213.0.0/16", 26, 4, "10.213.1.0/26" },
    { "the last", "10.213.0.0/16", 26, 1023, "10.213.255.192/26" },
    { "past the end", "10.213.0.0/16", 26, 1024, NULL },
    { "a pool that is one subnet", "10.0.0.0/26", 26, 0, "10.0.0.0/26" },
    { "a pool smaller than a subnet", "10.0.0.0/28", 26, 0, NULL },
    { "host bits in the pool are cut off", "10.213.7.9/16", 24, 1, "10.213.1.0/24" },
    { "no pool", "nonsense", 26, 0, NULL },
    { "no length", "10.0.0.0", 26, 0, NULL },
};

static void test_subnet(void **state)
{
    const struct row *row = *state;
    CLEANUP(freep) char *subnet = subnet_at(row->pool, row->prefix_length, row->index);
    if (row->subnet)
        assert_string_equal(subnet, row->subnet);
    else
        assert_null(subnet);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, test_subnet, rows);
    return check_run("network", &list);
}
