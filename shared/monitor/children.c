/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/monitor/children.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/log.h"

struct child {
	struct children *set;
	const struct worker_role_ops *ops; /* NULL: no such role here */
	pid_t pid;                         /* 0: not running */
	struct channel *channel; /* may outlive the process, until all that it sent is read */
	bool started;            /* has said MONITOR_READY */
	bool wanted_end;         /* children_restart_data(): its end is no failure */
	bool condemned;          /* did what it must not; nothing more is read from it */
	uint64_t born_ms;
	unsigned delay_ms;  /* before the next restart */
	struct timer timer; /* pid == 0: start it; else: kill it */
};

struct children {
	struct loop *loop;
	struct children_params p;
	struct child role[WORKER_ROLES_MAX]; /* by role; [0] is not used */
	bool ready;                          /* all of them were up once */
	bool failed;                         /* p.failed was called */
	bool restart_data;                   /* once all are up */
	bool stopping;
	bool gone; /* p.gone was called */
};

static void on_timer(struct timer *t, uint64_t now_ms);
static void on_message(struct channel *ch, void *arg, uint16_t type, struct cursor *body, int fd);
static void on_closed(struct channel *ch, void *arg);
static const struct channel_events channel_callbacks = { .message = on_message,
							 .closed = on_closed };

enum err children_new(struct loop *l, const struct children_params *p, struct children **out)
{
	struct children *c = calloc(1, sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	c->loop = l;
	c->p = *p;
	for (unsigned i = 0; p->roles[i]; i++) {
		struct child *ch = &c->role[p->roles[i]->role];

		BUG_ON(p->roles[i]->role <= 0 || p->roles[i]->role >= WORKER_ROLES_MAX || ch->ops);
		ch->set = c;
		ch->ops = p->roles[i];
		ch->delay_ms = CHILDREN_RESTART_MIN_MS;
		ch->timer.fire = on_timer;
	}
	*out = c;
	return ERR_OK;
}

void children_free(struct children *c)
{
	if (!c)
		return;
	for (unsigned i = 1; i < WORKER_ROLES_MAX; i++) {
		struct child *ch = &c->role[i];

		timer_disarm(loop_timers(c->loop), &ch->timer);
		channel_free(ch->channel);
		if (ch->pid > 0) {
			kill(ch->pid, SIGKILL);
			waitpid(ch->pid, NULL, 0);
		}
	}
	free(c);
}

static void kill_at(struct child *ch, unsigned in_ms)
{
	timer_arm(loop_timers(ch->set->loop), &ch->timer, clock_now_ms() + in_ms);
}

/* --- starting --------------------------------------------------------------------------------- */

/* What of all descriptors belongs to one role. */
static struct worker_fds fds_of(const struct children *c, enum worker_role role)
{
	const struct worker_fds *all = c->p.fds;
	struct worker_fds f = { .tun = -1, .tun_bulk = -1, .listen_unix = -1 };

	memset(f.udp, 0xff, sizeof(f.udp));
	memset(f.nat_udp, 0xff, sizeof(f.nat_udp));
	memset(f.listen_tcp, 0xff, sizeof(f.listen_tcp));
	memset(f.listen_https, 0xff, sizeof(f.listen_https));
	if (role == c->p.unix_role)
		f.listen_unix = all->listen_unix;
	if (role == WORKER_ENGINE) {
		f.tun = all->tun;
		f.tun_bulk = all->tun_bulk;
		f.tun_vnet_hdr = all->tun_vnet_hdr;
		f.n_udp = all->n_udp;
		memcpy(f.udp, all->udp, sizeof(f.udp));
		f.n_nat_udp = all->n_nat_udp;
		memcpy(f.nat_udp, all->nat_udp, sizeof(f.nat_udp));
	} else if (role == WORKER_CONTROL) {
		f.n_listen_tcp = all->n_listen_tcp;
		memcpy(f.listen_tcp, all->listen_tcp, sizeof(f.listen_tcp));
	} else if (role == WORKER_API) {
		f.n_listen_https = all->n_listen_https;
		memcpy(f.listen_https, all->listen_https, sizeof(f.listen_https));
	} else if (worker_number(role) > 0) {
		f = c->p.mover_fds[role - WORKER_MOVER1];
	}
	return f;
}

/* The child's end. _exit(): what was registered or buffered before the fork is the monitor's. */
static _Noreturn void become(const struct child *ch, int fd, pid_t monitor_pid)
{
	const struct children *c = ch->set;
	const struct worker_start s = {
		.program = c->p.program,
		.ops = ch->ops,
		.user = c->p.user,
		.fds = fds_of(c, ch->ops->role),
		.monitor_fd = fd,
		.monitor_pid = monitor_pid,
		.config = c->p.config,
	};

	_exit(worker_run(&s));
}

static enum err send_link(struct child *to, const struct child *peer, bool carrier, int fd)
{
	const struct monitor_link link = { .peer = peer->ops->role, .carrier = carrier };
	uint8_t mem[16];
	struct cursor c;

