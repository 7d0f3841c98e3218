/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * edit: changes a variable in the text of a configuration file, and leaves everything else as it
 * is: order, comments, blocks of keys. Pure.
 */
#include <stdbool.h>

#include "shared/base/buf.h"

enum conf_edit {
	CONF_EDIT_SET, /* the first line of the key gets the value, others of it go; none: a new
			  line */
	CONF_EDIT_ADD, /* one more line behind those of the key */
	CONF_EDIT_DEL, /* all lines of the key go, or those with this value */
};

/*
 * Appends the changed text to `out`; `*n` is how many lines of the key there were that the change
 * is about (for CONF_EDIT_DEL: that went; for the others: with this key). `value` may be NULL for
 * CONF_EDIT_DEL. ERR_EXISTS: CONF_EDIT_ADD of a value that is there. ERR_TOOBIG, ERR_NOMEM.
 */
enum err conf_edit(enum conf_edit kind, const char *text, size_t len, const char *key,
		   const char *value, struct buf *out, unsigned *n) must_check;
