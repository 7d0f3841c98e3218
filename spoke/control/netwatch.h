/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * netwatch: tells when the ground under our paths has changed: this machine's addresses, its
 * default route, or time that went by without us (suspend). By events of the kernel, never by
 * asking.
 *
 *   1. netwatch_open()    needs no rights, but is done while there are some
 *   2. netwatch_start()   changed() may come from here on
 *   3. netwatch_close()
 *
 * Timer: NETWATCH_SETTLE_MS after the first event, and not sooner than NETWATCH_AGAIN_MS after the
 * last callback, what happened is told in one go.
 */
#include <stddef.h>

#include "shared/loop/loop.h"

#define NETWATCH_SETTLE_MS 200u
#define NETWATCH_AGAIN_MS  1000u
/* The wall clock went ahead of the monotonic one by more than this: the machine has slept. */
#define NETWATCH_SLEPT_MS 3000

enum netwatch_what {
	NETWATCH_ADDRESS = 1 << 0, /* an address or interface came, went or changed; perhaps one
				      that does not matter */
	NETWATCH_ROUTE = 1 << 1,   /* a default route outside of our tunnel came or went */
	NETWATCH_SLEPT = 1 << 2,
};

struct netwatch {
	struct loop *loop;
	int netlink, clock; /* -1 closed */
	struct loop_fd on_netlink, on_clock;
	struct timer settle;
	unsigned happened; /* enum netwatch_what, not told yet */
	uint64_t told_ms;
	int64_t offset_ms;  /* of the wall clock to the monotonic one */
	const char *tunnel; /* our own interface, whose routes do not count */
	void (*changed)(struct netwatch *w, unsigned what);
};

/* Opens the descriptors. ERR_SYSTEM: nothing will be told; the struct is as good as closed. */
enum err netwatch_open(struct netwatch *w) must_check;
enum err netwatch_start(struct netwatch *w, struct loop *l, const char *tunnel,
			void (*changed)(struct netwatch *w, unsigned what)) must_check;
/* Harmless when it is closed or was never started. */
void netwatch_close(struct netwatch *w);

/* Pure: what messages of the kernel mean. `tunnel` is the index of our own interface, 0 none. */
unsigned netwatch_judge(const void *messages, size_t len, unsigned tunnel);
/* Pure: has the machine slept between two looks at the offset of the clocks? */
bool netwatch_slept(int64_t before_ms, int64_t now_ms);
