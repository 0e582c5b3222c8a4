/* The configuration of accounts: registration, sessions, how often one may try to log in. */
#include "base/clock.h"
#include "specs/check.h"
#include "specs/config.h"

static const struct field new_tenant_fields[] = {
    { "plan", FIELD_TEXT, offsetof(struct config_new_tenant, plan), .fallback = "free", .max = 63, .check = check_word,
      .doc = "Its plan." },
    { "instances", FIELD_INT, offsetof(struct config_new_tenant, instances), .fallback = "1", .min = 0, .max = 100000,
      .doc = "Most instances; 0: no limit." },
    { "cpu", FIELD_CPU, offsetof(struct config_new_tenant, cpu_millicores), .fallback = "2",
      .doc = "Most CPUs of all its instances together; 0: no limit." },
    { "memory", FIELD_BYTES, offsetof(struct config_new_tenant, memory_bytes), .fallback = "4Gi",
      .doc = "Most memory of all its instances together; 0: no limit." },
    { "storage", FIELD_BYTES, offsetof(struct config_new_tenant, storage_bytes), .fallback = "20Gi",
      .doc = "Most storage of all its instances together; 0: no limit." },
    { NULL },
};

const struct field config_accounts_fields[] = {
    { "registration", FIELD_BOOL, offsetof(struct config_accounts, registration), .fallback = "false",
      .doc = "Whether anybody may make an account for themselves, with a tenant of its own (POST /auth/register)." },
    { "session", FIELD_DURATION, offsetof(struct config_accounts, session_ms), .fallback = "12h", .min = MINUTE_MS,
      .max = 90 * DAY_MS, .doc = "How long a login lasts." },
    { "loginWindow", FIELD_DURATION, offsetof(struct config_accounts, login_window_ms), .fallback = "15m",
      .min = SECOND_MS, .max = DAY_MS, .doc = "How long attempts to log in are counted together." },
    { "loginsPerAccount", FIELD_INT, offsetof(struct config_accounts, logins_per_account), .fallback = "10", .min = 1,
      .max = 1000000, .doc = "Attempts for one account within the window; a successful one forgets those before." },
    { "loginsPerAddress", FIELD_INT, offsetof(struct config_accounts, logins_per_address), .fallback = "100", .min = 1,
      .max = 1000000, .doc = "Attempts from one address (of IPv6: one /64) within the window." },
    { "newTenant", FIELD_OBJECT, offsetof(struct config_accounts, new_tenant), .fallback = "{}",
      .fields = new_tenant_fields, .doc = "What the tenant of who registers may use." },
    { "app", FIELD_TEXT, offsetof(struct config_accounts, app), .fallback = "odoo", .check = check_dns_label,
      .doc = "App of instances that the platform API makes without naming one." },
    { NULL },
};
