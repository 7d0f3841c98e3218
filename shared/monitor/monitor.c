/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 *     RUNNING --SIGTERM, or a failed start--> WORKERS_END --all gone--> SCRIPTS_END --idle--> end
 *
 * Timers: in SCRIPTS_END, HURRY_MS after its begin, what is not tinc-down is dropped and killed. In
 * every phase, at half of the time that the service manager's watchdog allows, a sign of life.
 */
#include "shared/monitor/monitor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/base/resident.h"
#include "shared/monitor/children.h"
#include "shared/monitor/device.h"
#include "shared/monitor/netlink.h"
#include "shared/monitor/network.h"
#include "shared/monitor/notify.h"
#include "shared/monitor/pidfile.h"
#include "shared/monitor/requests.h"
#include "shared/monitor/sandbox.h"
#include "shared/monitor/scripts.h"
#include "shared/monitor/sockets.h"
#include "shared/wire/limits.h"

#define HURRY_MS 5000u
/* What waits for who follows the log: some hundred lines. */
#define LOG_TAP_ROOM_BYTES (1 << 20)
/* Signals that make workers write to the log. */
#define WISHES_BURST    4u
#define WISHES_EVERY_MS 1000u

_Static_assert(MONITOR_LISTEN_MAX == WORKER_LISTENERS_MAX,
	       "every listener asked for has its place at a worker");

enum phase { PHASE_RUNNING, PHASE_WORKERS_END, PHASE_SCRIPTS_END };

struct monitor {
	const struct monitor_params *p;
	enum phase phase;
	int code;     /* exit code, once the phase is not RUNNING */
	int ready_fd; /* 0 none */
	int pidfile_fd;
	struct sandbox_user user;
	struct endpoint udp[WORKER_UDP_SOCKETS_MAX]; /* p->udp with the ports that were chosen */
	struct device device;
	struct worker_fds fds; /* all but the movers'; fds.tun is device.fd */
	struct worker_fds mover_fds[WORKERS_MAX - 1];
	unsigned n_movers;
	struct loop *loop;
	struct netlink *netlink;
	struct network *network;
	struct scripts *scripts;
	struct children *children;
	struct requests requests;
	struct loop_later begin;
	struct timer hurry;
	struct timer watchdog;
	struct log_limit wishes; /* what signals may ask of the workers */
	uint64_t watchdog_ms;    /* 0: nobody watches */
	bool ready;              /* every worker was up once */
};

/* --- opening ---------------------------------------------------------------------------------- */

static bool has_net_admin(void)
{
	cap_flag_value_t v = CAP_CLEAR;
	cap_t caps = cap_get_proc();
	bool has =
		caps && cap_get_flag(caps, CAP_NET_ADMIN, CAP_EFFECTIVE, &v) == 0 && v == CAP_SET;

	cap_free(caps);
	return has;
}

static enum err check_rights(struct monitor *m)
{
	enum err e;

	if (geteuid() != 0 || !has_net_admin()) {
		log_error("%s must be started as root, with CAP_NET_ADMIN", m->p->program);
		return ERR_DENIED;
	}
	e = sandbox_find_user(m->p->user, &m->user);
	if (e == ERR_NOTFOUND)
		log_error("there is no user \"%s\" for the worker processes", m->p->user);
	else if (e != ERR_OK)
		log_error("user \"%s\" has root's rights: the worker processes need one without",
			  m->p->user);
	return e;
}

static enum err open_pidfile(struct monitor *m)
{
	pid_t other;
	enum err e;

	if (!m->p->pidfile)
		return ERR_OK;
	e = pidfile_open(m->p->pidfile, &m->pidfile_fd, &other);
	if (e == ERR_BUSY)
		log_error("already running as pid %ld", (long)other);
	else if (e != ERR_OK)
		log_error("cannot write %s: %s", m->p->pidfile, err_str(e));
	return e;
}

static bool has_device(const struct monitor *m) { return strcmp(m->p->device, "none") != 0; }

/*
 * How many queues the device has beside the first: one for each mover; else one for bulk. An
 * interface that is there already has as many as it was made with, so it is not asked for more.
 */
static unsigned more_queues(const struct monitor *m)
{
	if (m->n_movers)
		return m->n_movers;
	return m->p->vnet_hdr && if_nametoindex(m->p->interface) == 0;
}

