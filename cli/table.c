/* Layout of tables. */
#include "cli/table.h"

#define GAP        2
#define NARROWEST  8
#define EMPTY_CELL "-"

void table_release(struct table *table)
{
    strv_release(&table->header);
    for (size_t i = 0; i < table->row_count; i++)
        strv_release(&table->rows[i]);
    free(table->rows);
    *table = (struct table){ 0 };
}

struct strv *table_add_row(struct table *table)
{
    table->rows = mem_grow(table->rows, table->row_count + 1, sizeof(table->rows[0]));
    table->rows[table->row_count] = (struct strv)STRV_INIT;
    return &table->rows[table->row_count++];
}

void table_widths_release(struct table_widths *widths)
{
    free(widths->items);
    *widths = (struct table_widths){ 0 };
}

/* ---- widths ---- */

static size_t capped(size_t width, size_t least, size_t cap)
{
    size_t limit = cap > least ? cap : least;
    return width < limit ? width : limit;
}

static size_t room_needed(const size_t *widths, const size_t *least, size_t count, size_t cap)
{
    size_t needed = count > 0 ? GAP * (count - 1) : 0;
    for (size_t i = 0; i < count; i++)
        needed += capped(widths[i], least[i], cap);
    return needed;
}

void table_fit(size_t *widths, const size_t *least, size_t count, size_t room)
{
    size_t cap = 0;
    for (size_t i = 0; i < count; i++)
        cap = widths[i] > cap ? widths[i] : cap;
    while (cap > NARROWEST && room_needed(widths, least, count, cap) > room)
        cap--;
    size_t needed = room_needed(widths, least, count, cap);
    size_t left = needed < room ? room - needed : 0;
    for (size_t i = 0; i < count; i++) {
        /* What the common cap leaves over goes to the first ones. */
        size_t shrunk = capped(widths[i], least[i], cap);
        size_t more = widths[i] - shrunk < left ? widths[i] - shrunk : left;
        widths[i] = shrunk + more;
        left -= more;
    }
}

static const char *cell_of(const struct strv *row, size_t column)
{
    const char *text = column < row->count ? row->items[column] : "";
    return text[0] ? text : EMPTY_CELL;
}

static void measure(size_t *widths, size_t count, const struct strv *row)
{
    for (size_t i = 0; i < count; i++) {
        size_t width = text_width(cell_of(row, i));
        widths[i] = width > widths[i] ? width : widths[i];
    }
}

/* ---- printing ---- */

static void print_cell(const struct terminal *terminal, const char *text, size_t width, bool is_last, struct str *out)
{
    CLEANUP(str_release) struct str cell = STR_INIT;
    size_t used = text_add_cut(&cell, text, width);
    terminal_paint(terminal, paint_of_word(cell.text), cell.text, out);
    for (; !is_last && used < width + GAP; used++)
        str_addc(out, ' ');
}

static void print_row(const struct terminal *terminal, const struct strv *row, const size_t *widths, size_t count,
                      struct str *out)
{
    for (size_t i = 0; i < count; i++)
        print_cell(terminal, cell_of(row, i), widths[i], i + 1 == count, out);
    str_addc(out, '\n');
}

/* A column's name is read whole, whatever becomes of its texts. */
static void fit_to(const struct table *table, const struct terminal *terminal, size_t *widths)
{
    CLEANUP(freep) size_t *least = mem_zalloc((table->header.count + 1) * sizeof(least[0]));
    for (size_t i = 0; i < table->header.count; i++)
        least[i] = text_width(table->header.items[i]);
    table_fit(widths, least, table->header.count, (size_t)terminal->width);
}

void table_print(const struct table *table, const struct terminal *terminal, enum table_header header,
                 struct table_widths *widths, struct str *out)
{
    size_t count = table->header.count;
    CLEANUP(table_widths_release)
    struct table_widths own = { .items = mem_zalloc((count + 1) * sizeof(size_t)), .count = count };
    if (widths && widths->count == count)
        memcpy(own.items, widths->items, count * sizeof(size_t));
    if (header == TABLE_WITH_HEADER)
        measure(own.items, count, &table->header);
    for (size_t i = 0; i < table->row_count; i++)
        measure(own.items, count, &table->rows[i]);
    if (terminal->is_terminal)
        fit_to(table, terminal, own.items);
    if (header == TABLE_WITH_HEADER)
        print_row(terminal, &table->header, own.items, count, out);
    for (size_t i = 0; i < table->row_count; i++)
        print_row(terminal, &table->rows[i], own.items, count, out);
    if (widths) {
        table_widths_release(widths);
        *widths = own;
        own = (struct table_widths){ 0 };
    }
}
