/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* reach: why a node is not reached through its tunnel, for those who ask in other ways, too. */
#include "hub/api/request.h"

/* What was found, in a word for programs, and why and what helps for people. Static texts. */
struct reach_verdict {
	const char *result, *reason, *advice;
};

/* On echoes that were sent, or none were: `found` without an answer. When it fails the request is
 * answered already. */
enum err reach_judge(struct request *r, const struct node *n, const struct echoes_result *found,
		     struct reach_verdict *out) must_check;
