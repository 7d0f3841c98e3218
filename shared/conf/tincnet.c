/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/conf/tincnet.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/file.h"
#include "shared/base/hostport.h"
#include "shared/base/paths.h"
#include "shared/base/config_value.h"
#include "shared/conf/edit.h"
#include "shared/conf/value.h"

#define FILE_MAX_BYTES    (1u << 20)
#define TINC_PORT_DEFAULT 655u

#define BOTH (CONFIG_SERVER | CONFIG_HOST | CONFIG_MULTIPLE)

/*
 * Every variable of tinc 1.0 and 1.1. `help` says why it is not carried over; without it the line
 * is: then its row stands in carry_entry(). Values are text here: what tinc takes is not ours to
 * refuse.
 */
#define GONE(name, why)                                                                            \
	{                                                                                          \
		name, CONFIG_STRING, BOTH, 0, 0, NULL, why                                         \
	}
#define CARRIED(name)                                                                              \
	{                                                                                          \
		name, CONFIG_STRING, BOTH, 0, 0, NULL, NULL                                        \
	}
#define KEYS_ARE_MADE "every node makes new keys when it joins"
#define CIPHER_IS_CHOSEN                                                                           \
	"there is nothing to choose: packets are always encrypted and authenticated"
#define IN_SPOKE_CONF "set it in spoke.conf of that branch"
#define IN_HOSTS_FILE                                                                              \
	"set it on the branch: in spoke.conf for all its tunnels, in its hosts/NAME for the one "  \
	"to that node"
