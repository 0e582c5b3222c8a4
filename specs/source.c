/* Source: its field tables, and the rules between fields. */
#include "specs/source.h"

#include <ctype.h>

#include "base/clock.h"
#include "specs/check.h"
#include "specs/wording.h"

const char *const source_secrets[] = { SOURCE_SECRET_PASSWORD, SOURCE_SECRET_SSH_KEY, SOURCE_SECRET_WEBHOOK, NULL };

static void complain(struct problems *problems, const char *path, const char *text, const char *why)
{
    CLEANUP(freep) char *shown = quoted(text);
    problems_add(problems, PROBLEM_INVALID, path, "%s %s", shown, why);
}

/* ---- URLs ---- */

enum source_transport source_transport(const char *url)
{
    static const struct {
        const char *prefix;
        enum source_transport transport;
    } rows[] = {
        { "https://", TRANSPORT_HTTPS },
        { "ssh://", TRANSPORT_SSH },
        { "file:///", TRANSPORT_FILE },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_starts_with(url, rows[i].prefix))
            return rows[i].transport;
    return TRANSPORT_NONE;
}

/* "user@host:22" of ssh, "host:443" of https; what git or ssh could take for an option or a command is no host. */
static const char *authority_complaint(const char *authority, size_t len, enum source_transport transport)
{
    const char *at = memchr(authority, '@', len);
    if (at && transport == TRANSPORT_HTTPS)
        return "holds a user or password; name the user in username, and set the password as a secret";
    const char *host = at ? at + 1 : authority;
    size_t host_len = len - (size_t)(host - authority);
    if (at && memchr(authority, ':', (size_t)(at - authority)))
        return "holds a password; ssh logs in with a key, set as a secret";
    if (host_len == 0 || host[0] == '-' || authority[0] == '-')
        return "has no host";
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)authority[i]) && !strchr(".-_:[]@", authority[i]))
            return "has a character that no host has";
    return NULL;
}

static void check_url(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field; /* there is one such field */
    const char *url = *(char *const *)value;
    enum source_transport transport = source_transport(url);
    if (transport == TRANSPORT_NONE) {
        complain(problems, path, url,
                 "is no URL of https://, ssh:// or file:///; write user@host:path as ssh://user@host/path");
        return;
    }
    const char *authority = strstr(url, "://") + 3;
    size_t len = strcspn(authority, "/");
    const char *why = transport == TRANSPORT_FILE ? NULL : authority_complaint(authority, len, transport);
    if (!why && (authority[len] == '\0' || authority[len + 1] == '\0'))
        why = "has no path";
    for (const char *c = url; !why && *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || *c == '\\')
            why = "has a blank or control character";
    if (!why)
        return;
    if (transport == TRANSPORT_FILE || !memchr(authority, '@', len))
        complain(problems, path, url, why);
    else /* it may hold a password */
        problems_add(problems, PROBLEM_INVALID, path, "%s", why);
}

/* ---- names of branches, tags, commits, paths ---- */

/* git-check-ref-format(1), as far as a name could harm or mislead. */
static bool is_reference_name(const char *text)
{
    if (text[0] == '-' || text[0] == '/' || strstr(text, "..") || strstr(text, "//") || strstr(text, "@{") ||
        str_ends_with(text, "/") || str_ends_with(text, ".") || str_ends_with(text, ".lock"))
        return false;
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7F || strchr("~^:?*[\\", *at))
            return false;
    return *text != '\0';
}

static void check_reference(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    if (!is_reference_name(text))
        complain(problems, path, text, "is not a name that git allows");
}

static void check_commit(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    size_t len = strlen(text);
    if ((len != 40 && len != 64) || strspn(text, "0123456789abcdef") != len)
        complain(problems, path, text, "is not a whole commit; write all 40 hex digits");
}

bool source_path_is_inside(const char *path)
{
    CLEANUP(strv_release) struct strv parts = STRV_INIT;
    strv_split(&parts, path, '/');
    for (size_t i = 0; i < parts.count; i++)
        if (!parts.items[i][0] || str_equal(parts.items[i], ".") || str_equal(parts.items[i], "..") ||
            strcasecmp(parts.items[i], ".git") == 0)
            return false;
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            return false;
    return parts.count > 0;
}

static void check_inside(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    const char *text = *(char *const *)value;
    if (!source_path_is_inside(text))
        complain(problems, path, text, "is not a path inside the repository, like clusters/one");
}

static void check_directory(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    const char *text = *(char *const *)value;
    check_file_path(field, value, path, problems);
    if (text[0] == '/' && (strstr(text, "/../") || str_ends_with(text, "/..")))
        complain(problems, path, text, "has .. in it; write the directory itself");
}

static void check_known_hosts(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    if (strchr(*(char *const *)value, ' ') == NULL)
        problems_add(problems, PROBLEM_INVALID, path,
                     "is no line of known_hosts, like `git.example.com ssh-ed25519 AAAA...`; ssh-keyscan prints them");
}

static void check_ca(const struct field *field, const void *value, const char *path, struct problems *problems)
{
    (void)field;
    if (!strstr(*(char *const *)value, "-----BEGIN CERTIFICATE-----"))
        problems_add(problems, PROBLEM_INVALID, path, "is no certificate in PEM form");
}

