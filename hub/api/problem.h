/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * problem: what is answered when a request cannot be done (RFC 9457). `code` is the stable name
 * that programs look at, listed in schema/openapi.yaml; `detail` is a sentence for people;
 * `pointer` is a JSON pointer (RFC 6901) to the bad member of the body.
 */
#include <jansson.h>

#include "hub/change.h"
#include "shared/base/err.h"

struct problem {
	unsigned status; /* HTTP status, 0: no problem */
	char code[48];
	char detail[512];
	char pointer[128];           /* "" when no member of the body is to blame */
	const struct change *in_use; /* whose `uses` are in the way of a deletion, or NULL; must
					live as long as the problem */
};

/* The longest pointer that fits is kept; texts are cut. `pointer` may be NULL. */
void problem_set(struct problem *p, unsigned status, const char *code, const char *pointer,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* What a failed change means for the one who asked. `c` has code, detail and pointer; a missing
 * code is made from `e`. */
void problem_from_change(struct problem *p, enum err e, const struct change *c);

/* What a failed read of the store means; `what` names what was looked for ("node \"oslo\""). What
 * SQLite said is for the log, not for the client. */
void problem_from_store(struct problem *p, enum err e, const char *what);

/* HTTP status for an error of store or change. */
unsigned problem_status(enum err e);

/* The reason phrase of an HTTP status that we use, or "Error". */
const char *problem_title(unsigned status);

/* Adds `c->uses` as the member, and how many there are as "MEMBER_total". -1: no memory. */
int problem_put_uses(json_t *j, const char *member, const struct change *c) must_check;

/* {type, title, status, detail, code, pointer?, used_by?, used_by_total?}; a new reference, NULL
 * when memory is out. */
json_t *problem_to_json(const struct problem *p);
