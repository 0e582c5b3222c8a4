/* The metrics registry: all series in one locked map, sorted when they are printed. */
#include "base/metrics.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>

#include "base/map.h"

#define LABELS ARRAY_LEN(((const struct metric *)NULL)->labels)

static const double default_buckets[] = { 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,
                                          2,     5,     10,    20,   60,   120,  300, 600, 0 };

struct series {
    const struct metric *metric;
    char *labels; /* as printed: name="value",... */
    double value; /* of a histogram: the sum */
    uint64_t observations;
    uint64_t *counts; /* histogram: per bucket, not yet cumulative */
};

struct scrape_hook {
    void (*fn)(void *context);
    void *context;
};

/* The one registry of the process: counting must be possible everywhere without passing it along. */
static struct {
    pthread_mutex_t lock;        /* guards `series` and what is in it */
    pthread_mutex_t scrape_lock; /* one scrape at a time; held while hooks run, which take `lock` in their turn */
    struct map *series;          /* by name and labels as printed */
    struct scrape_hook *hooks;
    size_t hook_count;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER, .scrape_lock = PTHREAD_MUTEX_INITIALIZER };

static const double *buckets_of(const struct metric *metric)
{
    return metric->buckets ? metric->buckets : default_buckets;
}

static size_t bucket_count(const struct metric *metric)
{
    size_t count = 0;
    while (buckets_of(metric)[count] != 0)
        count++;
    return count;
}

static void series_free(void *argument)
{
    struct series *series = argument;
    free(series->labels);
    free(series->counts);
    free(series);
}

static void add_label_value(struct str *str, const char *value)
{
    for (const char *at = value; *at; at++) {
        if (*at == '\n')
            str_add(str, "\\n");
        else if (*at == '\\' || *at == '"')
            str_addf(str, "\\%c", *at);
        else
            str_addc(str, *at);
    }
}

/* Under the lock. */
static struct series *series_of(const struct metric *metric, const char *const values[LABELS])
{
    CLEANUP(str_release) struct str key = STR_INIT;
    str_addf(&key, "%s ", metric->name);
    size_t labels_at = key.len;
    for (size_t i = 0; i < LABELS && metric->labels[i]; i++) {
        assert(values[i]);
        str_addf(&key, "%s%s=\"", i > 0 ? "," : "", metric->labels[i]);
        add_label_value(&key, values[i]);
        str_addc(&key, '"');
    }
    if (!registry.series)
        registry.series = map_new(series_free);
    struct series *series = map_get(registry.series, key.text);
    if (!series) {
        series = MEM_NEW(struct series);
        series->metric = metric;
        series->labels = mem_strdup(key.text + labels_at);
        if (metric->type == METRIC_HISTOGRAM)
            series->counts = mem_zalloc(bucket_count(metric) * sizeof(series->counts[0]));
        map_put(registry.series, key.text, series);
    }
    return series;
}

void metric_add(const struct metric *metric, double amount, const char *label1, const char *label2, const char *label3)
{
    assert(metric->type == METRIC_GAUGE || (metric->type == METRIC_COUNTER && amount >= 0));
    pthread_mutex_lock(&registry.lock);
    series_of(metric, (const char *const[]){ label1, label2, label3 })->value += amount;
    pthread_mutex_unlock(&registry.lock);
}

void metric_set(const struct metric *metric, double value, const char *label1, const char *label2, const char *label3)
{
    assert(metric->type == METRIC_GAUGE);
    pthread_mutex_lock(&registry.lock);
    series_of(metric, (const char *const[]){ label1, label2, label3 })->value = value;
    pthread_mutex_unlock(&registry.lock);
}

void metric_observe(const struct metric *metric, double seconds, const char *label1, const char *label2,
                    const char *label3)
{
    assert(metric->type == METRIC_HISTOGRAM);
    const double *bounds = buckets_of(metric);
    size_t bucket = 0;
    while (bounds[bucket] != 0 && seconds > bounds[bucket])
        bucket++;
    pthread_mutex_lock(&registry.lock);
    struct series *series = series_of(metric, (const char *const[]){ label1, label2, label3 });
    series->value += seconds;
    series->observations++;
    if (bounds[bucket] != 0) /* else only +Inf counts it */
        series->counts[bucket]++;
    pthread_mutex_unlock(&registry.lock);
}

