/*
 * The embedded PostgreSQL cluster (design section 10): made by initdb on first start as an unprivileged user, started
 * as a service of its own session (of its own systemd unit where systemd runs), so it survives the daemon; a running
 * one is adopted. Blocking; called by tenantd's start-up, stop and tests, by one thread of one process at a time (the
 * daemon's lock on the data directory).
 *
 * The user is "postgres" for root, else ourselves. The superuser "postgres" comes in over the unix socket only, as
 * root or as that user; the role and the database "tenantd" are closed to the containers' network.
 */
#pragma once

#include "base/clock.h"

struct cluster_options {
    const char *data;   /* the daemon's data directory; the cluster lives in <data>/postgres, or where design section 10
                         says (then <data>/postgres.location tells) */
    int port;           /* 0: a free one of 30100-30999, chosen once; stored in <data>/postgres.port */
    const char *listen; /* addresses besides 127.0.0.1, comma-separated, e.g. docker0's; may be NULL */
    const char *allow;  /* CIDR of containers in pg_hba, e.g. 10.213.0.0/16; may be NULL */
};
struct cluster {
    char *directory; /* PGDATA */
    int port;
    char *admin_url; /* superuser over the unix socket, by peer */
};
void cluster_release(struct cluster *cluster);
/*
 * Makes, starts or adopts; waits until it answers. fsync, synchronous_commit and full_page_writes on are checked:
 * otherwise ERR_INVALID with the remedy. ERR_INVALID, too, where programs or the user are missing, or a cluster made
 * earlier is gone; ERR_CONFLICT: the port is taken; ERR_REMOTE: it does not start, with its last words. Configuration
 * is written anew at each start; a running server is never restarted for it: what waits for a restart, or an address
 * that it does not listen on, is logged as a warning with the remedy.
 */
bool cluster_start(const struct cluster_options *options, const struct call *call, struct cluster *ret,
                   struct err *err) MUST_USE;
/* Fast shutdown of the cluster under `data`, and waits for its end; fine when none runs. */
bool cluster_stop(const char *data, const struct call *call, struct err *err) MUST_USE;
