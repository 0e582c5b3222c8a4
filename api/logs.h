/*
 * Containers' logs, streamed from Docker; each on a thread of a pool of its own, because a follower may stay for
 * days.
 */
#pragma once

#include "api/request.h"

#define FOLLOWERS_MAX 16
#define LOG_BUFFER    (256 * 1024) /* unsent bytes at which reading from Docker waits */

struct followers;
struct followers *followers_new(const struct api_options *options);
void followers_cancel(struct followers *followers); /* none begins any more */
/* Their streams must have been aborted; waits for the threads. NULL does nothing. */
void followers_free(struct followers *followers);
