/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "hub/api/idempotency.h"

static struct idempotency_id id_of(const char *actor, const char *key, const char *target,
				   const char *body)
{
	struct idempotency_id id;

	idempotency_make_id(actor, key, target, body, strlen(body), &id);
	return id;
}

/* Keeps an answer with `text` as its one member. */
static void put(struct idempotency *t, struct idempotency_id id, uint64_t now_ms, const char *text)
{
	struct reply r;

	reply_init(&r);
	reply_header(&r, "Location", "/x/%s", text);
	reply_json(&r, 201, json_pack("{s:s}", "text", text));
	idempotency_put(t, &id, now_ms, &r);
	reply_fini(&r);
}

static enum err find(struct idempotency *t, struct idempotency_id id, uint64_t now_ms,
		     const char *text)
{
	struct reply r;
	enum err e;

	reply_init(&r);
	e = idempotency_find(t, &id, now_ms, &r);
	if (!e) {
		assert_int_equal(r.status, 201);
		assert_non_null(strstr(buf_cstr(&r.body), text));
		assert_non_null(strstr(reply_header_get(&r, "Location"), text));
	}
	reply_fini(&r);
	return e;
}

static void gives_the_first_answer_again(void **unused)
{
	struct idempotency *t;

	(void)unused;
	assert_int_equal(idempotency_new(&t), ERR_OK);
	put(t, id_of("a", "k", "POST /nodes", "{}"), 1000, "one");
	assert_int_equal(find(t, id_of("a", "k", "POST /nodes", "{}"), 2000, "one"), ERR_OK);
	assert_int_equal(find(t, id_of("a", "k", "POST /nodes", "{ }"), 2000, ""), ERR_CONFLICT);
	assert_int_equal(find(t, id_of("a", "k", "POST /keys", "{}"), 2000, ""), ERR_CONFLICT);
	assert_int_equal(find(t, id_of("b", "k", "POST /nodes", "{}"), 2000, ""), ERR_NOTFOUND);
	assert_int_equal(find(t, id_of("a", "l", "POST /nodes", "{}"), 2000, ""), ERR_NOTFOUND);
	/* "a" + "k" is not "ak" + "" */
	assert_int_equal(find(t, id_of("ak", "", "POST /nodes", "{}"), 2000, ""), ERR_NOTFOUND);
	assert_int_equal(
		find(t, id_of("a", "k", "POST /nodes", "{}"), 1000 + IDEMPOTENCY_KEEP_MS, "one"),
		ERR_OK);
	assert_int_equal(
		find(t, id_of("a", "k", "POST /nodes", "{}"), 1001 + IDEMPOTENCY_KEEP_MS, ""),
		ERR_NOTFOUND);
	put(t, id_of("a", "k", "POST /nodes", "{}"), 1002 + IDEMPOTENCY_KEEP_MS, "two");
	assert_int_equal(
		find(t, id_of("a", "k", "POST /nodes", "{}"), 1003 + IDEMPOTENCY_KEEP_MS, "two"),
		ERR_OK);
	idempotency_free(t);
}

static void the_oldest_goes(void **unused)
{
	struct idempotency *t;
	char key[16];

	(void)unused;
	assert_int_equal(idempotency_new(&t), ERR_OK);
	for (unsigned i = 0; i <= IDEMPOTENCY_MAX; i++) {
		snprintf(key, sizeof(key), "%u", i);
		put(t, id_of("a", key, "t", ""), 1000 + i, key);
	}
	assert_int_equal(find(t, id_of("a", "0", "t", ""), 3000, ""), ERR_NOTFOUND);
	assert_int_equal(find(t, id_of("a", "1", "t", ""), 3000, "1"), ERR_OK);
	assert_int_equal(find(t, id_of("a", key, "t", ""), 3000, key), ERR_OK);
	idempotency_free(t);
}

static void long_answers_are_let_go(void **unused)
{
	struct idempotency_id id = id_of("a", "k", "t", "");
	static char text[IDEMPOTENCY_BODY_MAX_BYTES + 1];
	struct idempotency *t;
	struct reply r;

	(void)unused;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(idempotency_new(&t), ERR_OK);
	reply_init(&r);
	reply_json(&r, 200, json_string(text));
	idempotency_put(t, &id, 1000, &r);
	assert_int_equal(idempotency_find(t, &id, 1000, &r), ERR_NOTFOUND);
	reply_fini(&r);
	idempotency_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_first_answer_again),
		cmocka_unit_test(the_oldest_goes),
		cmocka_unit_test(long_answers_are_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