#define ALWAYS_SO   "it is always so here"
#define ONLY_ROUTED "only routed networks are supported, no Ethernet bridging"
#define NOT_NEEDED  "it is not needed here"
static const struct config_var variables[] = {
	CARRIED("Name"),
	CARRIED("Subnet"),
	CARRIED("Address"),
	CARRIED("Port"),
	CARRIED("Compression"),
	CARRIED("IndirectData"),
	CARRIED("DirectOnly"),
	CARRIED("ConnectTo"),
	CARRIED("Mode"),
	GONE("AddressFamily", IN_SPOKE_CONF),
	GONE("AutoConnect", NOT_NEEDED),
	GONE("BindToAddress", IN_SPOKE_CONF),
	GONE("BindToInterface", IN_SPOKE_CONF),
	GONE("Broadcast", ONLY_ROUTED),
	GONE("BroadcastSubnet", ONLY_ROUTED),
	GONE("Cipher", CIPHER_IS_CHOSEN),
	GONE("ClampMSS", IN_SPOKE_CONF),
	GONE("DecrementTTL", ALWAYS_SO),
	GONE("Device", IN_SPOKE_CONF),
	GONE("DeviceStandby", NOT_NEEDED),
	GONE("DeviceType", NOT_NEEDED),
	GONE("Digest", CIPHER_IS_CHOSEN),
	GONE("DisableBuggyPeers", NOT_NEEDED),
	GONE("Ed25519PrivateKeyFile", KEYS_ARE_MADE),
	GONE("Ed25519PublicKey", KEYS_ARE_MADE),
	GONE("Ed25519PublicKeyFile", KEYS_ARE_MADE),
	GONE("ExperimentalProtocol", NOT_NEEDED),
	GONE("FWMark", IN_SPOKE_CONF),
	GONE("Forwarding", "the hub relays what policy allows"),
	GONE("GraphDumpFile", "the API and the metrics tell more"),
	GONE("Hostnames", NOT_NEEDED),
	GONE("IffOneQueue", NOT_NEEDED),
	GONE("Interface", IN_SPOKE_CONF),
	GONE("InvitationExpire", "each join token has its own expiry"),
	GONE("KeyExpire", "sessions get new keys every two minutes"),
	GONE("ListenAddress", IN_SPOKE_CONF),
	GONE("LocalDiscovery", IN_SPOKE_CONF),
	GONE("LogLevel", IN_SPOKE_CONF),
	GONE("MACExpire", ONLY_ROUTED),
	GONE("MACLength", CIPHER_IS_CHOSEN),
	GONE("MTUInfoInterval", NOT_NEEDED),
	GONE("MaxConnectionBurst", "the hub limits and paces connections by itself"),
	GONE("MaxOutputBufferSize", NOT_NEEDED),
	GONE("MaxTimeout", "reconnects wait 60 s at the most"),
	GONE("MinTimeout", NOT_NEEDED),
	GONE("PMTU", IN_HOSTS_FILE),
	GONE("PMTUDiscovery", IN_HOSTS_FILE),
	GONE("PingInterval", NOT_NEEDED),
	GONE("PingTimeout", NOT_NEEDED),
	GONE("PriorityInheritance", IN_SPOKE_CONF),
	GONE("PrivateKey", KEYS_ARE_MADE),
	GONE("PrivateKeyFile", KEYS_ARE_MADE),
	GONE("ProcessPriority", "it is the service manager's business"),
	GONE("Proxy", IN_SPOKE_CONF),
	GONE("PublicKey", KEYS_ARE_MADE),
	GONE("PublicKeyFile", KEYS_ARE_MADE),
	GONE("ReplayWindow", "it holds 8192 packets, always"),
	GONE("Sandbox", ALWAYS_SO),
	GONE("ScriptsExtension", NOT_NEEDED),
	GONE("ScriptsInterpreter", "scripts say their interpreter in the first line"),
	GONE("StrictSubnets", ALWAYS_SO),
	GONE("TCPOnly", IN_SPOKE_CONF),
	GONE("TunnelServer",
	     "who may talk to whom is policy at the hub (--policy-from-connect-to)"),
	GONE("UDPDiscovery", ALWAYS_SO),
	GONE("UDPDiscoveryInterval", NOT_NEEDED),
	GONE("UDPDiscoveryKeepaliveInterval", NOT_NEEDED),
	GONE("UDPDiscoveryTimeout", NOT_NEEDED),
	GONE("UDPInfoInterval", NOT_NEEDED),
	GONE("UDPRcvBuf", NOT_NEEDED),
	GONE("UDPSndBuf", NOT_NEEDED),
	GONE("UPnP", NOT_NEEDED),
	GONE("UPnPDiscoverWait", NOT_NEEDED),
	GONE("UPnPRefreshPeriod", NOT_NEEDED),
	GONE("VDEGroup", ONLY_ROUTED),
	GONE("VDEPort", ONLY_ROUTED),
	GONE("Weight", "a subnet's own weight is carried over"),
};

/* --- notes and errors --- */

