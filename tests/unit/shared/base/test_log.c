/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/base/buf.h"
#include "shared/base/file.h"
#include "shared/base/log.h"

static char path[64];

static int open_log(void **unused)
{
	(void)unused;
	snprintf(path, sizeof(path), "/tmp/test_log.%d", (int)getpid());
	unlink(path);
	return log_open("prog[part]", 2, path) ? 0 : -1;
}

static int close_log(void **unused)
{
	(void)unused;
	log_open("prog", 0, NULL);
	return unlink(path);
}

/* The log so far, as a string; the caller frees it with buf_fini(). */
static const char *contents(struct buf *b)
{
	buf_init(b, 1u << 20);
	assert_int_equal(file_read(path, b), ERR_OK);
	return buf_cstr(b);
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

static void line_has_all_parts(void **unused)
{
	struct buf b;
	const char *s;

	(void)unused;
	log_error("cannot %s", "fly");
	log_notice("hello");
	s = contents(&b);
	/* "2026-11-22T14:40:01.123Z prog[part]: error: cannot fly\n" */
	assert_int_equal(s[4], '-');
	assert_int_equal(s[10], 'T');
	assert_int_equal(s[23], 'Z');
	assert_non_null(strstr(s, "Z prog[part]: error: cannot fly\n"));
	assert_non_null(strstr(s, "Z prog[part]: hello\n"));
	buf_fini(&b);
}

static void levels(void **unused)
{
	struct buf b;
	const char *s;

	(void)unused;
	log_debug(2, "shown");
	log_debug(3, "hidden");
	log_set_level(99);
	assert_int_equal(log_level(), 5);
	log_debug(5, "packet");
	log_set_level(-1);
	assert_int_equal(log_level(), 0);
	log_debug(1, "hidden");
	s = contents(&b);
	assert_non_null(strstr(s, "shown"));
	assert_non_null(strstr(s, "packet"));
	assert_null(strstr(s, "hidden"));
	buf_fini(&b);
}

/* What has come on the tap, as a string; NULL: nothing. */
static const char *tapped(int fd, char out[LOG_TAP_MAX_BYTES + 1])
{
	ssize_t n = recv(fd, out, LOG_TAP_MAX_BYTES, MSG_DONTWAIT);

	if (n < 0)
		return NULL;
	out[n] = '\0';
	return out;
}

/* Who follows has a level of its own, and the log keeps its own. */
static void a_tap_has_its_own_level(void **unused)
{
	char got[LOG_TAP_MAX_BYTES + 1];
	struct buf b;
	int pair[2];

	(void)unused;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	log_tap(pair[1], 4);
	assert_int_equal(log_level(), 2);
	assert_true(log_wants(4));
	assert_false(log_wants(5));
	log_debug(4, "only tapped");
	assert_non_null(strstr(tapped(pair[0], got), " prog[part]\nonly tapped"));
	assert_int_equal(strncmp(got, "4 7 0 ", 6), 0);
	log_warn("for both");
	assert_int_equal(strncmp(tapped(pair[0], got), "0 4 0 ", 6), 0);
	log_tap(-1, 1);
	log_debug(2, "only logged");
	assert_null(tapped(pair[0], got));
	log_tap(-1, -1);
	assert_int_equal(log_tap_fd(), -1);
	assert_false(log_wants(3));
	log_error("nobody follows");
	close(pair[0]);
	(void)contents(&b);
	assert_null(strstr(buf_cstr(&b), "only tapped"));
	assert_non_null(strstr(buf_cstr(&b), "for both"));
	assert_non_null(strstr(buf_cstr(&b), "only logged"));
	buf_fini(&b);
}

/* A reader that does not read costs lines, which are counted, and no time; one that goes is
 * forgotten. */
static void a_slow_tap_loses_lines(void **unused)
{
	const int room = 4096;
	char got[LOG_TAP_MAX_BYTES + 1];
	unsigned sent = 0, lost = 0;
	int pair[2];

	(void)unused;
	log_set_level(0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
	log_tap(pair[1], 5);
	for (int i = 0; i < 1000; i++)
		log_debug(5, "line %d", i);
	while (tapped(pair[0], got))
		sent++;
	assert_in_range(sent, 1, 999);
	log_debug(5, "once more");
	assert_non_null(tapped(pair[0], got));
	assert_int_equal(sscanf(got, "5 7 %u ", &lost), 1);
	assert_int_equal(sent + lost, 1000);
	close(pair[0]);
	log_debug(5, "to nobody");
	assert_int_equal(log_tap_fd(), -1);
}

/* A stranger's text can neither begin a line nor reach the terminal's controls; errno survives. */
static void control_characters(void **unused)
{
	struct buf b;
	const char *s;

	(void)unused;
	errno = EDOM;
	log_warn("name '%s'", "a\nb\x1b[31m\r\t\x7f");
	assert_int_equal(errno, EDOM);
	s = contents(&b);
	assert_non_null(strstr(s, "warning: name 'a?b?[31m"
				  "??"
				  "?'\n"));
	assert_int_equal(count(s, "\n"), 1);
	buf_fini(&b);
}

static void long_line_is_cut(void **unused)
{
	static char big[5000];
	struct buf b;
	const char *s;

	(void)unused;
	memset(big, 'x', sizeof(big) - 1);
	log_notice("%s", big);
	log_notice("next");
	s = contents(&b);
	assert_int_equal(count(s, "\n"), 2);
	assert_int_equal(count(s, "xxx...\n"), 1);
	assert_true(strchr(s, '\n') - s < 2048);
	buf_fini(&b);
}

static void strangers_are_limited(void **unused)
{
	struct log_limit limit = { .burst = 3, .every_ms = 60000 };
	struct buf b;
	const char *s;
	int i;

	(void)unused;
	for (i = 0; i < 10; i++)
		if (log_allowed(&limit))
			log_warn("knock");
	assert_int_equal(limit.suppressed, 7);
	/* A minute later. */
	limit.next_ms -= 60000;
	assert_true(log_allowed(&limit));
	log_warn("knock");
	log_warn("other");
	s = contents(&b);
	assert_int_equal(count(s, "knock"), 4);
	assert_int_equal(count(s, "knock (7 more like this were suppressed)\n"), 1);
	assert_int_equal(count(s, "suppressed"), 1);
	assert_int_equal(limit.suppressed, 0);
	buf_fini(&b);
}

static void rotation(void **unused)
{
	char old[80];
	struct buf b;
	const char *s;

	(void)unused;
	snprintf(old, sizeof(old), "%s.1", path);
	log_notice("first");
	assert_int_equal(rename(path, old), 0);
	log_reopen();
	log_rename("renamed");
	log_notice("second");
	s = contents(&b);
	assert_null(strstr(s, "first"));
	assert_non_null(strstr(s, "renamed: second"));
	buf_fini(&b);
	assert_int_equal(unlink(old), 0);
}

static void open_fails(void **unused)
{
	(void)unused;
	errno = 0;
	assert_false(log_open("prog", 0, "/nonexistent/folder/log"));
	assert_int_equal(errno, ENOENT);
}

/* Standard error is the journal's stream: priority instead of the time. */
static void journal(void **unused)
{
	char stream[64];
	struct buf b;
	struct stat st;
	FILE *f;
	int saved = dup(STDERR_FILENO);

	(void)unused;
	f = fopen(path, "a");
	assert_non_null(f);
	assert_int_equal(dup2(fileno(f), STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_true(log_open("prog", 0, NULL));
	log_warn("careful");
	unsetenv("JOURNAL_STREAM");
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(f);
	assert_string_equal(contents(&b), "<4>prog: careful\n");
	buf_fini(&b);
}

/* Whoever owns the folder must not lead us to another file: not at the start, not at rotation. */
static void links_are_not_followed(void **unused)
{
	char other[80];
	struct stat st;

	(void)unused;
	snprintf(other, sizeof(other), "%s.other", path);
	assert_int_equal(file_write_atomic(other, "", 0, 0600), ERR_OK);
	for (int hard = 0; hard < 2; hard++) {
		unlink(path);
		assert_int_equal(hard ? link(other, path) : symlink(other, path), 0);
		assert_false(log_open("prog", 0, path));
		log_reopen();
		log_notice("not there");
		assert_int_equal(stat(other, &st), 0);
		assert_int_equal(st.st_size, 0);
	}
	unlink(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(line_has_all_parts, open_log, close_log),
		cmocka_unit_test_setup_teardown(levels, open_log, close_log),
		cmocka_unit_test_setup_teardown(a_tap_has_its_own_level, open_log, close_log),
		cmocka_unit_test_setup_teardown(a_slow_tap_loses_lines, open_log, close_log),
		cmocka_unit_test_setup_teardown(control_characters, open_log, close_log),
		cmocka_unit_test_setup_teardown(long_line_is_cut, open_log, close_log),
		cmocka_unit_test_setup_teardown(strangers_are_limited, open_log, close_log),
		cmocka_unit_test_setup_teardown(rotation, open_log, close_log),
		cmocka_unit_test_setup_teardown(open_fails, open_log, close_log),
		cmocka_unit_test_setup_teardown(links_are_not_followed, open_log, close_log),
		cmocka_unit_test_setup_teardown(journal, open_log, close_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