	cursor_init_write(&c, mem, sizeof(mem));
	monitor_link_encode(&link, &c);
	BUG_ON(cursor_end(&c) != ERR_OK);
	return channel_send(to->channel, MONITOR_LINK, mem, cursor_pos(&c), fd);
}

/* Gives two running workers a new channel with each other; `carrier`: the one for packets. */
static enum err link_pair(struct child *a, struct child *b, bool carrier)
{
	int fds[2];
	enum err e = channel_pair(fds);

	if (e != ERR_OK)
		return e;
	e = send_link(a, b, carrier, fds[0]);
	if (e == ERR_OK)
		e = send_link(b, a, carrier, fds[1]);
	close(fds[0]);
	close(fds[1]);
	return e;
}

static bool is_either(const struct child *a, const struct child *b, enum worker_role role)
{
	return a->ops->role == role || b->ops->role == role;
}

/*
 * A mover has nothing to say to anybody but the engine; who talks to the world outside hears from
 * control and api only (webhooks), or from control (dns).
 */
static bool talk(const struct child *a, const struct child *b)
{
	const bool movers = worker_number(a->ops->role) > 0 || worker_number(b->ops->role) > 0;
	const bool engine = is_either(a, b, WORKER_ENGINE);

	if (is_either(a, b, WORKER_DNS))
		return is_either(a, b, WORKER_CONTROL);
	return (!movers || engine) && !(engine && is_either(a, b, WORKER_WEBHOOKS));
}

/* Engine and control have a second channel, for packets that travel by TCP. */
static bool carry(const struct child *a, const struct child *b)
{
	const enum worker_role x = a->ops->role, y = b->ops->role;

	return (x == WORKER_ENGINE && y == WORKER_CONTROL) ||
	       (x == WORKER_CONTROL && y == WORKER_ENGINE);
}

/* A link that cannot be made (no descriptors left) ends the newcomer, which tries again later. */
static void link_all(struct child *ch)
{
	struct children *c = ch->set;

	for (unsigned i = 1; i < WORKER_ROLES_MAX; i++) {
		struct child *other = &c->role[i];
		enum err e;

		if (other == ch || !other->pid || !other->channel || !talk(ch, other))
			continue;
		e = link_pair(ch, other, false);
		if (e == ERR_OK && carry(ch, other))
			e = link_pair(ch, other, true);
		if (e == ERR_OK ||
		    e == ERR_CLOSED) /* closed: one of them is ending, and will be linked anew */
			continue;
		log_error("no channel between %s and %s: %s", ch->ops->name, other->ops->name,
			  err_str(e));
		kill_at(ch, 0);
		return;
	}
}

static enum err spawn(struct child *ch)
{
	struct children *c = ch->set;
	pid_t monitor_pid = getpid();
	int fds[2];
	enum err e;

