/* The handlers that api/routes.c names; each is described where it stands. */
#pragma once

#include "api/request.h"

/* resources.c: of every view */
handler_fn resources_get, resources_list;
/* records_write.c, records_patch.c, records_delete.c */
handler_fn records_create, records_replace, records_patch, records_delete;
/* discovery.c, openapi.c */
handler_fn discovery_core, discovery_groups, discovery_core_resources, discovery_resources, discovery_authorization,
    discovery_authentication, discovery_version, openapi_v2;
/* reviews.c */
handler_fn review_access, review_rules, review_self;
/* preview.c, logs.c, secrets.c */
handler_fn plan_show, logs_show, secrets_show;
/* orphans.c */
handler_fn orphans_show, orphans_remove;
/* health.c */
handler_fn health_live, health_ready, metrics_show;
