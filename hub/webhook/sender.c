/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/webhook/sender.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "hub/change.h"
#include "hub/webhook/retry.h"
#include "hub/webhook/signature.h"
#include "hub/webhook/target.h"
#include "shared/base/clock.h"
#include "shared/base/secret.h"

#define USER_AGENT     "Branchline/" BRANCHLINE_VERSION
#define BODY_MAX_BYTES (256u << 10)

struct transfer {
	struct sender *sender;
	struct list link;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	uint32_t webhook_id;
	struct store_delivery delivery; /* its `body` is not kept */
	uint64_t begun_ms;
	size_t received;
	bool refused; /* the name led to an address that is not allowed */
	char error[CURL_ERROR_SIZE];
};

/* A socket of the library in our loop. */
struct watched {
	struct loop_fd fd;
	struct sender *sender;
};

static void reap(struct loop_later *l);

/* --- the library in our loop --- */

static void run_library(struct sender *x, curl_socket_t fd, int what)
{
	int running;

	if (curl_multi_socket_action(x->multi, fd, what, &running) != CURLM_OK)
		log_debug(1, "webhooks: the HTTP library could not be run");
	loop_later(x->loop, &x->reap, reap);
}

static void socket_ready(struct loop_fd *f, uint32_t events)
{
	struct watched *w = container_of(f, struct watched, fd);

	run_library(w->sender, f->fd,
		    (events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? CURL_CSELECT_IN : 0) |
			    (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			    (events & EPOLLERR ? CURL_CSELECT_ERR : 0));
}

static void curl_timer(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	run_library(container_of(t, struct sender, curl), CURL_SOCKET_TIMEOUT, 0);
}

static int want_timer(CURLM *multi, long ms, void *arg)
{
	struct sender *x = arg;

	(void)multi;
	if (ms < 0)
		timer_disarm(loop_timers(x->loop), &x->curl);
	else
		timer_arm(loop_timers(x->loop), &x->curl, loop_now_ms(x->loop) + (uint64_t)ms);
	return 0;
}

static int forget_socket(struct sender *x, struct watched *w, curl_socket_t fd)
{
	if (!w)
		return 0;
	loop_fd_del(x->loop, &w->fd);
	free(w);
	curl_multi_assign(x->multi, fd, NULL);
	return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct watched *w = socket_arg;
	struct sender *x = arg;
	uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
			  (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE)
		return forget_socket(x, w, fd);
	if (w) {
		loop_fd_events(x->loop, &w->fd, events);
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (!w || loop_fd_add(x->loop, &w->fd, fd, events, socket_ready)) {
		free(w);
		return -1;
	}
	w->sender = x;
	curl_multi_assign(x->multi, fd, w);
	return 0;
}

/* --- one transfer --- */

static void transfer_free(struct transfer *t)
{
	if (!t)
		return;
	if (t->easy) {
		curl_multi_remove_handle(t->sender->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	if (!list_empty(&t->link)) {
		list_del(&t->link);
		t->sender->n--;
	}
	curl_slist_free_all(t->headers);
	buf_fini(&t->body);
	free(t);
}

/* Whatever name was looked up: this is the address that would be connected to. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct sockaddr_storage ss = { 0 };
	struct endpoint where = { 0 };
	struct transfer *t = arg;

	(void)purpose;
	if (address->addrlen > sizeof(ss))
		return CURL_SOCKET_BAD;
	memcpy(&ss, &address->addr, address->addrlen);
	if (endpoint_from_sockaddr(&ss, (socklen_t)address->addrlen, &where) ||
	    !target_address_allowed(&where.addr)) {
		t->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* What the receiver says beyond its status is of no interest. */
static size_t discard(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)p;
	t->received += size * n;
	return t->received <= SENDER_ANSWER_MAX ? size * n : 0;
}

static CURLcode set_protocols(CURL *h)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	return curl_easy_setopt(h, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static CURLcode set_options(struct transfer *t, const char *url)
{
	CURL *h = t->easy;
	CURLcode r = set_protocols(h);

	r = r ? r : curl_easy_setopt(h, CURLOPT_URL, url);
	r = r ? r : curl_easy_setopt(h, CURLOPT_ERRORBUFFER, t->error);
	r = r ? r : curl_easy_setopt(h, CURLOPT_PRIVATE, t);
	r = r ? r : curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	r = r ? r : curl_easy_setopt(h, CURLOPT_PROXY, "");
	r = r ? r : curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	r = r ? r : curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	r = r ? r : curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	r = r ? r : curl_easy_setopt(h, CURLOPT_USERAGENT, USER_AGENT);
	r = r ? r : curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)SENDER_CONNECT_MS);
	r = r ? r : curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)SENDER_TIMEOUT_MS);
	r = r ? r : curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	r = r ? r : curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, t);
	r = r ? r : curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, discard);
	r = r ? r : curl_easy_setopt(h, CURLOPT_WRITEDATA, t);
	r = r ? r : curl_easy_setopt(h, CURLOPT_HTTPHEADER, t->headers);
	r = r ? r : curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, (long)buf_len(&t->body));
	return r ? r : curl_easy_setopt(h, CURLOPT_POSTFIELDS, (const char *)buf_data(&t->body));
}

