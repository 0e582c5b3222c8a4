/* Sizes, colours and widths. */
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define DEFAULT_WIDTH  80
#define DEFAULT_HEIGHT 24

struct terminal terminal_of(FILE *stream)
{
    struct terminal terminal = { .width = DEFAULT_WIDTH, .height = DEFAULT_HEIGHT };
    int fd = fileno(stream); /* -1: in memory */
    if (fd < 0 || !isatty(fd))
        return terminal;
    const char *no_colour = getenv("NO_COLOR");
    const char *type = getenv("TERM");
    struct winsize size = { 0 };
    bool is_dumb = !type || str_equal(type, "dumb");
    terminal.is_terminal = !is_dumb; /* one that cannot move its cursor gets what a file gets */
    terminal.has_colour = !is_dumb && !(no_colour && no_colour[0]);
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        terminal.width = size.ws_col;
        terminal.height = size.ws_row;
    }
    return terminal;
}

void terminal_paint(const struct terminal *terminal, enum paint paint, const char *text, struct str *out)
{
    static const char *const codes[PAINTS] = {
        [PAINT_GOOD] = "32", [PAINT_WAITING] = "33", [PAINT_BAD] = "31", [PAINT_FAINT] = "2", [PAINT_BOLD] = "1",
    };
    if (terminal->has_colour && codes[paint])
        str_addf(out, "\033[%sm%s\033[0m", codes[paint], text);
    else
        str_add(out, text);
}

enum paint paint_of_word(const char *word)
{
    static const struct {
        const char *word;
        enum paint paint;
    } words[] = {
        { "Running", PAINT_GOOD },        { "Ready", PAINT_GOOD },      { "Active", PAINT_GOOD },
        { "True", PAINT_GOOD },           { "Pending", PAINT_WAITING }, { "Provisioning", PAINT_WAITING },
        { "Restoring", PAINT_WAITING },   { "Unknown", PAINT_WAITING }, { "Deleting", PAINT_WAITING },
        { "Suspended", PAINT_WAITING },   { "Degraded", PAINT_BAD },    { "False", PAINT_BAD },
        { "Terminating", PAINT_WAITING }, { "Failed", PAINT_BAD },      { "Warning", PAINT_BAD },
        { "Building", PAINT_WAITING },
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_equal(words[i].word, word))
            return words[i].paint;
    return PAINT_NONE;
}

/* ---- widths ---- */

/* The next character: its bytes (1 where it is no UTF-8) and its columns. */
static size_t next_character(const char *text, size_t *ret_columns)
{
    size_t bytes = str_utf8_sequence(text, strlen(text));
    *ret_columns = 1;
    if (bytes <= 1)
        return 1;
    static const unsigned char lead_masks[] = { 0, 0, 0x1F, 0x0F, 0x07 };
    wchar_t character = (unsigned char)text[0] & lead_masks[bytes];
    for (size_t i = 1; i < bytes; i++)
        character = (character << 6) | ((unsigned char)text[i] & 0x3F);
    int columns = wcwidth(character);
    if (columns >= 0)
        *ret_columns = (size_t)columns;
    return bytes;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (size_t columns; *text;) {
        text += next_character(text, &columns);
        width += columns;
    }
    return width;
}

/* C0, DEL, and C1, which arrives as two bytes of UTF-8. */
static bool is_control(const char *text, size_t bytes)
{
    unsigned char first = (unsigned char)text[0];
    return first < 0x20 || first == 0x7F || (bytes == 1 && first >= 0x80) ||
           (first == 0xC2 && (unsigned char)text[1] < 0xA0);
}

size_t text_add_cut(struct str *out, const char *text, size_t width)
{
    bool fits = text_width(text) <= width;
    size_t dots = fits || width < 4 ? 0 : 3;
    size_t used = 0;
    while (*text) {
        size_t columns;
        size_t bytes = next_character(text, &columns);
        if (used + columns + dots > width)
            break;
        if (is_control(text, bytes))
            str_addc(out, '?');
        else
            str_addn(out, text, bytes);
        used += columns;
        text += bytes;
    }
    str_addn(out, "...", dots);
    return used + dots;
}

void text_add_clean(struct str *out, const char *text)
{
    text_add_cut(out, text, SIZE_MAX / 2);
}

void text_add_indented(struct str *out, const char *text, const char *indent)
{
    CLEANUP(strv_release) struct strv lines = STRV_INIT;
    strv_split(&lines, text, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        if (i + 1 == lines.count && lines.items[i][0] == '\0')
            break;
        str_add(out, indent);
        text_add_clean(out, lines.items[i]);
        str_addc(out, '\n');
    }
}
