/*
 * What a fleet with nothing to do costs: a list pass over simulated instances, and a look at every record from the cache, in CPU time and memory;
 * and the decoding of an engine's real list. The simulated engine hands over what is decoded already; its own time is taken off.
 */
#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "tests/sim/daemon.h"
#include "tests/sim/engine.h"
#include "tests/sim/server.h"
#include "tests/sim/store.h"

enum { PER_TENANT = 100, PASSES = 5, PASS_MS = 31000 };

static const size_t sizes[] = { 200, 1000, 10000, 100000 };

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1000000;
}

/* The time within the simulated neighbours' lists, which is not ours. */
static struct {
    double began_ms, spent_ms;
} fakes;

static bool is_list(const struct sim_call *what)
{
    return str_equal(what->name, "container_list") || str_equal(what->name, "server_list");
}

static bool before(void *context, const struct sim_call *what, struct err *err)
{
    (void)context;
    (void)err;
    if (is_list(what))
        fakes.began_ms = cpu_ms();
    return true;
}

static bool after(void *context, const struct sim_call *what, struct err *err)
{
    (void)context;
    (void)err;
    if (is_list(what))
        fakes.spent_ms += cpu_ms() - fakes.began_ms;
    return true;
}

static void fail(const char *what, const struct err *err)
{
    fprintf(stderr, "%s: %s\n", what, err_message(err));
    exit(1);
}

static void create(enum kind_id kind, const char *namespace, const char *name, const char *spec_text)
{
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(json_decrefp) json_t *document = json_object();
    CLEANUP(record_release) struct record record = { 0 };
    json_t *spec = NULL, *metadata = json_object();
    if (!json_parse(spec_text, strlen(spec_text), &spec, &err))
        fail("spec", &err);
    json_put_text(document, "apiVersion", API_VERSION);
    json_put_text(document, "kind", kinds[kind].name);
    json_put(document, "metadata", metadata);
    json_put(document, "spec", spec);
    if (!record_from_json(document, &kinds[kind], namespace, name, &record, NULL, &problems) ||
        !record_settle(&kinds[kind], NULL, &record, &problems))
        fail(problems.items[0].message, &err);
    strv_add(&record.finalizers, FINALIZER_TEARDOWN);
    struct store_write write = { .mode = STORE_WRITE };
    struct store *store = store_new(NULL);
    if (!store_create(store, &record, &write, &err))
        fail("create", &err);
    store_free(store);
}

static void make_fleet(size_t count)
{
    sim_image_add("sim/app:1", "sha256:1", "1000");
    create(KIND_APP, NULL, "app",
           "{\"versions\": [{\"name\": \"1\", \"image\": \"sim/app:1\"}], \"user\": {\"uid\": 1000, \"gid\": 1000},"
           " \"ports\": [{\"name\": \"http\", \"port\": 8080}], \"dataPath\": \"/data\", \"command\": [\"/app/serve\"],"
           " \"env\": {\"DB\": \"{{database.name}}\", \"DBUSER\": \"{{database.user}}\","
           " \"DBPASSWORD\": \"{{database.password}}\"}, \"secrets\": [\"adminPassword\"],"
           " \"files\": [{\"path\": \"/run/app.conf\", \"content\": \"secret = {{secret.adminPassword}}\"}]}");
    for (size_t i = 0; i < count; i++) {
        CLEANUP(freep) char *tenant = mem_printf("t%zu", i / PER_TENANT);
        CLEANUP(freep) char *name = mem_printf("i%zu", i);
        if (i % PER_TENANT == 0)
            create(KIND_TENANT, NULL, tenant, "{}");
        create(KIND_INSTANCE, tenant, name, "{\"app\": \"app\", \"version\": \"1\", \"deletionPolicy\": \"Delete\"}");
    }
}

/* All that is due, and what comes of it. */
static void work_off(struct sim_daemon *daemon)
{
    bool busy = true;
    while (busy) {
        busy = false;
        for (int work = 0; work < SIM_WORKS; work++)
            while (sim_daemon_work(daemon, (enum sim_work)work))
                busy = true;
    }
}

static void settle(struct sim_daemon *daemon)
{
    for (int i = 0; i < 4; i++) {
        work_off(daemon);
        sim->mono_ms += PASS_MS;
    }
    work_off(daemon);
}

static int64_t changes(void)
{
    return sim->changes[SIM_ENGINE] + sim->changes[SIM_SERVER] + sim->changes[SIM_STORE];
}

/* The least of several list passes, and the calls of one. */
static double measure_pass(struct sim_daemon *daemon, int64_t *ret_calls)
{
    double least_ms = 1e9;
    for (int i = 0; i < PASSES; i++) {
        sim->mono_ms += PASS_MS;
        int64_t calls = sim->calls[SIM_ENGINE] + sim->calls[SIM_SERVER];
        fakes.spent_ms = 0;
        double began_ms = cpu_ms();
        sim_daemon_work(daemon, SIM_WORK_PASS);
        double took_ms = cpu_ms() - began_ms - fakes.spent_ms;
        if (took_ms < least_ms)
            least_ms = took_ms;
        *ret_calls = sim->calls[SIM_ENGINE] + sim->calls[SIM_SERVER] - calls;
        work_off(daemon);
    }
    return least_ms;
}

static double measure_resync(struct sim_daemon *daemon)
{
    sim_daemon_resync(daemon);
    double began_ms = cpu_ms();
    while (sim_daemon_work(daemon, SIM_WORK_QUICK))
        continue;
    return cpu_ms() - began_ms;
}

