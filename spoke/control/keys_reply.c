/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/keys_reply.h"

#include <openssl/evp.h>

#include "shared/base/base64.h"
#include "spoke/control/spoke.h"

const char *keys_reply_fingerprint(const struct public_key *key, char out[FINGERPRINT_SIZE])
{
	uint8_t digest[KEY_BYTES];

	if (EVP_Digest(key->b, KEY_BYTES, digest, NULL, EVP_sha256(), NULL) != 1)
		return "?";
	return hex_encode(digest, sizeof(digest), out);
}

static json_t *fingerprint(const struct public_key *key)
{
	char text[FINGERPRINT_SIZE];

	return key ? json_string(keys_reply_fingerprint(key, text)) : json_null();
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
