/* What the files of the embedded cluster share; nobody else includes it. */
#pragma once

#include <sys/types.h>

#include "clients/postgres/cluster.h"

#define CLUSTER_SUPERUSER "postgres"
#define CLUSTER_PORT_MIN  30100 /* outside of the default publish.range and of the kernel's ephemeral ports */
#define CLUSTER_PORT_MAX  30999

/* Where things are, and whose. */
struct cluster_place {
    char *data;      /* the daemon's data directory, resolved */
    char *directory; /* PGDATA */
    char *sockets;   /* directory of the unix socket */
    char *hash;      /* 16 hex digits that stand for `data` */
    char *binaries;  /* directory of initdb, pg_ctl and postgres */
    char *user;      /* owner of PGDATA and of the server's processes; not root */
    uid_t uid;
    gid_t gid;
};
void cluster_place_release(struct cluster_place *place);
/* ERR_NOT_FOUND when `data` has no cluster; makes nothing. Fills data, directory and hash. */
bool cluster_place_find(const char *data, struct cluster_place *ret, struct err *err) MUST_USE;
/* Finds or chooses all of it and stores what was chosen; runs initdb where there is no cluster yet. */
bool cluster_place_make(const char *data, const struct call *call, struct cluster_place *ret, struct err *err) MUST_USE;

/* The port asked for, else the stored one, else a free one; stored. */
bool cluster_port(const struct cluster_place *place, const struct cluster_options *options, int *ret_port,
                  struct err *err) MUST_USE;
/* A port of an address: free, somebody listens on it, or there is no such address (yet). */
enum port_state { PORT_FREE, PORT_TAKEN, PORT_NO_ADDRESS };
bool cluster_port_look(const char *address, int port, enum port_state *ret, struct err *err) MUST_USE;
/* ERR_CONFLICT when another program has it on one of the addresses. */
bool cluster_port_is_free(const struct cluster_options *options, int port, struct err *err) MUST_USE;
/* ERR_INVALID for what cannot stand in the configuration. */
bool cluster_options_check(const struct cluster_options *options, struct err *err) MUST_USE;
/* Writes postgresql.conf, pg_hba.conf and pg_ident.conf where they differ. */
bool cluster_config_write(const struct cluster_place *place, const struct cluster_options *options, int port,
                          bool *ret_changed, struct err *err) MUST_USE;
/* All addresses to listen on; ERR_INVALID where one is none. */
bool cluster_listen(const struct cluster_options *options, struct strv *ret, struct err *err) MUST_USE;

/* The running server of `directory`, told by postmaster.pid and by what the process really is; pid 0: none runs. */
struct postmaster {
    pid_t pid;
    int port;
    int pid_fd; /* -1 when none */
};
void postmaster_release(struct postmaster *postmaster);
bool postmaster_find(const char *directory, struct postmaster *ret, struct err *err) MUST_USE;
/* As a service of its own. `ret_waited`: it is up or has ended by now; else it may still be about to appear. */
bool postmaster_start(const struct cluster_place *place, const struct call *call, bool *ret_waited,
                      struct err *err) MUST_USE;
/* Fast shutdown, and waits for its end. */
bool postmaster_stop(struct postmaster *postmaster, const struct call *call, struct err *err) MUST_USE;
/* The last lines that the server logged, on one line; owned, "" when there are none. */
char *postmaster_last_words(const char *directory);
