/* Reading the small XML documents that S3 servers answer with. Strict and bounded: no document type, so no entities of its own. Pure. */
#pragma once

#include "base/str.h"

#define S3_XML_DEPTH_MAX 8
#define S3_XML_TEXT_MAX  ((size_t)16 << 10) /* bytes of one element's own text */

/*
 * An element has ended: `path` are the names from the root to it, "ListBucketResult/Contents/Key", without their namespaces' prefixes; `text` is
 * its own text, blanks included. False (with err) ends the reading.
 */
typedef bool s3_xml_fn(void *context, const char *path, const char *text, struct err *err);
/* ERR_REMOTE for what is no such document. */
bool s3_xml_read(const char *bytes, size_t len, s3_xml_fn *visit, void *context, struct err *err) MUST_USE;
