/* The kubeconfig that start-up writes, for tenantctl and kubectl. Pure, but for kubeconfig_write(). */
#pragma once

#include "base/str.h"

struct kubeconfig {
    const char *server;          /* "https://127.0.0.1:7440" */
    const char *certificate_pem; /* trusted for it; NULL: the system's authorities */
    const char *user;            /* "admin" */
    const char *token;
    const char *namespace; /* of the context; NULL: none */
};
void kubeconfig_print(const struct kubeconfig *config, struct str *out);
/* Atomic, mode 0600. Not written again when the file already says the same. */
bool kubeconfig_write(const struct kubeconfig *config, const char *path, struct err *err) MUST_USE;
/*
 * The URL under which a listener is reached from this host: for "0.0.0.0:7440" and ":7440" that is
 * https://127.0.0.1:7440. Owned. `port`: the one for a port 0.
 */
char *kubeconfig_server_url(const char *address, int port);
