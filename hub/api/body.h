/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * body: JSON request bodies, held against a table. Strict: unknown members, wrong types, values out
 * of range, duplicate members and deep nesting are refused, each with a JSON pointer to the
 * culprit.
 *
 *   1. body_parse()   bytes -> JSON object
 *   2. body_check()   the object against the table of its members
 *   3. body_str(), body_int() ...   reading what is known to be right
 */
#include <jansson.h>
#include <stdbool.h>

#include "hub/api/problem.h"
#include "shared/base/addr.h"
#include "shared/base/prefix.h"
#include "shared/base/secret.h"
#include "shared/wire/path_policy.h"

#define BODY_MAX_BYTES (64u << 10)
#define BODY_DEPTH_MAX 6u

enum body_type {
	BODY_STRING, /* min..max bytes, no control characters */
	BODY_NAME,   /* a node's name */
	BODY_INT,    /* min..max */
	BODY_BOOL,
	BODY_KIND,     /* "spoke" or "wireguard" */
	BODY_PATH,     /* "auto", "hub-only" or "direct-only" */
	BODY_PREFIX,   /* "10.20.0.0/24", no host bits */
	BODY_ADDRESS,  /* a numeric IP address */
	BODY_ENDPOINT, /* "HOST PORT" */
	BODY_KEY,      /* 32 bytes in base64 */
	BODY_NODE,     /* a node: its name (string) or id (number) */
	BODY_ROLE,     /* "admin", "operator" or "auditor" */
	BODY_LIST,     /* an array of at most `max` of `item` */
	BODY_OBJECT,   /* an object of `fields` */
};

struct body_field {
	const char *name;
	enum body_type type;
	bool required;
	int64_t min, max;
	enum body_type item;
	const struct body_field *fields;
	size_t n_fields;
};

/* Parses `n` bytes to an object, which the caller owns. An empty body is an empty object. Codes:
 * json_invalid, json_too_deep, member_duplicate, member_type. */
enum err body_parse(const void *p, size_t n, json_t **out, struct problem *problem) must_check;
/* Codes: member_unknown, member_missing, member_type, member_range, member_invalid,
 * prefix_host_bits. */
enum err body_check(const json_t *object, const struct body_field *fields, size_t n,
		    struct problem *problem) must_check;

/* After body_check(): NULL or `def` when the member is not there. */
const char *body_str(const json_t *object, const char *name);
int64_t body_int(const json_t *object, const char *name, int64_t def);
enum path_policy body_path_policy(const json_t *object, const char *name, enum path_policy def);
/* Overwrites a secret text once it is no longer needed. */
void body_wipe(json_t *object, const char *name);
bool body_bool(const json_t *object, const char *name);
