/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/server.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "hub/api/handlers.h"
#include "hub/api/head.h"
#include "hub/api/routes.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"

#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SERVER_PRECEDENCE"
#define DAEMONS_MAX    (1u + WORKER_LISTENERS_MAX)

#define STREAM_BLOCK_BYTES 4096u
#define STREAM_MAX_BYTES   (16u << 20) /* of the events made at once */

struct daemon {
	struct server *server;
	struct MHD_Daemon *mhd; /* NULL: not running */
	struct loop_fd fd;      /* the library's epoll descriptor */
	struct timer timer;
	bool is_unix;
};

struct server {
	struct api *api;
	struct daemon daemons[DAEMONS_MAX];
	unsigned n;
	unsigned wanted, room; /* connections of all daemons: wanted, and what there is room for */
};

/* What one connection of the UNIX socket is known by. */
struct visitor {
	struct auth_peer peer;
};

/* A request with its place in the library. */
struct exchange {
	struct request request;
	struct daemon *daemon;
	struct MHD_Connection *connection;
	struct buf pending;  /* of a stream: made, not sent */
	struct loop_fd gone; /* of a stream: its connection, watched for the client's end */
	bool resting;        /* a stream that has nothing to send: suspended */
	bool ended;
	uint64_t begun_us;
};

static void log_library(void *arg, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* What the library complains about: mostly what strangers send. */
static void log_library(void *arg, const char *fmt, va_list ap)
{
	struct api *a = arg;
	char text[256];

	if (log_level() < 1 || !log_allowed(&a->log_limit))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\r\n")] = '\0';
	log_debug(1, "api: http: %s", text);
}

/* Runs the library, and asks it when it wants to be run again. */
static void run(struct daemon *d)
{
	struct loop *loop = d->server->api->worker->loop;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	if (MHD_run(d->mhd) != MHD_YES)
		log_debug(1, "api: the HTTP library could not be run");
	if (MHD_get_timeout(d->mhd, &wait_ms) == MHD_YES)
		timer_arm(loop_timers(loop), &d->timer, loop_now_ms(loop) + wait_ms);
	else
		timer_disarm(loop_timers(loop), &d->timer);
}

static void ready(struct loop_fd *f, uint32_t events)
{
	(void)events;
	run(container_of(f, struct daemon, fd));
}

static void fire(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	run(container_of(t, struct daemon, timer));
}

/* --- from a request to the library's answer --- */

/* What every answer says, unless it says otherwise itself. */
static void add_headers(struct MHD_Response *response, const struct reply *r)
{
	static const char *const always[][2] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "Cache-Control", "no-store" },
		{ "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'" },
		{ "Referrer-Policy", "no-referrer" },
	};

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		if (!reply_header_get(r, always[i][0]))
			MHD_add_response_header(response, always[i][0], always[i][1]);
	if (r->status != 304 && r->content_type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->content_type);
	for (unsigned i = 0; i < r->n_headers; i++)
		MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
}

/* The library wants more of a stream. */
static ssize_t read_stream(void *arg, uint64_t at, char *out, size_t max)
{
	struct exchange *x = arg;
	size_t n;

	(void)at;
	if (buf_len(&x->pending) == 0 &&
	    (x->ended || events_fill(&x->request, &x->pending) != ERR_OK))
		return MHD_CONTENT_READER_END_OF_STREAM;
	n = buf_len(&x->pending) < max ? buf_len(&x->pending) : max;
	memcpy(out, buf_data(&x->pending), n);
	buf_consume(&x->pending, n);
	if (n == 0) {
		x->resting = true;
		MHD_suspend_connection(x->connection);
	}
	return (ssize_t)n;
}

/* The listener has closed its end: a stream that rests would learn that with its next event only.
 */
static void listener_gone(struct loop_fd *f, uint32_t events)
{
	struct exchange *x = container_of(f, struct exchange, gone);

	(void)events;
	loop_fd_del(x->daemon->server->api->worker->loop, f);
	x->ended = true;
	buf_clear(&x->pending);
	server_wake(&x->request.stream);
}

