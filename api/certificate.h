/* Our own TLS certificate, for an installation that was given none: EC P-256, self-signed, ten years. Any thread. */
#pragma once

#include "base/str.h"

/*
 * Valid for localhost, 127.0.0.1, ::1, the host's name and `more_names` (host names or addresses; may be NULL). Both
 * results are PEM and owned; the key is to be kept 0600.
 */
bool certificate_make(const struct strv *more_names, char **ret_certificate_pem, char **ret_key_pem,
                      struct err *err) MUST_USE;
/*
 * Reads <directory>/tls.crt and tls.key, or makes them there (0644, 0600) when both are missing, or when the
 * certificate is ours and ends within 30 days or lacks one of `more_names`.
 */
bool certificate_ensure(const char *directory, const struct strv *more_names, char **ret_certificate_pem,
                        char **ret_key_pem, struct err *err) MUST_USE;
