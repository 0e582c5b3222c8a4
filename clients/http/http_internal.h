/* What http.c and http_loop.c share: how a CURL handle is set up for a target, and what curl's results mean. */
#pragma once

#include <curl/curl.h>

#include "clients/http/http.h"

/* Aborts unless `code` is CURLE_OK: setting an option fails only without memory or with another libcurl than we were built for. */
void http_must(CURLcode code);
/* Once per process; any thread. */
void http_global_init(void);
/* All that depends on the target and the path. A base URL that is none makes the transfer fail. Strings are copied by curl; `problem` must live as long as `curl`. */
void http_setup(CURL *curl, const struct http_target *target, const char *path, char problem[CURL_ERROR_SIZE]);
/* The lines of an answer before its body, as curl hands them out one by one. */
struct http_head {
    size_t bytes; /* all of them, 1xx answers and trailers too */
    bool ended;   /* the blank line came */
};
bool http_head_take(struct http_head *head, const char *line, size_t len); /* false: too many */
/* What the end of a transfer means: true, or an error that names `where`. */
bool http_check(struct err *err, CURLcode result, const struct http_head *head, const char *where, const char *problem);
/* The target as errors name it: the socket's path, or scheme, host and port, never credentials. Owned. */
char *http_target_name(const struct http_target *target);
