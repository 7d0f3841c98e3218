/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/keypair.h"

#include <stdlib.h>
#include <string.h>

#include "shared/wire/packet.h"

#define SPACE_MASK ((1ull << NONCE_SPACE_SHIFT) - 1)

/* Where our counter begins and ends: the whole of 64 bits, or the worker's part of them. */
void keypair_set_space(struct keypair *kp, uint8_t space)
{
	const uint64_t first = (uint64_t)space << NONCE_SPACE_SHIFT;

	BUG_ON(space >= NONCE_SPACES || (space && kp->cipher == CIPHER_WIREGUARD));
	kp->send_counter = first;
	if (kp->cipher == CIPHER_WIREGUARD) {
		kp->rekey_at = REKEY_AFTER_MESSAGES;
		kp->send_end = REJECT_AFTER_MESSAGES;
	} else {
		kp->rekey_at = first + SPACE_REKEY_AFTER_MESSAGES;
		kp->send_end = first + SPACE_REJECT_AFTER_MESSAGES;
	}
}

enum err keypair_init(struct keypair *kp, struct primitives *p, const struct keypair_params *params,
		      uint64_t now_ms)
{
	*kp = (struct keypair){
		.valid = true,
		.is_initiator = params->is_initiator,
		.confirmed = params->is_initiator,
		.cipher = params->cipher,
		.local_index = params->local_index,
		.remote_index = params->remote_index,
		.created_ms = now_ms,
		.ops = p->aead[params->cipher],
	};
	keypair_set_space(kp, 0);
	replay_init(&kp->replay);
	enum err e = kp->ops->setkey(p, params->send_key, AEAD_SEAL, &kp->send_ctx);
	if (!e)
		e = kp->ops->setkey(p, params->recv_key, AEAD_OPEN, &kp->recv_ctx);
	if (e)
		keypair_fini(kp);
	return e;
}

void keypair_fini(struct keypair *kp)
{
	if (kp->ops) {
		kp->ops->free(kp->send_ctx);
		kp->ops->free(kp->recv_ctx);
	}
	for (unsigned i = 0; i < ARRAY_LEN(kp->others); i++)
		free(kp->others[i]);
	secret_zero(kp, sizeof(*kp));
}

void keypair_move(struct keypair *dst, struct keypair *src)
{
	BUG_ON(dst == src);
	keypair_fini(dst);
	*dst = *src;
	secret_zero(src, sizeof(*src));
}

/* A keypair made "in the future" cannot be: the clock is monotonic, so that is our own mistake and
 * counts as old. */
static uint64_t age_ms(const struct keypair *kp, uint64_t now_ms)
{
	return now_ms - kp->created_ms;
}

bool keypair_may_send(const struct keypair *kp, uint64_t now_ms)
{
	return kp->valid && kp->confirmed && age_ms(kp, now_ms) < REJECT_AFTER_MS &&
	       kp->send_counter < kp->send_end;
}

bool keypair_may_receive(const struct keypair *kp, uint64_t now_ms)
{
	return kp->valid && age_ms(kp, now_ms) < REJECT_AFTER_MS;
}

bool keypair_wants_rekey_on_send(const struct keypair *kp, uint64_t now_ms)
{
	if (!kp->valid)
		return false;
	return kp->send_counter >= kp->rekey_at ||
	       (kp->is_initiator && age_ms(kp, now_ms) >= REKEY_AFTER_MS);
}

bool keypair_wants_rekey_on_receive(const struct keypair *kp, uint64_t now_ms)
{
	/* With shortened timers nothing is left of the difference: then by the age that sending
	 * goes by. */
	const uint64_t spare_ms = KEEPALIVE_MS + REKEY_TIMEOUT_MS;
	const uint64_t due_ms =
		REJECT_AFTER_MS > spare_ms ? REJECT_AFTER_MS - spare_ms : REKEY_AFTER_MS;
	return kp->valid && kp->is_initiator && age_ms(kp, now_ms) >= due_ms;
}

/*
 * WireGuard's padding hides lengths a little; agents carry exact lengths. Not beyond the MTU, since
 * the outer packet would no longer fit. A packet larger than the MTU is filled up as its last piece
 * would be.
 */
static size_t padding_of(const struct keypair *kp, size_t len, uint16_t mtu)
{
	if (kp->cipher != CIPHER_WIREGUARD)
		return 0;
	size_t last = mtu && len > mtu ? len % mtu : len;
	size_t padded = (last + TRANSPORT_PADDING_BYTES - 1) / TRANSPORT_PADDING_BYTES *
			TRANSPORT_PADDING_BYTES;
	if (mtu && padded > mtu)
		padded = mtu;
	return padded - last;
}

/* WireGuard authenticates no header (only the receiver's key and the counter are bound); type 7 all
 * of it. */
