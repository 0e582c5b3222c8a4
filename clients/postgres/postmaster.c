/* The embedded cluster's server process: told from strangers, started as a service of its own, stopped. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "clients/postgres/cluster_internal.h"

#define PID_FILE_LIMIT ((size_t)8 << 10)
#define LAST_WORDS     600
#define SLICE_MS       100
#define PG_CTL_S       "3600" /* the call's deadline comes first */
#define SYSTEMD_MARK   "/run/systemd/system"

/* Lines of postmaster.pid, as in PostgreSQL's src/include/utils/pidfile.h. */
enum { LINE_PID, LINE_DATA_DIR, LINE_START_TIME, LINE_PORT, LINE_COUNT };

void postmaster_release(struct postmaster *postmaster)
{
    closep(&postmaster->pid_fd);
    postmaster->pid_fd = -1;
}

static char *read_link(pid_t pid, const char *name)
{
    char target[4096];
    CLEANUP(freep) char *path = mem_printf("/proc/%d/%s", pid, name);
    ssize_t len = readlink(path, target, sizeof(target));
    return len > 0 ? mem_strndup(target, (size_t)len) : NULL;
}

/* Its -D argument leads to `directory`. Only the postmaster keeps its command line, its children write theirs over. */
static bool has_data_argument(pid_t pid, const char *directory)
{
    CLEANUP(freep) char *path = mem_printf("/proc/%d/cmdline", pid);
    CLEANUP(str_release) struct str line = STR_INIT;
    if (!file_read(path, PID_FILE_LIMIT, &line, NULL))
        return false;
    for (size_t at = 0; at < line.len; at += strlen(line.text + at) + 1) {
        if (!str_equal(line.text + at, "-D") || at + 3 >= line.len)
            continue;
        CLEANUP(freep) char *resolved = realpath(line.text + at + 3, NULL);
        return str_equal(resolved, directory);
    }
    return false;
}

/*
 * A number may have been given to another process since, after a reboot even to one of the same user. The real one is
 * called postgres and stands in its data directory, or was told it by -D: a container's root may not look at the
 * former.
 */
static bool is_postmaster_of(pid_t pid, const char *directory)
{
    CLEANUP(freep) char *resolved = realpath(directory, NULL);
    CLEANUP(freep) char *cwd = read_link(pid, "cwd");
    CLEANUP(freep) char *path = mem_printf("/proc/%d/comm", pid);
    CLEANUP(str_release) struct str comm = STR_INIT;
    return resolved && file_read(path, 64, &comm, NULL) &&
           (str_equal(comm.text, "postgres\n") || str_equal(comm.text, "postmaster\n")) &&
           (str_equal(cwd, resolved) || has_data_argument(pid, resolved));
}

/* A pid file that cannot be read yet, because it is being written, is as good as none: its writer answers soon. */
static void parse_pid_file(char *text, pid_t *ret_pid, int *ret_port)
{
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    int64_t pid = 0, port = 0;
    strv_split(&lines, text, '\n');
    if (lines.count > LINE_PORT && str_parse_int64(lines.items[LINE_PID], 1, INT32_MAX, &pid) &&
        str_parse_int64(lines.items[LINE_PORT], 1, 65535, &port)) {
        *ret_pid = (pid_t)pid;
        *ret_port = (int)port;
    }
}

bool postmaster_find(const char *directory, struct postmaster *ret, struct err *err)
{
    CLEANUP(freep) char *path = mem_printf("%s/postmaster.pid", directory);
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(err_release) struct err why = ERR_INIT;
    CLEANUP(postmaster_release) struct postmaster found = { .pid_fd = -1 };
    *ret = (struct postmaster){ .pid_fd = -1 };
    if (!file_read(path, PID_FILE_LIMIT, &text, &why)) {
        if (why.code == ERR_NOT_FOUND)
            return true;
        err_move(err, &why);
        return false;
    }
    parse_pid_file(text.text, &found.pid, &found.port);
    if (found.pid == 0)
        return true;
    found.pid_fd = pidfd_open(found.pid, 0); /* held before the look, so that the look is at what gets the signal */
    if (found.pid_fd < 0 && errno != ESRCH)
        return err_set_errno(err, errno, "watch process %d", found.pid);
    if (found.pid_fd >= 0 && is_postmaster_of(found.pid, directory)) {
        *ret = found;
        found.pid_fd = -1;
        return true;
    }
    /* PostgreSQL itself removes one whose process is gone, but believes a stranger with that number. */
    if (found.pid_fd >= 0) {
        log_warning("stale postmaster.pid removed", LOG_STR("path", path), LOG_INT("pid", found.pid));
        if (unlink(path) != 0 && errno != ENOENT)
            return err_set_errno(err, errno, "remove %s", path);
    }
    return true;
}

