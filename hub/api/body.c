/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/body.h"

#include <string.h>

#include "hub/api/params.h"
#include "hub/api/role.h"
#include "shared/base/base64.h"
#include "shared/base/hostport.h"
#include "shared/base/name.h"
#include "shared/wire/limits.h"
#include "shared/wire/node.h"

static enum err check_object(const json_t *object, const struct body_field *fields, size_t n,
			     const char *at, struct problem *p);

/* How deep the brackets of a JSON text nest, strings left aside; the parser itself would recurse to
 * thousands. */
static unsigned depth_of(const char *s, size_t n)
{
	unsigned depth = 0, most = 0;
	bool in_string = false;

	for (size_t i = 0; i < n; i++) {
		if (in_string) {
			if (s[i] == '\\')
				i++;
			else if (s[i] == '"')
				in_string = false;
			continue;
		}
		if (s[i] == '"')
			in_string = true;
		else if (s[i] == '{' || s[i] == '[')
			depth++;
		else if ((s[i] == '}' || s[i] == ']') && depth)
			depth--;
		most = depth > most ? depth : most;
	}
	return most;
}

enum err body_parse(const void *p, size_t n, json_t **out, struct problem *problem)
{
	json_error_t error;
	json_t *j;

	if (depth_of(p, n) > BODY_DEPTH_MAX) {
		problem_set(problem, 400, "json_too_deep", NULL,
			    "the JSON text nests deeper than %u", BODY_DEPTH_MAX);
		return ERR_LIMIT;
	}
	j = n ? json_loadb(p, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error) : json_object();
	if (!j && n && json_error_code(&error) == json_error_duplicate_key) {
		problem_set(problem, 400, "member_duplicate", NULL, "line %d: %s", error.line,
			    error.text);
		return ERR_INVALID;
	}
	if (!j && n) {
		problem_set(problem, 400, "json_invalid", NULL,
			    "not valid JSON: line %d, column %d: %s", error.line, error.column,
			    error.text);
		return ERR_INVALID;
	}
	if (!json_is_object(j)) {
		problem_set(problem, 422, "member_type", NULL, "the body must be a JSON object");
		json_decref(j);
		return ERR_INVALID;
	}
	*out = j;
	return ERR_OK;
}

/* Writes `at` + "/" + `name` with RFC 6901's escapes; what does not fit is cut. */
static void pointer_join(char *out, size_t size, const char *at, const char *name)
{
	int used = snprintf(out, size, "%s/", at);
	size_t n = used < 0 ? 0 : (size_t)used;

	for (; *name && n + 3 < size; name++) {
		if (*name == '~' || *name == '/') {
			out[n++] = '~';
			out[n++] = *name == '~' ? '0' : '1';
		} else {
			out[n++] = *name;
		}
	}
	out[n < size ? n : size - 1] = '\0';
}

static enum err refuse(struct problem *p, const char *code, const char *at, const char *what)
{
	problem_set(p, 422, code, at, "%s", what);
	return ERR_INVALID;
}

static enum err wrong_type(struct problem *p, const char *at, const char *wanted)
{
	problem_set(p, 422, "member_type", at, "this must be %s", wanted);
	return ERR_INVALID;
}

static enum err check_string(const char *s, const struct body_field *f, const char *at,
			     struct problem *p)
{
	size_t n = strlen(s);

	if (n < (size_t)f->min || (f->max && n > (size_t)f->max)) {
		problem_set(p, 422, "member_range", at,
			    "this must have %lld to %lld bytes, and has %zu", (long long)f->min,
			    (long long)f->max, n);
		return ERR_INVALID;
	}
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return refuse(p, "member_invalid", at,
				      "control characters are not allowed here");
	return ERR_OK;
}

static enum err check_prefix(const char *s, const char *at, struct problem *p)
{
	struct prefix prefix, fixed = { 0 };
	char text[PREFIX_STR_SIZE];

	if (prefix_parse(s, &prefix, &fixed) == ERR_OK)
		return ERR_OK;
	if (!fixed.addr.family)
		return refuse(p, "member_invalid", at,
			      "this must be a prefix such as 10.20.0.0/24 or 2001:db8::/48");
	problem_set(p, 422, "prefix_host_bits", at,
		    "bits behind the prefix length are set; did you mean %s?",
		    prefix_format(&fixed, text));
	return ERR_INVALID;
}

/* Checks a text of one of the kinds that have a form of their own. */
static enum err check_text(const char *s, const struct body_field *f, const char *at,
			   struct problem *p)
{
	enum path_policy policy;
	struct addr addr;
	uint8_t key[32];

