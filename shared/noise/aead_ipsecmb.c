/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/noise/aead_ipsecmb.h"

#ifdef BRANCHLINE_IPSEC_MB

#include <dlfcn.h>
#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libIPSec_MB.so.1"

/* 1.3.0 as 0x10300: what must be equal is major and minor. */
#define VERSION_SERIES(v) ((v) >> 8)

/*
 * The library in this process. Contexts point into it: `mgr` holds its functions for this CPU and,
 * for ChaCha20-Poly1305, the ring of jobs.
 */
struct aead_ipsecmb {
	void *handle;
	IMB_MGR *mgr;
	void (*free_mgr)(IMB_MGR *mgr);
	size_t mgr_bytes;
	const char *version;
};

/* ------- Loading ------- */

/* The functions of the library that are called by name. */
struct symbols {
	unsigned (*version)(void);
	const char *(*version_str)(void);
	IMB_MGR *(*alloc_mgr)(uint64_t flags);
	void (*free_mgr)(IMB_MGR *mgr);
	void (*init_mgr)(IMB_MGR *mgr, IMB_ARCH *arch);
	size_t (*mgr_size)(void);
};

static bool find_symbols(void *handle, struct symbols *s)
{
	*s = (struct symbols){
		.version = (unsigned (*)(void))dlsym(handle, "imb_get_version"),
		.version_str = (const char *(*)(void))dlsym(handle, "imb_get_version_str"),
		.alloc_mgr = (IMB_MGR * (*)(uint64_t)) dlsym(handle, "alloc_mb_mgr"),
		.free_mgr = (void (*)(IMB_MGR *))dlsym(handle, "free_mb_mgr"),
		.init_mgr = (void (*)(IMB_MGR *, IMB_ARCH *))dlsym(handle, "init_mb_mgr_auto"),
		.mgr_size = (size_t(*)(void))dlsym(handle, "imb_get_mb_mgr_size"),
	};
	return s->version && s->version_str && s->alloc_mgr && s->free_mgr && s->init_mgr &&
	       s->mgr_size;
}

static bool cpu_suits(uint64_t features, enum aead_ipsecmb_cpu cpu)
{
	const uint64_t any = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
	const uint64_t fast =
		any | IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ | IMB_FEATURE_AVX512_SKX;
	const uint64_t wanted = cpu == AEAD_IPSECMB_FAST_CPU ? fast : any;

	return (features & wanted) == wanted;
}

/* Makes the manager, which detects the CPU and, from 1.3 on, tests the library itself. */
static enum err make_manager(struct aead_ipsecmb *mb, const struct symbols *s,
			     enum aead_ipsecmb_cpu cpu, const char **why)
{
	IMB_ARCH arch = IMB_ARCH_NONE;
	uint64_t features;

	mb->mgr_bytes = s->mgr_size();
	mb->free_mgr = s->free_mgr;
	mb->version = s->version_str();
	mb->mgr = s->alloc_mgr(0);
	if (!mb->mgr) {
		*why = "out of memory";
		return ERR_NOMEM;
	}
	s->init_mgr(mb->mgr, &arch);
	features = mb->mgr->features;
	if (arch == IMB_ARCH_NONE || !cpu_suits(features, cpu)) {
		*why = "it is not faster on this CPU, or does not run on it";
		return ERR_UNSUPPORTED;
	}
	if ((features & IMB_FEATURE_SELF_TEST) && !(features & IMB_FEATURE_SELF_TEST_PASS)) {
		*why = "its own self-test fails";
		return ERR_CRYPTO;
	}
	return ERR_OK;
}

enum err aead_ipsecmb_load(struct primitives *p, enum aead_ipsecmb_cpu cpu, const char **why)
{
	struct aead_ipsecmb *mb = calloc(1, sizeof(*mb));
	struct symbols s;
	enum err e = ERR_UNSUPPORTED;

