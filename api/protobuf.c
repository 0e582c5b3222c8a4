/* Reading reviews in protobuf: length-delimited fields, one in another. */
#include "api/protobuf.h"

struct message {
    const uint8_t *at, *end;
};

static bool read_varint(struct message *message, uint64_t *ret)
{
    *ret = 0;
    for (unsigned shift = 0; shift < 64 && message->at < message->end; shift += 7) {
        uint8_t byte = *message->at++;
        *ret |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool skip_fixed(struct message *message, size_t size)
{
    if ((size_t)(message->end - message->at) < size)
        return false;
    message->at += size;
    return true;
}

/* The next field; what is not length-delimited is passed over with an empty content. False: nonsense. */
static bool next_field(struct message *message, unsigned *ret_number, struct message *ret_content)
{
    uint64_t key, value;
    *ret_content = (struct message){ 0 };
    if (!read_varint(message, &key))
        return false;
    *ret_number = (unsigned)(key >> 3);
    switch (key & 7) {
    case 0:
        return read_varint(message, &value);
    case 1:
        return skip_fixed(message, 8);
    case 5:
        return skip_fixed(message, 4);
    case 2:
        if (!read_varint(message, &value) || value > (uint64_t)(message->end - message->at))
            return false;
        *ret_content = (struct message){ message->at, message->at + value };
        message->at += value;
        return true;
    default:
        return false;
    }
}

/* The last field of that number; empty where there is none. */
static bool find_field(struct message message, unsigned number, struct message *ret)
{
    *ret = (struct message){ 0 };
    while (message.at < message.end) {
        struct message content;
        unsigned found;
        if (!next_field(&message, &found, &content))
            return false;
        if (found == number)
            *ret = content;
    }
    return true;
}

static bool put_text(struct message message, unsigned number, json_t *object, const char *key)
{
    struct message content;
    if (!find_field(message, number, &content))
        return false;
    if (content.at < content.end) {
        CLEANUP(freep) char *text = mem_strndup((const char *)content.at, (size_t)(content.end - content.at));
        json_put(object, key, json_from_text(text));
    }
    return true;
}

static const struct {
    unsigned number;
    const char *key;
} resource_keys[] = {
    { 1, "namespace" }, { 2, "verb" },        { 3, "group" }, { 4, "version" },
    { 5, "resource" },  { 6, "subresource" }, { 7, "name" },
};

static bool read_spec(struct message spec, json_t *object)
{
    struct message resource, path;
    if (!find_field(spec, 1, &resource) || !find_field(spec, 2, &path))
        return false;
    if (path.at) {
        json_t *attributes = json_object();
        json_put(object, "nonResourceAttributes", attributes);
        return put_text(path, 1, attributes, "path") && put_text(path, 2, attributes, "verb");
    }
    json_t *attributes = json_object();
    json_put(object, "resourceAttributes", attributes);
    for (size_t i = 0; i < ARRAY_LEN(resource_keys); i++)
        if (!put_text(resource, resource_keys[i].number, attributes, resource_keys[i].key))
            return false;
    return true;
}

bool protobuf_review(const char *bytes, size_t len, json_t **ret, struct err *err)
{
    static const char magic[4] = { 'k', '8', 's', '\0' };
    CLEANUP(json_decrefp) json_t *object = json_object();
    struct message type, raw, spec;
    json_t *inner = json_object();
    json_put(object, "spec", inner);
    if (len < sizeof(magic) || memcmp(bytes, magic, sizeof(magic)) != 0)
        return err_set(err, ERR_BAD_REQUEST, "the body is no protobuf of Kubernetes");
    struct message whole = { (const uint8_t *)bytes + sizeof(magic), (const uint8_t *)bytes + len };
    bool good =
        find_field(whole, 1, &type) && find_field(whole, 2, &raw) && put_text(type, 2, object, "kind") &&
        find_field(raw, 2, &spec) &&
        (str_equal(json_text(object, "kind"), "SelfSubjectAccessReview") ? read_spec(spec, inner)
                                                                         : put_text(spec, 1, inner, "namespace"));
    if (!good)
        return err_set(err, ERR_BAD_REQUEST, "the body's protobuf breaks off");
    *ret = STEAL(object);
    return true;
}
