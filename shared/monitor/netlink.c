/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define REQUEST_BYTES 512u  /* the largest request here is about 100 bytes */
#define REPLY_BYTES   8192u /* an acknowledgement, capped (NETLINK_CAP_ACK), with its text */
#define REPLIES_MAX   16u   /* late answers to requests that timed out, passed over before ours */

struct netlink {
	struct mnl_socket *sock;
	uint32_t port; /* our netlink address */
	uint32_t seq;
	unsigned index;
	char text[160];
};

/* One request being built. */
struct request {
	char mem[REQUEST_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nlh;
};

enum err netlink_open(unsigned index, struct netlink **out)
{
	struct timeval tv = { .tv_sec = NETLINK_TIMEOUT_MS / 1000 };
	int on = 1;
	struct netlink *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return ERR_NOMEM;
	nl->index = index;
	nl->sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl->sock || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) != 0 ||
	    setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) !=
		    0) {
		netlink_close(nl);
		return ERR_SYSTEM;
	}
	/* Only for better error texts; old kernels do without. */
	(void)mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &on, sizeof(on));
	nl->port = mnl_socket_get_portid(nl->sock);
	*out = nl;
	return ERR_OK;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	if (nl->sock)
		mnl_socket_close(nl->sock);
	free(nl);
}

const char *netlink_text(const struct netlink *nl) { return nl->text; }

/* Starts a request; `extra` is the fixed header behind the netlink header, zeroed. */
static void *begin(struct request *r, uint16_t type, uint16_t flags, size_t extra)
{
	memset(r->mem, 0, sizeof(r->mem));
	r->nlh = mnl_nlmsg_put_header(r->mem);
	r->nlh->nlmsg_type = type;
	r->nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	return mnl_nlmsg_put_extra_header(r->nlh, extra);
}

static int find_words(const struct nlattr *attr, void *arg)
{
	const char **words = arg;

	if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG ||
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) != 0)
		return MNL_CB_OK;
	*words = mnl_attr_get_str(attr);
	return MNL_CB_STOP;
}

/* The kernel's own words behind a capped error, or NULL. */
static const char *kernel_words(const struct nlmsghdr *nlh)
{
	const char *words = NULL;

	if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) && (nlh->nlmsg_flags & NLM_F_CAPPED))
		(void)mnl_attr_parse(nlh, sizeof(struct nlmsgerr), find_words, &words);
	return words;
}

/* The verdict of an NLMSG_ERROR message: 0 or an errno value. Fills the text. */
static int verdict(struct netlink *nl, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	const char *words;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
		return EBADMSG;
	if (err->error == 0)
		return 0;
	words = kernel_words(nlh);
	snprintf(nl->text, sizeof(nl->text), "RTNETLINK: %s%s%s", strerror(-err->error),
		 words ? ": " : "", words ? words : "");
	return -err->error;
}

/*
 * Looks for the answer to our present request in what was received; false when it is not in there.
 */
static bool find_verdict(struct netlink *nl, const char *mem, size_t len, int *result)
{
	int left = (int)len;

	for (const struct nlmsghdr *nlh = (const void *)mem; mnl_nlmsg_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq != nl->seq ||
		    nlh->nlmsg_pid != nl->port)
			continue;
		*result = verdict(nl, nlh);
		return true;
	}
	return false;
}

/* Sends the request and waits for its acknowledgement. Returns 0 or an errno value. */
static int talk(struct netlink *nl, struct request *r)
{
	char reply[REPLY_BYTES] __attribute__((aligned(8)));
	int result;

	nl->text[0] = '\0';
	r->nlh->nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->sock, r->nlh, r->nlh->nlmsg_len) < 0)
		goto failed;
	for (unsigned i = 0; i < REPLIES_MAX; i++) {
		ssize_t n = mnl_socket_recvfrom(nl->sock, reply, sizeof(reply));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto failed;
		if (find_verdict(nl, reply, (size_t)n, &result))
			return result;
	}
	errno = ETIMEDOUT;
failed:
	result = errno == EAGAIN ? ETIMEDOUT : errno;
	snprintf(nl->text, sizeof(nl->text), "RTNETLINK: %s", strerror(result));
	return result;
}

