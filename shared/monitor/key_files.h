/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * key_files: the files of a node's keys, which only root may write. The workers that own the keys
 * make them; what is asked for here is one atomic step (struct monitor_key).
 */
#include "shared/ipc/monitor_msg.h"

/* Behind the name of a file: the key that is to take its place. */
#define KEY_FILES_NEXT ".next"

/* NULL: this daemon does not replace that key. */
struct key_files {
	const char *identity, *tunnel, *hub_pin;
};

/*
 * May this worker ask for it? The engine has the tunnel's private key, control the identity's: each
 * may write its own, and control says what becomes of a key that was kept. Another answer than yes
 * is a violation.
 */
bool key_files_may(const struct key_files *f, enum worker_role from, const struct monitor_key *m);
/* One step. ERR_NOTFOUND: nothing to be promoted. ERR_FULL, ERR_READONLY, ERR_DENIED, ERR_IO. */
enum err key_files_step(const struct key_files *f, const struct monitor_key *m) must_check;
