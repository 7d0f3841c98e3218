/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* prepare: what is done with the database before the workers start: upgrades, and what hub.conf has
 * changed. */
#include "hub/config.h"

/*
 * In a child of its own that runs as the workers' user, so that nothing which root does depends on
 * files of that user: migrates the databases, checks that the hub's name is the one of hub.conf,
 * and tells the network a new Port. The reason of a failure is logged.
 */
enum err prepare_state(const struct hub_config *c) must_check;
