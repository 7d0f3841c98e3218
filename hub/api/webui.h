/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * webui: the admin page's files, as they are in the binary. webui/embed.py makes the table at build
 * time; with `make WEBUI=0` it is empty, and / answers a few words instead.
 */
#include <stdbool.h>
#include <stddef.h>

struct webui_file {
	const char *name; /* below /ui/; "index.html" is / */
	const char *type; /* Content-Type */
	const char *hash; /* of the plain content: the entity tag, without quotes */
	const char *gzip; /* the content, compressed */
	size_t gzip_len;
	size_t plain_len; /* bytes when it is inflated */
	bool hashed_name; /* another content has another name: may be kept for ever */
};

/* The most that a plain file has: so much is inflated for a client that does not take gzip. */
#define WEBUI_PLAIN_MAX_BYTES (4u << 20)

extern const struct webui_file webui_files[];
extern const size_t webui_n_files;

/* NULL: there is no such file. */
const struct webui_file *webui_find(const char *name);

/* May an answer be compressed with gzip, as this Accept-Encoding (RFC 9110, section 12.5.3; NULL
 * when there is none) says? */
bool webui_takes_gzip(const char *accept_encoding);
