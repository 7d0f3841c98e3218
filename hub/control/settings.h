/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* settings: the network's facts that are no node's, as the store's key/value table holds them. */
#include "hub/key_settings.h"
#include "hub/store/store.h"
#include "shared/base/name.h"

/* Default persistent keepalive of a spoke towards the hub: NAT mappings live 30 s and more. */
#define SETTINGS_KEEPALIVE_S 25u

struct settings {
	char network[NAME_SIZE];
	uint32_t hub_id;
	struct prefix pools[2]; /* IPv4, IPv6; family 0 none */
	uint16_t mtu;
	uint16_t keepalive_s;
	uint16_t udp_port;
	struct key_settings keys;
};

/*
 * All or nothing. ERR_NOTFOUND: network or hub_id is missing (no `init` yet); ERR_CORRUPT: a value
 * that does not parse.
 */
enum err settings_read(struct store *s, struct settings *out) must_check;
