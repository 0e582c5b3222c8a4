/* Where in a text a field stands. */
#include <yaml.h>

#include "base/str.h"
#include "specs/yaml.h"

/* The pair of a map whose key the path begins with; keys may have dots in them, so the longest one that fits counts. */
static const yaml_node_pair_t *find_pair(yaml_document_t *document, const yaml_node_t *map, const char *path,
                                         size_t *ret_len)
{
    const yaml_node_pair_t *best = NULL;
    for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);
        if (!key || key->type != YAML_SCALAR_NODE)
            continue;
        size_t len = key->data.scalar.length;
        bool fits = strncmp(path, (const char *)key->data.scalar.value, len) == 0 && strchr(".[", path[len]);
        if (len > 0 && fits && (!best || len > *ret_len)) {
            best = pair;
            *ret_len = len;
        }
    }
    return best;
}

/* Goes one step down; NULL: the path ends, or is not there. `at` moves behind the step. */
static const yaml_node_t *step_down(yaml_document_t *document, const yaml_node_t *node, const char **at, size_t *line)
{
    size_t len = 0;
    int64_t index;
    *at += **at == '.';
    if (node->type == YAML_MAPPING_NODE && **at) {
        const yaml_node_pair_t *pair = find_pair(document, node, *at, &len);
        if (!pair)
            return NULL;
        *at += len;
        *line = yaml_document_get_node(document, pair->key)->start_mark.line + 1;
        return yaml_document_get_node(document, pair->value);
    }
    if (node->type != YAML_SEQUENCE_NODE || **at != '[')
        return NULL;
    CLEANUP(freep) char *digits = mem_strndup(*at + 1, strcspn(*at + 1, "]"));
    ptrdiff_t count = node->data.sequence.items.top - node->data.sequence.items.start;
    if (!str_parse_int64(digits, 0, count - 1, &index))
        return NULL;
    *at += strlen(digits) + 2;
    const yaml_node_t *item = yaml_document_get_node(document, node->data.sequence.items.start[index]);
    *line = item->start_mark.line + 1;
    return item;
}

static size_t line_in(yaml_document_t *document, const char *path)
{
    const yaml_node_t *node = yaml_document_get_root_node(document);
    size_t line = node->start_mark.line + 1;
    for (const char *at = path; node && *at;)
        node = step_down(document, node, &at, &line);
    return line;
}

size_t yaml_line_of(const char *text, size_t len, size_t document_line, const char *path)
{
    yaml_parser_t parser;
    yaml_document_t document;
    size_t line = document_line;
    if (!yaml_parser_initialize(&parser))
        abort(); /* out of memory */
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    for (bool found = false; !found && yaml_parser_load(&parser, &document);) {
        const yaml_node_t *root = yaml_document_get_root_node(&document);
        bool is_last = !root;
        found = is_last || document.start_mark.line + 1 == document_line;
        if (found && !is_last)
            line = line_in(&document, path);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return line;
}
