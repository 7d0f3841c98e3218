/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * hashing: passwords are hashed away from the event loop. A hash takes a tenth of a second, in
 * which nobody else would be answered; so one thread makes them, one after the other, while the
 * requests wait.
 *
 *   1. a handler calls hashing_ready()
 *   2. false: it returns at once. The request waits, or was refused because too many do
 *   3. the thread is done; `wake` is called on the loop, which runs the request again from its
 * start
 *   4. hashing_ready() is true now, and says nothing of what may have changed in the meantime: the
 *      handler reads all again, and hashing_right() holds the result against what it has read
 *
 * The thread knows passwords and hashes only: no store, no request, no socket.
 */
#include "hub/api/request.h"
#include "shared/loop/loop.h"

#define HASHING_WAITING_MAX                                                                        \
	16u /* with the one that is being made: less than two seconds of work                      \
	     */

struct hashing;

/* Starts the thread. `wake` is called on the loop for each request whose hash is there. */
enum err hashing_new(struct loop *l, void (*wake)(struct request *r),
		     struct hashing **out) must_check;
/* Ends the thread, after the hash that it is at. What waits is woken, to be answered by 503.
 * Accepts NULL. */
void hashing_free(struct hashing *h);

/*
 * Is there a result? Otherwise asks for one: whether `tried` is the password of `against` (as in
 * password_matches(); NULL: nothing is tried), and if so the hash of `fresh` (NULL: none is made).
 * Copies what it needs; none of the three is looked at when the request was asked for already.
 * Without a thread (tests, or the hub ends) the work is done here and now.
 */
bool hashing_ready(struct request *r, const char *tried, const char *against,
		   const char *fresh) must_check;
/* Has hashing_ready() been asked before for this request? Then this is its second run. */
bool hashing_asked(const struct request *r);
/* Is the request to be left alone until it is woken? */
bool hashing_waits(const struct request *r);
/* Was it the password? Never if `against` is no longer what it was tried against. */
bool hashing_right(const struct request *r, const char *against);
/* The fresh hash, valid until the request's end; NULL: it could not be made. */
const char *hashing_made(const struct request *r);
/* The request is over. Harmless for one that has nothing hashed. */
void hashing_forget(struct request *r);
