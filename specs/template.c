/* Templates: one walk over the tags serves rendering, checking and the question which names are used. */
#include "specs/template.h"

#include "specs/wording.h"

#define SECTIONS_MAX 32

enum tag_type { TAG_VALUE, TAG_SECTION, TAG_INVERTED, TAG_CLOSE };
struct tag {
    enum tag_type type;
    const char *start; /* of "{{" */
    const char *end;   /* behind "}}" */
    char *name;        /* owned */
};

/* What a walk does with the pieces; NULL members are skipped. */
struct walker {
    const char *template;
    void *context;
    void (*on_text)(void *context, const char *text, size_t len);
    bool (*on_value)(void *context, const struct tag *tag, struct err *err);
    /* Also tells whether the section's inside is to be walked; `inside` is true for the caller that wants to see all. */
    bool (*on_section)(void *context, const struct tag *tag, bool *ret_inside, struct err *err);
};

struct section {
    char *name;
    const char *start;
    bool hidden; /* not walked, or inside one that is not */
};
struct sections {
    struct section items[SECTIONS_MAX];
    size_t count;
};

static void sections_release(struct sections *sections)
{
    for (size_t i = 0; i < sections->count; i++)
        free(sections->items[i].name);
    sections->count = 0;
}

static bool is_hidden(const struct sections *sections)
{
    return sections->count > 0 && sections->items[sections->count - 1].hidden;
}

static bool complain(const char *template, const char *at, struct err *err, const char *fmt, ...) PRINTF_LIKE(4, 5);
static bool complain(const char *template, const char *at, struct err *err, const char *fmt, ...)
{
    size_t line = 1, column = 1;
    for (const char *c = template; c < at; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    CLEANUP(str_release) struct str message = STR_INIT;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&message, fmt, args);
    va_end(args);
    return err_set(err, ERR_INVALID, "line %zu, column %zu: %s", line, column, message.text);
}

static bool is_name(const char *name)
{
    for (const char *at = name; *at; at++) {
        bool good = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
                    strchr("_.-", *at);
        if (!good)
            return false;
    }
    return *name != '\0';
}

/* Reads the tag at `start` ("{{"). `tag->name` is owned by the caller then. */
static bool read_tag(const char *template, const char *start, struct tag *ret_tag, struct err *err)
{
    static const char blanks[] = " \t";
    const char *inner = start + 2;
    const char *close = strstr(inner, "}}");
    *ret_tag = (struct tag){ .type = TAG_VALUE, .start = start };
    if (!close)
        return complain(template, start, err, "\"{{\" without \"}}\"");
    if (*inner == '#')
        ret_tag->type = TAG_SECTION;
    else if (*inner == '^')
        ret_tag->type = TAG_INVERTED;
    else if (*inner == '/')
        ret_tag->type = TAG_CLOSE;
    else if (*inner && strchr("{&!>=", *inner))
        return complain(template, start, err,
                        "\"{{%c\" is not supported; there are {{name}}, {{#name}}, {{^name}} and {{/name}}", *inner);
    inner += ret_tag->type != TAG_VALUE;
    inner += strspn(inner, blanks);
    const char *end = close;
    while (end > inner && strchr(blanks, end[-1]))
        end--;
    char *name = end > inner ? mem_strndup(inner, (size_t)(end - inner)) : mem_strdup("");
    if (!is_name(name)) {
        CLEANUP(freep) char *shown = quoted(name);
        free(name);
        return complain(template, start, err, "%s is not a template name", shown);
    }
    ret_tag->name = name;
    ret_tag->end = close + 2;
    return true;
}

/* A section's tag that stands alone on its line takes the whole line with it, as mustache(5) has it. */
static bool stands_alone(const char *template, const struct tag *tag, const char **ret_line, const char **ret_next)
{
    const char *line = tag->start;
    while (line > template && (line[-1] == ' ' || line[-1] == '\t'))
        line--;
    const char *next = tag->end + strspn(tag->end, " \t");
    if (tag->type == TAG_VALUE || (line > template && line[-1] != '\n') || (*next && *next != '\n'))
        return false;
    *ret_line = line;
    *ret_next = *next ? next + 1 : next;
    return true;
}

static bool open_section(const struct walker *walker, struct sections *sections, struct tag *tag, struct err *err)
{
    bool inside = true;
    if (sections->count == SECTIONS_MAX)
        return complain(walker->template, tag->start, err, "more than %d sections in each other", SECTIONS_MAX);
    bool hidden = is_hidden(sections);
    if (!hidden && walker->on_section && !walker->on_section(walker->context, tag, &inside, err))
        return false;
    char *name = STEAL(tag->name);
    sections->items[sections->count++] =
        (struct section){ .name = name, .start = tag->start, .hidden = hidden || !inside };
    return true;
}

static bool close_section(const struct walker *walker, struct sections *sections, const struct tag *tag,
                          struct err *err)
{
    if (sections->count == 0)
        return complain(walker->template, tag->start, err, "{{/%s}} closes nothing", tag->name);
    struct section *section = &sections->items[sections->count - 1];
    if (!str_equal(section->name, tag->name))
        return complain(walker->template, tag->start, err, "{{/%s}} stands where {{/%s}} must", tag->name,
                        section->name);
    free(section->name);
    sections->count--;
    return true;
}

