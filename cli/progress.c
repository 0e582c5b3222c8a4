/* Painting progress. */
#include "cli/progress.h"

#include "base/clock.h"

#define PHASE_WIDTH 12
#define AGE_WIDTH   5
#define ROOM_LEFT   2 /* lines of the terminal that stay free */

struct progress {
    FILE *stream;
    const struct terminal *terminal;
    size_t painted;   /* lines that the next painting begins above */
    struct strv said; /* per row, what its last plain line said */
};

struct progress *progress_new(FILE *stream, const struct terminal *terminal)
{
    struct progress *progress = MEM_NEW(struct progress);
    progress->stream = stream;
    progress->terminal = terminal;
    return progress;
}

void progress_free(struct progress *progress)
{
    if (!progress)
        return;
    strv_release(&progress->said);
    free(progress);
}

void progress_freep(struct progress **progress)
{
    progress_free(*progress);
    *progress = NULL;
}

static void pad(struct str *out, size_t used, size_t width)
{
    for (; used < width; used++)
        str_addc(out, ' ');
}

static void trim_end(struct str *out)
{
    while (out->len > 0 && out->text[out->len - 1] == ' ')
        out->text[--out->len] = '\0';
}

void progress_line(const struct progress_row *row, const struct terminal *terminal, size_t name_width, size_t width,
                   struct str *out)
{
    CLEANUP(freep) char *age = time_age(row->elapsed_ms);
    CLEANUP(str_release) struct str phase = STR_INIT;
    size_t used = text_width(row->name);
    str_add(out, row->name);
    pad(out, used, name_width);
    used = used > name_width ? used : name_width;
    text_add_cut(&phase, row->phase, PHASE_WIDTH);
    str_add(out, "  ");
    terminal_paint(terminal, paint_of_word(phase.text), phase.text, out);
    pad(out, text_width(phase.text), PHASE_WIDTH);
    str_addf(out, "  %*s  ", AGE_WIDTH, age);
    used += 2 + PHASE_WIDTH + 2 + AGE_WIDTH + 2;
    CLEANUP(freep) char *doing = mem_printf("%s%s%s", row->doing, row->also[0] ? "; " : "", row->also);
    if (width == 0)
        text_add_clean(out, doing);
    else if (used < width)
        text_add_cut(out, doing, width - used);
    trim_end(out);
}

/* ---- on a terminal ---- */

static size_t widest_name(const struct progress_row *rows, size_t count)
{
    size_t widest = 0;
    for (size_t i = 0; i < count; i++) {
        size_t width = text_width(rows[i].name);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void paint_row(const struct progress *progress, const struct progress_row *row, size_t name_width,
                      struct str *out)
{
    progress_line(row, progress->terminal, name_width, (size_t)progress->terminal->width - 1, out);
    str_add(out, "\033[K\n");
}

/* Where not all fit, those that are done make room. */
static void paint(struct progress *progress, const struct progress_row *rows, size_t count)
{
    CLEANUP(str_release) struct str out = STR_INIT;
    size_t height = (size_t)progress->terminal->height;
    size_t room = height > ROOM_LEFT + 1 ? height - ROOM_LEFT : 1;
    size_t name_width = widest_name(rows, count);
    size_t lines = 0, done = 0, hidden = 0;
    if (progress->painted > 0)
        str_addf(&out, "\033[%zuA", progress->painted);
    for (size_t i = 0; i < count; i++) {
        if (count > room && rows[i].state == PROGRESS_DONE) {
            done++;
        } else if (lines + (count > room) < room) {
            paint_row(progress, &rows[i], name_width, &out);
            lines++;
        } else {
            hidden++;
        }
    }
    if (count > room) {
        str_addf(&out, "%zu done, %zu more not shown\033[K\n", done, hidden);
        lines++;
    }
    str_add(&out, "\033[J");
    progress->painted = lines;
    fputs(out.text, progress->stream);
    fflush(progress->stream);
}

/* ---- elsewhere ---- */

static void say(struct progress *progress, const struct progress_row *rows, size_t count)
{
    while (progress->said.count < count)
        strv_add(&progress->said, "");
    for (size_t i = 0; i < count; i++) {
        CLEANUP(freep) char *saying = mem_printf("%s %s", rows[i].phase, rows[i].doing);
        CLEANUP(str_release) struct str line = STR_INIT;
        bool is_news = rows[i].state != PROGRESS_WAITING || rows[i].doing[0];
        if (!is_news || str_equal(saying, progress->said.items[i]))
            continue;
        free(progress->said.items[i]);
        progress->said.items[i] = STEAL(saying);
        progress_line(&rows[i], progress->terminal, 0, 0, &line);
        fprintf(progress->stream, "%s\n", line.text);
    }
    fflush(progress->stream);
}

void progress_show(struct progress *progress, const struct progress_row *rows, size_t count)
{
    if (progress->terminal->is_terminal)
        paint(progress, rows, count);
    else
        say(progress, rows, count);
}
