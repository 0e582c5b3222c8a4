/* What the last list said of each thing, by name: whatever differs from it is news. One thread. */
#pragma once

#include "base/mem.h"

struct marks;
struct marks *marks_new(void);
void marks_free(struct marks *marks); /* NULL does nothing */

/* A list is read: marks_begin(), marks_note() for each thing in it, marks_end(). */
void marks_begin(struct marks *marks);
/*
 * Notes what this list says of `name`, as text. True: the one before said the same. Else *ret_before (owned) is what it said, NULL when it did
 * not name it.
 */
bool marks_note(struct marks *marks, const char *name, const char *text, char **ret_before);
typedef void marks_gone_fn(void *context, const char *name, const char *text);
/* What this list did not name is forgotten, and told to `gone_or_null` with what was last said of it. */
void marks_end(struct marks *marks, marks_gone_fn *gone_or_null, void *context);
