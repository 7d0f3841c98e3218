/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* init_options: the command line of `init`, checked. */
#include <stdbool.h>

#include "shared/base/paths.h"
#include "shared/wire/node.h"

#define INIT_SUBNETS_MAX   256u
#define INIT_API_NAMES_MAX 16u

struct init_options {
	const char *name;                                       /* the hub's node name */
	char addresses[NODE_ENDPOINTS_MAX][ENDPOINT_NAME_SIZE]; /* "host port": what spokes dial */
	char hosts[NODE_ENDPOINTS_MAX][256];                    /* the hosts of these */
	size_t n_addresses;
	struct prefix pools[2];                       /* IPv4, IPv6; family 0 none */
	struct node_subnet subnets[INIT_SUBNETS_MAX]; /* behind the hub */
	size_t n_subnets;
	uint16_t port;
	const char *api_names[INIT_API_NAMES_MAX]; /* more names of the HTTPS certificate */
	size_t n_api_names;
	const char *user;
	bool json;
	bool help;
	char error[384]; /* after ERR_INVALID: what is wrong, for standard error */
};

extern const char init_options_help[];

/* Strings stay in argv. ERR_INVALID: o->error says why. With o->help nothing else was checked. */
enum err init_options_parse(struct init_options *o, int argc, char **argv) must_check;
