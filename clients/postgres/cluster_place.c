/* Where the embedded cluster lives and to whom it belongs: found, or chosen once and stored. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "clients/postgres/cluster_internal.h"

#define PATH_LIMIT  4096
#define INITDB_MS   (5 * MINUTE_MS)
#define HASH_DIGITS 16

/*
 * Tried in this order where the cluster's user cannot reach the data directory; that may itself be the first of them.
 */
static const char *const other_homes[] = { "/var/lib/tenantd", "/var/lib/tenantd-postgres" };

void cluster_place_release(struct cluster_place *place)
{
    free(place->data);
    free(place->directory);
    free(place->sockets);
    free(place->hash);
    free(place->binaries);
    free(place->user);
    *place = (struct cluster_place){ 0 };
}

/* pg_ctl hands paths to a shell within double quotes, and the configuration files have quotes of their own. */
static bool path_is_plain(const char *path, struct err *err)
{
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at < ' ' || strchr("\"'`$\\", *at))
            return err_set(err, ERR_INVALID,
                           "PostgreSQL cannot live in %s: quotes, $, \\ and control characters must not "
                           "stand in its path; choose another data directory",
                           path);
    return true;
}

static void hash_of(struct cluster_place *place)
{
    CLEANUP(freep) char *digest = sha256_hex(place->data, strlen(place->data));
    place->hash = mem_strndup(digest, HASH_DIGITS);
}

static bool read_location(const struct cluster_place *place, char **ret, struct err *err)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(freep) char *path = mem_printf("%s/postgres.location", place->data);
    if (!file_read(path, PATH_LIMIT, &text, err))
        return false;
    text.text[strcspn(text.text, "\n")] = '\0';
    if (text.text[0] != '/')
        return err_set(err, ERR_INVALID, "%s does not hold an absolute path; it must name the cluster's directory",
                       path);
    *ret = mem_strdup(text.text);
    return true;
}

static char *version_path(const char *directory)
{
    return mem_printf("%s/PG_VERSION", directory);
}

static bool is_cluster(const char *directory)
{
    CLEANUP(freep) char *path = version_path(directory);
    return file_exists(path);
}

bool cluster_place_find(const char *data, struct cluster_place *ret, struct err *err)
{
    CLEANUP(cluster_place_release) struct cluster_place place = { 0 };
    CLEANUP(err_release) struct err why = ERR_INIT;
    place.data = realpath(data, NULL);
    if (!place.data)
        return err_set_errno(err, errno, "data directory %s", data);
    hash_of(&place);
    if (!read_location(&place, &place.directory, &why)) {
        if (why.code != ERR_NOT_FOUND) {
            err_move(err, &why);
            return false;
        }
        place.directory = mem_printf("%s/postgres", place.data);
        if (!is_cluster(place.directory))
            return err_set(err, ERR_NOT_FOUND, "%s has no PostgreSQL cluster", data);
    }
    *ret = place;
    place = (struct cluster_place){ 0 };
    return true;
}

/*
 * Root cannot run PostgreSQL. "postgres" comes with its packages; another account is not made up here, and "nobody" is
 * shared by too many programs to own customers' data.
 */
static bool find_user(struct cluster_place *place, struct err *err)
{
    struct passwd entry, *found = NULL;
    char buffer[16384];
    uid_t self = geteuid();
    int errnum = self == 0 ? getpwnam_r(CLUSTER_SUPERUSER, &entry, buffer, sizeof(buffer), &found)
                           : getpwuid_r(self, &entry, buffer, sizeof(buffer), &found);
    if (errnum != 0)
        return err_set_errno(err, errnum, "look up the user that PostgreSQL runs as");
    if (!found)
        return err_set(err, ERR_INVALID, "%s",
                       self == 0
                           ? "there is no user \"postgres\" to run PostgreSQL as; try: apt-get install postgresql, "
                             "or: useradd --system postgres"
                           : "the user that tenantd runs as has no entry in passwd, so PostgreSQL cannot know it");
    if (found->pw_uid == 0)
        return err_set(err, ERR_INVALID, "the user \"postgres\" is root here; PostgreSQL does not run as root");
    place->user = mem_strdup(found->pw_name);
    place->uid = found->pw_uid;
    place->gid = self == 0 ? found->pw_gid : getegid();
    return true;
}

/* By mode bits alone; an access list that grants more only makes us choose the other home. */
static bool user_can_traverse(const struct cluster_place *place, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return false;
    mode_t bit = status.st_uid == place->uid ? S_IXUSR : status.st_gid == place->gid ? S_IXGRP : S_IXOTH;
    if (!(status.st_mode & bit))
        return false;
    if (str_equal(path, "/"))
        return true;
    size_t len = (size_t)(strrchr(path, '/') - path);
    CLEANUP(freep) char *parent = len > 0 ? mem_strndup(path, len) : mem_strdup("/");
    return user_can_traverse(place, parent);
}