static enum err open_device(struct monitor *m)
{
	int queues[WORKERS_MAX - 1];
	unsigned n_more;
	enum err e;

	if (!has_device(m))
		return ERR_OK;
	n_more = more_queues(m);
	e = device_open_queues(m->p->device, m->p->interface, m->p->vnet_hdr, &m->device, queues,
			       n_more);
	if (e != ERR_OK)
		return e;
	if (n_more > m->n_movers)
		m->fds.tun_bulk = queues[0];
	for (unsigned i = 0; i < m->n_movers; i++) {
		m->mover_fds[i].tun = queues[i];
		m->mover_fds[i].tun_vnet_hdr = m->device.vnet_hdr;
	}
	m->fds.tun = m->device.fd;
	m->fds.tun_vnet_hdr = m->device.vnet_hdr;
	e = netlink_open(m->device.index, &m->netlink);
	if (e != ERR_OK) {
		log_error("cannot open a netlink socket: %s", strerror(errno));
		return e;
	}
	e = netlink_link_up(m->netlink, m->p->mtu, DEVICE_TX_QUEUE_PACKETS);
	if (e != ERR_OK)
		log_error("cannot set interface %s up: %s", m->device.name,
			  netlink_text(m->netlink));
	return e;
}

/* Only spokes' knowledge of their NAT hangs on these: the hub goes on without. */
static void open_nat_sockets(struct monitor *m)
{
	const struct monitor_params *p = m->p;
	const struct sockets_options o = { .fwmark = p->fwmark,
					   .bind_interface = p->bind_interface };
	struct endpoint at[WORKER_UDP_SOCKETS_MAX];

	memcpy(at, p->nat_udp, sizeof(at));
	if (p->n_nat_udp &&
	    sockets_open_udp(at, p->n_nat_udp, &o, m->fds.nat_udp, &m->fds.n_nat_udp) != ERR_OK) {
		m->fds.n_nat_udp = 0;
		log_warn("without this port spokes cannot find out how their NATs work; NATPort in "
			 "hub.conf names another, or 0 for none");
	}
}

static enum err open_sockets(struct monitor *m)
{
	const struct monitor_params *p = m->p;
	const struct sockets_options udp = { .fwmark = p->fwmark,
					     .bind_interface = p->bind_interface,
					     .shared = m->n_movers > 0 };
	const struct sockets_options tcp = { .fwmark = p->fwmark,
					     .bind_interface = p->bind_interface };
	const struct sockets_options https = { 0 };
	struct worker_fds *f = &m->fds;
	enum err e;

	BUG_ON(p->n_udp > WORKER_UDP_SOCKETS_MAX || p->n_tcp > MONITOR_LISTEN_MAX ||
	       p->n_https > MONITOR_LISTEN_MAX);
	memcpy(m->udp, p->udp, sizeof(m->udp));
	if ((e = sockets_open_udp(m->udp, p->n_udp, &udp, f->udp, &f->n_udp)) != ERR_OK)
		return e;
	if (p->udp_bound)
		memcpy(p->udp_bound, m->udp, p->n_udp * sizeof(m->udp[0]));
	for (unsigned i = 0; i < m->n_movers; i++)
		if ((e = sockets_open_udp(m->udp, p->n_udp, &udp, m->mover_fds[i].udp,
					  &m->mover_fds[i].n_udp)) != ERR_OK)
			return e;
	open_nat_sockets(m);
	e = sockets_open_tcp(p->tcp, p->n_tcp, &tcp, f->listen_tcp, &f->n_listen_tcp);
	if (e == ERR_OK)
		e = sockets_open_tcp(p->https, p->n_https, &https, f->listen_https,
				     &f->n_listen_https);
	if (e != ERR_OK)
		return e;
	return p->unix_path ? sockets_open_unix(p->unix_path, p->unix_group, &f->listen_unix)
			    : ERR_OK;
}

/* --- what control asks of us ------------------------------------------------------------------ */

static enum err open_udp_at(struct monitor *m, struct endpoint *list, struct worker_fds *fresh)
{
	const struct sockets_options o = { .fwmark = m->p->fwmark,
					   .bind_interface = m->p->bind_interface,
					   .shared = m->n_movers > 0 };
	enum err e = ERR_OK;

	for (unsigned i = 0; i <= m->n_movers && e == ERR_OK; i++)
		e = sockets_open_udp(list, m->p->n_udp, &o, fresh[i].udp, &fresh[i].n_udp);
	return e;
}