static bool walk_tag(const struct walker *walker, struct sections *sections, struct tag *tag, struct err *err)
{
    switch (tag->type) {
    case TAG_VALUE:
        return is_hidden(sections) || walker->on_value(walker->context, tag, err);
    case TAG_SECTION:
    case TAG_INVERTED:
        return open_section(walker, sections, tag, err);
    case TAG_CLOSE:
        return close_section(walker, sections, tag, err);
    }
    return false;
}

static void walk_text(const struct walker *walker, const struct sections *sections, const char *from, const char *to)
{
    if (walker->on_text && to > from && !is_hidden(sections))
        walker->on_text(walker->context, from, (size_t)(to - from));
}

static bool walk(const struct walker *walker, struct err *err)
{
    CLEANUP(sections_release) struct sections sections = { .count = 0 };
    const char *at = walker->template;
    for (const char *start = strstr(at, "{{"); start; start = strstr(at, "{{")) {
        struct tag tag;
        if (!read_tag(walker->template, start, &tag, err))
            return false;
        const char *text_end = tag.start, *next = tag.end;
        stands_alone(walker->template, &tag, &text_end, &next);
        walk_text(walker, &sections, at, text_end);
        bool good = walk_tag(walker, &sections, &tag, err);
        free(tag.name);
        if (!good)
            return false;
        at = next;
    }
    if (sections.count > 0) {
        const struct section *section = &sections.items[sections.count - 1];
        return complain(walker->template, section->start, err, "section \"%s\" is not closed by {{/%s}}", section->name,
                        section->name);
    }
    walk_text(walker, &sections, at, at + strlen(at));
    return true;
}

/* ---- rendering ---- */

struct rendering {
    const char *template;
    template_lookup_fn *lookup;
    void *context;
    struct str *out;
};

static void render_text(void *context, const char *text, size_t len)
{
    struct rendering *rendering = context;
    str_addn(rendering->out, text, len);
}

static bool look_up(struct rendering *rendering, const struct tag *tag, struct str *ret_value, struct err *err)
{
    if (rendering->lookup(rendering->context, tag->name, ret_value))
        return true;
    return complain(rendering->template, tag->start, err, "\"%s\" is not a name that is known here", tag->name);
}

static bool render_value(void *context, const struct tag *tag, struct err *err)
{
    struct rendering *rendering = context;
    CLEANUP(str_release) struct str value = STR_INIT;
    if (!look_up(rendering, tag, &value, err))
        return false;
    str_addn(rendering->out, value.text, value.len);
    return true;
}

static bool render_section(void *context, const struct tag *tag, bool *ret_inside, struct err *err)
{
    struct rendering *rendering = context;
    CLEANUP(str_release) struct str value = STR_INIT;
    if (!look_up(rendering, tag, &value, err))
        return false;
    bool is_true = value.len > 0 && !str_equal(value.text, "0") && !str_equal(value.text, "false");
    *ret_inside = is_true == (tag->type == TAG_SECTION);
    return true;
}

bool template_render(const char *template, template_lookup_fn *lookup, void *context, struct str *out, struct err *err)
{
    struct rendering rendering = { .template = template, .lookup = lookup, .context = context, .out = out };
    struct walker walker = { .template = template,
                             .context = &rendering,
                             .on_text = render_text,
                             .on_value = render_value,
                             .on_section = render_section };
    return walk(&walker, err);
}

/* ---- checking ---- */

struct checking {
    const char *template;
    bool (*is_known)(const void *context, const char *name);
    const void *context;
};

static bool check_value(void *context, const struct tag *tag, struct err *err)
{
    const struct checking *checking = context;
    if (checking->is_known(checking->context, tag->name))
        return true;
    return complain(checking->template, tag->start, err, "\"%s\" is not a name that is known here", tag->name);
}

static bool check_section(void *context, const struct tag *tag, bool *ret_inside, struct err *err)
{
    *ret_inside = true;
    return check_value(context, tag, err);
}

bool template_check(const char *template, bool (*is_known)(const void *context, const char *name), const void *context,
                    struct err *err)
{
    struct checking checking = { .template = template, .is_known = is_known, .context = context };
    struct walker walker = {
        .template = template, .context = &checking, .on_value = check_value, .on_section = check_section
    };
    return walk(&walker, err);
}

/* ---- use ---- */

struct search {
    const char *wanted;
    bool found;
};

static bool search_value(void *context, const struct tag *tag, struct err *err)
{
    (void)err; /* a search never fails */
    struct search *search = context;
    bool is_prefix = str_ends_with(search->wanted, ".");
    if (is_prefix ? str_starts_with(tag->name, search->wanted) : str_equal(tag->name, search->wanted))
        search->found = true;
    return true;
}

static bool search_section(void *context, const struct tag *tag, bool *ret_inside, struct err *err)
{
    *ret_inside = true;
    return search_value(context, tag, err);
}

bool template_uses(const char *template, const char *name_or_prefix)
{
    struct search search = { .wanted = name_or_prefix };
    struct walker walker = {
        .template = template, .context = &search, .on_value = search_value, .on_section = search_section
    };
    CLEANUP(err_release) struct err err = ERR_INIT;
    bool is_complete = walk(&walker, &err);
    return is_complete && search.found;
}
