/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/path_policy.h"

#include <string.h>

static const char *const names[] = {
	[PATH_POLICY_AUTO] = "auto",
	[PATH_POLICY_HUB_ONLY] = "hub-only",
	[PATH_POLICY_DIRECT_ONLY] = "direct-only",
};

const char *path_policy_str(enum path_policy p)
{
	return (unsigned)p < ARRAY_LEN(names) ? names[p] : "unknown";
}

enum err path_policy_parse(const char *s, enum path_policy *out)
{
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(s, names[i]) == 0) {
			*out = (enum path_policy)i;
			return ERR_OK;
		}
	return ERR_INVALID;
}

enum path_policy path_policy_stricter(enum path_policy a, enum path_policy b)
{
	if (a == PATH_POLICY_HUB_ONLY || b == PATH_POLICY_HUB_ONLY)
		return PATH_POLICY_HUB_ONLY;
	return a == PATH_POLICY_AUTO ? b : a;
}

/* What the rows between the groups of the two say. */
static enum path_policy of_rows(const struct path_rules *a, const struct path_rules *b)
{
	if ((a->hub_only & b->groups) || (b->hub_only & a->groups))
		return PATH_POLICY_HUB_ONLY;
	if ((a->direct_only & b->groups) || (b->direct_only & a->groups))
		return PATH_POLICY_DIRECT_ONLY;
	return PATH_POLICY_AUTO;
}

enum path_policy path_policy_of_pair(const struct path_rules *a, const struct path_rules *b)
{
	return path_policy_stricter(path_policy_stricter(a->own, b->own), of_rows(a, b));
}
