/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/status.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "spoke/control/keys_reply.h"
#include "spoke/control/netcheck.h"
#include "spoke/control/spoke.h"
#include "spoke/control/status_reply.h"

/* One connection. It asks one thing at a time; what comes meanwhile waits in `in`. */
struct status_client {
	struct list node;
	struct status_server *sv;
	struct loop_fd io;
	struct buf in;
	struct buf out;
	struct timer timer;   /* idle: close. Pinging: the next ping */
	bool closing;         /* once `out` is empty */
	bool no_more;         /* the other side has sent all that it will */
	struct gather gather; /* "status" under way */
	bool gathering;
	struct netcheck check; /* "netcheck" under way */
	struct {
		uint32_t id;   /* 0: no pinging */
		uint32_t tag;  /* of the ping under way, 0 none */
		unsigned left; /* still to be sent */
		unsigned answered;
	} ping;
	uint32_t forget_tag; /* "disconnect" or "purge" under way, 0 none */
	bool follows;        /* "log": until the client goes */
	int log_level;
	uint64_t lost; /* lines that did not fit since the last that did */
};

static void client_run(struct status_client *c);

/* The level of who follows most; -1: nobody does. */
static void set_tap(struct status_server *sv)
{
	struct list *pos, *tmp;
	int level = -1;

	list_for_each(pos, tmp, &sv->clients) {
		const struct status_client *c = list_entry(pos, struct status_client, node);

		if (c->follows && c->log_level > level)
			level = c->log_level;
	}
	log_tap_want(&sv->tap, level);
}

static void client_free(struct status_client *c)
{
	struct status_server *sv = c->sv;
	const bool followed = c->follows;
	int fd = c->io.fd;

	timer_disarm(loop_timers(c->sv->spoke->loop), &c->timer);
	if (c->gathering)
		gather_stop(&c->gather);
	netcheck_stop(&c->check);
	loop_fd_del(c->sv->spoke->loop, &c->io);
	close(fd);
	buf_fini(&c->in);
	buf_fini(&c->out);
	list_del(&c->node);
	sv->n_clients--;
	tidy_soon(sv->spoke);
	free(c);
	if (followed)
		set_tap(sv);
}

static bool is_busy(const struct status_client *c)
{
	return c->gathering || c->check.spoke || c->ping.id != 0 || c->forget_tag != 0 ||
	       c->follows;
}

static void arm(struct status_client *c, uint64_t delay_ms)
{
	timer_arm(loop_timers(c->sv->spoke->loop), &c->timer,
		  loop_now_ms(c->sv->spoke->loop) + delay_ms);
}

/* Queues a line; takes over `j`. What does not fit ends the client. */
static void reply(struct status_client *c, json_t *j)
{
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

	json_decref(j);
	if (!text || buf_put_str(&c->out, text) || buf_put(&c->out, "\n", 1))
		c->closing = true;
	free(text);
}

static void reply_error(struct status_client *c, const char *code, const char *text)
{
	reply(c, json_pack("{s:b, s:s, s:s}", "done", 1, "error", code, "text", text));
}

/* --- status --- */

static void gathered(struct gather *g, enum err e)
{
	struct status_client *c = container_of(g, struct status_client, gather);

	reply(c, status_reply_build(c->sv->spoke, g, e));
	gather_stop(g);
	c->gathering = false;
	client_run(c);
}

static void begin_status(struct status_client *c)
{
	if (gather_start(&c->sv->spoke->gathers, &c->gather, gathered)) {
		reply(c, status_reply_build(c->sv->spoke, NULL, ERR_CLOSED));
		return;
	}
	c->gathering = true;
}

/* --- netcheck --- */

static uint32_t new_tag(struct status_server *sv)
{
	if (++sv->last_tag == 0)
		sv->last_tag = 1;
	return sv->last_tag;
}

static void checked(struct netcheck *n)
{
	struct status_client *c = container_of(n, struct status_client, check);

	reply(c, netcheck_json(n));
	netcheck_stop(n);
	client_run(c);
}

/* --- keys --- */

static void reply_keys(struct status_client *c)
{
	json_t *j = keys_reply_json(c->sv->spoke);

	if (j)
		json_object_set_new(j, "done", json_true());
	reply(c, j);
}

