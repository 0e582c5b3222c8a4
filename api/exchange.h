/*
 * One request and its answer on the wire: libmicrohttpd's callbacks. The listener's thread reads head and body; a
 * worker identifies and answers while the connection is suspended. Who has not shown a good token gets no memory for
 * a body.
 */
#pragma once

#include <microhttpd.h>
#include <pthread.h>

#include "api/request.h"
#include "base/pool.h"
#include "specs/config.h"

/* A connection, as its listener watches over it: libmicrohttpd's socket context. */
struct peer {
    struct peer *next, *previous;
    int fd;
    int64_t head_due_mono_ms; /* atomic; INT64_MAX while a request is being answered */
};

/* What the exchanges of one listener share. */
struct exchange_context {
    struct pool *workers, *health;
    const struct config_listen *limits;
    bool is_encrypted;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;
    bool is_draining;
    size_t working; /* suspended, a worker has them */
};
void exchange_context_init(struct exchange_context *context, struct pool *workers, struct pool *health,
                           const struct config_listen *limits, bool is_encrypted);
/*
 * However steadily they drip, a request's head must be there within this, and its body again; libmicrohttpd itself
 * minds only silence.
 */
int64_t exchange_arrival_ms(const struct exchange_context *context);
void exchange_context_release(struct exchange_context *context);
/* From now on nothing is given to workers (503); waits until they have given back what they had. */
void exchange_drain(struct exchange_context *context);

/* libmicrohttpd's callbacks; `cls` of the first two is the exchange_context. */
void *exchange_begin(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **request_context);
void exchange_complete(void *cls, struct MHD_Connection *connection, void **request_context,
                       enum MHD_RequestTerminationCode code);
