/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes on a carrier: frames of packets. A run that is taken is whole, and reads again as it
 * was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/wire/carry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0, len;
	unsigned n = 0, counted;
	size_t run = carry_run(data, size, size, &counted);

	BUG_ON(run > size || (run && !carry_is_whole(data, run)));
	while (at < run) {
		BUG_ON(carry_next(data + at, run - at, &len) != ERR_OK);
		BUG_ON(!len || len > CARRY_MESSAGE_MAX_BYTES);
		at += CARRY_HEADER_BYTES + len;
		n++;
	}
	BUG_ON(at != run || n != counted);
	/* What stands behind it is a sign of life, cut, or no frame. */
	BUG_ON(carry_next(data + run, size - run, &len) == ERR_OK && len);
	return 0;
}