static void replace_udp(struct worker_fds *old, const struct worker_fds *fresh)
{
	sockets_close(old->udp, old->n_udp);
	memcpy(old->udp, fresh->udp, sizeof(old->udp));
	old->n_udp = fresh->n_udp;
}

/* The new sockets are there before the old ones go, so that a failure changes nothing. */
static enum err set_port(void *arg, uint16_t port)
{
	struct worker_fds fresh[WORKERS_MAX] = { 0 };
	struct endpoint list[WORKER_UDP_SOCKETS_MAX];
	struct monitor *m = arg;
	enum err e;

	if (m->p->n_udp == 0 || m->udp[0].port == port)
		return ERR_OK;
	memcpy(list, m->udp, sizeof(list));
	for (unsigned i = 0; i < m->p->n_udp; i++)
		list[i].port = port;
	e = open_udp_at(m, list, fresh);
	if (e != ERR_OK) {
		for (unsigned i = 0; i <= m->n_movers; i++)
			sockets_close(fresh[i].udp, fresh[i].n_udp);
		return e;
	}
	replace_udp(&m->fds, &fresh[0]);
	for (unsigned i = 0; i < m->n_movers; i++)
		replace_udp(&m->mover_fds[i], &fresh[i + 1]);
	memcpy(m->udp, list, sizeof(m->udp));
	if (m->p->udp_bound)
		memcpy(m->p->udp_bound, list, m->p->n_udp * sizeof(list[0]));
	log_notice("UDP port %u is used from now on", port);
	children_restart_data(m->children);
	return ERR_OK;
}

static void set_log_level(void *arg, int level)
{
	struct monitor *m = arg;

	if (level == log_level())
		return;
	log_notice("log level %d is used from now on (it was %d)", level, log_level());
	log_set_level(level);
	children_log_level(m->children, level);
}

/*
 * One pair for all who write, this process, too: what they say comes in its order. Those who come
 * later have the level and the descriptor from us by the fork. A reader that has gone without a
 * word is noticed by each at its next line.
 */
static enum err set_log_tap(void *arg, int level, bool anew, int *fd)
{
	struct monitor *m = arg;
	const int room = LOG_TAP_ROOM_BYTES;
	int pair[2] = { -1, -1 };

	if (level >= 0 && anew) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
			return err_from_errno(errno);
		(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
		(void)shutdown(pair[0], SHUT_WR);
	}
	children_log_tap(m->children, level, pair[1]);
	log_tap(pair[1], level);
	*fd = pair[0];
	return ERR_OK;
}

/* --- events ----------------------------------------------------------------------------------- */

static void run_interface_script(struct monitor *m, enum monitor_script_kind kind)
{
	const struct monitor_script event = { .kind = kind };
	enum err e = scripts_run(m->scripts, &event);

	if (e != ERR_OK)
		log_warn("a script is not run: %s", err_str(e));
}

static void begin_stop(struct monitor *m, int code)
{
	if (m->phase != PHASE_RUNNING)
		return;
	m->phase = PHASE_WORKERS_END;
	m->code = code;
	log_notice("%s on network %s is stopping", m->p->node, m->p->net);
	notify_send("STOPPING=1");
	children_stop(m->children);
}

static void on_gone(void *arg)
{
	struct monitor *m = arg;

	m->phase = PHASE_SCRIPTS_END;
	run_interface_script(m, SCRIPT_TINC_DOWN);
	if (scripts_idle(m->scripts))
		loop_stop(m->loop, m->code);
	else
		timer_arm(loop_timers(m->loop), &m->hurry, clock_now_ms() + HURRY_MS);
}

static void on_hurry(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	scripts_hurry(container_of(t, struct monitor, hurry)->scripts);
}

/* From our loop, so that a monitor that hangs is silent. */
static void on_watchdog(struct timer *t, uint64_t now_ms)
{
	struct monitor *m = container_of(t, struct monitor, watchdog);

	notify_send("WATCHDOG=1");
	timer_arm(loop_timers(m->loop), t, now_ms + m->watchdog_ms);
}

static void on_scripts_idle(void *arg)
{
	struct monitor *m = arg;

	if (m->phase == PHASE_SCRIPTS_END)
		loop_stop(m->loop, m->code);
}

