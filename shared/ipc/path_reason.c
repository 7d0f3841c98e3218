/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people and programs read of a path's reason: identifier, sentence, and what helps. */
#include "shared/ipc/engine_msg.h"

static const struct {
	const char *id, *sentence, *advice;
} words[PATH_REASON_COUNT] = {
	[PATH_REASON_NONE] = { "none", "no reason known", "" },
	[PATH_REASON_NO_SESSION] = { "no-session", "nothing was sent or received yet",
				     "it comes up with the first packet; try a ping" },
	[PATH_REASON_HANDSHAKE] = { "handshake", "the handshake is under way",
				    "wait a few seconds" },
	[PATH_REASON_NO_ANSWER] = { "no-answer", "handshakes are not answered",
				    "see that the other daemon runs, and that firewalls on both "
				    "sides let its UDP port through" },
	[PATH_REASON_NO_ENDPOINT] = { "no-endpoint", "no address of the node is known",
				      "give it an Address line, or let it connect first" },
	[PATH_REASON_HUB_DOWN] = { "hub-down",
				   "it is reached through the hub, which is not reachable",
				   "see that the hub runs and this machine reaches it (netcheck)" },
	[PATH_REASON_VALIDATED] = { "validated", "authenticated packets came over this path", "" },
	[PATH_REASON_RELAYED] = { "relayed", "no direct path was found yet", "" },
	[PATH_REASON_POLICY] = { "policy", "direct paths are not allowed for this pair",
				 "the hub's admin or this node's configuration wants it so" },
	[PATH_REASON_PROBING] = { "probing", "addresses for a direct path are being tried",
				  "wait a few seconds" },
	[PATH_REASON_NO_CANDIDATES] = { "no-candidates", "no address for a direct path is known",
					"see that the other node is online, and has not turned "
					"LocalDiscovery off" },
	[PATH_REASON_SILENT] = { "silent", "no address of the node answers directly",
				 "open or forward its UDP port in the firewall of one side, and "
				 "name that in an Address line" },
	[PATH_REASON_NAT_BOTH_HARD] = { "nat-both-hard",
					"the NATs of both sides use another port for each "
					"destination",
					"forward the UDP port at one of the two routers, and name "
					"that in an Address line" },
	[PATH_REASON_UDP_BLOCKED] = { "udp-blocked", "UDP to the hub is blocked, TCP works",
				      "let UDP to the hub's port out in this branch's firewall" },
	[PATH_REASON_TCP_ONLY] = { "tcp-only", "TCPOnly is set in this node's configuration",
				   "remove TCPOnly for faster paths" },
	[PATH_REASON_IDLE] = { "idle", "the direct path was given up because nobody used it",
			       "it comes back with traffic" },
	[PATH_REASON_LIMIT] = { "limit", "as many direct paths as allowed are in use",
				"raise the limit of direct paths in this node's configuration" },
	[PATH_REASON_DIRECT_LOST] = { "direct-lost", "the direct path does not answer any more",
				      "it is tried again by itself" },
	[PATH_REASON_DIRECT_SLOWER] = { "direct-slower",
					"the way through the hub is faster than the direct one",
					"" },
	[PATH_REASON_PEER_TCP] = { "peer-tcp", "the other node reaches the hub by TCP only",
				   "let UDP to the hub's port out in the other branch's firewall" },
	[PATH_REASON_DIRECT_ONLY] = { "direct-only",
				      "only a direct path is allowed, and there is none",
				      "open or forward a UDP port at one side, or allow the way "
				      "through the hub" },
};

const char *path_reason_id(enum path_reason r)
{
	return (unsigned)r < PATH_REASON_COUNT ? words[r].id : "unknown";
}

const char *path_reason_str(enum path_reason r)
{
	return (unsigned)r < PATH_REASON_COUNT ? words[r].sentence : "unknown";
}

const char *path_reason_advice(enum path_reason r)
{
	return (unsigned)r < PATH_REASON_COUNT ? words[r].advice : "";
}
