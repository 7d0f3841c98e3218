/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hub/backup/sealed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/cursor.h"
#include "shared/noise/primitives.h"

#define MAGIC        "BLBK"
#define VERSION      1u
#define LABEL        "Branchline backup v1"
#define LENGTH_BYTES 4u
#define LAST         0x80000000u

/* What both sides derive a file's key from, and keep of it. */
struct stream {
	int fd;
	enum err err; /* sticky */
	uint64_t chunk;
	struct primitives primitives;
	struct secret_key key;
	struct recipient recipient;
	struct public_key file_public;
	uint8_t header[SEALED_HEADER_BYTES];
};

struct sealed_writer {
	struct stream s;
	size_t n; /* bytes in `plain` */
	uint8_t plain[SEALED_CHUNK_BYTES];
	uint8_t out[LENGTH_BYTES + SEALED_CHUNK_BYTES + AEAD_TAG_BYTES];
};

struct sealed_reader {
	struct stream s;
	bool last; /* the chunk in `plain` has the mark of the end */
	size_t n, at;
	uint8_t plain[SEALED_CHUNK_BYTES];
	uint8_t in[SEALED_CHUNK_BYTES + AEAD_TAG_BYTES];
};

/* --- both --- */

static void fail(struct stream *s, enum err e)
{
	if (!s->err)
		s->err = e;
}

static void stream_fini(struct stream *s) { primitives_fini(&s->primitives); }

/* The file's key: what X25519 gives and the origin key, bound to the whole header. */
static enum err derive_key(struct stream *s, const struct dh_key *ours,
			   const struct public_key *theirs)
{
	uint8_t chaining[KEY_BYTES], shared[2 * KEY_BYTES];
	enum err e = primitives_hash(&s->primitives, LABEL, sizeof(LABEL) - 1, s->header,
				     sizeof(s->header), chaining);

	if (!e)
		e = primitives_dh(ours, theirs, shared);
	memcpy(shared + KEY_BYTES, s->recipient.origin.b, KEY_BYTES);
	if (!e)
		e = primitives_hkdf(&s->primitives, chaining, shared, sizeof(shared), s->key.b,
				    NULL, NULL);
	secret_zero(shared, sizeof(shared));
	secret_zero(chaining, sizeof(chaining));
	return e;
}

/* --- writing --- */

static void write_all(struct stream *s, const uint8_t *p, size_t n)
{
	while (n && !s->err) {
		ssize_t k = write(s->fd, p, n);

		if (k < 0 && errno != EINTR)
			fail(s, err_from_errno(errno));
		if (k <= 0)
			continue;
		p += k;
		n -= (size_t)k;
	}
}

static void encode_header(struct stream *s)
{
	struct cursor c;

	cursor_init_write(&c, s->header, sizeof(s->header));
	cursor_put_bytes(&c, MAGIC, 4);
	cursor_put_u8(&c, VERSION);
	cursor_put_u8(&c, s->recipient.log_n);
	cursor_put_u16(&c, 0);
	cursor_put_bytes(&c, s->recipient.salt, RECIPIENT_SALT_BYTES);
	cursor_put_bytes(&c, s->recipient.public.b, KEY_BYTES);
	cursor_put_bytes(&c, s->file_public.b, KEY_BYTES);
	BUG_ON(cursor_end(&c) || cursor_left(&c));
}

/* The file's own key pair lives only here. */
static enum err begin(struct stream *s)
{
	struct dh_key own;
	enum err e = primitives_dh_key_init(&own, NULL);

	if (e)
		return e;
	s->file_public = own.public;
	encode_header(s);
	e = derive_key(s, &own, &s->recipient.public);
	primitives_dh_key_fini(&own);
	if (!e)
		write_all(s, s->header, sizeof(s->header));
	return e ? e : s->err;
}

enum err sealed_writer_new(int fd, const struct recipient *to, struct sealed_writer **out)
{
	struct sealed_writer *w = calloc(1, sizeof(*w));
	enum err e;

	if (!w)
		return ERR_NOMEM;
	w->s.fd = fd;
	w->s.recipient = *to;
	e = primitives_init(&w->s.primitives);
	if (!e)
		e = begin(&w->s);
	if (e)
		sealed_writer_free(w);
	else
		*out = w;
	return e;
}

static void put_chunk(struct sealed_writer *w, bool last)
{
	struct stream *s = &w->s;
	struct cursor c;

	cursor_init_write(&c, w->out, LENGTH_BYTES);
	cursor_put_u32(&c, (uint32_t)w->n | (last ? LAST : 0));
	if (!s->err)
		fail(s,
		     primitives_seal(&s->primitives, CIPHER_CHACHA20POLY1305, s->key.b, s->chunk,
				     w->out, LENGTH_BYTES, w->plain, w->n, w->out + LENGTH_BYTES));
	write_all(s, w->out, LENGTH_BYTES + w->n + AEAD_TAG_BYTES);
	s->chunk++;
	w->n = 0;
}

void sealed_write(struct sealed_writer *w, const void *p, size_t n)
{
	const uint8_t *from = p;

	while (n && !w->s.err) {
		size_t room = sizeof(w->plain) - w->n;
		size_t k = n < room ? n : room;

		memcpy(w->plain + w->n, from, k);
		w->n += k;
		from += k;
		n -= k;
		if (w->n == sizeof(w->plain))
			put_chunk(w, false);
	}
}

void sealed_writer_free(struct sealed_writer *w)
{
	if (!w)
		return;
	stream_fini(&w->s);
	secret_zero(w, sizeof(*w));
	free(w);
}

