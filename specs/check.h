/* Shapes of texts that several kinds share: e-mail, DNS names, paths. The check_... functions serve in field tables. Pure. */
#pragma once

#include "specs/field.h"

bool is_dns_label(const char *text);      /* [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most 63 */
bool is_dns_name(const char *text);       /* labels with dots, at most 253, not an IPv4 address */
bool is_qualified_name(const char *text); /* a label's or annotation's key: [prefix/]name after Kubernetes */
bool is_bucket_name(const char *text);    /* of S3: [a-z0-9.-], 3 to 63 */
bool is_objects_prefix(
    const char *text); /* the beginning of objects' keys: parts of [A-Za-z0-9._-] with slashes between */

void check_email(const struct field *field, const void *value, const char *path, struct problems *problems);
void check_domains(const struct field *field, const void *value, const char *path, struct problems *problems);
void check_dns_label(const struct field *field, const void *value, const char *path, struct problems *problems);
void check_technical_names(const struct field *field, const void *value, const char *path, struct problems *problems);
void check_env_name(const struct field *field, const void *value, const char *path, struct problems *problems);
void check_word(const struct field *field, const void *value, const char *path,
                struct problems *problems); /* no blanks */
void check_url_path(const struct field *field, const void *value, const char *path, struct problems *problems);
void check_file_path(const struct field *field, const void *value, const char *path, struct problems *problems);
void check_bucket(const struct field *field, const void *value, const char *path, struct problems *problems);
void check_objects_prefix(const struct field *field, const void *value, const char *path, struct problems *problems);
/* Adds a problem for each text of the list that came before. */
void check_unique_texts(const struct field *field, const void *value, const char *path, struct problems *problems);
