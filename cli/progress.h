/* Progress of several records: one updating line each on a terminal, a plain line per change elsewhere. */
#pragma once

#include "cli/terminal.h"

enum progress_state { PROGRESS_WAITING, PROGRESS_DONE, PROGRESS_FAILED };
struct progress_row {
    const char *name;  /* "instance.tenantd/acme/erp" */
    const char *phase; /* "Provisioning" */
    const char *doing; /* "create-database" */
    const char *
        also; /* what changes by itself, "tries again in 5s": no reason for a new plain line; "" when there is nothing */
    enum progress_state state;
    int64_t elapsed_ms;
};

struct progress;
/* `stream` and `terminal` are borrowed. */
struct progress *progress_new(FILE *stream, const struct terminal *terminal);
/* Shows what changed since the last call; on a terminal everything. */
void progress_show(struct progress *progress, const struct progress_row *rows, size_t count);
void progress_free(struct progress *progress); /* what was shown stays on the screen */
void progress_freep(struct progress **progress);

/* One line without its end; cut to `width`, 0: not at all. */
void progress_line(const struct progress_row *row, const struct terminal *terminal, size_t name_width, size_t width,
                   struct str *out);
