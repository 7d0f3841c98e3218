/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* passphrase: asks for one on the terminal without showing it, or takes the first line of standard
 * input when that is no terminal. Never an argument: those can be seen by everybody. */
#include <stdbool.h>

#include "hub/backup/recipient.h"

#define PASSPHRASE_SIZE (RECIPIENT_PASSPHRASE_MAX + 2u)

/* `twice`: a new one is asked for a second time; both must be the same. Says what is wrong on
 * standard error. Zero `out` after use. */
enum err passphrase_ask(bool twice, char out[PASSPHRASE_SIZE]) must_check;
