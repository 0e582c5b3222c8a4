/* tenantctl backup download: a recovery point as files. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "cli/backup.h"
#include "cli/objects.h"
#include "cli/progress.h"

#define DOWNLOAD_FAILED "DownloadFailed"
#define MANIFEST        "manifest.json"
#define SHOW_EVERY_MS   500

/* One object of the recovery point on its way into a file. */
struct download {
    struct cli *cli;
    const struct target *backup;
    char *name; /* of the object as asked for, and of the file */
    char *path, *partial;
    int fd;
    int64_t total_bytes, bytes;
    const char *sha256;
    struct digest digest;
    struct sink *digest_sink;
    struct progress *progress;
    int64_t began_ms, shown_ms;
};

static void download_release(struct download *download)
{
    if (download->fd >= 0)
        close(download->fd);
    if (download->partial)
        unlink(download->partial); /* nothing half stays; once it has its name there is none */
    free(download->name);
    free(download->path);
    free(download->partial);
    sink_free(download->digest_sink);
    progress_freep(&download->progress);
}

static void show(struct download *download, enum progress_state state)
{
    int64_t now_ms = clock_mono_ms();
    if (state == PROGRESS_WAITING && now_ms < download->shown_ms + SHOW_EVERY_MS)
        return;
    download->shown_ms = now_ms;
    int64_t elapsed_ms = now_ms - download->began_ms;
    CLEANUP(freep) char *done = backup_bytes_wording(download->bytes);
    CLEANUP(freep) char *total = backup_bytes_wording(download->total_bytes);
    CLEANUP(freep) char *rate = backup_bytes_wording(elapsed_ms ? download->bytes * SECOND_MS / elapsed_ms : 0);
    CLEANUP(freep) char *doing = mem_printf("%s of %s, %s/s", done, total, rate);
    const struct progress_row row = { .name = download->name,
                                      .phase = state == PROGRESS_DONE ? "Downloaded" : "Downloading",
                                      .doing = doing,
                                      .also = "",
                                      .state = state,
                                      .elapsed_ms = elapsed_ms };
    progress_show(download->progress, &row, 1);
}