enum err sealed_writer_end(struct sealed_writer *w)
{
	enum err e;

	put_chunk(w, true);
	e = w->s.err;
	sealed_writer_free(w);
	return e;
}

/* --- reading --- */

/* Exactly `n` bytes of the file. */
static bool read_all(struct stream *s, uint8_t *p, size_t n)
{
	while (n && !s->err) {
		ssize_t k = read(s->fd, p, n);

		if (k == 0)
			fail(s, ERR_TRUNCATED);
		if (k < 0 && errno != EINTR)
			fail(s, err_from_errno(errno));
		if (k <= 0)
			continue;
		p += k;
		n -= (size_t)k;
	}
	return !s->err;
}

static enum err decode_header(struct stream *s)
{
	struct cursor c;
	uint8_t magic[4], version;
	uint16_t reserved;

	cursor_init_read(&c, s->header, sizeof(s->header));
	cursor_get_bytes(&c, magic, sizeof(magic));
	version = cursor_get_u8(&c);
	s->recipient.log_n = cursor_get_u8(&c);
	reserved = cursor_get_u16(&c);
	cursor_get_bytes(&c, s->recipient.salt, RECIPIENT_SALT_BYTES);
	cursor_get_bytes(&c, s->recipient.public.b, KEY_BYTES);
	cursor_get_bytes(&c, s->file_public.b, KEY_BYTES);
	if (memcmp(magic, MAGIC, sizeof(magic)) != 0)
		return ERR_INVALID;
	if (version != VERSION)
		return ERR_VERSION;
	if (reserved || s->recipient.log_n < RECIPIENT_LOG_N_MIN ||
	    s->recipient.log_n > RECIPIENT_LOG_N_MAX)
		return ERR_INVALID;
	return cursor_end(&c);
}

enum err sealed_reader_new(int fd, struct sealed_reader **out)
{
	struct sealed_reader *r = calloc(1, sizeof(*r));
	enum err e;

	if (!r)
		return ERR_NOMEM;
	r->s.fd = fd;
	e = primitives_init(&r->s.primitives);
	if (!e && !read_all(&r->s, r->s.header, sizeof(r->s.header)))
		e = r->s.err;
	if (!e)
		e = decode_header(&r->s);
	if (e)
		sealed_reader_free(r);
	else
		*out = r;
	return e;
}

enum err sealed_unlock_key(struct sealed_reader *r, const struct secret_key *secret,
			   const struct secret_key *origin)
{
	struct dh_key ours = { 0 };
	enum err e = primitives_dh_key_init(&ours, secret);

	r->s.recipient.origin = *origin;
	if (!e)
		e = derive_key(&r->s, &ours, &r->s.file_public);
	primitives_dh_key_fini(&ours);
	return e;
}

enum err sealed_unlock(struct sealed_reader *r, const char *passphrase)
{
	struct recipient to = r->s.recipient;
	struct secret_key secret;
	enum err e = recipient_unlock(&to, passphrase, &secret);

	if (!e)
		e = sealed_unlock_key(r, &secret, &to.origin);
	secret_zero(&to, sizeof(to));
	secret_zero(&secret, sizeof(secret));
	return e;
}

/* The next chunk into `plain`. */
static void get_chunk(struct sealed_reader *r)
{
	struct stream *s = &r->s;
	uint8_t length[LENGTH_BYTES];
	struct cursor c;
	uint32_t word;

	r->n = r->at = 0;
	if (r->last)
		fail(s, ERR_TRUNCATED);
	if (!read_all(s, length, sizeof(length)))
		return;
	cursor_init_read(&c, length, sizeof(length));
	word = cursor_get_u32(&c);
	r->last = word & LAST;
	word &= ~LAST;
	/* Only the last one may be empty: others would be work for nothing. */
	if (word > SEALED_CHUNK_BYTES || (!word && !r->last)) {
		fail(s, ERR_INVALID);
		return;
	}
	if (!read_all(s, r->in, word + AEAD_TAG_BYTES))
		return;
	fail(s, primitives_unseal(&s->primitives, CIPHER_CHACHA20POLY1305, s->key.b, s->chunk,
				  length, sizeof(length), r->in, word + AEAD_TAG_BYTES, r->plain));
	s->chunk++;
	r->n = s->err ? 0 : word;
}

bool sealed_read(struct sealed_reader *r, void *p, size_t n)
{
	uint8_t *to = p;

	while (n && !r->s.err) {
		size_t k = r->n - r->at < n ? r->n - r->at : n;

		if (!k) {
			get_chunk(r);
			continue;
		}
		memcpy(to, r->plain + r->at, k);
		r->at += k;
		to += k;
		n -= k;
	}
	memset(to, 0, n);
	return !r->s.err;
}

enum err sealed_reader_end(struct sealed_reader *r)
{
	struct stream *s = &r->s;
	uint8_t more;

	/* The mark may stand in an empty chunk of its own. */
	if (!s->err && !r->last && r->at == r->n)
		get_chunk(r);
	if (s->err)
		return s->err;
	if (!r->last || r->at != r->n)
		return ERR_INVALID;
	return read(s->fd, &more, 1) == 0 ? ERR_OK : ERR_INVALID;
}

enum err sealed_error(const struct sealed_reader *r) { return r->s.err; }

void sealed_reader_free(struct sealed_reader *r)
{
	if (!r)
		return;
	stream_fini(&r->s);
	secret_zero(r, sizeof(*r));
	free(r);
}
