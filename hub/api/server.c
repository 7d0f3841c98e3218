/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/server.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "hub/api/gate_conn.h"
#include "hub/api/handlers.h"
#include "hub/api/routes.h"
#include "hub/api/transport.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"

#define STREAM_BLOCK_BYTES 4096u
#define STREAM_MAX_BYTES   (16u << 20) /* of the events made at once */

struct server {
	struct api *api;
	struct gate *gate;
	struct MHD_Daemon *library;
	struct loop_fd fd; /* the library's epoll descriptor */
	struct timer timer;
	unsigned wanted, room; /* connections: wanted, and what there is room for */
};

/* A request with its place in the library. */
struct exchange {
	struct request request;
	struct server *server;
	struct gate_conn *client;
	struct MHD_Connection *connection;
	struct buf pending; /* of a stream: made, not sent */
	bool resting;       /* a stream that has nothing to send: suspended */
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

	if (!log_wants(1) || !log_allowed(&a->log_limit))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\r\n")] = '\0';
	log_debug(1, "api: http: %s", text);
}

/* Runs the library, and asks it when it wants to be run again. */
static void run(struct server *s)
{
	struct loop *loop = s->api->worker->loop;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	if (MHD_run(s->library) != MHD_YES)
		log_debug(1, "api: the HTTP library could not be run");
	if (MHD_get_timeout(s->library, &wait_ms) == MHD_YES)
		timer_arm(loop_timers(loop), &s->timer, loop_now_ms(loop) + wait_ms);
	else
		timer_disarm(loop_timers(loop), &s->timer);
}

static void ready(struct loop_fd *f, uint32_t events)
{
	(void)events;
	run(container_of(f, struct server, fd));
}

static void fire(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	run(container_of(t, struct server, timer));
}

/* --- from a request to the library's answer --- */

static enum err fill(struct request *r, struct buf *out)
{
	return r->stream.of_log ? logs_fill(r, out) : events_fill(r, out);
}

