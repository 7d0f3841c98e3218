/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * patience: how long the machine of choice.h waits for a way that is silent, and what it takes as a
 * sign that the peer uses another one. Questions only: nothing is changed here.
 */
#include <stdbool.h>
#include <stdint.h>

#include "shared/tunnel/choice.h"

/* Seen within so long: the peer is there now. */
#define PATIENCE_ROAM_MS 1000u

/* Of doubt without an answer: candidate `k` counts as lost. */
uint64_t patience_lost_ms(const struct choice_candidate *k);
/* Does the peer itself use the relay since this doubt began, or shortly before? Never the hub. */
bool patience_has_left(const struct choice *c);
/* Of doubt without an answer: the fallback is taken. */
uint64_t patience_fallback_ms(const struct choice *c);
/* DOUBT: the candidate that the peer has moved to, CHOICE_NONE if it has not. */
int patience_roams_to(const struct choice *c);
/* DOUBT: when the way in use should have answered, by the clock of choice_input. */
uint64_t patience_roam_ms(const struct choice *c);
/* UDP to the hub is silent and the carrier there, but it is not taken yet. */
bool patience_waits_for_carrier(const struct choice *c);
/* Has the way in use been silent for so long that another one should be made ready? */
bool patience_is_silent(const struct choice *c, uint64_t now_ms);
