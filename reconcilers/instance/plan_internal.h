/* What the files that plan for an instance share. Pure. */
#pragma once

#include "reconcilers/instance/instance.h"

void instance_plan_add(struct plan *plan, enum instance_step step, const char *detail);
/* Stops the container where it may be running. */
void instance_plan_stop(const struct instance_seen *seen, const struct instance_want *want, struct plan *plan);
/* Role and database as we leave them. */
void instance_plan_database(const struct instance_want *want, const struct instance_seen *seen, struct plan *plan);
/* The container that is asked for, running; `renewed`: the one there is does not fit any more. */
void instance_plan_container(const struct instance_want *want, const struct instance_seen *seen, bool renewed,
                             int64_t now_ms, struct plan *plan);
/* The container there is, whatever it is made for, is to run. */
void instance_plan_running(const struct instance_want *want, const struct instance_seen *seen, int64_t now_ms,
                           struct plan *plan);

/* plan_restore.c: while a Restore is on its way. True: all else waits. */
bool instance_plan_restore(const struct instance_want *want, const struct instance_seen *seen, int64_t now_ms,
                           struct plan *plan);
/* The same for an instance that is to go. */
bool instance_plan_restore_deletion(const struct instance_want *want, const struct instance_seen *seen,
                                    struct plan *plan);
