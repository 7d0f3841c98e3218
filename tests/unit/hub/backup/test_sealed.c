/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "hub/backup/sealed.h"
#include "shared/wire/limits.h"

#define PASSPHRASE "correct horse battery"
#define CHUNK      SEALED_CHUNK_BYTES
#define FRAME      (4u + AEAD_TAG_BYTES) /* what a chunk has besides its bytes */

static struct recipient to;

static int group_setup(void **state)
{
	(void)state;
	return recipient_make(&to, PASSPHRASE, RECIPIENT_LOG_N_MIN);
}

/* A file with `n` bytes that count up, sealed for `r`. */
static int sealed_file(const struct recipient *r, size_t n)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC);
	struct sealed_writer *w;

	assert_true(fd >= 0);
	assert_int_equal(sealed_writer_new(fd, r, &w), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		uint8_t b = (uint8_t)(i * 7 + i / 251);

		sealed_write(w, &b, 1);
	}
	assert_int_equal(sealed_writer_end(w), ERR_OK);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Reads `n` bytes and the end; the error, ERR_CONFLICT when the bytes are others. */
static enum err open_file(int fd, const char *passphrase, size_t n)
{
	struct sealed_reader *r;
	enum err e = sealed_reader_new(fd, &r);

	if (e)
		return e;
	e = sealed_unlock(r, passphrase);
	for (size_t i = 0; i < n && !e; i++) {
		uint8_t b;

		if (!sealed_read(r, &b, 1))
			e = sealed_error(r);
		else if (b != (uint8_t)(i * 7 + i / 251))
			e = ERR_CONFLICT;
	}
	if (!e)
		e = sealed_reader_end(r);
	sealed_reader_free(r);
	return e;
}

static enum err reopen(int fd, size_t n)
{
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return open_file(fd, PASSPHRASE, n);
}

static void test_round_trip(void **state)
{
	static const size_t sizes[] = { 0,         1,         CHUNK - 1,     CHUNK,
					CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5, 100000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		int fd = sealed_file(&to, sizes[i]);

		assert_int_equal(open_file(fd, PASSPHRASE, sizes[i]), ERR_OK);
		close(fd);
	}
}

static void test_wrong_passphrase(void **state)
{
	int fd = sealed_file(&to, 10);

	(void)state;
	assert_int_equal(open_file(fd, "correct horse batterz", 10), ERR_AUTH);
	close(fd);
}

/* A key that was made once opens every file for its recipient; another key opens none. */
static void test_unlock_key(void **state)
{
	struct recipient r = to;
	struct secret_key secret;
	int fd = sealed_file(&to, 1);

	(void)state;
	assert_int_equal(recipient_unlock(&r, PASSPHRASE, &secret), ERR_OK);
	for (unsigned i = 0; i < 2; i++) {
		struct sealed_reader *reader;
		uint8_t b;

		secret.b[1] ^= (uint8_t)i;
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(sealed_reader_new(fd, &reader), ERR_OK);
		assert_int_equal(sealed_unlock_key(reader, &secret, &r.origin), ERR_OK);
		assert_int_equal(sealed_read(reader, &b, 1), !i);
		assert_int_equal(sealed_error(reader), i ? ERR_AUTH : ERR_OK);
		sealed_reader_free(reader);
	}
	close(fd);
}

/* Whoever only knows what stands in a backup's own header cannot make another one. */
static void test_origin(void **state)
{
	struct recipient forged = to;
	int fd;

	(void)state;
	memset(&forged.origin, 0, sizeof(forged.origin));
	fd = sealed_file(&forged, 10);
	assert_int_equal(open_file(fd, PASSPHRASE, 10), ERR_AUTH);
	close(fd);
}