	if (ch->channel) /* of the process before; it had its time to say something */
		channel_free(ch->channel);
	ch->channel = NULL;
	e = channel_pair(fds);
	if (e != ERR_OK)
		return e;
	ch->pid = fork();
	if (ch->pid == 0)
		become(ch, fds[1], monitor_pid);
	close(fds[1]);
	if (ch->pid < 0) {
		e = err_from_errno(errno);
		ch->pid = 0;
		close(fds[0]);
		return e;
	}
	ch->started = ch->condemned = ch->wanted_end = false;
	ch->born_ms = clock_now_ms();
	log_debug(1, "%s started, pid %ld", ch->ops->name, (long)ch->pid);
	e = channel_new(c->loop, fds[0], &channel_callbacks, ch, &ch->channel);
	if (e != ERR_OK) { /* the child sees its end closed, and is reaped */
		ch->channel = NULL;
		return ERR_OK;
	}
	link_all(ch);
	return ERR_OK;
}

enum err children_start(struct children *c)
{
	for (unsigned i = 0; c->p.roles[i]; i++) {
		enum err e = spawn(&c->role[c->p.roles[i]->role]);

		if (e != ERR_OK) {
			log_error("cannot start %s: %s", c->p.roles[i]->name, err_str(e));
			return e;
		}
	}
	return ERR_OK;
}

/* --- restarting ------------------------------------------------------------------------------- */

/* Sets the time of the next start, and doubles the one after that. */
static void restart_later(struct child *ch)
{
	log_notice("%s is started again in %u ms", ch->ops->name, ch->delay_ms);
	timer_arm(loop_timers(ch->set->loop), &ch->timer, clock_now_ms() + ch->delay_ms);
	ch->delay_ms *= 2;
	if (ch->delay_ms > CHILDREN_RESTART_MAX_MS)
		ch->delay_ms = CHILDREN_RESTART_MAX_MS;
}

static void on_timer(struct timer *t, uint64_t now_ms)
{
	struct child *ch = container_of(t, struct child, timer);
	enum err e;

	(void)now_ms;
	if (ch->pid) {
		log_warn("%s (pid %ld) hangs: killed", ch->ops->name, (long)ch->pid);
		kill(ch->pid, SIGKILL);
		return;
	}
	if (ch->set->stopping)
		return;
	e = spawn(ch);
	if (e != ERR_OK) {
		log_error("cannot start %s: %s", ch->ops->name, err_str(e));
		restart_later(ch);
	}
}

/* After children_stop(): the processes are gone, and all that they said is read. */
static void check_gone(struct children *c)
{
	if (!c->stopping || c->gone)
		return;
	for (unsigned i = 1; i < WORKER_ROLES_MAX; i++)
		if (c->role[i].pid || c->role[i].channel)
			return;
	c->gone = true;
	c->p.gone(c->p.arg);
}

static void log_end(const struct child *ch, pid_t pid, int status)
{
	if ((ch->set->stopping || ch->wanted_end) && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		log_debug(1, "%s ended", ch->ops->name);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		log_error("%s (pid %ld) made a system call that it must not make, and was killed",
			  ch->ops->name, (long)pid);
	else if (WIFSIGNALED(status))
		log_warn("%s (pid %ld) was ended by signal %d (%s)", ch->ops->name, (long)pid,
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_warn("%s (pid %ld) ended with code %d", ch->ops->name, (long)pid,
			 WEXITSTATUS(status));
}

static struct child *by_pid(struct children *c, pid_t pid)
{
	for (unsigned i = 1; i < WORKER_ROLES_MAX; i++)
		if (c->role[i].pid == pid)
			return &c->role[i];
	return NULL;
}

bool children_reaped(struct children *c, pid_t pid, int status)
{
	struct child *ch = pid > 0 ? by_pid(c, pid) : NULL;

	if (!ch)
		return false;
	log_end(ch, pid, status);
	ch->pid = 0;
	timer_disarm(loop_timers(c->loop), &ch->timer);
	if (clock_now_ms() - ch->born_ms >= CHILDREN_STEADY_MS)
		ch->delay_ms = CHILDREN_RESTART_MIN_MS;
	if (c->stopping) {
		check_gone(c);
	} else if (!c->ready) {
		if (!c->failed)
			c->p.failed(c->p.arg);
		c->failed = true;
	} else if (ch->wanted_end) {
		timer_arm(loop_timers(c->loop), &ch->timer, clock_now_ms());
	} else {
		restart_later(ch);
	}
	return true;
}

/* --- messages --------------------------------------------------------------------------------- */

static void note_started(struct child *ch)
{
	struct children *c = ch->set;

	ch->started = true;
	for (unsigned i = 1; i < WORKER_ROLES_MAX; i++)
		if (c->role[i].ops && !c->role[i].started)
			return;
	if (c->ready || c->stopping || c->failed)
		return;
	c->ready = true;
	c->p.ready(c->p.arg);
	if (c->restart_data)
		children_restart_data(c);
}

static void condemn(struct child *ch, uint16_t type, enum err e)
{
	ch->condemned = true;
	log_error("%s (pid %ld) sent a message of type %u that it must not send (%s): killed",
		  ch->ops->name, (long)ch->pid, (unsigned)type, err_str(e));
	if (ch->pid)
		kill(ch->pid, SIGKILL);
}

static void on_message(struct channel *channel, void *arg, uint16_t type, struct cursor *body,
		       int fd)
{
	struct child *ch = arg;
	struct children *c = ch->set;
	enum err e = ERR_OK;

	if (fd >= 0) { /* nobody has a descriptor for us */
		close(fd);
		e = ERR_INVALID;
	}
	if (ch->condemned)
		return;
	if (e == ERR_OK && type == MONITOR_READY) {
		e = ch->started ? ERR_INVALID : cursor_end(body);
		if (e == ERR_OK)
			note_started(ch);
	} else if (e == ERR_OK) {
		e = c->p.request(c->p.arg, ch->ops->role, channel, type, body);
	}
	if (e != ERR_OK)
		condemn(ch, type, e);
}

/* Normally its process has ended. One that lives on without a channel is of no use to anybody. */
static void on_closed(struct channel *channel, void *arg)
{
	struct child *ch = arg;

	(void)channel;
	ch->channel = NULL;
	if (ch->pid && !ch->set->stopping)
		kill_at(ch, CHILDREN_HANG_MS);
	check_gone(ch->set);
}

static bool is_data(const struct child *ch) { return ch->ops && worker_number(ch->ops->role) >= 0; }

void children_restart_data(struct children *c)
{
	c->restart_data = !c->ready;
	for (unsigned i = 1; i < WORKER_ROLES_MAX && c->ready && !c->stopping; i++) {
		struct child *ch = &c->role[i];

		if (!is_data(ch) || !ch->pid || ch->wanted_end)
			continue;
		ch->wanted_end = true;
		kill(ch->pid, SIGTERM);
		kill_at(ch, CHILDREN_STOP_MS);
	}
}

/* Those that run now; a later one finds out by itself, or has missed it. */
static void tell_all(struct children *c, uint16_t type, const struct cursor *body, int fd)
{
	BUG_ON(body->err);
	for (unsigned i = 1; i < WORKER_ROLES_MAX; i++) {
		struct child *ch = &c->role[i];

		if (ch->pid && ch->channel &&
		    channel_send(ch->channel, type, body->out, cursor_pos(body), fd))
			log_warn("%s was not told what an admin wants", ch->ops->name);
	}
}

void children_log_level(struct children *c, int level)
{
	const struct monitor_log_level m = { .level = (uint8_t)level };
	uint8_t mem[8];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	monitor_log_level_encode(&m, &body);
	tell_all(c, MONITOR_LOG_LEVEL, &body, -1);
}

void children_log_tap(struct children *c, int level, int fd)
{
	const struct monitor_log_tap m = { .level = level };
	uint8_t mem[8];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	monitor_log_tap_encode(&m, &body);
	tell_all(c, MONITOR_LOG_TAP, &body, fd);
}

void children_wish(struct children *c, enum monitor_wish wish)
{
	const struct monitor_signal m = { .wish = wish };
	uint8_t mem[8];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	monitor_signal_encode(&m, &body);
	tell_all(c, MONITOR_SIGNAL, &body, -1);
}

/* --- all of them ------------------------------------------------------------------------------ */

void children_reload(struct children *c)
{
	for (unsigned i = 1; i < WORKER_ROLES_MAX; i++) {
		struct child *ch = &c->role[i];

		if (!ch->pid || !ch->channel)
			continue;
		if (log_fd() > STDERR_FILENO &&
		    channel_send(ch->channel, MONITOR_LOG, NULL, 0, log_fd()) != ERR_OK)
			log_warn("%s keeps the old log file", ch->ops->name);
		kill(ch->pid, SIGHUP);
	}
}

void children_stop(struct children *c)
{
	if (c->stopping)
		return;
	c->stopping = true;
	for (unsigned i = WORKER_ROLES_MAX - 1; i > 0; i--) {
		struct child *ch = &c->role[i];

		timer_disarm(loop_timers(c->loop), &ch->timer);
		if (!ch->pid)
			continue;
		kill(ch->pid, SIGTERM);
		kill_at(ch, CHILDREN_STOP_MS);
	}
	check_gone(c);
}
