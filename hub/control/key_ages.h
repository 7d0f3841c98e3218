/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * key_ages: looks at the age of all keys (change_key_ages() in hub/change_key.h), and asks spokes
 * for new ones.
 *
 * Timer: every KEY_AGES_MS, but after KEY_AGES_MORE_MS when there may be more keys to tell of, or
 * the store was locked. Spokes are asked at KEY_AGES_MS only, at most KEY_AGE_REQUESTS_MAX a time,
 * so that the new keys of ten thousand come over hours.
 */
#include <stdbool.h>

#include "shared/loop/timer.h"

struct control;

#define KEY_AGES_MS      60000u
#define KEY_AGES_MORE_MS 1000u

struct key_ages {
	struct timer timer;
	bool more; /* the timer comes early: nobody is asked */
};

void key_ages_start(struct control *c);
void key_ages_fini(struct control *c);
/* Looks now: the settings have changed. */
void key_ages_look(struct control *c);
