/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/base/hostport.h"
#include "shared/wire/limits.h"

_Static_assert(WORKERS_MAX == 8 && TUN_MTU_MIN == 576 && TUN_MTU_MAX == 9000, "as the table says");
static const struct config_var vars[] = {
	{ "Name", CONFIG_NAME, CONFIG_SERVER, 0, 0, NULL,
	  "the hub's name as a node of its network" },
	{ "Device", CONFIG_STRING, CONFIG_SERVER, 0, 0, "/dev/net/tun",
	  "the device from which the tunnel interface is made; none for a hub that "
	  "only relays" },
	{ "DeviceType", CONFIG_STRING, CONFIG_SERVER, 0, 0, "tun",
	  "tun, or dummy for the same as Device = none" },
	{ "Interface", CONFIG_STRING, CONFIG_SERVER, 0, 0, NULL,
	  "the name of the tunnel interface, at most 15 bytes; default is the network's name" },
	{ "Mode", CONFIG_STRING, CONFIG_SERVER, 0, 0, "router", "router, the only mode there is" },
	{ "AddressFamily", CONFIG_STRING, CONFIG_SERVER, 0, 0, "any",
	  "any, ipv4 or ipv6: where to listen when no BindToAddress says it" },
	{ "BindToAddress", CONFIG_STRING, CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "an address of this machine, or *, with an optional port, for tunnels (UDP) and links "
	  "(TCP)" },
	{ "ListenAddress", CONFIG_STRING, CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "the same as BindToAddress" },
	{ "BindToInterface", CONFIG_STRING, CONFIG_SERVER, 0, 0, NULL,
	  "the interface that tunnels and links use, whatever the routes say" },
	{ "Port", CONFIG_INT, CONFIG_SERVER | CONFIG_HOST, 1, 65535, NULL,
	  "in hub.conf the port of tunnels (UDP) and links (TCP), default 6655; in hosts/NAME the "
	  "port of Address lines that have none" },
	{ "ListenTCP", CONFIG_STRING, CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "another TCP port for links, and for tunnels where UDP is blocked: a port like 443 for "
	  "all addresses, or an address of this machine and a port" },
	{ "NATPort", CONFIG_INT, CONFIG_SERVER, 0, 65535, NULL,
	  "a second UDP port, at which spokes find out how their NAT works; default Port + 1, 0 "
	  "none" },
	{ "FWMark", CONFIG_INT, CONFIG_SERVER, 0, UINT32_MAX, "0",
	  "the firewall mark of the packets of tunnels and links" },
	{ "User", CONFIG_STRING, CONFIG_SERVER, 0, 0, "branchline",
	  "the unprivileged user of the worker processes, who owns the database" },
	{ "Group", CONFIG_STRING, CONFIG_SERVER, 0, 0, "branchline",
	  "the group whose members may use the API's UNIX socket, besides root" },
	{ "ApiListen", CONFIG_STRING, CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "an address of this machine, or *, with an optional port, for page and API over HTTPS; "
	  "none for the UNIX socket only" },
	{ "ClampMSS", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "yes",
	  "lower the MSS of TCP connections to what their path carries" },
	{ "PMTU", CONFIG_INT, CONFIG_SERVER, 576, 9000, NULL,
	  "the largest packet that goes into a tunnel, bytes, whatever its path carries" },
	{ "PMTUDiscovery", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "yes",
	  "find out with probes how large a packet each path carries" },
	{ "PriorityInheritance", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "no",
	  "give tunnel packets the TOS or traffic class of the packets inside, and keep that of "
	  "relayed ones" },
	{ "Crypto", CONFIG_STRING, CONFIG_SERVER, 0, 0, "auto",
	  "auto, openssl or ipsec-mb: the library that seals tunnel packets; auto takes the faster "
	  "one that this machine has" },
	{ "Offload", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "yes",
	  "use the segmentation offloads of the kernel, as far as it has them; no: one packet at a "
	  "time, to find out whether an offload is at fault" },
	{ "LogLevel", CONFIG_INT, CONFIG_SERVER, 0, 5, "0", "how much is logged, 0 to 5" },
	{ "Workers", CONFIG_INT, CONFIG_SERVER, 1, 8, "1",
	  "the number of processes that move packets, 1 to 8" },
	{ "ConnectTo", CONFIG_NAME, CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "an expected branch: it is said when it is away, and its tunnel is made from here when "
	  "its Address is known" },
	{ "Address", CONFIG_STRING, CONFIG_HOST | CONFIG_MULTIPLE, 0, 0, NULL,
	  "where an expected branch is reached: a name or an address, and an optional port" },
	{ "Subnet", CONFIG_STRING, CONFIG_HOST | CONFIG_MULTIPLE, 0, 0, NULL,
	  "not used: the hub's database says what is behind a branch" },
};

