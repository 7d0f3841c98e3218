/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "shared/base/file.h"
#include "shared/base/hostport.h"
#include "shared/keys/keys.h"
#include "shared/wire/limits.h"

_Static_assert(WORKERS_MAX == 8 && TUN_MTU_MIN == 576 && TUN_MTU_MAX == 9000 &&
		       DIRECT_IDLE_S_DEFAULT == 300 && DIRECT_MAX_DEFAULT == 256,
	       "as the table says");
static const struct config_var vars[] = {
	{ "Name", CONFIG_NAME, CONFIG_SERVER, 0, 0, NULL,
	  "the name of this node, as the hub knows it" },
	{ "ConnectTo", CONFIG_NAME, CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "a hub to dial, whose Address lines are in hosts/NAME, several are tried in turn; or "
	  "another branch, to which a direct tunnel is kept" },
	{ "Device", CONFIG_PATH, CONFIG_SERVER, 0, 0, "/dev/net/tun",
	  "the device from which the tunnel interface is made" },
	{ "Interface", CONFIG_STRING, CONFIG_SERVER, 0, 0, NULL,
	  "the name of the tunnel interface, at most 15 bytes" },
	{ "AddressFamily", CONFIG_STRING, CONFIG_SERVER, 0, 0, "any",
	  "any, ipv4 or ipv6: what is used outside of the tunnel" },
	{ "BindToAddress", CONFIG_STRING, CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "an address of this machine, or *, with an optional port, for tunnels (UDP) and the "
	  "link" },
	{ "BindToInterface", CONFIG_STRING, CONFIG_SERVER, 0, 0, NULL,
	  "the interface that tunnels and the link use, whatever the routes say" },
	{ "Port", CONFIG_INT, CONFIG_SERVER | CONFIG_HOST, 0, 65535, NULL,
	  "in spoke.conf the UDP port of this node, 0 for any free one; in hosts/NAME the port of "
	  "Address lines that "
	  "have none" },
	{ "FWMark", CONFIG_INT, CONFIG_SERVER, 0, UINT32_MAX, "0",
	  "the firewall mark of the packets of tunnels and link" },
	{ "User", CONFIG_STRING, CONFIG_SERVER, 0, 0, "branchline",
	  "the unprivileged user of the worker processes" },
	{ "LogLevel", CONFIG_INT, CONFIG_SERVER, 0, 5, "0", "how much is logged, 0 to 5" },
	{ "Workers", CONFIG_INT, CONFIG_SERVER, 1, 8, "1",
	  "the number of processes that move packets, 1 to 8" },
	{ "LocalDiscovery", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "yes",
	  "tell the hub this machine's own addresses, so that neighbours find each other" },
	{ "IndirectData", CONFIG_BOOL, CONFIG_SERVER | CONFIG_HOST, 0, 0, "no",
	  "reach other branches, or in hosts/NAME that one, through the hub only" },
	{ "DirectOnly", CONFIG_BOOL, CONFIG_SERVER | CONFIG_HOST, 0, 0, "no",
	  "never reach other branches, or in hosts/NAME that one, through the hub" },
	{ "DirectIdle", CONFIG_INT, CONFIG_SERVER, 0, 65535, "300",
	  "seconds after which a direct path that nobody uses is given up; 0: never" },
	{ "DirectMax", CONFIG_INT, CONFIG_SERVER, 0, 65535, "256",
	  "the number of direct paths at the same time; 0: none" },
	{ "ClampMSS", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "yes",
	  "lower the MSS of TCP connections to what their path carries" },
	{ "PMTU", CONFIG_INT, CONFIG_SERVER, 576, 9000, NULL,
	  "the largest packet that goes into a tunnel, bytes, whatever its path carries" },
	{ "PMTUDiscovery", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "yes",
	  "find out with probes how large a packet each path carries" },
	{ "PriorityInheritance", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "no",
	  "give tunnel packets the TOS or traffic class of the packets inside" },
	{ "OfflineGrace", CONFIG_INT, CONFIG_SERVER, 60, 31536000, "86400",
	  "seconds for which the cached directory is trusted while the hub is away" },
	{ "Cipher", CONFIG_STRING, CONFIG_SERVER, 0, 0, "auto",
	  "auto: AES-256-GCM with nodes that have AES instructions, as this one; "
	  "chacha20-poly1305: "
	  "that with all" },
	{ "Crypto", CONFIG_STRING, CONFIG_SERVER, 0, 0, "auto",
	  "auto, openssl or ipsec-mb: the library that seals tunnel packets; auto takes the faster "
	  "one that this machine has" },
	{ "Offload", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "yes",
	  "use the segmentation offloads of the kernel, as far as it has them; no: one packet at a "
	  "time, to find out whether an offload is at fault" },
	{ "Proxy", CONFIG_STRING, CONFIG_SERVER, 0, 0, "none",
	  "how the hub is reached by TCP: none, http HOST PORT [USER PASSWORD], socks5 HOST PORT "
	  "[USER PASSWORD], socks4 HOST PORT [USER]" },
	{ "TCPOnly", CONFIG_BOOL, CONFIG_SERVER, 0, 0, "no",
	  "send no UDP at all: tunnels go to the hub by TCP, and from there on" },
	{ "Address", CONFIG_STRING, CONFIG_HOST | CONFIG_MULTIPLE, 0, 0, NULL,
	  "where the node is reached: a name or an address, and an optional port" },
	{ "Subnet", CONFIG_STRING, CONFIG_HOST | CONFIG_MULTIPLE, 0, 0, NULL,
	  "a prefix behind the node, with an optional #weight; for ourselves it is proposed to the "
	  "hub" },
};

