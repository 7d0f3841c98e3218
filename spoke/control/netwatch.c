/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/netwatch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/clock.h"

#define READ_BYTES 16384u

/* --- judging --- */

/* The way out of a route, into `*arg` (unsigned). */
static int note_oif(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == RTA_OIF && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*(unsigned *)arg = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/* A default route of the main table, whose way out is not our own tunnel. */
static bool is_default_route(const struct nlmsghdr *nlh, unsigned tunnel)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
	unsigned oif = 0;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rt) || rt->rtm_dst_len != 0 ||
	    rt->rtm_table != RT_TABLE_MAIN || rt->rtm_type != RTN_UNICAST ||
	    mnl_attr_parse(nlh, sizeof(*rt), note_oif, &oif) < 0)
		return false;
	return !oif || oif != tunnel;
}

unsigned netwatch_judge(const void *messages, size_t len, unsigned tunnel)
{
	const struct nlmsghdr *nlh = messages;
	int left = (int)len;
	unsigned what = 0;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		switch (nlh->nlmsg_type) {
		case RTM_NEWADDR:
		case RTM_DELADDR:
		case RTM_NEWLINK:
		case RTM_DELLINK:
			what |= NETWATCH_ADDRESS;
			break;
		case RTM_NEWROUTE:
		case RTM_DELROUTE:
			if (is_default_route(nlh, tunnel))
				what |= NETWATCH_ROUTE;
			break;
		default:
			break;
		}
	}
	return what;
}

bool netwatch_slept(int64_t before_ms, int64_t now_ms)
{
	return now_ms - before_ms > NETWATCH_SLEPT_MS;
}

/* --- descriptors --- */

/* How far the wall clock is ahead of the one that stands still while the machine sleeps. */
static int64_t clock_offset_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return clock_wall_ms() - ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* A timer that never fires: what counts is that it is cancelled when the wall clock jumps, as it
 * does after a sleep. */
static bool arm_clock(int fd)
{
	const struct itimerspec never = { .it_value.tv_sec = 1ll << 40 };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) == 0;
}

enum err netwatch_open(struct netwatch *w)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK,
				  .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
					       RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
					       RTMGRP_IPV6_ROUTE };

	memset(w, 0, sizeof(*w));
	w->on_netlink.fd = w->on_clock.fd = -1;
	w->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	w->clock = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->netlink >= 0 && w->clock >= 0 && arm_clock(w->clock) &&
	    bind(w->netlink, (struct sockaddr *)&at, sizeof(at)) == 0)
		return ERR_OK;
	netwatch_close(w);
	return ERR_SYSTEM;
}

static void note(struct netwatch *w, unsigned what)
{
	uint64_t now_ms = loop_now_ms(w->loop), at_ms = now_ms + NETWATCH_SETTLE_MS;

	if (!what)
		return;
	w->happened |= what;
	if (timer_armed(&w->settle))
		return;
	if (w->told_ms && w->told_ms + NETWATCH_AGAIN_MS > at_ms)
		at_ms = w->told_ms + NETWATCH_AGAIN_MS;
	timer_arm(loop_timers(w->loop), &w->settle, at_ms);
}

static void settled(struct timer *t, uint64_t now_ms)
{
	struct netwatch *w = container_of(t, struct netwatch, settle);
	unsigned what = w->happened;

	w->happened = 0;
	w->told_ms = now_ms;
	w->changed(w, what);
}

/* Reads all that is there. Lost messages (ENOBUFS) may have been about anything. */
static void netlink_ready(struct loop_fd *f, uint32_t events)
{
	static char mem[READ_BYTES] __attribute__((aligned(8)));
	struct netwatch *w = container_of(f, struct netwatch, on_netlink);
	unsigned tunnel = if_nametoindex(w->tunnel), what = 0;

	(void)events;
	for (;;) {
		struct sockaddr_nl from;
		socklen_t len = sizeof(from);
		ssize_t n =
			recvfrom(w->netlink, mem, sizeof(mem), 0, (struct sockaddr *)&from, &len);

		if (n < 0 && errno == ENOBUFS) {
			what |= NETWATCH_ADDRESS | NETWATCH_ROUTE;
			continue;
		}
		if (n <= 0)
			break;
		if (len == sizeof(from) && from.nl_pid == 0) /* of the kernel */
			what |= netwatch_judge(mem, (size_t)n, tunnel);
	}
	note(w, what);
}

static void clock_ready(struct loop_fd *f, uint32_t events)
{
	struct netwatch *w = container_of(f, struct netwatch, on_clock);
	int64_t offset_ms = clock_offset_ms();
	uint64_t ticks;

	(void)events;
	if (read(w->clock, &ticks, sizeof(ticks)) < 0 && errno != ECANCELED)
		return;
	arm_clock(w->clock);
	if (netwatch_slept(w->offset_ms, offset_ms))
		note(w, NETWATCH_SLEPT);
	w->offset_ms = offset_ms;
}

enum err netwatch_start(struct netwatch *w, struct loop *l, const char *tunnel,
			void (*changed)(struct netwatch *w, unsigned what))
{
	enum err e;

	if (w->netlink < 0)
		return ERR_SYSTEM;
	w->loop = l;
	w->tunnel = tunnel;
	w->changed = changed;
	w->settle.fire = settled;
	w->offset_ms = clock_offset_ms();
	e = loop_fd_add(l, &w->on_netlink, w->netlink, EPOLLIN, netlink_ready);
	return e ? e : loop_fd_add(l, &w->on_clock, w->clock, EPOLLIN, clock_ready);
}

void netwatch_close(struct netwatch *w)
{
	if (w->loop) {
		timer_disarm(loop_timers(w->loop), &w->settle);
		loop_fd_del(w->loop, &w->on_netlink);
		loop_fd_del(w->loop, &w->on_clock);
	}
	if (w->netlink >= 0)
		close(w->netlink);
	if (w->clock >= 0)
		close(w->clock);
	w->netlink = w->clock = -1;
	w->loop = NULL;
}
