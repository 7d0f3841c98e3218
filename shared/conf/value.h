/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * value: values of hub.conf, spoke.conf and hosts/NAME that say more than the table of variables
 * can check. Those that take a `struct config` read its variable, and on ERR_INVALID c->error says
 * what is wrong, with file and line.
 */
#include "shared/base/addr.h"
#include "shared/conf/vars.h"
#include "shared/noise/aead.h"
#include "shared/wire/node.h"

#define CONF_INTERFACE_SIZE 16u /* IFNAMSIZ */

/* AddressFamily as a socket family: AF_UNSPEC, AF_INET or AF_INET6. */
enum err conf_family(struct config *c, int *out) must_check;
/* Crypto. */
enum err conf_crypto(struct config *c, enum aead_choice *out) must_check;
/* Interface; without one the network's name, cut to fit. */
enum err conf_interface(struct config *c, const char *net,
			char out[CONF_INTERFACE_SIZE]) must_check;
/* Mode and DeviceType: words of tinc, of which few mean something here. `dummy` is set for
 * DeviceType = dummy; NULL: that is refused. */
enum err conf_mode(struct config *c, bool *dummy) must_check;
/* BindToAddress and ListenAddress; without a line every address of the family at `port`. Adds to
 * `list`. */
enum err conf_binds(struct config *c, uint16_t port, int family, struct endpoint *list,
		    unsigned max, unsigned *n) must_check;
/* The same for one line; `e` NULL means "*". */
enum err conf_bind(struct config *c, const struct config_entry *e, uint16_t port, int family,
		   struct endpoint *list, unsigned max, unsigned *n) must_check;
/* The Address lines of a hosts file as "HOST PORT", with the file's Port where there is none. */
enum err conf_addresses(struct config *host, char out[NODE_ENDPOINTS_MAX][ENDPOINT_NAME_SIZE],
			unsigned *n) must_check;

/* DNS. The network's name has to be one that DNS can carry. */
enum err conf_dns(struct config *c, const char *net, bool *out) must_check;
/* PMTU of a file; 0 when it has none. */
uint16_t conf_pmtu(const struct config *c);

enum conf_subnet_fault {
	CONF_SUBNET_OK,
	CONF_SUBNET_BAD,       /* not a prefix at all */
	CONF_SUBNET_HOST_BITS, /* `out` has what may be meant */
	CONF_SUBNET_WEIGHT     /* the weight is no number in its range; `out` has the default */
};
/* "PREFIX" or "PREFIX#WEIGHT", as in tinc; blanks before the "#" are passed over. */
enum conf_subnet_fault conf_subnet_parse(const char *text, struct node_subnet *out);
/* A Subnet line; everything but CONF_SUBNET_OK is an error. */
enum err conf_subnet(struct config *c, const struct config_entry *e,
		     struct node_subnet *out) must_check;
