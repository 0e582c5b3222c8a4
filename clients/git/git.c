/* The repository that is fetched into: references, fetching, keeping. */
#include "clients/git/git.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "clients/git/git_internal.h"

#define FETCHED   "refs/tenantd/fetched"
#define KEPT      "refs/tenantd/kept"
#define PACKS_MAX 40 /* each fetch leaves one; then they are made one again */

bool git_is_commit(const char *text, size_t len)
{
    return (len == 40 || len == 64) && strspn(text, "0123456789abcdef") >= len;
}

static char *repository_of(const struct git *git)
{
    return mem_printf("%s/repository", git->directory);
}

bool git_prepare(const struct git *git, const struct call *call, struct err *err)
{
    CLEANUP(freep) char *repository = repository_of(git);
    CLEANUP(freep) char *head = mem_printf("%s/HEAD", repository);
    CLEANUP(git_run_close) struct git_run run = { 0 };
    if (file_exists(head))
        return true;
    return git_run_open(&run, git, NULL, err) && dir_remove(repository, err) &&
           git_run(&run, (const char *const[]){ "init", "--quiet", "--bare", "--template=", repository, NULL }, NULL,
                   call, NULL, err);
}

/* ---- references ---- */

/* "<commit>\t<reference>" lines; a tag's own commit comes after it, with ^{}. */
static char *find_reference(const char *output, const char *reference)
{
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    CLEANUP(freep) char *peeled = mem_printf("%s^{}", reference);
    char *commit = NULL;
    strv_split(&lines, output, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        const char *tab = strchr(lines.items[i], '\t');
        size_t len = tab ? (size_t)(tab - lines.items[i]) : 0;
        if (!tab || !git_is_commit(lines.items[i], len))
            continue;
        if (str_equal(tab + 1, reference) || str_equal(tab + 1, peeled)) {
            free(commit);
            commit = mem_strndup(lines.items[i], len);
        }
    }
    return commit;
}

bool git_resolve(const struct git *git, const struct git_remote *remote, const struct call *call, char **ret_commit,
                 struct err *err)
{
    CLEANUP(git_run_close) struct git_run run = { 0 };
    CLEANUP(str_release) struct str output = STR_INIT;
    CLEANUP(freep) char *peeled = mem_printf("%s^{}", remote->reference);
    if (git_is_commit(remote->reference, strlen(remote->reference))) {
        *ret_commit = mem_strdup(remote->reference);
        return true;
    }
    const char *const arguments[] = { "ls-remote", "--quiet", "--", remote->url, remote->reference, peeled, NULL };
    if (!git_prepare(git, call, err) || !git_run_open(&run, git, remote, err) ||
        !git_run(&run, arguments, NULL, call, &output, err))
        return false;
    *ret_commit = find_reference(output.text, remote->reference);
    return *ret_commit || err_set(err, ERR_NOT_FOUND, "the repository has no %s", remote->reference);
}

static bool resolve_here(struct git_run *run, const char *name, const struct call *call, char **ret_commit,
                         struct err *err)
{
    CLEANUP(freep) char *commit = mem_printf("%s^{commit}", name);
    CLEANUP(str_release) struct str output = STR_INIT;
    if (!git_run(run, (const char *const[]){ "rev-parse", "--verify", "--quiet", "--end-of-options", commit, NULL },
                 NULL, call, &output, err))
        return false;
    size_t len = strcspn(output.text, "\n");
    if (!git_is_commit(output.text, len))
        return err_set(err, ERR_REMOTE, "%s is no commit", name);
    *ret_commit = mem_strndup(output.text, len);
    return true;
}

/* ---- fetching ---- */

/* What a fetch that was ended has left; it would never be used, nor go away. Returns the largest file's bytes. */
static int64_t sweep(const struct git *git)
{
    int64_t largest = 0;
    CLEANUP(freep) char *directory = mem_printf("%s/repository/objects/pack", git->directory);
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    if (!dir_list(directory, &names, NULL))
        return 0; /* nothing was fetched yet */
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(freep) char *path = mem_printf("%s/%s", directory, names.items[i]);
        struct stat status;
        if (!str_starts_with(names.items[i], "tmp_"))
            continue;
        if (stat(path, &status) == 0 && status.st_size > largest)
            largest = status.st_size;
        unlink(path);
    }
    return largest;
}

static size_t count_packs(const struct git *git)
{
    CLEANUP(freep) char *directory = mem_printf("%s/repository/objects/pack", git->directory);
    CLEANUP(strv_release) struct strv names = STRV_INIT;
    size_t count = 0;
    if (!dir_list(directory, &names, NULL))
        return 0;
    for (size_t i = 0; i < names.count; i++)
        count += str_ends_with(names.items[i], ".pack");
    return count;
}

static bool tidy(const struct git *git, const struct call *call, struct err *err)
{
    CLEANUP(git_run_close) struct git_run run = { 0 };
    if (count_packs(git) <= PACKS_MAX)
        return true;
    return git_run_open(&run, git, NULL, err) &&
           git_run(&run, (const char *const[]){ "gc", "--quiet", "--prune=now", NULL }, NULL, call, NULL, err);
}

bool git_fetch(const struct git *git, const struct git_remote *remote, const struct call *call, char **ret_commit,
               struct err *err)
{
    CLEANUP(git_run_close) struct git_run run = { 0 };
    CLEANUP(freep) char *refspec = mem_printf("+%s:" FETCHED, remote->reference);
    const char *const arguments[] = { "fetch",
                                      "--quiet",
                                      "--depth=1",
                                      "--update-shallow",
                                      "--no-tags",
                                      "--no-recurse-submodules",
                                      "--no-auto-maintenance",
                                      "--no-write-fetch-head",
                                      "--",
                                      remote->url,
                                      refspec,
                                      NULL };
    if (!git_prepare(git, call, err) || !git_run_open(&run, git, remote, err))
        return false;
    sweep(git);
    if (!git_run(&run, arguments, NULL, call, NULL, err)) {
        /* git tells of the limit in words that vary with whichever of its processes ends first; the file is sure. */
        if (sweep(git) < git->max_bytes)
            return false;
        return err_set(err, ERR_TOO_LARGE, "git fetch: %s", GIT_TOO_LARGE);
    }
    return resolve_here(&run, FETCHED, call, ret_commit, err) && tidy(git, call, err);
}

bool git_has(const struct git *git, const char *commit, const struct call *call)
{
    CLEANUP(git_run_close) struct git_run run = { 0 };
    CLEANUP(freep) char *found = NULL;
    CLEANUP(freep) char *head = mem_printf("%s/repository/HEAD", git->directory);
    return file_exists(head) && git_is_commit(commit, strlen(commit)) && git_run_open(&run, git, NULL, NULL) &&
           resolve_here(&run, commit, call, &found, NULL);
}

bool git_keep(const struct git *git, const char *commit, const struct call *call, struct err *err)
{
    CLEANUP(git_run_close) struct git_run run = { 0 };
    return git_run_open(&run, git, NULL, err) &&
           git_run(&run, (const char *const[]){ "update-ref", KEPT, commit, NULL }, NULL, call, NULL, err);
}
