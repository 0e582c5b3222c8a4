/* Templates: what passes the check can be rendered, and nothing grows without a reason. */
#include "specs/template.h"
#include "tests/fuzz/fuzz.h"

#define VALUE "value"

/* Names are known but for those that begin with x; those that begin with e are empty. */
static bool is_known(const void *context, const char *name)
{
    (void)context;
    return name[0] != 'x';
}

static bool look_up(void *context, const char *name, struct str *ret_value)
{
    (void)context;
    if (name[0] != 'e')
        str_add(ret_value, VALUE);
    return is_known(NULL, name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(freep) char *template = fuzz_text(data, size);
    CLEANUP(err_release) struct err err = ERR_INIT;
    CLEANUP(str_release) struct str out = STR_INIT;
    bool is_checked = template_check(template, is_known, NULL, &err);
    bool is_rendered = template_render(template, look_up, NULL, &out, &err);
    FUZZ_ASSERT(!is_checked || is_rendered, template);
    FUZZ_ASSERT(is_rendered || err.code == ERR_INVALID, template);
    if (is_rendered) {
        /* "{{a}}" is the shortest that makes one value. */
        FUZZ_ASSERT(out.len <= strlen(template) / strlen("{{a}}") * strlen(VALUE) + strlen(template), template);
        if (!strstr(template, "{{"))
            FUZZ_ASSERT(str_equal(template, out.text), template);
    }
    if (template_uses(template, "name"))
        FUZZ_ASSERT(strstr(template, "name"), template);
    return 0;
}