/* One changed bit anywhere is found. */
static void test_every_byte(void **state)
{
	int fd = sealed_file(&to, 40);
	off_t size = lseek(fd, 0, SEEK_END);

	(void)state;
	assert_int_equal(size, SEALED_HEADER_BYTES + FRAME + 40);
	for (off_t at = 0; at < size; at++) {
		uint8_t b, changed;

		assert_int_equal(pread(fd, &b, 1, at), 1);
		changed = b ^ 1;
		assert_int_equal(pwrite(fd, &changed, 1, at), 1);
		/* A dearer scrypt than the test wants to wait for. */
		if (at != 5 && reopen(fd, 40) == ERR_OK)
			fail_msg("byte %lld may be changed", (long long)at);
		assert_int_equal(pwrite(fd, &b, 1, at), 1);
	}
	assert_int_equal(reopen(fd, 40), ERR_OK);
	close(fd);
}

static void test_cut(void **state)
{
	const size_t n = CHUNK + 100;
	int fd = sealed_file(&to, n);
	const off_t size = lseek(fd, 0, SEEK_END);
	static const off_t off[] = { 1, 16, 100 + FRAME, 100 + FRAME + 1, 100 + 2 * FRAME + CHUNK };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(off); i++) {
		int cut = sealed_file(&to, n);

		assert_int_equal(ftruncate(cut, size - off[i]), 0);
		assert_int_equal(reopen(cut, n), ERR_TRUNCATED);
		close(cut);
	}
	/* And something behind the end. */
	assert_int_equal(pwrite(fd, "x", 1, size), 1);
	assert_int_equal(reopen(fd, n), ERR_INVALID);
	close(fd);
}

/* Two whole chunks in another order. */
static void test_order(void **state)
{
	const size_t whole = CHUNK + FRAME;
	int fd = sealed_file(&to, 2 * CHUNK + 1);
	uint8_t *a = malloc(whole), *b = malloc(whole);

	(void)state;
	assert_int_equal(pread(fd, a, whole, SEALED_HEADER_BYTES), whole);
	assert_int_equal(pread(fd, b, whole, (off_t)(SEALED_HEADER_BYTES + whole)), whole);
	assert_int_equal(pwrite(fd, b, whole, SEALED_HEADER_BYTES), whole);
	assert_int_equal(pwrite(fd, a, whole, (off_t)(SEALED_HEADER_BYTES + whole)), whole);
	assert_int_equal(reopen(fd, 2 * CHUNK + 1), ERR_AUTH);
	free(a);
	free(b);
	close(fd);
}

/* A reader that stops early is not told that all is well. */
static void test_not_all_read(void **state)
{
	int fd = sealed_file(&to, 10);

	(void)state;
	assert_int_equal(open_file(fd, PASSPHRASE, 9), ERR_INVALID);
	close(fd);
}

static void test_headers(void **state)
{
	static const struct {
		const char *what;
		off_t at;
		uint8_t with;
		enum err err;
	} rows[] = {
		{ "another file", 0, 'X', ERR_INVALID },
		{ "later version", 4, 2, ERR_VERSION },
		{ "too cheap", 5, RECIPIENT_LOG_N_MIN - 1, ERR_INVALID },
		{ "too dear", 5, RECIPIENT_LOG_N_MAX + 1, ERR_INVALID },
		{ "reserved", 6, 1, ERR_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int fd = sealed_file(&to, 1);

		assert_int_equal(pwrite(fd, &rows[i].with, 1, rows[i].at), 1);
		if (reopen(fd, 1) != rows[i].err)
			fail_msg("%s", rows[i].what);
		close(fd);
	}
}

/* A full device is noticed. */
static void test_full(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct sealed_writer *w;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(sealed_writer_new(fd, &to, &w), ERR_FULL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_wrong_passphrase),
		cmocka_unit_test(test_unlock_key), cmocka_unit_test(test_origin),
		cmocka_unit_test(test_every_byte), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_order),      cmocka_unit_test(test_not_all_read),
		cmocka_unit_test(test_headers),    cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