static bool add_header(struct transfer *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static bool add_header(struct transfer *t, const char *fmt, ...)
{
	struct curl_slist *longer;
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	longer = curl_slist_append(t->headers, line);
	if (longer)
		t->headers = longer;
	return longer != NULL;
}

/* Body and headers; the signature is over the body as it is sent. */
static enum err make_message(struct transfer *t, const char *secret, const char *data)
{
	const struct store_delivery *d = &t->delivery;
	int64_t now_s = clock_wall_ms() / 1000;
	char signature[SIGNATURE_SIZE];
	enum err e = buf_printf(&t->body,
				"{\"delivery\":%u,\"event\":\"%s\",\"network\":\"%s\",\"data\":%s}",
				d->id, d->event, t->sender->network, data);

	if (!e)
		e = signature_make(secret, now_s, buf_data(&t->body), buf_len(&t->body), signature);
	if (e)
		return e;
	return add_header(t, "Content-Type: application/json") && add_header(t, "Expect:") &&
			       add_header(t, "Branchline-Event: %s", d->event) &&
			       add_header(t, "Branchline-Delivery: %u", d->id) &&
			       add_header(t, "Branchline-Timestamp: %" PRId64, now_s) &&
			       add_header(t, "Branchline-Signature: %s", signature)
		       ? ERR_OK
		       : ERR_NOMEM;
}

/* What a webhook's next delivery is made from. */
struct starting {
	struct sender *sender;
	const struct store_webhook *hook;
};

static enum err start_transfer(void *arg, const struct store_delivery *d)
{
	const struct starting *s = arg;
	struct sender *x = s->sender;
	struct transfer *t = calloc(1, sizeof(*t));
	enum err e;

	if (!t)
		return ERR_NOMEM;
	t->sender = x;
	t->delivery = *d;
	t->delivery.body = NULL;
	t->webhook_id = s->hook->id;
	t->begun_ms = clock_now_ms();
	list_init(&t->link);
	buf_init(&t->body, BODY_MAX_BYTES);
	e = make_message(t, s->hook->secret, d->body);
	t->easy = e ? NULL : curl_easy_init();
	if (!t->easy || set_options(t, s->hook->url) != CURLE_OK ||
	    curl_multi_add_handle(x->multi, t->easy) != CURLM_OK) {
		transfer_free(t);
		return e ? e : ERR_NOMEM;
	}
	list_push_back(&x->transfers, &t->link);
	x->n++;
	return ERR_OK;
}

/* --- what came of it --- */

static void store_failed(struct sender *x, enum err e, const char *what)
{
	x->rest_until_ms = loop_now_ms(x->loop) + SENDER_REST_MS;
	if (log_allowed(&x->log_limit))
		log_warn("webhooks: cannot %s: %s (%s)", what, err_str(e), store_error(x->store));
}

/* Notes the outcome in delivery and webhook, as they are by now. */
static enum err record(struct transfer *t, const struct retry_outcome *o, struct store_webhook *w,
		       bool *disable)
{
	struct store *s = t->sender->store;
	enum err e = store_begin(s);

	if (e)
		return e;
	e = store_webhook_get(s, t->webhook_id, w);
	if (!e) {
		*disable = retry_note(&t->delivery, w, o) && w->enabled;
		if (t->delivery.status == DELIVERY_PENDING && !w->enabled)
			t->delivery.status = DELIVERY_DROPPED;
		e = store_delivery_update(s, &t->delivery);
	}
	if (!e)
		e = store_webhook_put(s, w);
	if (!e)
		e = store_commit(s);
	if (e)
		store_rollback(s);
	return e == ERR_NOTFOUND ? ERR_OK : e; /* deleted meanwhile */
}

static void disable_hook(struct sender *x, struct store_webhook *w)
{
	char why[sizeof(w->disabled_why)];
	struct change c = { .store = x->store, .actor = "webhooks" };
	struct change_webhook_edit edit = { .enabled = 0, .why = why };
	enum err e;

	memcpy(why, w->disabled_why, sizeof(why));
	log_warn("webhooks: %s is disabled: %s", w->name, why);
	e = change_webhook_edit(&c, w->id, &edit, w);
	if (e)
		store_failed(x, e, "disable a webhook");
}

static void finish(struct transfer *t, CURLcode result)
{
	struct sender *x = t->sender;
	struct retry_outcome o = { .at_ms = clock_wall_ms(),
				   .took_ms = (uint32_t)(clock_now_ms() - t->begun_ms) };
	struct store_webhook w = { 0 };
	bool disable = false;
	long status = 0;
	enum err e;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	o.http_status = status > 0 && status < 1000 ? (uint16_t)status : 0;
	if (t->refused)
		o.error = "the name leads to an address that webhooks may not use";
	else if (result != CURLE_OK && !(o.http_status && t->received > SENDER_ANSWER_MAX))
		o.error = t->error[0] ? t->error : curl_easy_strerror(result);
	e = record(t, &o, &w, &disable);
	if (e)
		store_failed(x, e, "write down what came of a delivery");
	else if (disable)
		disable_hook(x, &w);
	log_debug(2, "webhooks: delivery %u to %s: %s", t->delivery.id, w.name,
		  o.error ? o.error : "answered");
	secret_zero(&w, sizeof(w));
	transfer_free(t);
}

/* Looks for answers. */
static void reap(struct loop_later *l)
{
	struct sender *x = container_of(l, struct sender, reap);
	bool any = false;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(x->multi, &left))) {
		CURLcode result = m->data.result;
		char *t = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		finish((struct transfer *)(void *)t, result);
		any = true;
	}
	if (any)
		sender_look(x);
}

