/* All records into one encrypted object, and out of it. */
#include "reconcilers/backup/records_copy.h"

#include "base/digest.h"
#include "base/zstd.h"

#define PAGE_RECORDS 200
#define COPY_FORMAT  1
#define COPY_LIMIT   ((size_t)512 << 20) /* bytes of its JSON that are read */

/* The end of the text: the HMAC over what stands before. */
static const char tail_head[] = ",\n\"mac\": \"";
static const char tail_end[] = "\"}\n";
#define TAIL_LENGTH (sizeof(tail_head) - 1 + 2 * SHA256_SIZE + sizeof(tail_end) - 1)

struct copy {
    struct store *store;
    struct sink *sink;   /* packs, encrypts, stores */
    struct sink *digest; /* of the text so far */
    bool is_first;
};

char *records_copy_key(const char *installation)
{
    return mem_printf("_installation/%s/records.json.zst.age", installation);
}

/* ---- writing ---- */

static bool write_text(struct copy *copy, const char *text, struct err *err)
{
    return sink_write(copy->digest, text, strlen(text), err) && sink_write(copy->sink, text, strlen(text), err);
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

static bool make_entry(struct store *store, const struct record *record, json_t *entry, struct err *err)
{
    json_t *secrets = secrets_of(store, record->uid, err);
    if (!secrets)
        return false;
    json_put(entry, "record", record_to_json(record));
    json_put(entry, "secrets", secrets);
    if (record->key.kind != KIND_BACKUP)
        return true;
    json_t *state = NULL; /* in which place it is */
    if (!store_state_get(store, record->uid, &state, err))
        return false;
    json_put(entry, "state", state);
    return true;
}

static bool write_record(struct copy *copy, const struct record *record, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(json_decrefp) json_t *entry = json_object();
    bool made = make_entry(copy->store, record, entry, &problem);
    if (!made && problem.code == ERR_NOT_FOUND) /* it was removed since the page was read */
        return true;
    if (!made) {
        if (err)
            err_move(err, &problem);
        return false;
    }
    char *text = json_dump(entry);
    bool written = write_text(copy, copy->is_first ? "\n" : ",\n", err) && write_text(copy, text, err);
    copy->is_first = false;
    mem_wipe(text, strlen(text));
    free(text);
    return written;
}

static bool write_kind(struct copy *copy, enum kind_id kind, struct err *err)
{
    CLEANUP(freep) char *after = NULL;
    for (;;) {
        CLEANUP(records_release) struct records page = { 0 };
        const struct store_query query = { .kind = kind, .limit = PAGE_RECORDS, .after = after };
        int64_t version;
        if (!store_list(copy->store, &query, &page, &version, err))
            return false;
        for (size_t i = 0; i < page.count; i++)
            if (!write_record(copy, &page.items[i], err))
                return false;
        if (page.count < PAGE_RECORDS)
            return true;
        const struct record_key *last = &page.items[page.count - 1].key;
        free(after);
        after = mem_printf("%s/%s", last->namespace, last->name);
    }
}

static char *mac_of(const struct settings *settings, const char *sha256_hex)
{
    static const char purpose[] = "tenantd: copy of records ";
    uint8_t mac[SHA256_SIZE];
    struct str hex = STR_INIT;
    CLEANUP(freep) char *text = mem_printf("%s%s", purpose, sha256_hex);
    hmac_sha256(settings->backup->manifest_key, MANIFEST_KEY_SIZE, text, strlen(text), mac);
    str_add_hex(&hex, mac, sizeof(mac));
    return str_steal(&hex);
}

static bool write_all(struct copy *copy, const struct settings *settings, struct digest *digest, struct err *err)
{
    CLEANUP(freep) char *now = time_to_rfc3339(clock_wall_ms());
    CLEANUP(freep)
    char *head = mem_printf("{\"format\": %d, \"installation\": \"%s\", \"takenAt\": \"%s\", \"records\": [",
                            COPY_FORMAT, settings->installation, now);
    if (!write_text(copy, head, err))
        return false;
    for (enum kind_id kind = 0; kind < KINDS; kind++)
        if (!write_kind(copy, kind, err))
            return false;
    if (!write_text(copy, "\n]", err) || !sink_finish(copy->digest, err))
        return false;
    CLEANUP(freep) char *mac = mac_of(settings, digest->sha256_hex);
    CLEANUP(freep) char *tail = mem_printf("%s%s%s", tail_head, mac, tail_end);
    return sink_write(copy->sink, tail, strlen(tail), err) && sink_finish(copy->sink, err);
}

bool records_copy_write(struct store *store, const struct settings *settings, struct objects *place,
                        const struct call *call, struct err *err)
{
    const struct backup_settings *backup = settings->backup;
    struct digest digest = { 0 };
    CLEANUP(freep) char *key = records_copy_key(settings->installation);
    CLEANUP(sink_freep)
    struct sink *sink = zstd_pack_sink_new(
        age_encrypt_sink_new(backup->recipients, backup->recipient_count, objects_put(place, key, call)), ZSTD_LEVEL);
    CLEANUP(sink_freep) struct sink *digest_sink = digest_sink_new(&digest, NULL);
    struct copy copy = { .store = store, .sink = sink, .digest = digest_sink, .is_first = true };
    return write_all(&copy, settings, &digest, err) || err_wrap(err, "copy of the records");
}

/* ---- reading ---- */

static void wipe_str(struct str *text)
{
    mem_wipe(text->text, text->len);
    str_release(text);
}

static bool is_signed(const struct settings *settings, const struct str *text, struct err *err)
{
    static const char what[] = "it was altered, or written by another installation";
    if (text->len < TAIL_LENGTH)
        return err_set(err, ERR_FORBIDDEN, "%s", what);
    const char *tail = text->text + text->len - TAIL_LENGTH;
    CLEANUP(freep) char *seen = sha256_hex(text->text, text->len - TAIL_LENGTH);
    CLEANUP(freep) char *mac = mac_of(settings, seen);
    CLEANUP(freep) char *wanted = mem_printf("%s%s%s", tail_head, mac, tail_end);
    return equal_constant_time(tail, wanted) || err_set(err, ERR_FORBIDDEN, "%s", what);
}

static bool fetch(const struct settings *settings, struct objects *place, const char *key, const struct call *call,
                  struct str *ret, struct err *err)
{
    const struct backup_settings *backup = settings->backup;
    if (!backup->has_identity)
        return err_set(err, ERR_FORBIDDEN, "there is no age identity on this host to open it with");
    CLEANUP(sink_freep)
    struct sink *sink =
        age_decrypt_sink_new(&backup->identity, 1, zstd_unpack_sink_new(text_sink_new(ret, COPY_LIMIT)));
    return objects_get(place, key, sink, call, err) && sink_finish(sink, err);
}

static bool parse(const struct settings *settings, const struct str *text, json_t **ret, struct err *err)
{
    CLEANUP(json_decrefp) json_t *copy = NULL;
    if (!is_signed(settings, text, err) || !json_parse_answer(text->text, text->len, &copy, err))
        return false;
    int64_t format = json_int(copy, "format", 0);
    if (format > COPY_FORMAT)
        return err_set(err, ERR_UNSUPPORTED,
                       "it has format %" PRId64 ", and this version reads up to %d: upgrade tenantd first", format,
                       COPY_FORMAT);
    *ret = STEAL(copy);
    return true;
}

bool records_copy_read(const struct settings *settings, struct objects *place, const struct call *call, json_t **ret,
                       struct err *err)
{
    CLEANUP(wipe_str) struct str text = STR_INIT;
    CLEANUP(freep) char *key = records_copy_key(settings->installation);
    return (fetch(settings, place, key, call, &text, err) && parse(settings, &text, ret, err)) ||
           err_wrap(err, "%s of %s", key, objects_name(place));
}
