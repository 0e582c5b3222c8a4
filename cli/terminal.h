/* What is at the other end of a stream: a terminal of some size, or anything else. */
#pragma once

#include "base/str.h"

struct terminal {
    bool is_terminal;
    bool has_colour; /* a terminal, and no NO_COLOR */
    int width, height;
};
struct terminal terminal_of(FILE *stream);

enum paint { PAINT_NONE, PAINT_GOOD, PAINT_WAITING, PAINT_BAD, PAINT_FAINT, PAINT_BOLD, PAINTS };
/* Appends `text` in a colour where there are colours. */
void terminal_paint(const struct terminal *terminal, enum paint paint, const char *text, struct str *out);
/* How a phase or a condition's status looks: "Running" is good. */
enum paint paint_of_word(const char *word);

/* Columns a text takes. */
size_t text_width(const char *text);
/* Appends `text`, cut to at most `width` columns ("..." at its end then); control characters become '?'. Returns the columns used. */
size_t text_add_cut(struct str *out, const char *text, size_t width);
/* The same without a limit: what came from outside must not drive the terminal. */
void text_add_clean(struct str *out, const char *text);
/* Texts of several lines, each after `indent`. */
void text_add_indented(struct str *out, const char *text, const char *indent);