void spoke_config_init(struct spoke_config *c, const struct paths *paths)
{
	memset(c, 0, sizeof(*c));
	config_init(&c->raw, vars, ARRAY_LEN(vars));
	c->paths = *paths;
	paths_join(c->identity_key_file, paths->etc, "identity.key");
	paths_join(c->tunnel_key_file, paths->etc, "tunnel.key");
	paths_join(c->hub_pin_file, paths->etc, "hub.pin");
	paths_join(c->cache_file, paths->state, "directory.json");
	paths_join(c->status_socket, paths->run, "spoke.sock");
	paths_join(c->pid_file, paths->run, "spoke.pid");
}

void spoke_config_fini(struct spoke_config *c)
{
	secret_zero(&c->proxy, sizeof(c->proxy));
	config_fini(&c->raw);
	free(c->hosts);
	c->hosts = NULL;
	c->n_hosts = c->cap_hosts = 0;
}

/* A password is for root and the daemon's group: not for everybody, and not for the process list.
 */
static enum err check_password_place(struct spoke_config *c, const struct config_entry *e)
{
	struct stat st;

	if (strcmp(e->file, "-o") == 0)
		return config_complain(&c->raw, e,
				       "a proxy's password does not belong on the command line, "
				       "where everybody can see it; write it into spoke.conf");
	if (stat(e->file, &st) != 0 || (st.st_mode & S_IROTH))
		return config_complain(&c->raw, e,
				       "this line has a password and everybody can read the file: "
				       "chmod 640 it, with the group of the daemon's user");
	return ERR_OK;
}

enum err spoke_config_proxy(struct spoke_config *c)
{
	const struct config_entry *e = config_nth(&c->raw, "Proxy", 0);
	const char *why;

	if (!e)
		return ERR_OK;
	if (proxy_parse(e->value, &c->proxy, &why))
		return config_complain(&c->raw, e, "Proxy: %s", why);
	return c->proxy.password[0] ? check_password_place(c, e) : ERR_OK;
}

/* "10.20.0.0/24" or "10.20.0.0/24#5", as in tinc. */
static enum err parse_subnet(struct config *raw, const struct config_entry *e,
			     struct node_subnet *out)
{
	char text[PREFIX_STR_SIZE], fix[PREFIX_STR_SIZE];
	const char *hash = strchr(e->value, '#');
	size_t n = hash ? (size_t)(hash - e->value) : strlen(e->value);
	struct prefix fixed = { 0 };
	unsigned long weight = SUBNET_WEIGHT_DEFAULT;
	char *end;

