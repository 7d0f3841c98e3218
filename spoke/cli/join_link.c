/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/cli/join_link.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/base64.h"
#include "shared/base/clock.h"
#include "spoke/control/dialer.h"

struct join_link {
	const struct join_request *rq;
	struct loop *loop;
	struct dialer dialer;
	struct timer timeout;
	struct cache *out;
	char *why;
	bool wrong_hub; /* at least one address answered with another key */
	struct public_key wrong_key;
	struct endpoint wrong_at;
};

static void end(struct join_link *j, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void end(struct join_link *j, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(j->why, 512, fmt, ap);
	va_end(ap);
	dialer_stop(&j->dialer);
	loop_stop(j->loop, code);
}

static void timed_out(struct timer *t, uint64_t now_ms)
{
	struct join_link *j = container_of(t, struct join_link, timeout);

	(void)now_ms;
	end(j, LAUNCH_NOT_RUNNING, "the hub has not answered within %u s",
	    j->rq->timeout_ms / 1000);
}

static bool check(struct dialer *d, const struct endpoint *at, const struct public_key *peer)
{
	struct join_link *j = d->owner;

	if (public_key_equal(peer, &j->rq->token->hub_key))
		return true;
	j->wrong_hub = true;
	j->wrong_key = *peer;
	j->wrong_at = *at;
	return false;
}

/* The secret goes to nobody but the hub of the token: this comes after check(). */
static void opened(struct dialer *d)
{
	struct join_link *j = d->owner;
	struct control_msg m = { .type = CONTROL_JOIN };
	struct control_join *join = &m.join;
	struct buf b;
	enum err e;

	memcpy(join->secret, j->rq->token->secret, sizeof(join->secret));
	join->tunnel_key = j->rq->keys->tunnel_public;
	memcpy(join->tunnel_sig, j->rq->keys->tunnel_sig, sizeof(join->tunnel_sig));
	join->aes = keys_cpu_has_aes();
	join->capabilities = CAP_ZLIB;
	snprintf(join->version, sizeof(join->version), "%s", BRANCHLINE_VERSION);
	snprintf(join->name, sizeof(join->name), "%s", j->rq->name);
	if (gethostname(join->hostname, sizeof(join->hostname) - 1) < 0)
		join->hostname[0] = '\0';
	buf_init(&b, LINK_FRAME_STRANGER_MAX_BYTES);
	e = control_encode(&m, 0, &b);
	if (!e)
		e = stream_send(d->stream, buf_data(&b), buf_len(&b));
	buf_fini(&b);
	secret_zero(&m, sizeof(m));
	if (e)
		end(j, LAUNCH_FAILED, "the request could not be sent: %s", err_str(e));
}

static void take_welcome(struct join_link *j, const struct control_welcome *w)
{
	if (strcmp(w->network, j->rq->token->network) != 0 || !name_is_valid(w->name) ||
	    !name_is_valid(w->hub_name) || !w->id || !w->hub_id || !w->udp_port ||
	    w->mtu < TUN_MTU_MIN || w->mtu > TUN_MTU_MAX) {
		end(j, LAUNCH_FAILED,
		    "the hub's welcome makes no sense; is its version much older or newer than %s?",
		    BRANCHLINE_VERSION);
		return;
	}
	if (w->hub_key.has_key &&
	    !keys_identity_is_signed(&j->rq->token->hub_key, &w->hub_key.key, w->hub_key.sig)) {
		end(j, LAUNCH_FAILED,
		    "the hub announces a next identity key that its present one "
		    "has not signed");
		return;
	}
	j->out->welcome = *w;
	j->out->has_welcome = true;
	j->out->last_good = j->dialer.at;
}

static void take_directory(struct join_link *j, const struct delta *x)
{
	const struct node *hub;
	enum err e;

	if (!j->out->has_welcome)
		return;
	e = directory_apply(&j->out->dir, x);
	hub = e ? NULL : cache_hub(j->out);
	if (e || !cache_self(j->out) || !hub ||
	    !public_key_equal(&hub->identity_key, &j->rq->token->hub_key)) {
		end(j, LAUNCH_FAILED, "the hub's directory makes no sense: %s",
		    e ? err_str(e) : "the hub or this node is not in it");
		return;
	}
	j->out->highest = x->to;
	j->out->confirmed_ms = j->out->seen_ms = clock_wall_ms();
	end(j, LAUNCH_DONE, "joined");
}

static void take_message(struct join_link *j, const struct control_msg *m)
{
	switch (m->type) {
	case CONTROL_WELCOME:
		take_welcome(j, &m->welcome);
		break;
	case CONTROL_DIRECTORY:
		take_directory(j, &m->directory);
		break;
	case CONTROL_ERROR:
		end(j, LAUNCH_REFUSED, "%s", m->error.text[0] ? m->error.text : m->error.code);
		break;
	case CONTROL_BYE:
		end(j,
		    m->bye.reason == BYE_BUSY || m->bye.reason == BYE_SHUTDOWN ? LAUNCH_NOT_RUNNING
									       : LAUNCH_REFUSED,
		    "the hub ended the connection: %s%s%s", bye_reason_str(m->bye.reason),
		    m->bye.text[0] ? ": " : "", m->bye.text);
		break;
	default:
		break;
	}
}

static void received(struct dialer *d, struct buf *in)
{
	struct join_link *j = d->owner;
	struct control_msg m;
	enum err e = ERR_OK;

	while (d->is_open) {
		e = control_decode(in, LINK_FRAME_MAX_BYTES, &m);
		if (e)
			break;
		take_message(j, &m);
		control_msg_fini(&m);
	}
	if (e && e != ERR_AGAIN)
		end(j, LAUNCH_FAILED, "the hub sent something that is not a message: %s",
		    err_str(e));
}

static void closed(struct dialer *d, enum err e, const char *why)
{
	end(d->owner, LAUNCH_FAILED, "the hub closed the connection: %s",
	    why && *why ? why : err_str(e));
}

static void exhausted(struct dialer *d, enum err e, const char *why)
{
	struct join_link *j = d->owner;
	char at[ENDPOINT_STR_SIZE], is[KEY_BASE64_SIZE], expected[KEY_BASE64_SIZE];

	(void)e;
	if (!j->wrong_hub) {
		end(j, LAUNCH_NOT_RUNNING, "the hub cannot be reached: %s", why);
		return;
	}
	end(j, LAUNCH_REFUSED,
	    "%s: this is not the hub that made the token: its key is %s, expected %s. If the hub "
	    "has replaced its identity since, ask its admin for a new join line",
	    endpoint_format(&j->wrong_at, at), base64_encode(j->wrong_key.b, KEY_BYTES, is),
	    base64_encode(j->rq->token->hub_key.b, KEY_BYTES, expected));
}

static void resolved(struct dialer *d, const char *place, const struct endpoint *found, size_t n)
{
	struct join_link *j = d->owner;

	cache_remember(j->out, place, found, n);
}

static const struct dialer_events events = {
	.check = check,
	.opened = opened,
	.received = received,
	.closed = closed,
	.exhausted = exhausted,
	.resolved = resolved,
};

int join_link_run(const struct join_request *rq, struct cache *out, char why[512])
{
	struct join_link j = { .rq = rq, .out = out, .why = why, .timeout = { .fire = timed_out } };
	struct stream_identity *identity = NULL;
	int code = LAUNCH_FAILED;
	enum err e = loop_new(&j.loop);

	if (!e)
		e = stream_identity_new(&rq->keys->identity, &identity);
	if (e) {
		snprintf(why, 512, "cannot start: %s", err_str(e));
		goto out;
	}
	dialer_init(&j.dialer, j.loop, identity, rq->family, &events, &j);
	j.dialer.proxy = rq->proxy;
	for (unsigned i = 0; i < rq->token->n_addresses; i++)
		dialer_add(&j.dialer, rq->token->addresses[i]);
	timer_arm(loop_timers(j.loop), &j.timeout, clock_now_ms() + rq->timeout_ms);
	dialer_start(&j.dialer);
	code = loop_run(j.loop);
	timer_disarm(loop_timers(j.loop), &j.timeout);
	dialer_fini(&j.dialer);
out:
	stream_identity_free(identity);
	loop_free(j.loop);
	if (code != LAUNCH_DONE) {
		cache_fini(out);
		cache_init(out);
	}
	return code;
}
