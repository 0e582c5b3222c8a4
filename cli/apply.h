/* Applying one document; diff shows the same without storing. */
#pragma once

#include "cli/cli.h"
#include "cli/documents.h"

/* documents_load() with the command line's standard input and namespace, whatever `source` says of these. */
bool cli_load_documents(struct cli *cli, struct documents_source source, struct documents *ret,
                        struct err *err) MUST_USE;

enum apply_mode { APPLY_STORE, APPLY_DRY_RUN };
enum apply_did { APPLY_CREATED, APPLY_CONFIGURED, APPLY_UNCHANGED };
struct apply_result {
    enum apply_did did;
    json_t *live;   /* before; NULL: there was none */
    json_t *object; /* after */
};
void apply_result_release(struct apply_result *result);
/* `ret` is zeroed before and must be released also when it failed. */
bool apply_document(struct cli *cli, const struct document *document, enum apply_mode mode, struct apply_result *ret,
                    struct err *err) MUST_USE;