	BUG_ON(p->ipsecmb);
	*why = "out of memory";
	if (!mb)
		return ERR_NOMEM;
	mb->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!mb->handle)
		*why = LIBRARY " is not installed";
	else if (!find_symbols(mb->handle, &s))
		*why = LIBRARY " lacks a function";
	else if (VERSION_SERIES(s.version()) != VERSION_SERIES((unsigned)IMB_VERSION_NUM))
		*why = LIBRARY " is not of version " IMB_VERSION_STR ", which we were built with";
	else
		e = make_manager(mb, &s, cpu, why);
	if (e)
		aead_ipsecmb_unload(mb);
	else
		p->ipsecmb = mb;
	return e;
}

void aead_ipsecmb_unload(struct aead_ipsecmb *mb)
{
	if (!mb)
		return;
	if (mb->mgr) {
		/* Parts of messages may be left in it. */
		secret_zero(mb->mgr, mb->mgr_bytes);
		mb->free_mgr(mb->mgr);
	}
	if (mb->handle)
		dlclose(mb->handle);
	free(mb);
}

const char *aead_ipsecmb_version(const struct aead_ipsecmb *mb) { return mb->version; }

/* Constant time (libcrypto's, 20 ns faster than a loop over bytes). What was decrypted under a
 * wrong tag must not survive. */
static enum err verdict(const uint8_t *tag, const uint8_t *received, uint8_t *out, size_t len)
{
	if (CRYPTO_memcmp(tag, received, AEAD_TAG_BYTES) == 0)
		return ERR_OK;
	secret_zero(out, len);
	return ERR_AUTH;
}

/* ------- AES-256-GCM: one call a record ------- */

struct gcm {
	struct gcm_key_data key; /* key schedule and powers of the hash key; 64-byte aligned */
	struct gcm_context_data scratch;
	aes_gcm_enc_dec_t run; /* encrypts or decrypts */
};

static void gcm_free(void *ctx)
{
	if (!ctx)
		return;
	secret_zero(ctx, sizeof(struct gcm));
	free(ctx);
}

static enum err gcm_setkey(struct primitives *p, const struct secret_key *key,
			   enum aead_direction dir, void **ctx)
{
	const IMB_MGR *mgr = p->ipsecmb->mgr;
	struct gcm *g = aligned_alloc(_Alignof(struct gcm), sizeof(*g));

	if (!g)
		return ERR_NOMEM;
	memset(g, 0, sizeof(*g));
	g->run = dir == AEAD_SEAL ? mgr->gcm256_enc : mgr->gcm256_dec;
	mgr->gcm256_pre(key->b, &g->key);
	*ctx = g;
	return ERR_OK;
}

static enum err gcm_seal(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
			 const uint8_t *in, size_t len, uint8_t *out)
{
	struct gcm *g = ctx;
	uint8_t nonce[AEAD_NONCE_BYTES];

	primitives_nonce(CIPHER_AES256GCM, counter, nonce);
	g->run(&g->key, &g->scratch, out, in, len, nonce, aad, aad_len, out + len, AEAD_TAG_BYTES);
	return ERR_OK;
}

static enum err gcm_open(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
			 const uint8_t *in, size_t len, uint8_t *out)
{
	struct gcm *g = ctx;
	uint8_t nonce[AEAD_NONCE_BYTES], tag[AEAD_TAG_BYTES];

	if (len < AEAD_TAG_BYTES)
		return ERR_INVALID;
	len -= AEAD_TAG_BYTES;
	primitives_nonce(CIPHER_AES256GCM, counter, nonce);
	g->run(&g->key, &g->scratch, out, in, len, nonce, aad, aad_len, tag, sizeof(tag));
	return verdict(tag, in + len, out, len);
}

/* ------- ChaCha20-Poly1305: a job a record, done at once ------- */

/*
 * The library's other way for this cipher (init, update, finalize) costs 100 ns more. Jobs of this
 * cipher never wait for others, so a submitted one comes straight back.
 */
struct chacha {
	IMB_MGR *mgr;
	IMB_CIPHER_DIRECTION direction;
	struct secret_key key;
};

static void chacha_free(void *ctx)
{
	if (!ctx)
		return;
	secret_zero(ctx, sizeof(struct chacha));
	free(ctx);
}

