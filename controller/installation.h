/*
 * What a data directory holds beside the records: the lock, the key that seals secrets, the embedded cluster's password, the admin's token. Made on
 * first start, read afterwards; files are 0600. Blocking; called by tenantd.c alone.
 */
#pragma once

#include "base/crypto.h"
#include "reconcilers/reconcile.h"
#include "specs/config.h"

struct installation {
    int lock_fd;
    uint8_t key[SEAL_KEY_SIZE];
    char *url;                              /* of the records' database, with its password */
    char *database_host, *database_address; /* as containers reach the databases; see struct settings */
    int database_port;
    char *id; /* 6 hex digits, known after installation_open_store() */
    char *admin_token;
};
void installation_release(struct installation *installation);
/* The lock on the data directory (ERR_CONFLICT: another daemon has it) and the key file. */
bool installation_open(const struct config *config, struct installation *ret, struct err *err) MUST_USE;
/*
 * The database server: the configured one, or the embedded cluster, made and started where it is not; its role, database and
 * functions. ERR_UNREACHABLE and the like: to be tried again.
 */
bool installation_open_server(const struct config *config, const struct docker_options *docker,
                              struct installation *installation, struct err *err) MUST_USE;
/* Schema, installation id, the check that the key is the one that sealed what is stored, the admin's token. Tried again like the server. */
bool installation_open_store(const struct config *config, struct installation *installation, struct err *err) MUST_USE;
/* The settings for reconcilers; borrowed from config and installation. ERR_INVALID for what cannot be. */
bool installation_settings(const struct config *config, const struct installation *installation, struct settings *ret,
                           struct image_credentials **ret_registries, struct err *err) MUST_USE;
/* Run as an administrator of a database server of one's own: role, database and functions, with the password from TENANTD_POSTGRES_PASSWORD. */
bool installation_bootstrap(const struct config *config, const char *admin_url, struct err *err) MUST_USE;
