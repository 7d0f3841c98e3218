/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/expected.h"

#include <stdlib.h>
#include <string.h>

#include "hub/control/core.h"

const struct hub_branch *expected_of(const struct control *c, const struct node *n)
{
	return n->kind == NODE_SPOKE ? hub_config_branch(c->config, n->name) : NULL;
}

enum expected_news expected_judge(struct expected_state *s, bool there, uint64_t now_ms)
{
	bool told = s->told;

	if (there) {
		*s = (struct expected_state){ 0 };
		return told ? EXPECTED_BACK : EXPECTED_NOTHING;
	}
	if (!s->away_ms)
		s->away_ms = now_ms;
	if (told || now_ms - s->away_ms < EXPECTED_GRACE_MS)
		return EXPECTED_NOTHING;
	s->told = true;
	return EXPECTED_AWAY;
}

static bool is_there(const struct control *c, const struct node *n)
{
	return n && n->status == NODE_ACTIVE && registry_find(&c->registry, n->id);
}

static const char *why_away(const struct node *n)
{
	if (!n)
		return "no node has this name; add it with node add, or take the line out";
	if (n->status == NODE_ACTIVE)
		return "its link to this hub is down";
	return n->status == NODE_INVITED ? "it has not joined yet" : "it may not connect";
}

/* One look at one line. */
static void look_at(struct control *c, const struct hub_branch *b, struct expected_state *s,
		    uint64_t now_ms)
{
	const struct node *n = directory_find_name(&c->dir, b->name);

	switch (expected_judge(s, is_there(c, n), now_ms)) {
	case EXPECTED_AWAY:
		log_error("branch %s, which ConnectTo in hub.conf expects, is away: %s", b->name,
			  why_away(n));
		break;
	case EXPECTED_BACK:
		log_notice("branch %s is back", b->name);
		break;
	case EXPECTED_NOTHING:
		break;
	}
	if (n && n->status == NODE_ACTIVE && s->away_ms) {
		engine_feed_endpoints(c, n, true);
		names_again(c, n->id);
	}
}

static void look(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, expected.look);

	for (size_t i = 0; i < c->config->n_branches; i++)
		look_at(c, &c->config->branches[i], &c->expected.states[i], now_ms);
	timer_arm(loop_timers(c->loop), t, now_ms + EXPECTED_LOOK_MS);
}

enum err expected_init(struct control *c)
{
	c->expected.states = calloc(c->config->n_branches + 1, sizeof(*c->expected.states));
	return c->expected.states ? ERR_OK : ERR_NOMEM;
}

void expected_fini(struct control *c)
{
	timer_disarm(loop_timers(c->loop), &c->expected.look);
	free(c->expected.states);
	c->expected.states = NULL;
}

void expected_start(struct control *c)
{
	if (c->config->host_warning[0])
		log_warn("%s; this file of hosts/ is passed over", c->config->host_warning);
	if (!c->config->n_branches)
		return;
	c->expected.look.fire = look;
	timer_arm(loop_timers(c->loop), &c->expected.look, loop_now_ms(c->loop) + EXPECTED_LOOK_MS);
}
