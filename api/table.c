/* Tables: what `kubectl get` prints. */
#include "api/table.h"

#include "specs/wording.h"

static const struct column name_column = {
    .name = "Name", .type = "string", .path = "metadata.name", .doc = "Its name."
};
static const struct column age_column = {
    .name = "Age",
    .type = "date",
    .path = "metadata.creationTimestamp",
    .doc = "How long ago it was created.",
};

bool table_object_parse(const char *text, enum table_object *ret, struct err *err)
{
    static const char *const names[] = {
        [TABLE_METADATA] = "Metadata",
        [TABLE_OBJECT] = "Object",
        [TABLE_NONE] = "None",
    };
    *ret = TABLE_METADATA;
    if (!text || text[0] == '\0')
        return true;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_equal(text, names[i])) {
            *ret = (enum table_object)i;
            return true;
        }
    CLEANUP(freep) char *shown = quoted(text);
    return err_set(err, ERR_BAD_REQUEST, "includeObject: %s is none of Metadata, Object, None", shown);
}

static void add_definition(json_t *definitions, const struct column *column, const char *format)
{
    json_t *definition = json_object();
    json_put_text(definition, "name", column->name);
    /* Cells are texts that are ready to print, so a date is no date to kubectl. */
    json_put_text(definition, "type", str_equal(column->type, "integer") ? "integer" : "string");
    json_put_text(definition, "format", format);
    json_put_text(definition, "description", column->doc ? column->doc : "");
    json_put(definition, "priority", json_integer(column->priority));
    json_push(definitions, definition);
}

json_t *table_new_without_columns(const char *resource_version)
{
    json_t *metadata = json_object();
    json_put_text(metadata, "resourceVersion", resource_version);
    json_t *table = json_object();
    json_put_text(table, "kind", "Table");
    json_put_text(table, "apiVersion", "meta.k8s.io/v1");
    json_put(table, "metadata", metadata);
    json_put(table, "columnDefinitions", json_array());
    json_put(table, "rows", json_array());
    return table;
}

json_t *table_new(const struct view *view, const char *resource_version)
{
    json_t *table = table_new_without_columns(resource_version);
    json_t *definitions = json_object_get(table, "columnDefinitions");
    if (!view->columns_are_all)
        add_definition(definitions, &name_column, "name");
    for (const struct column *column = view->columns; column->name; column++)
        add_definition(definitions, column, "");
    if (!view->columns_are_all)
        add_definition(definitions, &age_column, "");
    return table;
}

static void add_cell(json_t *cells, const struct view *view, const struct column *column, const json_t *object,
                     int64_t now_ms)
{
    CLEANUP(freep) char *text = column->path ? column_text(column, object, now_ms) : view->cell(column, object, now_ms);
    int64_t number;
    if (str_equal(column->type, "integer") && str_parse_int64(text, INT64_MIN, INT64_MAX, &number))
        json_push(cells, json_integer(number));
    else
        json_push(cells, json_from_text(text));
}

static json_t *metadata_of(const json_t *object)
{
    json_t *part = json_object();
    json_put_text(part, "kind", "PartialObjectMetadata");
    json_put_text(part, "apiVersion", "meta.k8s.io/v1");
    json_t *metadata = json_object_get(object, "metadata");
    json_put(part, "metadata", metadata ? json_deep_copy(metadata) : json_object());
    return part;
}

void table_add(json_t *table, const struct view *view, json_t *object, enum table_object include, int64_t now_ms)
{
    json_t *cells = json_array();
    if (!view->columns_are_all)
        add_cell(cells, view, &name_column, object, now_ms);
    for (const struct column *column = view->columns; column->name; column++)
        add_cell(cells, view, column, object, now_ms);
    if (!view->columns_are_all)
        add_cell(cells, view, &age_column, object, now_ms);
    json_t *row = json_object();
    json_put(row, "cells", cells);
    if (include == TABLE_METADATA)
        json_put(row, "object", metadata_of(object));
    else if (include == TABLE_OBJECT)
        json_put(row, "object", json_deep_copy(object));
    json_push(json_object_get(table, "rows"), row);
}