static enum err fail(struct tincnet *n, enum err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static enum err fail(struct tincnet *n, enum err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(n->error, sizeof(n->error), fmt, ap);
	va_end(ap);
	return e;
}

static void note(struct tincnet *n, const char *file, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void note(struct tincnet *n, const char *file, unsigned line, const char *fmt, ...)
{
	char text[768];
	char **more;
	va_list ap;
	int at;

	if (line)
		at = snprintf(text, sizeof(text), "%.256s:%u: ", file, line);
	else
		at = snprintf(text, sizeof(text), "%.256s: ", file);
	va_start(ap, fmt);
	vsnprintf(text + at, sizeof(text) - (size_t)at, fmt, ap);
	va_end(ap);
	if (n->n_notes == TINCNET_NOTES_MAX)
		return;
	more = realloc(n->notes, (n->n_notes + 1) * sizeof(*more));
	if (!more)
		return;
	n->notes = more;
	more[n->n_notes] = strdup(text);
	n->n_notes += more[n->n_notes] != NULL;
}

static void unknown(void *arg, const char *file, unsigned line, const char *key)
{
	note(arg, file, line, "%.63s is no variable of tinc's: left out", key);
}

/* --- one line --- */

static bool is_yes(const char *value) { return strcasecmp(value, "yes") == 0; }

/* One more, or the same again: then the lower weight counts, as in tinc. */
static enum err add_subnet(struct tincnet *n, struct tinc_host *h, const struct config_entry *e,
			   const struct node_subnet *s)
{
	struct node_subnet *more;

	for (size_t i = 0; i < h->n_subnets; i++) {
		more = &h->subnets[i];
		if (!prefix_equal(&more->prefix, &s->prefix))
			continue;
		if (s->weight < more->weight)
			more->weight = s->weight;
		note(n, e->file, e->line, "Subnet %.63s is named twice: weight %u is used",
		     e->value, more->weight);
		return ERR_OK;
	}
	if (h->n_subnets == NODE_SUBNETS_MAX) {
		note(n, e->file, e->line, "Subnet %.63s is left out: a node has %u at the most",
		     e->value, NODE_SUBNETS_MAX);
		return ERR_OK;
	}
	more = realloc(h->subnets, (h->n_subnets + 1) * sizeof(*more));
	if (!more)
		return ERR_NOMEM;
	h->subnets = more;
	h->subnets[h->n_subnets++] = *s;
	return ERR_OK;
}

/* tinc takes host bits, and we the network that was meant. */
static enum err carry_subnet(struct tincnet *n, struct tinc_host *h, const struct config_entry *e)
{
	char shown[PREFIX_STR_SIZE];
	struct node_subnet s;

	switch (conf_subnet_parse(e->value, &s)) {
	case CONF_SUBNET_OK:
		break;
	case CONF_SUBNET_BAD:
		note(n, e->file, e->line, "Subnet %.63s is left out: not an IPv4 or IPv6 network",
		     e->value);
		return ERR_OK;
	case CONF_SUBNET_HOST_BITS:
		note(n, e->file, e->line, "Subnet %.63s is taken as %s: its host bits were set",
		     e->value, prefix_format(&s.prefix, shown));
		break;
	case CONF_SUBNET_WEIGHT:
		note(n, e->file, e->line, "weight of %.63s: %u is used", e->value,
		     SUBNET_WEIGHT_DEFAULT);
		break;
	}
	if (prefix_is_reserved(&s.prefix)) {
		note(n, e->file, e->line,
		     "Subnet %.63s is left out: default routes, loopback, link-local and multicast "
		     "addresses cannot be behind a node",
		     e->value);
		return ERR_OK;
	}
	return add_subnet(n, h, e, &s);
}

static void carry_address(struct tincnet *n, struct tinc_host *h, const struct config_entry *e,
			  uint16_t port)
{
	char host[HOSTPORT_HOST_SIZE], line[ENDPOINT_NAME_SIZE];

	if (h->n_endpoints == NODE_ENDPOINTS_MAX) {
		note(n, e->file, e->line, "Address %.63s is left out: a node has %u at the most",
		     e->value, NODE_ENDPOINTS_MAX);
		return;
	}
	if (hostport_split(e->value, port, host, &port) ||
	    snprintf(line, sizeof(line), "%s %u", host, (unsigned)port) >= (int)sizeof(line) ||
	    !hostport_is_line(line)) {
		note(n, e->file, e->line, "Address %.63s is left out: not a host and port",
		     e->value);
		return;
	}
	memcpy(h->endpoints[h->n_endpoints++], line, sizeof(line));
}

static void carry_compression(struct tincnet *n, struct tinc_host *h, const struct config_entry *e)
{
	char *end;
	unsigned long level = strtoul(e->value, &end, 10);

	if (end == e->value || *end || level > NODE_COMPRESSION_MAX)
		note(n, e->file, e->line, "Compression %.63s is left out: there are 0 to %u",
		     e->value, NODE_COMPRESSION_MAX);
	else
		h->compression = (uint8_t)level;
}

/* The port that Address lines without one mean: the file's Port, wherever it stands. */
static uint16_t port_of(const struct config *c)
{
	const struct config_entry *e = config_nth(c, "Port", 0);
	unsigned long port = e ? strtoul(e->value, NULL, 10) : 0;

	return port > 0 && port <= UINT16_MAX ? (uint16_t)port : TINC_PORT_DEFAULT;
}

static enum err carry_entry(struct tincnet *n, struct tinc_host *h, const struct config *c,
			    const struct config_entry *e)
{
	const char *name = e->var->name;

	if (e->var->help)
		note(n, e->file, e->line, "%s is left out: %s", name, e->var->help);
	else if (strcmp(name, "Subnet") == 0)
		return carry_subnet(n, h, e);
	else if (strcmp(name, "Address") == 0)
		carry_address(n, h, e, port_of(c));
	else if (strcmp(name, "Compression") == 0)
		carry_compression(n, h, e);
	else if (strcmp(name, "IndirectData") == 0 && is_yes(e->value))
		h->path_policy = path_policy_stricter(h->path_policy, PATH_POLICY_HUB_ONLY);
	else if (strcmp(name, "DirectOnly") == 0 && is_yes(e->value))
		h->path_policy = path_policy_stricter(h->path_policy, PATH_POLICY_DIRECT_ONLY);
	return ERR_OK;
}

/* --- files --- */

static enum err carry_all(struct tincnet *n, struct tinc_host *h, const struct config *c)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < c->count && !e; i++)
		e = carry_entry(n, h, c, &c->entries[i]);
	return e ? fail(n, e, "%s", err_str(e)) : ERR_OK;
}

