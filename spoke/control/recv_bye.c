/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hub ends the link, or answers with an error: why, and what follows from it. */
#include <string.h>

#include "shared/base/log.h"
#include "spoke/control/spoke.h"

/* The hub will not have us: peers are dropped, also after a restart, and it is asked again only now
 * and then. */
static void refused(struct spoke *s, const char *what, const char *text)
{
	char why[CONTROL_TEXT_SIZE];

	snprintf(why, sizeof(why), "%s%s%.200s", what, text[0] ? ": " : "", text);
	if (rotation_try_other(s)) {
		client_close(&s->client, why, false, 0);
		client_hurry(&s->client);
		return;
	}
	if (!s->cache.refused || strcmp(s->cache.refused_why, why) != 0)
		log_error(
			"the hub refuses this node: %s. All tunnels are closed; it must be joined "
			"anew (join --force) with a token of the hub's admin",
			why);
	s->cache.refused = true;
	memcpy(s->cache.refused_why, why, sizeof(s->cache.refused_why));
	client_close(&s->client, why, true, 0);
	carry_stop(&s->carry);
	apply_save_strictly(s);
	grace_settle(s);
}

/*
 * The admin has taken this node out for a while. The others have cut it, so it drops its peers,
 * too, also after a restart: once it is enabled again all sessions begin anew, at once.
 */
static void disabled(struct spoke *s, const struct control_bye *b)
{
	char why[CONTROL_TEXT_SIZE];

	snprintf(why, sizeof(why), "it is disabled%s%.200s", b->text[0] ? ": " : "", b->text);
	if (!s->cache.refused || strcmp(s->cache.refused_why, why) != 0)
		log_warn("the hub has disabled this node: all tunnels are closed until its admin "
			 "enables it again");
	s->cache.refused = true;
	memcpy(s->cache.refused_why, why, sizeof(s->cache.refused_why));
	client_close(&s->client, why, false,
		     b->retry_after_ms > LINK_RETRY_DISABLED_MS ? b->retry_after_ms
								: LINK_RETRY_DISABLED_MS);
	carry_stop(&s->carry);
	apply_save_strictly(s);
	grace_settle(s);
}

/* An end of the link that leaves the tunnels alone. */
static void parted(struct spoke *s, const char *what, const struct control_bye *b,
		   uint32_t retry_after_ms)
{
	char why[CONTROL_TEXT_SIZE];

	snprintf(why, sizeof(why), "%s%s%.200s", what, b->text[0] ? ": " : "", b->text);
	log_debug(1, "link: %s", why);
	client_close(&s->client, why, false, retry_after_ms);
}

void recv_bye(struct spoke *s, const struct control_bye *b)
{
	uint32_t slow_ms =
		b->retry_after_ms > LINK_RETRY_MAX_MS ? b->retry_after_ms : LINK_RETRY_MAX_MS;

	switch (b->reason) {
	case BYE_REVOKED:
		refused(s, "its key was revoked", b->text);
		break;
	case BYE_DELETED:
		refused(s, "it was deleted from the network", b->text);
		break;
	case BYE_UNKNOWN_KEY:
		refused(s, "the hub does not know its key", b->text);
		break;
	case BYE_DISABLED:
		disabled(s, b);
		break;
	case BYE_REPLACED:
		/* Two machines with one key would otherwise throw each other out for ever. */
		log_warn("another connection with this node's key has replaced ours; is the key on "
			 "two machines?");
		parted(s, "replaced by another connection with our key", b, slow_ms);
		break;
	case BYE_PROTOCOL:
		log_warn("the hub did not understand us: %s", b->text);
		s->want_snapshot = true;
		parted(s, "the hub did not understand us", b, b->retry_after_ms);
		break;
	case BYE_DISCONNECTED:
		log_notice("the hub's admin has ended the link; it is dialled again");
		parted(s, "the hub's admin has ended it", b, b->retry_after_ms);
		break;
	case BYE_BUSY:
		parted(s, "the hub is busy", b, b->retry_after_ms);
		break;
	default:
		parted(s, "the hub is shutting down", b, b->retry_after_ms);
		break;
	}
}

void recv_error(struct spoke *s, const struct control_error *e)
{
	if (strcmp(e->code, "node_revoked") == 0) {
		refused(s, "its key was revoked", e->text);
		return;
	}
	if (rotation_error(s, e))
		return;
	log_warn("the hub says: %s (%s)", e->text, e->code);
	if (s->client.state == CLIENT_GREETING)
		client_close(&s->client, e->text[0] ? e->text : e->code, false, 0);
}
