/* Quantities as Kubernetes writes them (k8s.io/apimachinery, resource.Quantity), and durations. The only parser for each. Pure. */
#pragma once

#include "base/json.h"

/* Bytes from "512Mi", "2Gi", "1G", "1.5Gi", "1000" or a JSON number. The error gives a remedy: `"2Gb" is not a quantity; try 2Gi`. */
bool quantity_bytes(const char *text, int64_t *ret_bytes, struct err *err) MUST_USE;
/* Millicores from "1", "0.5", "500m". */
bool quantity_millicores(const char *text, int64_t *ret_millicores, struct err *err) MUST_USE;
/* Milliseconds from "250ms", "30s", "10m", "1h30m", "2d". */
bool quantity_duration(const char *text, int64_t *ret_ms, struct err *err) MUST_USE;
char *quantity_print_bytes(int64_t bytes);    /* the largest binary unit that divides it: "2Gi", "1536Mi", "1000" */
char *quantity_print_cpu(int64_t millicores); /* "2", "500m" */
char *quantity_print_duration(int64_t ms);    /* "1h30m", "30s", "250ms" */