static struct tinc_host *find(const struct tincnet *n, const char *name)
{
	for (size_t i = 0; i < n->n_hosts; i++)
		if (strcmp(n->hosts[i].name, name) == 0)
			return &n->hosts[i];
	return NULL;
}

static struct tinc_host *add_host(struct tincnet *n, const char *name)
{
	struct tinc_host *more;

	if (n->n_hosts == TINCNET_HOSTS_MAX)
		return NULL;
	more = realloc(n->hosts, (n->n_hosts + 1) * sizeof(*more));
	if (!more)
		return NULL;
	n->hosts = more;
	more = &n->hosts[n->n_hosts++];
	memset(more, 0, sizeof(*more));
	snprintf(more->name, sizeof(more->name), "%s", name);
	return more;
}

enum err tincnet_parse_host(struct tincnet *n, const char *name, const char *label,
			    const char *text, size_t len)
{
	struct tinc_host *h = add_host(n, name);
	struct config c;
	enum err e;

	if (!h)
		return fail(n, ERR_LIMIT, "more than %u files in hosts", TINCNET_HOSTS_MAX);
	config_init(&c, variables, ARRAY_LEN(variables));
	config_tolerate(&c, unknown, n);
	e = config_parse(&c, label, text, len, CONFIG_HOST);
	if (e)
		fail(n, e, "%s", c.error);
	else
		e = carry_all(n, h, &c);
	config_fini(&c);
	return e;
}

/* Nothing of it is taken, and the other files have their turn. */
static enum err leave_host(struct tincnet *n, const char *name, const char *label, const char *why)
{
	struct tinc_host *h = find(n, name);

	note(n, label, 0, "the file is left out: %s", why);
	n->error[0] = 0;
	if (!h)
		h = add_host(n, name);
	if (!h)
		return fail(n, ERR_LIMIT, "more than %u files in hosts", TINCNET_HOSTS_MAX);
	h->broken = true;
	return ERR_OK;
}

/* A file as a whole. A folder is none, nor is what is no file at all. */
static enum err read_host(struct tincnet *n, const char *dir, const char *name)
{
	char path[PATHS_FILE_SIZE], label[NAME_SIZE + 8], why[sizeof(n->error)];
	struct stat st;
	struct buf b;
	enum err e;

