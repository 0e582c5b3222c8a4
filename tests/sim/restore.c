/* What restores ask of the world and this one does not have: there are no recovery points in it. */
#include "clients/postgres/restore.h"

#include "clients/docker/docker.h"

bool docker_root(struct docker *docker, const struct call *call, char **ret, struct err *err)
{
    (void)docker;
    (void)call;
    (void)ret;
    return err_set(err, ERR_UNSUPPORTED, "no disk in a simulated world");
}

struct sink *container_unpack(struct docker *docker, const char *id, const char *directory, const struct call *call,
                              struct err *err)
{
    (void)docker;
    (void)call;
    err_set(err, ERR_UNSUPPORTED, "no files of %s in container %s in a simulated world", directory, id);
    return NULL;
}

bool server_version(struct server *server, const struct call *call, struct server_version *ret, struct err *err)
{
    (void)server;
    (void)call;
    (void)ret;
    return err_set(err, ERR_UNSUPPORTED, "no version of PostgreSQL in a simulated world");
}

struct sink *restore_sink_new(struct server *server, const struct restore_into *into, const struct call *call,
                              struct err *err)
{
    (void)server;
    (void)call;
    err_set(err, ERR_UNSUPPORTED, "no dump for %s in a simulated world", into->database);
    return NULL;
}

bool database_count_rows(struct server *server, const char *database, const struct call *call, struct dump_tables *ret,
                         struct err *err)
{
    (void)server;
    (void)call;
    (void)ret;
    return err_set(err, ERR_UNSUPPORTED, "no rows in %s in a simulated world", database);
}

void dump_tables_release(struct dump_tables *tables)
{
    (void)tables; /* never filled */
}