const struct config_var *hub_config_vars(size_t *count)
{
	*count = ARRAY_LEN(vars);
	return vars;
}

/* The endpoints to listen on for one configured line; without one, every address. */
static enum err add_listen(struct hub_config *c, const struct config_entry *e,
			   uint16_t default_port, int family, struct endpoint *list, unsigned max,
			   unsigned *count)
{
	enum err err = hostport_bind(e ? e->value : "*", default_port, family, list, max, count);

	if (err == ERR_LIMIT)
		return config_complain(&c->raw, e, "more than %u addresses to listen on", max);
	if (err)
		return config_complain(
			&c->raw, e,
			"\"%s\" is not an address of this machine, or *, with an optional port",
			e->value);
	return ERR_OK;
}

/* AddressFamily as a socket family. */
static enum err read_family(struct hub_config *c, int *out)
{
	static const struct {
		const char *name;
		int family;
	} families[] = {
		{ "any", AF_UNSPEC },
		{ "ipv4", AF_INET },
		{ "ipv6", AF_INET6 },
	};
	const char *text = config_str(&c->raw, "AddressFamily");

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		if (strcasecmp(text, families[i].name) == 0) {
			*out = families[i].family;
			return ERR_OK;
		}
	}
	return config_complain(&c->raw, config_nth(&c->raw, "AddressFamily", 0),
			       "\"%s\" is none of any, ipv4, ipv6", text);
}

/* UDP and TCP have the same endpoints: one number to remember, one hole in the firewall. */
static enum err set_listeners(struct hub_config *c, int family)
{
	static const char *const names[] = { "BindToAddress", "ListenAddress" };
	const struct config_entry *entry;
	enum err e = ERR_OK;

	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		for (size_t i = 0; !e && (entry = config_nth(&c->raw, names[n], i)) != NULL; i++)
			e = add_listen(c, entry, c->port, family, c->udp, WORKER_UDP_SOCKETS_MAX,
				       &c->n_udp);
	if (!e && c->n_udp == 0)
		e = add_listen(c, NULL, c->port, family, c->udp, WORKER_UDP_SOCKETS_MAX, &c->n_udp);
	memcpy(c->tcp, c->udp, sizeof(c->udp));
	c->n_tcp = c->n_udp;
	return e;
}

/* A whole number from 1 to 65535 and nothing else. */
static bool parse_port(const char *s, uint16_t *out)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	if (s[0] < '1' || s[0] > '9' || *end || v > UINT16_MAX)
		return false;
	*out = (uint16_t)v;
	return true;
}

