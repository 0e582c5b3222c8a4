/* The daemon: reads the configuration, wires the rooms, waits for its end. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"
#include "api/certificate.h"
#include "api/kubeconfig.h"
#include "api/platform.h"
#include "base/file.h"
#include "clients/http/http.h"
#include "clients/postgres/cluster.h"
#include "controller/controller.h"
#include "controller/installation.h"
#include "specs/reference.h"

enum {
    EXIT_USAGE = 2,
    RETRY_FIRST_MS = 500,
    RETRY_MAX_MS = 5000, /* short, because nobody else asks while the start waits */
    TEND_MS = 2000,
    STOP_CALL_MS = 60000,
    PEM_LIMIT = 1 << 20,
};

/* ---- signals: blocked everywhere, taken by the main thread alone ---- */

static void block_signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* True: told to stop within `wait_ms`. */
static bool wait_for_stop(const sigset_t *set, int64_t wait_ms)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;
    for (;;) {
        int64_t left_ms = until_ms - clock_mono_ms();
        if (left_ms <= 0)
            return false;
        struct timespec left = { .tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000 };
        int signal_number = sigtimedwait(set, NULL, &left);
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return true;
    }
}

/* systemd's notification protocol, sd_notify(3): one datagram. */
static void notify_systemd(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!path || strlen(path) >= sizeof(address.sun_path))
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (fd >= 0 && sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address, len) < 0)
        log_warning("systemd not notified", LOG_STR("error", strerror(errno)));
    closep(&fd);
}

/* ---- running ---- */

/* Everything that lives while the daemon runs. */
struct daemon {
    struct config config;
    struct installation installation;
    struct docker_options docker;
    struct store_options store;
    struct settings settings;
    struct backup_settings backup;
    struct image_credentials *registries;
    struct world *world;
    struct feed *feed;
    struct api *api;
    struct controller *controller;
    pthread_mutex_t lock; /* guards `waiting` */
    char *waiting;        /* what the start waits for; NULL: it is through */
};

static void daemon_release(struct daemon *daemon)
{
    /* The API first: it borrows from all the others. */
    api_stop(daemon->api);
    controller_stop(daemon->controller);
    if (daemon->feed)
        feed_stop(daemon->feed);
    world_free(daemon->world);
    free(daemon->registries);
    installation_backup_release(&daemon->backup);
    installation_release(&daemon->installation);
    pthread_mutex_destroy(&daemon->lock);
    free(daemon->waiting);
    fields_release(config_fields, &daemon->config);
}

/* ---- neighbours that may be away at start ---- */

static bool may_pass(enum err_code code)
{
    return err_kinds[code].retry == RETRY_BACKOFF;
}

static void set_waiting(struct daemon *daemon, const char *what)
{
    pthread_mutex_lock(&daemon->lock);
    free(daemon->waiting);
    daemon->waiting = mem_strdup(what);
    pthread_mutex_unlock(&daemon->lock);
}

/* For /readyz, and for who asks for more than health before the start is through. */
static void add_problems(void *context, struct str *out)
{
    struct daemon *daemon = context;
    pthread_mutex_lock(&daemon->lock);
    if (daemon->waiting)
        str_add(out, daemon->waiting);
    pthread_mutex_unlock(&daemon->lock);
}

/* Tried until it is done, or somebody ends us. */
static bool persist(struct daemon *daemon, const sigset_t *signals,
                    bool (*attempt)(struct daemon *daemon, struct err *err), struct err *err)
{
    int64_t wait_ms = RETRY_FIRST_MS;
    for (;;) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        if (attempt(daemon, &problem))
            return true;
        if (!may_pass(problem.code)) {
            err_move(err, &problem);
            return false;
        }
        log_warning("not ready to start", LOG_STR("error", err_message(&problem)), LOG_INT("next_ms", wait_ms));
        set_waiting(daemon, err_message(&problem));
        if (wait_for_stop(signals, wait_ms))
            return err_set(err, ERR_CANCELLED, "told to stop before the start was through");
        wait_ms = wait_ms * 2 < RETRY_MAX_MS ? wait_ms * 2 : RETRY_MAX_MS;
    }
}

static bool open_records(struct daemon *daemon, struct err *err)
{
    return installation_open_server(&daemon->config, &daemon->docker, &daemon->installation, err) &&
           installation_open_store(&daemon->installation, err);
}

static bool join_bridge(struct daemon *daemon, struct err *err)
{
    return installation_join_bridge(&daemon->config, &daemon->docker, &daemon->installation, err);
}

