/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * expected: branches that ConnectTo lines of hub.conf name. The hub makes the tunnel to one whose
 * Address is known, and says when one is away.
 *
 *   A branch is there while its link is up. Timer: EXPECTED_LOOK_MS; one that has been away for
 *   EXPECTED_GRACE_MS is reported, once, and its return, too. Its tunnel is tried with each look.
 */
#include "hub/config.h"
#include "shared/loop/timer.h"

#ifdef BRANCHLINE_TEST_TIMERS
#define EXPECTED_LOOK_MS  500u
#define EXPECTED_GRACE_MS 1000u
#else
#define EXPECTED_LOOK_MS  15000u
#define EXPECTED_GRACE_MS 30000u
#endif

struct control;
struct node;

/* What is known of one line. */
struct expected_state {
	uint64_t away_ms; /* since when it is away, CLOCK_BOOTTIME; 0: it is there */
	bool told;        /* that it is away */
};

struct expected {
	struct timer look;
	struct expected_state *states; /* one for each of config->branches */
};

enum err expected_init(struct control *c) must_check;
void expected_fini(struct control *c);
/* Begins to look. */
void expected_start(struct control *c);
/* SIGHUP: hub.conf may name others now. Of those that stay is remembered since when they are away.
 */
void expected_reload(struct control *c);
/* The ConnectTo line that names this node, or NULL. Only spokes are expected. */
const struct hub_branch *expected_of(const struct control *c, const struct node *n);
static inline bool expected_is(const struct control *c, const struct node *n)
{
	return expected_of(c, n) != NULL;
}

enum expected_news { EXPECTED_NOTHING, EXPECTED_AWAY, EXPECTED_BACK };
/* Pure: takes in whether the branch is there at `now_ms`; says what is to be told. */
enum expected_news expected_judge(struct expected_state *s, bool there, uint64_t now_ms);
