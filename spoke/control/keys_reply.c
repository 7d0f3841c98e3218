/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/keys_reply.h"

#include <openssl/evp.h>

#include "shared/base/base64.h"
#include "spoke/control/spoke.h"

#define FINGERPRINT_SIZE (2 * KEY_BYTES + 1)

static json_t *fingerprint(const struct public_key *key)
{
	uint8_t digest[KEY_BYTES];
	char text[FINGERPRINT_SIZE];

	if (!key || EVP_Digest(key->b, KEY_BYTES, digest, NULL, EVP_sha256(), NULL) != 1)
		return json_null();
	return json_string(hex_encode(digest, sizeof(digest), text));
}

static const struct public_key *public_of(const struct stream_identity *id)
{
	return id ? stream_identity_public(id) : NULL;
}

json_t *keys_reply_json(const struct spoke *s)
{
	const struct rotation *r = &s->rotation;
	uint64_t now = loop_now_ms(s->loop), end = r->overlap_ms;

	return json_pack("{s:s, s:b, s:o, s:{s:o, s:o}, s:{s:o, s:o}}", "phase",
			 rotation_phase_str(rotation_phase(s)), "waits", (int)r->waits, "overlap_s",
			 end > now ? json_integer((json_int_t)((end - now) / 1000)) : json_null(),
			 "identity", "fingerprint", fingerprint(public_of(r->identity[0])),
			 "next_fingerprint", fingerprint(public_of(r->identity[1])), "tunnel",
			 "fingerprint", fingerprint(&r->tunnel[0]), "next_fingerprint",
			 fingerprint(r->has_next_tunnel ? &r->tunnel[1] : NULL));
}
