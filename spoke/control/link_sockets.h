/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * link_sockets: TCP sockets to dial the hub with, where FWMark, BindToInterface or BindToAddress
 * say something of them. Only the monitor has the right to mark one, so a few are kept ready: the
 * first are made in load(), and for each that is used another one is asked for.
 */
#include "shared/ipc/channel.h"
#include "shared/ipc/monitor_msg.h"
#include "spoke/config.h"

#define LINK_SOCKETS_READY 2u /* of each family */

struct link_sockets {
	struct channel *const *monitor; /* NULL until link_sockets_start() */
	bool wanted;
	struct {
		int fds[LINK_SOCKETS_READY];
		unsigned n, asked; /* ready, and asked for without an answer yet */
	} of[2];                   /* IPv4, IPv6 */
};

/* In load(), with the right to do so. */
void link_sockets_init(struct link_sockets *s, const struct spoke_config *cfg);
void link_sockets_start(struct link_sockets *s, struct channel *const *monitor);
void link_sockets_fini(struct link_sockets *s);
/* A `stream_socket`: `arg` is the struct link_sockets. EAGAIN: the monitor has not answered yet. */
int link_sockets_make(void *arg, int family);
/* MONITOR_SOCKET_MADE; the descriptor is taken over and set to -1. */
enum err link_sockets_take(struct link_sockets *s, const struct monitor_done *m,
			   int *fd) must_check;
