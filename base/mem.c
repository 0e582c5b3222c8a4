/* Allocation that ends the process when there is nothing left, and the functions behind CLEANUP(). */
#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
    ARENAS = 2, /* what one keeps, another cannot use */
    /* By default what is large is fetched from the kernel for each answer, page by page, and given back at once: near half of what a
     * list of some MB costs (measured). */
    MAPPED_FROM = 32 << 20,
    TRIMMED_FROM = 64 << 20,
    GROWN = 8 << 20,
};

static _Noreturn void out_of_memory(void)
{
    static const char message[] = "tenantd: out of memory\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof(message) - 1);
    (void)written; /* nothing is left to do when stderr is gone, too */
    abort();
}

void mem_set_up(void)
{
    mallopt(M_ARENA_MAX, ARENAS);
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    mallopt(M_TRIM_THRESHOLD, TRIMMED_FROM);
}

static int64_t resident_bytes(void)
{
    int64_t all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%" SCNd64 " %" SCNd64, &all, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

void mem_give_back(void)
{
    static int64_t after_last;
    int64_t resident = resident_bytes();
    if (resident > after_last + GROWN) {
        malloc_trim(0);
        resident = resident_bytes();
        after_last = resident;
    }
    if (resident < after_last)
        after_last = resident;
}

void *mem_zalloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        out_of_memory();
    return memory;
}

void *mem_grow(void *old_taken, size_t count, size_t item_size)
{
    if (count == 0 || item_size == 0) /* reallocarray() would free and give NULL */
        count = item_size = 1;
    void *memory = reallocarray(old_taken, count, item_size);
    if (!memory)
        out_of_memory();
    return memory;
}

char *mem_strdup(const char *text)
{
    return text ? mem_strndup(text, strlen(text)) : NULL;
}

char *mem_strndup(const char *text, size_t len)
{
    if (!text)
        return NULL;
    len = strnlen(text, len);
    char *copy = mem_grow(NULL, len + 1, 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *mem_printf(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0)
        out_of_memory();
    return text;
}

void mem_wipe(void *secret, size_t size)
{
    if (secret)
        explicit_bzero(secret, size);
}

void freep(void *pointer_address)
{
    void *memory;
    memcpy(&memory, pointer_address, sizeof(memory)); /* the variable may be of any pointer type */
    free(memory);
}

void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
