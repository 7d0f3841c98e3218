/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/gate_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/api/reply.h"
#include "shared/base/clock.h"

#define READS_AT_ONCE     8u
#define TLS_RECORD        0x16   /* a handshake, RFC 8446 section 5.1 */
#define PULL_BYTES        16384u /* at once, of the library */
#define REFUSAL_MAX_BYTES 4096u

static void run_later(struct loop_later *later);
static void client_ready(struct loop_fd *f, uint32_t events);
static void house_ready(struct loop_fd *f, uint32_t events);

const struct auth_peer *gate_conn_peer(const struct gate_conn *c)
{
	return c->listener->is_unix ? &c->peer : NULL;
}

const struct addr *gate_conn_remote(const struct gate_conn *c) { return &c->remote; }

static void again(struct gate_conn *c) { loop_later(c->gate->loop, &c->later, run_later); }

/* --- the end --- */

/* Closes our end of the pair: whatever the library still has to say is for nobody. */
static void leave_house(struct gate_conn *c)
{
	loop_fd_del(c->gate->loop, &c->house_io);
	if (c->house_fd >= 0)
		close(c->house_fd);
	c->house_fd = -1;
	buf_fini(&c->to_house);
}

/* The client is away, or as good as: what is made for it piece by piece may end. */
static void tell_left(struct gate_conn *c)
{
	if (c->guest)
		c->gate->house->left(c->gate->arg, c->guest);
}

void gate_conn_close(struct gate_conn *c)
{
	struct gate *g = c->gate;
	struct gate_listener *l = c->listener;

	if (c->state == GATE_GONE)
		return;
	c->state = GATE_GONE;
	tell_left(c);
	timer_disarm(loop_timers(g->loop), &c->deadline);
	loop_later_cancel(g->loop, &c->later);
	loop_fd_del(g->loop, &c->client_io);
	transport_fini(&c->client);
	leave_house(c);
	framing_fini(&c->framing);
	buf_fini(&c->raw);
	buf_fini(&c->to_client);
	list_del(&c->link);
	list_push_back(&g->gone, &c->link);
	gate_reap(g);
	l->n--;
	timer_disarm(loop_timers(g->loop), &l->retry);
	if (l->io.fd >= 0)
		loop_fd_events(g->loop, &l->io, EPOLLIN);
}

/* Nothing more is read or asked: what waits for the client goes out, then the goodbye. */
static void finish(struct gate_conn *c)
{
	if (c->state == GATE_GONE || c->state == GATE_ENDING)
		return;
	tell_left(c);
	leave_house(c);
	framing_fini(&c->framing);
	buf_fini(&c->raw);
	c->state = GATE_ENDING;
	again(c);
}

/* The gate's own answer, the last of the connection. */
static void refuse(struct gate_conn *c, const struct problem *p)
{
	char from[ADDR_STR_SIZE];
	struct reply r;
	enum err e;

	if (log_level() >= 1 && log_allowed(c->gate->log_limit))
		log_debug(1, "api: http: %s is answered with %u %s",
			  c->listener->is_unix ? "the UNIX socket" : addr_format(&c->remote, from),
			  p->status, p->code);
	reply_init(&r);
	reply_problem(&r, p);
	e = reply_write_last(&r, c->framing.head.is_head, clock_wall_ms(), &c->to_client);
	reply_fini(&r);
	if (e)
		gate_conn_close(c);
	else
		finish(c);
}

static void refuse_with(struct gate_conn *c, unsigned status, const char *code, const char *why)
{
	struct problem p = { 0 };

	problem_set(&p, status, code, NULL, "%s", why);
	refuse(c, &p);
}

/* --- the house --- */

/* The first request of this client: a pair of sockets, one of them for the library. */
static bool enter_house(struct gate_conn *c)
{
	struct gate *g = c->gate;
	struct gate_conn *old;
	int pair[2];

	if (c->house_fd >= 0)
		return true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	/* The number is free: who had it, and was never told of, is with the library no more. */
	old = gate_find(g, pair[1]);
	if (old)
		gate_conn_let_go(old);
	c->house_fd = pair[0];
	c->library_fd = pair[1];
	c->in_library = true;
	if (loop_fd_add(g->loop, &c->house_io, c->house_fd, EPOLLIN, house_ready)) {
		c->in_library = false;
		close(pair[1]);
		return false;
	}
	c->in_library = g->house->let_in(g->arg, pair[1]);
	return c->in_library;
}