/* --- debug and retry --- */

/* The monitor tells all workers, this one, too. */
static void set_debug(struct status_client *c, const json_t *request)
{
	const json_t *level = json_object_get(request, "level");
	json_int_t wanted = json_integer_value(level);
	struct monitor_log_level m = { .level = (uint8_t)wanted };
	uint8_t mem[8];
	struct cursor body;

	if (!json_is_integer(level) || wanted < 0 || wanted > 5) {
		reply_error(c, "bad_request", "the level is a number from 0 to 5");
		return;
	}
	cursor_init_write(&body, mem, sizeof(mem));
	monitor_log_level_encode(&m, &body);
	if (net_feed_send(&c->sv->spoke->net, MONITOR_LOG_LEVEL, &body))
		reply_error(c, "failed", "the log level could not be set");
	else
		reply(c, json_pack("{s:b, s:i, s:i}", "done", 1, "level", (int)wanted, "before",
				   log_level()));
}

static void retry(struct status_client *c)
{
	client_hurry(&c->sv->spoke->client);
	reply(c, json_pack("{s:b, s:s}", "done", 1, "link",
			   client_state_str(c->sv->spoke->client.state)));
}

/* The admin has changed hub.pin: it is read again, and the hub dialled with it. */
static void repin(struct status_client *c)
{
	struct spoke *s = c->sv->spoke;

	hub_pin_reload(s);
	client_hurry(&s->client);
	reply_keys(c);
}

/* --- ping --- */

static void ping_end(struct status_client *c)
{
	reply(c, json_pack("{s:b, s:i}", "done", 1, "answered", (int)c->ping.answered));
	memset(&c->ping, 0, sizeof(c->ping));
	arm(c, STATUS_IDLE_MS);
}

static void ping_send(struct status_client *c)
{
	struct status_server *sv = c->sv;
	struct engine_ping m = { .id = c->ping.id };
	uint8_t mem[64];
	struct cursor body;

	m.tag = new_tag(sv);
	cursor_init_write(&body, mem, sizeof(mem));
	engine_ping_encode(&m, &body);
	if (!engine_feed_send(&sv->spoke->engine, ENGINE_PING, &body)) {
		memset(&c->ping, 0, sizeof(c->ping));
		reply_error(c, "no_engine", "the data plane is not running just now");
		return;
	}
	c->ping.tag = m.tag;
	c->ping.left--;
	arm(c, STATUS_PING_EVERY_MS);
}

/* Why the engine has no such peer; false: it should have. */
static bool refuse_ping(struct status_client *c, const struct node *n)
{
	const struct spoke *s = c->sv->spoke;
	char text[CONTROL_TEXT_SIZE + 64];

	if (s->cache.refused) {
		snprintf(text, sizeof(text), "the hub refuses this node: %s", s->cache.refused_why);
		reply_error(c, "refused", text);
	} else if (s->grace_over) {
		reply_error(c, "grace_over",
			    "the hub has been away for longer than OfflineGrace: there are no "
			    "tunnels until it is back");
	} else if (engine_feed_holds(&s->engine, n)) {
		reply_error(c, "key_held",
			    "this node's identity key is not the one that this branch knows, and "
			    "StrictKeys is set: ask its admin, then: branchline-spoke key accept");
	} else if (engine_feed_refuses(&s->engine, n->id)) {
		reply_error(c, "key_refused",
			    "this node's tunnel key is not signed by its identity key: it has to "
			    "join anew");
	} else {
		return false;
	}
	return true;
}

static void begin_ping(struct status_client *c, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "node"));
	const json_t *count = json_object_get(request, "count");
	const struct node *n = name ? directory_find_name(&c->sv->spoke->cache.dir, name) : NULL;
	json_int_t wanted = count ? json_integer_value(count) : 1;

	if (!name || wanted < 1 || wanted > STATUS_PINGS_MAX) {
		reply_error(c, "bad_request", "ping wants a node and a count from 1 to 1000");
		return;
	}
	if (!n || !engine_feed_is_peer(&c->sv->spoke->cache, n)) {
		reply_error(c, "unknown_node",
			    n ? "this node answers no pings of the tunnel; ping its address instead"
			      : "the directory has no such node");
		return;
	}
	if (refuse_ping(c, n))
		return;
	c->ping.id = n->id;
	c->ping.left = (unsigned)wanted;
	ping_send(c);
}

