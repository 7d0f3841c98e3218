/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/hostport.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/addr.h"

/* A port of 1..65535 and nothing behind it. */
static enum err parse_port(const char *s, uint16_t *out)
{
	unsigned long v = 0;
	size_t n = 0;

	for (; isdigit((unsigned char)s[n]) && n < 6; n++)
		v = v * 10 + (unsigned long)(s[n] - '0');
	if (n == 0 || s[n] || v < 1 || v > UINT16_MAX)
		return ERR_INVALID;
	*out = (uint16_t)v;
	return ERR_OK;
}

/* Where the host ends: before the space, the bracket, or the only colon. `*port` is where the port
 * begins, or NULL. */
static size_t host_length(const char *s, const char **port)
{
	size_t blank = strcspn(s, " \t");
	const char *colon = strchr(s, ':');

	*port = NULL;
	if (s[blank]) {
		*port = s + blank + strspn(s + blank, " \t");
		return blank;
	}
	if (colon && !strchr(colon + 1, ':')) {
		*port = colon + 1;
		return (size_t)(colon - s);
	}
	return blank;
}

/* The part in brackets; `*port` as above. 0 when the brackets are wrong. */
static size_t bracketed_length(const char *s, const char **port)
{
	size_t n = strcspn(s, "]");

	*port = NULL;
	if (s[n] != ']')
		return 0;
	if (s[n + 1] == ':')
		*port = s + n + 2;
	else if (s[n + 1] == ' ' || s[n + 1] == '\t')
		*port = s + n + 1 + strspn(s + n + 1, " \t");
	else if (s[n + 1])
		return 0;
	return n;
}

/* Letters of host names and numeric addresses. A colon belongs to an address only. */
static bool host_is_plausible(const char *host, bool brackets)
{
	char numeric[HOSTPORT_HOST_SIZE];
	struct addr a;

	if (host[0] == '-') /* what a program would take for an option */
		return false;
	for (const char *s = host; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(".-_:%", *s))
			return false;
	snprintf(numeric, sizeof(numeric), "%.*s", (int)strcspn(host, "%"), host);
	return !(brackets || strchr(host, ':')) || addr_parse(numeric, &a) == ERR_OK;
}

/* Does the line name a port? */
static bool has_port(const char *s)
{
	const bool brackets = *s == '[';
	const char *port = NULL;

	s += brackets;
	if (brackets)
		bracketed_length(s, &port);
	else
		host_length(s, &port);
	return port != NULL;
}

enum err hostport_split(const char *s, uint16_t default_port, char host[HOSTPORT_HOST_SIZE],
			uint16_t *port)
{
	bool brackets = *s == '[';
	const char *port_text;
	char found[HOSTPORT_HOST_SIZE];
	uint16_t p = default_port;
	size_t n;

	s += brackets;
	n = brackets ? bracketed_length(s, &port_text) : host_length(s, &port_text);
	if (n == 0 || n >= sizeof(found) || (port_text && parse_port(port_text, &p)) || p == 0)
		return ERR_INVALID;
	memcpy(found, s, n);
	found[n] = '\0';
	if (!host_is_plausible(found, brackets))
		return ERR_INVALID;
	memcpy(host, found, n + 1);
	*port = p;
	return ERR_OK;
}

enum err hostport_bind(const char *s, uint16_t default_port, int family, struct endpoint *list,
		       unsigned max, unsigned *n)
{
	static const struct addr any[] = { { .family = AF_INET6 }, { .family = AF_INET } };
	const bool star = s[0] == '*';
	char host[HOSTPORT_HOST_SIZE], with_any[HOSTPORT_HOST_SIZE];
	struct endpoint at = { 0 };
	enum err e;

	if (star) {
		snprintf(with_any, sizeof(with_any), "0.0.0.0%.64s", s + 1);
		s = with_any;
	}
	/* A default of 0, any port, is one; a port 0 on the line is not. */
	e = hostport_split(s, default_port ? default_port : UINT16_MAX, host, &at.port);
	if (!e)
		e = addr_parse(host, &at.addr);
	if (e)
		return ERR_INVALID;
	if (!default_port && !has_port(s))
		at.port = 0;
	for (unsigned i = 0; i < (star ? ARRAY_LEN(any) : 1); i++) {
		if (star && family != AF_UNSPEC && family != any[i].family)
			continue;
		if (*n == max)
			return ERR_LIMIT;
		list[*n] = at;
		if (star)
			list[*n].addr = any[i];
		++*n;
	}
	return ERR_OK;
}

bool hostport_is_line(const char *s)
{
	char host[HOSTPORT_HOST_SIZE], line[HOSTPORT_HOST_SIZE + 8];
	uint16_t port;

	if (hostport_split(s, 0, host, &port) || strchr(host, '%'))
		return false;
	snprintf(line, sizeof(line), "%s %u", host, (unsigned)port);
	return strcmp(line, s) == 0;
}
