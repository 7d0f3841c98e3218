/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * hub.conf: what the hub daemon is started with. Facts about nodes are not here, they are in the
 * store. The variables are in shared/conf/vars.c.
 */
#include "shared/base/config.h"
#include "shared/base/paths.h"
#include "shared/monitor/monitor.h"
#include "shared/noise/aead.h"
#include "shared/wire/node.h"

#define HUB_BRANCHES_MAX 4096u /* ConnectTo lines */

/* A branch that is expected: a ConnectTo line, and the Address lines of its file in hosts/. */
struct hub_branch {
	char name[NAME_SIZE];
	unsigned n_addresses;
	char addresses[NODE_ENDPOINTS_MAX][ENDPOINT_NAME_SIZE]; /* "host port" */
	uint16_t pmtu_max;                                      /* PMTU of its hosts file, 0 none */
	bool pmtu_fixed;                                        /* PMTUDiscovery = no of it */
};

struct hub_config {
	struct paths paths;
	const char *const
		*overrides; /* as given to hub_config_load(): they hold at a reload, too */
	struct config raw;  /* owns the strings below */
	int64_t loaded_ms;  /* wall time: tells one run of the hub from another */
	const char *name;   /* Name: the hub's node name */
	const char *user;   /* User, default "branchline" */
	const char *group;  /* Group of the API socket, default "branchline" */
	char interface[16]; /* Interface, default the network's name cut to 15 bytes */
	const char *device; /* Device, default /dev/net/tun; "none": relay only */
	uint16_t port;      /* Port, default UDP_PORT_DEFAULT: UDP data plane and TCP link */
	struct endpoint udp[WORKER_UDP_SOCKETS_MAX];
	unsigned n_udp;
	uint16_t nat_port; /* NATPort, default port + 1: second UDP port; 0 none */
	struct endpoint nat_udp[WORKER_UDP_SOCKETS_MAX];
	unsigned n_nat_udp;
	struct endpoint tcp[MONITOR_LISTEN_MAX];
	unsigned n_tcp;
	uint16_t tcp_ports[LINK_PORTS_MAX]; /* of ListenTCP on all addresses: told to spokes */
	uint8_t n_tcp_ports;
	struct endpoint
		https[MONITOR_LISTEN_MAX]; /* from ApiListen; default [::] and 0.0.0.0 with
					      HTTPS_PORT_DEFAULT; none with "ApiListen = none" */
	unsigned n_https;
	char api_socket[PATHS_FILE_SIZE];        /* paths.run/api.sock */
	char identity_key_file[PATHS_FILE_SIZE]; /* paths.etc/identity.key, 0600: base64 of the
						    Ed25519 seed */
	char tunnel_key_file[PATHS_FILE_SIZE];   /* paths.etc/tunnel.key, 0600: base64 of the X25519
						    private key */
	char https_key_file[PATHS_FILE_SIZE];    /* paths.etc/https.key PEM, 0600 */
	char https_cert_file[PATHS_FILE_SIZE];   /* paths.etc/https.crt PEM */
	char pidfile[PATHS_FILE_SIZE];
	uint32_t fwmark;
	const char *bind_interface;
	bool clamp_mss;            /* ClampMSS */
	bool pmtu_discovery;       /* PMTUDiscovery */
	bool priority_inheritance; /* PriorityInheritance */
	uint16_t pmtu_max;         /* PMTU, 0 none */
	enum aead_choice crypto;   /* Crypto: which library seals packets */
	bool offload;     /* Offload: segmentation offloads of TUN device and UDP sockets */
	unsigned workers; /* Workers, 1..WORKERS_MAX: processes that move packets */
	bool dns;         /* DNS: a worker that answers the nodes' names */
	int log_level;    /* LogLevel, 0..5 */
	size_t n_branches;
	struct hub_branch *branches; /* ConnectTo, by name, each once; owned */
	char host_warning[512];      /* why a hosts file of one is passed over, or "" */
	const char *log_file;        /* NULL: standard error */
};

/* Reads paths.etc/hub.conf and applies `overrides` ("KEY=VALUE", NULL-terminated, may be NULL). On
 * failure c->raw.error says why, and nothing needs freeing but hub_config_fini(). */
enum err hub_config_load(struct hub_config *c, const struct paths *paths,
			 const char *const *overrides) must_check;
void hub_config_fini(struct hub_config *c);
/*
 * SIGHUP: reads everything again and takes over what may change without a restart, the ConnectTo
 * lines and their files in hosts/. Those from before, which hub_config_branch() gave out, are the
 * caller's to free() in `*old` (`old` NULL: freed). On failure `c` is as it was and `error` says
 * why.
 */
enum err hub_config_reload(struct hub_config *c, struct hub_branch **old,
			   char error[CONFIG_ERROR_SIZE]) must_check;
/* The ConnectTo line that names the node, or NULL. */
const struct hub_branch *hub_config_branch(const struct hub_config *c, const char *name);
