#include <math.h>
#include <pthread.h>

#include "base/metrics.h"
#include "tests/check.h"

/* The registry is one per process, so each test looks only at the families it made. Owned. */
static char *printed(const struct metric *metric)
{
    CLEANUP(str_release) struct str all = STR_INIT;
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    CLEANUP(str_release) struct str own = STR_INIT;
    metrics_print(&all);
    strv_split(&lines, all.text, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        const char *line = lines.items[i];
        const char *name = str_starts_with(line, "# ") ? line + strlen("# HELP ") : line;
        if (str_starts_with(name, metric->name))
            str_addf(&own, "%s\n", line);
    }
    return str_steal(&own);
}

static void counters_and_labels(void **state)
{
    (void)state;
    static const struct metric metric = {
        "t_requests_total", "Requests.\nBy \\ code.", METRIC_COUNTER, { "path", "code" }, NULL
    };
    metric_add(&metric, 1, "/b", "200", NULL);
    metric_add(&metric, 2, "/a", "200", NULL);
    metric_add(&metric, 0.5, "/a", "200", NULL);
    metric_add(&metric, 0, "say \"x\"\\\n", "500", NULL);
    CLEANUP(freep) char *text = printed(&metric);
    assert_string_equal(text, "# HELP t_requests_total Requests.\\nBy \\\\ code.\n"
                              "# TYPE t_requests_total counter\n"
                              "t_requests_total{path=\"/a\",code=\"200\"} 2.5\n"
                              "t_requests_total{path=\"/b\",code=\"200\"} 1\n"
                              "t_requests_total{path=\"say \\\"x\\\"\\\\\\n\",code=\"500\"} 0\n");
}

static void labels_do_not_run_together(void **state)
{
    (void)state;
    static const struct metric metric = { "t_pairs", "Pairs.", METRIC_GAUGE, { "a", "b" }, NULL };
    metric_set(&metric, 1, "x\",b=\"y", "", NULL);
    metric_set(&metric, 2, "x", "y", NULL);
    CLEANUP(freep) char *text = printed(&metric);
    assert_contains(text, "t_pairs{a=\"x\\\",b=\\\"y\",b=\"\"} 1\n");
    assert_contains(text, "t_pairs{a=\"x\",b=\"y\"} 2\n");
}

static const struct {
    const char *why;
    double value;
    const char *text;
} number_rows[] = {
    { "zero", 0, "0" },
    { "negative", -1.5, "-1.5" },
    { "a tenth is short", 0.1, "0.1" },
    { "a third is exact", 1.0 / 3, "0.33333333333333331" },
    { "bytes stay whole", 10737418240.0, "10737418240" },
    { "large", 1e300, "1e+300" },
    { "infinite", INFINITY, "+Inf" },
    { "infinitely small", -INFINITY, "-Inf" },
    { "not a number", NAN, "NaN" },
};

static void numbers(void **state)
{
    static const struct metric metric = { "t_number", "A number.", METRIC_GAUGE, { NULL }, NULL };
    const __typeof__(number_rows[0]) *row = *state;
    metric_set(&metric, row->value, NULL, NULL, NULL);
    CLEANUP(freep) char *text = printed(&metric);
    CLEANUP(freep)
    char *wanted = mem_printf("# HELP t_number A number.\n# TYPE t_number gauge\nt_number %s\n", row->text);
    assert_string_equal(text, wanted);
}

static void histogram_counts_are_cumulative(void **state)
{
    (void)state;
    static const double buckets[] = { 0.1, 1, 10, 0 };
    static const struct metric metric = { "t_took_seconds", "Time.", METRIC_HISTOGRAM, { "step" }, buckets };
    static const double observed[] = { 0.05, 0.1, 0.5, 5, 100 };
    for (size_t i = 0; i < ARRAY_LEN(observed); i++)
        metric_observe(&metric, observed[i], "create", NULL, NULL);
    CLEANUP(freep) char *text = printed(&metric);
    assert_string_equal(text, "# HELP t_took_seconds Time.\n"
                              "# TYPE t_took_seconds histogram\n"
                              "t_took_seconds_bucket{step=\"create\",le=\"0.1\"} 2\n" /* a bound is within */
                              "t_took_seconds_bucket{step=\"create\",le=\"1\"} 3\n"
                              "t_took_seconds_bucket{step=\"create\",le=\"10\"} 4\n"
                              "t_took_seconds_bucket{step=\"create\",le=\"+Inf\"} 5\n"
                              "t_took_seconds_sum{step=\"create\"} 105.65\n"
                              "t_took_seconds_count{step=\"create\"} 5\n");
}