static struct status_client *find_ping(struct status_server *sv, uint32_t tag)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &sv->clients) {
		struct status_client *c = list_entry(pos, struct status_client, node);

		if (c->ping.id && c->ping.tag == tag)
			return c;
	}
	return NULL;
}

static void pong_of_check(struct status_server *sv, const struct engine_pong *p)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &sv->clients)
		if (netcheck_pong(&list_entry(pos, struct status_client, node)->check, p))
			return;
}

void status_pong(struct status_server *sv, const struct engine_pong *p)
{
	struct status_client *c = p->tag ? find_ping(sv, p->tag) : NULL;

	if (!c) {
		pong_of_check(sv, p);
		return;
	}
	c->ping.tag = 0;
	c->ping.answered += p->result == ERR_OK;
	reply(c, status_reply_pong(sv->spoke, p));
	if (c->ping.left == 0)
		ping_end(c);
	else if (!timer_armed(&c->timer))
		ping_send(c); /* the answer took longer than the pause between two */
	client_run(c);
}

void status_engine_down(struct status_server *sv)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &sv->clients) {
		struct status_client *c = list_entry(pos, struct status_client, node);

		if (!c->ping.id && !c->forget_tag)
			continue;
		memset(&c->ping, 0, sizeof(c->ping));
		c->forget_tag = 0;
		reply_error(c, "no_engine", "the data plane has just ended; it is started again");
		client_run(c);
	}
}

/* --- disconnect and purge --- */

/* `id` 0: all that do not answer. */
static void forget(struct status_client *c, uint32_t id)
{
	struct engine_forget m = { .tag = new_tag(c->sv), .id = id };
	uint8_t mem[64];
	struct cursor body;

	cursor_init_write(&body, mem, sizeof(mem));
	engine_forget_encode(&m, &body);
	if (engine_feed_send(&c->sv->spoke->engine, ENGINE_FORGET, &body))
		c->forget_tag = m.tag;
	else
		reply_error(c, "no_engine", "the data plane is not running just now");
}

static void disconnect(struct status_client *c, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "node"));
	const struct node *n = name ? directory_find_name(&c->sv->spoke->cache.dir, name) : NULL;

	if (!name)
		reply_error(c, "bad_request", "disconnect wants a node");
	else if (!n)
		reply_error(c, "unknown_node", "the directory has no such node");
	else if (!engine_feed_is_peer(&c->sv->spoke->cache, n))
		reply_error(c, "unknown_node", "this branch has no session with this node");
	else
		forget(c, n->id);
}

void status_forgotten(struct status_server *sv, const struct engine_forgotten *m)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &sv->clients) {
		struct status_client *c = list_entry(pos, struct status_client, node);

		if (!m->tag || c->forget_tag != m->tag)
			continue;
		c->forget_tag = 0;
		reply(c, json_pack("{s:b, s:I}", "done", 1, "forgotten", (json_int_t)m->n));
		arm(c, STATUS_IDLE_MS);
		client_run(c);
		return;
	}
}

/* --- log --- */

static void begin_log(struct status_client *c, const json_t *request)
{
	const json_t *level = json_object_get(request, "level");
	json_int_t wanted = level ? json_integer_value(level) : log_level();

	if ((level && !json_is_integer(level)) || wanted < 0 || wanted > LOG_LEVEL_MAX) {
		reply_error(c, "bad_request", "the level is a number from 0 to 5");
		return;
	}
	timer_disarm(loop_timers(c->sv->spoke->loop), &c->timer);
	c->follows = true;
	c->log_level = (int)wanted;
	set_tap(c->sv);
}

/* A line was written. Who is slow loses some, and is told how many. */
static void tapped(struct log_tap *t, const struct log_line *l)
{
	struct status_server *sv = container_of(t, struct status_server, tap);
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &sv->clients) {
		struct status_client *c = list_entry(pos, struct status_client, node);

		if (!c->follows || l->level > c->log_level)
			continue;
		if (buf_len(&c->out) > STATUS_LOG_MAX_BYTES) {
			c->lost += 1 + l->lost;
			continue;
		}
		reply(c, log_line_json(l, c->lost));
		c->lost = 0;
		client_run(c);
	}
}

