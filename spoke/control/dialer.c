/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/dialer.h"

#include <string.h>

#include "shared/base/hostport.h"
#include "shared/base/log.h"

static const struct stream_limits link_limits = {
	.in_bytes = LINK_FRAME_MAX_BYTES + 4,
	.out_bytes = LINK_QUEUE_MAX_BYTES,
	.handshake_ms = LINK_HANDSHAKE_MS,
};

static void step(struct loop_later *l);

void dialer_init(struct dialer *d, struct loop *l, struct stream_identity *identity, int family,
		 const struct dialer_events *ev, void *owner)
{
	memset(d, 0, sizeof(*d));
	d->loop = l;
	d->identity = identity;
	d->family = family;
	d->limits = &link_limits;
	d->ev = ev;
	d->owner = owner;
}

void dialer_fini(struct dialer *d)
{
	dialer_stop(d);
	dialer_clear(d);
}

void dialer_clear(struct dialer *d) { d->n_places = 0; }

void dialer_add(struct dialer *d, const char *place)
{
	for (unsigned i = 0; i < d->n_places; i++)
		if (strcmp(d->places[i], place) == 0)
			return;
	if (d->n_places < DIALER_PLACES_MAX && strlen(place) < ENDPOINT_NAME_SIZE)
		snprintf(d->places[d->n_places++], ENDPOINT_NAME_SIZE, "%s", place);
}

void dialer_stop(struct dialer *d)
{
	loop_later_cancel(d->loop, &d->next);
	resolve_cancel(d->resolve);
	d->resolve = NULL;
	stream_close(d->stream);
	d->stream = NULL;
	d->is_open = false;
}

void dialer_start(struct dialer *d)
{
	dialer_stop(d);
	d->place = 0;
	d->n_found = d->next_found = 0;
	d->last_err = ERR_NOTFOUND;
	snprintf(d->last_why, sizeof(d->last_why), "no address of the hub is known");
	loop_later(d->loop, &d->next, step);
}

static bool has_proxy(const struct dialer *d) { return d->proxy && d->proxy->kind != PROXY_NONE; }

const char *dialer_place(const struct dialer *d) { return d->place ? d->places[d->place - 1] : ""; }

const char *dialer_where(const struct dialer *d, char out[DIALER_WHERE_SIZE])
{
	char text[ENDPOINT_STR_SIZE];

	endpoint_format(&d->dialled, text);
	if (has_proxy(d))
		snprintf(out, DIALER_WHERE_SIZE, "%s through the proxy %s", dialer_place(d), text);
	else
		snprintf(out, DIALER_WHERE_SIZE, "%s", text);
	return out;
}

/* Why the present place or address did not do; said when all have failed, and in the log. */
static void note_failure(struct dialer *d, enum err e, const char *where, const char *why)
{
	d->last_err = e;
	snprintf(d->last_why, sizeof(d->last_why), "%.105s: %.90s", where, why);
	log_debug(1, "link: %s", d->last_why);
}

static void stream_opened(struct stream *s, void *arg, const struct public_key *peer)
{
	struct dialer *d = arg;
	char text[DIALER_WHERE_SIZE];

	if (!d->ev->check(d, has_proxy(d) ? &d->dialled : &d->at, peer)) {
		note_failure(d, ERR_AUTH, dialer_where(d, text), "another key than the hub's");
		stream_close(s);
		d->stream = NULL;
		loop_later(d->loop, &d->next, step);
		return;
	}
	d->is_open = true;
	d->ev->opened(d);
}

static void stream_received(struct stream *s, void *arg, struct buf *in)
{
	struct dialer *d = arg;

	(void)s;
	d->ev->received(d, in);
}

static void stream_closed(struct stream *s, void *arg, enum err e, const char *why)
{
	struct dialer *d = arg;
	char text[DIALER_WHERE_SIZE];
	bool was_open = d->is_open;

	(void)s;
	d->stream = NULL;
	d->is_open = false;
	if (was_open) {
		d->ev->closed(d, e, why);
		return;
	}
	note_failure(d, e, dialer_where(d, text), why ? why : err_str(e));
	loop_later(d->loop, &d->next, step);
}

