/*
 * Answers that go on: a bounded buffer between whoever produces (a watch, a container's log) and the listener's
 * thread that sends. A connection with nothing to send is suspended, never answered with 0 bytes (that spins; tried),
 * and one thread of ours waits on all their sockets for a client that leaves, which libmicrohttpd does not see while
 * a connection is suspended.
 */
#pragma once

#include <microhttpd.h>

#include "base/str.h"

struct streams;
/*
 * `tend` runs on the streams' thread after streams_wake() and when the time it returned has come (INT64_MAX: never);
 * must not block for long.
 */
typedef int64_t streams_tend_fn(void *context, int64_t now_mono_ms);
struct streams *streams_new(void);
void streams_start(struct streams *streams, streams_tend_fn *tend, void *context);
void streams_wake(struct streams *streams); /* any thread */
/* Ends the thread; all streams must be gone or ended before. */
void streams_stop(struct streams *streams);
void streams_free(struct streams *streams);
/* Resumes and ends every stream that is attached, and each one that will be: for the server's end. */
void streams_end_all(struct streams *streams);
size_t streams_count(struct streams *streams); /* attached ones */

/* ---- the producer's side; any thread, each call locks ---- */

struct stream;
struct stream *stream_new(struct streams *streams); /* one reference: the caller's */
void stream_ref(struct stream *stream);
void stream_unref(struct stream *stream);
void stream_add(struct stream *stream, const char *text, size_t len); /* goes nowhere when the reader is gone */
size_t stream_unsent(struct stream *stream);
/* streams_wake() is called once as soon as no more than `limit` bytes are unsent. */
void stream_tell_when_below(struct stream *stream, size_t limit);
/* Blocks until no more than `limit` bytes are unsent. False: the reader is gone. */
bool stream_wait_below(struct stream *stream, size_t limit);
void stream_end(struct stream *stream);   /* what was added is still sent */
void stream_abort(struct stream *stream); /* nothing more is sent, the connection is closed */
bool stream_is_gone(struct stream *stream);
/* Becomes 1 when the reader is gone; for struct call. Lives as long as the caller's reference. */
const volatile int *stream_gone_flag(const struct stream *stream);

/* ---- the server's side, on the listener's thread ---- */

/* Takes over the caller's reference. The response is the caller's to destroy after it was queued. */
struct MHD_Response *stream_attach(struct stream *stream_taken, struct MHD_Connection *connection);
