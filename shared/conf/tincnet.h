/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * tincnet: a tinc network as it stands in a configuration folder of tincd (1.0 or 1.1): tinc.conf
 * and hosts/. Read only, no network, no database: what comes of it is cmd_import.c's.
 *
 * What cannot be carried over is not passed over in silence: each such line becomes a note.
 */
#include "shared/base/buf.h"
#include "shared/base/config.h"
#include "shared/base/name.h"
#include "shared/wire/limits.h"
#include "shared/wire/node.h"
#include "shared/wire/path_policy.h"

#define TINCNET_HOSTS_MAX 4096u
#define TINCNET_NOTES_MAX 20000u

struct tinc_host {
	char name[NAME_SIZE];
	struct node_subnet *subnets; /* owned */
	size_t n_subnets;
	char endpoints[NODE_ENDPOINTS_MAX][ENDPOINT_NAME_SIZE]; /* "host port" */
	size_t n_endpoints;
	uint8_t compression;
	enum path_policy path_policy;
	bool broken; /* its file could not be read or understood: a note says why, the rest is empty
		      */
};

struct tincnet {
	char self[NAME_SIZE]; /* Name of tinc.conf, or what its $VARIABLE says: whose folder it is
			       */
	struct tinc_host *hosts; /* by name, the own one among them; owned */
	size_t n_hosts;
	char **notes; /* "hosts/oslo:3: Cipher is not needed: ..."; owned */
	size_t n_notes;
	char error[512]; /* after a failure: a sentence for the admin */
};

/* ERR_NOTFOUND: no tinc.conf there; ERR_INVALID: one that cannot be understood; both with n->error.
 * A file of hosts/ that is of no use makes its node `broken` and stops nothing. */
enum err tincnet_read(struct tincnet *n, const char *dir) must_check;
void tincnet_fini(struct tincnet *n);
/*
 * What a branch's spoke.conf takes from its tinc.conf and its own file in hosts/: `text`, which may
 * be empty or an older spoke.conf, with those lines added that it does not have, into `out`. What
 * is there stays. The rest become notes, or n->error as in tincnet_read(). Instead of
 * tincnet_read(); followed by tincnet_fini().
 */
enum err tincnet_spoke_conf(struct tincnet *n, const char *dir, const char *text, size_t len,
			    struct buf *out) must_check;
/* Is it the node whose folder it is? */
bool tincnet_is_self(const struct tincnet *n, const struct tinc_host *h);
/* For tests: one file of hosts/ from memory; `label` is how notes call it. */
enum err tincnet_parse_host(struct tincnet *n, const char *name, const char *label,
			    const char *text, size_t len) must_check;