static struct ifinfomsg *begin_link(struct netlink *nl, struct request *r)
{
	struct ifinfomsg *ifi = begin(r, RTM_NEWLINK, 0, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = (int)nl->index;
	return ifi;
}

/*
 * Keeps the kernel from giving the interface a link-local IPv6 address and from soliciting routers
 * through the tunnel. A kernel without IPv6 refuses: then there is nothing to keep it from.
 */
static void no_link_local(struct netlink *nl)
{
	struct request r;
	struct nlattr *spec, *inet6;

	(void)begin_link(nl, &r);
	spec = mnl_attr_nest_start(r.nlh, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(r.nlh, AF_INET6);
	mnl_attr_put_u8(r.nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(r.nlh, inet6);
	mnl_attr_nest_end(r.nlh, spec);
	(void)talk(nl, &r);
}

enum err netlink_link_up(struct netlink *nl, uint16_t mtu, uint32_t tx_queue_packets)
{
	struct request r;
	struct ifinfomsg *ifi;

	no_link_local(nl);
	ifi = begin_link(nl, &r);
	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	mnl_attr_put_u32(r.nlh, IFLA_MTU, mtu);
	mnl_attr_put_u32(r.nlh, IFLA_TXQLEN, tx_queue_packets);
	return err_from_errno(talk(nl, &r));
}

enum err netlink_set_mtu(struct netlink *nl, uint16_t mtu)
{
	struct request r;

	(void)begin_link(nl, &r);
	mnl_attr_put_u32(r.nlh, IFLA_MTU, mtu);
	return err_from_errno(talk(nl, &r));
}

static int address(struct netlink *nl, const struct addr *a, uint16_t type, uint16_t flags)
{
	struct request r;
	struct ifaddrmsg *ifa = begin(&r, type, flags, sizeof(*ifa));
	uint32_t ifa_flags = IFA_F_NOPREFIXROUTE | (a->family == AF_INET6 ? IFA_F_NODAD : 0);

	ifa->ifa_family = a->family;
	ifa->ifa_prefixlen = (uint8_t)addr_bits(a);
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = nl->index;
	mnl_attr_put(r.nlh, IFA_LOCAL, addr_len(a), a->b);
	mnl_attr_put(r.nlh, IFA_ADDRESS, addr_len(a), a->b);
	mnl_attr_put_u32(r.nlh, IFA_FLAGS, ifa_flags);
	return talk(nl, &r);
}

enum err netlink_add_address(struct netlink *nl, const struct addr *a)
{
	int r = address(nl, a, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);

	return r == EEXIST ? ERR_OK : err_from_errno(r);
}

enum err netlink_del_address(struct netlink *nl, const struct addr *a)
{
	int r = address(nl, a, RTM_DELADDR, 0);

	return r == EADDRNOTAVAIL || r == ENODEV ? ERR_OK : err_from_errno(r);
}

static int route(struct netlink *nl, const struct prefix *p, const struct addr *source,
		 uint16_t type, uint16_t flags)
{
	struct request r;
	struct rtmsg *rtm = begin(&r, type, flags, sizeof(*rtm));

	rtm->rtm_family = p->addr.family;
	rtm->rtm_dst_len = p->len;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = NETLINK_ROUTE_PROTOCOL;
	rtm->rtm_scope = p->addr.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put(r.nlh, RTA_DST, addr_len(&p->addr), p->addr.b);
	mnl_attr_put_u32(r.nlh, RTA_OIF, nl->index);
	mnl_attr_put_u32(r.nlh, RTA_PRIORITY, NETLINK_ROUTE_METRIC);
	if (source && source->family == p->addr.family)
		mnl_attr_put(r.nlh, RTA_PREFSRC, addr_len(source), source->b);
	return talk(nl, &r);
}

/*
 * NLM_F_REPLACE would take over whatever route comes first with this prefix and metric, also
 * somebody else's. So: create exclusively; when one is in the way, delete ours by its interface and
 * protocol, and try once more. What is then still in the way is not ours.
 */
enum err netlink_add_route(struct netlink *nl, const struct prefix *p, const struct addr *source)
{
	int r = route(nl, p, source, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);

	if (r != EEXIST)
		return err_from_errno(r);
	if (route(nl, p, NULL, RTM_DELROUTE, 0) == 0)
		r = route(nl, p, source, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	if (r == EEXIST)
		snprintf(nl->text, sizeof(nl->text), "another route with metric %u has this prefix",
			 NETLINK_ROUTE_METRIC);
	return err_from_errno(r);
}

enum err netlink_del_route(struct netlink *nl, const struct prefix *p)
{
	int r = route(nl, p, NULL, RTM_DELROUTE, 0);

	return r == ESRCH || r == ENODEV ? ERR_OK : err_from_errno(r);
}
