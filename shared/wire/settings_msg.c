/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/wire/settings_msg.h"

#include <string.h>

static const char *const outcomes[SETTINGS_OUTCOMES] = {
	[SETTINGS_NONE] = "none",
	[SETTINGS_TRYING] = "trying",
	[SETTINGS_ROLLED_BACK] = "rolled-back",
};

void settings_msg_put(const struct control_msg *m, struct fields_out *o)
{
	const struct control_settings *s = &m->settings;

	fields_put_count(o, "number", s->number);
	fields_put_int(o, "confirm_s", s->confirm_s);
	fields_put(o, "values", node_settings_to_json(&s->values));
}

void settings_msg_get(struct fields *f, struct control_msg *m)
{
	struct control_settings *s = &m->settings;
	const json_t *values = json_object_get(f->obj, "values");

	s->number = fields_get_count(f, "number", FIELDS_REQUIRED);
	s->confirm_s = (uint32_t)fields_get_int(f, "confirm_s", FIELDS_REQUIRED,
						SETTINGS_CONFIRM_MIN_S, SETTINGS_CONFIRM_MAX_S);
	/* A setting of a later version is answered; it is no reason to end the link. */
	if (!f->err &&
	    node_settings_from_json(values, &s->values, s->unknown, sizeof(s->unknown)) != ERR_OK) {
		if (!s->unknown[0] || !fields_text_is_clean(s->unknown))
			fields_fail(f, ERR_INVALID);
	}
}

/* {"port": {"value": 7000, "source": "hub"}, ...} */
static json_t *effective_json(const struct control_settings_state *s)
{
	json_t *all = json_object();

	for (enum node_setting k = 0; all && k < NODE_SETTINGS_MAX; k++) {
		json_t *one;

		if (!node_settings_has(&s->effective, k))
			continue;
		one = json_pack("{s:o, s:s}", "value",
				node_settings_value(k, s->effective.value[k]), "source",
				setting_source_str(s->source[k]));
		if (json_object_set_new(all, node_settings_info[k].name, one) < 0) {
			json_decref(all);
			all = NULL;
		}
	}
	return all;
}

void settings_msg_put_state(const struct control_msg *m, struct fields_out *o)
{
	const struct control_settings_state *s = &m->settings_state;

	fields_put_count(o, "in_force", s->in_force);
	fields_put_count(o, "tried", s->tried);
	fields_put_text(o, "outcome", outcomes[s->outcome]);
	fields_put_text(o, "reason", s->reason);
	fields_put(o, "effective", effective_json(s));
}

/* Settings and sources that we do not know are a later version's: passed over. */
static void get_effective(struct fields *f, const json_t *all, struct control_settings_state *s)
{
	const char *name, *source;
	enum node_setting k;
	json_t *one;

	if (!all || json_is_null(all))
		return;
	if (!json_is_object(all))
		fields_fail(f, ERR_INVALID);
	json_object_foreach((json_t *)(uintptr_t)all, name, one)
	{
		int32_t value;

		source = json_string_value(json_object_get(one, "source"));
		if (!node_settings_find(name, &k))
			continue;
		if (!source || !node_settings_take(k, json_object_get(one, "value"), &value))
			fields_fail(f, ERR_INVALID);
		else if (setting_source_parse(source, &s->source[k]))
			node_settings_put(&s->effective, k, value);
	}
}

void settings_msg_get_state(struct fields *f, struct control_msg *m)
{
	struct control_settings_state *s = &m->settings_state;
	const char *outcome;

	s->in_force = fields_get_count(f, "in_force", FIELDS_REQUIRED);
	s->tried = fields_get_count(f, "tried", FIELDS_OPTIONAL);
	outcome = fields_get_str(f, "outcome", FIELDS_OPTIONAL);
	for (enum settings_outcome i = 0; outcome && i < SETTINGS_OUTCOMES; i++)
		if (strcmp(outcomes[i], outcome) == 0)
			s->outcome = i;
	fields_get_text(f, "reason", FIELDS_OPTIONAL, s->reason, sizeof(s->reason));
	get_effective(f, json_object_get(f->obj, "effective"), s);
}