/* ---- rules between fields ---- */

static void check_git(const struct source_git *git, struct problems *problems)
{
    enum source_transport transport = source_transport(git->url);
    if (!!git->branch + !!git->tag + !!git->commit > 1)
        problems_add(problems, PROBLEM_INVALID, "spec.git", "has more than one of branch, tag and commit; keep one");
    if (transport == TRANSPORT_SSH && !git->known_hosts)
        problems_add(problems, PROBLEM_REQUIRED, "spec.git.knownHosts",
                     "is required with ssh, or any host could pass for that one; ssh-keyscan prints it");
    if (transport != TRANSPORT_SSH && git->known_hosts)
        problems_add(problems, PROBLEM_INVALID, "spec.git.knownHosts", "is for ssh alone; leave it out");
    if (transport != TRANSPORT_HTTPS && git->ca)
        problems_add(problems, PROBLEM_INVALID, "spec.git.ca", "is for https alone; leave it out");
    if (transport != TRANSPORT_HTTPS && git->username)
        problems_add(problems, PROBLEM_INVALID, "spec.git.username",
                     "is for https alone; with ssh the user stands in the URL");
}

void source_validate(const struct record *record, const void *spec_given, struct problems *problems)
{
    (void)record;
    const struct source_spec *spec = spec_given;
    if (spec->git.url && spec->directory)
        problems_add(problems, PROBLEM_INVALID, "spec", "has both git and directory; keep one");
    else if (!spec->git.url && !spec->directory && !problems_has_under(problems, "spec.git"))
        problems_add(problems, PROBLEM_REQUIRED, "spec.git.url", "is required, or spec.directory");
    if (spec->git.url && !problems_has_under(problems, "spec.git"))
        check_git(&spec->git, problems);
    if (spec->suspend_until_ms && !spec->suspend)
        problems_add(problems, PROBLEM_INVALID, "spec.suspendUntil", "says nothing without suspend: true");
}

bool source_is_suspended(const struct source_spec *spec, int64_t now_ms)
{
    return spec->suspend && (spec->suspend_until_ms == 0 || now_ms < spec->suspend_until_ms);
}

/* ---- the tables ---- */

static const char *const mode_words[] = { [SOURCE_APPLY] = "Apply", [SOURCE_DETECT_ONLY] = "DetectOnly", NULL };

static const struct field git_fields[] = {
    { "url", FIELD_TEXT, offsetof(struct source_git, url), .max = 2000, .check = check_url,
      .example = "https://git.example.com/fleet.git", .doc = "The repository: https://, ssh:// or file:///." },
    { "branch", FIELD_TEXT, offsetof(struct source_git, branch), .max = 250, .check = check_reference,
      .example = "main", .doc = "Branch to follow; absent, with tag and commit: main." },
    { "tag", FIELD_TEXT, offsetof(struct source_git, tag), .max = 250, .check = check_reference, .example = "v1",
      .doc = "Tag to follow, instead of a branch." },
    { "commit", FIELD_TEXT, offsetof(struct source_git, commit), .check = check_commit,
      .example = "4b825dc642cb6eb9a060e54bf8d69288fbee4904", .doc = "One commit, instead of a branch." },
    { "username", FIELD_TEXT, offsetof(struct source_git, username), .max = 250, .check = check_word,
      .example = "tenantd", .doc = "User of https; its password is the Source's secret `password`. Absent: git." },
    { "knownHosts", FIELD_TEXT, offsetof(struct source_git, known_hosts), .check = check_known_hosts,
      .example = "git.example.com ssh-ed25519 AAAA...",
      .doc = "The ssh server's keys, as lines of known_hosts. The Source's secret `sshKey` logs in." },
    { "ca", FIELD_TEXT, offsetof(struct source_git, ca), .check = check_ca,
      .example = "\"-----BEGIN CERTIFICATE-----\"",
      .doc = "Authority of the https server's certificate, PEM; absent: the system's." },
    { "timeout", FIELD_DURATION, offsetof(struct source_git, timeout_ms), .fallback = "1m", .min = SECOND_MS,
      .max = HOUR_MS, .doc = "How long a fetch may take." },
    { "maxBytes", FIELD_BYTES, offsetof(struct source_git, max_bytes), .fallback = "256Mi", .min = INT64_C(1) << 20,
      .max = INT64_C(16) << 30, .doc = "Most that a fetch may bring; only the newest commit's files are fetched." },
    { NULL },
};

