/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/conf/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "shared/base/hostport.h"
#include "shared/base/name.h"
#include "shared/base/prefix.h"
#include "shared/wire/dns.h"
#include "shared/wire/limits.h"

enum err conf_family(struct config *c, int *out)
{
	static const struct {
		const char *name;
		int family;
	} families[] = { { "any", AF_UNSPEC }, { "ipv4", AF_INET }, { "ipv6", AF_INET6 } };
	const char *text = config_str(c, "AddressFamily");

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		if (strcasecmp(text, families[i].name) == 0) {
			*out = families[i].family;
			return ERR_OK;
		}
	}
	return config_complain(c, config_nth(c, "AddressFamily", 0),
			       "\"%s\" is none of any, ipv4, ipv6", text);
}

enum err conf_crypto(struct config *c, enum aead_choice *out)
{
	const char *text = config_str(c, "Crypto");

	if (aead_choice_parse(text, out))
		return config_complain(c, config_nth(c, "Crypto", 0),
				       "\"%s\" is none of auto, openssl, ipsec-mb", text);
	return ERR_OK;
}

enum err conf_interface(struct config *c, const char *net, char out[CONF_INTERFACE_SIZE])
{
	const char *text = config_str(c, "Interface");

	if (text && (!name_is_valid(text) || strlen(text) >= CONF_INTERFACE_SIZE))
		return config_complain(c, config_nth(c, "Interface", 0),
				       "\"%s\" cannot be the name of an interface: at most 15 "
				       "letters, digits, \"_\", \"-\" and \".\"",
				       text);
	snprintf(out, CONF_INTERFACE_SIZE, "%.15s", text ? text : net);
	return ERR_OK;
}

enum err conf_dns(struct config *c, const char *net, bool *out)
{
	const bool on = config_bool(c, "DNS");

	if (on && !dns_name_is_valid(net))
		return config_complain(c, config_nth(c, "DNS", 0),
				       "the network's name \"%s\" cannot be part of a name in DNS",
				       net);
	*out = on;
	return ERR_OK;
}

enum err conf_mode(struct config *c, bool *dummy)
{
	const char *type = config_str(c, "DeviceType"), *mode = config_str(c, "Mode");

	if (strcasecmp(mode, "router") != 0)
		return config_complain(c, config_nth(c, "Mode", 0),
				       "\"%s\": only Mode = router is supported", mode);
	if (dummy)
		*dummy = strcasecmp(type, "dummy") == 0;
	if (strcasecmp(type, "tun") == 0 || (dummy && *dummy))
		return ERR_OK;
	return config_complain(c, config_nth(c, "DeviceType", 0), "\"%s\" is none of tun%s", type,
			       dummy ? ", dummy" : "");
}

enum err conf_bind(struct config *c, const struct config_entry *e, uint16_t port, int family,
		   struct endpoint *list, unsigned max, unsigned *n)
{
	enum err err = hostport_bind(e ? e->value : "*", port, family, list, max, n);

	if (err == ERR_LIMIT)
		return config_complain(c, e, "more than %u addresses to listen on", max);
	if (err)
		return config_complain(
			c, e,
			"\"%s\" is not an address of this machine, or *, with an optional port",
			e->value);
	return ERR_OK;
}

enum err conf_binds(struct config *c, uint16_t port, int family, struct endpoint *list,
		    unsigned max, unsigned *n)
{
	static const char *const names[] = { "BindToAddress", "ListenAddress" };
	const struct config_entry *entry;
	const unsigned before = *n;
	enum err e = ERR_OK;

	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		for (size_t i = 0; !e && (entry = config_nth(c, names[k], i)) != NULL; i++)
			e = conf_bind(c, entry, port, family, list, max, n);
	if (!e && *n == before)
		e = conf_bind(c, NULL, port, family, list, max, n);
	return e;
}

enum err conf_addresses(struct config *host, char out[NODE_ENDPOINTS_MAX][ENDPOINT_NAME_SIZE],
			unsigned *n)
{
	const struct config_entry *e;
	uint16_t at =
		config_nth(host, "Port", 0) ? (uint16_t)config_int(host, "Port") : UDP_PORT_DEFAULT;
	char name[HOSTPORT_HOST_SIZE];
	uint16_t port;

	for (size_t i = 0; (e = config_nth(host, "Address", i)) != NULL; i++) {
		if (hostport_split(e->value, at, name, &port))
			return config_complain(
				host, e,
				"\"%s\" is not a host name or address with an optional port",
				e->value);
		if (*n == NODE_ENDPOINTS_MAX)
			return config_complain(host, e, "more than %u Address lines",
					       NODE_ENDPOINTS_MAX);
		snprintf(out[(*n)++], ENDPOINT_NAME_SIZE, "%.255s %u", name, (unsigned)port);
	}
	return ERR_OK;
}

uint16_t conf_pmtu(const struct config *c)
{
	return config_nth(c, "PMTU", 0) ? (uint16_t)config_int(c, "PMTU") : 0;
}

/* A number from 0 to SUBNET_WEIGHT_MAX and nothing else. */
static bool parse_weight(const char *text, uint32_t *out)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || !isdigit((unsigned char)text[0]) || *end || v > SUBNET_WEIGHT_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

enum conf_subnet_fault conf_subnet_parse(const char *text, struct node_subnet *out)
{
	char prefix[PREFIX_STR_SIZE];
	struct prefix fixed = { 0 };
	size_t n = strcspn(text, "#");
	const char *weight = text[n] ? text + n + 1 : NULL;
	bool weight_ok;

	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	if (n >= sizeof(prefix))
		return CONF_SUBNET_BAD;
	memcpy(prefix, text, n);
	prefix[n] = '\0';
	out->weight = SUBNET_WEIGHT_DEFAULT;
	weight_ok = !weight || parse_weight(weight, &out->weight);
	if (prefix_parse(prefix, &out->prefix, &fixed) == ERR_OK)
		return weight_ok ? CONF_SUBNET_OK : CONF_SUBNET_WEIGHT;
	if (!fixed.addr.family)
		return CONF_SUBNET_BAD;
	out->prefix = fixed;
	return CONF_SUBNET_HOST_BITS;
}

enum err conf_subnet(struct config *c, const struct config_entry *e, struct node_subnet *out)
{
	char text[PREFIX_STR_SIZE];

	switch (conf_subnet_parse(e->value, out)) {
	case CONF_SUBNET_OK:
		return ERR_OK;
	case CONF_SUBNET_HOST_BITS:
		return config_complain(c, e, "%.64s has host bits set; %s may be meant", e->value,
				       prefix_format(&out->prefix, text));
	case CONF_SUBNET_WEIGHT:
		return config_complain(c, e, "the weight \"%.64s\" is not a number from 0 to %u",
				       strchr(e->value, '#') + 1, SUBNET_WEIGHT_MAX);
	case CONF_SUBNET_BAD:
		break;
	}
	return config_complain(c, e, "\"%.64s\" is not a subnet; write it like 10.20.0.0/24",
			       e->value);
}
