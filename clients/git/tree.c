/* Trees and files, read from the object store: nothing is checked out, so nothing of a repository acts. */
#include "clients/git/git_internal.h"

#define LISTING_LIMIT ((size_t)64 << 20)

void git_entries_release(struct git_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        free(entries->items[i].path);
        free(entries->items[i].object);
    }
    free(entries->items);
    *entries = (struct git_entries){ 0 };
}

/* ---- the listing ---- */

/* git refuses to make such trees; whoever serves one made it otherwise. */
static bool path_stays_inside(const char *path)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    strv_split(&parts, path, '/');
    for (size_t i = 0; i < parts.count; i++)
        if (!parts.items[i][0] || str_equal(parts.items[i], ".") || str_equal(parts.items[i], "..") ||
            strcasecmp(parts.items[i], ".git") == 0)
            return false;
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F || *at == '\\')
            return false;
    return parts.count > 0;
}

static bool refuse(const char *path, const char *why, struct err *err)
{
    CLEANUP(str_release) struct str shown = STR_INIT;
    str_add_utf8(&shown, path, strlen(path));
    return err_set(err, ERR_INVALID, "%s %s", shown.text, why);
}

/* "100644 blob <object> <size>\t<path>"; sizes are padded with blanks. */
static bool parse_line(const char *line, struct git_entries *ret, struct err *err)
{
    CLEANUP(strv_release) struct strv words = STRV_INIT;
    const char *tab = strchr(line, '\t');
    CLEANUP(freep) char *head = mem_strndup(line, tab ? (size_t)(tab - line) : 0);
    const char *path = tab ? tab + 1 : "";
    int64_t size = 0;
    for (char *at = head; *at;) {
        size_t len = strcspn(at, " ");
        if (len > 0)
            strv_add_taken(&words, mem_strndup(at, len));
        at += len + (at[len] == ' ');
    }
    if (words.count != 4 || !path[0])
        return err_set(err, ERR_INTERNAL, "git printed a listing that cannot be read");
    const char *mode = words.items[0];
    if (!path_stays_inside(path))
        return refuse(path, "is a path that leaves the tree", err);
    if (str_equal(mode, "120000"))
        return refuse(path, "is a symbolic link; links are not followed: put the file itself there", err);
    if (str_equal(mode, "160000"))
        return refuse(path, "is a submodule; submodules are not followed: let a Source of its own follow it", err);
    if (!str_equal(words.items[1], "blob") || !git_is_commit(words.items[2], strlen(words.items[2])) ||
        !str_parse_int64(words.items[3], 0, INT64_MAX, &size))
        return err_set(err, ERR_INTERNAL, "git printed a listing that cannot be read");
    ret->items = mem_grow(ret->items, ret->count + 1, sizeof(ret->items[0]));
    ret->items[ret->count++] =
        (struct git_entry){ .path = mem_strdup(path), .object = mem_strdup(words.items[2]), .size = size };
    return true;
}

bool git_entries_parse(const char *text, size_t len, struct git_entries *ret, struct err *err)
{
    for (size_t at = 0; at < len;) {
        size_t line_len = strnlen(text + at, len - at);
        CLEANUP(freep) char *line = mem_strndup(text + at, line_len);
        if (!parse_line(line, ret, err))
            return false;
        at += line_len + 1;
    }
    return true;
}

bool git_list(const struct git *git, const char *commit, const char *path, const struct call *call,
              struct git_entries *ret, struct err *err)
{
    CLEANUP(git_run_close) struct git_run run = { 0 };
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(freep) char *tree = mem_printf("%s%s%s", commit, path ? ":" : "", path ? path : "");
    const struct git_input input = { .output_limit = LISTING_LIMIT };
    /* A link in the path is no tree, so it is refused here. */
    return git_run_open(&run, git, NULL, err) &&
           git_run(&run, (const char *const[]){ "ls-tree", "-r", "-z", "-l", "--full-tree", tree, NULL }, &input, call,
                   &output, err) &&
           git_entries_parse(output.text, output.len, ret, err);
}

/* ---- contents ---- */

/* Takes "<object> blob <size>\n<bytes>\n" off the front of what is left. */
static bool take_blob(const char **at, const char *end, const struct git_entry *entry, struct str *ret, struct err *err)
{
    CLEANUP(freep) char *head = mem_printf("%s blob %" PRId64 "\n", entry->object, entry->size);
    size_t head_len = strlen(head), size = (size_t)entry->size;
    if ((size_t)(end - *at) < head_len + size + 1 || memcmp(*at, head, head_len) != 0)
        return err_set(err, ERR_INTERNAL, "git did not print %s as it is listed", entry->path);
    str_clear(ret);
    str_addn(ret, *at + head_len, size);
    *at += head_len + size + 1;
    return true;
}

bool git_read(const struct git *git, const struct git_entry *const *entries, size_t count, const struct call *call,
              struct str *ret_texts, struct err *err)
{
    CLEANUP(git_run_close) struct git_run run = { 0 };
    CLEANUP(str_release) struct str names = STR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    struct git_input input = { .output_limit = 1 };
    for (size_t i = 0; i < count; i++) {
        str_addf(&names, "%s\n", entries[i]->object);
        input.output_limit += (size_t)entries[i]->size + 128; /* and its head */
    }
    input.text = names.text;
    input.len = names.len;
    if (count == 0)
        return true;
    if (!git_run_open(&run, git, NULL, err) ||
        !git_run(&run, (const char *const[]){ "cat-file", "--batch", "--buffer", NULL }, &input, call, &output, err))
        return false;
    const char *at = output.text;
    for (size_t i = 0; i < count; i++)
        if (!take_blob(&at, output.text + output.len, entries[i], &ret_texts[i], err))
            return false;
    return true;
}
