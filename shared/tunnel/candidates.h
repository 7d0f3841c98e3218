/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* candidates: the ways of a struct choice, and which of them is best. Pure, for choice.c and those
 * who feed it. */
#include "shared/tunnel/choice.h"

/* Of one way in one round: enough to know it by. */
#define CANDIDATES_ENOUGH    3u
#define CANDIDATES_RECENT_MS 10000u

int candidates_find(const struct choice *c, const struct endpoint *e);
/* Number of the candidate, made if need be; CHOICE_NONE when there is no room. */
int candidates_see(struct choice *c, const struct endpoint *e);
/* Replaces the candidates told; those in use, seen or answered stay. True: there are others than
 * before. */
bool candidates_tell(struct choice *c, const struct endpoint *e, unsigned n);
/* The candidate leads nowhere that it should. Nothing for the one in use. */
void candidates_forget(struct choice *c, int which);

/* The way of that number, or NULL. */
struct choice_candidate *candidates_get(struct choice *c, int which);
/* A probe to it was answered, or (rtt_us 0) a handshake. */
void candidates_answered(struct choice *c, const struct choice_input *in);
/* Has it answered since? */
static inline bool candidates_answered_since(const struct choice_candidate *k, uint64_t ms)
{
	return k->answered_ms && k->answered_ms >= ms;
}

/* Is `a` longer than `b` by more than `by_us`, and than `tenths` tenths of it? */
bool candidates_is_longer(uint32_t a_us, uint32_t b_us, uint32_t by_us, unsigned tenths);
/* Is it so much slower than the fallback that the fallback is preferred? */
bool candidates_is_slower(const struct choice *c, const struct choice_candidate *k,
			  uint64_t now_ms);
/* The candidate with the shortest round trip of those that may be taken and have answered since
 * `since_ms`; CHOICE_NONE. `in_need`: whatever answers. */
int candidates_best(const struct choice *c, bool in_need, uint64_t since_ms, uint64_t now_ms);
