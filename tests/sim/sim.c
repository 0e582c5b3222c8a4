/* The world's clock, randomness and log, and what every call into it shares; see sim.h. */
#include "tests/sim/sim.h"

#include "base/crypto.h"
#include "base/log.h"
#include "base/metrics.h"
#include "tests/sim/engine.h"
#include "tests/sim/server.h"
#include "tests/sim/store.h"

struct sim *sim;

/* SplitMix64 (Steele, Lea, Flood). */
uint64_t sim_mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

void sim_open(uint64_t seed)
{
    sim = MEM_NEW(struct sim);
    sim->random = seed;
    sim->mono_ms = SECOND_MS; /* 0 means "never" in many places */
    sim->engine = sim_engine_new();
    sim->server = sim_server_new();
    sim->store = sim_store_new();
}

void sim_close(void)
{
    sim_engine_free(sim->engine);
    sim_server_free(sim->server);
    sim_store_free(sim->store);
    free(sim);
    sim = NULL;
}

bool sim_begin(const struct sim_call *what, const struct call *call, struct err *err)
{
    if (sim->is_outsider)
        return true;
    sim->mono_ms += SIM_CALL_MS;
    sim->calls[what->side]++;
    if (sim->hooks.before && !sim->hooks.before(sim->hooks.context, what, err))
        return err_wrap(err, "%s", what->name);
    if (!call_check(call, err))
        return err_wrap(err, "%s", what->name);
    sim->changes[what->side] += what->access == SIM_CHANGES;
    return true;
}

bool sim_end(const struct sim_call *what, bool ok, struct err *err)
{
    if (sim->is_outsider || !ok || !sim->hooks.after)
        return ok;
    return sim->hooks.after(sim->hooks.context, what, err) || err_wrap(err, "%s", what->name);
}

bool sim_wait(const struct sim_call *what, int64_t wait_ms, const struct call *call, struct err *err)
{
    sim->mono_ms += wait_ms;
    if (!sim->is_outsider && sim->hooks.before && !sim->hooks.before(sim->hooks.context, what, err))
        return err_wrap(err, "%s", what->name);
    return call_check(call, err) || err_wrap(err, "%s", what->name);
}

/* ---- in place of base/clock.c, base/random.c, base/log.c and base/metrics.c ---- */

/* Without a world (a test's own set-up) it is the first moment. */
int64_t clock_mono_ms(void)
{
    return sim ? sim->mono_ms : SECOND_MS;
}

int64_t clock_wall_ms(void)
{
    return SIM_EPOCH_MS + clock_mono_ms();
}

void random_bytes(void *bytes, size_t size)
{
    static uint64_t outside = 1; /* of maps that are made before there is a world */
    uint64_t *stream = sim ? &sim->random : &outside;
    uint8_t *at = bytes;
    while (size > 0) {
        uint64_t value = sim_mix((*stream)++);
        size_t part = size < sizeof(value) ? size : sizeof(value);
        memcpy(at, &value, part);
        at += part;
        size -= part;
    }
}

void log_setup(enum log_level level, enum log_format format)
{
    (void)level;
    (void)format; /* the trace has one form */
}

void log_context(const struct log_field *fields, size_t count)
{
    if (!sim || !sim->trace || count < 2)
        return;
    str_addf(sim->trace, "%10.3f run  %s %s\n", (double)sim->mono_ms / 1000, fields[0].text, fields[1].text);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    if (!sim || !sim->trace || level == LOG_DEBUG)
        return;
    str_addf(sim->trace, "%10.3f log  %s", (double)sim->mono_ms / 1000, message);
    for (size_t i = 0; i < count; i++)
        if (fields[i].text)
            str_addf(sim->trace, " %s=%s", fields[i].key, fields[i].text);
        else
            str_addf(sim->trace, " %s=%" PRId64, fields[i].key, fields[i].number);
    str_addc(sim->trace, '\n');
}

/* The real ones would keep series from run to run, and so make one depend on those before it. */
void metric_add(const struct metric *metric, double amount, const char *label1, const char *label2, const char *label3)
{
    (void)metric;
    (void)amount;
    (void)label1;
    (void)label2;
    (void)label3;
}

void metric_set(const struct metric *metric, double value, const char *label1, const char *label2, const char *label3)
{
    metric_add(metric, value, label1, label2, label3);
}

void metric_observe(const struct metric *metric, double seconds, const char *label1, const char *label2,
                    const char *label3)
{
    metric_add(metric, seconds, label1, label2, label3);
}

void metric_clear(const struct metric *metric)
{
    (void)metric;
}