	while (n > 0 && isspace((unsigned char)e->value[n - 1]))
		n--;
	if (n >= sizeof(text))
		return config_complain(raw, e, "\"%s\" is not a subnet; write it like 10.20.0.0/24",
				       e->value);
	memcpy(text, e->value, n);
	text[n] = '\0';
	if (prefix_parse(text, &out->prefix, &fixed) != ERR_OK) {
		if (fixed.addr.family)
			return config_complain(raw, e, "%s has host bits set; %s may be meant",
					       text, prefix_format(&fixed, fix));
		return config_complain(raw, e, "\"%s\" is not a subnet; write it like 10.20.0.0/24",
				       text);
	}
	if (hash) {
		errno = 0;
		weight = strtoul(hash + 1, &end, 10);
		if (errno || !isdigit((unsigned char)hash[1]) || *end || weight > SUBNET_WEIGHT_MAX)
			return config_complain(raw, e,
					       "the weight \"%s\" is not a number from 0 to %u",
					       hash + 1, SUBNET_WEIGHT_MAX);
	}
	out->weight = (uint32_t)weight;
	return ERR_OK;
}

/* Reads hosts/NAME into `host`. ERR_NOTFOUND: there is none, which is fine. Errors are put into
 * c->raw.error. */
static enum err read_host(struct spoke_config *c, const char *name, struct config *host)
{
	char rel[sizeof("hosts/") + NAME_SIZE], path[PATHS_FILE_SIZE];
	enum err e;

	snprintf(rel, sizeof(rel), "hosts/%s", name);
	paths_join(path, c->paths.etc, rel);
	if (!file_exists(path))
		return ERR_NOTFOUND;
	e = config_read(host, path, CONFIG_HOST);
	if (e)
		memcpy(c->raw.error, host->error, sizeof(c->raw.error));
	return e == ERR_NOTFOUND ? ERR_INVALID : e;
}

/* Copies an error about a host file's entry to where the caller looks for it. */
static enum err host_error(struct spoke_config *c, const struct config *host)
{
	memcpy(c->raw.error, host->error, sizeof(c->raw.error));
	return ERR_INVALID;
}

/* IndirectData and DirectOnly of one file. */
static enum path_policy policy_of(const struct config *c)
{
	return path_policy_stricter(
		config_bool(c, "IndirectData") ? PATH_POLICY_HUB_ONLY : PATH_POLICY_AUTO,
		config_bool(c, "DirectOnly") ? PATH_POLICY_DIRECT_ONLY : PATH_POLICY_AUTO);
}

/* The Address lines of a hosts file, and what it says of paths. */
static enum err take_host(struct spoke_config *c, struct config *host, struct spoke_host *out)
{
	const struct config_entry *e, *port_entry = config_nth(host, "Port", 0);
	uint16_t default_port = port_entry ? (uint16_t)config_int(host, "Port") : UDP_PORT_DEFAULT;
	char name[HOSTPORT_HOST_SIZE];
	uint16_t port;

	out->path_policy = policy_of(host);
	for (size_t i = 0; (e = config_nth(host, "Address", i)) != NULL; i++) {
		if (hostport_split(e->value, default_port, name, &port)) {
			config_complain(
				host, e,
				"\"%s\" is not a host name or address with an optional port",
				e->value);
			return host_error(c, host);
		}
		if (out->n_addresses == NODE_ENDPOINTS_MAX) {
			config_complain(host, e, "more than %u Address lines", NODE_ENDPOINTS_MAX);
			return host_error(c, host);
		}
		snprintf(out->addresses[out->n_addresses++], ENDPOINT_NAME_SIZE, "%.255s %u", name,
			 (unsigned)port);
	}
	return ERR_OK;
}

/* Our own Subnet lines. */
static enum err take_subnets(struct spoke_config *c, struct config *host)
{
	const struct config_entry *e;

	for (size_t i = 0; (e = config_nth(host, "Subnet", i)) != NULL; i++) {
		if (c->n_subnets == SPOKE_OWN_SUBNETS_MAX) {
			config_complain(host, e, "more than %u Subnet lines",
					SPOKE_OWN_SUBNETS_MAX);
			return host_error(c, host);
		}
		if (parse_subnet(host, e, &c->subnets[c->n_subnets]))
			return host_error(c, host);
		c->n_subnets++;
	}
	return ERR_OK;
}