/*
 * Every worker is up: said to the log, to the service manager and to who started us in the
 * background.
 */
static void on_ready(void *arg)
{
	struct monitor *m = arg;

	log_notice("%s on network %s is ready", m->p->node, m->p->net);
	m->ready = true;
	notify_send("READY=1");
	if (m->ready_fd > 0) {
		if (write(m->ready_fd, "r", 1) != 1)
			log_warn("cannot tell who started us: %s", strerror(errno));
		close(m->ready_fd);
		m->ready_fd = 0;
	}
	resident_trim();
}

static void on_failed(void *arg) { begin_stop(arg, 1); }

static enum err on_request(void *arg, enum worker_role from, struct channel *ch, uint16_t type,
			   struct cursor *body)
{
	struct monitor *m = arg;

	return requests_serve(&m->requests, from, ch, type, body);
}

static void on_child_signal(void *arg, int signo)
{
	struct monitor *m = arg;
	int status;
	pid_t pid;

	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!children_reaped(m->children, pid, status))
			(void)scripts_reaped(m->scripts, pid, status);
}

static void on_terminate(void *arg, int signo)
{
	(void)signo;
	begin_stop(arg, 0);
}

static void on_hangup(void *arg, int signo)
{
	struct monitor *m = arg;

	(void)signo;
	if (m->ready)
		notify_reloading();
	log_reopen();
	if (m->p->reload)
		m->p->reload(m->p->config);
	children_reload(m->children);
	/* The workers read their files beside their work; sessions and sockets are kept meanwhile.
	 */
	if (m->ready)
		notify_send("READY=1");
	resident_trim();
}

/* Signals that want something of the workers. Each costs log lines, so that they have a limit. */
static void on_wish(void *arg, int signo)
{
	struct monitor *m = arg;
	const enum monitor_wish wish = signo == SIGALRM    ? WISH_RETRY
				       : signo == SIGWINCH ? WISH_PURGE
				       : signo == SIGUSR1  ? WISH_DUMP_CONNECTIONS
							   : WISH_DUMP_ALL;

	if (log_allowed(&m->wishes))
		children_wish(m->children, wish);
}

/*
 * The first thing in the loop, so that a failure here ends the same way as any other. The children
 * leave from inside.
 */
static void on_begin(struct loop_later *l)
{
	struct monitor *m = container_of(l, struct monitor, begin);

	if (m->watchdog_ms)
		on_watchdog(&m->watchdog, clock_now_ms()); /* before anything that takes time */
	run_interface_script(m, SCRIPT_TINC_UP);
	if (children_start(m->children) != ERR_OK)
		begin_stop(m, 1);
}

/* --- life ------------------------------------------------------------------------------------- */

static enum err watch_signals(struct monitor *m)
{
	static const struct {
		int signo;
		void (*cb)(void *arg, int signo);
	} table[] = {
		{ SIGTERM, on_terminate }, { SIGINT, on_terminate },     { SIGQUIT, on_terminate },
		{ SIGHUP, on_hangup },     { SIGCHLD, on_child_signal }, { SIGALRM, on_wish },
		{ SIGWINCH, on_wish },     { SIGUSR1, on_wish },         { SIGUSR2, on_wish },
	};
	enum err e;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* an inherited SIG_IGN would keep us from waiting for anybody */
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if ((e = loop_signal(m->loop, table[i].signo, table[i].cb, m)) != ERR_OK)
			return e;
	return ERR_OK;
}

static enum err make_parts(struct monitor *m)
{
	const struct monitor_params *p = m->p;
	const struct scripts_params scripts = {
		.dir = p->script_dir,
		.net = p->net,
		.node = p->node,
		.device = p->device,
		.interface = has_device(m) ? m->device.name : "",
		.time_limit_ms = SCRIPTS_TIME_LIMIT_MS,
		.idle = on_scripts_idle,
		.arg = m,
	};
	const struct children_params children = {
		.program = p->program,
		.user = &m->user,
		.roles = p->roles,
		.fds = &m->fds,
		.mover_fds = m->mover_fds,
		.unix_role = p->unix_role,
		.config = p->config,
		.request = on_request,
		.ready = on_ready,
		.failed = on_failed,
		.gone = on_gone,
		.arg = m,
	};
	enum err e;

