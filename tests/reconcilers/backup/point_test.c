/* Recovery points in a directory: what is written comes back, what was touched does not, and the program `age` opens it without us. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "clients/objects/directory.h"
#include "reconcilers/backup/point.h"
#include "tests/check.h"

#define TEXT_SIZE ((size_t)300000)

static const uint8_t key[MANIFEST_KEY_SIZE] = { 7 };
static const struct point_id id = { "acme", "uid-1", "b1" };

struct world {
    char *path;
    struct objects *places[2];
    struct age_identity identity;
    struct age_recipient recipient;
    struct str text;
    struct err err;
};

static int set_up(void **state)
{
    struct world *world = MEM_NEW(struct world);
    char place[] = "/tmp/tenantd-point-XXXXXX";
    world->path = mem_strdup(mkdtemp(place));
    for (int i = 0; i < 2; i++) {
        CLEANUP(freep) char *path = mem_printf("%s/%d", world->path, i);
        assert_ok(directory_open(path, &world->places[i], &world->err), &world->err);
    }
    age_identity_generate(&world->identity);
    world->recipient = age_identity_recipient(&world->identity);
    world->text = (struct str)STR_INIT;
    while (world->text.len < TEXT_SIZE)
        str_addf(&world->text, "row %zu;", world->text.len);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    objects_free(world->places[0]);
    objects_free(world->places[1]);
    assert_ok(dir_remove(world->path, &world->err), &world->err);
    str_release(&world->text);
    free(world->path);
    free(world);
    return 0;
}

static void add_object(struct manifest *manifest, const char *name, const struct point_part *part)
{
    struct manifest_object *objects =
        mem_grow(manifest->objects.items, manifest->objects.count + 1, sizeof(struct manifest_object));
    objects[manifest->objects.count++] =
        (struct manifest_object){ .name = mem_strdup(name),
                                  .plain_bytes = (int64_t)part->plain.bytes,
                                  .stored_bytes = (int64_t)part->stored.bytes,
                                  .plain_sha256 = mem_strdup(part->plain.sha256_hex),
                                  .stored_sha256 = mem_strdup(part->stored.sha256_hex) };
    manifest->objects.items = objects;
}

/* Both parts hold the same text; the second one once more. */
static void write_point(struct world *world, const struct point_id *point)
{
    CLEANUP(manifest_release)
    struct manifest manifest = { .format = 1,
                                 .installation = mem_strdup("aabbcc"),
                                 .tenant = mem_strdup(point->tenant),
                                 .instance = mem_strdup("erp"),
                                 .uid = mem_strdup(point->uid),
                                 .backup = mem_strdup(point->name),
                                 .app = mem_strdup("odoo"),
                                 .version = mem_strdup("17.0"),
                                 .started_ms = 1000,
                                 .finished_ms = 2000 };
    manifest.database.name = mem_strdup("acme_erp");
    const struct point_target target = { point, world->places, 2, &world->recipient, 1, NULL };
    static const char *const names[] = { POINT_DATABASE, POINT_DATA };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct point_part part;
        CLEANUP(sink_freep) struct sink *sink = point_part_sink_new(&target, names[i], &part);
        for (size_t k = 0; k <= i; k++)
            assert_ok(sink_write(sink, world->text.text, world->text.len, &world->err), &world->err);
        assert_ok(sink_finish(sink, &world->err), &world->err);
        assert_int_equal(part.plain.bytes, (i + 1) * world->text.len);
        for (int place = 0; place < 2; place++)
            assert_ok(point_check_stored(world->places[place], point, names[i], &part.stored, NULL, &world->err),
                      &world->err);
        add_object(&manifest, names[i], &part);
    }
    CLEANUP(freep) char *text = manifest_encode(&manifest, key);
    for (int place = 0; place < 2; place++)
        assert_ok(point_publish(world->places[place], point, text, NULL, &world->err), &world->err);
}

static char *file_of(struct world *world, int place, const char *object)
{
    return mem_printf("%s/%d/acme/uid-1/b1/%s", world->path, place, object);
}

static bool verify(struct world *world, int place, const struct age_identity *identity)
{
    CLEANUP(point_freep) struct point *point = NULL;
    const struct point_source source = { world->places[place], identity, key };
    return point_open(&source, &id, NULL, &point, &world->err) && point_verify(point, NULL, &world->err);
}

