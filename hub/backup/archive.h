/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * archive: what stands inside a backup: files, each with a name out of a short list of forms, its
 * mode and its bytes. Layout: schema/BACKUP.md.
 *
 *   "state/directory.db"          the directory database
 *   "etc/NAME", "etc/hosts/NAME"  the configuration folder: keys, certificate, hub.conf, scripts
 */
#include <sys/types.h>

#include "hub/backup/sealed.h"
#include "shared/base/name.h"

#define ARCHIVE_NAME_SIZE      160u
#define ARCHIVE_FILES_MAX      4096u
#define ARCHIVE_ETC_FILE_BYTES (1u << 20) /* of the configuration folder: scripts, keys */
#define ARCHIVE_DB             "state/directory.db"

/* Who made it and when. */
struct archive_about {
	char network[NAME_SIZE];
	char hub[NAME_SIZE];
	char version[32]; /* of the program */
	int64_t made_ms;  /* wall clock, milliseconds since 1970 UTC */
};

struct archive_file {
	char name[ARCHIVE_NAME_SIZE];
	mode_t mode; /* permission bits */
	uint64_t size;
};

/* True for the forms above: nothing that could lead out of the two folders. */
bool archive_name_is_valid(const char *name);

void archive_write_about(struct sealed_writer *w, const struct archive_about *a);
/* The head of a file; `size` bytes must follow by sealed_write(). */
void archive_write_file(struct sealed_writer *w, const struct archive_file *f);
void archive_write_end(struct sealed_writer *w);

/* ERR_VERSION, ERR_INVALID, and what sealed_error() says. */
enum err archive_read_about(struct sealed_reader *r, struct archive_about *out) must_check;
/* The next file's head; its `size` bytes must be read before the next call. ERR_NOTFOUND: there are
 * no more; ERR_INVALID: a name, mode or size that is not allowed. */
enum err archive_read_file(struct sealed_reader *r, struct archive_file *out) must_check;
