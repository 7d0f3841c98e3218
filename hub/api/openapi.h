/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* openapi: schema/openapi.yaml as JSON, put into the binary by embed_openapi.py at build time. */
#include <stddef.h>

extern const char openapi_json[];
extern const size_t openapi_json_len;
