/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * own_address: this machine's addresses, and which of them are told to others as places where we
 * may be reached (candidates). Reading needs no rights.
 */
#include "shared/wire/control.h"
#include "spoke/config.h"

#define OWN_ADDRESS_MAX        256u
#define OWN_ADDRESS_TIMEOUT_MS 1000u

struct own_address {
	struct addr addr;
	unsigned interface; /* index */
	bool running;       /* the interface is up, has a carrier, and is not the loopback */
	bool tunnel;        /* on an interface that is a tunnel's: tun, tap, WireGuard */
};

struct own_addresses {
	size_t n;
	struct own_address list[OWN_ADDRESS_MAX]; /* as the kernel lists them; more are left out */
};

/* Asks the kernel. Those of our own tunnel interface `own` are left out. ERR_SYSTEM. */
enum err own_address_read(const char *own, struct own_addresses *out) must_check;
/* Pure: do both say the same? */
bool own_address_same(const struct own_addresses *a, const struct own_addresses *b);
/* Pure: is the address there? */
bool own_address_has(const struct own_addresses *a, const struct addr *addr);

/*
 * Pure: where others may reach our UDP sockets, at most `max`, each once.
 *
 *   BindToAddress    these addresses and ports, also on tunnels
 *   otherwise        the addresses of running interfaces that are no tunnels and not in `pools`
 *                    (inside a Branchline network), nor link-local, with our port; none with
 * LocalDiscovery = no own hosts file   numeric Address lines: what is behind a port forwarding
 *
 * None at all with IndirectData: nobody is to look for us. `pools` may be NULL.
 */
size_t own_address_candidates(const struct own_addresses *a, const struct spoke_config *cfg,
			      const struct prefix pools[2], struct endpoint *out, size_t max);
