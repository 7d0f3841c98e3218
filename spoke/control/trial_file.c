/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/trial_file.h"

#include <string.h>

#include "shared/base/file.h"
#include "shared/wire/fields.h"

#define FORMAT 1

static enum err decode(struct trial *t, const json_t *j)
{
	struct trial x = { 0 };
	struct fields f;
	char bad[32];

	fields_init(&f, j);
	(void)fields_get_int(&f, "format", FIELDS_REQUIRED, FORMAT, FORMAT);
	x.in_force = fields_get_count(&f, "in_force", FIELDS_REQUIRED);
	x.tried = fields_get_count(&f, "tried", FIELDS_REQUIRED);
	x.outcome = (enum settings_outcome)fields_get_int(&f, "outcome", FIELDS_REQUIRED, 0,
							  SETTINGS_OUTCOMES - 1);
	x.confirm_s = (uint32_t)fields_get_int(&f, "confirm_s", FIELDS_REQUIRED, 0,
					       SETTINGS_CONFIRM_MAX_S);
	x.began_ms = (int64_t)fields_get_count(&f, "began_ms", FIELDS_REQUIRED);
	x.tunnel = fields_get_bool(&f, "tunnel", FIELDS_OPTIONAL);
	x.by_udp = fields_get_bool(&f, "by_udp", FIELDS_OPTIONAL);
	fields_get_text(&f, "reason", FIELDS_OPTIONAL, x.reason, sizeof(x.reason));
	if (f.err ||
	    node_settings_from_json(json_object_get(j, "held"), &x.held, bad, sizeof(bad)) ||
	    node_settings_from_json(json_object_get(j, "wished"), &x.wished, bad, sizeof(bad)))
		return ERR_CORRUPT;
	*t = x;
	return ERR_OK;
}

enum err trial_file_load(struct trial *t, const char *path)
{
	struct buf text;
	json_t *j = NULL;
	enum err e;

	buf_init(&text, TRIAL_FILE_MAX_BYTES);
	e = file_read(path, &text);
	if (!e) {
		j = json_loadb((const char *)buf_data(&text), buf_len(&text),
			       JSON_REJECT_DUPLICATES, NULL);
		e = j ? decode(t, j) : ERR_CORRUPT;
	}
	json_decref(j);
	buf_fini(&text);
	return e;
}

enum err trial_file_save(const struct trial *t, const char *path)
{
	struct fields_out o;
	char *text;
	json_t *j;
	enum err e;

	fields_write_init(&o);
	fields_put_int(&o, "format", FORMAT);
	fields_put_count(&o, "in_force", t->in_force);
	fields_put(&o, "held", node_settings_to_json(&t->held));
	fields_put_count(&o, "tried", t->tried);
	fields_put(&o, "wished", node_settings_to_json(&t->wished));
	fields_put_int(&o, "outcome", t->outcome);
	fields_put_int(&o, "confirm_s", t->confirm_s);
	fields_put_int(&o, "began_ms", t->began_ms);
	fields_put_bool(&o, "tunnel", t->tunnel);
	fields_put_bool(&o, "by_udp", t->by_udp);
	fields_put_text(&o, "reason", t->reason);
	j = fields_write_end(&o);
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	e = text ? file_write_atomic(path, text, strlen(text), 0600) : ERR_NOMEM;
	free(text);
	json_decref(j);
	return e;
}
