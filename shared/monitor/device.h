/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * device: the TUN interface. It, its addresses and its routes exist for as long as a descriptor of
 * it is open.
 */
#include <net/if.h>
#include <stdbool.h>

#include "shared/base/err.h"

/*
 * Txqueuelen of each queue: the kernel's default for TUN, said aloud since latency depends on it.
 * It counts packets, super-packets of 64 KiB like others: few enough of those for a short wait
 * would be too few for a burst of small ones. So those that wait badly have a queue of their own.
 */
#define DEVICE_TX_QUEUE_PACKETS 500u
#define DEVICE_VNET_HDR_BYTES   10 /* struct virtio_net_hdr without num_buffers */

struct device {
	int fd;              /* non-blocking, close-on-exec; -1 when not open */
	char name[IFNAMSIZ]; /* as the kernel has it */
	unsigned index;      /* interface index */
	bool vnet_hdr;       /* each packet has DEVICE_VNET_HDR_BYTES before it */
};

/*
 * True for a name that the kernel takes for one interface: 1 to 15 bytes of [A-Za-z0-9_.-], not "."
 * or "..", no '%'.
 */
bool device_name_is_valid(const char *name);

/*
 * Opens `path` (normally /dev/net/tun) and makes, or attaches to, the interface `name` as TUN
 * without packet information. With `want_vnet_hdr` IFF_VNET_HDR is asked for, and left out when the
 * kernel does not have it; all offloads are off. The interface is down. Logs why it failed.
 * ERR_INVALID (name), ERR_NOTFOUND (no TUN driver), ERR_BUSY (name in use), ERR_SYSTEM.
 */
enum err device_open(const char *path, const char *name, bool want_vnet_hdr,
		     struct device *out) must_check;
/*
 * The same with 1 + `n_more` queues, for as many workers, or for two kinds of traffic: the first is
 * out->fd, the others go to `more`. The kernel gives each flow to the queue that its packets last
 * came from. With `n_more` 0
 * there is no IFF_MULTI_QUEUE. On failure nothing stays open.
 */
enum err device_open_queues(const char *path, const char *name, bool want_vnet_hdr,
			    struct device *out, int *more, unsigned n_more) must_check;
/* Closes; harmless when not open. */
void device_close(struct device *d);