static bool choose_directory(struct cluster_place *place, struct err *err)
{
    if (user_can_traverse(place, place->data)) {
        place->directory = mem_printf("%s/postgres", place->data);
        return path_is_plain(place->directory, err);
    }
    for (size_t i = 0; geteuid() == 0 && i < ARRAY_LEN(other_homes); i++) {
        if (!dir_make(other_homes[i], 0755, err))
            return false;
        if (!user_can_traverse(place, other_homes[i]))
            continue;
        place->directory = mem_printf("%s/%s", other_homes[i], place->hash);
        CLEANUP(freep) char *path = mem_printf("%s/postgres.location", place->data);
        CLEANUP(freep) char *line = mem_printf("%s\n", place->directory);
        return file_write(path, line, strlen(line), 0644, err);
    }
    return err_set(err, ERR_INVALID, "the user %s cannot reach %s; try: chmod o+x on it and the directories above it",
                   place->user, place->data);
}

static int compare_versions(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strverscmp(*right, *left);
}

static bool has_binaries(const char *directory)
{
    static const char *const names[] = { "initdb", "pg_ctl", "postgres" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(freep) char *path = mem_printf("%s/%s", directory, names[i]);
        if (access(path, X_OK) != 0)
            return false;
    }
    return true;
}

/*
 * The directory that initdb in PATH really stands in: distributions put a link there, with the others beside its
 * target.
 */
static char *binaries_in_path(void)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    const char *path = getenv("PATH");
    strv_split(&parts, path ? path : "", ':');
    for (size_t i = 0; i < parts.count; i++) {
        CLEANUP(freep) char *candidate = mem_printf("%s/initdb", parts.items[i]);
        CLEANUP(freep) char *resolved = parts.items[i][0] == '/' ? realpath(candidate, NULL) : NULL;
        if (!resolved)
            continue;
        *strrchr(resolved, '/') = '\0';
        if (has_binaries(resolved))
            return STEAL(resolved);
    }
    return NULL;
}

static char *newest_binaries(void)
{
    glob_t found = { 0 };
    char *newest = NULL;
    if (glob("/usr/lib/postgresql/*/bin", GLOB_NOSORT, NULL, &found) == 0) {
        qsort(found.gl_pathv, found.gl_pathc, sizeof(found.gl_pathv[0]), compare_versions);
        for (size_t i = 0; i < found.gl_pathc && !newest; i++)
            if (has_binaries(found.gl_pathv[i]))
                newest = mem_strdup(found.gl_pathv[i]);
    }
    globfree(&found);
    return newest;
}

/* A cluster opens only with its own major version; a new one is made with the newest. */
static bool find_binaries(struct cluster_place *place, struct err *err)
{
    CLEANUP(freep) char *version_file = version_path(place->directory);
    CLEANUP(str_release) struct str version = STR_INIT;
    bool exists = is_cluster(place->directory);
    if (exists && !file_read(version_file, 64, &version, err))
        return false;
    version.text[strcspn(version.text, "\n")] = '\0';
    if (exists) {
        CLEANUP(freep) char *own = mem_printf("/usr/lib/postgresql/%s/bin", version.text);
        if (has_binaries(own)) {
            place->binaries = STEAL(own);
            return true;
        }
    } else {
        place->binaries = newest_binaries();
    }
    if (!place->binaries)
        place->binaries = binaries_in_path();
    if (place->binaries)
        return true;
    return err_set(err, ERR_INVALID,
                   "PostgreSQL's programs were not found%s%s; try: apt-get install postgresql%s%s, or set postgres.url",
                   exists ? ", and the cluster is of version " : "", version.text, exists ? "-" : "", version.text);
}

/* In PGDATA, which only its owner and root can enter; elsewhere where the path would be too long for a socket. */
static bool choose_sockets(struct cluster_place *place, struct err *err)
{
    static const char longest_name[] = "/.s.PGSQL.65535.lock";
    struct sockaddr_un address;
    if (strlen(place->directory) + sizeof(longest_name) <= sizeof(address.sun_path)) {
        place->sockets = mem_strdup(place->directory);
        return true;
    }
    place->sockets = mem_printf("%s/tenantd-%s", geteuid() == 0 ? "/run" : "/tmp", place->hash);
    struct stat status;
    if (mkdir(place->sockets, 0700) != 0 && errno != EEXIST)
        return err_set_errno(err, errno, "make directory %s", place->sockets);
    if (geteuid() == 0 && lchown(place->sockets, place->uid, place->gid) != 0)
        return err_set_errno(err, errno, "give %s to %s", place->sockets, place->user);
    if (lstat(place->sockets, &status) != 0)
        return err_set_errno(err, errno, "look at %s", place->sockets);
    if (!S_ISDIR(status.st_mode) || status.st_uid != place->uid || (status.st_mode & 077))
        return err_set(err, ERR_CONFLICT, "%s is not a directory of %s's alone; remove it", place->sockets,
                       place->user);
    return true;
}

