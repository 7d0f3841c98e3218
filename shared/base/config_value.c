/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/config_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/base/name.h"
#include "shared/base/prefix.h"

#define KEY_COMPARED_BYTES   64u  /* longer keys are compared by their beginning */
#define HOST_NAME_MAX_BYTES  253u /* RFC 1035 section 2.3.4, as text */
#define HOST_LABEL_MAX_BYTES 63u
#define SCOPE_MAX_BYTES      15u /* IFNAMSIZ - 1 */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

enum err config_value_bool(const char *value, bool *out)
{
	static const char *const words[] = { "no", "yes", "false", "true", "0", "1" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(value, words[i]))
			continue;
		*out = i % 2;
		return ERR_OK;
	}
	return ERR_INVALID;
}

enum err config_value_int(const char *value, int64_t *out)
{
	char *end;
	long long v;

	/* strtoll() would also take white space and a plus sign. */
	if (!is_digit(value[0]) && !(value[0] == '-' && is_digit(value[1])))
		return ERR_INVALID;
	errno = 0;
	v = strtoll(value, &end, 10);
	if (errno || *end)
		return ERR_INVALID;
	*out = v;
	return ERR_OK;
}

/* A DNS name: labels of letters, digits, '-' and '_'. One that ends in a number is a mistyped IPv4
 * address. */
static bool is_host_name(const char *s, size_t n)
{
	size_t label = 0;
	bool numeric = true;

	if (n > 1 && s[n - 1] == '.')
		n--;
	if (n == 0 || n > HOST_NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.') {
			if (label == 0 || s[i - 1] == '-')
				return false;
			label = 0;
			numeric = true;
			continue;
		}
		if (!is_digit(s[i]) && !is_letter(s[i]) && s[i] != '_' &&
		    (s[i] != '-' || label == 0))
			return false;
		numeric = numeric && is_digit(s[i]);
		if (++label > HOST_LABEL_MAX_BYTES)
			return false;
	}
	return label > 0 && s[n - 1] != '-' && !numeric;
}

/* A numeric address; IPv6 may carry "%interface". */
static bool is_numeric_address(const char *s, size_t n)
{
	const char *percent = memchr(s, '%', n);
	size_t len = percent ? (size_t)(percent - s) : n;
	char text[ADDR_STR_SIZE];
	struct addr a;

	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = 0;
	if (addr_parse(text, &a))
		return false;
	return !percent ||
	       (a.family == AF_INET6 && n - len - 1 >= 1 && n - len - 1 <= SCOPE_MAX_BYTES);
}

/* "host [port]". */
static bool is_address(const char *s)
{
	size_t n = strcspn(s, " \t");
	const char *port = s + n + strspn(s + n, " \t");
	int64_t v;

	if (!is_numeric_address(s, n) && !is_host_name(s, n))
		return false;
	return !*port || (!config_value_int(port, &v) && v >= 1 && v <= 65535);
}

/* What is expected instead, for the types that one sentence does for. */
static const char *expected(enum config_type type)
{
	switch (type) {
	case CONFIG_BOOL:
		return "expected yes or no";
	case CONFIG_INT:
		return "expected a whole number";
	case CONFIG_NAME:
		return "expected a name of 1 to 63 letters, digits, '_', '.' and '-', not starting "
		       "with '.' or '-'";
	case CONFIG_PREFIX:
		return "expected a network such as 10.20.0.0/24 or 2001:db8::/48";
	case CONFIG_ADDRESS:
		return "expected a host name or an IP address, then a port if it is not the usual "
		       "one";
	case CONFIG_PATH:
		return "expected an absolute path";
	case CONFIG_STRING:
		return "expected some text";
	}
	return "";
}

static enum err check_int(const struct config_var *var, const char *value, char *why, size_t size)
{
	int64_t v;

	if (config_value_int(value, &v)) {
		snprintf(why, size, "%s", expected(CONFIG_INT));
		return ERR_INVALID;
	}
	/* A row without a range (both 0) takes any number. */
	if ((v >= var->min && v <= var->max) || (var->min == 0 && var->max == 0))
		return ERR_OK;
	snprintf(why, size, "expected a number from %" PRId64 " to %" PRId64, var->min, var->max);
	return ERR_INVALID;
}

static enum err check_prefix(const char *value, char *why, size_t size)
{
	struct prefix p, fixed = { 0 };
	char text[PREFIX_STR_SIZE];

	if (!prefix_parse(value, &p, &fixed))
		return ERR_OK;
	if (addr_len(&fixed.addr))
		snprintf(why, size, "it has host bits set: did you mean %s?",
			 prefix_format(&fixed, text));
	else
		snprintf(why, size, "%s", expected(CONFIG_PREFIX));
	return ERR_INVALID;
}

enum err config_value_check(const struct config_var *var, const char *value, char *why, size_t size)
{
	bool ok = true, b;

	switch (var->type) {
	case CONFIG_STRING:
		ok = value[0] != 0;
		break;
	case CONFIG_BOOL:
		ok = !config_value_bool(value, &b);
		break;
	case CONFIG_INT:
		return check_int(var, value, why, size);
	case CONFIG_NAME:
		ok = name_is_valid(value);
		break;
	case CONFIG_PREFIX:
		return check_prefix(value, why, size);
	case CONFIG_ADDRESS:
		ok = is_address(value);
		break;
	case CONFIG_PATH:
		ok = value[0] == '/';
		break;
	}
	if (ok)
		return ERR_OK;
	snprintf(why, size, "%s", expected(var->type));
	return ERR_INVALID;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein's distance without regard to case, with one row of the matrix in memory. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[KEY_COMPARED_BYTES + 1];
	size_t na = strnlen(a, KEY_COMPARED_BYTES), nb = strnlen(b, KEY_COMPARED_BYTES);

	for (unsigned j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1,
				      diagonal + (lower(a[i - 1]) != lower(b[j - 1])));
			diagonal = above;
		}
	}
	return row[nb];
}

const struct config_var *config_value_nearest(const struct config_var *vars, size_t n,
					      const char *key)
{
	const struct config_var *best = NULL;
	unsigned best_distance = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(key, vars[i].name);

		if (best && d >= best_distance)
			continue;
		best = &vars[i];
		best_distance = d;
	}
	return best;
}
