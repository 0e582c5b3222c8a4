/* The container's steps, and a restore's, to the table in steps.c. */
#pragma once

#include "reconcilers/instance/instance.h"

instance_step_fn step_pull_image, step_remove_job, step_stop, step_remove_container, step_create_container, step_resize,
    step_remove_leftovers, step_rename, step_put_files, step_connect, step_unpause, step_start, step_restart;
/* steps_recovery.c */
instance_step_fn step_note_schedule, step_schedule_backup, step_last_backup;
/* From steps_restore.c. */
instance_step_fn step_switch_data, step_restore_after, step_keep_restored, step_reject_restored, step_switch_back,
    step_drop_replaced;
/* A job with its own values on top; its output is kept in `want` when it fails. */
bool instance_run_job(struct reconcile_context *ctx, struct instance_want *want, const struct job *job,
                      struct err *err) MUST_USE;
/* The Restore that has the claim, if one has, looks again. */
void instance_wake_restore(struct reconcile_context *ctx, const struct instance_want *want);
