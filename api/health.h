/* /healthz, /livez, /readyz and /metrics. */
#pragma once

#include "api/request.h"

struct readiness;
struct readiness *readiness_new(void);
void readiness_free(struct readiness *readiness);
