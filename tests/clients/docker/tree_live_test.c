/* A container's tree as a tar stream: whole, without what is excluded, and not at the running one's expense. */
#include "base/file.h"
#include "clients/docker/tree.h"
#include "tests/clients/docker/live.h"

#define LIMIT ((size_t)64 << 20)

static char *tree_of(const struct live *live, const char *script)
{
    CLEANUP(freep) char *id = live_start(live, "c", script, NULL);
    CLEANUP(freep) char *status = LIVE_RUN("docker", "wait", id);
    assert_string_equal(status, "0");
    return STEAL(id);
}

static const char content[] =
    "mkdir -p /tmp/t/keep/deep /tmp/t/sessions/ab && cd /tmp/t && echo one >keep/deep/one && echo two >keep/two.tmp && "
    "echo s >sessions/ab/s && ln keep/deep/one keep/hard && ln -s two.tmp keep/soft && : >empty && "
    "n=$(head -c 180 /dev/zero | tr '\\0' n) && echo long >$n && head -c 200000 /dev/urandom >keep/big";

static bool see(void *context, const char *name, char type, struct err *err)
{
    (void)err;
    str_addf(context, "%c %s\n", type, name);
    return true;
}

static bool read_tree(const struct live *live, const char *id, const struct strv *exclude, struct str *ret_tar,
                      struct str *ret_names, struct err *err)
{
    const struct tree_filter filter = { .exclude = exclude, .visit = see, .context = ret_names };
    CLEANUP(sink_freep) struct sink *sink = text_sink_new(ret_tar, LIMIT);
    str_clear(ret_names);
    return container_read_tree(live->docker, id, "/tmp/t", &filter, sink, NULL, err);
}

/* What tar itself makes of it: names, and the hash of the contents. */
static char *by_tar(const struct str *tar, const char *const *argv)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    struct str output = STR_INIT;
    const struct process process = { .argv = argv, .input = tar->text, .input_len = tar->len, .output_limit = LIMIT };
    assert_ok(process_run(&process, NULL, &output, &err), &err);
    return str_steal(&output);
}
#define BY_TAR(tar, ...) by_tar((tar), (const char *const[]){ "tar", __VA_ARGS__, NULL })

static void all_of_it(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str tar = STR_INIT, names = STR_INIT;
    CLEANUP(freep) char *id = tree_of(live, content);
    assert_ok(read_tree(live, id, NULL, &tar, &names, &err), &err);
    CLEANUP(freep) char *listed = BY_TAR(&tar, "-t");
    assert_contains(listed, "./keep/deep/one\n");
    assert_contains(listed, "./sessions/ab/s\n");
    assert_contains(names.text, "5 \n");
    assert_contains(names.text, "0 keep/two.tmp\n");
    assert_contains(names.text, "2 keep/soft\n");
    CLEANUP(freep) char *one = BY_TAR(&tar, "-x", "-O", "./keep/deep/one", "./keep/hard");
    assert_contains(one, "one\n");
}

/* What stays is byte for byte what came, so its own tools read it. */
static void without_some(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str tar = STR_INIT, all = STR_INIT, names = STR_INIT;
    CLEANUP(strv_release) struct strv exclude = STRV_INIT;
    CLEANUP(freep) char *id = tree_of(live, content);
    strv_add(&exclude, "sessions");
    strv_add(&exclude, "keep/*.tmp");
    assert_ok(read_tree(live, id, NULL, &all, &names, &err), &err);
    assert_ok(read_tree(live, id, &exclude, &tar, &names, &err), &err);
    CLEANUP(freep) char *listed = BY_TAR(&tar, "-t");
    assert_null(strstr(listed, "sessions/ab"));
    assert_null(strstr(listed, "two.tmp"));
    assert_contains(listed, "./sessions/\n");
    assert_contains(listed, "./empty\n");
    assert_contains(listed, "nnnnnnnnnn");
    CLEANUP(freep) char *before = BY_TAR(&all, "-x", "-O", "./keep/big");
    CLEANUP(freep) char *after = BY_TAR(&tar, "-x", "-O", "./keep/big");
    assert_memory_equal(before, after, 1000);
}

static void a_hard_link_to_what_is_left_out(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str tar = STR_INIT, names = STR_INIT;
    CLEANUP(strv_release) struct strv exclude = STRV_INIT;
    CLEANUP(freep) char *id = tree_of(live, "mkdir -p /tmp/t/a && cd /tmp/t && echo x >a/x && ln a/x b");
    strv_add(&exclude, "a");
    assert_false(read_tree(live, id, &exclude, &tar, &names, &err));
    assert_int_equal(err.code, ERR_INVALID);
    assert_contains(err_message(&err), "hard link");
}

static void what_is_not_there(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str tar = STR_INIT, names = STR_INIT;
    CLEANUP(freep) char *id = tree_of(live, "true");
    assert_fails(read_tree(live, id, NULL, &tar, &names, &err), &err, ERR_NOT_FOUND);
}

/* The engine answers 200 for a tar whose file shrank while it was read. */
static void a_file_that_shrinks(void **state)
{
    const struct live *live = *state;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str tar = STR_INIT, names = STR_INIT;
    CLEANUP(freep)
    char *id = live_start(
        live, "c", "mkdir -p /tmp/t && cd /tmp/t && while :; do head -c 30000000 /dev/zero >f; : >f; done", NULL);
    bool was_found = false;
    for (int i = 0; i < 50 && !was_found; i++) {
        err_clear(&err);
        was_found = !read_tree(live, id, NULL, &tar, &names, &err) && err.code == ERR_REMOTE;
    }
    assert_true(was_found);
}

int main(void)
{
    struct check_list list = { 0 };
    LIVE_TEST(&list, all_of_it);
    LIVE_TEST(&list, without_some);
    LIVE_TEST(&list, a_hard_link_to_what_is_left_out);
    LIVE_TEST(&list, what_is_not_there);
    LIVE_TEST(&list, a_file_that_shrinks);
    return check_run("tree", &list);
}
