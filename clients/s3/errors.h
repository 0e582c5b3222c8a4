/* What S3's error answers mean. Pure. */
#pragma once

#include "clients/s3/answers.h"

struct s3_meaning {
    enum err_code code;
    bool may_pass;   /* the same request may be answered well soon */
    bool slows_down; /* the server asks for fewer requests */
};
/* `code` is S3's ("NoSuchKey"), "" when it is not known (a HEAD has no body). */
struct s3_meaning s3_meaning_of(int status, const char *code);
