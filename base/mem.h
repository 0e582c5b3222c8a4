/*
 * Memory and scope cleanup. Running out of memory ends the process: it is restarted and looks at the world again, so no
 * caller has that branch. Any thread.
 */
#pragma once

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"

#define MUST_USE                __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
/* The variable's address is given to `fn` when its scope ends. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
/* Takes the pointer out of a CLEANUP variable: ownership leaves here, visibly. */
#define STEAL(p)                                                                                                       \
    ({                                                                                                                 \
        __typeof__(p) stolen_ = (p);                                                                                   \
        (p) = NULL;                                                                                                    \
        stolen_;                                                                                                       \
    })
#define ARRAY_LEN(a)  (sizeof(a) / sizeof((a)[0]))
#define MEM_NEW(type) ((type *)mem_zalloc(sizeof(type)))

void *mem_zalloc(size_t size);                                   /* zeroed, never NULL; free() it */
void *mem_grow(void *old_taken, size_t count, size_t item_size); /* as reallocarray(), never NULL */
char *mem_strdup(const char *text);                              /* NULL gives NULL */
char *mem_strndup(const char *text, size_t len);
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
void mem_wipe(void *secret, size_t size); /* overwrites; the compiler cannot drop it */

/* Tells malloc what a daemon of many threads and large answers needs; before the first thread. */
void mem_set_up(void);
/* Gives what is free back to the kernel, once the process has grown. Every few seconds, from one thread. */
void mem_give_back(void);

void freep(void *pointer_address); /* CLEANUP(freep) char *x */
void closep(int *fd);              /* closes when >= 0 */
