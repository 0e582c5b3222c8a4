#include "specs/check.h"
#include "tests/specs/documents.h"

static const struct text_row {
    const char *why;
    field_check_fn *check;
    const char *text;
    const char *problem; /* NULL: fine */
} text_rows[] = {
    { "e-mail", check_email, "admin@acme.example", NULL },
    { "e-mail with plus and dots", check_email, "first.last+tag@Mail.Acme.example", NULL },
    { "e-mail of a machine", check_email, "root@localhost", NULL },
    { "e-mail without at", check_email, "admin", "is not an e-mail address like admin@example.com" },
    { "e-mail without local part", check_email, "@acme.example", "is not an e-mail address" },
    { "e-mail without domain", check_email, "admin@", "is not an e-mail address" },
    { "e-mail with two ats", check_email, "a@b@acme.example", "is not an e-mail address" },
    { "e-mail with a blank", check_email, "ad min@acme.example", "is not an e-mail address" },
    { "e-mail for a shell", check_email, "$(reboot)@acme.example", "is not an e-mail address" },
    { "e-mail with a quote", check_email, "o'brien@acme.example", "is not an e-mail address" },
    { "e-mail with a name", check_email, "Admin <a@acme.example>", "is not an e-mail address" },
    { "e-mail with two dots", check_email, "a..b@acme.example", "is not an e-mail address" },
    { "e-mail at an address", check_email, "a@10.0.0.1", "is not an e-mail address" },
    { "empty e-mail", check_email, "", "is not an e-mail address" },
    { "name", check_dns_label, "web-1", NULL },
    { "name with capitals", check_dns_label, "Web", "is not a name" },
    { "name with a dash at the end", check_dns_label, "web-", "is not a name" },
    { "name of 64", check_dns_label, "0123456789012345678901234567890123456789012345678901234567890123",
      "is not a name" },
    { "environment name", check_env_name, "ODOO_WORKERS2", NULL },
    { "environment name with a digit first", check_env_name, "2X", "is not an environment name" },
    { "environment name with a dash", check_env_name, "A-B", "is not an environment name" },
    { "word", check_word, "17.0", NULL },
    { "two words", check_word, "17 0", "must not have blanks" },
    { "no word", check_word, "", "must not be empty" },
    { "URL path", check_url_path, "/web/login?db=1", NULL },
    { "URL path without slash", check_url_path, "web", "is not a URL path" },
    { "URL path with a blank", check_url_path, "/a b", "is not a URL path" },
    { "URL path with a backtick", check_url_path, "/`x`", "is not a URL path" },
    { "file path", check_file_path, "/etc/odoo/odoo.conf", NULL },
    { "hidden file", check_file_path, "/etc/.odoorc", NULL },
    { "a name that begins with dots", check_file_path, "/etc/..odoorc", NULL },
    { "relative file path", check_file_path, "etc/x", "is not absolute; begin it with /" },
    { "empty file path", check_file_path, "", "is not absolute" },
    { "file path upwards", check_file_path, "/etc/../root/x", "has a part . or ..; write the path out" },
    { "file path that ends upwards", check_file_path, "/etc/..", "has a part . or .." },
    { "file path with a dot", check_file_path, "/etc/./x", "has a part . or .." },
    { "file path with two slashes", check_file_path, "/etc//x", "has an empty part" },
    { "file path with a slash at the end", check_file_path, "/etc/", "has an empty part" },
    { "root", check_file_path, "/", "is the root directory" },
    { "the kernel's", check_file_path, "/proc/sys/x", "belongs to the kernel" },
    { "the kernel's directory", check_file_path, "/dev", "belongs to the kernel" },
    { "not the kernel's", check_file_path, "/device", NULL },
    { "a colon, which separates in Docker's binds", check_file_path, "/a:b", "has a line break, a tab or a colon" },
};

static void assert_problem_of(const struct problems *problems, const char *wanted)
{
    CLEANUP(freep) char *text = problems_text(problems);
    if (!wanted)
        assert_string_equal(text, "");
    else
        assert_contains(text, wanted);
}

static void checks_text(void **state)
{
    const struct text_row *row = *state;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    row->check(NULL, &row->text, "spec.x", &problems);
    assert_problem_of(&problems, row->problem);
}

static const struct list_row {
    const char *why;
    field_check_fn *check;
    const char *list;
    const char *problem;
} list_rows[] = {
    { "domains", check_domains, "erp.acme.example,localhost,xn--kse-qla.example,1a.example", NULL },
    { "a wildcard", check_domains, "*.acme.example",
      "spec.x[0]: \"*.acme.example\" is a wildcard; write out each name" },
    { "a URL", check_domains, "https://acme.example/", "leave out scheme, port and path" },
    { "a port", check_domains, "acme.example:80", "leave out scheme, port and path" },
    { "capitals", check_domains, "Acme.example", "has upper-case letters; write it in lower case" },
    { "not ASCII", check_domains, "käse.example", "write it in punycode" },
    { "an address", check_domains, "10.0.0.1", "is not a domain name like erp.example.com" },
    { "an underscore", check_domains, "a_b.example", "is not a domain name" },
    { "a dot at the end", check_domains, "acme.example.", "is not a domain name" },
    { "two dots", check_domains, "a..b", "is not a domain name" },
    { "a backtick", check_domains, "a`b.example", "is not a domain name" },
    { "a domain twice", check_domains, "a.b,c.d,a.b", "spec.x[2]: \"a.b\" appears twice" },
    { "technical names", check_technical_names, "sale,sale_management,l10n_de", NULL },
    { "a technical name in capitals", check_technical_names, "Sale", "is not a technical name; use a-z, 0-9 and _" },
    { "an option instead of a name", check_technical_names, "--load", "is not a technical name" },
    { "a list in a name", check_technical_names, "sale;purchase", "is not a technical name" },
    { "a technical name twice", check_technical_names, "sale,sale", "spec.x[1]: \"sale\" appears twice" },
};

static void checks_list(void **state)
{
    const struct list_row *row = *state;
    CLEANUP(problems_release) struct problems problems = PROBLEMS_INIT;
    CLEANUP(strv_release) struct strv list = STRV_INIT;
    strv_split(&list, row->list, ',');
    row->check(NULL, &list, "spec.x", &problems);
    assert_problem_of(&problems, row->problem);
}

static void knows_qualified_names(void **state)
{
    (void)state;
    static const char *const good[] = { "tier", "a.b_c-d", "example.com/tier", "tenantd/paused", "A1" };
    static const char *const bad[] = { "",      "-a",
                                       "a-",    "a b",
                                       "/a",    "a/",
                                       "a/b/c", "Example.com/a",
                                       "ä",     "0123456789012345678901234567890123456789012345678901234567890123" };
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(is_qualified_name(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(is_qualified_name(bad[i]));
}

static void limits_domain_names(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str name = STR_INIT;
    for (int i = 0; i < 84; i++)
        str_add(&name, "ab.");
    str_add(&name, "c");
    assert_int_equal(name.len, 253);
    assert_true(is_dns_name(name.text));
    str_add(&name, "d");
    assert_false(is_dns_name(name.text));
}

int main(void)
{
    struct check_list list = { 0 };
    CHECK_ROWS(&list, checks_text, text_rows);
    CHECK_ROWS(&list, checks_list, list_rows);
    CHECK_TEST(&list, knows_qualified_names);
    CHECK_TEST(&list, limits_domain_names);
    return check_run("check", &list);
}