	if (strlen(dir) + strlen(name) + 2 > sizeof(path))
		return fail(n, ERR_TOOBIG, "%.200s: the path is too long", dir);
	snprintf(label, sizeof(label), "hosts/%.63s", name);
	paths_join(path, dir, name);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		note(n, label, 0, "it is left out: not a file");
		return ERR_OK;
	}
	buf_init(&b, FILE_MAX_BYTES);
	e = file_read(path, &b);
	snprintf(why, sizeof(why), "%s", err_str(e));
	if (!e) {
		e = tincnet_parse_host(n, name, label, (const char *)buf_data(&b), buf_len(&b));
		memcpy(why, n->error, sizeof(why));
	}
	buf_fini(&b);
	return e && e != ERR_NOMEM && e != ERR_LIMIT ? leave_host(n, name, label, why) : e;
}

/* What tinc takes for a node's name: "oslo.bak" and "oslo-old" are nobody's. */
static bool is_tinc_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_')
			return false;
	return name_is_valid(name);
}

static bool is_script(const char *name)
{
	static const char *const ends[] = { "-up", "-down" };
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (len > strlen(ends[i]) && strcmp(name + len - strlen(ends[i]), ends[i]) == 0)
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tinc_host *)a)->name, ((const struct tinc_host *)b)->name);
}

static enum err read_hosts(struct tincnet *n, const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	enum err e = ERR_OK;

	if (!d)
		return fail(n, ERR_NOTFOUND, "%.300s: there is no such folder", dir);
	while (!e && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.' || entry->d_name[strlen(entry->d_name) - 1] == '~')
			continue;
		if (is_script(entry->d_name))
			note(n, "hosts", 0, "%.100s is a script: copy it to that branch",
			     entry->d_name);
		else if (!is_tinc_name(entry->d_name))
			note(n, "hosts", 0, "%.100s is left out: not a node's name", entry->d_name);
		else
			e = read_host(n, dir, entry->d_name);
	}
	closedir(d);
	return e;
}

/* ConnectTo lines name those that the own node dialled. */
static void note_connects(struct tincnet *n, const struct config *c)
{
	const struct config_entry *e;

	for (size_t i = 0; (e = config_nth(c, "ConnectTo", i)) != NULL; i++) {
		if (strcmp(e->value, n->self) == 0)
			continue;
		note(n, e->file, e->line,
		     find(n, e->value) ? "ConnectTo = %.63s may stand in hub.conf, too: it names "
					 "a branch that is expected"
				       : "ConnectTo = %.63s: hosts/ has no such file",
		     e->value);
	}
}

/* "$VARIABLE" is what the environment says, and $HOST without one this machine's name, both with
 * "_" for what cannot stand in a name of tinc's. */
