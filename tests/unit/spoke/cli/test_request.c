/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands' side of the status socket: no daemon, whatever it does not do, keeps a command
 * waiting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/clock.h"
#include "spoke/cli/request.h"

#define SHORT_MS 200u
#define LONG_MS  20000u /* only waited for by what fails */

struct server {
	char dir[32];
	struct sockaddr_un at;
	int fd;
};

static int setup(void **state)
{
	struct server *s = calloc(1, sizeof(*s));

	signal(SIGPIPE, SIG_IGN);
	assert_non_null(s);
	snprintf(s->dir, sizeof(s->dir), "/tmp/request.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->at.sun_family = AF_UNIX;
	snprintf(s->at.sun_path, sizeof(s->at.sun_path), "%s/s", s->dir);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&s->at, sizeof(s->at)), 0);
	/* Room for one that is not accepted yet. */
	assert_int_equal(listen(s->fd, 0), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct server *s = *state;

	if (s->fd >= 0)
		close(s->fd);
	(void)unlink(s->at.sun_path);
	assert_int_equal(rmdir(s->dir), 0);
	free(s);
	return 0;
}

static struct request open_it(const struct server *s, unsigned timeout_ms)
{
	struct request r;

	assert_int_equal(request_open(&r, s->at.sun_path, timeout_ms), ERR_OK);
	return r;
}

static int accept_it(const struct server *s)
{
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static json_t *question(void) { return json_pack("{s:s}", "cmd", "status"); }

static void nobody_accepts(void **state)
{
	struct server *s = *state;
	struct request waits = open_it(s, SHORT_MS), r;
	uint64_t begun_ms = clock_now_ms();

	assert_int_equal(request_open(&r, s->at.sun_path, SHORT_MS), ERR_TIMEOUT);
	assert_true(clock_now_ms() - begun_ms + 20 >= SHORT_MS);
	request_close(&r);
	request_close(&waits);
}

static void nobody_listens(void **state)
{
	struct server *s = *state;
	struct request r;

	close(s->fd);
	s->fd = -1;
	assert_int_equal(request_open(&r, s->at.sun_path, LONG_MS), ERR_CLOSED);
	request_close(&r);
	assert_int_equal(request_open(&r, "/nonexistent/s", LONG_MS), ERR_NOTFOUND);
	request_close(&r);
}

static void nobody_reads(void **state)
{
	struct server *s = *state;
	struct request r = open_it(s, SHORT_MS);
	char *much = malloc(8u << 20);

	assert_non_null(much);
	memset(much, 'x', 8u << 20);
	much[(8u << 20) - 1] = '\0';
	assert_int_equal(request_send(&r, json_pack("{s:s}", "cmd", much)), ERR_TIMEOUT);
	free(much);
	request_close(&r);
}

static void nobody_answers(void **state)
{
	struct server *s = *state;
	struct request r = open_it(s, SHORT_MS);
	json_t *j = NULL;

	assert_int_equal(request_send(&r, question()), ERR_OK);
	assert_int_equal(request_read(&r, SHORT_MS, &j), ERR_TIMEOUT);
	/* Half a line is no answer either. */
	int fd = accept_it(s);
	assert_int_equal(send(fd, "{\"done\":", 8, 0), 8);
	assert_int_equal(request_read(&r, SHORT_MS, &j), ERR_TIMEOUT);
	assert_int_equal(send(fd, "true}\n", 6, 0), 6);
	assert_int_equal(request_read(&r, LONG_MS, &j), ERR_OK);
	assert_true(json_is_true(json_object_get(j, "done")));
	json_decref(j);
	close(fd);
	assert_int_equal(request_read(&r, LONG_MS, &j), ERR_CLOSED);
	request_close(&r);
}

/* The daemon says why it closes, without having read. */
static void turned_away(void **state)
{
	static const char line[] = "{\"error\":\"busy\"}\n";
	struct server *s = *state;
	struct request r = open_it(s, SHORT_MS);
	int fd = accept_it(s);
	json_t *j = NULL;

	assert_int_equal(send(fd, line, sizeof(line) - 1, 0), sizeof(line) - 1);
	close(fd);
	assert_int_equal(request_send(&r, question()), ERR_OK);
	assert_int_equal(request_read(&r, LONG_MS, &j), ERR_OK);
	assert_string_equal(json_string_value(json_object_get(j, "error")), "busy");
	json_decref(j);
	request_close(&r);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(nobody_accepts), CASE(nobody_listens), CASE(nobody_reads),
		CASE(nobody_answers), CASE(turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
