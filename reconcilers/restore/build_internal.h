/* What the files that build beside the instance, or in a scratch, share. */
#pragma once

#include "reconcilers/restore/restore.h"

/* For what moves data: without a deadline of its own each call would get one that is meant for a question and its answer. */
struct call restore_moving(const struct reconcile_context *ctx);
/* Containers and network of attempts before: the one that lends its mount, and a drill's. Fine when there are none. */
bool restore_clear_containers(struct reconcile_context *ctx, const struct restore_want *want, struct err *err) MUST_USE;
/* The image of the data's version is there afterwards. Borrowed from the App. */
bool restore_image(struct reconcile_context *ctx, const struct restore_want *want, const char **ret_image,
                   struct err *err) MUST_USE;
/* Of the container that lends its mount. A drill's may stand beside a restore's. */
const char *restore_copier_suffix(const struct restore_want *want);

/* ---- a drill's scratch ---- */

/* The instance's workload under other names. Released by scratch_release(); must not be moved. */
struct scratch {
    struct record_key key; /* "erp.drill": no instance can be called so */
    char *network;
    json_t *values;
    struct workload workload;
};
void scratch_release(struct scratch *scratch);
void scratch_init(struct scratch *scratch, struct reconcile_context *ctx, const struct restore_want *want,
                  const char *image);
