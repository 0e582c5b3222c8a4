/* All records into one encrypted object. */
#include "reconcilers/backup/records_copy.h"

#include "base/zstd.h"

#define PAGE_RECORDS 200

char *records_copy_key(const char *installation)
{
    return mem_printf("_installation/%s/records.json.zst.age", installation);
}

static bool write_text(struct sink *sink, const char *text, struct err *err)
{
    return sink_write(sink, text, strlen(text), err);
}

/* Owned by the caller; NULL with err. */
static json_t *secrets_of(struct store *store, const char *uid, struct err *err)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(json_decrefp) json_t *secrets = json_object();
    if (!store_secret_names(store, uid, &names, err))
        return NULL;
    for (size_t i = 0; i < names.count; i++) {
        char *value = NULL;
        if (!store_secret_get(store, uid, names.items[i], &value, err))
            return NULL;
        json_put(secrets, names.items[i], json_from_text(value));
        mem_wipe(value, strlen(value));
        free(value);
    }
    return STEAL(secrets);
}

static bool write_record(struct store *store, const struct record *record, bool *is_first, struct sink *sink,
                         struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(json_decrefp) json_t *entry = json_object();
    json_t *secrets = secrets_of(store, record->uid, &problem);
    if (!secrets && problem.code == ERR_NOT_FOUND) /* it was removed since the page was read */
        return true;
    if (!secrets) {
        if (err)
            err_move(err, &problem);
        return false;
    }
    json_put(entry, "record", record_to_json(record));
    json_put(entry, "secrets", secrets);
    char *text = json_dump(entry);
    bool written = write_text(sink, *is_first ? "\n" : ",\n", err) && write_text(sink, text, err);
    *is_first = false;
    mem_wipe(text, strlen(text));
    free(text);
    return written;
}

static bool write_kind(struct store *store, enum kind_id kind, bool *is_first, struct sink *sink, struct err *err)
{
    CLEANUP(freep) char *after = NULL;
    for (;;) {
        CLEANUP(records_release) struct records page = { 0 };
        const struct store_query query = { .kind = kind, .limit = PAGE_RECORDS, .after = after };
        int64_t version;
        if (!store_list(store, &query, &page, &version, err))
            return false;
        for (size_t i = 0; i < page.count; i++)
            if (!write_record(store, &page.items[i], is_first, sink, err))
                return false;
        if (page.count < PAGE_RECORDS)
            return true;
        const struct record_key *last = &page.items[page.count - 1].key;
        free(after);
        after = mem_printf("%s/%s", last->namespace, last->name);
    }
}

static bool write_all(struct store *store, const char *installation, struct sink *sink, struct err *err)
{
    CLEANUP(freep) char *now = time_to_rfc3339(clock_wall_ms());
    CLEANUP(freep)
    char *head =
        mem_printf("{\"format\": 1, \"installation\": \"%s\", \"takenAt\": \"%s\", \"records\": [", installation, now);
    bool is_first = true;
    if (!write_text(sink, head, err))
        return false;
    for (enum kind_id kind = 0; kind < KINDS; kind++)
        if (!write_kind(store, kind, &is_first, sink, err))
            return false;
    return write_text(sink, "\n]}\n", err);
}

bool records_copy_write(struct store *store, const struct settings *settings, struct objects *place,
                        const struct call *call, struct err *err)
{
    const struct backup_settings *backup = settings->backup;
    CLEANUP(freep) char *key = records_copy_key(settings->installation);
    CLEANUP(sink_freep)
    struct sink *sink = zstd_pack_sink_new(
        age_encrypt_sink_new(backup->recipients, backup->recipient_count, objects_put(place, key, call)), ZSTD_LEVEL);
    return (write_all(store, settings->installation, sink, err) && sink_finish(sink, err)) ||
           err_wrap(err, "copy of the records");
}
