/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * node_settings: what the hub may set on a spoke (schema/CONTROL.md, section 15). Each has a name
 * on the wire and in the API, a variable of spoke.conf that says the same, and a range. What the
 * branch's own admin wrote into spoke.conf holds before what the hub sets, that before the default.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/err.h"

enum node_setting {
	SETTING_PORT,
	SETTING_MTU,
	SETTING_LOG_LEVEL,
	SETTING_DIRECT_IDLE,
	SETTING_DIRECT_MAX,
	SETTING_PMTU,
	SETTING_PMTU_DISCOVERY,
	SETTING_CLAMP_MSS,
	SETTING_PRIORITY_INHERITANCE,
	SETTING_LOCAL_DISCOVERY,
	NODE_SETTINGS_MAX
};

/* A change is taken back by the spoke unless it reaches the hub again within so many seconds. */
#define SETTINGS_CONFIRM_MIN_S     5u
#define SETTINGS_CONFIRM_MAX_S     600u
#define SETTINGS_CONFIRM_DEFAULT_S 60u
#define SETTINGS_REASON_SIZE       200u
#define SETTINGS_JSON_MAX_BYTES    2048u /* of all settings, as text */

struct node_setting_info {
	const char *name;     /* "direct_idle" */
	const char *variable; /* "DirectIdle"; NULL: spoke.conf has none */
	int32_t min, max;
	int32_t def;  /* what holds when nobody says anything; 0 for mtu, pmtu: none of its own */
	bool is_bool; /* 0 and 1 */
};
extern const struct node_setting_info node_settings_info[NODE_SETTINGS_MAX];

/* Some settings. */
struct node_settings {
	uint32_t set; /* bit of each that is there */
	int32_t value[NODE_SETTINGS_MAX];
};

static inline bool node_settings_has(const struct node_settings *s, enum node_setting k)
{
	return s->set >> k & 1;
}
void node_settings_put(struct node_settings *s, enum node_setting k, int32_t value);
void node_settings_remove(struct node_settings *s, enum node_setting k);
bool node_settings_equal(const struct node_settings *a, const struct node_settings *b);
/* True, and the setting, when there is one of that name. */
bool node_settings_find(const char *name, enum node_setting *out);
/* A value as JSON (true, false or a number), new reference; NULL when memory is out. */
json_t *node_settings_value(enum node_setting k, int32_t value);
/* The reverse. False: of the wrong type, or out of its range. */
bool node_settings_take(enum node_setting k, const json_t *v, int32_t *out);
/* {"port": 7000, "clamp_mss": false}, new reference; NULL when memory is out. */
json_t *node_settings_to_json(const struct node_settings *s);
/*
 * The reverse. ERR_INVALID: not an object, a value that node_settings_take() refuses, or a name
 * that is not known here; `bad` gets that name, cut to its size ("" when it is no object).
 */
enum err node_settings_from_json(const json_t *j, struct node_settings *out, char *bad,
				 size_t size) must_check;

/* Where a value that holds on a spoke comes from. */
enum setting_source { SETTING_DEFAULT, SETTING_HUB, SETTING_LOCAL, SETTING_SOURCES };
const char *setting_source_str(enum setting_source s); /* "default", "hub", "local" */
/* False: no such word. */
bool setting_source_parse(const char *text, enum setting_source *out);
