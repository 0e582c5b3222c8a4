/* YAML's core schema for single values. Pure. */
#pragma once

#include "base/json.h"

/*
 * The value of a scalar: by its `tag` (NULL: none), else by its form when it is plain, else text. The error says what to write
 * instead, without a place.
 */
bool yaml_scalar(const char *text, const char *tag, bool plain, json_t **ret, struct err *err) MUST_USE;
/* Whether `text`, written without quotes, would be read as something else than text, by us or by a reader of YAML 1.1. */
bool yaml_scalar_is_ambiguous(const char *text);
