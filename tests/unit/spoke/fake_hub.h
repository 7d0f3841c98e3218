/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* fake_hub: the hub's end of the link for tests: accepts one connection after the other on
 * loopback, and hands over each message. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/loop/stream.h"
#include "shared/wire/control.h"
#include "shared/keys/keys.h"

struct fake_hub {
	struct loop *loop;
	struct keys keys;
	struct stream_identity *identity;
	struct loop_fd listen;
	uint16_t port;
	struct stream *stream; /* the newest connection */
	struct public_key peer;
	unsigned connections;
	void (*message)(struct fake_hub *h, struct control_msg *m);
	void *arg;
};

static __attribute__((unused)) void fake_hub_send(struct fake_hub *h, const struct control_msg *m)
{
	struct buf b;

	buf_init(&b, LINK_FRAME_MAX_BYTES);
	BUG_ON(control_encode(m, 0, &b) != ERR_OK);
	BUG_ON(h->stream && stream_send(h->stream, buf_data(&b), buf_len(&b)) != ERR_OK);
	buf_fini(&b);
}

static __attribute__((unused)) void fake_hub_opened(struct stream *s, void *arg,
						    const struct public_key *peer)
{
	struct fake_hub *h = arg;

	(void)s;
	h->peer = *peer;
	h->connections++;
}

static __attribute__((unused)) void fake_hub_received(struct stream *s, void *arg, struct buf *in)
{
	struct fake_hub *h = arg;
	struct control_msg m;

	while (h->stream == s && control_decode(in, LINK_FRAME_CLIENT_MAX_BYTES, &m) == ERR_OK) {
		h->message(h, &m);
		control_msg_fini(&m);
	}
}

static __attribute__((unused)) void fake_hub_closed(struct stream *s, void *arg, enum err e,
						    const char *why)
{
	struct fake_hub *h = arg;

	(void)e;
	(void)why;
	if (h->stream == s)
		h->stream = NULL;
}

static __attribute__((unused)) void fake_hub_accept(struct loop_fd *f, uint32_t events)
{
	static const struct stream_events ev = { .opened = fake_hub_opened,
						 .received = fake_hub_received,
						 .closed = fake_hub_closed };
	static const struct stream_limits limits = { 1u << 20, 16u << 20, 60000 };
	struct fake_hub *h = container_of(f, struct fake_hub, listen);
	int fd = accept4(f->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	stream_close(h->stream);
	h->stream = NULL;
	BUG_ON(stream_accept(h->loop, h->identity, fd, &limits, &ev, h, &h->stream) != ERR_OK);
}

/* Listens; `h->port` says where. The keys must be there already. */
static __attribute__((unused)) void fake_hub_listen(struct fake_hub *h)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);

	h->listen.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	BUG_ON(bind(h->listen.fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	       listen(h->listen.fd, 8) < 0);
	BUG_ON(getsockname(h->listen.fd, (struct sockaddr *)&sa, &len) < 0);
	h->port = ntohs(sa.sin_port);
}

/* Serves on `l`. */
static __attribute__((unused)) void fake_hub_start(struct fake_hub *h, struct loop *l)
{
	int fd = h->listen.fd;

	h->loop = l;
	BUG_ON(stream_identity_new(&h->keys.identity, &h->identity) != ERR_OK);
	BUG_ON(loop_fd_add(l, &h->listen, fd, EPOLLIN, fake_hub_accept) != ERR_OK);
}

static __attribute__((unused)) void fake_hub_stop(struct fake_hub *h)
{
	int fd = h->listen.fd;

	stream_close(h->stream);
	h->stream = NULL;
	loop_fd_del(h->loop, &h->listen);
	close(fd);
	stream_identity_free(h->identity);
}

/* A node record as the directory has it. `keys` NULL: one without keys of its own (a WireGuard
 * node's tunnel key is made up). */
static __attribute__((unused)) void fake_node(struct node *n, uint32_t id, const char *name,
					      enum node_kind kind, const struct keys *keys)
{
	node_init(n);
	n->id = id;
	snprintf(n->name, sizeof(n->name), "%s", name);
	n->kind = kind;
	n->status = NODE_ACTIVE;
	n->revision = 1;
	n->has_tunnel = true;
	n->groups = n->reach = 1;
	n->tunnel_key.b[0] = (uint8_t)id;
	n->addresses[0] = addr_from_v4((const uint8_t[]){ 10, 99, 0, (uint8_t)id });
	if (!keys)
		return;
	n->has_identity = true;
	n->key_unbroken = true;
	n->identity_key = keys->identity_public;
	n->tunnel_key = keys->tunnel_public;
	memcpy(n->tunnel_sig, keys->tunnel_sig, sizeof(n->tunnel_sig));
}

static __attribute__((unused)) void fake_subnet(struct node *n, const char *prefix, uint32_t weight)
{
	struct node_subnet s = { .weight = weight };

	BUG_ON(prefix_parse(prefix, &s.prefix, NULL) != ERR_OK);
	BUG_ON(node_subnet_add(n, &s) != ERR_OK);
}

/* The welcome of hub 1, "hq", to spoke `id`. */
static __attribute__((unused)) void fake_welcome(struct control_welcome *w, uint32_t id,
						 const char *name, uint64_t revision)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->network, sizeof(w->network), "testnet");
	snprintf(w->name, sizeof(w->name), "%s", name);
	w->id = id;
	w->hub_id = 1;
	snprintf(w->hub_name, sizeof(w->hub_name), "hq");
	w->revision = revision;
	w->addresses[0] = addr_from_v4((const uint8_t[]){ 10, 99, 0, (uint8_t)id });
	BUG_ON(prefix_parse("10.99.0.0/16", &w->pools[0], NULL) != ERR_OK);
	w->mtu = 1400;
	w->keepalive_s = 25;
	w->udp_port = 6655;
	w->report_ms = 10000;
	snprintf(w->version, sizeof(w->version), "0");
	BUG_ON(endpoint_parse("127.0.0.1:1", 0, &w->observed) != ERR_OK);
	w->time_ms = 1;
}