static bool write_file(struct download *download, const char *bytes, size_t len, struct err *err)
{
    for (size_t at = 0; at < len;) {
        ssize_t written = write(download->fd, bytes + at, len - at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_set(err, ERR_DISK_FULL, "write %s: %s", download->partial, strerror(errno));
        at += (size_t)written;
    }
    return true;
}

static bool take_bytes(void *context, const char *bytes, size_t len, struct err *err)
{
    struct download *download = context;
    download->bytes += (int64_t)len;
    show(download, PROGRESS_WAITING);
    return sink_write(download->digest_sink, bytes, len, err) && write_file(download, bytes, len, err);
}

static char *object_path(const struct target *backup, const char *object)
{
    CLEANUP(freep) char *path = target_path(backup);
    return mem_printf("%s/objects/%s", path, object);
}

/* ---- why it broke off ---- */

/* The newest one that tells of this Backup; owned, NULL: none. */
static char *find_reason(struct cli *cli, const struct target *backup)
{
    CLEANUP(json_decrefp) json_t *answer = NULL;
    CLEANUP(freep) char *path = mem_printf("/api/v1/namespaces/%s/events", backup->namespace);
    const json_t *newest = NULL;
    if (!client_get(cli->client, path, &cli->call, &answer, NULL))
        return NULL;
    const json_t *items = json_object_get(answer, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *event = json_array_get(items, i);
        const json_t *about = json_object_get(event, "involvedObject");
        const char *last = json_text(event, "lastTimestamp"), *best = json_text(newest, "lastTimestamp");
        if (str_equal(json_text(event, "reason"), DOWNLOAD_FAILED) && last &&
            str_equal(json_text(about, "name"), backup->name) && (!best || strcmp(last, best) >= 0))
            newest = event;
    }
    const char *message = json_text(newest, "message");
    return message ? mem_strdup(message) : NULL;
}

static bool explain(struct download *download, struct err *err)
{
    CLEANUP(freep) char *reason = NULL;
    if (err->code != ERR_UNREACHABLE)
        return err_wrap(err, "%s", download->name);
    reason = find_reason(download->cli, download->backup);
    return reason ? err_set(err, ERR_REMOTE, "the download was cut off: %s", reason)
                  : err_wrap(err, "%s: the download was cut off", download->name);
}

/* ---- one object ---- */

static bool open_file(struct download *download, struct err *err)
{
    if (file_exists(download->path))
        return err_set(err, ERR_EXISTS, "%s is there already; name another directory with --to", download->path);
    download->fd = open(download->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return download->fd >= 0 || err_set(err, ERR_FORBIDDEN, "%s: %s", download->partial, strerror(errno));
}

static bool keep_file(struct download *download, struct err *err)
{
    if (!sink_finish(download->digest_sink, err))
        return false;
    if ((int64_t)download->digest.bytes != download->total_bytes ||
        !str_equal(download->digest.sha256_hex, download->sha256))
        return err_set(err, ERR_INVALID,
                       "%s: what came is not what the manifest says: %" PRId64
                       " bytes with SHA-256 %s instead of %" PRId64 " with %s",
                       download->name, download->bytes, download->digest.sha256_hex, download->total_bytes,
                       download->sha256);
    if (fsync(download->fd) != 0 || rename(download->partial, download->path) != 0)
        return err_set(err, ERR_DISK_FULL, "%s: %s", download->path, strerror(errno));
    return true;
}

static bool fetch(struct download *download, struct err *err)
{
    struct cli *cli = download->cli;
    CLEANUP(freep) char *path = object_path(download->backup, download->name);
    const struct client_stream stream = { .path = path, .sink = take_bytes, .context = download };
    if (!open_file(download, err))
        return false;
    if (!client_stream(cli->client, &stream, &cli->call, err))
        return explain(download, err);
    if (!keep_file(download, err))
        return false;
    show(download, PROGRESS_DONE);
    cli_printf(cli, "%s: %" PRId64 " bytes, as the manifest says\n", download->path, download->bytes);
    return true;
}

/* "database.dump.zst.age" opened is "database.dump". Owned. */
static char *name_of(const char *object, enum download_form form)
{
    const char *packed = strstr(object, ".zst.age");
    return form == DOWNLOAD_STORED || !packed ? mem_strdup(object) : mem_strndup(object, (size_t)(packed - object));
}

static bool fetch_object(struct cli *cli, const struct target *backup, const json_t *object, const char *directory,
                         enum download_form form, struct err *err)
{
    const char *stored_name = json_text(object, "name");
    const char *sha256 = json_text(object, form == DOWNLOAD_STORED ? "storedSHA256" : "plainSHA256");
    if (!stored_name || !sha256 || strchr(stored_name, '/'))
        return err_set(err, ERR_INTERNAL, "the server's manifest makes no sense");
    CLEANUP(download_release)
    struct download download = { .cli = cli,
                                 .backup = backup,
                                 .fd = -1,
                                 .sha256 = sha256,
                                 .total_bytes =
                                     json_int(object, form == DOWNLOAD_STORED ? "storedBytes" : "plainBytes", -1),
                                 .began_ms = clock_mono_ms() };
    download.name = name_of(stored_name, form);
    download.path = mem_printf("%s/%s", directory, download.name);
    download.partial = mem_printf("%s.partial", download.path);
    download.digest_sink = digest_sink_new(&download.digest, NULL);
    download.progress = progress_new(cli->errors, &cli->errors_terminal);
    return fetch(&download, err);
}

/* ---- all of it ---- */

static bool fetch_manifest(struct cli *cli, const struct target *backup, const char *directory, json_t **ret,
                           struct err *err)
{
    CLEANUP(freep) char *url = object_path(backup, MANIFEST);
    CLEANUP(freep) char *path = mem_printf("%s/%s", directory, MANIFEST);
    if (!client_get(cli->client, url, &cli->call, ret, err))
        return false;
    if (file_exists(path))
        return err_set(err, ERR_EXISTS, "%s is there already; name another directory with --to", path);
    CLEANUP(freep) char *text = json_dump(*ret);
    return dir_make(directory, 0700, err) && file_write(path, text, strlen(text), 0600, err);
}

bool backup_download(struct cli *cli, const struct target *backup, const char *directory_or_null,
                     enum download_form form, struct err *err)
{
    CLEANUP(json_decrefp) json_t *manifest = NULL;
    const char *directory = directory_or_null ? directory_or_null : backup->name;
    if (!fetch_manifest(cli, backup, directory, &manifest, err))
        return false;
    const json_t *objects = json_object_get(manifest, "objects");
    for (size_t i = 0; i < json_array_size(objects); i++)
        if (!fetch_object(cli, backup, json_array_get(objects, i), directory, form, err))
            return false;
    return true;
}
