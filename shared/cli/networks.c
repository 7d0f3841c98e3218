/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/cli/networks.h"

#include <jansson.h>

#include "shared/base/columns.h"
#include "shared/base/paths.h"

/* What has been found so far. */
struct found {
	const struct networks *x;
	json_t *list; /* NULL: memory was out */
};

static void take(void *arg, const struct paths *p)
{
	char path[PATHS_FILE_SIZE];
	struct found *f = arg;
	pid_t pid = f->x->running(f->x->program, paths_join(path, p->run, f->x->pid_file));

	if (json_array_append_new(f->list, json_pack("{s:s, s:s, s:o}", "network", p->net,
						     "directory", p->etc, "pid",
						     pid ? json_integer(pid) : json_null()))) {
		json_decref(f->list);
		f->list = NULL;
	}
}

static enum err print_table(json_t *list)
{
	static const char *const heads[] = { "NETWORK", "RUNS", "CONFIGURATION" };
	struct columns c;
	json_t *one;
	size_t i;
	enum err e;

	columns_init(&c, 0, ARRAY_LEN(heads), heads);
	json_array_foreach(list, i, one)
	{
		const json_t *pid = json_object_get(one, "pid");

		columns_add(&c, json_string_value(json_object_get(one, "network")));
		if (json_is_integer(pid))
			columns_addf(&c, "process %lld", (long long)json_integer_value(pid));
		else
			columns_add(&c, "no");
		columns_add(&c, json_string_value(json_object_get(one, "directory")));
	}
	e = columns_print(&c, stdout);
	columns_fini(&c);
	return e;
}

int networks_show(const struct networks *x, bool as_json)
{
	struct found f = { x, json_array() };
	enum err e = paths_networks(x->conf_file, take, &f);

	if (!e && !f.list)
		e = ERR_NOMEM;
	if (!e && as_json)
		e = json_dumpf(f.list, stdout, JSON_INDENT(2)) || putchar('\n') == EOF ? ERR_IO
										       : ERR_OK;
	else if (!e && json_array_size(f.list) == 0)
		printf("This machine has no network of %s.\n", x->program);
	else if (!e)
		e = print_table(f.list);
	json_decref(f.list);
	if (e)
		fprintf(stderr, "%s: the networks of this machine cannot be listed: %s\n",
			x->program, err_str(e));
	return e ? 1 : 0;
}
