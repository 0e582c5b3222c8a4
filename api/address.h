/* Listening sockets from "host:port". */
#pragma once

#include "base/err.h"

/*
 * Splits "127.0.0.1:7440", "[::1]:7440", "localhost:0", ":7440" (all addresses); both results are owned. ERR_INVALID.
 */
bool address_split(const char *address, char **ret_host, char **ret_port, struct err *err) MUST_USE;
/* Bound, listening, non-blocking, close-on-exec. ERR_CONFLICT: in use; ERR_INVALID: no such address. */
bool address_listen(const char *address, int *ret_fd, int *ret_port, struct err *err) MUST_USE;
