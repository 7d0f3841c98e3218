/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/webhook/target.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "hub/store/webhook.h"
#include "shared/base/prefix.h"

static enum err say(char why[TARGET_WHY_SIZE], const char *text)
{
	snprintf(why, TARGET_WHY_SIZE, "%s", text);
	return ERR_INVALID;
}

/* The IPv4 address that an IPv6 address stands for (mapped, or NAT64 of RFC 6052), if any. */
static bool embedded_v4(const struct addr *a, struct addr *out)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	static const uint8_t compatible[12];

	if (a->family != AF_INET6 ||
	    (memcmp(a->b, mapped, sizeof(mapped)) != 0 && memcmp(a->b, nat64, sizeof(nat64)) != 0 &&
	     memcmp(a->b, compatible, sizeof(compatible)) != 0))
		return false;
	*out = addr_from_v4(a->b + 12);
	return true;
}

/* The whole of a range that no webhook may be in. */
static bool is_in(const char *prefix, const struct addr *a)
{
	struct prefix p;

	return prefix_parse(prefix, &p, NULL) == ERR_OK && p.addr.family == a->family &&
	       prefix_contains(&p, a);
}

bool target_address_allowed(const struct addr *a)
{
	static const char *const refused[] = {
		"0.0.0.0/8",   "127.0.0.0/8", "169.254.0.0/16",
		"224.0.0.0/4", "240.0.0.0/4",                      /* with the broadcast address */
		"fe80::/10",   "ff00::/8",    "fd00:ec2::254/128", /* a cloud's metadata */
	};
	struct addr v4;

	if (a->family != AF_INET && a->family != AF_INET6)
		return false;
	/* :: and ::1 are "compatible" with 0.0.0.0 and 0.0.0.1. */
	if (embedded_v4(a, &v4))
		a = &v4;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (is_in(refused[i], a))
			return false;
	return true;
}

/* A numeric host is judged now, so that the admin hears of it at once; names when they are used. */
static enum err check_host(const char *host, char why[TARGET_WHY_SIZE])
{
	char text[ADDR_STR_SIZE];
	struct addr a;
	size_t n = strlen(host);

	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n >= sizeof(text))
		return ERR_OK;
	memcpy(text, host, n);
	text[n] = '\0';
	if (addr_parse(text, &a) || target_address_allowed(&a))
		return ERR_OK;
	return say(why, "A webhook may not point to a loopback, link-local, multicast or "
			"unspecified address.");
}

/* One part of the address; NULL: it has none. Free with curl_free(). */
static char *part_of(CURLU *u, CURLUPart part)
{
	char *text = NULL;

	return curl_url_get(u, part, &text, 0) == CURLUE_OK ? text : NULL;
}

static enum err check_parts(CURLU *u, char why[TARGET_WHY_SIZE])
{
	char *scheme = part_of(u, CURLUPART_SCHEME), *host = part_of(u, CURLUPART_HOST);
	char *user = part_of(u, CURLUPART_USER), *password = part_of(u, CURLUPART_PASSWORD);
	char *fragment = part_of(u, CURLUPART_FRAGMENT);
	enum err e = ERR_OK;

	if (!scheme || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0) || !host ||
	    !*host)
		e = say(why, "The address must begin with https:// or http:// and name a host.");
	else if (user || password)
		e = say(why, "The address must not hold a name or password; the receiver knows the "
			     "hub by its signature.");
	else if (fragment)
		e = say(why, "The address must not have a part behind \"#\".");
	else
		e = check_host(host, why);
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_free(password);
	curl_free(fragment);
	return e;
}

enum err target_check_url(const char *url, char why[TARGET_WHY_SIZE])
{
	CURLU *u;
	enum err e;

	if (strlen(url) >= STORE_URL_SIZE)
		return say(why, "The address is too long.");
	for (const char *p = url; *p; p++)
		if (!isgraph((unsigned char)*p))
			return say(why, "The address has a blank or a character that must be "
					"written as %XX.");
	u = curl_url();
	if (!u)
		return ERR_NOMEM;
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
		e = say(why, "This is no address of the form https://HOST/PATH.");
	else
		e = check_parts(u, why);
	curl_url_cleanup(u);
	return e;
}
