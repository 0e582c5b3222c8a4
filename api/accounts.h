/* Bodies of the requests about accounts and tokens: their field tables decode them and print /openapi.json. */
#pragma once

#include "api/request.h"

struct login {
    char *email, *password;
};
extern const struct field login_fields[];
struct password_change {
    char *current, *next;
};
extern const struct field password_change_fields[];
struct registration {
    char *email, *password, *name, *tenant;
};
extern const struct field registration_fields[];

/* What an administrator may say of an account; a change says only what is to differ. */
struct account_wish {
    char *email, *password, *name;
    int role; /* enum account_role */
    struct strv tenants;
    bool disabled;
};
extern const struct field account_fields[];        /* of a new one */
extern const struct field account_change_fields[]; /* of a change */
struct token_wish {
    char *name;
    int role;
    struct strv tenants, verbs;
    int64_t expires_in_ms; /* 0: never */
};
extern const struct field token_fields[];

/* For field tables: long enough for a password. */
void check_password(const struct field *field, const void *value, const char *path, struct problems *problems);
char *text_lower(const char *text); /* ASCII; owned */
/* The words of a `role` member, in the order of enum role without ROLE_NONE. */
extern const char *const role_words[];
enum role role_of_word(int word);
/*
 * Each tenant is there and there are not too many; of a member's there is at least one. Problems are the request's, at
 * "tenants".
 */
bool check_tenants(struct worker *worker, struct request *request, enum role role, const struct strv *tenants,
                   struct err *err) MUST_USE;
