/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A transport packet from the network, opened with fixed keys (the seeds were sealed with them):
 * what is refused changes nothing, what is accepted has the right size and is not accepted twice.
 * The counter's top byte is the nonce space.
 */
#include <string.h>

#include "shared/noise/keypair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LOCAL_INDEX   0x01020304u
#define LARGEST_BYTES 4096u

/* Changes whenever any of the windows moves forward. */
static uint64_t newest(const struct keypair *kp)
{
	uint64_t sum = kp->replay.next;

	for (size_t i = 0; i < ARRAY_LEN(kp->others); i++)
		sum += kp->others[i] ? kp->others[i]->next : 0;
	return sum;
}

static void open_twice(struct primitives *p, enum tunnel_cipher cipher, const uint8_t *data,
		       size_t size)
{
	static uint8_t mem[LARGEST_BYTES];
	struct secret_key key;
	struct keypair kp = { 0 };
	struct pkt pkt;
	uint8_t flags;

	memset(key.b, 0x42, sizeof(key.b));
	const struct keypair_params params = {
		.cipher = cipher,
		.local_index = LOCAL_INDEX,
		.send_key = &key,
		.recv_key = &key,
	};
	BUG_ON(keypair_init(&kp, p, &params, 0));
	for (int time = 0; time < 2; time++) {
		pkt_init(&pkt, mem, sizeof(mem), 0);
		memcpy(pkt_put(&pkt, size), data, size);
		uint64_t next = newest(&kp);
		bool was_confirmed = kp.confirmed;
		if (keypair_open(&kp, &pkt, &flags)) {
			BUG_ON(pkt.len != size || newest(&kp) != next ||
			       kp.confirmed != was_confirmed);
			continue;
		}
		BUG_ON(time == 1 || !kp.confirmed || pkt.len != size - TRANSPORT_OVERHEAD_BYTES);
		BUG_ON(flags & ~TRANSPORT_FLAGS_KNOWN);
	}
	keypair_fini(&kp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct primitives prim;
	static bool ready;

	if (size > LARGEST_BYTES)
		return 0;
	if (!ready)
		BUG_ON(primitives_init(&prim));
	ready = true;
	open_twice(&prim, CIPHER_WIREGUARD, data, size);
	open_twice(&prim, CIPHER_AES256GCM, data, size);
	open_twice(&prim, CIPHER_CHACHA20POLY1305, data, size);
	return 0;
}
