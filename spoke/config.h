/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * spoke.conf and hosts/NAME: what the spoke daemon is started with. Facts about other nodes come
 * from the hub's directory, not from here; a hosts file only says where a hub is dialled, and which
 * subnets this spoke proposes for itself. The variables are in shared/conf/vars.c.
 */
#include "shared/base/config.h"
#include "shared/base/paths.h"
#include "shared/loop/proxy.h"
#include "shared/monitor/worker.h"
#include "shared/noise/aead.h"
#include "shared/wire/node.h"
#include "shared/wire/node_settings.h"

#define SPOKE_HUBS_MAX        16u   /* ConnectTo lines */
#define SPOKE_OWN_SUBNETS_MAX 256u  /* Subnet lines of our own hosts file */
#define SPOKE_HOSTS_MAX       4096u /* files in hosts/ */

/* One node of which a line here speaks: a ConnectTo, a hosts file. Without addresses it is a name
 * that only the directory may know (another spoke, or the hub). */
struct spoke_host {
	char name[NAME_SIZE];
	enum path_policy path_policy; /* IndirectData, DirectOnly of its hosts file */
	uint16_t pmtu_max;            /* PMTU of it, 0 none */
	bool pmtu_fixed;              /* PMTUDiscovery = no of it */
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
	struct proxy proxy;       /* Proxy: how the hub is reached by TCP; holds a password */
	bool strict_keys;         /* StrictKeys: see control/trust.h */
	bool tcp_only;            /* TCPOnly: no UDP at all */
	bool local_discovery;     /* LocalDiscovery: tell the hub our machine's own addresses */
	uint32_t offline_grace_s; /* OfflineGrace */
	uint16_t direct_idle_s;   /* DirectIdle, 0 never */
	uint16_t direct_max;      /* DirectMax, 0 none at all */
	bool pmtu_discovery;      /* PMTUDiscovery */
	uint16_t pmtu_max;        /* PMTU, 0 none */
	bool clamp_mss;           /* ClampMSS */
	bool priority_inheritance; /* PriorityInheritance */
	/* IndirectData, DirectOnly of spoke.conf or our own hosts file: with every other spoke.
	 * What is said here only tightens what the hub says. */
	enum path_policy path_policy;
	/* What may be set here and by the hub: `local` as our own lines say, `steered` as the hub
	 * does; spoke_config_steer() puts what holds into the variables above. */
	struct node_settings local, steered;
	uint16_t mtu;     /* of the tunnel interface as the hub set it for us, 0: the network's */
	unsigned workers; /* Workers, 1..WORKERS_MAX: processes that move packets */
	bool dns;         /* DNS: a worker that answers the nodes' names */
	int log_level;    /* LogLevel */
	unsigned n_hubs;
	struct spoke_host hubs[SPOKE_HUBS_MAX]; /* ConnectTo, in their order */
	struct spoke_host own;                  /* our own hosts file */
	size_t n_hosts, cap_hosts;
	struct spoke_host *hosts; /* all other files of hosts/, by name; owned */
	char host_warning[512];   /* why a hosts file that nothing needs is passed over, or "" */
	unsigned n_subnets;
	/* Subnet lines of our own hosts file. */
	struct node_subnet subnets[SPOKE_OWN_SUBNETS_MAX];

	/* In paths.etc, each the base64 of a key: Ed25519 seed (0600), X25519 private key (0600),
	 * the hub's Ed25519 public key. */
	char identity_key_file[PATHS_FILE_SIZE];
	char tunnel_key_file[PATHS_FILE_SIZE];
	char hub_pin_file[PATHS_FILE_SIZE];

	char cache_file[PATHS_FILE_SIZE];    /* paths.state/directory.json */
	char settings_file[PATHS_FILE_SIZE]; /* paths.state/settings.json */
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
/* What hosts/NAME says, or NULL when there is no such file. */
const struct spoke_host *spoke_config_host(const struct spoke_config *c, const char *name);
/* True when a ConnectTo line names the node. */
bool spoke_config_connects_to(const struct spoke_config *c, const char *name);
/* The policy of our own lines for the pair of us and this node; auto when they say nothing. */
enum path_policy spoke_config_path_policy(const struct spoke_config *c, const char *name);
/*
 * Takes over from `fresh` what may change while the daemon runs (SIGHUP): ConnectTo, the hosts
 * files, and the variables that the engine or the link take up at any time.
 */
void spoke_config_take(struct spoke_config *c, struct spoke_config *fresh);
/* The hub's settings take the place of those that it said before. Our own lines hold before them.
 */
void spoke_config_steer(struct spoke_config *c, const struct node_settings *hub);
/* What holds of one setting, and who says so. */
int32_t spoke_config_setting(const struct spoke_config *c, enum node_setting k,
			     enum setting_source *source);
/*
 * Reads the Proxy line of c->raw into c->proxy, for those who have read spoke.conf without the rest
 * (join). Errors are in c->raw.error: nothing of a password is in it, and a file with a password
 * that everybody may read is one.
 */
enum err spoke_config_proxy(struct spoke_config *c) must_check;
