/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/config.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "shared/base/file.h"
#include "shared/conf/value.h"
#include "shared/keys/keys.h"
#include "shared/wire/limits.h"

void spoke_config_init(struct spoke_config *c, const struct paths *paths)
{
	memset(c, 0, sizeof(*c));
	conf_init(&c->raw, CONF_SPOKE);
	c->paths = *paths;
	paths_join(c->identity_key_file, paths->etc, "identity.key");
	paths_join(c->tunnel_key_file, paths->etc, "tunnel.key");
	paths_join(c->hub_pin_file, paths->etc, "hub.pin");
	paths_join(c->cache_file, paths->state, "directory.json");
	paths_join(c->settings_file, paths->state, "settings.json");
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
	out->path_policy = policy_of(host);
	out->pmtu_max = conf_pmtu(host);
	out->pmtu_fixed = !config_bool(host, "PMTUDiscovery");
	return conf_addresses(host, out->addresses, &out->n_addresses) ? host_error(c, host)
								       : ERR_OK;
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
		if (conf_subnet(host, e, &c->subnets[c->n_subnets]))
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
		conf_init(&host, CONF_SPOKE);
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

	conf_init(&host, CONF_SPOKE);
	e = read_host(c, c->name, &host);
	if (e == ERR_OK && !config_nth(&c->raw, "Port", 0) && config_nth(&host, "Port", 0))
		c->port = (uint16_t)config_int(&host, "Port");
	if (e == ERR_OK)
		e = take_host(c, &host, &c->own);
	e = e == ERR_OK ? take_subnets(c, &host) : e == ERR_NOTFOUND ? ERR_OK : e;
	config_fini(&host);
	c->path_policy = path_policy_stricter(policy_of(&c->raw), c->own.path_policy);
	/* As with the port: spoke.conf's lines come first. */
	if (c->own.pmtu_max && !config_nth(&c->raw, "PMTU", 0))
		node_settings_put(&c->local, SETTING_PMTU, c->own.pmtu_max);
	if (c->own.pmtu_fixed && !config_nth(&c->raw, "PMTUDiscovery", 0))
		node_settings_put(&c->local, SETTING_PMTU_DISCOVERY, false);
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
	conf_init(&host, CONF_SPOKE);
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

int32_t spoke_config_setting(const struct spoke_config *c, enum node_setting k,
			     enum setting_source *source)
{
	bool local = node_settings_has(&c->local, k), hub = node_settings_has(&c->steered, k);

	*source = local ? SETTING_LOCAL : hub ? SETTING_HUB : SETTING_DEFAULT;
	return local ? c->local.value[k] : hub ? c->steered.value[k] : node_settings_info[k].def;
}

/* Puts what holds into the variables that the rest of the daemon reads. */
static void settle_settings(struct spoke_config *c)
{
	int32_t v[NODE_SETTINGS_MAX];
	enum setting_source source;

	for (enum node_setting k = 0; k < NODE_SETTINGS_MAX; k++)
		v[k] = spoke_config_setting(c, k, &source);
	c->mtu = (uint16_t)v[SETTING_MTU];
	c->log_level = v[SETTING_LOG_LEVEL];
	c->direct_idle_s = (uint16_t)v[SETTING_DIRECT_IDLE];
	c->direct_max = (uint16_t)v[SETTING_DIRECT_MAX];
	c->pmtu_max = (uint16_t)v[SETTING_PMTU];
	c->pmtu_discovery = v[SETTING_PMTU_DISCOVERY];
	c->clamp_mss = v[SETTING_CLAMP_MSS];
	c->priority_inheritance = v[SETTING_PRIORITY_INHERITANCE];
	c->local_discovery = v[SETTING_LOCAL_DISCOVERY];
}

void spoke_config_steer(struct spoke_config *c, const struct node_settings *hub)
{
	c->steered = *hub;
	settle_settings(c);
}

static void take_local(struct spoke_config *c, const struct node_settings *fresh,
		       enum node_setting k)
{
	if (node_settings_has(fresh, k))
		node_settings_put(&c->local, k, fresh->value[k]);
	else
		node_settings_remove(&c->local, k);
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
	c->path_policy = fresh->path_policy;
	c->proxy = fresh->proxy;
	c->tcp_only = fresh->tcp_only;
	c->strict_keys = fresh->strict_keys;
	/* A line about the port or the level of the log is read at the start only. */
	for (enum node_setting k = SETTING_DIRECT_IDLE; k < NODE_SETTINGS_MAX; k++)
		take_local(c, &fresh->local, k);
	settle_settings(c);
}

/* What our own lines say of what the hub may set, too. A BindToAddress decides about the port. */
static void read_local(struct spoke_config *c)
{
	for (enum node_setting k = 0; k < NODE_SETTINGS_MAX; k++) {
		const struct node_setting_info *info = &node_settings_info[k];

		if (info->variable && config_nth(&c->raw, info->variable, 0))
			node_settings_put(&c->local, k,
					  info->is_bool
						  ? config_bool(&c->raw, info->variable)
						  : (int32_t)config_int(&c->raw, info->variable));
	}
	if (config_nth(&c->raw, "BindToAddress", 0))
		node_settings_put(&c->local, SETTING_PORT, c->port);
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
	c->offline_grace_s = (uint32_t)config_int(&c->raw, "OfflineGrace");
	read_local(c);
	c->workers = (unsigned)config_int(&c->raw, "Workers");
	c->tcp_only = config_bool(&c->raw, "TCPOnly");
	c->strict_keys = config_bool(&c->raw, "StrictKeys");
	e = conf_family(&c->raw, &c->family);
	if (!e)
		e = conf_mode(&c->raw, NULL);
	if (!e)
		e = spoke_config_proxy(c);
	if (!e)
		e = set_cipher(c);
	if (!e)
		e = conf_crypto(&c->raw, &c->crypto);
	if (!e)
		e = conf_interface(&c->raw, c->paths.net, c->interface);
	if (!e)
		e = conf_dns(&c->raw, c->paths.net, &c->dns);
	if (!e)
		e = load_own_host(c);
	settle_settings(c);
	if (!e)
		e = conf_binds(&c->raw, c->port, c->family, c->udp, WORKER_UDP_SOCKETS_MAX,
			       &c->n_udp);
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
