/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/revoked.h"

#include <string.h>

#include "shared/wire/fields.h"

static bool is_key_of(const struct revoked_node *x, const struct node *n)
{
	return (n->has_identity && public_key_equal(&x->identity_key, &n->identity_key)) ||
	       (n->has_tunnel && public_key_equal(&x->tunnel_key, &n->tunnel_key));
}

const struct revoked_node *revoked_find(const struct revoked *r, const struct node *n)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (is_key_of(&r->nodes[i], n))
			return &r->nodes[i];
	return NULL;
}

static void add(struct revoked *r, const struct node *n, uint64_t revision)
{
	if (revoked_find(r, n))
		return;
	if (r->n == REVOKED_MAX)
		memmove(&r->nodes[0], &r->nodes[1], sizeof(r->nodes[0]) * --r->n);
	r->nodes[r->n++] = (struct revoked_node){
		.id = n->id,
		.revision = revision,
		.identity_key = n->identity_key,
		.tunnel_key = n->tunnel_key,
	};
}

void revoked_note(struct revoked *r, const struct directory *before, const struct delta *x)
{
	for (uint32_t i = 0; i < x->n_gone; i++) {
		const struct node *n =
			x->gone[i].revoked ? directory_find(before, x->gone[i].id) : NULL;

		if (n && n->has_identity && n->has_tunnel)
			add(r, n, x->to);
	}
}

json_t *revoked_to_json(const struct revoked *r)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < r->n && array; i++) {
		const struct revoked_node *x = &r->nodes[i];
		struct fields_out o;

		fields_write_init(&o);
		fields_put_int(&o, "id", x->id);
		fields_put_count(&o, "revision", x->revision);
		fields_put_bytes(&o, "identity_key", x->identity_key.b, KEY_BYTES);
		fields_put_bytes(&o, "tunnel_key", x->tunnel_key.b, KEY_BYTES);
		if (json_array_append_new(array, fields_write_end(&o)) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

enum err revoked_from_json(const json_t *array, struct revoked *r)
{
	if (!json_is_array(array))
		return ERR_INVALID;
	if (json_array_size(array) > REVOKED_MAX)
		return ERR_TOOBIG;
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct revoked_node *x = &r->nodes[i];
		struct fields f;

		fields_init(&f, json_array_get(array, i));
		*x = (struct revoked_node){ .id = fields_get_id(&f, "id") };
		x->revision = fields_get_count(&f, "revision", FIELDS_REQUIRED);
		fields_get_bytes(&f, "identity_key", FIELDS_REQUIRED, x->identity_key.b, KEY_BYTES);
		fields_get_bytes(&f, "tunnel_key", FIELDS_REQUIRED, x->tunnel_key.b, KEY_BYTES);
		if (f.err)
			return f.err;
		r->n++;
	}
	return ERR_OK;
}