/* The part of the path before its last slash, owned; and how names beside it begin that make_cluster() uses. */
static char *parent_of(const char *path, struct str *ret_unfinished_prefix)
{
    const char *slash = strrchr(path, '/');
    str_addf(ret_unfinished_prefix, "%s.new-", slash + 1);
    return mem_strndup(path, (size_t)(slash - path));
}

/*
 * Best effort: what killed starts left. An initdb that outlived its starter may still write there: then the next
 * time.
 */
static void remove_unfinished(const struct cluster_place *place)
{
    CLEANUP(str_release) struct str prefix = STR_INIT;
    CLEANUP(freep) char *parent = parent_of(place->directory, &prefix);
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    CLEANUP(err_release) struct err why = ERR_INIT;
    if (!dir_list(parent, &names, &why))
        return;
    for (size_t i = 0; i < names.count; i++) {
        if (!str_starts_with(names.items[i], prefix.text))
            continue;
        CLEANUP(freep) char *path = mem_printf("%s/%s", parent, names.items[i]);
        if (!dir_remove(path, &why))
            log_warning("unfinished PostgreSQL cluster not removed", LOG_STR("error", err_message(&why)));
    }
}

static bool run_initdb(const struct cluster_place *place, const char *directory, const struct call *call,
                       struct err *err)
{
    struct call initdb_call = call_within(call, INITDB_MS);
    CLEANUP(freep) char *initdb = mem_printf("%s/initdb", place->binaries);
    const char *argv[] = { initdb,
                           "--pgdata",
                           directory,
                           "--username=" CLUSTER_SUPERUSER,
                           "--encoding=UTF8",
                           "--locale=C.UTF-8",
                           "--auth-local=peer",
                           "--auth-host=scram-sha-256",
                           "--data-checksums",
                           NULL };
    struct process process = {
        .argv = argv, .directory = "/", .uid = geteuid() == 0 ? place->uid : 0, .gid = geteuid() == 0 ? place->gid : 0
    };
    return process_run(&process, &initdb_call, NULL, err) || err_wrap(err, "make a PostgreSQL cluster");
}

/* Under another name first, each time a new one: under its own name there is a whole cluster or none. */
static bool make_cluster(const struct cluster_place *place, const struct call *call, struct err *err)
{
    CLEANUP(str_release) struct str prefix = STR_INIT;
    CLEANUP(freep) char *parent = parent_of(place->directory, &prefix);
    CLEANUP(freep) char *random = random_hex(4);
    CLEANUP(freep) char *directory = mem_printf("%s/%s%s", parent, prefix.text, random);
    CLEANUP(freep) char *port = mem_printf("%s/postgres.port", place->data);
    if (file_exists(port))
        return err_set(err, ERR_INVALID,
                       "the PostgreSQL cluster in %s is gone, though it was made once; is its disk mounted? To begin "
                       "with an empty one, remove %s",
                       place->directory, port);
    if (file_exists(place->directory))
        return err_set(err, ERR_CONFLICT, "%s exists, but is no PostgreSQL cluster; move it away", place->directory);
    if (mkdir(directory, 0700) != 0)
        return err_set_errno(err, errno, "make directory %s", directory);
    if (geteuid() == 0 && lchown(directory, place->uid, place->gid) != 0)
        return err_set_errno(err, errno, "give %s to %s", directory, place->user);
    if (!run_initdb(place, directory, call, err))
        return false;
    if (rename(directory, place->directory) != 0)
        return err_set_errno(err, errno, "rename %s to %s", directory, place->directory);
    CLEANUP(closep) int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return err_set_errno(err, errno, "sync directory %s", parent);
    log_info("PostgreSQL cluster made", LOG_STR("directory", place->directory), LOG_STR("user", place->user));
    return true;
}

bool cluster_place_make(const char *data, const struct call *call, struct cluster_place *ret, struct err *err)
{
    CLEANUP(cluster_place_release) struct cluster_place place = { 0 };
    CLEANUP(err_release) struct err why = ERR_INIT;
    if (!dir_make(data, 0700, err))
        return false;
    if (!cluster_place_find(data, &place, &why)) {
        if (why.code != ERR_NOT_FOUND) {
            err_move(err, &why);
            return false;
        }
        place.data = realpath(data, NULL);
        if (!place.data)
            return err_set_errno(err, errno, "data directory %s", data);
        hash_of(&place);
    }
    if (!find_user(&place, err) || (!place.directory && !choose_directory(&place, err)) ||
        !path_is_plain(place.directory, err) || !find_binaries(&place, err))
        return false;
    bool made = is_cluster(place.directory) || make_cluster(&place, call, err);
    remove_unfinished(&place);
    if (!made || !choose_sockets(&place, err))
        return false;
    *ret = place;
    place = (struct cluster_place){ 0 };
    return true;
}