static void stream_drained(struct stream *s, void *arg)
{
	struct dialer *d = arg;

	(void)s;
	if (d->is_open && d->ev->drained)
		d->ev->drained(d);
}

static const struct stream_events events = { .opened = stream_opened,
					     .received = stream_received,
					     .drained = stream_drained,
					     .closed = stream_closed };

static void resolve_answered(void *arg, enum err e, const struct endpoint *found, size_t n)
{
	struct dialer *d = arg;
	const char *place = d->places[d->place - 1];

	d->resolve = NULL;
	d->next_found = 0;
	d->n_found = n < RESOLVE_ADDRESSES_MAX ? n : RESOLVE_ADDRESSES_MAX;
	if (d->n_found)
		memcpy(d->found, found, d->n_found * sizeof(*found));
	if ((e || n == 0) && has_proxy(d)) {
		note_failure(d, e ? e : ERR_NOTFOUND, d->proxy->host,
			     "the proxy's name cannot be resolved");
	} else if (e || n == 0) {
		note_failure(d, e ? e : ERR_NOTFOUND, place, "the name cannot be resolved");
		d->n_found = d->ev->known ? d->ev->known(d, place, d->found) : 0;
	} else if (d->ev->resolved && !has_proxy(d)) {
		d->ev->resolved(d, place, d->found, d->n_found);
	}
	loop_later(d->loop, &d->next, step);
}

/*
 * A proxy's own address is needed, not the place's. One that is a number we know, too: UDP may get
 * there.
 */
static void take_numeric(struct dialer *d, const char *place, const char *host, uint16_t port)
{
	d->at = (struct endpoint){ .port = port };
	if (addr_parse(host, &d->at.addr))
		d->at = (struct endpoint){ 0 };
	else if (d->ev->resolved)
		d->ev->resolved(d, place, &d->at, 1);
}

/* Looks the next place up; its answer, or the failure to ask, leads to the next step. */
static void resolve_next(struct dialer *d)
{
	const char *place = d->places[d->place++];
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;
	enum err e = hostport_split(place, UDP_PORT_DEFAULT, host, &port);

	d->n_found = d->next_found = 0;
	if (!e && has_proxy(d)) {
		take_numeric(d, place, host, port);
		snprintf(host, sizeof(host), "%s", d->proxy->host);
		port = d->proxy->port;
	}
	if (!e)
		e = resolve_start(d->loop, host, port, d->family, DIALER_RESOLVE_MS,
				  resolve_answered, d, &d->resolve);
	if (e) {
		note_failure(d, e, place, err_str(e));
		loop_later(d->loop, &d->next, step);
	}
}

/* Connects to d->dialled: the hub itself, or its proxy. */
static enum err connect_to(struct dialer *d)
{
	char host[HOSTPORT_HOST_SIZE];
	uint16_t port;
	enum err e;

	if (!has_proxy(d)) {
		d->at = d->dialled;
		return stream_connect(d->loop, d->identity, &d->dialled, d->limits, &events, d,
				      &d->stream);
	}
	e = hostport_split(dialer_place(d), UDP_PORT_DEFAULT, host, &port);
	return e ? e
		 : stream_connect_via(d->loop, d->identity, &d->dialled, d->proxy, host, port,
				      d->limits, &events, d, &d->stream);
}

static void dial_next(struct dialer *d)
{
	char text[DIALER_WHERE_SIZE];
	enum err e;

	d->dialled = d->found[d->next_found++];
	log_debug(1, "link: dialling %s", dialer_where(d, text));
	e = connect_to(d);
	if (e) {
		d->stream = NULL;
		note_failure(d, e, dialer_where(d, text), err_str(e));
		loop_later(d->loop, &d->next, step);
	}
}

/* The next address of this place, else the next place, else the end of the round. */
static void step(struct loop_later *l)
{
	struct dialer *d = container_of(l, struct dialer, next);

	if (d->next_found < d->n_found)
		dial_next(d);
	else if (d->place < d->n_places)
		resolve_next(d);
	else
		d->ev->exhausted(d, d->last_err, d->last_why);
}
