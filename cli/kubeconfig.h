/* Where the server is and who we are: a kubeconfig as kubectl reads it, and the options that override it. */
#pragma once

#include "cli/options.h"

#define KUBECONFIG_DEFAULT "/var/lib/tenantd/admin.kubeconfig"

struct connection_options {
    char *kubeconfig, *server, *token, *ca, *namespace;
    bool help;
};
extern const struct option_row connection_option_rows[];

struct connection {
    char *server; /* "https://127.0.0.1:7440", no trailing slash */
    char *token;  /* NULL: none */
    char *ca_pem; /* NULL: the system's */
    bool skip_verify;
    char *namespace; /* of -n or the context; NULL: none */
    char *origin;    /* the kubeconfig's path; NULL: options alone */
};
void connection_release(struct connection *connection);
/* The context that counts. Pure but for files that the kubeconfig names, which stand relative to `directory`. */
bool kubeconfig_read(const char *text, size_t len, const char *directory, struct connection *ret,
                     struct err *err) MUST_USE;
/*
 * --kubeconfig, else the first that exists of `kubeconfig_list` (KUBECONFIG, separated by colons; may be NULL), else KUBECONFIG_DEFAULT; then the
 * options' overrides.
 */
bool connection_find(const struct connection_options *options, const char *kubeconfig_list, struct connection *ret,
                     struct err *err) MUST_USE;
