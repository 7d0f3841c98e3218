/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * init: makes a network: its configuration folder with the hub's keys and certificate, and its
 * database with the hub as the first node. Whole or absent: everything is made in temporary folders
 * beside the real ones, which get their names at the very end.
 */
#include "hub/init_options.h"
#include "shared/base/paths.h"

/* `branchline-hub -n NET init ...`: argv[0] is "init". Prints what was made, or what is wrong;
 * returns the exit code (enum launch_exit). */
int init_main(const struct paths *paths, int argc, char **argv);
