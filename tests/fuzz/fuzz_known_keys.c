/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spoke's file of known keys: what is accepted is written as it can be read again. */
#include <stdint.h>

#include "shared/base/log.h"
#include "spoke/control/known_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct known_keys k, again;
	struct buf b;

	BUG_ON(known_keys_init(&k) != ERR_OK || known_keys_init(&again) != ERR_OK);
	buf_init(&b, 16u << 20);
	if (known_keys_decode(&k, (const char *)data, size) == ERR_OK) {
		BUG_ON(known_keys_encode(&k, &b) != ERR_OK);
		BUG_ON(known_keys_decode(&again, (const char *)buf_data(&b), buf_len(&b)) !=
		       ERR_OK);
		BUG_ON(again.by_name.count != k.by_name.count || again.n_doubted != k.n_doubted);
	} else {
		BUG_ON(k.by_name.count || k.by_id.count || k.n_doubted);
	}
	buf_fini(&b);
	known_keys_fini(&again);
	known_keys_fini(&k);
	return 0;
}