/* The library itself does not look at a connection that is suspended. */
static void watch_listener(struct exchange *x)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (!info || loop_fd_add(x->daemon->server->api->worker->loop, &x->gone, info->connect_fd,
				 EPOLLRDHUP, listener_gone) != ERR_OK)
		log_debug(1, "api: a listener's end will be noticed late");
}

static enum MHD_Result send_reply(struct exchange *x)
{
	struct reply *r = &x->request.reply;
	struct MHD_Response *response;
	enum MHD_Result result;

	if (r->stream)
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
							     read_stream, x, NULL);
	else if (r->fixed)
		response = MHD_create_response_from_buffer(
			r->fixed_len, (void *)(uintptr_t)r->fixed, MHD_RESPMEM_PERSISTENT);
	else
		response = MHD_create_response_from_buffer(buf_len(&r->body),
							   (void *)(uintptr_t)buf_data(&r->body),
							   MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	add_headers(response, r);
	result = MHD_queue_response(x->connection, r->status, response);
	MHD_destroy_response(response);
	if (r->stream && result == MHD_YES)
		watch_listener(x);
	return result;
}

static enum MHD_Result take_query(void *arg, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	(void)kind;
	params_add(arg, name, value);
	return MHD_YES;
}

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static void take_head(struct request *r, struct MHD_Connection *c)
{
	r->headers = (struct request_headers){
		.authorization = header(c, "Authorization"),
		.if_match = header(c, "If-Match"),
		.if_none_match = header(c, "If-None-Match"),
		.idempotency_key = header(c, "Idempotency-Key"),
		.content_type = header(c, "Content-Type"),
		.content_length = header(c, "Content-Length"),
		.cookie = header(c, "Cookie"),
		.own_page = header(c, "X-Branchline"),
		.origin = header(c, "Origin"),
		.host = header(c, "Host"),
		.last_event_id = header(c, "Last-Event-ID"),
		.accept_encoding = header(c, "Accept-Encoding"),
	};
	MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, take_query, &r->query);
}

static enum MHD_Result take_field(void *arg, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	(void)kind;
	head_take(arg, name, value);
	return MHD_YES;
}

static enum MHD_Result add_length(void *arg, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	(void)kind;
	*(size_t *)arg += strlen(name) + (value ? strlen(value) : 0) + 2;
	return MHD_YES;
}

/* Does the head mean one thing only? False: it is answered, and the connection will be closed. */
static bool check_head(struct exchange *x, const char *path, const char *version)
{
	struct head h = { .version = version, .target_bytes = strlen(path) };
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct problem p = { 0 };

	h.bytes = info ? info->header_size : 0;
	MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, add_length,
				  &h.target_bytes);
	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, take_field, &h);
	if (head_check(&h, &p) == ERR_OK)
		return true;
	reply_problem(&x->request.reply, &p);
	reply_header(&x->request.reply, "Connection", "close");
	return false;
}

/* Who is on the other end, as far as the connection says. */
static void take_origin(struct exchange *x)
{
	const union MHD_ConnectionInfo *info;
	struct sockaddr_storage ss = { 0 };
	struct endpoint remote = { 0 };
	struct visitor *visitor;
	socklen_t len;

	if (x->daemon->is_unix) {
		info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
		visitor = info ? info->socket_context : NULL;
		x->request.peer = visitor ? &visitor->peer : NULL;
		return;
	}
	info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (!info || !info->client_addr)
		return;
	len = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						       : sizeof(struct sockaddr_in);
	memcpy(&ss, info->client_addr, len);
	if (endpoint_from_sockaddr(&ss, len, &remote) == ERR_OK)
		x->request.remote = remote.addr;
}

/* The head of a request is there. */
static enum MHD_Result begin(struct daemon *d, struct MHD_Connection *c, const char *path,
			     const char *method, const char *version, void **context)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return MHD_NO;
	request_init(&x->request);
	buf_init(&x->pending, STREAM_MAX_BYTES);
	x->daemon = d;
	x->gone.fd = -1;
	x->begun_us = clock_now_us();
	x->connection = c;
	x->request.api = d->server->api;
	x->request.routes = &api_routes;
	x->request.method = router_method(method);
	x->request.path = path;
	*context = x;
	take_head(&x->request, c);
	take_origin(x);
	if (d->is_unix && !x->request.peer)
		return MHD_NO;
	if (!check_head(x, path, version))
		return send_reply(x);
	return request_begin(&x->request) ? send_reply(x) : MHD_YES;
}

