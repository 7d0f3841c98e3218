/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one table of commands: usage, help, completion and dispatch come from it. */
#include "spoke/cli/cli.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, false, NULL                                                            \
	}

static const struct args_option common_options[] = {
	{ "--json", NULL, false, "print JSON" },
	{ "--help", NULL, false, "show this help" },
	END,
};

static const struct args_option join_options[] = {
	{ "--force", NULL, false, "join anew although this machine has joined already" },
	{ "--name", "NAME", false,
	  "what to be called, with the token of a group (default: Name of an older spoke.conf, or "
	  "the host name)" },
	{ "--timeout", "SECONDS", false, "how long to try (default 30)" },
	{ "--proxy", "\"KIND HOST PORT\"", false, "reach the hub through a proxy, now and later" },
	END,
};

static const struct args_option status_options[] = {
	{ "--verbose", NULL, false,
	  "also how packets are sealed, and what the kernel takes off the tunnel" },
	END,
};

static const struct args_option ping_options[] = {
	{ "-c", "COUNT", false, "how many, one a second (default 3)" },
	{ "--count", "COUNT", false, "the same" },
	{ "--until-direct", NULL, false, "stop at the first answer over a direct path" },
	END,
};

static const struct args_option change_options[] = {
	{ "--dry-run", NULL, false, "check only, change nothing" },
	END,
};

static const struct args_option import_options[] = {
	{ "--force", NULL, false, "also in the place of files that are there" },
	{ "--dry-run", NULL, false, "check only, change nothing" },
	END,
};

static const struct args_option fsck_options[] = {
	{ "--fix", NULL, false, "put permissions right" },
	END,
};

static const struct args_option hosts_options[] = {
	{ "--write", NULL, false, "put the block into /etc/hosts instead of printing it" },
	{ "--file", "FILE", false, "into another file" },
	{ "--remove", NULL, false, "take it out again" },
	END,
};

static const struct args_option rotate_options[] = {
	{ "--tunnel", NULL, false, "the tunnel key (the default)" },
	{ "--identity", NULL, false, "the identity key; with --tunnel both" },
	END,
};

static const struct command commands[] = {
	{ "join", NULL, "TOKEN|-", "make this machine a node, with a token of the hub's admin", 1,
	  1, join_options, cmd_join },
	{ "run", NULL, "", "start the daemon (also without a command)", 0, 0, NULL, NULL },
	{ "status", NULL, "", "show the link to the hub and all peers", 0, 0, status_options,
	  cmd_status },
	{ "ping", NULL, "NODE", "send encrypted echoes to a node, and show the path of each", 1, 1,
	  ping_options, cmd_ping },
	{ "netcheck", NULL, "",
	  "what of the network in front of this branch works, and what to do about what does not",
	  0, 0, NULL, cmd_netcheck },
	{ "dump", NULL, "WHAT", "list nodes, subnets or connections, or print a graph for Graphviz",
	  1, 1, NULL, cmd_dump },
	{ "info", NULL, "NODE | SUBNET | ADDRESS", "show a node, or who has an address", 1, 1, NULL,
	  cmd_info },
	{ "top", NULL, "", "show the traffic with each node, live", 0, 0, NULL, cmd_top },
	{ "hosts", NULL, "", "the nodes' names as a block for /etc/hosts", 0, 0, hosts_options,
	  cmd_hosts },
	{ "import-tinc", NULL, "DIR", "take over settings and scripts of this branch's tinc", 1, 1,
	  change_options, cmd_import_tinc },
	{ "export", NULL, "[NODE]", "print this branch's host file, or a node's, as tinc does", 0,
	  1, NULL, cmd_export },
	{ "export-all", NULL, "", "print those of all nodes", 0, 0, NULL, cmd_export_all },
	{ "import", NULL, "[FILE]", "make hosts/NAME of what export or tinc has printed", 0, 1,
	  import_options, cmd_import },
	{ "completion", NULL, "SHELL", "print the completion of these commands for bash or zsh", 1,
	  1, NULL, cmd_completion },
	{ "get", NULL, "[HOST.]VARIABLE", "print a configuration variable", 1, 1, NULL, cmd_get },
	{ "set", NULL, "[HOST.]VARIABLE VALUE", "set a configuration variable", 2, ARGS_WORDS_MAX,
	  change_options, cmd_set },
	{ "add", NULL, "[HOST.]VARIABLE VALUE", "add one more line of a variable", 2,
	  ARGS_WORDS_MAX, change_options, cmd_add },
	{ "del", NULL, "[HOST.]VARIABLE [VALUE]", "delete a variable, or one line of it", 1,
	  ARGS_WORDS_MAX, change_options, cmd_del },
	{ "edit", NULL, "[HOST]", "edit spoke.conf, or a file of hosts, and check it", 0, 1, NULL,
	  cmd_edit },
	{ "fsck", NULL, "", "look for what is wrong with the files of this branch", 0, 0,
	  fsck_options, cmd_fsck },
	{ "debug", NULL, "LEVEL", "log more or less, until the daemon ends: 0 to 5", 1, 1, NULL,
	  cmd_debug },
	{ "log", NULL, "[LEVEL]", "follow the daemon's log, at a level of one's own", 0, 1, NULL,
	  cmd_log },
	{ "retry", NULL, "", "dial the hub now, if the daemon waits to do so", 0, 0, NULL,
	  cmd_retry },
	{ "connect", NULL, "NODE", "begin a session with a node now, and look for a direct path", 1,
	  1, NULL, cmd_connect },
	{ "disconnect", NULL, "NODE",
	  "end the session with a node; the next packet makes a new one", 1, 1, NULL,
	  cmd_disconnect },
	{ "purge", NULL, "", "end the sessions with all nodes that do not answer", 0, 0, NULL,
	  cmd_purge },
	{ "network", NULL, "", "list the networks that this machine is a branch of", 0, 0, NULL,
	  cmd_network },
	{ "pid", NULL, "", "print the process id of the daemon", 0, 0, NULL, cmd_pid },
	{ "reload", NULL, "", "make the daemon read its configuration again", 0, 0, NULL,
	  cmd_reload },
	{ "stop", NULL, "", "stop the daemon", 0, 0, NULL, cmd_stop },
	{ "restart", NULL, "", "stop the daemon, and start it in the background", 0, 0, NULL,
	  cmd_restart },
	{ "key", "list", "", "show whose identity keys this branch knows, and which have changed",
	  0, 0, NULL, cmd_key_list },
	{ "key", "accept", "NODE", "say that a node's changed identity key is right", 1, 1, NULL,
	  cmd_key_accept },
	{ "pin", NULL, "[FINGERPRINT | KEY | JOIN-LINE]",
	  "show how the hub is known, or take the one with this key from here on", 0, 1, NULL,
	  cmd_pin },
	{ "rotate-key", NULL, "", "make new keys, without losing a packet", 0, 0, rotate_options,
	  cmd_rotate_key },
};

const struct command_set spoke_commands = {
	.program = "branchline-spoke",
	.commands = commands,
	.n = ARRAY_LEN(commands),
	.common = common_options,
	.done = LAUNCH_DONE,
	.usage = LAUNCH_USAGE,
};