	switch (f->type) {
	case BODY_STRING:
		return check_string(s, f, at, p);
	case BODY_PREFIX:
		return check_prefix(s, at, p);
	case BODY_NAME:
	case BODY_NODE:
		return name_is_valid(s) ? ERR_OK
					: refuse(p, "name_invalid", at,
						 "a name has 1 to 63 of the characters A-Z a-z 0-9 "
						 "_ . - and starts with neither '-' nor '.'");
	case BODY_KIND:
		return strcmp(s, "spoke") == 0 || strcmp(s, "wireguard") == 0
			       ? ERR_OK
			       : refuse(p, "member_invalid", at,
					"this must be \"spoke\" or \"wireguard\"");
	case BODY_PATH:
		return path_policy_parse(s, &policy) == ERR_OK
			       ? ERR_OK
			       : refuse(p, "member_invalid", at,
					"this must be \"auto\", \"hub-only\" or "
					"\"direct-only\"");
	case BODY_ROLE:
		return role_parse(s) != ROLE_NONE
			       ? ERR_OK
			       : refuse(p, "member_invalid", at,
					"this must be \"admin\", \"operator\" or \"auditor\"");
	case BODY_ADDRESS:
		return addr_parse(s, &addr) == ERR_OK
			       ? ERR_OK
			       : refuse(p, "address_invalid", at,
					"this must be a numeric IPv4 or IPv6 address");
	case BODY_ENDPOINT:
		return hostport_is_line(s) ? ERR_OK
					   : refuse(p, "member_invalid", at,
						    "this must be \"HOST PORT\", such as "
						    "\"vpn.example.com 6655\"");
	case BODY_KEY:
		return base64_decode_key(s, key) == ERR_OK
			       ? ERR_OK
			       : refuse(p, "key_invalid", at,
					"this must be a key: 32 bytes in base64 (44 characters)");
	default:
		return ERR_OK;
	}
}

static enum err check_int(json_int_t v, int64_t min, int64_t max, const char *at, struct problem *p)
{
	if (v >= min && v <= max)
		return ERR_OK;
	problem_set(p, 422, "member_range", at, "this must be from %lld to %lld", (long long)min,
		    (long long)max);
	return ERR_INVALID;
}

static enum err check_value(const json_t *v, const struct body_field *f, const char *at,
			    struct problem *p);

static enum err check_list(const json_t *v, const struct body_field *f, const char *at,
			   struct problem *p)
{
	struct body_field item = { .type = f->item, .fields = f->fields, .n_fields = f->n_fields };
	char pointer[sizeof(p->pointer)];
	enum err e = ERR_OK;

	if (!json_is_array(v))
		return wrong_type(p, at, "an array");
	if (json_array_size(v) > (size_t)f->max) {
		problem_set(p, 422, "member_range", at, "at most %lld items are allowed here",
			    (long long)f->max);
		return ERR_INVALID;
	}
	for (size_t i = 0; i < json_array_size(v) && !e; i++) {
		snprintf(pointer, sizeof(pointer), "%.100s/%zu", at, i);
		e = check_value(json_array_get(v, i), &item, pointer, p);
	}
	return e;
}

static enum err check_value(const json_t *v, const struct body_field *f, const char *at,
			    struct problem *p)
{
	switch (f->type) {
	case BODY_INT:
		return json_is_integer(v) ? check_int(json_integer_value(v), f->min, f->max, at, p)
					  : wrong_type(p, at, "a whole number");
	case BODY_BOOL:
		return json_is_boolean(v) ? ERR_OK : wrong_type(p, at, "true or false");
	case BODY_LIST:
		return check_list(v, f, at, p);
	case BODY_OBJECT:
		return json_is_object(v) ? check_object(v, f->fields, f->n_fields, at, p)
					 : wrong_type(p, at, "an object");
	case BODY_NODE:
		if (json_is_integer(v))
			return check_int(json_integer_value(v), 1, UINT32_MAX, at, p);
		return json_is_string(v)
			       ? check_text(json_string_value(v), f, at, p)
			       : wrong_type(p, at, "a node's name (a string) or its id (a number)");
	default:
		return json_is_string(v) ? check_text(json_string_value(v), f, at, p)
					 : wrong_type(p, at, "a string");
	}
}

static const struct body_field *find_field(const struct body_field *fields, size_t n,
					   const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static enum err check_object(const json_t *object, const struct body_field *fields, size_t n,
			     const char *at, struct problem *p)
{
	char pointer[sizeof(p->pointer)];
	const struct body_field *f;
	const char *name;
	json_t *value;
	enum err e;

	json_object_foreach((json_t *)object, name, value)
	{
		pointer_join(pointer, sizeof(pointer), at, name);
		f = find_field(fields, n, name);
		if (!f) {
			problem_set(p, 422, "member_unknown", pointer,
				    "there is no member \"%.64s\" here", name);
			return ERR_INVALID;
		}
		e = check_value(value, f, pointer, p);
		if (e)
			return e;
	}
	for (size_t i = 0; i < n; i++) {
		if (!fields[i].required || json_object_get(object, fields[i].name))
			continue;
		pointer_join(pointer, sizeof(pointer), at, fields[i].name);
		problem_set(p, 422, "member_missing", pointer, "the member \"%s\" is required",
			    fields[i].name);
		return ERR_INVALID;
	}
	return ERR_OK;
}

enum err body_check(const json_t *object, const struct body_field *fields, size_t n,
		    struct problem *problem)
{
	return check_object(object, fields, n, "", problem);
}

const char *body_str(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

int64_t body_int(const json_t *object, const char *name, int64_t def)
{
	const json_t *v = json_object_get(object, name);

	return v ? json_integer_value(v) : def;
}

enum path_policy body_path_policy(const json_t *object, const char *name, enum path_policy def)
{
	const char *s = body_str(object, name);

	return s && path_policy_parse(s, &def) != ERR_OK ? PATH_POLICY_AUTO : def;
}

bool body_bool(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

void body_wipe(json_t *object, const char *name)
{
	const char *s = body_str(object, name);

	if (s)
		secret_zero((char *)(uintptr_t)s, strlen(s));
}
