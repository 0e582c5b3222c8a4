/*
 * What a data directory holds beside the records: the lock, the key that seals secrets, the embedded cluster's password, the admin's token. Made on
 * first start, read afterwards; files are 0600. Blocking; called by tenantd.c alone.
 */
#pragma once

#include "base/crypto.h"
#include "reconcilers/backup/tiers.h"
#include "reconcilers/reconcile.h"
#include "specs/config.h"

struct installation {
    int lock_fd;
    uint8_t key[SEAL_KEY_SIZE];
    char *url;                              /* of the records' database, with its password */
    char *database_host, *database_address; /* as containers reach the databases; see struct settings */
    int database_port;
    char *id; /* 6 hex digits */
    char *admin_token;
    char *holder;       /* this data directory on this host since its boot: whoever held its lock before us is gone */
    char *name;         /* of this process, for people: "host1 (4711)" */
    bool is_off_bridge; /* the embedded cluster was started with Docker away, on an address that no container reaches */
    char *cluster_directory; /* NULL: the database server is not ours */
    char *sources_directory;
    char *identity_path;
};
void installation_release(struct installation *installation);
/* The lock on the data directory (ERR_CONFLICT: another daemon has it), the key file, the id and the admin's token. */
bool installation_open(const struct config *config, struct installation *ret, struct err *err) MUST_USE;
/*
 * The database server: the configured one, or the embedded cluster, made and started where it is not; its role, database and
 * functions. ERR_UNREACHABLE and the like: to be tried again.
 */
bool installation_open_server(const struct config *config, const struct docker_options *docker,
                              struct installation *installation, struct err *err) MUST_USE;
/*
 * With the server opened: starts an embedded cluster that has ended since. ERR_UNSUPPORTED where the server is not ours to
 * start.
 */
bool installation_revive_server(const struct config *config, const struct docker_options *docker,
                                struct err *err) MUST_USE;
/*
 * Once Docker answers, an embedded cluster that was started off the bridge is started again on it: before the first
 * instance, so nobody minds. At once where there is nothing to do. Tried again like the server.
 */
bool installation_join_bridge(const struct config *config, const struct docker_options *docker,
                              struct installation *installation, struct err *err) MUST_USE;
/* Schema, installation id, the check that the key is the one that sealed what is stored, the admin's token. Tried again like the server. */
bool installation_open_store(const struct installation *installation, struct err *err) MUST_USE;
/* The settings for reconcilers; borrowed from config and installation. ERR_INVALID for what cannot be. */
bool installation_settings(const struct config *config, const struct installation *installation, struct settings *ret,
                           struct image_credentials **ret_registries, struct err *err) MUST_USE;
/*
 * Where recovery points go and the keys that seal them; an own age identity is made in <data>/backup.identity where neither recipients nor a
 * file are configured. `config` is borrowed. Release in either case.
 */
bool installation_backup(const struct config *config, const struct installation *installation,
                         struct backup_settings *ret, struct err *err) MUST_USE;
void installation_backup_release(struct backup_settings *backup);
/*
 * Gives the recovery key in `file` to the data directory of a lost installation's new host. ERR_CONFLICT: a daemon runs on it, or was started on it before.
 */
bool installation_import_key(const struct config *config, const char *file, struct err *err) MUST_USE;
/* Run as an administrator of a database server of one's own: role, database and functions, with the password from TENANTD_POSTGRES_PASSWORD. */
bool installation_bootstrap(const struct config *config, const char *admin_url, struct err *err) MUST_USE;
