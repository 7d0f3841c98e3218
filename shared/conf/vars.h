/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * vars: every variable of hub.conf, spoke.conf and hosts/NAME, in one table: the single source of
 * parser, fsck, `get` and `set`, completion, and (held against it by a test) the man pages.
 */
#include "shared/base/config.h"

enum conf_program { CONF_HUB, CONF_SPOKE };

/* The rows that this program has. The two overlap: what both have is there once. */
const struct config_var *conf_vars(enum conf_program program, size_t *n);
/* config_init() with them. */
void conf_init(struct config *c, enum conf_program program);
