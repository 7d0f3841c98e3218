/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A writer is killed with SIGKILL at a random moment, again and again. It tells each commit over a
 * pipe once store_commit() has returned: all that it told must be there, nothing may be half there,
 * and the audit chain must hold.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "shared/base/clock.h"
#include "tests/lib/store_fixture.h"

#define ROUNDS 12

/* One change of four tables; the setting "count" says how many there were. */
static enum err change_once(struct store *s, uint32_t i)
{
	struct store_audit a = { "test", "node.add", "node", "{}" };
	struct store_subnet sub = { .status = SUBNET_APPROVED };
	char count[16];
	struct node n;
	enum err e = store_begin(s);

	if (e)
		return e;
	node_init(&n);
	n.kind = NODE_SPOKE;
	n.status = NODE_INVITED;
	snprintf(n.name, sizeof(n.name), "n%u", i);
	e = store_revision_next(s, "test", n.name, &n.revision);
	if (!e)
		e = store_node_put(s, &n);
	sub.node_id = n.id;
	sub.subnet.prefix =
		(struct prefix){ { AF_INET, { 10, (uint8_t)(i >> 8), (uint8_t)i } }, 24 };
	if (!e)
		e = store_subnet_put(s, &sub);
	if (!e)
		e = store_audit_add(s, &a);
	snprintf(count, sizeof(count), "%u", i);
	if (!e)
		e = store_setting_put(s, "count", count);
	node_fini(&n);
	if (e) {
		store_rollback(s);
		return e;
	}
	return store_commit(s);
}

static void write_until_killed(const char *dir, uint32_t next, int told)
{
	struct store *s;

	if (store_open(dir, &s))
		_exit(1);
	for (;; next++)
		if (change_once(s, next) || write(told, &next, sizeof(next)) != sizeof(next))
			_exit(2);
}

static uint32_t read_count(struct store *s)
{
	struct buf b;
	uint32_t v = 0;
	enum err e;

	buf_init(&b, 16);
	e = store_setting_get(s, "count", &b);
	assert_true(e == ERR_OK || e == ERR_NOTFOUND);
	if (!e)
		v = (uint32_t)strtoul(buf_cstr(&b), NULL, 10);
	buf_fini(&b);
	return v;
}

/* Number of nodes, subnets, revisions and the setting must agree, whatever was interrupted. */
static uint32_t assert_whole(struct store *s)
{
	uint32_t count = read_count(s), nodes = 0, subnets = 0;
	uint64_t revision, bad = 0, entries = 0;

	assert_ok(store_check(s));
	assert_ok(store_audit_verify(s, &bad));
	assert_ok(store_nodes_count(s, &nodes));
	assert_ok(store_subnets_count(s, 0, &subnets));
	assert_ok(store_revision_get(s, &revision));
	assert_ok(store_audit_count(s, "node.add", 0, &entries));
	assert_int_equal(nodes, count);
	assert_int_equal(subnets, count);
	assert_int_equal(revision, count);
	assert_int_equal(entries, count);
	return count;
}

/* Lets a child write until it has told `commits`, kills it in the middle of what comes next, and
 * returns the last one that it told. */
static uint32_t run_and_kill(const char *dir, uint32_t next, int commits)
{
	uint32_t told = next - 1, last = told;
	int fds[2], status;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(fds[0]);
		write_until_killed(dir, next, fds[1]);
	}
	close(fds[1]);
	for (int i = 0; i < commits; i++)
		assert_int_equal(read(fds[0], &told, sizeof(told)), sizeof(told));
	for (uint64_t end_us = clock_now_us() + (uint64_t)(rand() % 3000); clock_now_us() < end_us;)
		;
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(fds[0], &last, sizeof(last)) == sizeof(last))
		told = last;
	close(fds[0]);
	return told;
}

static void killed_while_writing(void **state)
{
	struct fixture f;
	uint32_t count = 0;

	(void)state;
	srand((unsigned)getpid());
	fixture_dir(&f);
	assert_ok(store_create(f.dir));
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t told = run_and_kill(f.dir, count + 1, 1 + rand() % 8);

		assert_ok(store_open(f.dir, &f.s));
		count = assert_whole(f.s);
		/* One more may have been committed than was told, when the kill came between. */
		assert_in_range(count, told, told + 1);
		store_close(f.s);
		f.s = NULL;
	}
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(killed_while_writing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
