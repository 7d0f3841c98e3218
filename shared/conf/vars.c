/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of the rows is hub only, both, spoke only: so each program's are in one piece.
 */
#include "shared/conf/vars.h"

#include "shared/wire/limits.h"

_Static_assert(WORKERS_MAX == 8 && TUN_MTU_MIN == 576 && TUN_MTU_MAX == 9000 &&
		       DIRECT_IDLE_S_DEFAULT == 300 && DIRECT_MAX_DEFAULT == 256,
	       "as the table says");

static const struct config_var vars[] = {
	/* --- hub.conf only --- */
	{ "Device", CONFIG_STRING, CONFIG_HUB | CONFIG_SERVER, 0, 0, "/dev/net/tun",
	  "the device from which the tunnel interface is made; none for a hub that "
	  "only relays" },
	{ "Port", CONFIG_INT, CONFIG_HUB | CONFIG_SERVER | CONFIG_HOST, 1, 65535, NULL,
	  "in hub.conf the port of tunnels (UDP) and links (TCP), default 6655; in hosts/NAME the "
	  "port of Address lines that have none" },
	{ "ListenTCP", CONFIG_STRING, CONFIG_HUB | CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "another TCP port for links, and for tunnels where UDP is blocked: a port like 443 for "
	  "all addresses, or an address of this machine and a port" },
	{ "NATPort", CONFIG_INT, CONFIG_HUB | CONFIG_SERVER, 0, 65535, NULL,
	  "a second UDP port, at which spokes find out how their NAT works; default Port + 1, 0 "
	  "none" },
	{ "Group", CONFIG_STRING, CONFIG_HUB | CONFIG_SERVER, 0, 0, "branchline",
	  "the group whose members may use the API's UNIX socket, besides root" },
	{ "ApiListen", CONFIG_STRING, CONFIG_HUB | CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "an address of this machine, or *, with an optional port, for page and API over HTTPS; "
	  "none for the UNIX socket only" },
	{ "ConnectTo", CONFIG_NAME, CONFIG_HUB | CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "an expected branch: it is said when it is away, and its tunnel is made from here when "
	  "its Address is known" },

	/* --- both --- */
	{ "Name", CONFIG_NAME, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, NULL,
	  "the name of this node in its network" },
	{ "DeviceType", CONFIG_STRING, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "tun",
	  "tun; on a hub also dummy, for the same as Device = none" },
	{ "Interface", CONFIG_STRING, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, NULL,
	  "the name of the tunnel interface, at most 15 bytes; default is the network's name" },
	{ "Mode", CONFIG_STRING, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "router",
	  "router, the only mode there is" },
	{ "AddressFamily", CONFIG_STRING, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "any",
	  "any, ipv4 or ipv6: what is used outside of the tunnel when no BindToAddress says it" },
	{ "BindToAddress", CONFIG_STRING,
	  CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "an address of this machine, or *, with an optional port, for tunnels (UDP) and links "
	  "(TCP)" },
	{ "ListenAddress", CONFIG_STRING,
	  CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "the same as BindToAddress" },
	{ "BindToInterface", CONFIG_STRING, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, NULL,
	  "the interface that tunnels and links use, whatever the routes say" },
	{ "FWMark", CONFIG_INT, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, UINT32_MAX, "0",
	  "the firewall mark of the packets of tunnels and links" },
	{ "User", CONFIG_STRING, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "branchline",
	  "the unprivileged user of the worker processes" },
	{ "ClampMSS", CONFIG_BOOL, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "yes",
	  "lower the MSS of TCP connections to what their path carries" },
	{ "PMTU", CONFIG_INT, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER | CONFIG_HOST, 576, 9000,
	  NULL,
	  "the largest packet that goes into a tunnel, or in hosts/NAME into the one to that "
	  "node, bytes, whatever its path carries" },
	{ "PMTUDiscovery", CONFIG_BOOL, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER | CONFIG_HOST, 0,
	  0, "yes",
	  "find out with probes how large a packet each path, or in hosts/NAME the one to that "
	  "node, carries" },
	{ "PriorityInheritance", CONFIG_BOOL, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "no",
	  "give tunnel packets the TOS or traffic class of the packets inside; a hub keeps that of "
	  "relayed ones" },
	{ "Crypto", CONFIG_STRING, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "auto",
	  "auto, openssl or ipsec-mb: the library that seals tunnel packets; auto takes the faster "
	  "one that this machine has" },
	{ "Offload", CONFIG_BOOL, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "yes",
	  "use the segmentation offloads of the kernel, as far as it has them; no: one packet at a "
	  "time, to find out whether an offload is at fault" },
	{ "DNS", CONFIG_BOOL, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "no",
	  "answer NODE.NET.internal and the reverse by DNS, on port 53 of this node's address in "
	  "the network" },
	{ "LogLevel", CONFIG_INT, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 0, 5, "0",
	  "how much is logged, 0 to 5" },
	{ "Workers", CONFIG_INT, CONFIG_HUB | CONFIG_SPOKE | CONFIG_SERVER, 1, 8, "1",
	  "the number of processes that move packets, 1 to 8" },
	{ "Address", CONFIG_STRING, CONFIG_HUB | CONFIG_SPOKE | CONFIG_HOST | CONFIG_MULTIPLE, 0, 0,
	  NULL, "where the node is reached: a name or an address, and an optional port" },
	{ "Subnet", CONFIG_STRING, CONFIG_HUB | CONFIG_SPOKE | CONFIG_HOST | CONFIG_MULTIPLE, 0, 0,
	  NULL,
	  "a prefix behind the node, with an optional #weight: a spoke proposes its own to the "
	  "hub; what is behind others is in the hub's database" },

	/* --- spoke.conf only --- */
	{ "ConnectTo", CONFIG_NAME, CONFIG_SPOKE | CONFIG_SERVER | CONFIG_MULTIPLE, 0, 0, NULL,
	  "a hub to dial, whose Address lines are in hosts/NAME, several are tried in turn; or "
	  "another branch, to which a direct tunnel is kept" },
	{ "Device", CONFIG_PATH, CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "/dev/net/tun",
	  "the device from which the tunnel interface is made" },
	{ "Port", CONFIG_INT, CONFIG_SPOKE | CONFIG_SERVER | CONFIG_HOST, 0, 65535, NULL,
	  "in spoke.conf the UDP port of this node, 0 for any free one; in hosts/NAME the port of "
	  "Address lines that have none" },
	{ "LocalDiscovery", CONFIG_BOOL, CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "yes",
	  "tell the hub this machine's own addresses, so that neighbours find each other" },
	{ "IndirectData", CONFIG_BOOL, CONFIG_SPOKE | CONFIG_SERVER | CONFIG_HOST, 0, 0, "no",
	  "reach other branches, or in hosts/NAME that one, through the hub only" },
	{ "DirectOnly", CONFIG_BOOL, CONFIG_SPOKE | CONFIG_SERVER | CONFIG_HOST, 0, 0, "no",
	  "never reach other branches, or in hosts/NAME that one, through the hub" },
	{ "DirectIdle", CONFIG_INT, CONFIG_SPOKE | CONFIG_SERVER, 0, 65535, "300",
	  "seconds after which a direct path that nobody uses is given up; 0: never" },
	{ "DirectMax", CONFIG_INT, CONFIG_SPOKE | CONFIG_SERVER, 0, 65535, "256",
	  "the number of direct paths at the same time; 0: none" },
	{ "OfflineGrace", CONFIG_INT, CONFIG_SPOKE | CONFIG_SERVER, 60, 31536000, "86400",
	  "seconds for which the cached directory is trusted while the hub is away" },
	{ "Cipher", CONFIG_STRING, CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "auto",
	  "auto: AES-256-GCM with nodes that have AES instructions, as this one; "
	  "chacha20-poly1305: that with all" },
	{ "Proxy", CONFIG_STRING, CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "none",
	  "how the hub is reached by TCP: none, http HOST PORT [USER PASSWORD], socks5 HOST PORT "
	  "[USER PASSWORD], socks4 HOST PORT [USER]" },
	{ "StrictKeys", CONFIG_BOOL, CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "no",
	  "no tunnel to a node whose new identity key the one before has not signed, until it is "
	  "accepted here" },
	{ "TCPOnly", CONFIG_BOOL, CONFIG_SPOKE | CONFIG_SERVER, 0, 0, "no",
	  "send no UDP at all: tunnels go to the hub by TCP, and from there on" },
};

const struct config_var *conf_vars(enum conf_program program, size_t *n)
{
	unsigned flag = program == CONF_HUB ? CONFIG_HUB : CONFIG_SPOKE;
	size_t first = 0, end = ARRAY_LEN(vars);

	while (!(vars[first].flags & flag))
		first++;
	while (!(vars[end - 1].flags & flag))
		end--;
	*n = end - first;
	return vars + first;
}

void conf_init(struct config *c, enum conf_program program)
{
	size_t n;
	const struct config_var *rows = conf_vars(program, &n);

	config_init(c, rows, n);
}
