/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/cli/owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/prefix.h"

/* One that contains what is asked for. */
struct owner {
	const char *node;
	struct prefix prefix;
	json_int_t weight;
};

struct search {
	struct prefix query;
	struct owner *found; /* owned */
	size_t n;
};

static enum err consider(struct search *s, const char *node, const char *text, json_int_t weight)
{
	struct owner *more, o = { .node = node, .weight = weight };

	if (!node || !text || prefix_parse(text, &o.prefix, NULL) != ERR_OK ||
	    o.prefix.len > s->query.len || !prefix_contains(&o.prefix, &s->query.addr))
		return ERR_OK;
	more = realloc(s->found, (s->n + 1) * sizeof(*more));
	if (!more)
		return ERR_NOMEM;
	s->found = more;
	s->found[s->n++] = o;
	return ERR_OK;
}

/* Everything that one node has. */
static enum err consider_node(struct search *s, const json_t *node)
{
	const char *name = json_string_value(json_object_get(node, "name"));
	const json_t *addresses = json_object_get(node, "addresses");
	const json_t *subnets = json_object_get(node, "subnets");
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < json_array_size(addresses); i++)
		e = consider(s, name, json_string_value(json_array_get(addresses, i)), 0);
	for (size_t i = 0; !e && i < json_array_size(subnets); i++) {
		const json_t *subnet = json_array_get(subnets, i);

		e = consider(s, name, json_string_value(json_object_get(subnet, "prefix")),
			     json_integer_value(json_object_get(subnet, "weight")));
	}
	return e;
}

static int best_first(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	if (x->prefix.len != y->prefix.len)
		return x->prefix.len > y->prefix.len ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	return strcmp(x->node, y->node);
}

enum err owner_find(const json_t *nodes, const char *word, json_t **out)
{
	struct search s = { 0 };
	json_t *owners;
	enum err e = prefix_parse(word, &s.query, NULL);

	for (size_t i = 0; !e && i < json_array_size(nodes); i++)
		e = consider_node(&s, json_array_get(nodes, i));
	if (e) {
		free(s.found);
		return e;
	}
	if (s.n)
		qsort(s.found, s.n, sizeof(s.found[0]), best_first);
	owners = json_array();
	for (size_t i = 0; i < s.n; i++) {
		char text[PREFIX_STR_SIZE];

		json_array_append_new(owners,
				      json_pack("{s:s, s:s, s:I}", "node", s.found[i].node,
						"prefix", prefix_format(&s.found[i].prefix, text),
						"weight", s.found[i].weight));
	}
	free(s.found);
	*out = json_pack("{s:s, s:o}", "query", word, "owners", owners);
	return *out ? ERR_OK : ERR_NOMEM;
}

bool owner_print(const json_t *found)
{
	const json_t *owners = json_object_get(found, "owners");

	for (size_t i = 0; i < json_array_size(owners); i++) {
		const json_t *o = json_array_get(owners, i);

		printf("%s  %s  weight %" JSON_INTEGER_FORMAT "%s\n",
		       json_string_value(json_object_get(o, "prefix")),
		       json_string_value(json_object_get(o, "node")),
		       json_integer_value(json_object_get(o, "weight")),
		       i ? "" : "  (gets the packets)");
	}
	return json_array_size(owners) > 0;
}
