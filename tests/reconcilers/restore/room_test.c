/* Room on the disk: what is needed is added up per device, and a quarter more. */
#include "reconcilers/restore/room.h"
#include "tests/check.h"

#define MIB (INT64_C(1) << 20)

static const struct row {
    const char *why;
    struct restore_room rooms[2];
    size_t count;
    const char *problem; /* NULL: it suffices */
} rows[] = {
    { "nothing is known", { { 0 } }, 0, NULL },
    { "enough", { { "database", "/a", 1, 100 * MIB, 125 * MIB } }, 1, NULL },
    { "a byte too little",
      { { "database", "/a", 1, 100 * MIB, 125 * MIB - 1 } },
      1,
      "too little disk for the database" },
    { "two disks",
      { { "database", "/a", 1, 100 * MIB, 130 * MIB }, { "files", "/b", 2, 100 * MIB, 130 * MIB } },
      2,
      NULL },
    { "two on one disk",
      { { "database", "/a", 1, 100 * MIB, 130 * MIB }, { "files", "/b", 1, 100 * MIB, 130 * MIB } },
      2,
      "about 251 MiB are needed at /a" },
    { "the second one",
      { { "database", "/a", 1, MIB, 130 * MIB }, { "files", "/b", 2, 100 * MIB, 10 * MIB } },
      2,
      "files: about 126 MiB are needed at /b, and 10 MiB are free" },
};

static void suffices(void **state)
{
    const struct row *row = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    assert_int_equal(restore_room_suffices(row->rooms, row->count, &err), row->problem == NULL);
    if (row->problem)
        assert_contains(err_message(&err), row->problem);
    assert_int_equal(err.code, row->problem ? ERR_INVALID : ERR_NONE);
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, suffices, rows);
    return check_run("room", &list);
}
