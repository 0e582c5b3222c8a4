/* Takes Docker's log frames apart, however the stream is cut into pieces. Pure. */
#pragma once

#include "base/str.h"

struct log_frames {
    bool (*sink)(void *context, const char *bytes, size_t len, struct err *err);
    void *context;
    unsigned char header[8];
    size_t header_len;
    uint32_t left; /* of the present frame */
};
bool log_frames_take(struct log_frames *frames, const char *bytes, size_t len, struct err *err) MUST_USE;
bool log_frames_end(const struct log_frames *frames,
                    struct err *err) MUST_USE; /* ERR_REMOTE when cut inside of a frame */