static void default_buckets_reach_from_a_millisecond_to_ten_minutes(void **state)
{
    (void)state;
    static const struct metric metric = { "t_default_seconds", "Time.", METRIC_HISTOGRAM, { NULL }, NULL };
    metric_observe(&metric, 0.0005, NULL, NULL, NULL);
    metric_observe(&metric, 599, NULL, NULL, NULL);
    metric_observe(&metric, 601, NULL, NULL, NULL);
    CLEANUP(freep) char *text = printed(&metric);
    assert_contains(text, "t_default_seconds_bucket{le=\"0.001\"} 1\n");
    assert_contains(text, "t_default_seconds_bucket{le=\"600\"} 2\n");
    assert_contains(text, "t_default_seconds_bucket{le=\"+Inf\"} 3\n");
    assert_contains(text, "t_default_seconds_count 3\n");
}

static void clearing_forgets_one_family(void **state)
{
    (void)state;
    static const struct metric gone = { "t_gone", "Gone.", METRIC_GAUGE, { "tenant" }, NULL };
    static const struct metric kept = { "t_kept", "Kept.", METRIC_GAUGE, { "tenant" }, NULL };
    metric_set(&gone, 1, "acme", NULL, NULL);
    metric_set(&gone, 1, "globex", NULL, NULL);
    metric_set(&kept, 1, "acme", NULL, NULL);
    metric_clear(&gone);
    CLEANUP(freep) char *nothing = printed(&gone);
    CLEANUP(freep) char *something = printed(&kept);
    assert_string_equal(nothing, "");
    assert_contains(something, "t_kept{tenant=\"acme\"} 1\n");
    metric_set(&gone, 2, "acme", NULL, NULL);
    CLEANUP(freep) char *again = printed(&gone);
    assert_contains(again, "t_gone{tenant=\"acme\"} 2\n");
}

static const struct metric scraped = { "t_scraped", "Scrapes.", METRIC_GAUGE, { NULL }, NULL };

static void count_scrape(void *context)
{
    size_t *scrapes = context;
    metric_set(&scraped, (double)++*scrapes, NULL, NULL, NULL);
}

static void scrape_hooks_run_first(void **state)
{
    (void)state;
    static size_t scrapes;
    metrics_on_scrape(count_scrape, &scrapes);
    CLEANUP(freep) char *first = printed(&scraped);
    CLEANUP(freep) char *second = printed(&scraped);
    assert_contains(first, "t_scraped 1\n");
    assert_contains(second, "t_scraped 2\n");
}

enum { THREADS = 8, ROUNDS = 2000 };
static const struct metric hits = { "t_hits_total", "Hits.", METRIC_COUNTER, { "kind" }, NULL };
static const struct metric times = { "t_hit_seconds", "Times.", METRIC_HISTOGRAM, { "kind" }, NULL };

static void *hit(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) {
        metric_add(&hits, 1, i % 2 ? "odd" : "even", NULL, NULL);
        metric_observe(&times, 0.01, "all", NULL, NULL);
        if (i % 500 == 0) {
            CLEANUP(str_release) struct str out = STR_INIT;
            metrics_print(&out);
        }
    }
    return argument;
}

static void threads_count_together(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, hit, NULL);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CLEANUP(freep) char *counted = printed(&hits);
    CLEANUP(freep) char *timed = printed(&times);
    assert_contains(counted, "t_hits_total{kind=\"even\"} 8000\n");
    assert_contains(counted, "t_hits_total{kind=\"odd\"} 8000\n");
    assert_contains(timed, "t_hit_seconds_count{kind=\"all\"} 16000\n");
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_TEST(&list, counters_and_labels);
    CHECK_TEST(&list, labels_do_not_run_together);
    CHECK_ROWS(&list, numbers, number_rows);
    CHECK_TEST(&list, histogram_counts_are_cumulative);
    CHECK_TEST(&list, default_buckets_reach_from_a_millisecond_to_ten_minutes);
    CHECK_TEST(&list, clearing_forgets_one_family);
    CHECK_TEST(&list, scrape_hooks_run_first);
    CHECK_TEST(&list, threads_count_together);
    return check_run("metrics", &list);
}