/* The library has closed its end, and all that it said was read. */
static void house_ended(struct gate_conn *c)
{
	/* It had no memory for the connection, and nobody will be told of it. */
	if (!c->known)
		c->in_library = false;
	if (c->turn == TURN_REST || c->answered || (!c->asked && c->served))
		finish(c);
	else
		refuse_with(c, 503, "no_memory", "the hub could not take the request; try again");
}

/* All of the answer has been read: the next request, if there may be one. */
static void next_request(struct gate_conn *c)
{
	if (c->framing.head.is_last || c->framing.state != FRAMING_DONE) {
		finish(c);
		return;
	}
	framing_next(&c->framing);
	c->turn = TURN_CLIENT;
	c->asked = c->answered = false;
	c->served = true;
	again(c);
}

/* Reads what the library says. */
static void pull(struct gate_conn *c)
{
	uint8_t *at;
	ssize_t n;

	while (c->state == GATE_OPEN && c->house_fd >= 0 &&
	       buf_len(&c->to_client) < GATE_TO_CLIENT_BYTES) {
		if (buf_reserve(&c->to_client, PULL_BYTES, &at)) {
			gate_conn_close(c);
			return;
		}
		n = recv(c->house_fd, at, PULL_BYTES, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			if (c->turn == TURN_REST)
				next_request(c);
			return;
		}
		if (n <= 0)
			house_ended(c);
		else if (c->asked)
			buf_commit(&c->to_client, (size_t)n);
		else
			refuse_with(c, 400, "request_refused",
				    "the request cannot be read by the HTTP library");
	}
}

