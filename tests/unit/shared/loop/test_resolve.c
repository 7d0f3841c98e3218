/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "shared/loop/resolve.h"

static struct loop *l;
static sem_t go; /* lets one slow lookup go on */

/* What done() was told. */
static struct {
	unsigned calls;
	enum err e;
	size_t n;
	char text[ENDPOINT_STR_SIZE];
} got;

static int numeric(const char *host, const struct addrinfo *hints, struct addrinfo **out);

/*
 * Takes the place of the C library's: "slow" waits for `go`, "none" does not exist, "broken" has no
 * server, and "many" has more addresses than are taken, all twice. Numeric addresses are parsed.
 */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **out)
{
	struct addrinfo *list = NULL;
	unsigned n;

	(void)service;
	if (hints->ai_flags & AI_NUMERICHOST)
		return numeric(host, hints, out);
	if (!strcmp(host, "slow"))
		sem_wait(&go);
	if (!strcmp(host, "none"))
		return EAI_NONAME;
	if (!strcmp(host, "broken"))
		return EAI_AGAIN;
	n = !strcmp(host, "many") ? 40 : !strcmp(host, "twice") ? 10 : 1;
	for (unsigned i = 0; i < n; i++) {
		char text[32];
		struct addrinfo *ai;

		snprintf(text, sizeof(text), "192.0.2.%u", i / 2 + 1);
		if (numeric(text, hints, &ai))
			return EAI_MEMORY;
		ai->ai_next = list;
		list = ai;
	}
	*out = list;
	return 0;
}

void freeaddrinfo(struct addrinfo *ai)
{
	struct addrinfo *next;

	for (; ai; ai = next) {
		next = ai->ai_next;
		free(ai->ai_addr);
		free(ai);
	}
}

static int numeric(const char *host, const struct addrinfo *hints, struct addrinfo **out)
{
	struct sockaddr_storage *ss;
	struct endpoint e = { .port = 655 };
	struct addrinfo *ai;

	if (addr_parse(host, &e.addr))
		return EAI_NONAME;
	if (hints->ai_family != AF_UNSPEC && hints->ai_family != e.addr.family)
		return EAI_NONAME;
	ai = calloc(1, sizeof(*ai));
	ss = calloc(1, sizeof(*ss));
	assert_true(ai && ss);
	ai->ai_addrlen = endpoint_to_sockaddr(&e, ss);
	ai->ai_addr = (struct sockaddr *)ss;
	*out = ai;
	return 0;
}

static int make(void **unused)
{
	(void)unused;
	memset(&got, 0, sizeof(got));
	return loop_new(&l);
}

static int unmake(void **unused)
{
	(void)unused;
	loop_free(l);
	return 0;
}

static void done(void *arg, enum err e, const struct endpoint *found, size_t n)
{
	struct resolve **r = arg;

	got.calls++;
	got.e = e;
	got.n = n;
	if (n)
		endpoint_format(&found[0], got.text);
	/* Allowed, though there is nothing left to cancel. */
	if (r)
		resolve_cancel(*r);
	loop_stop(l, 0);
}

static const struct {
	const char *host;
	int family;
	enum err e;
	size_t n;
	const char *text;
} rows[] = {
	{ "192.0.2.7", AF_UNSPEC, ERR_OK, 1, "192.0.2.7:655" },
	{ "2001:db8::7", AF_UNSPEC, ERR_OK, 1, "[2001:db8::7]:655" },
	{ "192.0.2.7", AF_INET, ERR_OK, 1, "192.0.2.7:655" },
	{ "name", AF_UNSPEC, ERR_OK, 1, "192.0.2.1:655" },
	{ "many", AF_UNSPEC, ERR_OK, RESOLVE_ADDRESSES_MAX, "192.0.2.20:655" },
	{ "twice", AF_UNSPEC, ERR_OK, 5, "192.0.2.5:655" },
	{ "none", AF_UNSPEC, ERR_NOTFOUND, 0, "" },
	{ "broken", AF_UNSPEC, ERR_IO, 0, "" },
};

static void answers(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct resolve *r;

		memset(&got, 0, sizeof(got));
		assert_int_equal(
			resolve_start(l, rows[i].host, 655, rows[i].family, 10000, done, &r, &r),
			ERR_OK);
		/* Never before the loop runs. */
		assert_int_equal(got.calls, 0);
		loop_run(l);
		assert_int_equal(got.calls, 1);
		assert_int_equal(got.e, rows[i].e);
		assert_int_equal(got.n, rows[i].n);
		assert_string_equal(got.text, rows[i].text);
	}
}

static void bad_names(void **unused)
{
	char text[300];
	struct resolve *r;

	(void)unused;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 0;
	assert_int_equal(resolve_start(l, "", 655, AF_UNSPEC, 1000, done, NULL, &r), ERR_INVALID);
	assert_int_equal(resolve_start(l, text, 655, AF_UNSPEC, 1000, done, NULL, &r), ERR_INVALID);
}

/* The answer is late: the loop hears of the timeout, and the thread frees what it finds. */
static void timeout(void **unused)
{
	struct resolve *r;

	(void)unused;
	assert_int_equal(resolve_start(l, "slow", 655, AF_UNSPEC, 30, done, &r, &r), ERR_OK);
	loop_run(l);
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.e, ERR_TIMEOUT);
	sem_post(&go);
}

static void stop_now(struct timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	loop_stop(l, 1);
}

static void cancelled(void **unused)
{
	struct timer t = { .fire = stop_now };
	struct resolve *slow, *numeric_one;

	(void)unused;
	assert_int_equal(resolve_start(l, "slow", 655, AF_UNSPEC, 5, done, NULL, &slow), ERR_OK);
	assert_int_equal(resolve_start(l, "192.0.2.1", 655, AF_UNSPEC, 5, done, NULL, &numeric_one),
			 ERR_OK);
	resolve_cancel(slow);
	resolve_cancel(numeric_one);
	resolve_cancel(NULL);
	sem_post(&go);
	timer_arm(loop_timers(l), &t, loop_now_ms(l) + 40);
	assert_int_equal(loop_run(l), 1);
	assert_int_equal(got.calls, 0);
}

/* Lookups that nobody waits for any more count, too: a dead name server cannot pile up threads. */
static void limit(void **unused)
{
	struct resolve *r;
	unsigned n = 0;
	enum err e = ERR_OK;

	(void)unused;
	while (n < 100 && !(e = resolve_start(l, "slow", 655, AF_UNSPEC, 5, done, NULL, &r))) {
		resolve_cancel(r);
		n++;
	}
	assert_int_equal(e, ERR_LIMIT);
	/* Threads of the tests before may still be on their way out. */
	assert_in_range(n, 12, 16);
	while (n--)
		sem_post(&go);
	/* They go away again. */
	while (resolve_start(l, "name", 655, AF_UNSPEC, 5000, done, &r, &r))
		;
	loop_run(l);
	assert_int_equal(got.e, ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, make, unmake),
		cmocka_unit_test_setup_teardown(bad_names, make, unmake),
		cmocka_unit_test_setup_teardown(timeout, make, unmake),
		cmocka_unit_test_setup_teardown(cancelled, make, unmake),
		cmocka_unit_test_setup_teardown(limit, make, unmake),
	};

	sem_init(&go, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
