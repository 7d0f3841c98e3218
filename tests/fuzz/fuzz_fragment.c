/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any IPv4 packet, any MTU (the first two bytes): fragments stay inside the packet and within the
 * MTU. */
#include <stdlib.h>
#include <string.h>

#include "shared/base/err.h"
#include "shared/tunnel/fragment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fragmenter f;
	struct inner in;
	size_t len, mtu, sum = 0;
	uint8_t *p, *frag;

	if (size < 3)
		return 0;
	mtu = (size_t)(data[0] << 8 | data[1]);
	p = malloc(size - 2);
	if (!p)
		return 0;
	memcpy(p, data + 2, size - 2);
	if (!inner_decode(p, size - 2, false, &in) && in.kind == INNER_IPV4 &&
	    !fragment_begin(&f, p, &in, mtu)) {
		while (fragment_next(&f, &frag, &len)) {
			BUG_ON(len > mtu || frag < p || frag + len > p + in.total_len);
			sum += len - (size_t)(frag[0] & 15) * 4;
		}
		BUG_ON(sum != in.total_len - in.header_len);
	}
	free(p);
	return 0;
}
