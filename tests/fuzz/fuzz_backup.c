/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backups: the input as a line of backup.key, as a whole file, and, so that the inside is reached
 * at all, as the contents of a file that is sealed rightly. One recipient for all of it: scrypt for
 * each input would be nearly all the time there is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hub/backup/archive.h"

/* Who the seed `file` is for. */
#define LINE                                                                                       \
	"blb1 10 Evsa1jOIFE7SC5TU/RiS8A== ARKQ8yN+anl1Hho9P0q+MaHpJ87/3V18oo1Mq5t5ERM= "           \
	"p05rWAiIN4ajhy27NHlsv0Ybu0+rXBSYeSoJsxVZx/0="
#define PASSPHRASE "correct horse battery"

static struct recipient known;
static struct secret_key secret;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_line(const uint8_t *data, size_t size)
{
	char line[512], again[RECIPIENT_LINE_SIZE];
	struct recipient r, back;

	if (size >= sizeof(line))
		return;
	memcpy(line, data, size);
	line[size] = '\0';
	if (recipient_parse(line, &r))
		return;
	recipient_format(&r, again);
	BUG_ON(recipient_parse(again, &back) != ERR_OK);
	BUG_ON(memcmp(&r, &back, sizeof(r)) != 0);
}

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	BUG_ON(fd < 0 || write(fd, p, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET));
	return fd;
}

static void read_archive(struct sealed_reader *r)
{
	struct archive_about about;
	struct archive_file f;

	if (archive_read_about(r, &about))
		return;
	while (archive_read_file(r, &f) == ERR_OK) {
		uint8_t b[4096];

		BUG_ON(!archive_name_is_valid(f.name));
		for (uint64_t left = f.size; left;) {
			size_t n = left < sizeof(b) ? (size_t)left : sizeof(b);

			if (!sealed_read(r, b, n))
				return;
			left -= n;
		}
	}
}

static void try_file(const uint8_t *data, size_t size)
{
	int fd = file_of(data, size);
	struct sealed_reader *r;

	if (!sealed_reader_new(fd, &r)) {
		/* A file for another recipient ends at its first chunk. */
		if (!sealed_unlock_key(r, &secret, &known.origin))
			read_archive(r);
		sealed_reader_free(r);
	}
	close(fd);
}

static void try_contents(const uint8_t *data, size_t size)
{
	int fd = file_of(NULL, 0);
	struct sealed_writer *w;
	struct sealed_reader *r;

	BUG_ON(sealed_writer_new(fd, &known, &w));
	sealed_write(w, data, size);
	BUG_ON(sealed_writer_end(w) || lseek(fd, 0, SEEK_SET));
	BUG_ON(sealed_reader_new(fd, &r) || sealed_unlock_key(r, &secret, &known.origin));
	read_archive(r);
	sealed_reader_free(r);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!known.log_n)
		BUG_ON(recipient_parse(LINE, &known) ||
		       recipient_unlock(&known, PASSPHRASE, &secret));
	try_line(data, size);
	try_file(data, size);
	try_contents(data, size);
	return 0;
}
