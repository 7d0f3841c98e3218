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
	timer_disarm(loop_timers(c->loop), &c->expected.look);
	if (!c->config->n_branches)
		return;
	c->expected.look.fire = look;
	timer_arm(loop_timers(c->loop), &c->expected.look, loop_now_ms(c->loop) + EXPECTED_LOOK_MS);
}

/* What is known of the lines from before, for those that are still there. Both are in the order of
 * their names. */
static void keep_states(const struct hub_config *now, struct expected_state *states,
			const struct hub_branch *old, const struct expected_state *old_states,
			size_t n_old)
{
	for (size_t i = 0; i < n_old; i++) {
		const struct hub_branch *b = hub_config_branch(now, old[i].name);

		if (b)
			states[b - now->branches] = old_states[i];
	}
}

/* Is the line of this name among those from before? */
static bool was_expected(const struct hub_branch *old, size_t n_old, const char *name)
{
	for (size_t i = 0; i < n_old; i++)
		if (strcmp(old[i].name, name) == 0)
			return true;
	return false;
}

/* Nodes that a line named or names: the engine keeps their tunnel, or does not any more, and their
 * Address lines may be others. */
static void tell_nodes(struct control *c, const struct hub_branch *old, size_t n_old)
{
	for (uint32_t i = 0; i < c->dir.count; i++) {
		const struct node *n = &c->dir.nodes[i];

		if (n->kind != NODE_SPOKE ||
		    (!expected_is(c, n) && !was_expected(old, n_old, n->name)))
			continue;
		names_node(c, n);
		if (c->engine.there) {
			engine_feed_node(c, n, n);
			engine_feed_endpoints(c, n, expected_is(c, n));
		}
	}
}

void expected_reload(struct control *c)
{
	const size_t n_old = c->config->n_branches;
	struct expected_state *old_states = c->expected.states;
	struct hub_branch *old = NULL;
	char error[CONFIG_ERROR_SIZE];

	if (hub_config_reload(c->config, &old, error)) {
		log_error("%s; the configuration stays as it was", error);
		return;
	}
	/* Without memory for them nobody is away. */
	if (expected_init(c)) {
		c->config->n_branches = 0;
		c->expected.states = old_states;
		old_states = NULL;
	} else {
		keep_states(c->config, c->expected.states, old, old_states, n_old);
	}
	expected_start(c);
	tell_nodes(c, old, n_old);
	free(old_states);
	free(old);
	log_notice("the ConnectTo lines of hub.conf and their files in hosts/ were read again");
}
