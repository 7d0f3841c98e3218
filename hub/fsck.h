/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* fsck: `branchline-hub fsck`: configuration, keys, scripts and databases of this machine's hub. */
#include <stdbool.h>

#include "shared/base/paths.h"

/* Returns an exit code: 0, or 1 when an error is left. `fix`: put permissions right. */
int hub_fsck(const struct paths *paths, bool json, bool fix);
