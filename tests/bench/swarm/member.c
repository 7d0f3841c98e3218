/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One spoke's link. It begins with the directory that was seeded, applies every message at once and
 * acknowledges it. It reports the hub as its only peer, after a handshake and then when a handshake
 * has renewed the session, as a spoke without traffic does.
 */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/log.h"
#include "shared/ipc/engine_msg.h"
#include "tests/bench/swarm/swarm.h"

enum err swarm_keys(unsigned n, struct keys *k)
{
	char text[64];

	memset(k, 0, sizeof(*k));
	snprintf(text, sizeof(text), "branchline swarm identity %u", n);
	SHA256((const uint8_t *)text, strlen(text), k->identity.b);
	snprintf(text, sizeof(text), "branchline swarm tunnel %u", n);
	SHA256((const uint8_t *)text, strlen(text), k->tunnel.b);
	return keys_complete(k);
}

struct endpoint swarm_source(const struct endpoint *first, unsigned n)
{
	struct endpoint e = *first;
	uint32_t a;

	memcpy(&a, e.addr.b, sizeof(a));
	a = htonl(ntohl(a) + n);
	memcpy(e.addr.b, &a, sizeof(a));
	return e;
}

/* A TCP socket bound to the member's own address; the port is chosen when it connects. */
static int make_socket(void *arg, int family)
{
	const struct member *m = arg;
	struct endpoint from = swarm_source(&m->swarm->source, m->number);
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_storage ss;
	socklen_t n;

	from.port = 0;
	n = endpoint_to_sockaddr(&from, &ss);
	if (fd >= 0 && (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) ||
			bind(fd, (struct sockaddr *)&ss, n))) {
		int errnum = errno;

		close(fd);
		errno = errnum;
		return -1;
	}
	return fd;
}

static struct member *of(struct client *c) { return container_of(c, struct member, client); }

static void say(struct member *m, const struct control_msg *msg)
{
	m->swarm->tally.sent[msg->type]++;
	client_send(&m->client, msg);
}

/* --- what the client asks --- */

static void places(struct client *c, struct dialer *d)
{
	const struct endpoint *hub = &of(c)->swarm->hub;
	char place[ENDPOINT_NAME_SIZE], text[ADDR_STR_SIZE];

	snprintf(place, sizeof(place), "%s %u", addr_format(&hub->addr, text), hub->port);
	dialer_add(d, place);
}

static bool check(struct client *c, const struct endpoint *at, const struct public_key *peer)
{
	uint8_t hash[KEY_BYTES];

	(void)at;
	SHA256(peer->b, sizeof(peer->b), hash);
	return memcmp(hash, of(c)->swarm->fingerprint, sizeof(hash)) == 0;
}

static void hello(struct client *c, struct control_hello *h)
{
	struct member *m = of(c);

	h->revision = h->highest_revision = m->revision;
	h->capabilities = CAP_ZLIB;
	snprintf(h->version, sizeof(h->version), "%s", BRANCHLINE_VERSION);
	snprintf(h->hostname, sizeof(h->hostname), "swarm");
	h->aes = keys_cpu_has_aes();
	h->tunnel_key = m->keys.tunnel_public;
	memcpy(h->tunnel_sig, m->keys.tunnel_sig, sizeof(h->tunnel_sig));
	m->swarm->tally.sent[CONTROL_HELLO]++;
}

static size_t known(struct client *c, const char *place, struct endpoint *out)
{
	(void)c;
	(void)place;
	(void)out;
	return 0;
}

static void resolved(struct client *c, const char *place, const struct endpoint *found, size_t n)
{
	(void)c;
	(void)place;
	(void)found;
	(void)n;
}

/* --- reports --- */

void member_report_soon(struct member *m)
{
	struct loop *l = m->swarm->loop;

	if (!timer_armed(&m->report))
		timer_arm(loop_timers(l), &m->report,
			  loop_now_ms(l) + LINK_REPORT_MS -
				  secret_random_below(LINK_REPORT_MS / 10));
}

