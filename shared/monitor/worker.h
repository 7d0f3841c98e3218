/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * What a worker is given when the monitor starts it. The monitor forks; the child calls its `load`
 * while it still has the rights to read its key files, then loses them (sandbox), then runs `main`
 * on its own loop.
 */
#include <sys/types.h>

#include "shared/ipc/channel.h"
#include "shared/ipc/monitor_msg.h"
#include "shared/loop/loop.h"

#define WORKER_UDP_SOCKETS_MAX 4u
#define WORKER_LISTENERS_MAX   8u
/* Open files of a worker that are no connections: databases, log, channels, listeners. */
#define WORKER_FILES_RESERVED 64u

/* Lines of one kind in a dump to the log; the others are only counted. */
#define WORKER_DUMP_LINES_MAX 200u

/* Descriptors that the monitor opened. -1 where there is none. A worker gets only those of its
 * role. */
struct worker_fds {
	int tun;           /* engine */
	int tun_bulk;      /* engine: the device's second queue, see shared/tunnel/tun.h */
	bool tun_vnet_hdr; /* IFF_VNET_HDR is on: every packet has a 10-byte struct virtio_net_hdr
			      before it */
	int udp[WORKER_UDP_SOCKETS_MAX]; /* engine; bound, non-blocking */
	unsigned n_udp;
	int nat_udp[WORKER_UDP_SOCKETS_MAX]; /* engine of the hub: at its second port */
	unsigned n_nat_udp;
	int listen_tcp[WORKER_LISTENERS_MAX]; /* control on the hub */
	unsigned n_listen_tcp;
	int listen_unix;                        /* hub: api; spoke: control (status socket) */
	int listen_https[WORKER_LISTENERS_MAX]; /* api */
	unsigned n_listen_https;
};

struct worker {
	enum worker_role role;
	struct loop *loop;
	struct channel *monitor;                    /* to the monitor */
	struct channel *siblings[WORKER_ROLES_MAX]; /* by role; NULL while that one is away */
	struct channel *carrier; /* engine and control: their channel for packets (carrier_msg.h);
				    NULL while the other is away */
	struct worker_fds fds;
	void *state; /* the role's own */
	const struct worker_role_ops *ops;
};

/* What hub and spoke provide for each role. All callbacks run in the worker's process. */
struct worker_role_ops {
	enum worker_role role;
	const char *name; /* "engine", "control", "api": in the log and in /proc/PID/comm */
	unsigned calls;   /* beyond those of every worker: enum filter_calls */
	/* Before the rights are dropped: read keys and files. `config` is what was given to
	 * monitor_run(). Returns the state for the others. */
	enum err (*load)(void *config, void **state);
	/* After the rights are dropped: set up everything on w->loop, and load what libraries load
	 * late. Then the system calls are limited to `calls`, and loop_run() is called. */
	enum err (*start)(struct worker *w);
	/* A sibling is there (again): its channel is in w->siblings[role]. Comes also for those
	 * present at the start, after start(). */
	void (*sibling_up)(struct worker *w, enum worker_role role);
	void (*sibling_down)(struct worker *w, enum worker_role role);
	/* A message of a sibling, or of the monitor (role 0) other than MONITOR_LINK. */
	void (*message)(struct worker *w, enum worker_role from, uint16_t type, struct cursor *body,
			int fd);
	/* w->carrier has come, with all that goes over it to be told again; has gone (it is NULL);
	 * has a message. All three or none; none: the worker does not want it. */
	void (*carrier_up)(struct worker *w);
	void (*carrier_down)(struct worker *w);
	void (*carrier_message)(struct worker *w, uint16_t type, struct cursor *body);
	/* SIGHUP was passed on: read again what may change. May be NULL. */
	void (*reload)(struct worker *w);
	/* A signal came to the monitor that wants something of the network. May be NULL. */
	void (*wish)(struct worker *w, enum monitor_wish wish);
	/* SIGTERM: end orderly, then loop_stop(). NULL: stop at once. */
	void (*stop)(struct worker *w);
	void (*fini)(struct worker *w);
};

struct sandbox_user;

/* What the monitor hands to a process that it has just forked. */
struct worker_start {
	const char *program;
	const struct worker_role_ops *ops;
	const struct sandbox_user *user; /* whom to become */
	struct worker_fds fds;           /* of this role only */
	int monitor_fd;                  /* this end of the channel to the monitor */
	pid_t monitor_pid;               /* to notice that it is gone already */
	void *config;
};

/*
 * The life of a worker: closes every other descriptor, load(), drops all rights, start(),
 * MONITOR_READY, loop_run(), fini(). Returns the exit code of the process: 0 orderly, 1 failed
 * (logged). Called by the monitor's child only.
 */
int worker_run(const struct worker_start *s) must_check;
/*
 * How many connections, of those `wanted`, a worker may have at the same time: the limit of open
 * files (RLIMIT_NOFILE) as it is now, less WORKER_FILES_RESERVED, so that the database and a log
 * that is opened again find a descriptor however many connections there are. Half of a limit that
 * is very low. To be asked before the system call filter is on.
 */
unsigned worker_connections_max(unsigned wanted);
