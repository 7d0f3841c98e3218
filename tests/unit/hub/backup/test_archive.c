/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "hub/backup/archive.h"
#include "shared/base/cursor.h"

#define PASSPHRASE "correct horse battery"

static void test_names(void **state)
{
	static const struct {
		const char *name;
		bool valid;
	} rows[] = {
		{ "state/directory.db", true },
		{ "etc/hub.conf", true },
		{ "etc/tinc-up", true },
		{ "etc/hosts/oslo", true },
		{ "etc/hosts/oslo-up", true },
		{ "etc/hosts", false },
		{ "etc/hosts/", false },
		{ "etc/", false },
		{ "etc/../x", false },
		{ "etc/hosts/../x", false },
		{ "etc/.x", false },
		{ "etc/a/b", false },
		{ "etc/a b", false },
		{ "state/presence.db", false },
		{ "state/../etc/hub.conf", false },
		{ "/etc/passwd", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (archive_name_is_valid(rows[i].name) != rows[i].valid)
			fail_msg("\"%s\"", rows[i].name);
}

/* A stream with these bytes inside, opened for reading. */
static struct sealed_reader *stream_of(const void *p, size_t n, int *fd)
{
	struct recipient to;
	struct sealed_writer *w;
	struct sealed_reader *r;

	*fd = memfd_create("archive", MFD_CLOEXEC);
	assert_true(*fd >= 0);
	assert_int_equal(recipient_make(&to, PASSPHRASE, RECIPIENT_LOG_N_MIN), ERR_OK);
	assert_int_equal(sealed_writer_new(*fd, &to, &w), ERR_OK);
	sealed_write(w, p, n);
	assert_int_equal(sealed_writer_end(w), ERR_OK);
	assert_int_equal(lseek(*fd, 0, SEEK_SET), 0);
	assert_int_equal(sealed_reader_new(*fd, &r), ERR_OK);
	assert_int_equal(sealed_unlock(r, PASSPHRASE), ERR_OK);
	return r;
}

struct entry {
	const char *what;
	uint8_t type;
	const char *name;
	uint16_t mode;
	uint64_t size;
	enum err err;
};

static void test_entries(void **state)
{
	static const struct entry rows[] = {
		{ "a file", 1, "etc/hub.conf", 0644, 5, ERR_OK },
		{ "a large database", 1, ARCHIVE_DB, 0600, 1ull << 40, ERR_OK },
		{ "the end", 0, "", 0, 0, ERR_NOTFOUND },
		{ "another type", 2, "etc/hub.conf", 0644, 5, ERR_INVALID },
		{ "a name outside", 1, "etc/../passwd", 0644, 5, ERR_INVALID },
		{ "set-user-id", 1, "etc/tinc-up", 04755, 5, ERR_INVALID },
		{ "a large script", 1, "etc/tinc-up", 0755, ARCHIVE_ETC_FILE_BYTES + 1,
		  ERR_INVALID },
		{ "a negative size", 1, ARCHIVE_DB, 0600, UINT64_MAX, ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sealed_reader *r;
		struct archive_file f;
		uint8_t mem[256];
		struct cursor c;
		int fd;

		cursor_init_write(&c, mem, sizeof(mem));
		cursor_put_u8(&c, rows[i].type);
		cursor_put_str(&c, rows[i].name);
		cursor_put_u16(&c, rows[i].mode);
		cursor_put_u64(&c, rows[i].size);
		r = stream_of(mem, cursor_pos(&c), &fd);
		if (archive_read_file(r, &f) != rows[i].err)
			fail_msg("%s", rows[i].what);
		sealed_reader_free(r);
		close(fd);
	}
}

/* Every cut of the head of an archive says that something is missing. */
static void test_about(void **state)
{
	struct cursor c;
	uint8_t mem[64];

	(void)state;
	cursor_init_write(&c, mem, sizeof(mem));
	cursor_put_u8(&c, 1);
	cursor_put_u64(&c, 1790000000000ull);
	cursor_put_str(&c, "net");
	cursor_put_str(&c, "hq");
	cursor_put_str(&c, "0.1.0");
	for (size_t n = 0; n <= cursor_pos(&c); n++) {
		struct archive_about about;
		struct sealed_reader *r;
		int fd;

		r = stream_of(mem, n, &fd);
		assert_int_equal(archive_read_about(r, &about),
				 n == cursor_pos(&c) ? ERR_OK : ERR_TRUNCATED);
		sealed_reader_free(r);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