static void what_is_written_comes_back(void **state)
{
    struct world *world = *state;
    CLEANUP(point_freep) struct point *point = NULL;
    CLEANUP(str_release) struct str text = STR_INIT;
    write_point(world, &id);
    for (int place = 0; place < 2; place++) {
        const struct point_source source = { world->places[place], &world->identity, key };
        point_freep(&point);
        assert_ok(point_open(&source, &id, NULL, &point, &world->err), &world->err);
        assert_true(point_has(point, POINT_DATA));
        CLEANUP(sink_freep) struct sink *sink = text_sink_new(&text, 2 * TEXT_SIZE);
        assert_ok(point_read_database(point, sink, NULL, &world->err), &world->err);
        assert_string_equal(text.text, world->text.text);
        assert_ok(point_verify(point, NULL, &world->err), &world->err);
    }
    assert_ok(verify(world, 0, NULL), &world->err); /* with recipients only: the stored bytes */
}

/* The sentence of the documentation: age, then zstd, then what reads the plain thing. */
static void programs_open_it_without_us(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *identity = age_identity_print(&world->identity);
    CLEANUP(freep) char *key_file = mem_printf("%s/key", world->path);
    CLEANUP(freep) char *file = file_of(world, 0, POINT_DATABASE);
    CLEANUP(freep) char *script = mem_printf("age -d -i %s %s | zstd -d", key_file, file);
    CLEANUP(str_release) struct str text = STR_INIT;
    write_point(world, &id);
    assert_ok(file_write(key_file, identity, strlen(identity), 0600, &world->err), &world->err);
    const struct process process = { .argv = (const char *const[]){ "sh", "-c", script, NULL },
                                     .output_limit = 2 * TEXT_SIZE };
    assert_ok(process_run(&process, NULL, &text, &world->err), &world->err);
    assert_string_equal(text.text, world->text.text);
}

static void a_wrong_key(void **state)
{
    struct world *world = *state;
    struct age_identity other;
    write_point(world, &id);
    age_identity_generate(&other);
    assert_false(verify(world, 0, &other));
    assert_int_equal(world->err.code, ERR_FORBIDDEN);
    assert_contains(err_message(&world->err), POINT_DATABASE);
    err_clear(&world->err);
}

static void rewrite(const char *path, size_t cut, size_t flip)
{
    CLEANUP(str_release) struct str bytes = STR_INIT;
    struct err err = ERR_INIT;
    assert_ok(file_read(path, 10 * TEXT_SIZE, &bytes, &err), &err);
    if (flip != SIZE_MAX)
        bytes.text[flip] ^= 1;
    assert_ok(file_write(path, bytes.text, bytes.len - cut, 0600, &err), &err);
}

static const struct {
    const char *why, *object;
    size_t cut, flip_from_start;
    enum err_code code;
} damages[] = {
    { "a truncated database", POINT_DATABASE, 1, SIZE_MAX, ERR_INVALID },
    { "a bit in the data", POINT_DATA, 0, 500, ERR_INVALID },
    { "a bit in the header", POINT_DATA, 0, 3, ERR_INVALID },
};

static void damage(void **state)
{
    struct world *world = NULL;
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        for (int with_identity = 0; with_identity < 2; with_identity++) {
            assert_int_equal(set_up((void **)&world), 0);
            CLEANUP(freep) char *path = file_of(world, 1, damages[i].object);
            write_point(world, &id);
            rewrite(path, damages[i].cut, damages[i].flip_from_start);
            assert_false(verify(world, 1, with_identity ? &world->identity : NULL));
            assert_int_equal(world->err.code, damages[i].code);
            assert_contains(err_message(&world->err), damages[i].object);
            err_clear(&world->err);
            assert_ok(verify(world, 0, &world->identity), &world->err); /* the other place is whole */
            tear_down((void **)&world);
        }
    }
    (void)state; /* each has a world of its own */
}

static void a_missing_object(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *path = file_of(world, 0, POINT_DATA);
    write_point(world, &id);
    assert_int_equal(unlink(path), 0);
    assert_false(verify(world, 0, &world->identity));
    assert_int_equal(world->err.code, ERR_NOT_FOUND);
    assert_contains(err_message(&world->err), POINT_DATA);
    err_clear(&world->err);
}