/* --- rotate-key --- */

static void begin_rotation(struct status_client *c, const json_t *request)
{
	bool tunnel = json_is_true(json_object_get(request, "tunnel"));
	bool identity = json_is_true(json_object_get(request, "identity"));

	if (!tunnel && !identity) {
		reply_error(c, "bad_request", "rotate-key wants tunnel or identity, or both");
		return;
	}
	if (rotation_phase(c->sv->spoke) == ROTATION_OVERLAP) {
		reply_error(c, "rotation_overlap",
			    "the keys were replaced a moment ago, and those of before are not "
			    "retired yet; ask again when they are");
		return;
	}
	rotation_ask(c->sv->spoke, tunnel, identity);
	reply_keys(c);
}

static void accept_key(struct status_client *c, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "node"));
	enum err e = name ? trust_accept(c->sv->spoke, name) : ERR_INVALID;

	if (!e)
		reply(c, trust_json(c->sv->spoke));
	else if (e == ERR_NOTFOUND)
		reply_error(c, "unknown_node", "the directory has no such node with a key");
	else if (e == ERR_EXISTS)
		reply_error(c, "key_not_changed", "its key is the one that this branch knows");
	else if (e == ERR_INVALID)
		reply_error(c, "bad_request", "accept-key wants a node");
	else
		reply_error(c, "failed", err_str(e));
}

/* --- the connection --- */

static void timer_fired(struct timer *t, uint64_t now_ms)
{
	struct status_client *c = container_of(t, struct status_client, timer);

	(void)now_ms;
	if (!is_busy(c)) {
		client_free(c);
		return;
	}
	/* With a ping still under way its answer starts the next one. */
	if (c->ping.id && c->ping.tag == 0 && c->ping.left)
		ping_send(c);
	client_run(c);
}

static void handle_line(struct status_client *c, const char *line, size_t len)
{
	json_t *j = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *cmd = json_string_value(json_object_get(j, "cmd"));

	if (!json_is_object(j) || !cmd)
		reply_error(c, "bad_request", "a JSON object with \"cmd\" is wanted");
	else if (strcmp(cmd, "status") == 0)
		begin_status(c);
	else if (strcmp(cmd, "ping") == 0)
		begin_ping(c, j);
	else if (strcmp(cmd, "netcheck") == 0)
		netcheck_start(&c->check, c->sv->spoke, new_tag(c->sv), checked);
	else if (strcmp(cmd, "debug") == 0)
		set_debug(c, j);
	else if (strcmp(cmd, "log") == 0)
		begin_log(c, j);
	else if (strcmp(cmd, "retry") == 0)
		retry(c);
	else if (strcmp(cmd, "disconnect") == 0)
		disconnect(c, j);
	else if (strcmp(cmd, "purge") == 0)
		forget(c, 0);
	else if (strcmp(cmd, "keys") == 0)
		reply_keys(c);
	else if (strcmp(cmd, "known-keys") == 0)
		reply(c, trust_json(c->sv->spoke));
	else if (strcmp(cmd, "accept-key") == 0)
		accept_key(c, j);
	else if (strcmp(cmd, "repin") == 0)
		repin(c);
	else if (strcmp(cmd, "rotate-key") == 0)
		begin_rotation(c, j);
	else
		reply_error(
			c, "unknown_command",
			"known are status, ping, netcheck, debug, log, retry, disconnect, purge, "
			"keys, repin, known-keys, accept-key and rotate-key");
	json_decref(j);
}

/* Takes whole lines while nothing is under way. */
static void handle_input(struct status_client *c)
{
	while (!c->closing && !is_busy(c)) {
		const uint8_t *p = buf_data(&c->in), *end = memchr(p, '\n', buf_len(&c->in));
		char line[STATUS_LINE_MAX_BYTES];
		size_t n;

		if (!end)
			return;
		n = (size_t)(end - p);
		memcpy(line, p, n);
		buf_consume(&c->in, n + 1);
		handle_line(c, line, n);
	}
}

