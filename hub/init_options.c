/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/init_options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "hub/config.h"
#include "shared/base/hostport.h"

#define POOL4_DEFAULT "10.91.0.0/16"
#define USER_DEFAULT  "branchline"

enum {
	OPT_NAME = 256,
	OPT_ADDRESS,
	OPT_POOL,
	OPT_POOL6,
	OPT_SUBNET,
	OPT_PORT,
	OPT_API_NAME,
	OPT_USER,
	OPT_JSON,
	OPT_HELP
};

static const struct option long_options[] = {
	{ "name", required_argument, NULL, OPT_NAME },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "pool", required_argument, NULL, OPT_POOL },
	{ "pool6", required_argument, NULL, OPT_POOL6 },
	{ "subnet", required_argument, NULL, OPT_SUBNET },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "api-name", required_argument, NULL, OPT_API_NAME },
	{ "user", required_argument, NULL, OPT_USER },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

const char init_options_help[] =
	"branchline-hub -n NET init --name NAME --address HOST[:PORT] [...]\n"
	"  --name=NAME              the hub's name as a node of the network\n"
	"  --address=HOST[:PORT]    where branches reach the hub: a public name or address; "
	"repeatable\n"
	"  --pool=PREFIX            the nodes' own IPv4 addresses (default " POOL4_DEFAULT ")\n"
	"  --pool6=PREFIX|none      the nodes' own IPv6 addresses (default: a random unique local "
	"/64)\n"
	"  --subnet=PREFIX[#WEIGHT] a network behind the hub; repeatable\n"
	"  --port=N                 UDP and TCP port of the hub (default 6655)\n"
	"  --api-name=NAME          one more name or address for the certificate of page and API; "
	"repeatable\n"
	"  --user=NAME              the unprivileged user of the daemon (default " USER_DEFAULT
	")\n"
	"  --json                   print the result as JSON\n";

/* What was given, before defaults that depend on each other are known. */
struct raw_options {
	const char *addresses[NODE_ENDPOINTS_MAX];
	const char *pool4, *pool6, *port;
};

static enum err complain(struct init_options *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static enum err complain(struct init_options *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->error, sizeof(o->error), fmt, ap);
	va_end(ap);
	return ERR_INVALID;
}

/* A prefix, with a hint at what may be meant when host bits are set. */
static enum err parse_prefix(struct init_options *o, const char *option, const char *text,
			     struct prefix *out)
{
	char fixed_text[PREFIX_STR_SIZE];
	struct prefix fixed = { 0 };

	if (prefix_parse(text, out, &fixed) == ERR_OK)
		return ERR_OK;
	if (fixed.addr.family)
		return complain(o, "%s %s: host bits are set; %s may be meant", option, text,
				prefix_format(&fixed, fixed_text));
	return complain(o, "%s %s: this is not a prefix; write it like 10.20.0.0/24", option, text);
}

static enum err add_subnet(struct init_options *o, const char *text)
{
	const char *hash = strchr(text, '#');
	size_t n = hash ? (size_t)(hash - text) : strlen(text);
	char prefix[PREFIX_STR_SIZE], *end;
	struct node_subnet *sub = &o->subnets[o->n_subnets];
	unsigned long weight = SUBNET_WEIGHT_DEFAULT;

	if (o->n_subnets == INIT_SUBNETS_MAX)
		return complain(o, "more than %u subnets; add the others later", INIT_SUBNETS_MAX);
	if (n >= sizeof(prefix))
		return complain(o,
				"--subnet %.100s: this is not a prefix; write it like 10.20.0.0/24",
				text);
	memcpy(prefix, text, n);
	prefix[n] = '\0';
	if (hash) {
		weight = strtoul(hash + 1, &end, 10);
		if (!isdigit((unsigned char)hash[1]) || *end || weight > SUBNET_WEIGHT_MAX)
			return complain(o, "--subnet %.100s: a weight is 0 to %u", text,
					SUBNET_WEIGHT_MAX);
	}
	sub->weight = (uint32_t)weight;
	o->n_subnets++;
	return parse_prefix(o, "--subnet", prefix, &sub->prefix);
}

static enum err add_address(struct init_options *o, struct raw_options *raw, const char *text)
{
	if (o->n_addresses == NODE_ENDPOINTS_MAX)
		return complain(o, "more than %u addresses", NODE_ENDPOINTS_MAX);
	raw->addresses[o->n_addresses++] = text;
	return ERR_OK;
}

static enum err add_api_name(struct init_options *o, const char *text)
{
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;

	if (o->n_api_names == INIT_API_NAMES_MAX)
		return complain(o, "more than %u API names", INIT_API_NAMES_MAX);
	if (hostport_split(text, 1, host, &port) || strcmp(host, text) != 0)
		return complain(o, "--api-name %.100s: this is not a host name or address", text);
	o->api_names[o->n_api_names++] = text;
	return ERR_OK;
}