/* Until somebody ends us. An embedded PostgreSQL that was killed is started again. */
static void tend(struct daemon *daemon, const sigset_t *signals)
{
    bool was_told = false;
    while (!wait_for_stop(signals, TEND_MS)) {
        CLEANUP(err_release) struct err problem = ERR_INIT;
        mem_give_back();
        if (daemon->config.postgres.url || feed_is_connected(daemon->feed)) {
            was_told = false;
            continue;
        }
        bool is_back = installation_revive_server(&daemon->config, &daemon->docker, &problem);
        if (!is_back && !was_told)
            log_error("embedded PostgreSQL not started again", LOG_STR("error", err_message(&problem)));
        was_told = !is_back;
    }
}

/* ---- starting ---- */

static bool read_certificate(const struct daemon *daemon, char **ret_certificate, char **ret_key, struct err *err)
{
    const struct config_listen *listen = &daemon->config.listen;
    if (!listen->certificate)
        return certificate_ensure(daemon->config.data, NULL, ret_certificate, ret_key, err);
    CLEANUP(str_release) struct str certificate = STR_INIT;
    CLEANUP(str_release) struct str key = STR_INIT;
    if (!listen->key)
        return err_set(err, ERR_INVALID, "listen.certificate needs listen.key");
    if (!file_read(listen->certificate, PEM_LIMIT, &certificate, err) || !file_read(listen->key, PEM_LIMIT, &key, err))
        return false;
    *ret_certificate = str_steal(&certificate);
    *ret_key = str_steal(&key);
    return true;
}

static bool start_api(struct daemon *daemon, struct err *err)
{
    CLEANUP(freep) char *certificate = NULL;
    CLEANUP(freep) char *key = NULL;
    const struct config *config = &daemon->config;
    if (!read_certificate(daemon, &certificate, &key, err))
        return false;
    struct api_options options = {
        .listen = &config->listen,
        .accounts = &config->accounts,
        .certificate_pem = certificate,
        .key_pem = key,
        .store = &daemon->store,
        .feed = daemon->feed,
        .world = daemon->world,
        .settings = &daemon->settings,
        .docker = &daemon->docker,
        .add_problems = add_problems,
        .problems_context = daemon,
    };
    if (!api_start(&options, &daemon->api, err))
        return err_wrap(err, "listen on %s", config->listen.address);
    CLEANUP(freep) char *url = kubeconfig_server_url(config->listen.address, api_port(daemon->api));
    CLEANUP(freep) char *path = mem_printf("%s/admin.kubeconfig", config->data);
    struct kubeconfig kubeconfig = {
        .server = url,
        .certificate_pem = config->listen.certificate ? NULL : certificate,
        .user = "admin",
        .token = daemon->installation.admin_token,
    };
    mem_wipe(key, strlen(key));
    return kubeconfig_write(&kubeconfig, path, err);
}

/* As soon as the lock is held: `tenantd stop` believes the pid of who holds it. */
static bool write_pid(const struct config *config, struct err *err)
{
    CLEANUP(freep) char *path = mem_printf("%s/tenantd.pid", config->data);
    CLEANUP(freep) char *text = mem_printf("%d\n", (int)getpid());
    return file_write(path, text, strlen(text), 0644, err);
}

/* The API answers first, then come the neighbours, one by one, and who acts on them last. */
static bool start(struct daemon *daemon, const sigset_t *signals, struct err *err)
{
    const struct config *config = &daemon->config;
    daemon->docker = (struct docker_options){ .host = config->docker.host, .timeout_ms = config->docker.timeout_ms };
    daemon->world = world_new();
    daemon->feed = feed_new(config->change_keep_ms);
    if (!installation_open(config, &daemon->installation, err) || !write_pid(config, err))
        return false;
    set_waiting(daemon, "the records' database is being opened");
    if (!start_api(daemon, err))
        return false;
    log_info("listening", LOG_STR("version", TENANTD_VERSION), LOG_INT("port", api_port(daemon->api)));
    notify_systemd("READY=1");
    if (!persist(daemon, signals, open_records, err) ||
        !installation_settings(config, &daemon->installation, &daemon->settings, &daemon->registries, err) ||
        !installation_backup(config, &daemon->installation, &daemon->backup, err))
        return false;
    daemon->settings.backup = &daemon->backup;
    daemon->store = (struct store_options){ .url = daemon->installation.url, .key = daemon->installation.key };
    feed_open(daemon->feed, &daemon->store);
    api_open(daemon->api, daemon->installation.url);
    set_waiting(daemon, NULL);
    struct controller_options options = {
        .config = &config->controller,
        .leader = &config->leader,
        .holder = daemon->installation.holder,
        .name = daemon->installation.name,
        .world = daemon->world,
        .settings = &daemon->settings,
        .store = &daemon->store,
        .docker = &daemon->docker,
        .server_url = daemon->installation.url,
        .feed = daemon->feed,
    };
    bool joined = persist(daemon, signals, join_bridge, err);
    set_waiting(daemon, NULL);
    return joined && controller_start(&options, &daemon->controller, err);
}

