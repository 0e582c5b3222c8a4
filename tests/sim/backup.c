/* What backups ask of the world: a dump that is the database's name, and a tar that is the volume's. */
#include "clients/docker/tree.h"
#include "clients/postgres/dump.h"
#include "tests/sim/engine.h"

static bool read_tree(const char *id, struct sink *to, struct err *err)
{
    const struct sim_container *container = sim_container_find(id);
    if (!container)
        return err_set(err, ERR_NOT_FOUND, "no such container: %s", id);
    const char *volume = json_text(json_array_get(container->seen.mounts, 0), "source");
    return sink_write(to, volume, strlen(volume), err);
}

bool container_read_tree(struct docker *docker, const char *id, const char *path, const struct tree_filter *filter,
                         struct sink *to, const struct call *call, struct err *err)
{
    static const struct sim_call what = { "container_read_tree", SIM_ENGINE, SIM_READS };
    (void)docker;
    (void)path;
    (void)filter;
    return sim_begin(&what, call, err) && sim_end(&what, read_tree(id, to, err), err);
}

bool database_dump(struct server *server, const struct dump_source *source, struct sink *to, const struct call *call,
                   struct dump_result *ret, struct err *err)
{
    static const struct sim_call what = { "database_dump", SIM_SERVER, SIM_READS };
    (void)server;
    if (!sim_begin(&what, call, err) ||
        !sim_end(&what, sink_write(to, source->database, strlen(source->database), err), err))
        return false;
    dump_result_release(ret);
    ret->version = (struct server_version){ mem_strdup("15.6"), 150006 };
    return true;
}

void dump_result_release(struct dump_result *result)
{
    free(result->version.text); /* no rows are counted, and no query is answered */
    *result = (struct dump_result){ 0 };
}
