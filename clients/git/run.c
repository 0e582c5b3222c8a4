/* One run of git: its environment, its limits, and what its failures mean. */
#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "clients/git/git_internal.h"

#define ADDRESS_SPACE_BASE (INT64_C(2) << 30)
#define SSH_CONNECT_S      15
#define GIT_WRONG_PASSWORD "the server does not take spec.git.username and the secret password, or wants them"

/* ---- settings ---- */

static void add_config(struct git_run *run, const char *key, const char *value)
{
    size_t number = run->config.count++;
    strv_addf(&run->env, "GIT_CONFIG_KEY_%zu=%s", number, key);
    strv_addf(&run->env, "GIT_CONFIG_VALUE_%zu=%s", number, value);
}

/* What a repository or the machine could make git do, it does not; and what arrives is checked. */
static void add_hardening(struct git_run *run)
{
    static const char *const rows[][2] = {
        { "core.hooksPath", "/dev/null" },
        { "core.attributesFile", "/dev/null" },
        { "core.fsmonitor", "false" },
        { "core.symlinks", "false" },
        { "credential.helper", "" },
        { "fetch.fsckObjects", "true" },
        { "fetch.unpackLimit", "1" }, /* one pack file, so that one limit holds for all of it */
        { "fetch.recurseSubmodules", "false" },
        { "gc.auto", "0" },
        { "maintenance.auto", "false" },
        { "http.followRedirects", "false" }, /* credentials stay with the host that they are for */
        { "http.lowSpeedLimit", "500" },
        { "http.lowSpeedTime", "30" },
        { "http.sslVerify", "true" },
        { "pack.threads", "1" },
        { "protocol.allow", "never" },
        { "transfer.bundleURI", "false" },
        { "advice.detachedHead", "false" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        add_config(run, rows[i][0], rows[i][1]);
}

static void add_environment(struct git_run *run)
{
    static const char *const fixed[] = {
        "GIT_CONFIG_NOSYSTEM=1",  "GIT_CONFIG_GLOBAL=/dev/null",
        "GIT_ATTR_NOSYSTEM=1",    "GIT_TERMINAL_PROMPT=0",
        "GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false",
        "GIT_OPTIONAL_LOCKS=0",   "GIT_NO_REPLACE_OBJECTS=1",
        "GIT_SSH_VARIANT=ssh",    "LC_ALL=C",
    };
    static const char *const passed_on[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy",
                                             "NO_PROXY",   "all_proxy",   "ALL_PROXY" };
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        strv_add(&run->env, fixed[i]);
    for (size_t i = 0; i < ARRAY_LEN(passed_on); i++)
        if (getenv(passed_on[i]))
            strv_addf(&run->env, "%s=%s", passed_on[i], getenv(passed_on[i]));
    strv_addf(&run->env, "HOME=%s/home", run->git->directory);
    strv_addf(&run->env, "XDG_CONFIG_HOME=%s/home", run->git->directory);
    strv_addf(&run->env, "GIT_DIR=%s/repository", run->git->directory);
}

/* ---- the remote's credentials ---- */

static bool write_beside(const struct git_run *run, const char *name, const char *text, struct err *err)
{
    CLEANUP(freep) char *path = mem_printf("%s/%s", run->git->directory, name);
    return file_write(path, text, strlen(text), 0600, err);
}

/* In the environment, as a header: neither an argument nor a file nor a helper program has it. */
static void add_password(struct git_run *run, const struct git_remote *remote)
{
    CLEANUP(str_release) struct str pair = STR_INIT;
    CLEANUP(str_release) struct str header = STR_INIT;
    CLEANUP(freep) char *key = mem_printf("http.%s.extraHeader", remote->url);
    str_addf(&pair, "%s:%s", remote->username ? remote->username : "git", remote->password);
    str_add(&header, "Authorization: Basic ");
    str_add_base64(&header, pair.text, pair.len);
    add_config(run, key, header.text);
    mem_wipe(pair.text, pair.len);
    mem_wipe(header.text, header.len);
}

static bool add_https(struct git_run *run, const struct git_remote *remote, struct err *err)
{
    if (remote->password)
        add_password(run, remote);
    if (!remote->ca)
        return true;
    CLEANUP(freep) char *path = mem_printf("%s/ca.pem", run->git->directory);
    add_config(run, "http.sslCAInfo", path);
    return write_beside(run, "ca.pem", remote->ca, err);
}

/* Without the machine's or the user's ssh configuration; a host whose key is not known is refused. */
static bool add_ssh(struct git_run *run, const struct git_remote *remote, struct err *err)
{
    const char *directory = run->git->directory;
    CLEANUP(str_release) struct str config = STR_INIT;
    CLEANUP(freep) char *key = mem_printf("%s\n", remote->ssh_key ? remote->ssh_key : "");
    CLEANUP(freep) char *key_path = remote->ssh_key ? mem_printf("\"%s/ssh_key\"", directory) : mem_strdup("none");
    CLEANUP(freep) char *hosts = mem_printf("%s\n", remote->known_hosts ? remote->known_hosts : "");
    if (strpbrk(directory, "'\"\\%\n"))
        return err_set(err, ERR_INVALID, "the data directory's name %s has a character that ssh cannot have in it",
                       directory);
    str_addf(&config, "Host *\nUserKnownHostsFile \"%s/known_hosts\"\nGlobalKnownHostsFile /dev/null\n", directory);
    str_addf(&config, "IdentityFile %s\nConnectTimeout %d\n", key_path, SSH_CONNECT_S);
    str_add(&config, "StrictHostKeyChecking yes\nUpdateHostKeys no\nIdentitiesOnly yes\nIdentityAgent none\n"
                     "BatchMode yes\nForwardAgent no\nForwardX11 no\nClearAllForwardings yes\nPermitLocalCommand no\n"
                     "ControlMaster no\nControlPath none\nServerAliveInterval 15\nServerAliveCountMax 2\n"
                     "PreferredAuthentications publickey\n");
    /* git splits this at the blanks; the path is quoted, and was looked at above. */
    strv_addf(&run->env, "GIT_SSH_COMMAND=ssh -F '%s/ssh_config'", directory);
    bool written = write_beside(run, "ssh_key", key, err) && write_beside(run, "known_hosts", hosts, err) &&
                   write_beside(run, "ssh_config", config.text, err);
    mem_wipe(key, strlen(key));
    return written;
}

bool git_run_open(struct git_run *run, const struct git *git, const struct git_remote *remote, struct err *err)
{
    *run = (struct git_run){ .git = git, .is_limited = remote != NULL };
    CLEANUP(freep) char *home = mem_printf("%s/home", git->directory);
    bool ok = dir_make(git->directory, 0700, err) && dir_make(home, 0700, err);
    add_hardening(run);
    add_environment(run);
    const char *protocol = !remote                                 ? NULL
                           : str_starts_with(remote->url, "https") ? "https"
                           : str_starts_with(remote->url, "ssh")   ? "ssh"
                                                                   : "file";
    if (protocol) { /* this one, and no helper such as ext:: that a redirection could name */
        CLEANUP(freep) char *key = mem_printf("protocol.%s.allow", protocol);
        add_config(run, key, "always");
        strv_addf(&run->env, "GIT_ALLOW_PROTOCOL=%s", protocol);
    }
    if (ok && str_equal(protocol, "https"))
        ok = add_https(run, remote, err);
    if (ok && str_equal(protocol, "ssh"))
        ok = add_ssh(run, remote, err);
    strv_addf(&run->env, "GIT_CONFIG_COUNT=%zu", run->config.count);
    strv_add_taken(&run->env, NULL);
    return ok || err_wrap(err, "prepare git");
}

void git_run_close(struct git_run *run)
{
    static const char *const names[] = { "ssh_key", "ssh_config", "known_hosts", "ca.pem" };
    for (size_t i = 0; run->git && i < ARRAY_LEN(names); i++) {
        CLEANUP(freep) char *path = mem_printf("%s/%s", run->git->directory, names[i]);
        unlink(path); /* most are not there */
    }
    for (size_t i = 0; i < run->env.count; i++)
        if (run->env.items[i])
            mem_wipe(run->env.items[i], strlen(run->env.items[i]));
    run->config.count = 0;
    strv_release(&run->env);
}

/* ---- failures ---- */

/* What git or ssh print, and what it means. The first row that is found counts. */
static const struct {
    const char *said;
    enum err_code code;
    const char *meaning;
} meanings[] = {
    { "not a tree object", ERR_NOT_FOUND, "the path is no directory of the commit" },
    { "Not a valid object name", ERR_NOT_FOUND, "the commit has no such directory" },
    { "died of signal 25", ERR_TOO_LARGE, GIT_TOO_LARGE },
    { "File too large", ERR_TOO_LARGE, GIT_TOO_LARGE },
    { "File size limit exceeded", ERR_TOO_LARGE, GIT_TOO_LARGE },
    { "Host key verification failed", ERR_FORBIDDEN, "the server's key is none of spec.git.knownHosts" },
    { "certificate", ERR_FORBIDDEN, "the server's certificate is not trusted; spec.git.ca names its authority" },
    { "Load key ", ERR_UNAUTHORIZED, "the secret sshKey is no private key that ssh can read" },
    { "Permission denied (publickey", ERR_UNAUTHORIZED, "the server does not take the secret sshKey, or wants one" },
    { "Authentication failed", ERR_UNAUTHORIZED, GIT_WRONG_PASSWORD },
    { "could not read Username", ERR_UNAUTHORIZED, GIT_WRONG_PASSWORD },
    { "could not read Password", ERR_UNAUTHORIZED, GIT_WRONG_PASSWORD },
    { "returned error: 403", ERR_UNAUTHORIZED, "the user may not read the repository" },
    { "returned error: 30", ERR_INVALID, "the server sends elsewhere; write the final URL into spec.git.url" },
    { "couldn't find remote ref", ERR_NOT_FOUND, "the repository has no such branch, tag or commit" },
    { "not our ref", ERR_NOT_FOUND, "the repository has no such commit" },
    { "unadvertised object", ERR_NOT_FOUND, "the server does not hand out this commit; name a branch or tag" },
    { "not found", ERR_NOT_FOUND, "there is no such repository" },
    { "does not appear to be a git repository", ERR_NOT_FOUND, "there is no such repository" },
    { "does not exist", ERR_NOT_FOUND, "there is no such repository" },
    { "dubious ownership", ERR_FORBIDDEN, "the repository on this host belongs to another user than tenantd's" },
    { "fsck", ERR_INVALID, "the repository has objects that git refuses" },
    { "Operation too slow", ERR_REMOTE, "the server stalls" },
};

static void translate(const char *what, const char *said, const struct call *call, struct err *err)
{
    size_t i = 0;
    if (err->code == ERR_TIMEOUT && !call_is_cancelled(call)) {
        err_set(err, ERR_REMOTE, "%s: no answer in time (spec.git.timeout)", what);
        return;
    }
    if (err->code != ERR_EXIT) {
        err_wrap(err, "%s", what);
        return;
    }
    while (i < ARRAY_LEN(meanings) && !strstr(said, meanings[i].said))
        i++;
    if (i < ARRAY_LEN(meanings))
        err_set(err, meanings[i].code, "%s: %s (%s)", what, meanings[i].meaning, err_message(err));
    else
        err_set(err, ERR_REMOTE, "%s: %s", what, err_message(err));
}

bool git_run(struct git_run *run, const char *const *arguments, const struct git_input *input, const struct call *call,
             struct str *ret_output, struct err *err)
{
    CLEANUP(strv_release) struct strv argv = STRV_INIT;
    if (run->is_limited) { /* prlimit (util-linux) sets the limits, and becomes git */
        strv_add(&argv, "prlimit");
        strv_addf(&argv, "--fsize=%" PRId64, run->git->max_bytes);
        strv_addf(&argv, "--as=%" PRId64, ADDRESS_SPACE_BASE + 2 * run->git->max_bytes);
        strv_add(&argv, "--core=0");
        strv_add(&argv, "--");
    }
    strv_add(&argv, "git");
    for (size_t i = 0; arguments[i]; i++)
        strv_add(&argv, arguments[i]);
    strv_add_taken(&argv, NULL);
    const struct process process = {
        .argv = (const char *const *)argv.items,
        .extra_env = (const char *const *)run->env.items,
        .env = PROCESS_ENV_EXTRA,
        .input = input ? input->text : NULL,
        .input_len = input ? input->len : 0,
        .output_limit = input ? input->output_limit : 0,
        .directory = run->git->directory,
    };
    CLEANUP(freep) char *what = mem_printf("git %s", arguments[0]);
    CLEANUP(err_release) struct err problem = ERR_INIT;
    CLEANUP(str_release) struct str own = STR_INIT;
    struct str *output = ret_output ? ret_output : &own;
    if (process_run(&process, call, output, &problem))
        return true;
    /* The error has the last lines, which are git's advice; what ssh said stands before it. What a repository holds is no talk. */
    CLEANUP(freep) char *said = mem_strdup(run->is_limited ? output->text : err_message(&problem));
    translate(what, said, call, &problem);
    if (err)
        err_move(err, &problem);
    return false;
}