static enum err load_hubs(struct spoke_config *c)
{
	const struct config_entry *e;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && (e = config_nth(&c->raw, "ConnectTo", i)) != NULL;
	     i++) {
		struct spoke_host *hub = &c->hubs[c->n_hubs];
		struct config host;

		if (c->n_hubs == SPOKE_HUBS_MAX)
			return config_complain(&c->raw, e, "more than %u ConnectTo lines",
					       SPOKE_HUBS_MAX);
		if (strcmp(e->value, c->name) == 0)
			return config_complain(&c->raw, e, "ConnectTo names this node itself");
		snprintf(hub->name, sizeof(hub->name), "%s", e->value);
		c->n_hubs++;
		config_init(&host, vars, ARRAY_LEN(vars));
		err = read_host(c, hub->name, &host);
		err = err == ERR_OK ? take_host(c, &host, hub) : err == ERR_NOTFOUND ? ERR_OK : err;
		config_fini(&host);
	}
	return err;
}

/* Our own hosts file: subnets to propose, where we are reached, and the port as in tinc. */
static enum err load_own_host(struct spoke_config *c)
{
	struct config host;
	enum err e;

	config_init(&host, vars, ARRAY_LEN(vars));
	e = read_host(c, c->name, &host);
	if (e == ERR_OK && !config_nth(&c->raw, "Port", 0) && config_nth(&host, "Port", 0))
		c->port = (uint16_t)config_int(&host, "Port");
	if (e == ERR_OK)
		e = take_host(c, &host, &c->own);
	e = e == ERR_OK ? take_subnets(c, &host) : e == ERR_NOTFOUND ? ERR_OK : e;
	config_fini(&host);
	c->path_policy = path_policy_stricter(policy_of(&c->raw), c->own.path_policy);
	return e;
}

/* --- all other files of hosts/ --- */

/* Scripts live in the same folder: hosts/NAME-up, hosts/NAME-down. */
static bool is_script(const char *name)
{
	const char *dash = strrchr(name, '-');

	return dash && (strcmp(dash, "-up") == 0 || strcmp(dash, "-down") == 0);
}

static enum err grow_hosts(struct spoke_config *c)
{
	size_t cap = c->cap_hosts ? c->cap_hosts * 2 : 16;
	struct spoke_host *hosts;

	if (c->n_hosts < c->cap_hosts)
		return ERR_OK;
	hosts = reallocarray(c->hosts, cap, sizeof(*hosts));
	if (!hosts)
		return ERR_NOMEM;
	c->hosts = hosts;
	c->cap_hosts = cap;
	return ERR_OK;
}

/*
 * One of them. A file that cannot be read is passed over with a warning: it may be left from
 * another program, and nothing that was asked for needs it.
 */
static enum err load_host(struct spoke_config *c, const char *name)
{
	struct config host;
	enum err e = grow_hosts(c);

	if (e)
		return e;
	memset(&c->hosts[c->n_hosts], 0, sizeof(c->hosts[0]));
	snprintf(c->hosts[c->n_hosts].name, NAME_SIZE, "%.63s", name);
	config_init(&host, vars, ARRAY_LEN(vars));
	e = read_host(c, name, &host);
	if (e == ERR_OK)
		e = take_host(c, &host, &c->hosts[c->n_hosts]);
	config_fini(&host);
	if (e == ERR_OK)
		c->n_hosts++;
	else if (e != ERR_NOTFOUND && !c->host_warning[0])
		memcpy(c->host_warning, c->raw.error, sizeof(c->host_warning));
	c->raw.error[0] = '\0';
	return ERR_OK;
}

static int host_order(const void *a, const void *b)
{
	return strcmp(((const struct spoke_host *)a)->name, ((const struct spoke_host *)b)->name);
}

/* The files of the folder; there may be none. */
static enum err load_hosts(struct spoke_config *c)
{
	char path[PATHS_FILE_SIZE];
	DIR *dir = opendir(paths_join(path, c->paths.etc, "hosts"));
	const struct dirent *d;
	enum err e = ERR_OK;

	while (dir && e == ERR_OK && c->n_hosts < SPOKE_HOSTS_MAX && (d = readdir(dir)) != NULL)
		if (name_is_valid(d->d_name) && !is_script(d->d_name) &&
		    strcmp(d->d_name, c->name) != 0)
			e = load_host(c, d->d_name);
	if (dir)
		closedir(dir);
	if (c->n_hosts)
		qsort(c->hosts, c->n_hosts, sizeof(c->hosts[0]), host_order);
	return e;
}

