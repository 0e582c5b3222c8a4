/* Loading of files, directories and standard input. */
#include "cli/documents.h"

#include <sys/stat.h>

#include "base/file.h"

#define FILE_LIMIT ((size_t)4 << 20)

struct loader {
    const struct documents_source *source;
    struct document_reader reader;
};

struct target document_target(const struct document *document)
{
    const struct record_key *key = &document->record.key;
    return (struct target){
        .kind = document->kind,
        .namespace = key->namespace[0] ? (char *)(uintptr_t)key->namespace : NULL, /* borrowed, not written to */
        .name = (char *)(uintptr_t)key->name,
    };
}

/* ---- files ---- */

static bool read_stream(FILE *in, struct str *text, struct err *err)
{
    char buffer[16384];
    for (size_t got; (got = fread(buffer, 1, sizeof(buffer), in)) > 0;) {
        str_addn(text, buffer, got);
        if (text->len > FILE_LIMIT)
            return err_set(err, ERR_TOO_LARGE, "is larger than %zu bytes", FILE_LIMIT);
    }
    return !ferror(in) || err_set(err, ERR_INTERNAL, "cannot be read");
}

static void load_file(struct loader *loader, const char *path)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool is_input = str_equal(path, "-");
    bool read = is_input ? read_stream(loader->source->in, &text, &err) : file_read(path, FILE_LIMIT, &text, &err);
    if (is_input && !read)
        strv_addf(&loader->reader.complaints, "standard input: %s", err_message(&err));
    else if (!read)
        strv_addf(&loader->reader.complaints, "%s", err_message(&err));
    else
        document_read(&loader->reader, is_input ? "stdin" : path, text.text, text.len);
}

static bool is_document_file(const char *name)
{
    return name[0] != '.' &&
           (str_ends_with(name, ".yaml") || str_ends_with(name, ".yml") || str_ends_with(name, ".json"));
}

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Returns how many files it found. */
static size_t load_directory(struct loader *loader, const char *path)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    size_t found = 0;
    if (!dir_list(path, &names, &err))
        strv_addf(&loader->reader.complaints, "%s", err_message(&err));
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(freep) char *entry = mem_printf("%s%s%s", path, str_ends_with(path, "/") ? "" : "/", names.items[i]);
        if (is_directory(entry)) {
            if (loader->source->recursive && names.items[i][0] != '.')
                found += load_directory(loader, entry);
        } else if (is_document_file(names.items[i])) {
            load_file(loader, entry);
            found++;
        }
    }
    return found;
}

static void load_path(struct loader *loader, const char *path)
{
    if (str_equal(path, "-") || !is_directory(path))
        load_file(loader, path);
    else if (load_directory(loader, path) == 0)
        strv_addf(&loader->reader.complaints, "%s: has no .yaml, .yml or .json file%s", path,
                  loader->source->recursive ? "" : "; -R looks below it, too");
}

/* ---- all of them ---- */

static bool complaints_to_err(const struct strv *complaints, struct err *err)
{
    CLEANUP(freep) char *lines = strv_join(complaints, "\n  ");
    if (complaints->count == 0)
        return true;
    return err_set(err, ERR_INVALID, "nothing was sent, because of %zu problem%s:\n  %s", complaints->count,
                   complaints->count == 1 ? "" : "s", lines);
}

bool documents_load(const struct documents_source *source, struct documents *ret, struct err *err)
{
    const struct document_rules rules = {
        .namespace = source->namespace,
        .namespace_says = source->namespace_must_match ? "-n says" : NULL,
        .check = source->check,
    };
    struct loader loader = { .source = source, .reader = { .rules = rules, .documents = ret } };
    for (size_t i = 0; i < source->paths->count; i++)
        load_path(&loader, source->paths->items[i]);
    document_read_end(&loader.reader);
    bool good = complaints_to_err(&loader.reader.complaints, err);
    document_reader_release(&loader.reader);
    return good;
}