/* The library calls it for the head, for each piece of the body, at the end of the body, and after
 * a wait. */
static enum MHD_Result handle(void *arg, struct MHD_Connection *c, const char *path,
			      const char *method, const char *version, const char *data, size_t *n,
			      void **context)
{
	struct exchange *x = *context;

	if (!x)
		return begin(arg, c, path, method, version, context);
	if (*n) {
		size_t size = *n;

		*n = 0;
		return request_body(&x->request, data, size) ? MHD_YES : MHD_NO;
	}
	if (!x->request.reply.status)
		request_run(&x->request);
	if (x->request.reply.status)
		return send_reply(x);
	MHD_suspend_connection(c);
	return MHD_YES;
}

static void completed(void *arg, struct MHD_Connection *c, void **context,
		      enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *context;

	(void)arg;
	(void)c;
	(void)code;
	if (!x)
		return;
	if (x->request.reply.status && !x->request.reply.stream && !x->request.wait_revision &&
	    !x->request.asleep)
		durations_add(&x->request.api->durations, x->request.route, x->request.reply.status,
			      clock_now_us() - x->begun_us);
	/* What this one has changed, those who listen want to know. */
	if (x->request.method != HTTP_GET)
		api_nudge_events(x->request.api);
	loop_fd_del(x->request.api->worker->loop, &x->gone);
	request_fini(&x->request);
	buf_fini(&x->pending);
	free(x);
	*context = NULL;
}

void server_go_on(struct request *r)
{
	struct exchange *x = container_of(r, struct exchange, request);
	struct loop *loop = r->api->worker->loop;

	MHD_resume_connection(x->connection);
	timer_arm(loop_timers(loop), &x->daemon->timer, loop_now_ms(loop));
}

void server_wake(struct event_stream *s)
{
	struct request *r = container_of(s, struct request, stream);
	struct exchange *x = container_of(r, struct exchange, request);

	if (!x->resting)
		return;
	x->resting = false;
	server_go_on(r);
}

/* The end: streams must not rest when the library stops. */
static void end_streams(struct server *s)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, &s->api->events.streams) {
		struct event_stream *one = list_entry(pos, struct event_stream, link);
		struct request *r = container_of(one, struct request, stream);

		container_of(r, struct exchange, request)->ended = true;
		server_wake(one);
	}
}

bool server_look(struct wait *one, bool late)
{
	struct request *r = container_of(one, struct request, wait);

	if (!revisions_look(r, late))
		return false;
	server_go_on(r);
	return true;
}

void server_echoed(struct echoes_wait *one, const struct echoes_result *result)
{
	struct request *r = container_of(one, struct request, echoes);

	if (r->connects)
		sessions_echoed(r, result);
	else
		reach_answer(r, result);
	if (r->asleep)
		server_go_on(r);
}

void server_ordered(struct order_wait *one, const struct nudge_order_done *what)
{
	struct request *r = container_of(one, struct request, order);

	sessions_done(r, what);
	server_go_on(r);
}

/* A connection of the UNIX socket has come or gone: the kernel says once whose it is. */
static void visit(void *arg, struct MHD_Connection *c, void **context,
		  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct visitor *v;

	(void)arg;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		free(*context);
		*context = NULL;
		return;
	}
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	v = calloc(1, sizeof(*v));
	if (v && (!info || auth_peer_read(info->connect_fd, &v->peer) != ERR_OK)) {
		free(v);
		v = NULL;
	}
	*context = v;
}

static size_t unescape(void *arg, struct MHD_Connection *c, char *s)
{
	(void)arg;
	(void)c;
	return params_unescape(s);
}

/* --- start and end --- */

/*
 * The library knows no reserve, and with no connection of its own to wait for it would try to
 * accept again and again: it is never let near the limit of open files.
 */