/* Sends what the socket takes. False: the client is gone. */
static bool flush(struct status_client *c)
{
	while (buf_len(&c->out)) {
		ssize_t n = send(c->io.fd, buf_data(&c->out), buf_len(&c->out),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		buf_consume(&c->out, (size_t)n);
	}
	return true;
}

/* After any event: lines, output, what to wait for next, the end. May free the client. */
static void client_run(struct status_client *c)
{
	uint32_t events = 0;

	handle_input(c);
	if (c->no_more && (c->follows || !is_busy(c)))
		c->closing = true;
	if (!is_busy(c) && !timer_armed(&c->timer))
		arm(c, STATUS_IDLE_MS);
	if (!flush(c) || (c->closing && buf_len(&c->out) == 0)) {
		client_free(c);
		return;
	}
	if (!c->no_more && buf_len(&c->in) < STATUS_LINE_MAX_BYTES)
		events |= EPOLLIN;
	if (buf_len(&c->out))
		events |= EPOLLOUT;
	loop_fd_events(c->sv->spoke->loop, &c->io, events);
}

/* False: the other side is gone. A line that is too long is answered, and is the last. */
static bool read_input(struct status_client *c)
{
	char chunk[1024];
	size_t room = STATUS_LINE_MAX_BYTES - buf_len(&c->in);
	ssize_t n =
		recv(c->io.fd, chunk, room < sizeof(chunk) ? room : sizeof(chunk), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		c->no_more = true;
	if (n && buf_put(&c->in, chunk, (size_t)n))
		return false;
	if (buf_len(&c->in) == STATUS_LINE_MAX_BYTES &&
	    !memchr(buf_data(&c->in), '\n', STATUS_LINE_MAX_BYTES)) {
		reply_error(c, "bad_request", "the line is too long");
		c->closing = true;
	}
	return true;
}

static void client_ready(struct loop_fd *f, uint32_t events)
{
	struct status_client *c = container_of(f, struct status_client, io);

	if ((events & EPOLLIN) && !read_input(c)) {
		client_free(c);
		return;
	}
	if ((events & (EPOLLHUP | EPOLLERR)) && !(events & EPOLLIN)) {
		client_free(c);
		return;
	}
	if (!is_busy(c))
		arm(c, STATUS_IDLE_MS);
	client_run(c);
}

/* Root, and the user that we ourselves run as. */
static bool is_welcome(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static void client_new(struct status_server *sv, int fd)
{
	struct status_client *c = calloc(1, sizeof(*c));

	if (!c || loop_fd_add(sv->spoke->loop, &c->io, fd, EPOLLIN, client_ready)) {
		free(c);
		close(fd);
		return;
	}
	c->sv = sv;
	c->timer.fire = timer_fired;
	buf_init(&c->in, STATUS_LINE_MAX_BYTES);
	buf_init(&c->out, STATUS_OUT_MAX_BYTES);
	list_push_back(&sv->clients, &c->node);
	sv->n_clients++;
	arm(c, STATUS_IDLE_MS);
}

/* One more than we serve: it hears why, which a socket nobody wrote to yet has room for. */
static void turn_away(int fd)
{
	static const char text[] = "{\"done\":true,\"error\":\"busy\",\"text\":\"the daemon serves "
				   "too many commands at the same time; ask again later\"}\n";
	ssize_t n = send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)n;
	close(fd);
}

static void listen_ready(struct loop_fd *f, uint32_t events)
{
	struct status_server *sv = container_of(f, struct status_server, listen);
	int fd;

	(void)events;
	while ((fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (!is_welcome(fd))
			close(fd);
		else if (sv->n_clients < STATUS_CLIENTS_MAX)
			client_new(sv, fd);
		else
			turn_away(fd);
	}
}

enum err status_init(struct status_server *sv, struct spoke *s, int fd)
{
	memset(sv, 0, sizeof(*sv));
	sv->spoke = s;
	sv->listen.fd = -1;
	list_init(&sv->clients);
	log_tap_init(&sv->tap, s->loop, &s->w->monitor, tapped);
	return fd < 0 ? ERR_OK : loop_fd_add(s->loop, &sv->listen, fd, EPOLLIN, listen_ready);
}

void status_fini(struct status_server *sv)
{
	if (!sv->spoke)
		return;
	while (!list_empty(&sv->clients))
		client_free(list_entry(sv->clients.next, struct status_client, node));
	loop_fd_del(sv->spoke->loop, &sv->listen);
	log_tap_fini(&sv->tap);
}
