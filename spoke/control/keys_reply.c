/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoke/control/keys_reply.h"

#include "shared/base/base64.h"
#include "shared/keys/keys.h"
#include "spoke/control/spoke.h"

static json_t *fingerprint(const struct public_key *key)
{
	char text[KEYS_FINGERPRINT_SIZE];

	return key ? json_string(keys_fingerprint(key, text)) : json_null();
}

static const struct public_key *public_of(const struct stream_identity *id)
{
	return id ? stream_identity_public(id) : NULL;
}

static json_t *key_json(const struct public_key *key)
{
	char text[KEY_BASE64_SIZE];

	return key ? json_string(base64_encode(key->b, KEY_BYTES, text)) : json_null();
}

/* By which keys the hub is known, and the one of a machine that was not taken for it. */
static json_t *hub_json(const struct hub_pin *x)
{
	const struct public_key *pin = x->has_pin ? &x->pin : NULL,
				*next = x->has_next ? &x->next : NULL,
				*refused = x->has_refused ? &x->refused : NULL;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "key", key_json(pin), "fingerprint",
			 fingerprint(pin), "next_key", key_json(next), "next_fingerprint",
			 fingerprint(next), "refused_key", key_json(refused), "refused_fingerprint",
			 fingerprint(refused));
}

json_t *keys_reply_json(const struct spoke *s)
{
	const struct rotation *r = &s->rotation;
	uint64_t now = loop_now_ms(s->loop), end = r->overlap_ms;

	return json_pack("{s:s, s:b, s:o, s:{s:o, s:o}, s:{s:o, s:o}, s:o}", "phase",
			 rotation_phase_str(rotation_phase(s)), "waits", (int)r->waits, "overlap_s",
			 end > now ? json_integer((json_int_t)((end - now) / 1000)) : json_null(),
			 "identity", "fingerprint", fingerprint(public_of(r->identity[0])),
			 "next_fingerprint", fingerprint(public_of(r->identity[1])), "tunnel",
			 "fingerprint", fingerprint(&r->tunnel[0]), "next_fingerprint",
			 fingerprint(r->has_next_tunnel ? &r->tunnel[1] : NULL), "hub",
			 hub_json(&s->hub_pin));
}