/* Links on every configured address (or all of them) once more, at another port. */
static enum err add_tcp_port(struct hub_config *c, const struct config_entry *entry, uint16_t port)
{
	if (c->n_tcp_ports == LINK_PORTS_MAX)
		return config_complain(&c->raw, entry, "more than %u ports", LINK_PORTS_MAX);
	for (unsigned i = 0; i < c->n_udp; i++) {
		struct endpoint at = c->udp[i];

		at.port = port;
		for (unsigned k = 0; k < c->n_tcp; k++)
			if (endpoint_equal(&c->tcp[k], &at))
				return config_complain(&c->raw, entry, "links use port %u already",
						       port);
		if (c->n_tcp == MONITOR_LISTEN_MAX)
			return config_complain(&c->raw, entry,
					       "more than %u addresses to listen on",
					       MONITOR_LISTEN_MAX);
		c->tcp[c->n_tcp++] = at;
	}
	c->tcp_ports[c->n_tcp_ports++] = port;
	return ERR_OK;
}

/* ListenTCP: spokes are told of ports for all addresses; of a single address they hear from
 * Address lines and join tokens. */
static enum err set_tcp(struct hub_config *c, int family)
{
	const struct config_entry *entry;
	enum err e = ERR_OK;
	uint16_t port;

	for (size_t i = 0; !e && (entry = config_nth(&c->raw, "ListenTCP", i)) != NULL; i++) {
		if (parse_port(entry->value, &port))
			e = add_tcp_port(c, entry, port);
		else
			e = add_listen(c, entry, 0, family, c->tcp, MONITOR_LISTEN_MAX, &c->n_tcp);
	}
	return e;
}

/* The same addresses as the first port's, each with the one number that spokes are told. */
static void set_nat_port(struct hub_config *c)
{
	if (config_nth(&c->raw, "NATPort", 0))
		c->nat_port = (uint16_t)config_int(&c->raw, "NATPort");
	else
		c->nat_port = c->port < UINT16_MAX ? (uint16_t)(c->port + 1) : 0;
	for (unsigned i = 0; c->nat_port && i < c->n_udp; i++) {
		c->nat_udp[c->n_nat_udp] = c->udp[i];
		c->nat_udp[c->n_nat_udp++].port = c->nat_port;
	}
}

static enum err set_https(struct hub_config *c, int family)
{
	const struct config_entry *entry = config_nth(&c->raw, "ApiListen", 0);
	enum err e = ERR_OK;

	if (!entry)
		return add_listen(c, NULL, HTTPS_PORT_DEFAULT, family, c->https, MONITOR_LISTEN_MAX,
				  &c->n_https);
	if (strcasecmp(entry->value, "none") == 0)
		return ERR_OK;
	for (size_t i = 0; !e && (entry = config_nth(&c->raw, "ApiListen", i)) != NULL; i++)
		e = add_listen(c, entry, HTTPS_PORT_DEFAULT, family, c->https, MONITOR_LISTEN_MAX,
			       &c->n_https);
	return e;
}

static enum err set_interface(struct hub_config *c)
{
	const char *text = config_str(&c->raw, "Interface");

	snprintf(c->default_interface, sizeof(c->default_interface), "%.15s", c->paths.net);
	c->interface = text ? text : c->default_interface;
	if (!name_is_valid(c->interface) || strlen(c->interface) >= sizeof(c->default_interface))
		return config_complain(&c->raw, config_nth(&c->raw, "Interface", 0),
				       "\"%s\" cannot be the name of an interface: at most 15 "
				       "letters, digits, \"_\", \"-\" and \".\"",
				       text);
	return ERR_OK;
}

/* Device, DeviceType and Mode: words of tinc, of which only some mean something here. */
static enum err set_device(struct hub_config *c)
{
	const char *type = config_str(&c->raw, "DeviceType"), *mode = config_str(&c->raw, "Mode");

	c->device = config_str(&c->raw, "Device");
	if (c->device[0] != '/' && strcasecmp(c->device, "none") != 0)
		return config_complain(&c->raw, config_nth(&c->raw, "Device", 0),
				       "\"%s\" is neither an absolute path nor none", c->device);
	if (c->device[0] != '/')
		c->device = "none";
	if (strcasecmp(mode, "router") != 0)
		return config_complain(&c->raw, config_nth(&c->raw, "Mode", 0),
				       "\"%s\": only Mode = router is supported", mode);
	if (strcasecmp(type, "dummy") == 0)
		c->device = "none";
	else if (strcasecmp(type, "tun") != 0)
		return config_complain(&c->raw, config_nth(&c->raw, "DeviceType", 0),
				       "\"%s\" is none of tun, dummy", type);
	return ERR_OK;
}

