/* The reference: Markdown and an example from the field tables, nothing written by hand twice. */
#include "specs/reference.h"

#include "specs/config.h"
#include "specs/kind.h"

static void add_table(const struct field *fields, const char *path, struct str *out)
{
    str_add(out, "| Field | Type | Default | Meaning |\n|---|---|---|---|\n");
    fields_reference(fields, path, out);
    str_addc(out, '\n');
}

static void add_columns(const struct kind *kind, struct str *out)
{
    str_addf(out, "`tenantctl get %s` shows", kind->plural);
    for (const struct column *column = kind->columns; column->name; column++)
        str_addf(out, "%s %s%s", column == kind->columns ? "" : ",", column->name,
                 column->priority > 0 ? " (wide)" : "");
    str_add(out, ".\n\n");
}

static void add_kind(const struct kind *kind, struct str *out)
{
    str_addf(out, "## %s\n\n%s %s `%s`", kind->name, kind->doc,
             kind->namespaced ? "Lives in its tenant's namespace. Plural:" : "Cluster-wide. Plural:", kind->plural);
    for (size_t i = 0; i < ARRAY_LEN(kind->short_names) && kind->short_names[i]; i++)
        str_addf(out, ", short `%s`", kind->short_names[i]);
    str_addf(out, ". A name has at most %zu characters (a-z, 0-9, -).\n\n", kind->name_max);
    add_columns(kind, out);
    add_table(kind->spec_fields, "spec", out);
    str_add(out, "Written by the controller:\n\n");
    add_table(kind->status_fields, "status", out);
}

void reference_print_markdown(struct str *out)
{
    str_add(
        out,
        "# Reference\n\nPrinted from the field tables by `make generated`; do not edit.\n\n"
        "Every record has `apiVersion: " API_VERSION
        "`, `kind`, `metadata` and `spec`. Bytes are quantities as Kubernetes "
        "writes them (`512Mi`, `2Gi`, `1G`, `1000`), CPUs are `1`, `0.5` or `500m`, durations `30s`, `10m`, `1h30m`, "
        "`2d`. A value that looks like a number but is text needs quotes (`version: \"17.0\"`).\n\n");
    for (size_t i = 0; i < KINDS; i++)
        add_kind(&kinds[i], out);
    str_add(out, "## Configuration\n\nOf the daemon: a YAML file, over it the environment (`listen.maxBody` is "
                 "`TENANTD_LISTEN_MAX_BODY`), over it flags (`--listen.maxBody=3Mi`).\n\n");
    add_table(config_fields, "", out);
}

void reference_print_config_example(struct str *out)
{
    str_add(out, "# tenantd's configuration. What is commented out has no default.\n");
    fields_example(config_fields, out);
}