static enum err chacha_setkey(struct primitives *p, const struct secret_key *key,
			      enum aead_direction dir, void **ctx)
{
	struct chacha *c = calloc(1, sizeof(*c));

	if (!c)
		return ERR_NOMEM;
	c->mgr = p->ipsecmb->mgr;
	c->direction = dir == AEAD_SEAL ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	c->key = *key;
	*ctx = c;
	return ERR_OK;
}

/* Encrypts or decrypts `len` bytes and computes the tag. */
static enum err chacha_run(const struct chacha *c, uint64_t counter, const uint8_t *aad,
			   size_t aad_len, const uint8_t *in, size_t len, uint8_t *out,
			   uint8_t *tag)
{
	uint8_t nonce[AEAD_NONCE_BYTES];
	IMB_JOB *job = c->mgr->get_next_job(c->mgr);

	primitives_nonce(CIPHER_CHACHA20POLY1305, counter, nonce);
	job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	job->cipher_direction = c->direction;
	job->chain_order =
		c->direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	job->enc_keys = c->key.b;
	job->dec_keys = c->key.b;
	job->key_len_in_bytes = KEY_BYTES;
	job->iv = nonce;
	job->iv_len_in_bytes = sizeof(nonce);
	job->u.CHACHA20_POLY1305.aad = aad;
	job->u.CHACHA20_POLY1305.aad_len_in_bytes = aad_len;
	job->src = in;
	job->dst = out;
	job->cipher_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = len;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_hash_in_bytes = len;
	job->auth_tag_output = tag;
	job->auth_tag_output_len_in_bytes = AEAD_TAG_BYTES;
	job = c->mgr->submit_job_nocheck(c->mgr);
	/* It points to this function's stack, so it must not stay in the ring. */
	if (!job)
		job = c->mgr->flush_job(c->mgr);
	return job && job->status == IMB_STATUS_COMPLETED ? ERR_OK : ERR_CRYPTO;
}

static enum err chacha_seal(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
			    const uint8_t *in, size_t len, uint8_t *out)
{
	return chacha_run(ctx, counter, aad, aad_len, in, len, out, out + len);
}

static enum err chacha_open(void *ctx, uint64_t counter, const uint8_t *aad, size_t aad_len,
			    const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t tag[AEAD_TAG_BYTES];
	enum err e;

	if (len < AEAD_TAG_BYTES)
		return ERR_INVALID;
	len -= AEAD_TAG_BYTES;
	e = chacha_run(ctx, counter, aad, aad_len, in, len, out, tag);
	return e ? e : verdict(tag, in + len, out, len);
}

/* ------- The tables ------- */

const struct aead_ops *aead_ipsecmb_ops(enum tunnel_cipher cipher)
{
	static const struct aead_ops aes256gcm = {
		.name = "aes-256-gcm/ipsec-mb",
		.setkey = gcm_setkey,
		.seal = gcm_seal,
		.open = gcm_open,
		.free = gcm_free,
	};
	static const struct aead_ops chacha20poly1305 = {
		.name = "chacha20-poly1305/ipsec-mb",
		.setkey = chacha_setkey,
		.seal = chacha_seal,
		.open = chacha_open,
		.free = chacha_free,
	};

	return cipher == CIPHER_AES256GCM ? &aes256gcm : &chacha20poly1305;
}

#else /* built without the library's header */

enum err aead_ipsecmb_load(struct primitives *p, enum aead_ipsecmb_cpu cpu, const char **why)
{
	(void)p;
	(void)cpu;
	*why = "this program was built without it";
	return ERR_UNSUPPORTED;
}

void aead_ipsecmb_unload(struct aead_ipsecmb *mb) { BUG_ON(mb); }

const char *aead_ipsecmb_version(const struct aead_ipsecmb *mb)
{
	(void)mb;
	return "";
}

const struct aead_ops *aead_ipsecmb_ops(enum tunnel_cipher cipher)
{
	(void)cipher;
	return NULL;
}

#endif