static bool expand_name(struct tincnet *n, const struct config_entry *e)
{
	const char *said = getenv(e->value + 1);
	char host[NAME_SIZE] = "";

	if (!said && strcmp(e->value, "$HOST") == 0 && gethostname(host, sizeof(host) - 1) == 0)
		said = host;
	if (!said || !*said)
		return false;
	snprintf(n->self, sizeof(n->self), "%s", said);
	for (char *p = n->self; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	note(n, e->file, e->line, "Name = %.63s is taken as %s", e->value, n->self);
	return true;
}

/* The name of the node that the folder is of. */
static bool take_name(struct tincnet *n, const struct config_entry *e)
{
	if (e->value[0] == '$')
		return expand_name(n, e);
	snprintf(n->self, sizeof(n->self), "%s", e->value);
	return is_tinc_name(e->value);
}

/* Whose folder it is, and whether it is of a kind that can be carried over at all. */
static enum err take_network(struct tincnet *n, const struct config *c)
{
	const struct config_entry *e = config_nth(c, "Name", 0);

	if (!e || !take_name(n, e))
		return fail(n, ERR_INVALID, "tinc.conf has no usable Name%s%.63s", e ? ": " : "",
			    e ? e->value : "");
	e = config_nth(c, "Mode", 0);
	if (e && strcasecmp(e->value, "router") != 0)
		return fail(n, ERR_INVALID,
			    "%.100s:%u: Mode = %.63s bridges Ethernet, which is not supported; "
			    "only Mode = router can be carried over",
			    e->file, e->line, e->value);
	return ERR_OK;
}

/* tinc.conf may say what the own file in hosts/ could. */
static enum err take_own(struct tincnet *n, const struct config *c)
{
	struct tinc_host *h = find(n, n->self);

	if (!h)
		h = add_host(n, n->self);
	if (!h)
		return fail(n, ERR_LIMIT, "more than %u files in hosts", TINCNET_HOSTS_MAX);
	return carry_all(n, h, c);
}

/* One file of the folder into `c`. */
static enum err parse_file(struct tincnet *n, struct config *c, const char *dir, const char *label,
			   unsigned where)
{
	char path[PATHS_FILE_SIZE];
	struct buf b;
	enum err e;

	buf_init(&b, FILE_MAX_BYTES);
	e = file_read(paths_join(path, dir, label), &b);
	if (e)
		fail(n, e, "%.300s: %s", path, err_str(e));
	else if ((e = config_parse(c, label, (const char *)buf_data(&b), buf_len(&b), where)))
		fail(n, e, "%s", c->error);
	buf_fini(&b);
	return e;
}

static int is_conf(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && end && strcmp(end, ".conf") == 0 &&
	       strlen(entry->d_name) < NAME_SIZE;
}

/* tinc.conf, and what tinc 1.1 takes beside it: conf.d, if it is there, in the order of its names.
 */
static enum err parse_servers(struct tincnet *n, struct config *c, const char *dir)
{
	char path[PATHS_FILE_SIZE], label[NAME_SIZE + 8];
	struct dirent **found = NULL;
	int count;
	enum err e = parse_file(n, c, dir, "tinc.conf", CONFIG_SERVER);

	if (e)
		return e;
	count = scandir(paths_join(path, dir, "conf.d"), &found, is_conf, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(label, sizeof(label), "conf.d/%.63s", found[i]->d_name);
		if (!e)
			e = parse_file(n, c, dir, label, CONFIG_SERVER);
		free(found[i]);
	}
	free(found);
	return e;
}

static enum err read_all(struct tincnet *n, struct config *c, const char *dir)
{
	char path[PATHS_FILE_SIZE];
	enum err e = parse_servers(n, c, dir);

	if (!e)
		e = take_network(n, c);
	if (!e)
		e = read_hosts(n, paths_join(path, dir, "hosts"));
	if (!e)
		e = take_own(n, c);
	if (e)
		return e;
	qsort(n->hosts, n->n_hosts, sizeof(n->hosts[0]), by_name);
	note_connects(n, c);
	return ERR_OK;
}

enum err tincnet_read(struct tincnet *n, const char *dir)
{
	struct config c;
	enum err e;

	memset(n, 0, sizeof(*n));
	if (strlen(dir) + NAME_SIZE + 16 > PATHS_FILE_SIZE)
		return fail(n, ERR_TOOBIG, "%.300s: the path is too long", dir);
	config_init(&c, variables, ARRAY_LEN(variables));
	config_tolerate(&c, unknown, n);
	e = read_all(n, &c, dir);
	config_fini(&c);
	return e;
}

/* --- a branch's own configuration --- */

/* The row of spoke.conf for a line of tinc's, when it may stand there; NULL: none. */
static const struct config_var *spoke_var(const char *name)
{
	size_t n;
	const struct config_var *vars = conf_vars(CONF_SPOKE, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(vars[i].name, name) == 0 && (vars[i].flags & CONFIG_SERVER))
			return &vars[i];
	return NULL;
}

/* Puts one line into the text, unless it says something of it already. */
static enum err merge_line(struct buf *text, const struct config_var *var, const char *value)
{
	struct buf fresh;
	unsigned n = 0;
	enum err e;

	buf_init(&fresh, FILE_MAX_BYTES);
	e = conf_edit(CONF_EDIT_ADD, (const char *)buf_data(text), buf_len(text), var->name, value,
		      &fresh, &n);
	if (!e && (n == 0 || (var->flags & CONFIG_MULTIPLE))) {
		buf_clear(text);
		e = buf_put(text, buf_data(&fresh), buf_len(&fresh));
	}
	buf_fini(&fresh);
	return e == ERR_EXISTS ? ERR_OK : e;
}

/* One line of tinc.conf or of the own file in hosts/. */
static enum err merge_entry(struct tincnet *n, const struct config_entry *e, struct buf *text)
{
	const struct config_var *var = spoke_var(e->var->name);
	char why[192];

	if (strcmp(e->var->name, "Name") == 0)
		return merge_line(text, var, n->self);
	if (var && config_value_check(var, e->value, why, sizeof(why)) == ERR_OK)
		return merge_line(text, var, e->value);
	if (var)
		note(n, e->file, e->line, "%s = %.63s is left out: %s", var->name, e->value, why);
	else if (e->var->help)
		note(n, e->file, e->line, "%s is left out: %s", e->var->name, e->var->help);
	else if (strcmp(e->var->name, "Subnet") == 0 || strcmp(e->var->name, "Address") == 0)
		note(n, e->file, e->line,
		     "%s = %.63s is the hub's to know: its import-tinc took it", e->var->name,
		     e->value);
	else
		note(n, e->file, e->line, "%s is left out: it is set at the hub (node edit)",
		     e->var->name);
	return ERR_OK;
}

/* The own file in hosts/, which may be missing. */
static enum err parse_own(struct tincnet *n, struct config *own, const char *dir)
{
	char label[NAME_SIZE + 8];
	enum err e;

	snprintf(label, sizeof(label), "hosts/%.63s", n->self);
	e = parse_file(n, own, dir, label, CONFIG_HOST);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err merge_all(struct tincnet *n, const struct config *c, struct buf *text)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < c->count; i++)
		e = merge_entry(n, &c->entries[i], text);
	return e;
}

