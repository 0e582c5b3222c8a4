/* The container's steps, from steps_container.c to the table in steps.c. */
#pragma once

#include "reconcilers/instance/instance.h"

instance_step_fn step_pull_image, step_remove_job, step_stop, step_remove_container, step_create_container, step_resize,
    step_remove_leftovers, step_rename, step_put_files, step_connect, step_unpause, step_start, step_restart;
/* steps_recovery.c */
instance_step_fn step_note_schedule, step_schedule_backup, step_last_backup;
