/* XML by expat, within limits. */
#include "clients/s3/xml.h"

#include <expat.h>
#include <limits.h>

#define NAME_MAX_LENGTH 64

struct reading {
    XML_Parser parser;
    s3_xml_fn *visit;
    void *context;
    struct str path;
    struct str texts[S3_XML_DEPTH_MAX]; /* of the open elements */
    size_t depth;
    bool failed;
    struct err err; /* why it was stopped */
};

static void reading_release(struct reading *reading)
{
    if (reading->parser)
        XML_ParserFree(reading->parser);
    str_release(&reading->path);
    for (size_t i = 0; i < S3_XML_DEPTH_MAX; i++)
        str_release(&reading->texts[i]);
    err_release(&reading->err);
}

/* expat still reports what it has at hand, so each handler looks at `failed` first. */
static void stop(struct reading *reading)
{
    reading->failed = true;
    XML_StopParser(reading->parser, XML_FALSE);
}

static void refuse(struct reading *reading, const char *why)
{
    err_set(&reading->err, ERR_REMOTE, "%s", why);
    stop(reading);
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *reading = context;
    (void)attributes; /* S3 says nothing in them that we need */
    if (reading->failed)
        return;
    const char *colon = strrchr(name, ':');
    const char *bare = colon ? colon + 1 : name;
    if (reading->depth == S3_XML_DEPTH_MAX || strlen(bare) > NAME_MAX_LENGTH) {
        refuse(reading, "its XML is too deep, or has a very long name");
        return;
    }
    str_clear(&reading->texts[reading->depth]);
    str_addf(&reading->path, "%s%s", reading->depth > 0 ? "/" : "", bare);
    reading->depth++;
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct reading *reading = context;
    (void)name; /* expat has compared it with the start's */
    if (reading->failed)
        return;
    reading->depth--;
    if (!reading->visit(reading->context, reading->path.text, reading->texts[reading->depth].text, &reading->err)) {
        stop(reading);
        return;
    }
    char *slash = strrchr(reading->path.text, '/');
    CLEANUP(freep) char *parent = mem_strndup(reading->path.text, slash ? (size_t)(slash - reading->path.text) : 0);
    str_clear(&reading->path);
    str_add(&reading->path, parent);
}

static void XMLCALL on_text(void *context, const XML_Char *text, int len)
{
    struct reading *reading = context;
    if (reading->failed || reading->depth == 0)
        return;
    struct str *own = &reading->texts[reading->depth - 1];
    if ((size_t)len > S3_XML_TEXT_MAX - own->len) {
        refuse(reading, "its XML has a very long text");
        return;
    }
    str_addn(own, text, (size_t)len);
}

/* Entities that name each other can make gigabytes of a kilobyte; no S3 server has any. */
static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    refuse(context, "its XML has a document type");
}

bool s3_xml_read(const char *bytes, size_t len, s3_xml_fn *visit, void *context, struct err *err)
{
    CLEANUP(reading_release) struct reading reading = { .visit = visit, .context = context, .path = STR_INIT };
    for (size_t i = 0; i < S3_XML_DEPTH_MAX; i++)
        reading.texts[i] = (struct str)STR_INIT;
    if (len > INT_MAX)
        return err_set(err, ERR_REMOTE, "its XML is too long");
    reading.parser = XML_ParserCreate("UTF-8");
    if (!reading.parser)
        abort(); /* out of memory */
    XML_SetUserData(reading.parser, &reading);
    XML_SetElementHandler(reading.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
    if (XML_Parse(reading.parser, bytes, (int)len, XML_TRUE) == XML_STATUS_OK)
        return true;
    if (reading.failed) {
        if (err)
            err_move(err, &reading.err);
        return false;
    }
    if (XML_GetErrorCode(reading.parser) == XML_ERROR_NO_MEMORY)
        abort();
    return err_set(err, ERR_REMOTE, "its XML cannot be read: line %lu: %s",
                   (unsigned long)XML_GetCurrentLineNumber(reading.parser),
                   XML_ErrorString(XML_GetErrorCode(reading.parser)));
}