/* Where the others look for it: the hub has taken its Address with tinc's port. */
static enum err merge_port(struct tincnet *n, const struct config *own, struct buf *text)
{
	const struct config_entry *e = config_nth(own, "Address", 0);
	char port[8];

	if (!e || config_nth(own, "Port", 0))
		return ERR_OK;
	note(n, e->file, e->line,
	     "Port = %u is set: others look for this branch at its Address, where tinc was",
	     TINC_PORT_DEFAULT);
	snprintf(port, sizeof(port), "%u", TINC_PORT_DEFAULT);
	return merge_line(text, spoke_var("Port"), port);
}

enum err tincnet_spoke_conf(struct tincnet *n, const char *dir, const char *text, size_t len,
			    struct buf *out)
{
	struct config c, own;
	enum err e;

	memset(n, 0, sizeof(*n));
	if (strlen(dir) + NAME_SIZE + 16 > PATHS_FILE_SIZE)
		return fail(n, ERR_TOOBIG, "%.300s: the path is too long", dir);
	config_init(&c, variables, ARRAY_LEN(variables));
	config_init(&own, variables, ARRAY_LEN(variables));
	config_tolerate(&c, unknown, n);
	config_tolerate(&own, unknown, n);
	e = buf_put(out, text, len);
	if (!e)
		e = parse_servers(n, &c, dir);
	if (!e)
		e = take_network(n, &c);
	if (!e)
		e = merge_all(n, &c, out);
	if (!e)
		e = parse_own(n, &own, dir);
	if (!e)
		e = merge_all(n, &own, out);
	if (!e)
		e = merge_port(n, &own, out);
	config_fini(&c);
	config_fini(&own);
	return e;
}

void tincnet_fini(struct tincnet *n)
{
	for (size_t i = 0; i < n->n_hosts; i++)
		free(n->hosts[i].subnets);
	for (size_t i = 0; i < n->n_notes; i++)
		free(n->notes[i]);
	free(n->hosts);
	free(n->notes);
	memset(n, 0, sizeof(*n));
}

bool tincnet_is_self(const struct tincnet *n, const struct tinc_host *h)
{
	return strcmp(h->name, n->self) == 0;
}
