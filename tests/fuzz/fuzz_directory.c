/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * delta_from_json() and directory_apply(), and the spoke's cache. The input is an array: a
 * directory, then deltas that are applied to it one after the other. Whatever happens, the
 * directory stays sorted and can be written and read again.
 */
#include <stdint.h>

#include "shared/wire/directory.h"
#include "tests/fuzz/taken.h"

unsigned long fuzz_taken;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct directory *d)
{
	struct directory again;
	json_t *j;

	for (uint32_t i = 0; i < d->count; i++) {
		BUG_ON(i > 0 && d->nodes[i - 1].id >= d->nodes[i].id);
		BUG_ON(directory_find(d, d->nodes[i].id) != &d->nodes[i]);
	}
	j = directory_to_json(d);
	BUG_ON(!j);
	BUG_ON(directory_from_json(j, &again) != ERR_OK);
	BUG_ON(again.count != d->count || again.revision != d->revision);
	for (uint32_t i = 0; i < d->count; i++)
		BUG_ON(!node_equal(&again.nodes[i], &d->nodes[i]));
	directory_fini(&again);
	json_decref(j);
}

/* A delta from the directory to a viewer's view of it must be one that the viewer takes. */
static void check_delta(const struct directory *d, uint64_t from)
{
	struct delta x, again;
	json_t *j;

	if (d->count == 0)
		return;
	BUG_ON(directory_delta(d, from, &d->nodes[0], &x) != ERR_OK);
	j = delta_to_json(&x);
	BUG_ON(!j || delta_from_json(j, &again) != ERR_OK);
	BUG_ON(again.n_changed != x.n_changed || again.n_gone != x.n_gone);
	delta_fini(&again);
	delta_fini(&x);
	json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *j = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	struct directory d;

	if (directory_from_json(json_array_get(j, 0), &d) == ERR_OK) {
		check(&d);
		size_t i;

		for (i = 1; i < json_array_size(j); i++) {
			uint64_t from = d.revision;
			struct delta x;

			if (delta_from_json(json_array_get(j, i), &x))
				break;
			BUG_ON(directory_apply(&d, &x) != ERR_OK && d.revision != from);
			delta_fini(&x);
			check(&d);
			check_delta(&d, from);
		}
		directory_fini(&d);
		fuzz_taken += i == json_array_size(j);
	}
	json_decref(j);
	return 0;
}
