/*
 * The metrics registry, printed in Prometheus' text format. A family is declared once by a static struct; a series is made on
 * first use. Any thread. Source of the format: prometheus.io, "Exposition formats", 0.0.4.
 */
#pragma once

#include "base/str.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
struct metric {
    const char *name; /* tenantd_..., with its unit and _total as Prometheus recommends */
    const char *help;
    enum metric_type type;
    const char *labels[3]; /* names, NULL where unused */
    const double *buckets; /* histogram: upper bounds, ending with 0; NULL: 1 ms to 10 min, doubling roughly */
};
/* Label values in the order of the names; NULL for unused ones. */
void metric_add(const struct metric *metric, double amount, const char *label1, const char *label2, const char *label3);
void metric_set(const struct metric *metric, double value, const char *label1, const char *label2, const char *label3);
void metric_observe(const struct metric *metric, double seconds, const char *label1, const char *label2,
                    const char *label3);
/* Forgets all series of it. For gauges that a scrape hook sets anew: what is gone must not keep its last value. */
void metric_clear(const struct metric *metric);
/* Called at each scrape, to set gauges that are cheaper to read than to keep. Any thread may register; there is no taking back. */
void metrics_on_scrape(void (*fn)(void *context), void *context);
void metrics_print(struct str *out); /* appends; families and series are sorted */