/* Hands on what was judged. */
static void push(struct gate_conn *c)
{
	while (c->state == GATE_OPEN && !c->house_deaf && buf_len(&c->to_house)) {
		ssize_t n = send(c->house_fd, buf_data(&c->to_house), buf_len(&c->to_house),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			c->house_deaf = true;
		else
			buf_consume(&c->to_house, (size_t)n);
	}
	/* It has answered before the body was whole, and reads no more. */
	if (c->house_deaf)
		buf_clear(&c->to_house);
	if (c->state == GATE_OPEN && !buf_len(&c->to_house))
		buf_fini(&c->to_house);
}

/* --- the client --- */

/* The client sends no more. */
static void client_ended(struct gate_conn *c)
{
	struct problem p = { 0 };

	c->client_ended = true;
	if (framing_end(&c->framing, &p) && !c->answered)
		refuse(c, &p);
	else
		finish(c);
}

/* False: there is nothing to be judged. */
static bool read_client(struct gate_conn *c)
{
	size_t got = 0;
	uint8_t *at;
	enum err e = buf_reserve(&c->raw, GATE_READ_BYTES, &at);

	if (!e)
		e = transport_read(&c->client, at, GATE_READ_BYTES, &got);
	if (e == ERR_AGAIN && !c->client_hung) {
		buf_fini(&c->raw);
		return false;
	}
	if (e == ERR_CLOSED)
		client_ended(c);
	else if (e)
		gate_conn_close(c);
	else
		buf_commit(&c->raw, got);
	return !e;
}

/* Judges what was read. */
static void judge(struct gate_conn *c)
{
	struct problem p = { 0 };
	size_t used;
	enum err e = framing_take(&c->framing, buf_data(&c->raw), buf_len(&c->raw), &used,
				  &c->to_house, &p);

	buf_consume(&c->raw, used);
	if (e == ERR_INVALID && c->answered) {
		/* It has its answer; the library closes, since the body is not whole. */
		c->turn = TURN_HOUSE;
		return;
	}
	if (e == ERR_INVALID) {
		refuse(c, &p);
		return;
	}
	if (e == ERR_OK)
		c->turn = TURN_HOUSE;
	if (buf_len(&c->to_house) && !enter_house(c))
		refuse_with(c, 503, "no_memory", "the hub could not take the request; try again");
}

static bool wants_bytes(const struct gate_conn *c)
{
	return c->state == GATE_OPEN && c->turn == TURN_CLIENT &&
	       buf_len(&c->to_house) < GATE_TO_HOUSE_BYTES;
}

/* Takes what the client sends. */
static void take(struct gate_conn *c)
{
	for (unsigned i = 0; i < READS_AT_ONCE && wants_bytes(c); i++) {
		if (!buf_len(&c->raw) && !read_client(c))
			return;
		judge(c);
		push(c);
	}
}

/* Sends what waits for the client. */
static void flush(struct gate_conn *c)
{
	while (buf_len(&c->to_client)) {
		size_t put = 0;
		enum err e = transport_write(&c->client, buf_data(&c->to_client),
					     buf_len(&c->to_client), &put);

		if (e == ERR_AGAIN && !c->client_hung)
			return;
		if (e) {
			gate_conn_close(c);
			return;
		}
		c->progress = true;
		buf_consume(&c->to_client, put);
	}
	buf_fini(&c->to_client);
}

/* The first byte says whether it is TLS. */
static void meet(struct gate_conn *c)
{
	uint8_t first;
	ssize_t n = recv(c->client.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		gate_conn_close(c);
		return;
	}
	if (first == TLS_RECORD) {
		c->state = GATE_SHAKING;
		return;
	}
	SSL_free(c->client.ssl);
	c->client.ssl = NULL;
	refuse_with(c, 400, "tls_needed",
		    "this port speaks HTTPS: the address begins with https://");
}

static void shake(struct gate_conn *c)
{
	enum err e = transport_shake(&c->client);

	if (!e)
		c->state = GATE_OPEN;
	else if (e != ERR_AGAIN || c->client_hung)
		gate_conn_close(c);
}

/* ENDING: all that waits goes out, then the goodbye. */
static void send_rest(struct gate_conn *c)
{
	flush(c);
	if (c->state != GATE_ENDING || buf_len(&c->to_client))
		return;
	transport_shutdown(&c->client);
	/* Closing with bytes unread would reset the connection, and the answer could be lost. */
	c->state = GATE_LINGERING;
}

static void linger(struct gate_conn *c)
{
	if (transport_drain(&c->client) != ERR_AGAIN || c->client_hung)
		gate_conn_close(c);
}

/* --- what is waited for --- */

static enum gate_wait wait_of(const struct gate_conn *c)
{
	if (c->state == GATE_LINGERING)
		return WAIT_LINGER;
	if (c->state == GATE_NEW || c->state == GATE_SHAKING)
		return WAIT_SHAKE;
	if (buf_len(&c->to_client))
		return WAIT_SEND;
	if (c->turn != TURN_CLIENT)
		return WAIT_NONE;
	if (!c->framing.begun)
		return WAIT_IDLE;
	return framing_has_head(&c->framing) ? WAIT_BODY : WAIT_HEAD;
}

static void arm(struct gate_conn *c)
{
	static const unsigned delays_ms[] = {
		[WAIT_SHAKE] = GATE_SHAKE_MS, [WAIT_IDLE] = GATE_IDLE_MS,
		[WAIT_HEAD] = GATE_HEAD_MS,   [WAIT_BODY] = GATE_BODY_MS,
		[WAIT_SEND] = GATE_SEND_MS,   [WAIT_LINGER] = GATE_LINGER_MS,
	};
	enum gate_wait wait = wait_of(c);
	struct timers *timers = loop_timers(c->gate->loop);

	if (wait == c->wait && !(wait == WAIT_SEND && c->progress))
		return;
	c->wait = wait;
	c->waits_since_ms = loop_now_ms(c->gate->loop);
	if (wait == WAIT_NONE)
		timer_disarm(timers, &c->deadline);
	else
		timer_arm(timers, &c->deadline, c->waits_since_ms + delays_ms[wait]);
}

static void too_late(struct timer *t, uint64_t now_ms)
{
	struct gate_conn *c = container_of(t, struct gate_conn, deadline);

	(void)now_ms;
	if (c->wait == WAIT_IDLE || (c->wait == WAIT_BODY && c->answered))
		finish(c);
	else if (c->wait == WAIT_HEAD)
		refuse_with(c, 408, "request_too_slow", "the head of the request took too long");
	else if (c->wait == WAIT_BODY)
		refuse_with(c, 408, "request_too_slow", "the body of the request took too long");
	else
		gate_conn_close(c);
}

static uint32_t client_events(const struct gate_conn *c)
{
	bool reads = c->state != GATE_ENDING && (c->state != GATE_OPEN || wants_bytes(c)),
	     writes = buf_len(&c->to_client) > 0;
	uint32_t events = 0;

	if (c->state == GATE_OPEN && !c->client_left)
		events |= EPOLLRDHUP;
	if (reads || (writes && c->client.wants_read))
		events |= EPOLLIN;
	if ((writes && !c->client.wants_read) || (reads && c->client.wants_write))
		events |= EPOLLOUT;
	return events;
}

/* Is there something to be done of which no descriptor tells? */
static bool can_go_on(const struct gate_conn *c)
{
	if (wants_bytes(c) &&
	    (buf_len(&c->raw) || c->client_hung || transport_has_more(&c->client)))
		return true;
	return c->house_hung && c->house_fd >= 0 && buf_len(&c->to_client) < GATE_TO_CLIENT_BYTES;
}

/* The one place where it is said what is waited for: the end of each step. */
static void update(struct gate_conn *c)
{
	struct loop *loop = c->gate->loop;

	if (c->state == GATE_GONE)
		return;
	if (c->client_io.fd >= 0)
		loop_fd_events(loop, &c->client_io, client_events(c));
	if (c->house_io.fd >= 0)
		loop_fd_events(loop, &c->house_io,
			       (buf_len(&c->to_client) < GATE_TO_CLIENT_BYTES ? EPOLLIN : 0u) |
				       (buf_len(&c->to_house) ? EPOLLOUT : 0u));
	arm(c);
	c->progress = false;
	if (can_go_on(c))
		again(c);
}

void gate_conn_step(struct gate_conn *c)
{
	if (c->state == GATE_NEW)
		meet(c);
	if (c->state == GATE_SHAKING)
		shake(c);
	if (c->state == GATE_OPEN)
		take(c);
	if (c->state == GATE_OPEN)
		push(c);
	if (c->state == GATE_OPEN)
		pull(c);
	if (c->state == GATE_OPEN)
		flush(c);
	if (c->state == GATE_ENDING)
		send_rest(c);
	if (c->state == GATE_LINGERING)
		linger(c);
	update(c);
}

static void run_later(struct loop_later *later)
{
	gate_conn_step(container_of(later, struct gate_conn, later));
}

static void client_ready(struct loop_fd *f, uint32_t events)
{
	struct gate_conn *c = container_of(f, struct gate_conn, client_io);

	/* These two come whether they are wanted or not: no more of them. */
	if (events & (EPOLLHUP | EPOLLERR)) {
		c->client_hung = true;
		loop_fd_del(c->gate->loop, f);
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) && !c->client_left) {
		c->client_left = true;
		tell_left(c);
	}
	gate_conn_step(c);
}