static enum err set_crypto(struct hub_config *c)
{
	const char *text = config_str(&c->raw, "Crypto");

	if (aead_choice_parse(text, &c->crypto))
		return config_complain(&c->raw, config_nth(&c->raw, "Crypto", 0),
				       "\"%s\" is none of auto, openssl, ipsec-mb", text);
	return ERR_OK;
}

/* --- expected branches --- */

/* The Address lines of a hosts file. */
static enum err take_addresses(struct config *host, struct hub_branch *b)
{
	const struct config_entry *e, *port = config_nth(host, "Port", 0);
	char name[HOSTPORT_HOST_SIZE];
	uint16_t at = port ? (uint16_t)config_int(host, "Port") : UDP_PORT_DEFAULT, found;

	for (size_t i = 0; (e = config_nth(host, "Address", i)) != NULL; i++) {
		if (hostport_split(e->value, at, name, &found))
			return config_complain(
				host, e,
				"\"%s\" is not a host name or address with an optional port",
				e->value);
		if (b->n_addresses == NODE_ENDPOINTS_MAX)
			return config_complain(host, e, "more than %u Address lines",
					       NODE_ENDPOINTS_MAX);
		snprintf(b->addresses[b->n_addresses++], ENDPOINT_NAME_SIZE, "%.255s %u", name,
			 (unsigned)found);
	}
	return ERR_OK;
}

/* Its file in hosts/, if there is one. One that cannot be read is passed over: it may be left from
 * tinc, and the database may say where the branch is. */
static void read_host(struct hub_config *c, struct hub_branch *b)
{
	char rel[sizeof("hosts/") + NAME_SIZE], path[PATHS_FILE_SIZE];
	struct config host;
	enum err e;

	snprintf(rel, sizeof(rel), "hosts/%s", b->name);
	config_init(&host, vars, ARRAY_LEN(vars));
	e = config_read(&host, paths_join(path, c->paths.etc, rel), CONFIG_HOST);
	if (e == ERR_OK)
		e = take_addresses(&host, b);
	if (e && e != ERR_NOTFOUND) {
		b->n_addresses = 0;
		memcpy(c->host_warning, host.error, sizeof(c->host_warning));
	}
	config_fini(&host);
}

static int branch_order(const void *a, const void *b)
{
	return strcmp(((const struct hub_branch *)a)->name, ((const struct hub_branch *)b)->name);
}

const struct hub_branch *hub_config_branch(const struct hub_config *c, const char *name)
{
	struct hub_branch key;

	if (!c->n_branches || strlen(name) >= sizeof(key.name))
		return NULL;
	snprintf(key.name, sizeof(key.name), "%s", name);
	return bsearch(&key, c->branches, c->n_branches, sizeof(c->branches[0]), branch_order);
}

static enum err load_branches(struct hub_config *c)
{
	const struct config_entry *e;
	size_t n = 0;

	while (config_nth(&c->raw, "ConnectTo", n))
		n++;
	if (n > HUB_BRANCHES_MAX)
		return config_complain(&c->raw, config_nth(&c->raw, "ConnectTo", HUB_BRANCHES_MAX),
				       "more than %u ConnectTo lines", HUB_BRANCHES_MAX);
	c->branches = n ? calloc(n, sizeof(*c->branches)) : NULL;
	if (n && !c->branches)
		return ERR_NOMEM;
	for (size_t i = 0; (e = config_nth(&c->raw, "ConnectTo", i)) != NULL; i++) {
		struct hub_branch *b = &c->branches[c->n_branches];

		if (strcmp(e->value, c->name) == 0)
			return config_complain(&c->raw, e, "ConnectTo names this hub itself");
		snprintf(b->name, sizeof(b->name), "%.63s", e->value);
		c->n_branches++;
	}
	if (n)
		qsort(c->branches, n, sizeof(c->branches[0]), branch_order);
	c->n_branches = 0;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(c->branches[i].name, c->branches[i - 1].name) != 0)
			memmove(&c->branches[c->n_branches++], &c->branches[i],
				sizeof(c->branches[0]));
	for (size_t i = 0; i < c->n_branches; i++)
		read_host(c, &c->branches[i]);
	return ERR_OK;
}

