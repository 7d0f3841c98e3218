/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * target: where a webhook may point to. Admins choose it, yet what they type must not turn the hub
 * into a way to its own machine or to a cloud's metadata: only http and https, no name and password
 * in the address, and no loopback, link-local, multicast or unspecified address, whatever name
 * leads there. Private networks are allowed: that is where an enterprise's receivers are. Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#include "shared/base/addr.h"

#define TARGET_WHY_SIZE 160u

/* ERR_INVALID with a sentence for the admin in `why`. */
enum err target_check_url(const char *url, char why[TARGET_WHY_SIZE]) must_check;
/* May a connection be made to it? Asked for each address that a name has led to. */
bool target_address_allowed(const struct addr *a);
