/* SPDX-License-Identifier: GPL-3.0-or-later */
/* node_from_json(): what is taken is the same after a way there and back. */
#include <stdint.h>

#include "shared/wire/node.h"
#include "tests/fuzz/taken.h"

unsigned long fuzz_taken;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *j = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL),
	       *text;
	struct node n, again;

	if (node_from_json(j, &n) == ERR_OK) {
		text = node_to_json(&n);
		BUG_ON(!text || node_from_json(text, &again) != ERR_OK);
		BUG_ON(!node_equal(&n, &again) || n.revision != again.revision);
		node_fini(&again);
		node_fini(&n);
		json_decref(text);
		fuzz_taken++;
	}
	json_decref(j);
	return 0;
}
