/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * The monitor: the parent process, and the only privileged code. It opens the TUN device and the
 * sockets, forks the workers, keeps them connected with each other, restarts one that died (after
 * 100 ms, doubling to 5 s while it keeps dying), sets addresses and routes, runs scripts. It reads
 * nothing from the network. It is the parent of everything, so that nothing is left when it ends.
 */
#include "shared/monitor/key_files.h"
#include "shared/monitor/worker.h"

#define MONITOR_LISTEN_MAX 8u

struct monitor_params {
	const char *program; /* "branchline-hub" */
	const char *net;     /* network name: NETNAME of scripts */
	const char *node;    /* our node name: NAME of scripts */
	const char *user; /* unprivileged user of the workers; must exist unless we are not root */
	const char *interface; /* TUN interface name; at most 15 bytes */
	const char *device; /* "/dev/net/tun"; "none" for no interface (a hub that only relays) */
	bool vnet_hdr;      /* ask for IFF_VNET_HDR and offloads; fallback without */
	uint16_t mtu;       /* first MTU of the interface */
	struct endpoint udp[WORKER_UDP_SOCKETS_MAX]; /* to bind: [::]:6655 and 0.0.0.0:6655 (IPv6
							ones are V6ONLY) */
	unsigned n_udp;
	struct endpoint *udp_bound; /* gets `udp` with the ports that were chosen where one is 0,
				       before any worker starts; NULL: nobody asks */
	struct endpoint nat_udp[WORKER_UDP_SOCKETS_MAX]; /* the hub's second port; does without */
	unsigned n_nat_udp;
	/* Of the data plane: the engine and workers - 1 movers, 1..WORKERS_MAX; 0 is 1. More than
	 * 1: as many TUN queues and sockets of each address of `udp`, one a worker. */
	unsigned workers;
	struct endpoint tcp[MONITOR_LISTEN_MAX]; /* the hub's link */
	unsigned n_tcp;
	struct endpoint https[MONITOR_LISTEN_MAX]; /* the hub's API */
	unsigned n_https;
	const char
		*unix_path; /* status or API socket, NULL none; mode 0660, root and `unix_group` */
	const char *unix_group;     /* NULL: root only */
	enum worker_role unix_role; /* who gets it */
	uint32_t fwmark;            /* SO_MARK of tunnels and links, not of HTTPS; 0 none */
	const char *bind_interface; /* SO_BINDTODEVICE of the same, NULL none */
	const char *script_dir;     /* folder of tinc-up and its like */
	struct key_files keys;      /* those that workers may replace */
	const char *pidfile;        /* NULL none */
	int ready_fd; /* of launch_daemonize(): gets one byte and is closed once every worker has
			 started; 0 none */
	const struct worker_role_ops *const *roles; /* NULL-terminated */
	void *config;                               /* handed to load() */
	/* SIGHUP: takes over into `config` what may change, as the workers do, so that one that is
	 * started again begins with what the others have. What is wrong with it they say. May be
	 * NULL. */
	void (*reload)(void *config);
};

/* Runs until SIGTERM or SIGINT; returns the exit code of the daemon (0 orderly, 1 could not start;
 * the reason is logged). */
int monitor_run(const struct monitor_params *p);