/* A service may not be a child of tenantd's unit: systemd would end it together with tenantd. */
static bool start_unit(const struct cluster_place *place, const struct call *call, struct err *err)
{
    CLEANUP(freep) char *postgres = mem_printf("%s/postgres", place->binaries);
    CLEANUP(freep) char *unit = mem_printf("--unit=tenantd-postgres-%s", place->hash);
    CLEANUP(freep) char *uid = mem_printf("--uid=%u", place->uid);
    CLEANUP(freep) char *gid = mem_printf("--gid=%u", place->gid);
    const char *argv[] = { "systemd-run", "--quiet", "--collect", /* a failed one does not keep its name */
                           unit, "--description=PostgreSQL of tenantd", uid, gid, "--property=KillMode=mixed",
                           "--property=KillSignal=SIGINT", "--property=TimeoutStopSec=5min",
                           "--property=Restart=on-failure", "--property=OOMScoreAdjust=-900",
                           /* The server's children, which do the work, get the usual score back. */
                           "--setenv=PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj", "--setenv=PG_OOM_ADJUST_VALUE=0",
                           "--", postgres, "-D", place->directory, NULL };
    struct process process = { .argv = argv, .directory = "/" };
    return process_run(&process, call, NULL, err);
}

/*
 * pg_ctl gives the server a session of its own and no descriptors but /dev/null and the log, and waits until it is up
 * or has ended. That it ended is no error here: the caller sees that no server runs.
 */
static bool start_session(const struct cluster_place *place, const struct call *call, struct err *err)
{
    CLEANUP(freep) char *pg_ctl = mem_printf("%s/pg_ctl", place->binaries);
    CLEANUP(freep) char *log = mem_printf("%s/start.log", place->directory);
    CLEANUP(err_release) struct err why = ERR_INIT;
    const char *argv[] = {
        pg_ctl, "start", "--silent", "--timeout=" PG_CTL_S, "-D", place->directory, "-l", log, NULL
    };
    struct process process = {
        .argv = argv, .directory = "/", .uid = geteuid() == 0 ? place->uid : 0, .gid = geteuid() == 0 ? place->gid : 0
    };
    unlink(log); /* pg_ctl appends; old words would be taken for this start's */
    if (process_run(&process, call, NULL, &why) || why.code == ERR_EXIT)
        return true;
    err_move(err, &why);
    return false;
}

/*
 * As with postmaster.pid, PostgreSQL believes a stranger who has the number of a dead server. No server runs, and the
 * directory of the sockets is ours alone.
 */
static void remove_socket_locks(const struct cluster_place *place)
{
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    if (!dir_list(place->sockets, &names, NULL))
        return; /* PostgreSQL will say what is wrong with it */
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(freep) char *path = mem_printf("%s/%s", place->sockets, names.items[i]);
        if (str_starts_with(names.items[i], ".s.PGSQL.") && str_ends_with(names.items[i], ".lock"))
            unlink(path);
    }
}

bool postmaster_start(const struct cluster_place *place, const struct call *call, bool *ret_waited, struct err *err)
{
    struct stat status;
    bool has_systemd = geteuid() == 0 && stat(SYSTEMD_MARK, &status) == 0;
    remove_socket_locks(place);
    if (!(has_systemd ? start_unit(place, call, err) : start_session(place, call, err)))
        return err_wrap(err, "start PostgreSQL");
    *ret_waited = !has_systemd;
    log_info("PostgreSQL started", LOG_STR("directory", place->directory));
    return true;
}

bool postmaster_stop(struct postmaster *postmaster, const struct call *call, struct err *err)
{
    if (pidfd_send_signal(postmaster->pid_fd, SIGINT, NULL, 0) != 0 && errno != ESRCH)
        return err_set_errno(err, errno, "stop PostgreSQL (process %d)", postmaster->pid);
    for (;;) {
        struct pollfd pollfd = { .fd = postmaster->pid_fd, .events = POLLIN };
        int ready = poll(&pollfd, 1, SLICE_MS);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return err_set_errno(err, errno, "wait for PostgreSQL's end");
        if (!call_check(call, err))
            return err_wrap(err, "PostgreSQL (process %d) is still shutting down", postmaster->pid);
    }
}

/* Adds the end of a file as one line; nothing when it cannot be read. */
static void add_tail(struct str *words, const char *path)
{
    char bytes[LAST_WORDS];
    struct stat status;
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    off_t from = status.st_size > (off_t)sizeof(bytes) ? status.st_size - (off_t)sizeof(bytes) : 0;
    ssize_t len = pread(fd, bytes, sizeof(bytes), from);
    ssize_t at = 0;
    while (from > 0 && at < len && bytes[at] != '\n')
        at++; /* a line that lacks its beginning */
    for (; at < len; at++) {
        bool ends_line = bytes[at] == '\n';
        if (!ends_line && words->len > 0 && (at == 0 || bytes[at - 1] == '\n'))
            str_add(words, " / ");
        if (!ends_line)
            str_addc(words, bytes[at] >= ' ' && bytes[at] < 127 ? bytes[at] : '?');
    }
}

char *postmaster_last_words(const char *directory)
{
    CLEANUP(str_release) struct str words = STR_INIT;
    CLEANUP(str_release) struct str current = STR_INIT;
    CLEANUP(freep) char *start_log = mem_printf("%s/start.log", directory);
    CLEANUP(freep) char *current_path = mem_printf("%s/current_logfiles", directory);
    add_tail(&words, start_log);
    if (file_read(current_path, PID_FILE_LIMIT, &current, NULL) && str_starts_with(current.text, "stderr ")) {
        current.text[strcspn(current.text, "\n")] = '\0';
        CLEANUP(freep) char *path = mem_printf("%s/%s", directory, current.text + strlen("stderr "));
        add_tail(&words, path);
    }
    return str_steal(&words);
}
