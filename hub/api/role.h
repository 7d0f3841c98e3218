/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * role: what somebody who is known may do. Each role may what the ones before it may:
 *
 *   auditor    looks at everything
 *   operator   runs the network: nodes, keys, subnets, join tokens, groups, policies
 *   admin      says who may do what: users, API tokens
 *
 * Scopes narrow an API token further: "nodes" allows all that its role may do below /api/v1/nodes,
 * "nodes:read" only to look there. The words are the first parts of the paths of the route table
 * ("revision" stands for "revisions", too; "metrics" is /metrics). No scopes: no narrowing. Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#include "shared/base/err.h"

enum role { ROLE_NONE, ROLE_AUDITOR, ROLE_OPERATOR, ROLE_ADMIN };

#define ROLE_SCOPES_MAX 16u /* of one token */

struct route;
struct route_table;

/* "admin"; a text that is no role gives ROLE_NONE, which may nothing. */
enum role role_parse(const char *text);
const char *role_str(enum role r);
/* The least role for a route: what its row says, else auditor for GET and operator for changes.
 * ROLE_NONE for one that is open to all. */
enum role role_of_route(const struct route *r);

/* Is this text a scope that means something for this table? */
bool role_scope_is_valid(const struct route_table *t, const char *scope);
/* May a token with these scopes (separated by blanks, "" all) use the route? */
bool role_scopes_allow(const char *scopes, const struct route *r);
