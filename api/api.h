/*
 * The HTTP API: records as Kubernetes would serve them, plans, logs, secrets, health and metrics. tenantd.c starts it
 * once everything it borrows is there and stops it before that goes away. Own threads: one per listener
 * (libmicrohttpd), one that tends watches, a pool of workers with a database connection each, a small pool for logs.
 */
#pragma once

#include "reconcilers/reconcile.h"
#include "specs/config.h"
#include "store/feed.h"

/* All borrowed until api_stop(). */
struct api_options {
    const struct config_listen *listen;
    const struct config_accounts *accounts;
    const char *certificate_pem; /* of the TLS listener; api/certificate.h makes both where none are configured */
    const char *key_pem;
    const struct store_options *store;
    struct feed *feed;
    struct world *world;
    const struct settings *settings;
    const struct docker_options *docker;
    /*
     * What keeps the daemon from being ready besides the API's own neighbours; "" when nothing does. May be NULL. Any
     * thread, must not block.
     */
    void (*add_problems)(void *context, struct str *out);
    void *problems_context;
};

struct api;
/*
 * Listens when it returns; until api_open() it answers health alone, and everything else with 503 and what add_problems()
 * tells. What `store`, `settings` and `docker` point to is read only then. ERR_INVALID: an address or certificate that cannot be used; ERR_CONFLICT: the port is
 * taken.
 */
bool api_start(const struct api_options *options, struct api **ret_api, struct err *err) MUST_USE;
/* The records' database is there. `server_url`, borrowed: of the server with the customers' databases, for plans. */
void api_open(struct api *api, const char *server_url);
/* Ends watches and log streams, finishes the requests that are being answered, then frees. NULL does nothing. */
void api_stop(struct api *api);
int api_port(const struct api *api);       /* the one that listens, also where the configuration says 0 */
int api_plain_port(const struct api *api); /* 0: there is no plain listener */
