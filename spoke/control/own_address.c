/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/own_address.h"

#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/time.h>

#include "shared/base/hostport.h"

#define TUNNELS_MAX 64u
#define DUMP_BYTES  32768u /* at least what the kernel sends at once */

/* The interfaces that are tunnels, by index. */
struct tunnels {
	unsigned n;
	unsigned list[TUNNELS_MAX];
};

/* --- interfaces --- */

/* Sets `*arg` (bool) when the kind of an interface is a tunnel's. */
static int note_kind(const struct nlattr *attr, void *arg)
{
	static const char *const kinds[] = { "tun", "wireguard" };

	if (mnl_attr_get_type(attr) != IFLA_INFO_KIND ||
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return MNL_CB_OK;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(mnl_attr_get_str(attr), kinds[i]) == 0)
			*(bool *)arg = true;
	return MNL_CB_OK;
}

static int note_info(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == IFLA_LINKINFO &&
	    mnl_attr_validate(attr, MNL_TYPE_NESTED) >= 0)
		return mnl_attr_parse_nested(attr, note_kind, arg);
	return MNL_CB_OK;
}

static int note_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct tunnels *t = arg;
	bool is_tunnel = false;

	if (nlh->nlmsg_type == RTM_NEWLINK && mnl_nlmsg_get_payload_len(nlh) >= sizeof(*ifi) &&
	    mnl_attr_parse(nlh, sizeof(*ifi), note_info, &is_tunnel) >= 0 && is_tunnel &&
	    t->n < TUNNELS_MAX)
		t->list[t->n++] = (unsigned)ifi->ifi_index;
	return MNL_CB_OK;
}

/* The kernel's list of interfaces. */
static enum err dump_links(struct mnl_socket *sock, struct tunnels *out)
{
	static char mem[DUMP_BYTES] __attribute__((aligned(8)));
	const unsigned seq = 1;
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(mem);
	ssize_t n;
	int r = MNL_CB_OK;

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = seq;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	if (mnl_socket_sendto(sock, nlh, nlh->nlmsg_len) < 0)
		return ERR_SYSTEM;
	while (r > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(sock, mem, sizeof(mem));
		if (n < 0)
			return ERR_SYSTEM;
		r = mnl_cb_run(mem, (size_t)n, seq, mnl_socket_get_portid(sock), note_link, out);
	}
	return r < 0 ? ERR_SYSTEM : ERR_OK;
}

static enum err read_tunnels(struct tunnels *out)
{
	struct timeval tv = { .tv_sec = OWN_ADDRESS_TIMEOUT_MS / 1000 };
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	enum err e = ERR_SYSTEM;

	out->n = 0;
	if (!sock)
		return e;
	if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    setsockopt(mnl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0)
		e = dump_links(sock, out);
	mnl_socket_close(sock);
	return e;
}

/* --- addresses --- */

static bool is_link_local(const struct addr *a)
{
	return a->family == AF_INET6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* One row of getifaddrs(). False: none that counts. */
static bool take_row(const struct ifaddrs *i, const char *own, const struct tunnels *t,
		     struct own_address *out)
{
	struct sockaddr_storage ss = { 0 };
	struct endpoint e;
	socklen_t len;

	if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || strcmp(i->ifa_name, own) == 0 ||
	    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
		return false;
	len = i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						: sizeof(struct sockaddr_in6);
	memcpy(&ss, i->ifa_addr, len);
	if (endpoint_from_sockaddr(&ss, len, &e))
		return false;
	*out = (struct own_address){ .addr = e.addr,
				     .interface = if_nametoindex(i->ifa_name),
				     .running = (i->ifa_flags & IFF_RUNNING) &&
						!(i->ifa_flags & IFF_LOOPBACK) };
	for (unsigned k = 0; k < t->n; k++)
		out->tunnel |= t->list[k] == out->interface;
	return true;
}

enum err own_address_read(const char *own, struct own_addresses *out)
{
	struct ifaddrs *all = NULL;
	struct tunnels tunnels;
	enum err e = read_tunnels(&tunnels);

	memset(out, 0, sizeof(*out));
	if (e)
		return e;
	if (getifaddrs(&all) < 0)
		return ERR_SYSTEM;
	for (const struct ifaddrs *i = all; i && out->n < OWN_ADDRESS_MAX; i = i->ifa_next)
		out->n += take_row(i, own, &tunnels, &out->list[out->n]);
	freeifaddrs(all);
	return ERR_OK;
}

static bool same_row(const struct own_address *a, const struct own_address *b)
{
	return a->interface == b->interface && a->running == b->running && a->tunnel == b->tunnel &&
	       addr_equal(&a->addr, &b->addr);
}

bool own_address_same(const struct own_addresses *a, const struct own_addresses *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_row(&a->list[i], &b->list[i]))
			return false;
	return true;
}

bool own_address_has(const struct own_addresses *a, const struct addr *addr)
{
	for (size_t i = 0; i < a->n; i++)
		if (addr_equal(&a->list[i].addr, addr))
			return true;
	return false;
}

/* --- candidates --- */

static size_t add(struct endpoint *out, size_t n, size_t max, struct endpoint e)
{
	for (size_t i = 0; i < n; i++)
		if (endpoint_equal(&out[i], &e))
			return n;
	if (n < max)
		out[n++] = e;
	return n;
}

static bool is_any(const struct addr *a)
{
	static const struct addr any4 = { .family = AF_INET }, any6 = { .family = AF_INET6 };

	return addr_equal(a, &any4) || addr_equal(a, &any6);
}

/* May a socket that is bound to every address of its family be reached at this one? */
static bool is_candidate(const struct own_address *a, const struct prefix pools[2])
{
	for (unsigned i = 0; pools && i < 2; i++)
		if (pools[i].addr.family && prefix_contains(&pools[i], &a->addr))
			return false;
	return a->running && !a->tunnel && !addr_is_special(&a->addr) && !is_link_local(&a->addr);
}

/* The addresses at which one UDP socket is reached. */
static size_t add_socket(const struct own_addresses *a, const struct endpoint *socket,
			 bool discovery, const struct prefix pools[2], struct endpoint *out,
			 size_t n, size_t max)
{
	if (!is_any(&socket->addr))
		return addr_is_special(&socket->addr) ? n : add(out, n, max, *socket);
	for (size_t i = 0; discovery && i < a->n; i++)
		if (a->list[i].addr.family == socket->addr.family &&
		    is_candidate(&a->list[i], pools))
			n = add(out, n, max,
				(struct endpoint){ .addr = a->list[i].addr, .port = socket->port });
	return n;
}

size_t own_address_candidates(const struct own_addresses *a, const struct spoke_config *cfg,
			      const struct prefix pools[2], struct endpoint *out, size_t max)
{
	char host[HOSTPORT_HOST_SIZE];
	struct endpoint e = { 0 };
	size_t n = 0;

	if (cfg->path_policy == PATH_POLICY_HUB_ONLY)
		return 0;
	for (unsigned i = 0; i < cfg->n_udp; i++)
		n = add_socket(a, &cfg->udp[i], cfg->local_discovery, pools, out, n, max);
	for (unsigned i = 0; i < cfg->own.n_addresses; i++)
		if (hostport_split(cfg->own.addresses[i], cfg->port, host, &e.port) == ERR_OK &&
		    addr_parse(host, &e.addr) == ERR_OK && !addr_is_special(&e.addr))
			n = add(out, n, max, e);
	return n;
}
