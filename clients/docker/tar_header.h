/* The layout of tar's header block, which reader and writer share (POSIX.1-2017, pax, "ustar Interchange Format"). */
#pragma once

#include <stdint.h>

#include "base/mem.h"

#define TAR_BLOCK 512

struct tar_header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link_target[100];
    char magic[6];
    char version[2];
    char user_name[32];
    char group_name[32];
    char device_major[8];
    char device_minor[8];
    char prefix[155];
    char unused[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "the header is one block");

/* The sum of all bytes with the checksum's own taken as blanks. */
static inline unsigned tar_header_sum(const struct tar_header *header)
{
    const unsigned char *bytes = (const unsigned char *)header;
    size_t from = offsetof(struct tar_header, checksum);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof(*header); i++)
        sum += i >= from && i < from + sizeof(header->checksum) ? ' ' : bytes[i];
    return sum;
}

/* Bytes from the end of `size` bytes of data to the next block. */
static inline uint64_t tar_padding(uint64_t size)
{
    return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}
