/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * sign_in: what signing in and the second factor have in common. Attempts are limited by source and
 * by user (auth_limit: a burst of failures, then one every few seconds), and all together, since
 * each costs the time of a scrypt.
 */
#include "hub/api/request.h"

#define SIGN_IN_PER_S 5u /* attempts of everybody */
#define SIGN_IN_BURST 10u

/* May there be an attempt for this user now? Otherwise answered by 429. Asked again when the hash
 * is there: failures of others in the meantime count, the request itself does not once more. */
bool sign_in_may_try(struct request *r, const char *user) must_check;
/* An attempt has failed: counted, audited, answered by 401 `code`. */
void sign_in_failed(struct request *r, const char *user, const char *code, const char *detail);
/* The user who is signed in; otherwise answered. `out` must be zeroed after use. */
enum err sign_in_own_user(struct request *r, struct store_user *out) must_check;