/* --- what is due --- */

struct looking {
	struct sender *sender;
	int64_t now_ms, next_ms; /* wall; next_ms 0: nothing waits */
};

static bool is_busy(const struct sender *x, uint32_t webhook_id)
{
	const struct list *head = &x->transfers;

	for (const struct list *l = head->next; l != head; l = l->next)
		if (list_entry(l, struct transfer, link)->webhook_id == webhook_id)
			return true;
	return false;
}

static enum err look_at(void *arg, const struct store_webhook *w)
{
	struct looking *k = arg;
	struct starting s = { k->sender, w };
	int64_t next_ms = 0;
	enum err e;

	if (!w->enabled || !w->waiting || is_busy(k->sender, w->id) ||
	    k->sender->n == SENDER_TRANSFERS_MAX)
		return ERR_OK;
	e = store_delivery_due(k->sender->store, w->id, k->now_ms, &next_ms, start_transfer, &s);
	if (e != ERR_NOTFOUND)
		return e;
	if (next_ms && (!k->next_ms || next_ms < k->next_ms))
		k->next_ms = next_ms;
	return ERR_OK;
}

void sender_look(struct sender *x)
{
	struct looking k = { .sender = x, .now_ms = clock_wall_ms() };
	uint64_t now_ms = loop_now_ms(x->loop);
	enum err e;

	if (now_ms < x->rest_until_ms) {
		timer_arm(loop_timers(x->loop), &x->due, x->rest_until_ms);
		return;
	}
	e = store_webhooks_list(x->store, 0, 0, look_at, &k);
	if (e) {
		store_failed(x, e, "look for deliveries");
		timer_arm(loop_timers(x->loop), &x->due, x->rest_until_ms);
	} else if (k.next_ms) {
		timer_arm(loop_timers(x->loop), &x->due,
			  now_ms + (k.next_ms > k.now_ms ? (uint64_t)(k.next_ms - k.now_ms) : 0) +
				  1);
	}
}

static void due(struct timer *t, uint64_t now_ms)
{
	(void)now_ms;
	sender_look(container_of(t, struct sender, due));
}

/* --- start and end --- */

enum err sender_init(struct sender *x, struct loop *l, struct store *s, const char *network)
{
	*x = (struct sender){ .loop = l,
			      .store = s,
			      .network = network,
			      .due.fire = due,
			      .curl.fire = curl_timer,
			      .log_limit = { .burst = 5, .every_ms = 10000 } };
	list_init(&x->transfers);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ERR_SYSTEM;
	x->multi = curl_multi_init();
	if (!x->multi)
		return ERR_NOMEM;
	curl_multi_setopt(x->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(x->multi, CURLMOPT_SOCKETDATA, x);
	curl_multi_setopt(x->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(x->multi, CURLMOPT_TIMERDATA, x);
	curl_multi_setopt(x->multi, CURLMOPT_MAXCONNECTS, (long)SENDER_TRANSFERS_MAX);
	return ERR_OK;
}

void sender_fini(struct sender *x)
{
	if (!x->multi)
		return;
	while (!list_empty(&x->transfers))
		transfer_free(list_entry(x->transfers.next, struct transfer, link));
	curl_multi_cleanup(x->multi);
	loop_later_cancel(x->loop, &x->reap);
	timer_disarm(loop_timers(x->loop), &x->due);
	timer_disarm(loop_timers(x->loop), &x->curl);
	x->multi = NULL;
	curl_global_cleanup();
}