static void bench_fleet(size_t count)
{
    struct sim_daemon daemon = { 0 };
    int64_t calls = 0;
    sim_open(1);
    sim->engine->host = (struct docker_host){ .millicores = 64000, .memory_bytes = INT64_C(1) << 40 };
    make_fleet(count);
    sim_daemon_start(&daemon);
    settle(&daemon);
    if (map_count(sim->engine->containers) != count) {
        fprintf(stderr, "%zu containers instead of %zu\n", map_count(sim->engine->containers), count);
        exit(1);
    }
    sim_daemon_drop(&daemon);
    size_t empty = mallinfo2().uordblks;
    sim_daemon_start(&daemon);
    settle(&daemon);
    size_t used = mallinfo2().uordblks - empty;
    sim->hooks.before = before;
    sim->hooks.after = after;
    int64_t changed = changes();
    double pass_ms = measure_pass(&daemon, &calls);
    double resync_ms = measure_resync(&daemon);
    printf("%9zu   %10.1f   %10.2f   %5" PRId64 "   %10.1f   %10.1f   %8.1f   %7.1f   %7" PRId64 "\n", count, pass_ms,
           pass_ms * 1000 / (double)count, calls, resync_ms, resync_ms * 1000 / (double)count, (double)used / (1 << 20),
           (double)used / (double)count / 1024, changes() - changed);
    fflush(stdout);
    sim_daemon_drop(&daemon);
    sim_close();
}

/* ---- a real list ---- */

/* One item as Engine 20.10 sends it. */
static void add_item(struct str *text, size_t number)
{
    str_addf(
        text,
        "%s{\"Id\":\"%064zx\",\"Names\":[\"/td-t%zu.i%zu\"],\"Image\":\"tenantd/tiny:1\",\"ImageID\":\"sha256:%064d\","
        "\"Command\":\"/sbin/docker-init -- /app/serve\",\"Created\":1700000000,\"Ports\":[],\"Labels\":{"
        "\"tenantd.hash\":\"%064d\",\"tenantd.installation\":\"0a1b2c\",\"tenantd.kind\":\"Instance\","
        "\"tenantd.name\":\"i%zu\",\"tenantd.namespace\":\"t%zu\",\"tenantd.purpose\":\"app\",\"tenantd.render\":\"1\","
        "\"tenantd.uid\":\"0a1b2c3d-4e5f-4071-8293-%012zx\"},\"State\":\"running\",\"Status\":\"Up 2 hours\","
        "\"HostConfig\":{\"NetworkMode\":\"td-t%zu\"},\"NetworkSettings\":{\"Networks\":{\"td-t%zu\":{"
        "\"IPAMConfig\":{},\"Links\":null,\"Aliases\":null,\"NetworkID\":\"%064d\",\"EndpointID\":\"%064d\","
        "\"Gateway\":\"10.213.0.1\",\"IPAddress\":\"10.213.0.2\",\"IPPrefixLen\":26,\"IPv6Gateway\":\"\","
        "\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0,\"MacAddress\":\"02:42:0a:d5:00:02\",\"DriverOpts\":null}"
        "}},"
        "\"Mounts\":[{\"Type\":\"volume\",\"Name\":\"td-t%zu.i%zu-0a1b2c3d4e5f\",\"Source\":\"\",\"Destination\":\"/"
        "data\","
        "\"Driver\":\"local\",\"Mode\":\"z\",\"RW\":true,\"Propagation\":\"\"}]}",
        number ? "," : "[", number, number / PER_TENANT, number, 1, 2, number, number / PER_TENANT, number,
        number / PER_TENANT, number / PER_TENANT, 3, 4, number / PER_TENANT, number);
}

static void bench_decoding(size_t count)
{
    CLEANUP(str_release) struct str text = STR_INIT;
    CLEANUP(err_release) struct err err = ERR_INIT;
    json_t *list = NULL;
    for (size_t i = 0; i < count; i++)
        add_item(&text, i);
    str_addc(&text, ']');
    double began_ms = cpu_ms();
    if (!json_parse_answer(text.text, text.len, &list, &err))
        fail("list", &err);
    double parsed_ms = cpu_ms() - began_ms;
    struct containers containers = { .items = mem_zalloc(count * sizeof(containers.items[0])) };
    for (; containers.count < count; containers.count++)
        if (!container_from_json(json_array_get(list, containers.count), &containers.items[containers.count], &err))
            fail("item", &err);
    double took_ms = cpu_ms() - began_ms;
    printf("decoding a real list of %zu (%.1f MiB): %.1f ms of CPU, %.1f of them jansson's\n", count,
           (double)text.len / (1 << 20), took_ms, parsed_ms);
    containers_release(&containers);
    json_decref(list);
}

int main(int argc, char **argv)
{
    int64_t most = INT64_MAX;
    if (argc > 1 && !str_parse_int64(argv[1], 1, INT64_MAX, &most))
        return 2;
    printf("instances   pass [ms]   per 1 [us]   calls   all from    per 1 [us]   memory   per 1    changes\n");
    printf("            (CPU)                              cache [ms]                [MiB]    [KiB]\n");
    for (size_t i = 0; i < ARRAY_LEN(sizes) && (int64_t)sizes[i] <= most; i++)
        bench_fleet(sizes[i]);
    bench_decoding(10000);
    return 0;
}
