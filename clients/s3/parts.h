/*
 * The parts of one big upload, sent by threads of their own while the next part is filled. All functions are for the thread that has the place's
 * handle.
 */
#pragma once

#include "clients/s3/s3_internal.h"

struct part_sender;
struct part_sender *part_sender_new(struct s3 *s3, const char *full_key,
                                    const struct call *call); /* all borrowed but the key */
/* Ends what is still under way. */
void part_sender_free(struct part_sender *sender);
/* Room for a part, S3_PART_BYTES; waits until there is some. The same one until it is sent. NULL: a part failed, or the call is over. */
char *part_sender_room(struct part_sender *sender, struct err *err);
/* Takes what is in the room as the next part. */
void part_sender_send(struct part_sender *sender, const char *upload_id, size_t len);
/* Waits for all parts; fills in their ETags in order. */
bool part_sender_finish(struct part_sender *sender, struct strv *ret_etags, struct err *err) MUST_USE;
