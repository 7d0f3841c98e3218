/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * spoke.conf and hosts/NAME: what the spoke daemon is started with. Facts about other nodes come
 * from the hub's directory, not from here; a hosts file only says where a hub is dialled, and which
 * subnets this spoke proposes for itself. The variable table (config.c) is the single source of
 * parser, checker and documentation.
 */
#include "shared/base/config.h"
#include "shared/base/paths.h"
#include "shared/monitor/worker.h"
#include "shared/noise/aead.h"
#include "shared/wire/node.h"

#define SPOKE_HUBS_MAX        16u  /* ConnectTo lines */
#define SPOKE_OWN_SUBNETS_MAX 256u /* Subnet lines of our own hosts file */

/* One ConnectTo. Without addresses it is a name that only the directory may know (another spoke, or
 * the hub). */
struct spoke_hub {
	char name[NAME_SIZE];
	unsigned n_addresses;
	char addresses[NODE_ENDPOINTS_MAX][ENDPOINT_NAME_SIZE]; /* "host port" */
};

struct spoke_config {
	struct paths paths;
	struct config raw;            /* owns the strings below */
	const char *const *overrides; /* as given to spoke_config_load(): they hold at a reload, too
				       */
	const char *name;             /* Name */
	const char *user;             /* User, default "branchline" */
	char interface[16];           /* Interface, default the network's name cut to 15 bytes */
	const char *device;           /* Device, default /dev/net/tun */
	int family;    /* AddressFamily: AF_UNSPEC, AF_INET, AF_INET6; outside of the tunnel */
	uint16_t port; /* Port of our UDP sockets, default UDP_PORT_DEFAULT */
	struct endpoint udp[WORKER_UDP_SOCKETS_MAX]; /* to bind */
	unsigned n_udp;
	uint32_t fwmark;            /* FWMark, 0 none */
	const char *bind_interface; /* BindToInterface, NULL none */
	bool aes;                   /* Cipher = auto, and this CPU has AES instructions */
	enum aead_choice crypto;    /* Crypto: which library seals packets */
	bool offload;             /* Offload: segmentation offloads of TUN device and UDP sockets */
	bool local_discovery;     /* LocalDiscovery: tell the hub our machine's own addresses */
	uint32_t offline_grace_s; /* OfflineGrace */
	unsigned workers;         /* Workers, 1..WORKERS_MAX: processes that move packets */
	int log_level;            /* LogLevel */
	unsigned n_hubs;
	struct spoke_hub hubs[SPOKE_HUBS_MAX]; /* ConnectTo, in their order */
	unsigned n_subnets;
	/* Subnet lines of our own hosts file. */
	struct node_subnet subnets[SPOKE_OWN_SUBNETS_MAX];

	/* In paths.etc, each the base64 of a key: Ed25519 seed (0600), X25519 private key (0600),
	 * the hub's Ed25519 public key. */
	char identity_key_file[PATHS_FILE_SIZE];
	char tunnel_key_file[PATHS_FILE_SIZE];
	char hub_pin_file[PATHS_FILE_SIZE];

	char cache_file[PATHS_FILE_SIZE];    /* paths.state/directory.json */
	char status_socket[PATHS_FILE_SIZE]; /* paths.run/spoke.sock */
	char pid_file[PATHS_FILE_SIZE];      /* paths.run/spoke.pid */
};

/* The file names only; for commands that work without a configuration. Zeroes the struct. */
void spoke_config_init(struct spoke_config *c, const struct paths *paths);
/*
 * Reads paths.etc/spoke.conf and the hosts files of ConnectTo names and of ourselves, and applies
 * `overrides` ("KEY=VALUE", NULL-terminated, may be NULL). On failure c->raw.error says why, and
 * nothing needs freeing but spoke_config_fini().
 */
enum err spoke_config_load(struct spoke_config *c, const struct paths *paths,
			   const char *const *overrides) must_check;
void spoke_config_fini(struct spoke_config *c);