void metric_clear(const struct metric *metric)
{
    pthread_mutex_lock(&registry.lock);
    const char *key;
    void *value;
    for (size_t at = 0; registry.series && map_next(registry.series, &at, &key, &value);)
        if (((const struct series *)value)->metric == metric)
            map_remove(registry.series, key);
    pthread_mutex_unlock(&registry.lock);
}

void metrics_on_scrape(void (*fn)(void *context), void *context)
{
    pthread_mutex_lock(&registry.scrape_lock);
    registry.hooks = mem_grow(registry.hooks, registry.hook_count + 1, sizeof(registry.hooks[0]));
    registry.hooks[registry.hook_count++] = (struct scrape_hook){ fn, context };
    pthread_mutex_unlock(&registry.scrape_lock);
}

static void add_number(struct str *out, double value)
{
    if (isnan(value)) {
        str_add(out, "NaN");
    } else if (isinf(value)) {
        str_add(out, value > 0 ? "+Inf" : "-Inf");
    } else {
        CLEANUP(freep) char *text = mem_printf("%.15g", value);
        if (strtod(text, NULL) == value) /* 0.1, not 0.10000000000000001 */
            str_add(out, text);
        else
            str_addf(out, "%.17g", value);
    }
}

/* One sample's line; `extra` is one more label, or "". */
static void add_sample(struct str *out, const struct series *series, const char *suffix, const char *extra,
                       double value)
{
    str_addf(out, "%s%s", series->metric->name, suffix);
    if (series->labels[0] || extra[0])
        str_addf(out, "{%s%s%s}", series->labels, series->labels[0] && extra[0] ? "," : "", extra);
    str_addc(out, ' ');
    add_number(out, value);
    str_addc(out, '\n');
}

static void add_histogram(struct str *out, const struct series *series)
{
    const double *bounds = buckets_of(series->metric);
    uint64_t so_far = 0;
    for (size_t i = 0; bounds[i] != 0; i++) {
        CLEANUP(str_release) struct str extra = STR_INIT;
        so_far += series->counts[i];
        str_add(&extra, "le=\"");
        add_number(&extra, bounds[i]);
        str_addc(&extra, '"');
        add_sample(out, series, "_bucket", extra.text, (double)so_far);
    }
    add_sample(out, series, "_bucket", "le=\"+Inf\"", (double)series->observations);
    add_sample(out, series, "_sum", "", series->value);
    add_sample(out, series, "_count", "", (double)series->observations);
}

static void add_head(struct str *out, const struct metric *metric)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };
    str_addf(out, "# HELP %s ", metric->name);
    for (const char *at = metric->help; *at; at++) {
        if (*at == '\\' || *at == '\n')
            str_add(out, *at == '\n' ? "\\n" : "\\\\");
        else
            str_addc(out, *at);
    }
    str_addf(out, "\n# TYPE %s %s\n", metric->name, types[metric->type]);
}

static int compare_series(const void *a, const void *b)
{
    const struct series *const *left = a;
    const struct series *const *right = b;
    int by_name = strcmp((*left)->metric->name, (*right)->metric->name);
    return by_name != 0 ? by_name : strcmp((*left)->labels, (*right)->labels);
}

static void print_all(struct str *out)
{
    size_t count = 0;
    CLEANUP(freep) const struct series **all = mem_grow(NULL, map_count(registry.series), sizeof(all[0]));
    void *value;
    for (size_t at = 0; map_next(registry.series, &at, NULL, &value);)
        all[count++] = value;
    qsort(all, count, sizeof(all[0]), compare_series);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !str_equal(all[i]->metric->name, all[i - 1]->metric->name))
            add_head(out, all[i]->metric);
        if (all[i]->metric->type == METRIC_HISTOGRAM)
            add_histogram(out, all[i]);
        else
            add_sample(out, all[i], "", "", all[i]->value);
    }
}

void metrics_print(struct str *out)
{
    pthread_mutex_lock(&registry.scrape_lock);
    for (size_t i = 0; i < registry.hook_count; i++)
        registry.hooks[i].fn(registry.hooks[i].context);
    pthread_mutex_lock(&registry.lock);
    if (registry.series)
        print_all(out);
    pthread_mutex_unlock(&registry.lock);
    pthread_mutex_unlock(&registry.scrape_lock);
}
