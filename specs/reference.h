/* The reference, printed from the tables: docs/reference.md and the example configuration. Pure. */
#pragma once

#include "base/str.h"

void reference_print_markdown(struct str *out);       /* every kind, its columns, the configuration */
void reference_print_config_example(struct str *out); /* YAML with every setting and its default */
