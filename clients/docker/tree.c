/* A container's tree as a checked tar stream, without what was excluded; see tree.h. */
#include "clients/docker/tree.h"

#include <fnmatch.h>

#include "clients/docker/docker_internal.h"
#include "clients/docker/tar.h"

/* Raw bytes come before what they mean: those of headers are held until their entry is told, which stays or goes with them. */
struct tree {
    const struct tree_filter *filter;
    struct sink *to;
    struct tar_reader *reader;
    struct str held;
    bool is_kept; /* the present entry */
};

static void tree_release(struct tree *tree)
{
    tar_reader_freep(&tree->reader);
    str_release(&tree->held);
}

/* "./filestore/ab/" as "filestore/ab"; owned. */
static char *relative_name(const char *name)
{
    while (str_starts_with(name, "./"))
        name += 2;
    if (str_equal(name, "."))
        name = "";
    size_t len = strlen(name);
    while (len > 0 && name[len - 1] == '/')
        len--;
    return mem_strndup(name, len);
}

/* Whether the path itself matches, or one of the directories above it. */
static bool matches(const char *pattern, const char *name)
{
    return fnmatch(pattern, name, FNM_PATHNAME | FNM_LEADING_DIR) == 0;
}

static bool is_excluded(const struct tree *tree, const char *name, bool is_directory)
{
    const struct strv *exclude = tree->filter->exclude;
    for (size_t i = 0; exclude && i < exclude->count; i++) {
        bool is_itself = fnmatch(exclude->items[i], name, FNM_PATHNAME) == 0;
        if (matches(exclude->items[i], name) && !(is_itself && is_directory))
            return true;
    }
    return false;
}

static bool flush(struct tree *tree, struct err *err)
{
    bool done = sink_write(tree->to, tree->held.text, tree->held.len, err);
    str_clear(&tree->held);
    return done;
}

static bool see_entry(void *context, const struct tar_entry *entry, struct err *err)
{
    struct tree *tree = context;
    CLEANUP(freep) char *name = relative_name(entry->name);
    tree->is_kept = !is_excluded(tree, name, entry->type == '5');
    if (!tree->is_kept) {
        str_clear(&tree->held);
        return true;
    }
    CLEANUP(freep) char *target = entry->type == '1' ? relative_name(entry->link_target) : NULL;
    if (target && is_excluded(tree, target, false))
        return err_set(err, ERR_INVALID, "%s is a hard link to %s, which is excluded: exclude both or none", name,
                       target);
    if (tree->filter->visit && !tree->filter->visit(tree->filter->context, name, entry->type, err))
        return false;
    return flush(tree, err);
}

static bool see_raw(void *context, enum tar_raw raw, const char *bytes, size_t len, struct err *err)
{
    struct tree *tree = context;
    if (raw == TAR_RAW_HEADER) {
        str_addn(&tree->held, bytes, len);
        return true;
    }
    return !tree->is_kept || sink_write(tree->to, bytes, len, err);
}

static bool take(void *context, const char *bytes, size_t len, struct err *err)
{
    struct tree *tree = context;
    return tar_reader_take(tree->reader, bytes, len, err);
}

bool container_read_tree(struct docker *docker, const char *id, const char *path, const struct tree_filter *filter,
                         struct sink *to, const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str url = STR_INIT;
    CLEANUP(freep) char *content = mem_printf("%s/.", path); /* names within the archive then begin with "./" */
    CLEANUP(tree_release) struct tree tree = { .filter = filter, .to = to, .held = STR_INIT };
    const struct tar_visitor visitor = { .entry = see_entry, .raw = see_raw, .context = &tree };
    struct call within = docker_call(docker, call, 0);
    tree.reader = tar_reader_new(&visitor);
    docker_path(&url, "containers", id, "/archive?path=");
    str_add_url_segment(&url, content);
    const struct docker_request request = { .method = "GET", .path = url.text, .sink = take, .sink_context = &tree };
    return (docker_send(docker, &request, &within, NULL, err) && tar_reader_end(tree.reader, err) &&
            flush(&tree, err)) ||
           err_wrap(err, "read %s of container %s", path, id);
}
