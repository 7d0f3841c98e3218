/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/api/totals.h"

#include <string.h>

/* Where the rows of a group ("engine.drops") go; NULL for one that we do not know. */
static json_t *place_of(const struct totals *t, const char *group)
{
	static const char engine[] = "engine.";

	if (strcmp(group, "link") == 0)
		return t->link;
	if (strcmp(group, "fanout") == 0)
		return t->fanout;
	if (strcmp(group, "queue") == 0)
		return t->queue;
	if (strcmp(group, "engine") == 0)
		return t->engine;
	return strncmp(group, engine, sizeof(engine) - 1) == 0
		       ? json_object_get(t->engine, group + sizeof(engine) - 1)
		       : NULL;
}

/* A row's name is its group, ".", and its own name; a list has the names of those that are not 0.
 */
static enum err take_row(void *arg, const struct store_total *row)
{
	char group[STORE_TOTAL_SIZE];
	char *dot;
	json_t *place;

	memcpy(group, row->name, sizeof(group));
	dot = strrchr(group, '.');
	if (!dot)
		return ERR_OK;
	*dot = '\0';
	place = place_of(arg, group);
	if (!json_is_array(place))
		json_object_set_new(place, dot + 1,
				    row->fact[0] ? json_string(row->fact)
						 : json_integer((json_int_t)row->value));
	else if (row->value)
		json_array_append_new(place, json_string(dot + 1));
	return ERR_OK;
}

/* The time of those packets of which it was taken, as an average. */
static void average_time(json_t *compression)
{
	json_int_t timed = json_integer_value(json_object_get(compression, "timed"));
	double ns = json_number_value(json_object_get(compression, "timed_ns"));

	json_object_set_new(compression, "us_per_packet",
			    json_real(timed ? ns / 1000.0 / (double)timed : 0.0));
	json_object_del(compression, "timed");
	json_object_del(compression, "timed_ns");
}

enum err totals_load(struct store *s, struct totals *out)
{
	enum err e;

	out->link = json_object();
	out->fanout = json_object();
	out->queue = json_object();
	out->engine = json_pack("{s:[], s:{}, s:{}}", "offloads", "compression", "drops");
	if (!out->link || !out->fanout || !out->queue || !out->engine)
		return ERR_NOMEM;
	e = store_totals_list(s, take_row, out);
	average_time(json_object_get(out->engine, "compression"));
	if (e || json_object_get(out->engine, "crypto"))
		return e;
	json_decref(out->engine);
	out->engine = json_null();
	return ERR_OK;
}

void totals_fini(struct totals *t)
{
	json_decref(t->engine);
	json_decref(t->link);
	json_decref(t->fanout);
	json_decref(t->queue);
	*t = (struct totals){ 0 };
}
