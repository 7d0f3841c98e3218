/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/control/key_ages.h"

#include "hub/change_key.h"
#include "hub/control/core.h"
#include "shared/base/clock.h"
#include "shared/ipc/nudge_msg.h"

static void arm(struct control *c, uint32_t ms)
{
	c->key_ages.more = ms != KEY_AGES_MS;
	timer_arm(loop_timers(c->loop), &c->key_ages.timer, loop_now_ms(c->loop) + ms);
}

static void tell(const struct change_key_ages *did)
{
	if (did->noticed)
		log_notice("control: %u key%s old by the settings of keys; see them with: "
			   "branchline-hub key list",
			   did->noticed, did->noticed == 1 ? " is" : "s are");
	if (did->requested)
		log_notice("control: %u spoke%s asked for new keys, because of their age",
			   did->requested, did->requested == 1 ? " is" : "s are");
}

static void look(struct control *c, bool may_ask)
{
	struct change change = { .store = c->store, .actor = "hub" };
	struct change_key_ages did;
	enum err e;

	arm(c, KEY_AGES_MS);
	if (core_store_rests(c)) {
		arm(c, KEY_AGES_MORE_MS);
		return;
	}
	e = change_key_ages(&change, clock_wall_ms(), may_ask, &did);
	if (e) {
		(void)core_store_failed(c, e, "look at the age of keys");
		return;
	}
	if (!did.noticed && !did.requested)
		return;
	tell(&did);
	if (did.noticed == KEY_AGE_NOTICES_MAX)
		arm(c, KEY_AGES_MORE_MS);
	if (did.requested)
		rotations_read(c);
	core_nudge(c, NUDGE_REVISION);
}

void key_ages_look(struct control *c) { look(c, true); }

static void fired(struct timer *t, uint64_t now_ms)
{
	struct control *c = container_of(t, struct control, key_ages.timer);

	(void)now_ms;
	look(c, !c->key_ages.more);
}

void key_ages_start(struct control *c)
{
	c->key_ages.timer.fire = fired;
	arm(c, KEY_AGES_MS);
}

void key_ages_fini(struct control *c) { timer_disarm(loop_timers(c->loop), &c->key_ages.timer); }