static int run(struct config *config_taken)
{
    sigset_t signals;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct daemon daemon = { .config = *config_taken, .installation = { .lock_fd = -1 } };
    *config_taken = (struct config){ 0 };
    umask(022); /* what is secret is made with its own mode */
    mem_set_up();
    block_signals(&signals);
    pthread_mutex_init(&daemon.lock, NULL);
    log_setup((enum log_level)daemon.config.log.level, (enum log_format)daemon.config.log.format);
    bool ok = start(&daemon, &signals, &problem);
    if (ok) {
        log_info("ready", LOG_STR("data", daemon.config.data), LOG_STR("installation", daemon.installation.id));
        tend(&daemon, &signals);
        log_info("stopping");
        notify_systemd("STOPPING=1");
    } else if (problem.code != ERR_CANCELLED) {
        log_error("cannot start", LOG_STR("error", err_message(&problem)));
    }
    /* A second signal ends at once: nothing is lost by it, the next start looks again. */
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    daemon_release(&daemon);
    return ok || problem.code == ERR_CANCELLED ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- other commands ---- */

static int fail(const struct err *problem)
{
    fprintf(stderr, "tenantd: %s\n", err_message(problem));
    return EXIT_FAILURE;
}

/* Takes `name` out of the flags: its value, "" for a bare one, NULL when it is not there. */
static const char *take_flag(int *argc, char **argv, const char *name)
{
    size_t len = strlen(name);
    for (int i = 0; i < *argc; i++) {
        if (strncmp(argv[i], name, len) != 0 || (argv[i][len] && argv[i][len] != '='))
            continue;
        const char *value = argv[i][len] ? argv[i] + len + 1 : "";
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof(argv[0]));
        --*argc;
        return value;
    }
    return NULL;
}

static bool stop_daemon(const struct config *config, struct err *err)
{
    CLEANUP(freep) char *path = mem_printf("%s/tenantd.pid", config->data);
    CLEANUP(freep) char *lock = mem_printf("%s/lock", config->data);
    CLEANUP(str_release) struct str text = STR_INIT;
    int64_t pid = 0, until_ms = clock_mono_ms() + STOP_CALL_MS;
    if (!file_exists(path))
        return true;
    if (!file_read(path, 64, &text, err))
        return false;
    text.text[strcspn(text.text, "\n")] = '\0';
    for (bool asked = false;; asked = true) {
        /* Who holds the lock is alive; a pid alone may be somebody else's by now. */
        int fd = -1;
        struct err held = ERR_INIT;
        bool gone = file_lock(lock, &fd, &held);
        closep(&fd);
        enum err_code code = held.code;
        err_release(&held);
        if (gone)
            return true;
        if (code != ERR_CONFLICT || !str_parse_int64(text.text, 2, INT32_MAX, &pid))
            return err_set(err, ERR_INVALID, "%s does not say which process to stop", path);
        if (!asked && kill((pid_t)pid, SIGTERM) != 0)
            return err_set_errno(err, errno, "stop process %" PRId64, pid);
        if (clock_mono_ms() > until_ms)
            return err_set(err, ERR_TIMEOUT, "process %" PRId64 " does not end", pid);
        nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
    }
}

static int stop(const struct config *config, bool with_database)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct call call = call_within(NULL, STOP_CALL_MS);
    if (!stop_daemon(config, &problem) || (with_database && !cluster_stop(config->data, &call, &problem)))
        return fail(&problem);
    return EXIT_SUCCESS;
}

static int bootstrap_database(const struct config *config, const char *admin_url)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!admin_url || !admin_url[0]) {
        fputs("tenantd: bootstrap-database needs --admin-url=postgresql://... of an administrator (its password in "
              "PGPASSWORD)\n",
              stderr);
        return EXIT_USAGE;
    }
    if (!installation_bootstrap(config, admin_url, &problem))
        return fail(&problem);
    puts("role, database and functions are there; set postgres.url to log in as the role tenantd");
    return EXIT_SUCCESS;
}

