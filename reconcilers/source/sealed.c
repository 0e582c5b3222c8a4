/* Manifests that age has sealed. */
#include "base/age.h"
#include "base/file.h"
#include "reconcilers/source/source.h"

#define IDENTITY_MAX ((size_t)64 << 10)
#define PLAIN_MAX    ((size_t)4 << 20)

static bool read_identity(const char *path, struct age_identity *ret, struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    bool ok = file_read(path, IDENTITY_MAX, &text, err) && age_identity_parse_file(text.text, ret, err);
    mem_wipe(text.text, text.len);
    return ok || err_wrap(err, "is sealed, and its identity cannot be read");
}

static bool open_file(struct source_file *file, const struct age_identity *identity, struct err *err)
{
    CLEANUP(str_release) struct str plain = STR_INIT;
    struct sink *sink = age_decrypt_sink_new(identity, 1, text_sink_new(&plain, PLAIN_MAX));
    bool ok = sink_write(sink, file->text.text, file->text.len, err) && sink_finish(sink, err);
    sink_free(sink);
    if (ok)
        str_move(&file->text, &plain);
    mem_wipe(plain.text, plain.len);
    return ok || err_wrap(err, "is sealed and cannot be opened");
}

void source_open_sealed(struct source_files *files, const char *identity_path)
{
    struct age_identity identity = { 0 };
    CLEANUP(err_release) struct err missing = ERR_INIT;
    bool is_read = false;
    for (size_t i = 0; i < files->count; i++) {
        struct source_file *file = &files->items[i];
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (!str_ends_with(file->path, SOURCE_SEALED))
            continue;
        if (!is_read && missing.code == ERR_NONE)
            is_read = read_identity(identity_path, &identity, &missing);
        if (!is_read)
            file->refusal = mem_strdup(err_message(&missing));
        else if (!open_file(file, &identity, &problem))
            file->refusal = mem_strdup(err_message(&problem));
    }
    mem_wipe(&identity, sizeof(identity));
}