	if ((e = loop_new(&m->loop)) != ERR_OK || (e = watch_signals(m)) != ERR_OK)
		return e;
	if ((e = network_new(m->netlink, &m->network)) != ERR_OK)
		return e;
	if ((e = scripts_new(m->loop, &scripts, &m->scripts)) != ERR_OK)
		return e;
	m->requests = (struct requests){
		.network = m->network,
		.scripts = m->scripts,
		.dial = { .fwmark = p->fwmark, .bind_interface = p->bind_interface },
		.from = m->udp,
		.n_from = p->n_udp,
		.set_port = set_port,
		.set_log_level = set_log_level,
		.set_log_tap = set_log_tap,
		.tap_role = p->unix_role,
		.arg = m,
		.keys = p->keys,
	};
	return children_new(m->loop, &children, &m->children);
}

static void no_fds(struct worker_fds *f)
{
	*f = (struct worker_fds){ .tun = -1, .tun_bulk = -1, .listen_unix = -1 };
	memset(f->udp, 0xff, sizeof(f->udp));
	memset(f->nat_udp, 0xff, sizeof(f->nat_udp));
	memset(f->listen_tcp, 0xff, sizeof(f->listen_tcp));
	memset(f->listen_https, 0xff, sizeof(f->listen_https));
}

static void init(struct monitor *m, const struct monitor_params *p)
{
	memset(m, 0, sizeof(*m));
	m->p = p;
	m->code = 1;
	m->ready_fd = p->ready_fd;
	m->pidfile_fd = m->device.fd = -1;
	no_fds(&m->fds);
	m->n_movers = p->workers ? p->workers - 1 : 0;
	BUG_ON(m->n_movers > ARRAY_LEN(m->mover_fds));
	for (unsigned i = 0; i < m->n_movers; i++)
		no_fds(&m->mover_fds[i]);
	m->hurry.fire = on_hurry;
	m->watchdog.fire = on_watchdog;
	m->watchdog_ms = notify_watchdog_ms();
	m->wishes = (struct log_limit){ .burst = WISHES_BURST, .every_ms = WISHES_EVERY_MS };
}

/*
 * In the reverse order, whatever was reached. The interface goes with its descriptor, and its
 * addresses and routes with it.
 */
static void close_all(struct monitor *m)
{
	children_free(m->children);
	scripts_free(m->scripts);
	network_free(m->network);
	if (m->fds.listen_unix >= 0)
		unlink(m->p->unix_path);
	sockets_close(&m->fds.listen_unix, 1);
	sockets_close(m->fds.listen_https, m->fds.n_listen_https);
	sockets_close(m->fds.listen_tcp, m->fds.n_listen_tcp);
	sockets_close(m->fds.udp, m->fds.n_udp);
	sockets_close(m->fds.nat_udp, m->fds.n_nat_udp);
	for (unsigned i = 0; i < m->n_movers; i++) {
		sockets_close(m->mover_fds[i].udp, m->mover_fds[i].n_udp);
		sockets_close(&m->mover_fds[i].tun, 1);
	}
	sockets_close(&m->fds.tun_bulk, 1);
	netlink_close(m->netlink);
	device_close(&m->device);
	if (m->pidfile_fd >= 0)
		pidfile_close(m->p->pidfile, &m->pidfile_fd);
	if (m->loop) {
		timer_disarm(loop_timers(m->loop), &m->hurry);
		timer_disarm(loop_timers(m->loop), &m->watchdog);
	}
	loop_free(m->loop);
	if (m->ready_fd > 0)
		close(m->ready_fd);
}

static enum err open_all(struct monitor *m)
{
	enum err e;

	if ((e = check_rights(m)) != ERR_OK)
		return e;
	if ((e = open_pidfile(m)) != ERR_OK)
		return e;
	if ((e = open_device(m)) != ERR_OK)
		return e;
	if ((e = open_sockets(m)) != ERR_OK)
		return e;
	e = make_parts(m);
	if (e != ERR_OK)
		log_error("cannot start: %s", err_str(e));
	return e;
}

int monitor_run(const struct monitor_params *p)
{
	struct monitor m;
	int code = 1;

	init(&m, p);
	if (open_all(&m) == ERR_OK) {
		loop_later(m.loop, &m.begin, on_begin);
		code = loop_run(m.loop);
	}
	if (code == 0)
		log_notice("%s on network %s has ended", p->node, p->net);
	close_all(&m);
	return code;
}