static int import_key(const struct config *config, const char *file)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    if (!file || !file[0]) {
        fputs("tenantd: import-key needs --from=FILE, as tenantctl key export wrote it\n", stderr);
        return EXIT_USAGE;
    }
    if (!installation_import_key(config, file, &problem))
        return fail(&problem);
    puts("the key is there; start tenantd");
    return EXIT_SUCCESS;
}

static int print(void (*printer)(struct str *out))
{
    CLEANUP(str_release) struct str out = STR_INIT;
    printer(&out);
    return fputs(out.text, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_help(struct str *out)
{
    str_add(out,
            "Usage: tenantd [COMMAND] [--config=FILE] [FLAGS]\n\n"
            "Keeps many customers' applications alive on plain Docker hosts.\n\n"
            "Commands:\n"
            "  run                     the daemon itself (the default)\n"
            "  stop [--with-database]  end the daemon of a data directory; with its embedded PostgreSQL, too\n"
            "  bootstrap-database      --admin-url=URL: role, database and functions on a server of one's own\n"
            "  import-key              --from=FILE: a lost installation's recovery key, for an empty data directory\n"
            "  check-config            say whether the configuration can be read\n"
            "  print-config-example, print-reference, print-man\n\n");
    config_print_help(out);
}

static void print_reference(struct str *out)
{
    reference_print_markdown(out);
    platform_print_reference(out);
}

static void print_man(struct str *out)
{
    str_add(out, ".TH TENANTD 8 \"\" \"tenantd " TENANTD_VERSION
                 "\" \"tenantd\"\n.SH NAME\ntenantd \\- keeps many customers' "
                 "applications alive on plain Docker hosts\n.SH SYNOPSIS\n.B tenantd\n[\\fICOMMAND\\fR] "
                 "[\\-\\-config=\\fIFILE\\fR] "
                 "[\\fIFLAGS\\fR]\n.SH DESCRIPTION\n.nf\n");
    CLEANUP(str_release) struct str help = STR_INIT;
    print_help(&help);
    for (const char *c = help.text; *c; c++)
        str_addf(out, *c == '-' || *c == '\\' ? "\\%c" : "%c", *c);
    str_add(out, ".fi\n.SH SEE ALSO\n.BR tenantctl (1)\n");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*printer)(struct str *out);
    } printers[] = {
        { "--help", print_help },
        { "help", print_help },
        { "print-man", print_man },
        { "print-reference", print_reference },
        { "print-config-example", reference_print_config_example },
    };
    const char *command =
        argc > 1 && (argv[1][0] != '-' || str_equal(argv[1], "--help") || str_equal(argv[1], "--version")) ? argv[1]
                                                                                                           : "run";
    int skip = argc > 1 && command == argv[1] ? 2 : 1;
    for (size_t i = 0; i < ARRAY_LEN(printers); i++)
        if (str_equal(command, printers[i].name))
            return print(printers[i].printer);
    if (str_equal(command, "--version"))
        return puts("tenantd " TENANTD_VERSION) < 0;

    int flag_count = argc - skip;
    char **flags = argv + skip;
    const char *file = take_flag(&flag_count, flags, "--config");
    bool with_database = str_equal(command, "stop") && take_flag(&flag_count, flags, "--with-database");
    const char *admin_url =
        str_equal(command, "bootstrap-database") ? take_flag(&flag_count, flags, "--admin-url") : NULL;
    const char *key_file = str_equal(command, "import-key") ? take_flag(&flag_count, flags, "--from") : NULL;
    CLEANUP(err_release) struct err problem = ERR_INIT;
    struct config config = { 0 };
    int status = EXIT_USAGE;
    if (!config_load(file, flag_count, flags, environ, &config, &problem))
        fprintf(stderr, "tenantd: %s\n", err_message(&problem));
    else if (str_equal(command, "run"))
        status = run(&config);
    else if (str_equal(command, "stop"))
        status = stop(&config, with_database);
    else if (str_equal(command, "bootstrap-database"))
        status = bootstrap_database(&config, admin_url);
    else if (str_equal(command, "import-key"))
        status = import_key(&config, key_file);
    else if (str_equal(command, "check-config"))
        status = puts("the configuration is good") < 0;
    else
        fprintf(stderr, "tenantd: there is no command %s; see tenantd --help\n", command);
    fields_release(config_fields, &config);
    return status;
}