/* The library wants more of a stream. */
static ssize_t read_stream(void *arg, uint64_t at, char *out, size_t max)
{
	struct exchange *x = arg;
	size_t n;

	(void)at;
	if (buf_len(&x->pending) == 0 && (x->ended || fill(&x->request, &x->pending) != ERR_OK))
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
static void left(void *arg, void *guest)
{
	struct exchange *x = guest;

	(void)arg;
	if (!x->request.reply.stream || x->ended)
		return;
	x->ended = true;
	buf_clear(&x->pending);
	server_wake(&x->request.stream);
}

static enum MHD_Result send_reply(struct exchange *x)
{
	const struct reply *r = &x->request.reply;
	struct reply_field fields[REPLY_FIELDS_MAX];
	unsigned n = reply_fields(r, fields);
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
	for (unsigned i = 0; i < n; i++)
		MHD_add_response_header(response, fields[i].name, fields[i].value);
	result = MHD_queue_response(x->connection, r->status, response);
	MHD_destroy_response(response);
	if (result == MHD_YES)
		gate_conn_answered(x->client);
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

/* Whose connection it is, as visit() has noted. */
static struct gate_conn *client_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* The head of a request is there. */
static enum MHD_Result begin(struct server *s, struct MHD_Connection *c, const char *path,
			     const char *method, void **context)
{
	struct gate_conn *client = client_of(c);
	struct exchange *x = client ? calloc(1, sizeof(*x)) : NULL;

	if (!x)
		return MHD_NO;
	request_init(&x->request);
	buf_init(&x->pending, STREAM_MAX_BYTES);
	x->server = s;
	x->client = client;
	x->begun_us = clock_now_us();
	x->connection = c;
	x->request.api = s->api;
	x->request.routes = &api_routes;
	x->request.method = router_method(method);
	x->request.path = path;
	x->request.peer = gate_conn_peer(client);
	x->request.remote = *gate_conn_remote(client);
	*context = x;
	take_head(&x->request, c);
	gate_conn_asked(client, x);
	return request_begin(&x->request) ? send_reply(x) : MHD_YES;
}

/* The library calls it for the head, for each piece of the body, at the end of the body, and after
 * a wait. */
static enum MHD_Result handle(void *arg, struct MHD_Connection *c, const char *path,
			      const char *method, const char *version, const char *data, size_t *n,
			      void **context)
{
	struct exchange *x = *context;

	(void)version;
	if (!x)
		return begin(arg, c, path, method, context);
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
	gate_conn_completed(x->client);
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
	timer_arm(loop_timers(loop), &x->server->timer, loop_now_ms(loop));
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
static void end_streams(struct list *streams)
{
	struct list *pos, *tmp;

	list_for_each(pos, tmp, streams) {
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

/* A connection has come or gone: the gate knows whose it is. */
static void visit(void *arg, struct MHD_Connection *c, void **context,
		  enum MHD_ConnectionNotificationCode code)
{
	struct server *s = arg;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
		*context = info ? gate_find(s->gate, info->connect_fd) : NULL;
	} else if (*context) {
		gate_conn_let_go(*context);
		*context = NULL;
	}
}

/* The gate has a client for the library. */
static bool let_in(void *arg, int fd)
{
	static const struct sockaddr_un nobody = { .sun_family = AF_UNIX };
	struct server *s = arg;

	return MHD_add_connection(s->library, fd, (const struct sockaddr *)&nobody,
				  sizeof(nobody)) == MHD_YES;
}

static size_t unescape(void *arg, struct MHD_Connection *c, char *s)
{
	(void)arg;
	(void)c;
	return params_unescape(s);
}

/* --- start and end --- */

/* Descriptors of a connection: the client's, and the pair between gate and library. */
#define FDS_EACH 3u

/* The limit of open files is never reached: the database would find no descriptor. */
static void share_room(struct server *s)
{
	const struct worker_fds *fds = &s->api->worker->fds;
	unsigned found;

	s->wanted = (fds->listen_unix >= 0 ? SERVER_UNIX_CONNECTIONS_MAX : 0) +
		    fds->n_listen_https * SERVER_HTTPS_CONNECTIONS_MAX;
	found = worker_connections_max(s->wanted * FDS_EACH + SERVER_WAITING_MAX);
	s->room = found > 2 * SERVER_WAITING_MAX ? (found - SERVER_WAITING_MAX) / FDS_EACH
						 : found / (2 * FDS_EACH);
	if (s->room < s->wanted)
		log_warn("api: the limit of open files (RLIMIT_NOFILE) leaves room for %u "
			 "connections instead of %u: others will wait. Raise LimitNOFILE= of the "
			 "service, or ulimit -n, and restart the hub",
			 s->room, s->wanted);
}

static enum err listen_at(struct server *s, int fd, bool is_unix)
{
	unsigned most = is_unix ? SERVER_UNIX_CONNECTIONS_MAX : SERVER_HTTPS_CONNECTIONS_MAX,
		 part = most * s->room / s->wanted;

	return gate_listen(s->gate, fd, is_unix, part ? part : 1);
}

/* What all HTTPS clients have in common; `*tls` stays NULL when there is no HTTPS. */
static enum err make_tls(struct api *a, SSL_CTX **tls)
{
	const char *why = "";
	enum err e;

	if (!a->worker->fds.n_listen_https)
		return ERR_OK;
	e = transport_tls_new(&a->https_key, &a->https_cert, tls, &why);
	if (e)
		log_error("api: HTTPS could not be started: is the certificate %s with its key %s "
			  "in order? (%s)",
			  a->config->https_cert_file, a->config->https_key_file, why);
	return e;
}

static enum err start_gate(struct server *s)
{
	static const struct gate_house house = { .let_in = let_in, .left = left };
	const struct worker_fds *fds = &s->api->worker->fds;
	SSL_CTX *tls = NULL;
	enum err e = make_tls(s->api, &tls);

	if (!e)
		e = gate_new(s->api->worker->loop, &house, s, tls, &s->api->log_limit, &s->gate);
	if (!e && fds->listen_unix >= 0)
		e = listen_at(s, fds->listen_unix, true);
	for (unsigned i = 0; i < fds->n_listen_https && !e; i++)
		e = listen_at(s, fds->listen_https[i], false);
	return e;
}

/* The library without sockets and threads of its own. It has more connections than the gate: those
 * whose clients have left, while they wait. */
static enum err start_library(struct server *s)
{
	const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
			       MHD_USE_NO_LISTEN_SOCKET;
	const union MHD_DaemonInfo *info;

	s->library = MHD_start_daemon(flags, 0, NULL, NULL, handle, s, MHD_OPTION_EXTERNAL_LOGGER,
				      log_library, s->api, MHD_OPTION_CONNECTION_LIMIT,
				      s->room + SERVER_WAITING_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
				      0u, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				      (size_t)SERVER_MEMORY_BYTES, MHD_OPTION_UNESCAPE_CALLBACK,
				      unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
				      MHD_OPTION_NOTIFY_CONNECTION, visit, s, MHD_OPTION_END);
	if (!s->library) {
		log_error("api: the HTTP library could not be started");
		return ERR_SYSTEM;
	}
	info = MHD_get_daemon_info(s->library, MHD_DAEMON_INFO_EPOLL_FD);
	BUG_ON(!info);
	return loop_fd_add(s->api->worker->loop, &s->fd, info->epoll_fd, EPOLLIN, ready);
}

enum err server_start(struct api *a, struct server **out)
{
	struct server *s = calloc(1, sizeof(*s));
	enum err e;

	if (!s)
		return ERR_NOMEM;
	s->api = a;
	s->fd.fd = -1;
	s->timer.fire = fire;
	share_room(s);
	e = start_library(s);
	if (!e)
		e = start_gate(s);
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
	end_streams(&s->api->events.streams);
	end_streams(&s->api->logs.streams);
	if (s->gate)
		gate_stop_listening(s->gate);
	if (s->library) {
		MHD_run(s->library);
		if (s->gate)
			gate_flush(s->gate);
		loop_fd_del(s->api->worker->loop, &s->fd);
		timer_disarm(loop_timers(s->api->worker->loop), &s->timer);
		MHD_stop_daemon(s->library);
	}
	gate_free(s->gate);
	free(s);
}