static void report_fired(struct timer *t, uint64_t now_ms)
{
	struct member *m = container_of(t, struct member, report);
	struct control_msg msg = { .type = CONTROL_REPORT, .report.n_peers = 1 };
	struct control_peer_report *p = &msg.report.peers[0];

	(void)now_ms;
	if (!client_is_up(&m->client) || m->told_handshake_ms == m->tunnel.handshake_ms)
		return;
	p->id = m->hub_id;
	p->path = PATH_DIRECT_UDP;
	p->reason = PATH_REASON_VALIDATED;
	p->endpoint = m->swarm->hub;
	p->handshake_ms = m->told_handshake_ms = m->tunnel.handshake_ms;
	say(m, &msg);
}

/* --- messages --- */

static void take_directory(struct member *m, const struct delta *d)
{
	struct tally *t = &m->swarm->tally;
	struct control_msg ack = { .type = CONTROL_ACK, .ack.revision = d->to };

	t->nodes += d->n_changed;
	t->gone += d->n_gone;
	t->snapshots += d->from == 0;
	t->empty += d->from != 0 && d->n_changed == 0 && d->n_gone == 0;
	for (uint32_t i = 0; i < d->n_gone; i++)
		t->revoked += d->gone[i].revoked;
	if (d->from && d->from != m->revision) {
		t->misfits++;
		m->revision = 0;
		client_close(&m->client, "a delta that does not fit", false, 0);
		return;
	}
	m->revision = d->to;
	say(m, &ack);
}

/* As a spoke whose engine works by what it holds: it confirms that on every new link. */
static void take_welcome(struct member *m, const struct control_welcome *w)
{
	struct control_msg ack = { .type = CONTROL_ACK, .ack.revision = m->revision };

	m->hub_id = w->hub_id;
	if (m->client.state != CLIENT_GREETING)
		return;
	client_welcomed(&m->client, w->capabilities);
	if (m->revision)
		say(m, &ack);
}

static void take_bye(struct member *m, const struct control_bye *b)
{
	bool refused = b->reason == BYE_REVOKED || b->reason == BYE_DELETED ||
		       b->reason == BYE_UNKNOWN_KEY;

	if (refused)
		tunnel_stop(m);
	m->swarm->tally.byes[b->reason < SWARM_BYES ? b->reason : 0]++;
	client_close(&m->client, bye_reason_str(b->reason), refused, b->retry_after_ms);
}

static void message(struct client *c, struct control_msg *msg)
{
	struct member *m = of(c);
	const struct control_msg pong = { .type = CONTROL_PONG };

	m->swarm->tally.got[msg->type]++;
	switch (msg->type) {
	case CONTROL_WELCOME:
		take_welcome(m, &msg->welcome);
		break;
	case CONTROL_DIRECTORY:
		take_directory(m, &msg->directory);
		break;
	case CONTROL_PING:
		say(m, &pong);
		break;
	case CONTROL_BYE:
		take_bye(m, &msg->bye);
		break;
	case CONTROL_ERROR:
		log_warn("swarm: the hub says: %s", msg->error.text);
		break;
	default:
		break;
	}
}

static void moved(struct client *c, enum client_state from, enum client_state to)
{
	struct member *m = of(c);
	struct swarm *s = m->swarm;

	if (to == CLIENT_UP) {
		s->n_up++;
		s->up_ms = loop_now_ms(s->loop);
		tunnel_begin(m);
	} else if (from == CLIENT_UP) {
		s->n_up--;
		s->tally.links_lost++;
		m->told_handshake_ms = 0;
		timer_disarm(loop_timers(s->loop), &m->report);
	}
}

enum err member_init(struct swarm *s, unsigned number)
{
	static const struct client_events events = { .places = places,
						     .check = check,
						     .hello = hello,
						     .message = message,
						     .moved = moved,
						     .known = known,
						     .resolved = resolved };
	struct member *m = &s->members[number];
	enum err e;

	m->swarm = s;
	m->number = number;
	m->revision = s->revision;
	m->report.fire = report_fired;
	e = swarm_keys(number, &m->keys);
	if (!e)
		e = stream_identity_new(&m->keys.identity, &m->identity);
	if (!e)
		e = tunnel_init(m);
	if (e)
		return e;
	stream_identity_sockets(m->identity, make_socket, m);
	client_init(&m->client, s->loop, m->identity, AF_INET, &events, m);
	return ERR_OK;
}

void member_fini(struct member *m)
{
	client_fini(&m->client);
	timer_disarm(loop_timers(m->swarm->loop), &m->report);
	tunnel_fini(m);
	stream_identity_free(m->identity);
	keys_forget_secrets(&m->keys);
}
