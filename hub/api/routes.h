/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* routes: the one table of what the API serves. A test holds it against schema/openapi.yaml in both
 * directions. */
#include "hub/api/router.h"

extern const struct route_table api_routes;
