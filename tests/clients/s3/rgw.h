/* A real S3 server for a test program (tests/tools/rgw.sh), and an independent client's view of it (tests/tools/s3_look.py). */
#pragma once

#include <unistd.h>

#include "base/crypto.h"
#include "base/process.h"
#include "clients/s3/s3.h"
#include "tests/check.h"

struct rgw {
    char *dir;
    char *endpoint, *access_key, *secret_key;
};

/* Runs a program of the tests; its output, without the last line's end. Ends the test program when it fails. Owned. */
static inline char *rgw_run(const char *const *argv, const char *const *extra_env)
{
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str output = STR_INIT;
    const struct process process = { .argv = argv, .extra_env = extra_env };
    struct call call = call_within(NULL, 3 * MINUTE_MS);
    if (!process_run(&process, &call, &output, &err)) {
        fprintf(stderr, "%s: %s\n", argv[0], err_message(&err));
        exit(1);
    }
    while (output.len > 0 && output.text[output.len - 1] == '\n')
        output.text[--output.len] = '\0';
    return str_steal(&output);
}

/* The value of "NAME=value" in `output`. Owned. */
static inline char *rgw_value(const char *output, const char *name)
{
    CLEANUP(freep) char *head = mem_printf("%s=", name);
    const char *at = strstr(output, head);
    if (!at) {
        fprintf(stderr, "no %s in: %s\n", name, output);
        exit(1);
    }
    at += strlen(head);
    return mem_strndup(at, strcspn(at, "\n"));
}

static inline struct rgw rgw_start(const char *name)
{
    struct rgw rgw = { .dir = mem_printf("var/test/rgw/%s.%d", name, (int)getpid()) };
    CLEANUP(freep) char *pid = mem_printf("%d", (int)getpid());
    CLEANUP(freep) char *output = rgw_run((const char *[]){ "tests/tools/rgw.sh", "start", rgw.dir, pid, NULL }, NULL);
    rgw.endpoint = rgw_value(output, "S3_ENDPOINT");
    rgw.access_key = rgw_value(output, "S3_ACCESS_KEY");
    rgw.secret_key = rgw_value(output, "S3_SECRET_KEY");
    return rgw;
}

static inline void rgw_stop(struct rgw *rgw)
{
    free(rgw_run((const char *[]){ "tests/tools/rgw.sh", "stop", rgw->dir, NULL }, NULL));
    free(rgw->dir);
    free(rgw->endpoint);
    free(rgw->access_key);
    free(rgw->secret_key);
}

/* rgw.sh COMMAND DIR [ARGUMENT]. */
static inline char *rgw_do(const struct rgw *rgw, const char *command, const char *argument)
{
    return rgw_run((const char *[]){ "tests/tools/rgw.sh", command, rgw->dir, argument, NULL }, NULL);
}

/* s3_look.py COMMAND BUCKET [A] [B]. Owned. */
static inline char *rgw_look(const struct rgw *rgw, const char *command, const char *bucket, const char *a,
                             const char *b)
{
    CLEANUP(freep) char *endpoint = mem_printf("S3_ENDPOINT=%s", rgw->endpoint);
    CLEANUP(freep) char *access_key = mem_printf("S3_ACCESS_KEY=%s", rgw->access_key);
    CLEANUP(freep) char *secret_key = mem_printf("S3_SECRET_KEY=%s", rgw->secret_key);
    const char *const environment[] = { endpoint, access_key, secret_key, NULL };
    return rgw_run((const char *[]){ "python3", "tests/tools/s3_look.py", command, bucket, a, a ? b : NULL, NULL },
                   environment);
}

static inline struct s3_options rgw_options(const struct rgw *rgw, const char *bucket)
{
    return (struct s3_options){
        .endpoint = rgw->endpoint,
        .bucket = bucket,
        .region = "us-east-1",
        .access_key = rgw->access_key,
        .secret_key = rgw->secret_key,
    };
}

static inline struct objects *rgw_open(const struct s3_options *options)
{
    struct err err = ERR_INIT;
    struct objects *objects = NULL;
    assert_ok(s3_open(options, &objects, &err), &err);
    return objects;
}