static void swapped_objects(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *one = file_of(world, 0, POINT_DATA);
    CLEANUP(freep) char *two = file_of(world, 0, POINT_DATABASE);
    CLEANUP(freep) char *aside = mem_printf("%s.aside", one);
    write_point(world, &id);
    assert_int_equal(rename(one, aside) | rename(two, one) | rename(aside, two), 0);
    assert_fails(verify(world, 0, &world->identity), &world->err, ERR_INVALID);
}

static void another_points_manifest(void **state)
{
    struct world *world = *state;
    const struct point_id other = { "acme", "uid-2", "b1" };
    CLEANUP(freep) char *from = mem_printf("%s/0/acme/uid-2/b1", world->path);
    CLEANUP(freep) char *to = mem_printf("%s/0/acme/uid-1/b1", world->path);
    CLEANUP(freep) char *parent = mem_printf("%s/0/acme/uid-1", world->path);
    write_point(world, &other);
    assert_int_equal(mkdir(parent, 0700), 0);
    assert_int_equal(rename(from, to), 0);
    assert_false(verify(world, 0, &world->identity));
    assert_int_equal(world->err.code, ERR_INVALID);
    assert_contains(err_message(&world->err), "another recovery point");
    err_clear(&world->err);
}

static void no_manifest_is_no_point(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *path = file_of(world, 0, POINT_MANIFEST);
    CLEANUP(point_list_release) struct point_list list = { 0 };
    write_point(world, &id);
    assert_int_equal(unlink(path), 0);
    assert_fails(verify(world, 0, &world->identity), &world->err, ERR_NOT_FOUND);
    assert_ok(point_list(world->places[0], "", NULL, &list, &world->err), &world->err);
    assert_int_equal(list.count, 1);
    assert_false(list.items[0].has_manifest);
}

static void listed_and_removed(void **state)
{
    struct world *world = *state;
    const struct point_id others[] = { { "acme", "uid-1", "b0" }, { "acme", "uid-2", "b9" }, { "zeta", "uid-3", "a" } };
    CLEANUP(point_list_release) struct point_list list = { 0 };
    write_point(world, &id);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        write_point(world, &others[i]);
    assert_ok(point_list(world->places[0], "", NULL, &list, &world->err), &world->err);
    assert_int_equal(list.count, 4);
    assert_string_equal(list.items[0].name, "b0");
    assert_string_equal(list.items[1].name, "b1");
    assert_true(list.items[1].has_manifest);
    assert_true(list.items[1].bytes > 1000);
    assert_ok(point_list(world->places[0], "acme/uid-1/", NULL, &list, &world->err), &world->err);
    assert_int_equal(list.count, 2);
    assert_ok(point_remove(world->places[0], &id, NULL, &world->err), &world->err);
    assert_ok(point_remove(world->places[0], &id, NULL, &world->err), &world->err); /* it is gone: fine */
    assert_ok(point_list(world->places[0], "acme/", NULL, &list, &world->err), &world->err);
    assert_int_equal(list.count, 2);
    assert_ok(point_list(world->places[1], "acme/", NULL, &list, &world->err), &world->err);
    assert_int_equal(list.count, 3);
}

/* What is given up leaves nothing that counts. */
static void an_abandoned_part(void **state)
{
    struct world *world = *state;
    const struct point_target target = { &id, world->places, 2, &world->recipient, 1, NULL };
    CLEANUP(point_list_release) struct point_list list = { 0 };
    struct point_part part;
    struct sink *sink = point_part_sink_new(&target, POINT_DATABASE, &part);
    assert_ok(sink_write(sink, world->text.text, world->text.len, &world->err), &world->err);
    sink_free(sink);
    assert_ok(point_list(world->places[0], "", NULL, &list, &world->err), &world->err);
    assert_int_equal(list.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(programs_open_it_without_us, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_key, set_up, tear_down),
        cmocka_unit_test(damage),
        cmocka_unit_test_setup_teardown(a_missing_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(swapped_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_points_manifest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_manifest_is_no_point, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listed_and_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_abandoned_part, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("point", tests, NULL, NULL);
}
