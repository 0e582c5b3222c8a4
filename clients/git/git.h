/*
 * git, as a program, with nothing of the machine's or the repository's own configuration: no hooks, attributes, filters, submodules or checkout;
 * objects are fetched into a bare repository and read from there. It gets PATH, the proxies' variables and what is made here as its environment,
 * may write files up to a limit, and is killed at the call's end. Blocking; one thread at a time per directory.
 *
 * Errors: ERR_UNAUTHORIZED (credentials), ERR_FORBIDDEN (the host's key or certificate is not known), ERR_NOT_FOUND (repository, branch, tag,
 * commit or path), ERR_TOO_LARGE, ERR_INVALID (a tree that is not taken), ERR_REMOTE (all else of the other side, and its silence),
 * ERR_CANCELLED. No message has a secret.
 */
#pragma once

#include "base/clock.h"

/* All borrowed. */
struct git {
    const char *directory; /* of its own, made where it is missing: repository, home, and keys while they are used */
    int64_t max_bytes;     /* of a file that git writes */
};
struct git_remote {
    const char *url;                 /* https://, ssh://, file:// */
    const char *reference;           /* "refs/heads/main", "refs/tags/v1", or a commit's hex digits */
    const char *username, *password; /* https; a NULL password: none is sent */
    const char *ssh_key;             /* ssh: text of the private key; NULL: none */
    const char *known_hosts;
    const char *ca; /* https: PEM; NULL: the system's */
};

/* The commit that the reference stands for there, now. Owned. */
bool git_resolve(const struct git *git, const struct git_remote *remote, const struct call *call, char **ret_commit,
                 struct err *err) MUST_USE;
/* Brings the reference's commit and its files, without history; which one it was. Owned. */
bool git_fetch(const struct git *git, const struct git_remote *remote, const struct call *call, char **ret_commit,
               struct err *err) MUST_USE;
/* Whether the commit was fetched and is still there. */
bool git_has(const struct git *git, const char *commit, const struct call *call);
/* The commit stays however many others are fetched; the one that was kept before need not. */
bool git_keep(const struct git *git, const char *commit, const struct call *call, struct err *err) MUST_USE;

struct git_entry {
    char *path;   /* below the path that was listed */
    char *object; /* hex digits */
    int64_t size;
};
struct git_entries {
    struct git_entry *items;
    size_t count;
};
void git_entries_release(struct git_entries *entries);
/*
 * The files of a commit below `path` (NULL: all), in order. ERR_INVALID when there is a symbolic link, a submodule or a path that leaves the
 * tree; ERR_NOT_FOUND when `path` is no directory.
 */
bool git_list(const struct git *git, const char *commit, const char *path, const struct call *call,
              struct git_entries *ret, struct err *err) MUST_USE;
/* What a listing printed by `git ls-tree -r -z -l` says. Pure. */
bool git_entries_parse(const char *text, size_t len, struct git_entries *ret, struct err *err) MUST_USE;
/* The contents of `count` entries into as many initialised strings. */
bool git_read(const struct git *git, const struct git_entry *const *entries, size_t count, const struct call *call,
              struct str *ret_texts, struct err *err) MUST_USE;
