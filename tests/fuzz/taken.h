/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * How many inputs a target has decoded to their end. A target whose seeds are all good messages
 * defines and counts it; replay then fails for a seed that is refused.
 */
extern unsigned long fuzz_taken __attribute__((weak));