/* What the table cannot check, and the values that are used often. */
static enum err settle(struct hub_config *c)
{
	int family = AF_UNSPEC;
	enum err e;

	c->name = config_str(&c->raw, "Name");
	if (!c->name) {
		snprintf(c->raw.error, sizeof(c->raw.error), "%s/hub.conf: there is no Name",
			 c->paths.etc);
		return ERR_INVALID;
	}
	c->user = config_str(&c->raw, "User");
	c->group = config_str(&c->raw, "Group");
	c->bind_interface = config_str(&c->raw, "BindToInterface");
	c->offload = config_bool(&c->raw, "Offload");
	c->port = config_nth(&c->raw, "Port", 0) ? (uint16_t)config_int(&c->raw, "Port")
						 : UDP_PORT_DEFAULT;
	c->fwmark = (uint32_t)config_int(&c->raw, "FWMark");
	c->clamp_mss = config_bool(&c->raw, "ClampMSS");
	c->pmtu_discovery = config_bool(&c->raw, "PMTUDiscovery");
	c->priority_inheritance = config_bool(&c->raw, "PriorityInheritance");
	if (config_nth(&c->raw, "PMTU", 0))
		c->pmtu_max = (uint16_t)config_int(&c->raw, "PMTU");
	c->log_level = (int)config_int(&c->raw, "LogLevel");
	c->workers = (unsigned)config_int(&c->raw, "Workers");
	e = read_family(c, &family);
	if (!e)
		e = set_device(c);
	if (!e)
		e = set_crypto(c);
	if (!e)
		e = set_interface(c);
	if (!e)
		e = set_listeners(c, family);
	if (!e)
		set_nat_port(c);
	if (!e)
		e = set_tcp(c, family);
	if (!e)
		e = set_https(c, family);
	return e ? e : load_branches(c);
}

/* The files that are always in the same places. */
static void set_files(struct hub_config *c)
{
	paths_join(c->api_socket, c->paths.run, "api.sock");
	paths_join(c->pidfile, c->paths.run, "hub.pid");
	paths_join(c->identity_key_file, c->paths.etc, "identity.key");
	paths_join(c->tunnel_key_file, c->paths.etc, "tunnel.key");
	paths_join(c->https_key_file, c->paths.etc, "https.key");
	paths_join(c->https_cert_file, c->paths.etc, "https.crt");
}

enum err hub_config_load(struct hub_config *c, const struct paths *paths,
			 const char *const *overrides)
{
	char path[PATHS_FILE_SIZE];
	enum err e;

	memset(c, 0, sizeof(*c));
	config_init(&c->raw, vars, ARRAY_LEN(vars));
	c->paths = *paths;
	set_files(c);
	e = config_read(&c->raw, paths_join(path, paths->etc, "hub.conf"), CONFIG_SERVER);
	if (e == ERR_NOTFOUND)
		snprintf(c->raw.error, sizeof(c->raw.error),
			 "%s does not exist; make the network first: branchline-hub -n %s init",
			 path, paths->net);
	for (; e == ERR_OK && overrides && *overrides; overrides++)
		e = config_override(&c->raw, *overrides);
	return e ? e : settle(c);
}

void hub_config_fini(struct hub_config *c)
{
	config_fini(&c->raw);
	free(c->branches);
	c->branches = NULL;
	c->n_branches = 0;
}