const struct spoke_host *spoke_config_host(const struct spoke_config *c, const char *name)
{
	struct spoke_host key;

	if (!c->n_hosts || strlen(name) >= sizeof(key.name))
		return NULL;
	snprintf(key.name, sizeof(key.name), "%s", name);
	return bsearch(&key, c->hosts, c->n_hosts, sizeof(c->hosts[0]), host_order);
}

bool spoke_config_connects_to(const struct spoke_config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_hubs; i++)
		if (strcmp(c->hubs[i].name, name) == 0)
			return true;
	return false;
}

enum path_policy spoke_config_path_policy(const struct spoke_config *c, const char *name)
{
	const struct spoke_host *host = spoke_config_host(c, name);

	return path_policy_stricter(c->path_policy, host ? host->path_policy : PATH_POLICY_AUTO);
}

void spoke_config_take(struct spoke_config *c, struct spoke_config *fresh)
{
	struct spoke_host *old = c->hosts;

	memcpy(c->hubs, fresh->hubs, sizeof(c->hubs));
	c->n_hubs = fresh->n_hubs;
	c->own = fresh->own;
	memcpy(c->subnets, fresh->subnets, sizeof(c->subnets));
	c->n_subnets = fresh->n_subnets;
	c->hosts = fresh->hosts;
	c->n_hosts = fresh->n_hosts;
	c->cap_hosts = fresh->cap_hosts;
	fresh->hosts = NULL;
	fresh->n_hosts = fresh->cap_hosts = 0;
	free(old);
	memcpy(c->host_warning, fresh->host_warning, sizeof(c->host_warning));
	c->offline_grace_s = fresh->offline_grace_s;
	c->local_discovery = fresh->local_discovery;
	c->path_policy = fresh->path_policy;
	c->proxy = fresh->proxy;
	c->tcp_only = fresh->tcp_only;
	c->direct_idle_s = fresh->direct_idle_s;
	c->direct_max = fresh->direct_max;
	c->pmtu_discovery = fresh->pmtu_discovery;
	c->pmtu_max = fresh->pmtu_max;
	c->clamp_mss = fresh->clamp_mss;
	c->priority_inheritance = fresh->priority_inheritance;
}

static enum err set_family(struct spoke_config *c)
{
	static const struct {
		const char *name;
		int family;
	} families[] = { { "any", AF_UNSPEC }, { "ipv4", AF_INET }, { "ipv6", AF_INET6 } };
	const char *s = config_str(&c->raw, "AddressFamily");

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (strcasecmp(s, families[i].name) == 0) {
			c->family = families[i].family;
			return ERR_OK;
		}
	return config_complain(&c->raw, config_nth(&c->raw, "AddressFamily", 0),
			       "\"%s\" is none of any, ipv4, ipv6", s);
}

/* What we say of ourselves: the cipher of each tunnel follows from it. */
static enum err set_cipher(struct spoke_config *c)
{
	const char *s = config_str(&c->raw, "Cipher");

	if (strcasecmp(s, "auto") != 0 && strcasecmp(s, "chacha20-poly1305") != 0)
		return config_complain(&c->raw, config_nth(&c->raw, "Cipher", 0),
				       "\"%s\" is none of auto, chacha20-poly1305", s);
	c->aes = strcasecmp(s, "auto") == 0 && keys_cpu_has_aes();
	return ERR_OK;
}

static enum err set_crypto(struct spoke_config *c)
{
	const char *s = config_str(&c->raw, "Crypto");

	if (aead_choice_parse(s, &c->crypto))
		return config_complain(&c->raw, config_nth(&c->raw, "Crypto", 0),
				       "\"%s\" is none of auto, openssl, ipsec-mb", s);
	return ERR_OK;
}

static enum err set_interface(struct spoke_config *c)
{
	const char *s = config_str(&c->raw, "Interface");