static void house_ready(struct loop_fd *f, uint32_t events)
{
	struct gate_conn *c = container_of(f, struct gate_conn, house_io);

	if (events & (EPOLLHUP | EPOLLERR)) {
		c->house_hung = true;
		loop_fd_del(c->gate->loop, f);
	}
	gate_conn_step(c);
}

/* --- the beginning, and what the house says --- */

static void set_up(struct gate_conn *c, struct gate_listener *l, const struct addr *remote)
{
	c->gate = l->gate;
	c->listener = l;
	c->remote = *remote;
	c->state = l->is_unix ? GATE_OPEN : GATE_NEW;
	c->house_fd = c->library_fd = -1;
	c->client_io.fd = c->house_io.fd = -1;
	c->deadline.fire = too_late;
	framing_init(&c->framing);
	buf_init(&c->raw, GATE_READ_BYTES);
	buf_init(&c->to_house, GATE_TO_HOUSE_BYTES + GATE_READ_BYTES + FRAMING_GROWTH_BYTES);
	buf_init(&c->to_client, GATE_TO_CLIENT_BYTES + PULL_BYTES + REFUSAL_MAX_BYTES);
}

struct gate_conn *gate_conn_new(struct gate_listener *l, int fd, const struct addr *remote)
{
	struct gate_conn *c = calloc(1, sizeof(*c));
	struct gate *g = l->gate;

	if (!c) {
		close(fd);
		return NULL;
	}
	set_up(c, l, remote);
	if (transport_init(&c->client, fd, l->is_unix ? NULL : g->tls)) {
		free(c);
		return NULL;
	}
	if ((l->is_unix && auth_peer_read(fd, &c->peer)) ||
	    loop_fd_add(g->loop, &c->client_io, fd, EPOLLIN | EPOLLRDHUP, client_ready)) {
		transport_fini(&c->client);
		free(c);
		return NULL;
	}
	list_push_back(&g->conns, &c->link);
	l->n++;
	update(c);
	return c;
}

void gate_conn_asked(struct gate_conn *c, void *guest)
{
	c->guest = guest;
	c->asked = true;
}

void gate_conn_answered(struct gate_conn *c)
{
	c->answered = true;
	/* It has left before there was anything to be told. */
	if (c->client_left)
		tell_left(c);
}

void gate_conn_completed(struct gate_conn *c)
{
	c->guest = NULL;
	if (c->state != GATE_OPEN)
		return;
	/* One that was given no answer has ended otherwise: then the library closes. */
	if (c->answered)
		c->turn = TURN_REST;
	again(c);
}

void gate_conn_let_go(struct gate_conn *c)
{
	c->in_library = false;
	if (c->state == GATE_GONE)
		gate_reap(c->gate);
	else
		again(c);
}
