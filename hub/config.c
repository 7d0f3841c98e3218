/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/base/clock.h"
#include "shared/conf/value.h"
#include "shared/wire/limits.h"

/* UDP and TCP have the same endpoints: one number to remember, one hole in the firewall. */
static enum err set_listeners(struct hub_config *c, int family)
{
	enum err e =
		conf_binds(&c->raw, c->port, family, c->udp, WORKER_UDP_SOCKETS_MAX, &c->n_udp);

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
			e = conf_bind(&c->raw, entry, 0, family, c->tcp, MONITOR_LISTEN_MAX,
				      &c->n_tcp);
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
		return conf_bind(&c->raw, NULL, HTTPS_PORT_DEFAULT, family, c->https,
				 MONITOR_LISTEN_MAX, &c->n_https);
	if (strcasecmp(entry->value, "none") == 0)
		return ERR_OK;
	for (size_t i = 0; !e && (entry = config_nth(&c->raw, "ApiListen", i)) != NULL; i++)
		e = conf_bind(&c->raw, entry, HTTPS_PORT_DEFAULT, family, c->https,
			      MONITOR_LISTEN_MAX, &c->n_https);
	return e;
}

/* Device, DeviceType and Mode: words of tinc, of which only some mean something here. */
static enum err set_device(struct hub_config *c)
{
	bool dummy = false;
	enum err e = conf_mode(&c->raw, &dummy);

	c->device = config_str(&c->raw, "Device");
	if (!e && c->device[0] != '/' && strcasecmp(c->device, "none") != 0)
		return config_complain(&c->raw, config_nth(&c->raw, "Device", 0),
				       "\"%s\" is neither an absolute path nor none", c->device);
	if (dummy || c->device[0] != '/')
		c->device = "none";
	return e;
}

/* Names are answered at the interface's addresses. */
static enum err set_dns(struct hub_config *c)
{
	enum err e = conf_dns(&c->raw, c->paths.net, &c->dns);

	if (!e && c->dns && strcmp(c->device, "none") == 0)
		return config_complain(&c->raw, config_nth(&c->raw, "DNS", 0),
				       "a hub without an interface (Device, DeviceType) has no "
				       "address to answer names at");
	return e;
}

/* --- expected branches --- */

/* Its file in hosts/, if there is one. One that cannot be read is passed over: it may be left from
 * tinc, and the database may say where the branch is. */
static void read_host(struct hub_config *c, struct hub_branch *b)
{
	char rel[sizeof("hosts/") + NAME_SIZE], path[PATHS_FILE_SIZE];
	struct config host;
	enum err e;

	snprintf(rel, sizeof(rel), "hosts/%s", b->name);
	conf_init(&host, CONF_HUB);
	e = config_read(&host, paths_join(path, c->paths.etc, rel), CONFIG_HOST);
	if (e == ERR_OK)
		e = conf_addresses(&host, b->addresses, &b->n_addresses);
	if (e == ERR_OK) {
		b->pmtu_max = conf_pmtu(&host);
		b->pmtu_fixed = !config_bool(&host, "PMTUDiscovery");
	}
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
	c->pmtu_max = conf_pmtu(&c->raw);
	c->log_level = (int)config_int(&c->raw, "LogLevel");
	c->workers = (unsigned)config_int(&c->raw, "Workers");
	e = conf_family(&c->raw, &family);
	if (!e)
		e = set_device(c);
	if (!e)
		e = conf_crypto(&c->raw, &c->crypto);
	if (!e)
		e = conf_interface(&c->raw, c->paths.net, c->interface);
	if (!e)
		e = set_dns(c);
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
	conf_init(&c->raw, CONF_HUB);
	c->paths = *paths;
	c->overrides = overrides;
	c->loaded_ms = clock_wall_ms();
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

enum err hub_config_reload(struct hub_config *c, struct hub_branch **old,
			   char error[CONFIG_ERROR_SIZE])
{
	struct hub_config *fresh = malloc(sizeof(*fresh));
	enum err e;

	if (!fresh) {
		snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
		return ERR_NOMEM;
	}
	e = hub_config_load(fresh, &c->paths, c->overrides);
	if (e) {
		snprintf(error, CONFIG_ERROR_SIZE, "%s",
			 fresh->raw.error[0] ? fresh->raw.error : err_str(e));
	} else {
		struct hub_branch *before = c->branches;

		c->branches = fresh->branches;
		c->n_branches = fresh->n_branches;
		memcpy(c->host_warning, fresh->host_warning, sizeof(c->host_warning));
		fresh->branches = old ? NULL : before;
		if (old)
			*old = before;
	}
	hub_config_fini(fresh);
	free(fresh);
	return e;
}

void hub_config_fini(struct hub_config *c)
{
	config_fini(&c->raw);
	free(c->branches);
	c->branches = NULL;
	c->n_branches = 0;
}
