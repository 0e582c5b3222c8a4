/* Tables that fit the terminal: texts in, lines out. Pure. */
#pragma once

#include "cli/terminal.h"

struct table {
    struct strv header;
    struct strv *rows; /* each as long as the header; what is shorter ends with empty cells */
    size_t row_count;
};
void table_release(struct table *table);
struct strv *table_add_row(struct table *table); /* empty; borrowed until the next one */

/* How wide columns were before, so that rows which come later stand under them. */
struct table_widths {
    size_t *items;
    size_t count;
};
void table_widths_release(struct table_widths *widths);

enum table_header { TABLE_WITH_HEADER, TABLE_WITHOUT_HEADER };
/* Cells are cut only on a terminal. `widths` is read and written; NULL: nothing is kept. */
void table_print(const struct table *table, const struct terminal *terminal, enum table_header header,
                 struct table_widths *widths, struct str *out);

/*
 * Shrinks the widest columns until all of them, with gaps, need no more than `room`; none becomes narrower than its `least`, so it may not fit
 * after all.
 */
void table_fit(size_t *widths, const size_t *least, size_t count, size_t room);
