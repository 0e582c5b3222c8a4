/*
 * The statements that are sent to the customers' database server, by name and by how each begins: for who reads the
 * server's log, and for tests that walk them all. The records' statements are in store/statements.c.
 */
#pragma once

#include <stddef.h>

struct server_known_call {
    const char *name;
    const char *begins; /* the text of the statement */
};
extern const struct server_known_call server_known_calls[]; /* ends with a NULL name; the first that fits counts */
