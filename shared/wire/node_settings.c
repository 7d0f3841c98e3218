/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/node_settings.h"

#include <stdio.h>
#include <string.h>

#include "shared/wire/limits.h"

const struct node_setting_info node_settings_info[NODE_SETTINGS_MAX] = {
	[SETTING_PORT] = { "port", "Port", 0, 65535, UDP_PORT_DEFAULT, false },
	[SETTING_MTU] = { "mtu", NULL, TUN_MTU_MIN, TUN_MTU_MAX, 0, false },
	[SETTING_LOG_LEVEL] = { "log_level", "LogLevel", 0, 5, 0, false },
	[SETTING_DIRECT_IDLE] = { "direct_idle", "DirectIdle", 0, 65535, DIRECT_IDLE_S_DEFAULT,
				  false },
	[SETTING_DIRECT_MAX] = { "direct_max", "DirectMax", 0, 65535, DIRECT_MAX_DEFAULT, false },
	[SETTING_PMTU] = { "pmtu", "PMTU", TUN_MTU_MIN, TUN_MTU_MAX, 0, false },
	[SETTING_PMTU_DISCOVERY] = { "pmtu_discovery", "PMTUDiscovery", 0, 1, 1, true },
	[SETTING_CLAMP_MSS] = { "clamp_mss", "ClampMSS", 0, 1, 1, true },
	[SETTING_PRIORITY_INHERITANCE] = { "priority_inheritance", "PriorityInheritance", 0, 1, 0,
					   true },
	[SETTING_LOCAL_DISCOVERY] = { "local_discovery", "LocalDiscovery", 0, 1, 1, true },
};
_Static_assert(NODE_SETTINGS_MAX <= 32, "a bit each");

static const char *const sources[SETTING_SOURCES] = {
	[SETTING_DEFAULT] = "default",
	[SETTING_HUB] = "hub",
	[SETTING_LOCAL] = "local",
};

void node_settings_put(struct node_settings *s, enum node_setting k, int32_t value)
{
	s->set |= 1u << k;
	s->value[k] = value;
}

void node_settings_remove(struct node_settings *s, enum node_setting k)
{
	s->set &= ~(1u << k);
	s->value[k] = 0;
}

bool node_settings_equal(const struct node_settings *a, const struct node_settings *b)
{
	if (a->set != b->set)
		return false;
	for (enum node_setting k = 0; k < NODE_SETTINGS_MAX; k++)
		if (node_settings_has(a, k) && a->value[k] != b->value[k])
			return false;
	return true;
}

bool node_settings_find(const char *name, enum node_setting *out)
{
	for (enum node_setting k = 0; k < NODE_SETTINGS_MAX; k++)
		if (strcmp(node_settings_info[k].name, name) == 0) {
			*out = k;
			return true;
		}
	return false;
}

json_t *node_settings_value(enum node_setting k, int32_t value)
{
	return node_settings_info[k].is_bool ? json_boolean(value) : json_integer(value);
}

bool node_settings_take(enum node_setting k, const json_t *v, int32_t *out)
{
	const struct node_setting_info *info = &node_settings_info[k];

	if (info->is_bool && json_is_boolean(v)) {
		*out = json_is_true(v);
		return true;
	}
	if (info->is_bool || !json_is_integer(v) || json_integer_value(v) < info->min ||
	    json_integer_value(v) > info->max)
		return false;
	*out = (int32_t)json_integer_value(v);
	return true;
}

json_t *node_settings_to_json(const struct node_settings *s)
{
	json_t *j = json_object();

	for (enum node_setting k = 0; j && k < NODE_SETTINGS_MAX; k++)
		if (node_settings_has(s, k) &&
		    json_object_set_new(j, node_settings_info[k].name,
					node_settings_value(k, s->value[k])) < 0) {
			json_decref(j);
			j = NULL;
		}
	return j;
}

enum err node_settings_from_json(const json_t *j, struct node_settings *out, char *bad, size_t size)
{
	const char *name;
	json_t *v;

	memset(out, 0, sizeof(*out));
	bad[0] = '\0';
	if (!json_is_object(j))
		return ERR_INVALID;
	json_object_foreach((json_t *)(uintptr_t)j, name, v)
	{
		enum node_setting k;
		int32_t value;

		if (!node_settings_find(name, &k) || !node_settings_take(k, v, &value)) {
			snprintf(bad, size, "%s", name);
			memset(out, 0, sizeof(*out));
			return ERR_INVALID;
		}
		node_settings_put(out, k, value);
	}
	return ERR_OK;
}

const char *setting_source_str(enum setting_source s) { return sources[s]; }

bool setting_source_parse(const char *text, enum setting_source *out)
{
	for (enum setting_source s = 0; s < SETTING_SOURCES; s++)
		if (strcmp(sources[s], text) == 0) {
			*out = s;
			return true;
		}
	return false;
}