static size_t aad_bytes(const struct keypair *kp)
{
	return kp->cipher == CIPHER_WIREGUARD ? 0 : TRANSPORT_HEADER_BYTES;
}

static enum packet_type transport_type(const struct keypair *kp)
{
	return kp->cipher == CIPHER_WIREGUARD ? PACKET_WG_TRANSPORT : PACKET_TRANSPORT;
}

size_t keypair_sealed_len(const struct keypair *kp, size_t len, uint16_t mtu)
{
	return len + padding_of(kp, len, mtu) + TRANSPORT_OVERHEAD_BYTES;
}

enum err keypair_seal_to(struct keypair *kp, const uint8_t *plain, size_t len, uint8_t flags,
			 uint16_t mtu, uint8_t *out)
{
	BUG_ON(!kp->valid);
	if (!kp->confirmed || kp->send_counter >= kp->send_end)
		return ERR_LIMIT;

	const struct packet_transport h = {
		.type = transport_type(kp),
		.flags = flags,
		.receiver = kp->remote_index,
		.counter = kp->send_counter++,
	};
	const size_t pad = padding_of(kp, len, mtu);
	uint8_t *sealed = out + TRANSPORT_HEADER_BYTES;
	packet_encode_transport(&h, out);
	/* What follows the plaintext may be somebody else's, so padding is put behind a copy. */
	if (pad) {
		memmove(sealed, plain, len);
		memset(sealed + len, 0, pad);
		plain = sealed;
	}
	return kp->ops->seal(kp->send_ctx, h.counter, out, aad_bytes(kp), plain, len + pad, sealed);
}

enum err keypair_seal(struct keypair *kp, struct pkt *pkt, uint8_t flags, uint16_t mtu)
{
	const size_t len = pkt->len;
	const size_t sealed = keypair_sealed_len(kp, len, mtu);
	uint8_t *plain = pkt->data;
	pkt_put(pkt, sealed - len - TRANSPORT_HEADER_BYTES);
	uint8_t *out = pkt_push(pkt, TRANSPORT_HEADER_BYTES);
	return keypair_seal_to(kp, plain, len, flags, mtu, out);
}

/* The window that a counter belongs to and its place in there. NULL: a space that nothing came in
 * yet. */
static struct replay *window_of(struct keypair *kp, uint64_t counter, uint64_t *place)
{
	const uint64_t space = counter >> NONCE_SPACE_SHIFT;

	*place = counter;
	if (!space || kp->cipher == CIPHER_WIREGUARD)
		return &kp->replay;
	*place = counter & SPACE_MASK;
	return kp->others[space - 1];
}

/* Can no counter of a sender be this one? */
static bool is_beyond(const struct keypair *kp, uint64_t counter)
{
	if (kp->cipher == CIPHER_WIREGUARD)
		return counter >= REJECT_AFTER_MESSAGES;
	return counter >> NONCE_SPACE_SHIFT >= NONCE_SPACES ||
	       (counter & SPACE_MASK) >= SPACE_REJECT_AFTER_MESSAGES;
}

/* Marks an authentic packet's counter as seen. */
static enum err commit(struct keypair *kp, struct replay *window, uint64_t counter, uint64_t place)
{
	if (!window) {
		window = calloc(1, sizeof(*window));
		if (!window)
			return ERR_NOMEM;
		kp->others[(counter >> NONCE_SPACE_SHIFT) - 1] = window;
	}
	return replay_commit(window, place) ? ERR_OK : ERR_REPLAY;
}

enum err keypair_open(struct keypair *kp, struct pkt *pkt, uint8_t *flags)
{
	struct packet_transport h;
	struct replay *window;
	uint64_t place;

	BUG_ON(!kp->valid);
	enum err e = packet_decode_transport(pkt->data, pkt->len, &h);
	if (e)
		return e;
	if (h.type != transport_type(kp) || h.receiver != kp->local_index)
		return ERR_INVALID;
	if (is_beyond(kp, h.counter))
		return ERR_LIMIT;
	window = window_of(kp, h.counter, &place);
	if (window && !replay_check(window, place))
		return ERR_REPLAY;

	uint8_t *sealed = pkt->data + TRANSPORT_HEADER_BYTES;
	size_t sealed_len = pkt->len - TRANSPORT_HEADER_BYTES;
	e = kp->ops->open(kp->recv_ctx, h.counter, pkt->data, aad_bytes(kp), sealed, sealed_len,
			  sealed);
	if (e)
		return e;
	/* Only an authentic packet moves the window; the check above has just said that it will. */
	e = commit(kp, window, h.counter, place);
	if (e)
		return e;
	kp->confirmed = true;
	*flags = h.flags;
	pkt_pull(pkt, TRANSPORT_HEADER_BYTES);
	pkt_trim(pkt, pkt->len - AEAD_TAG_BYTES);
	return ERR_OK;
}