const struct field source_spec_fields[] = {
    { "git", FIELD_OBJECT, offsetof(struct source_spec, git), .fields = git_fields, .doc = "A git repository." },
    { "directory", FIELD_TEXT, offsetof(struct source_spec, directory), .check = check_directory,
      .example = "/srv/manifests", .doc = "A directory of the daemon's host, instead of git." },
    { "path", FIELD_TEXT, offsetof(struct source_spec, path), .max = 1000, .check = check_inside,
      .example = "clusters/one", .doc = "Where in it the manifests are; absent: everywhere." },
    { "tenant", FIELD_TEXT, offsetof(struct source_spec, tenant), FIELD_IMMUTABLE, .check = check_dns_label,
      .example = "acme", .doc = "The only namespace that it may touch; absent: all, and records without one." },
    { "interval", FIELD_DURATION, offsetof(struct source_spec, interval_ms), .fallback = "5m", .min = 10 * SECOND_MS,
      .max = 7 * DAY_MS, .doc = "How often it is looked at, give or take a tenth." },
    { "mode", FIELD_ENUM, offsetof(struct source_spec, mode), .fallback = "Apply", .choices = mode_words,
      .doc = "Apply makes records follow; DetectOnly reports and changes nothing." },
    { "prune", FIELD_BOOL, offsetof(struct source_spec, prune), .fallback = "false",
      .doc = "Whether its records whose manifest is gone are deleted." },
    { "pruneLimit", FIELD_INT, offsetof(struct source_spec, prune_limit), .fallback = "20", .min = 1, .max = 100,
      .doc = "Most that one sync may prune, in percent of its records, at least one; more needs the annotation "
             "tenantd/confirm-prune with the commit." },
    { "suspend", FIELD_BOOL, offsetof(struct source_spec, suspend), .fallback = "false",
      .doc = "Nothing is fetched, applied or put back." },
    { "suspendUntil", FIELD_TIME, offsetof(struct source_spec, suspend_until_ms), .example = "2026-01-02T03:04:05Z",
      .doc = "When suspend ends by itself." },
    { "wait", FIELD_BOOL, offsetof(struct source_spec, wait), .fallback = "false",
      .doc = "Ready only when all its records are." },
    { "waitTimeout", FIELD_DURATION, offsetof(struct source_spec, wait_timeout_ms), .fallback = "10m",
      .min = 10 * SECOND_MS, .max = DAY_MS, .doc = "When waiting records count as failed." },
    { NULL },
};

static const struct field counts_fields[] = {
    { "records", FIELD_INT, offsetof(struct source_counts, records), .fallback = "0", .doc = "Records that are its." },
    { "created", FIELD_INT, offsetof(struct source_counts, created), .fallback = "0", .doc = "Made." },
    { "changed", FIELD_INT, offsetof(struct source_counts, changed), .fallback = "0", .doc = "Changed." },
    { "unchanged", FIELD_INT, offsetof(struct source_counts, unchanged), .fallback = "0", .doc = "As stated already." },
    { "pruned", FIELD_INT, offsetof(struct source_counts, pruned), .fallback = "0", .doc = "Deleted." },
    { "adopted", FIELD_INT, offsetof(struct source_counts, adopted), .fallback = "0", .doc = "Taken over." },
    { "ignored", FIELD_INT, offsetof(struct source_counts, ignored), .fallback = "0",
      .doc = "Left alone by tenantd/sync: ignore." },
    { "failed", FIELD_INT, offsetof(struct source_counts, failed), .fallback = "0", .doc = "Refused." },
    { NULL },
};

const struct field source_status_fields[] = {
    { "phase", FIELD_TEXT, offsetof(struct source_status, phase),
      .doc = "Pending, Syncing, Synced, Waiting, Drifted, Failed, Suspended or Deleting." },
    { "message", FIELD_TEXT, offsetof(struct source_status, message), .doc = "What is wrong, in words." },
    { "observedGeneration", FIELD_INT, offsetof(struct source_status, observed_generation),
      .doc = "The spec's generation that this status is about." },
    { "conditions", FIELD_LIST, offsetof(struct source_status, conditions), .fields = condition_fields,
      .item_size = sizeof(struct condition), .doc = "Ready, Synced, and with wait Healthy." },
    { "revision", FIELD_TEXT, offsetof(struct source_status, revision),
      .doc = "Commit that the records follow; of a directory the digest of its files." },
    { "attemptedRevision", FIELD_TEXT, offsetof(struct source_status, attempted_revision),
      .doc = "Commit that was looked at last." },
    { "lastSync", FIELD_TIME, offsetof(struct source_status, last_sync_ms), .doc = "When a sync last succeeded." },
    { "lastAttempt", FIELD_TIME, offsetof(struct source_status, last_attempt_ms), .doc = "When one was last begun." },
    { "counts", FIELD_OBJECT, offsetof(struct source_status, counts), .fields = counts_fields,
      .doc = "What the last sync did, or with DetectOnly would have done." },
    { "drifted", FIELD_TEXTS, offsetof(struct source_status, drifted),
      .doc = "Records that differ from what was applied." },
    { "conflicts", FIELD_TEXTS, offsetof(struct source_status, conflicts),
      .doc = "Records that belong to somebody else." },
    { "kept", FIELD_TEXTS, offsetof(struct source_status, kept),
      .doc = "Records without a manifest, and why they stay." },
    { "problems", FIELD_TEXTS, offsetof(struct source_status, problems),
      .doc = "What is wrong with manifests: file, line, record, field." },
    { "retry", FIELD_OBJECT, offsetof(struct source_status, retry), .fields = retry_status_fields,
      .doc = "Absent when nothing is to be tried again." },
    { NULL },
};
