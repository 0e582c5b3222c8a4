/* Recovery points, streamed out of their places; each on a thread of a pool of its own. */
#pragma once

#include "api/request.h"

#define DOWNLOADS_MAX   4
#define DOWNLOAD_BUFFER ((size_t)1 << 20) /* unsent bytes at which reading from the place waits */
/* Reason of the event that tells why a download was cut off: its status had been sent by then. cli/download.c reads it. */
#define DOWNLOAD_FAILED "DownloadFailed"

struct downloads;
struct downloads *downloads_new(const struct api_options *options);
void downloads_cancel(struct downloads *downloads); /* none begins any more */
/* Their streams must have been aborted; waits for the threads. NULL does nothing. */
void downloads_free(struct downloads *downloads);
