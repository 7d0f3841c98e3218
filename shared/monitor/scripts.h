/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * scripts: runs the admin's scripts as tinc names them: tinc-up, tinc-down, host-up, host-down,
 * subnet-up, subnet-down in the script folder, and hosts/NAME-up, hosts/NAME-down after host-up,
 * host-down. As root, one at a time, in the order of the events, without a shell. Nothing waits for
 * them.
 *
 * A script is run only when it and its folder belong to root, nobody else may write to either, and
 * it is a regular executable file (no symbolic link). It gets a new session, /dev/null as input,
 * and this environment and nothing else: PATH NETNAME NAME DEVICE INTERFACE DEBUG, and NODE
 * REMOTEADDRESS REMOTEPORT SUBNET WEIGHT where they apply.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "shared/ipc/monitor_msg.h"
#include "shared/loop/loop.h"

#define SCRIPTS_QUEUE_MAX     256u /* events that wait; then the oldest of a host or subnet goes */
#define SCRIPTS_TIME_LIMIT_MS 60000u /* of one script; then its process group is killed */

struct scripts;

/* All strings are kept by reference. */
struct scripts_params {
	const char *dir;
	const char *net;
	const char *node;
	const char *device;
	const char *interface;
	unsigned time_limit_ms;
	void (*idle)(void *arg); /* the last waiting script has ended; called from scripts_reaped()
				    only */
	void *arg;
};

enum err scripts_new(struct loop *l, const struct scripts_params *p,
		     struct scripts **out) must_check;
/* Drops what waits and kills what runs. Accepts NULL. */
void scripts_free(struct scripts *s);

/*
 * Queues the script, or both scripts, of an event. `m` holds decoded values; a node name is checked
 * once more. ERR_INVALID, ERR_NOMEM.
 */
enum err scripts_run(struct scripts *s, const struct monitor_script *m) must_check;
/* The owner of SIGCHLD tells of a process that ended. False when it was not a script. */
bool scripts_reaped(struct scripts *s, pid_t pid, int status);
/* Nothing runs or waits. */
bool scripts_idle(const struct scripts *s);
/* The daemon ends: drops and kills everything but tinc-down. */
void scripts_hurry(struct scripts *s);