static void share_room(struct server *s)
{
	const struct worker_fds *fds = &s->api->worker->fds;

	s->wanted = (fds->listen_unix >= 0 ? SERVER_UNIX_CONNECTIONS_MAX : 0) +
		    fds->n_listen_https * SERVER_HTTPS_CONNECTIONS_MAX;
	s->room = worker_connections_max(s->wanted);
	if (s->room < s->wanted)
		log_warn("api: the limit of open files (RLIMIT_NOFILE) leaves room for %u "
			 "connections instead of %u: others will wait. Raise LimitNOFILE= of the "
			 "service, or ulimit -n, and restart the hub",
			 s->room, s->wanted);
}

/* Its part of the connections that there is room for. */
static unsigned connections_max(const struct daemon *d)
{
	const struct server *s = d->server;
	unsigned most = d->is_unix ? SERVER_UNIX_CONNECTIONS_MAX : SERVER_HTTPS_CONNECTIONS_MAX;
	unsigned part = most * s->room / s->wanted;

	return part ? part : 1;
}

/* Starts the library on one listening socket. */
static struct MHD_Daemon *start_library(struct daemon *d, int listen_fd)
{
	struct api *a = d->server->api;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			 (d->is_unix ? 0 : MHD_USE_TLS);
	struct MHD_OptionItem unix_only[] = {
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)visit, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem https_only[] = {
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)buf_cstr(&a->https_key) },
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)buf_cstr(&a->https_cert) },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, SERVER_PER_IP_MAX, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	return MHD_start_daemon(flags, 0, NULL, NULL, handle, d, MHD_OPTION_EXTERNAL_LOGGER,
				log_library, a, MHD_OPTION_LISTEN_SOCKET, listen_fd,
				MHD_OPTION_CONNECTION_LIMIT, connections_max(d),
				MHD_OPTION_CONNECTION_TIMEOUT, SERVER_TIMEOUT_S,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_MEMORY_BYTES,
				MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
				MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_ARRAY,
				d->is_unix ? unix_only : https_only, MHD_OPTION_END);
}

static enum err start_daemon(struct server *s, int listen_fd, bool is_unix)
{
	struct daemon *d = &s->daemons[s->n];
	const union MHD_DaemonInfo *info;

	*d = (struct daemon){ .server = s, .is_unix = is_unix, .fd.fd = -1, .timer.fire = fire };
	d->mhd = start_library(d, listen_fd);
	if (!d->mhd) {
		log_error("api: %s could not be started%s", is_unix ? "the API socket" : "HTTPS",
			  is_unix ? "" : ": is the certificate with its key in order?");
		return ERR_SYSTEM;
	}
	s->n++;
	info = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	BUG_ON(!info);
	return loop_fd_add(s->api->worker->loop, &d->fd, info->epoll_fd, EPOLLIN, ready);
}

enum err server_start(struct api *a, struct server **out)
{
	const struct worker_fds *fds = &a->worker->fds;
	struct server *s = calloc(1, sizeof(*s));
	enum err e = ERR_OK;

	if (!s)
		return ERR_NOMEM;
	s->api = a;
	share_room(s);
	if (fds->listen_unix >= 0)
		e = start_daemon(s, fds->listen_unix, true);
	for (unsigned i = 0; i < fds->n_listen_https && !e; i++)
		e = start_daemon(s, fds->listen_https[i], false);
	if (e)
		server_stop(s);
	else
		*out = s;
	return e;
}

void server_stop(struct server *s)
{
	if (!s)
		return;
	waits_flush(&s->api->waits);
	echoes_fini(&s->api->echoes);
	order_waits_fini(&s->api->orders);
	end_streams(s);
	for (unsigned i = 0; i < s->n; i++) {
		struct daemon *d = &s->daemons[i];

		MHD_run(d->mhd);
		loop_fd_del(s->api->worker->loop, &d->fd);
		timer_disarm(loop_timers(s->api->worker->loop), &d->timer);
		MHD_stop_daemon(d->mhd);
	}
	free(s);
}
