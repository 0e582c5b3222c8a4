/*
 * The few protobuf messages that kubectl from 1.32 on sends for `auth can-i` and `auth whoami`. Source: Kubernetes'
 * runtime.Unknown ("k8s\0" before it) and authorization/v1. Pure.
 */
#pragma once

#include "base/json.h"

#define MEDIA_PROTOBUF "application/vnd.kubernetes.protobuf"

/*
 * A review as the JSON it stands for: {"kind", "spec": {"resourceAttributes": {...} | "nonResourceAttributes": {...} |
 * "namespace"}}. ERR_BAD_REQUEST.
 */
bool protobuf_review(const char *bytes, size_t len, json_t **ret, struct err *err) MUST_USE;
