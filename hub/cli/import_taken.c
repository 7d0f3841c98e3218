/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/cli/import_taken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void import_taken_add(struct taken_list *list, const struct prefix *p, const char *node)
{
	struct taken *more = realloc(list->rows, (list->n + 1) * sizeof(*more));

	if (!more)
		return;
	list->rows = more;
	more[list->n] = (struct taken){ .prefix = *p };
	snprintf(more[list->n++].node, NAME_SIZE, "%s", node);
}

const struct taken *import_taken_same(const struct taken_list *list, const struct prefix *p,
				      const char *node)
{
	for (size_t i = 0; i < list->n; i++)
		if (prefix_equal(&list->rows[i].prefix, p) && strcmp(list->rows[i].node, node) != 0)
			return &list->rows[i];
	return NULL;
}

const struct taken *import_taken_clash(const struct taken_list *list, const struct prefix *p,
				       const char *node, bool own_address)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct taken *t = &list->rows[i];

		if (strcmp(t->node, node) != 0 && prefix_overlaps(&t->prefix, p) &&
		    (own_address || !prefix_equal(&t->prefix, p)))
			return t;
	}
	return NULL;
}

void import_taken_fini(struct taken_list *list)
{
	free(list->rows);
	*list = (struct taken_list){ 0 };
}