/* One option that getopt found. */
static enum err take_option(struct init_options *o, struct raw_options *raw, int option,
			    const char *word)
{
	switch (option) {
	case OPT_NAME:
		o->name = optarg;
		return ERR_OK;
	case OPT_ADDRESS:
		return add_address(o, raw, optarg);
	case OPT_POOL:
		raw->pool4 = optarg;
		return ERR_OK;
	case OPT_POOL6:
		raw->pool6 = optarg;
		return ERR_OK;
	case OPT_SUBNET:
		return add_subnet(o, optarg);
	case OPT_PORT:
		raw->port = optarg;
		return ERR_OK;
	case OPT_API_NAME:
		return add_api_name(o, optarg);
	case OPT_USER:
		o->user = optarg;
		return ERR_OK;
	case OPT_JSON:
		o->json = true;
		return ERR_OK;
	case OPT_HELP:
		o->help = true;
		return ERR_OK;
	case ':':
		return complain(o, "%s needs a value", word);
	default:
		return complain(o, "unknown option %s", word);
	}
}

static enum err settle_port(struct init_options *o, const char *text)
{
	char *end;
	unsigned long v;

	o->port = UDP_PORT_DEFAULT;
	if (!text)
		return ERR_OK;
	v = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || v < 1 || v > UINT16_MAX)
		return complain(o, "--port %.20s: a port is 1 to 65535", text);
	o->port = (uint16_t)v;
	return ERR_OK;
}

/* fdXX:XXXX:XXXX::/64 with 40 random bits, so that two networks can be connected one day (RFC 4193
 * section 3.2). */
static struct prefix random_ula(void)
{
	struct prefix p = { .addr.family = AF_INET6, .len = 64 };

	secret_random(p.addr.b + 1, 5);
	p.addr.b[0] = 0xfd;
	return p;
}

/* A pool has room for the hub and at least one more node. */
static enum err parse_pool(struct init_options *o, const char *option, const char *text,
			   uint8_t family, struct prefix *out)
{
	enum err e = parse_prefix(o, option, text, out);

	if (e)
		return e;
	if (out->addr.family != family)
		return complain(o, "%s %s: this must be an %s prefix", option, text,
				family == AF_INET ? "IPv4" : "IPv6");
	if (out->len > addr_bits(&out->addr) - 2 || out->len < 8)
		return complain(o, "%s %s: a pool has a length of 8 to %u", option, text,
				addr_bits(&out->addr) - 2);
	if (prefix_is_reserved(out))
		return complain(o,
				"%s %s: nodes cannot have loopback, link-local, multicast or "
				"reserved addresses",
				option, text);
	return ERR_OK;
}

static enum err settle_pools(struct init_options *o, const struct raw_options *raw)
{
	const char *pool4 = raw->pool4 ? raw->pool4 : POOL4_DEFAULT;
	enum err e = ERR_OK;

	if (strcmp(pool4, "none") != 0)
		e = parse_pool(o, "--pool", pool4, AF_INET, &o->pools[0]);
	if (e)
		return e;
	if (!raw->pool6)
		o->pools[1] = random_ula();
	else if (strcmp(raw->pool6, "none") != 0)
		e = parse_pool(o, "--pool6", raw->pool6, AF_INET6, &o->pools[1]);
	if (!e && !o->pools[0].addr.family && !o->pools[1].addr.family)
		return complain(o, "--pool none and --pool6 none: the nodes need addresses of one "
				   "family at least");
	return e;
}

static enum err settle_addresses(struct init_options *o, const struct raw_options *raw)
{
	uint16_t port;

	for (size_t i = 0; i < o->n_addresses; i++) {
		if (hostport_split(raw->addresses[i], o->port, o->hosts[i], &port))
			return complain(o,
					"--address %.100s: this is not a host name or address with "
					"an optional port",
					raw->addresses[i]);
		snprintf(o->addresses[i], sizeof(o->addresses[i]), "%.255s %u", o->hosts[i],
			 (unsigned)port);
	}
	return ERR_OK;
}

/* What must be there, and what depends on several options. */
static enum err settle(struct init_options *o, const struct raw_options *raw)
{
	enum err e;

	if (!o->name)
		return complain(o, "--name is missing: the hub's name as a node");
	if (!name_is_valid(o->name))
		return complain(o,
				"--name %.80s: a name has 1 to %u letters, digits, \"_\", \"-\" "
				"and \".\", and does not begin with "
				"\"-\" or \".\"",
				o->name, NAME_MAX_BYTES);
	if (!o->n_addresses)
		return complain(o, "--address is missing: a public name or address of the hub, "
				   "which branches dial");
	if (!name_is_valid(o->user))
		return complain(o, "--user %.80s: this is not a user name", o->user);
	e = settle_port(o, raw->port);
	if (!e)
		e = settle_addresses(o, raw);
	return e ? e : settle_pools(o, raw);
}

enum err init_options_parse(struct init_options *o, int argc, char **argv)
{
	struct raw_options raw = { 0 };
	enum err e = ERR_OK;
	int option;

	memset(o, 0, sizeof(*o));
	o->user = USER_DEFAULT;
	optind = 0; /* GNU: start afresh, after the global flags */
	opterr = 0;
	while (!e && (option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		e = take_option(o, &raw, option, argv[optind - 1]);
	if (e || o->help)
		return e;
	if (optind < argc && !o->name)
		o->name = argv[optind++];
	if (optind < argc)
		return complain(o, "%.80s: nothing more is expected here", argv[optind]);
	return settle(o, &raw);
}