	if (!s) {
		snprintf(c->interface, sizeof(c->interface), "%.15s", c->paths.net);
		return ERR_OK;
	}
	if (!name_is_valid(s) || strlen(s) >= sizeof(c->interface))
		return config_complain(&c->raw, config_nth(&c->raw, "Interface", 0),
				       "\"%s\" cannot be an interface's name", s);
	snprintf(c->interface, sizeof(c->interface), "%s", s);
	return ERR_OK;
}

/* The UDP sockets: BindToAddress lines, or every address of the wanted families. */
static enum err set_udp(struct spoke_config *c)
{
	const struct config_entry *e;
	size_t i = 0;

	do {
		enum err err;

		e = config_nth(&c->raw, "BindToAddress", i++);
		if (!e && c->n_udp)
			break;
		err = hostport_bind(e ? e->value : "*", c->port, c->family, c->udp,
				    WORKER_UDP_SOCKETS_MAX, &c->n_udp);
		if (err == ERR_LIMIT)
			return config_complain(&c->raw, e, "more than %u addresses to bind to",
					       WORKER_UDP_SOCKETS_MAX);
		if (err)
			return config_complain(
				&c->raw, e,
				"\"%s\" is not an address of this machine, or *, with an optional "
				"port",
				e->value);
	} while (e);
	return ERR_OK;
}

/* What the table cannot check, and the values that are used often. */
static enum err settle(struct spoke_config *c)
{
	enum err e;

	c->name = config_str(&c->raw, "Name");
	if (!c->name) {
		snprintf(c->raw.error, sizeof(c->raw.error),
			 "%s/spoke.conf: no Name; join first: branchline-spoke -n %s join bl1_...",
			 c->paths.etc, c->paths.net);
		return ERR_INVALID;
	}
	c->user = config_str(&c->raw, "User");
	c->device = config_str(&c->raw, "Device");
	c->bind_interface = config_str(&c->raw, "BindToInterface");
	c->offload = config_bool(&c->raw, "Offload");
	c->port = config_nth(&c->raw, "Port", 0) ? (uint16_t)config_int(&c->raw, "Port")
						 : UDP_PORT_DEFAULT;
	c->fwmark = (uint32_t)config_int(&c->raw, "FWMark");
	c->local_discovery = config_bool(&c->raw, "LocalDiscovery");
	c->offline_grace_s = (uint32_t)config_int(&c->raw, "OfflineGrace");
	c->direct_idle_s = (uint16_t)config_int(&c->raw, "DirectIdle");
	c->direct_max = (uint16_t)config_int(&c->raw, "DirectMax");
	c->pmtu_discovery = config_bool(&c->raw, "PMTUDiscovery");
	c->clamp_mss = config_bool(&c->raw, "ClampMSS");
	if (config_nth(&c->raw, "PMTU", 0))
		c->pmtu_max = (uint16_t)config_int(&c->raw, "PMTU");
	c->priority_inheritance = config_bool(&c->raw, "PriorityInheritance");
	c->log_level = (int)config_int(&c->raw, "LogLevel");
	c->workers = (unsigned)config_int(&c->raw, "Workers");
	c->tcp_only = config_bool(&c->raw, "TCPOnly");
	e = set_family(c);
	if (!e)
		e = spoke_config_proxy(c);
	if (!e)
		e = set_cipher(c);
	if (!e)
		e = set_crypto(c);
	if (!e)
		e = set_interface(c);
	if (!e)
		e = load_own_host(c);
	if (!e)
		e = set_udp(c);
	if (!e)
		e = load_hubs(c);
	return e ? e : load_hosts(c);
}

enum err spoke_config_load(struct spoke_config *c, const struct paths *paths,
			   const char *const *overrides)
{
	char path[PATHS_FILE_SIZE];
	enum err e;

	spoke_config_init(c, paths);
	c->overrides = overrides;
	if (!file_exists(paths_join(path, paths->etc, "spoke.conf"))) {
		snprintf(c->raw.error, sizeof(c->raw.error),
			 "there is no %s; join first: branchline-spoke -n %s join bl1_...", path,
			 paths->net);
		return ERR_NOTFOUND;
	}
	e = config_read(&c->raw, path, CONFIG_SERVER);
	for (; e == ERR_OK && overrides && *overrides; overrides++)
		e = config_override(&c->raw, *overrides);
	return e ? e : settle(c);
}
