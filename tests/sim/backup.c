/* What backups ask of the world and this one does not have: no dump and no tar ever comes. */
#include "clients/docker/tree.h"
#include "clients/postgres/dump.h"

bool container_read_tree(struct docker *docker, const char *id, const char *path, const struct tree_filter *filter,
                         struct sink *to, const struct call *call, struct err *err)
{
    (void)docker;
    (void)filter;
    (void)to;
    (void)call;
    return err_set(err, ERR_UNSUPPORTED, "no files of %s in container %s in a simulated world", path, id);
}

bool database_dump(struct server *server, const struct dump_source *source, struct sink *to, const struct call *call,
                   struct dump_result *ret, struct err *err)
{
    (void)server;
    (void)to;
    (void)call;
    (void)ret;
    return err_set(err, ERR_UNSUPPORTED, "no dump of %s in a simulated world", source->database);
}

void dump_result_release(struct dump_result *result)
{
    (void)result; /* never filled */
}
