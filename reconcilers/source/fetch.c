/* Where the manifests come from, and what they would change. */
#include "reconcilers/source/source.h"

/* Plenty for reading a tree that is on this host. */
#define READ_CALL_MS MINUTE_MS

/* ---- the remote ---- */

struct remote {
    struct git_remote git;
    char *reference, *password, *ssh_key;
};

static void wipe(char *secret)
{
    if (secret)
        mem_wipe(secret, strlen(secret));
    free(secret);
}

static void remote_release(struct remote *remote)
{
    free(remote->reference);
    wipe(remote->password);
    wipe(remote->ssh_key);
}

/* NULL where it is not set: then the server is asked without it. */
static bool find_secret(struct source_attempt *attempt, const char *name, char **ret, struct err *err)
{
    CLEANUP(err_release) struct err problem = ERR_INIT;
    *ret = NULL;
    if (!attempt->record.uid || store_secret_get(attempt->ctx->store, attempt->record.uid, name, ret, &problem) ||
        problem.code == ERR_NOT_FOUND)
        return true;
    err_move(err, &problem);
    return false;
}

static bool open_remote(struct source_attempt *attempt, struct remote *ret, struct err *err)
{
    const struct source_git *git = &attempt->spec.git;
    enum source_transport transport = source_transport(git->url);
    ret->reference = git->commit ? mem_strdup(git->commit)
                     : git->tag  ? mem_printf("refs/tags/%s", git->tag)
                                 : mem_printf("refs/heads/%s", git->branch ? git->branch : "main");
    if (transport == TRANSPORT_HTTPS && !find_secret(attempt, SOURCE_SECRET_PASSWORD, &ret->password, err))
        return false;
    if (transport == TRANSPORT_SSH && !find_secret(attempt, SOURCE_SECRET_SSH_KEY, &ret->ssh_key, err))
        return false;
    ret->git = (struct git_remote){
        .url = git->url,
        .reference = ret->reference,
        .username = git->username,
        .password = ret->password,
        .ssh_key = ret->ssh_key,
        .known_hosts = git->known_hosts,
        .ca = git->ca,
    };
    return true;
}

/* Its own end, and no other: that Docker is away must not shorten a fetch. */
static struct call call_of(const struct source_attempt *attempt, int64_t at_most_ms)
{
    struct call own = { .cancelled = attempt->ctx->call.cancelled };
    return call_within(&own, at_most_ms);
}

bool source_fetch(struct source_attempt *attempt, const char *directory, struct err *err)
{
    CLEANUP(remote_release) struct remote remote = { 0 };
    CLEANUP(freep) char *commit = NULL;
    const struct git git = { .directory = directory, .max_bytes = attempt->spec.git.max_bytes };
    struct call call = call_of(attempt, attempt->spec.git.timeout_ms);
    if (attempt->spec.directory)
        return true; /* read where it is */
    if (!open_remote(attempt, &remote, err) || !git_resolve(&git, &remote.git, &call, &commit, err))
        return false;
    /* Between the two the branch may have moved on: what was fetched counts. */
    if (!git_has(&git, commit, &call)) {
        char *fetched = NULL;
        if (!git_fetch(&git, &remote.git, &call, &fetched, err))
            return false;
        free(commit);
        commit = fetched;
    }
    free(attempt->revision);
    attempt->revision = STEAL(commit);
    return true;
}

/* ---- looking ---- */

static bool read_files(struct source_attempt *attempt, const char *directory, struct err *err)
{
    const struct source_spec *spec = &attempt->spec;
    const struct git git = { .directory = directory, .max_bytes = spec->git.max_bytes };
    struct call call = call_of(attempt, READ_CALL_MS);
    source_files_release(&attempt->files);
    if (!spec->directory)
        return source_read_commit(&git, attempt->revision, spec->path, &call, &attempt->files, err);
    char *revision = NULL;
    if (!source_read_directory(spec->directory, spec->path, &attempt->files, &revision, err))
        return false;
    free(attempt->revision);
    attempt->revision = revision;
    return true;
}

static bool list_kind(struct source_attempt *attempt, enum kind_id kind, const char *namespace, struct err *err)
{
    CLEANUP(records_release) struct records records = { 0 };
    struct store_query query = { .kind = kind, .namespace = namespace };
    if (!store_list(attempt->ctx->store, &query, &records, NULL, err))
        return false;
    struct records *all = &attempt->lives;
    all->items = mem_grow(all->items, all->count + records.count + 1, sizeof(all->items[0]));
    for (size_t i = 0; i < records.count; i++)
        all->items[all->count++] = records.items[i];
    records.count = 0; /* they have moved */
    return true;
}

/* Everything that a manifest could mean, or that is ours. */
static bool list_lives(struct source_attempt *attempt, struct err *err)
{
    records_release(&attempt->lives);
    for (int kind = 0; kind < KINDS; kind++)
        if (!list_kind(attempt, (enum kind_id)kind, kinds[kind].namespaced ? attempt->spec.tenant : NULL, err))
            return false;
    json_decref(attempt->applied);
    attempt->applied = NULL;
    if (attempt->record.uid)
        return store_applied_list(attempt->ctx->store, attempt->record.uid, &attempt->applied, err);
    attempt->applied = json_object();
    return true;
}

bool source_look(struct source_attempt *attempt, const char *directory, struct err *err)
{
    document_reader_release(&attempt->reader);
    documents_release(&attempt->documents);
    source_plan_release(&attempt->plan);
    attempt->reader = (struct document_reader){ .documents = &attempt->documents };
    if (!read_files(attempt, directory, err))
        return false;
    source_open_sealed(&attempt->files, attempt->ctx->settings->identity_path);
    source_load(&attempt->files, attempt->record.key.name, &attempt->spec, &attempt->reader);
    source_files_release(&attempt->files);
    if (attempt->reader.complaints.count > 0)
        return true;
    if (!list_lives(attempt, err))
        return false;
    const struct source_view view = {
        .name = attempt->record.key.name,
        .uid = attempt->record.uid ? attempt->record.uid : "",
        .spec = &attempt->spec,
        .documents = &attempt->documents,
        .lives = &attempt->lives,
        .applied = attempt->applied,
        .revision = attempt->revision,
        .confirmed = record_annotation(&attempt->record, ANNOTATION_CONFIRM_PRUNE),
    };
    source_plan_make(&view, &attempt->plan);
    source_check(&attempt->plan, &attempt->lives, &attempt->reader);
    return true;
}
