/* The handlers that api/routes.c names; each is described where it stands. */
#pragma once

#include "api/request.h"

/* resources.c: of every view */
handler_fn resources_get, resources_list;
/* records_write.c, records_patch.c, records_delete.c */
handler_fn records_create, records_replace, records_refuse_status, records_patch, records_delete;
/* records_apply.c: what a PATCH of that type comes to */
handler_fn records_apply;
/* discovery.c, openapi.c */
handler_fn discovery_core, discovery_groups, discovery_core_resources, discovery_resources, discovery_authorization,
    discovery_authentication, discovery_version, openapi_v2;
/* openapi_v3.c */
handler_fn openapi_index, openapi_records, openapi_platform;
/* reviews.c */
handler_fn review_access, review_rules, review_self;
/* preview.c, logs.c, secrets.c */
handler_fn plan_show, logs_show, secrets_show;
/* orphans.c */
handler_fn orphans_show, orphans_remove;
/* download.c, catalog.c */
handler_fn point_download;
handler_fn catalog_rebuild_run;
/* recovery_key.c */
handler_fn recovery_key_show, recovery_key_export;
/* sources.c */
handler_fn source_secret_put, source_secret_drop, source_secrets_list, source_sync, source_hook;
/* health.c */
handler_fn health_live, health_ready, metrics_show;
/* accounts.c: who one is; accounts_admin.c, tokens.c, audit.c: the administrator's */
handler_fn account_register, account_login, account_logout, account_change_password, account_me;
handler_fn accounts_list, accounts_create, accounts_get, accounts_change, accounts_delete;
handler_fn tokens_list, tokens_create, tokens_revoke;
handler_fn audit_show;
/* platform_instances.c, platform_actions.c, platform_tenants.c */
handler_fn platform_instance_create, platform_instance_list, platform_instance_get, platform_instance_put,
    platform_instance_delete, platform_instance_status, platform_instance_logs, platform_instance_backups,
    platform_instance_act;
handler_fn platform_tenant_create, platform_tenant_list, platform_tenant_get, platform_tenant_put,
    platform_tenant_delete, platform_customer_stats;
