/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/*
 * aead_ipsecmb: AES-256-GCM and ChaCha20-Poly1305 of Intel's libipsec-mb, which uses VAES and
 * AVX-512 where OpenSSL 3.0 does not: a packet of 1400 bytes takes a third of the time with
 * AES-256-GCM, half with ChaCha20-Poly1305.
 *
 * Optional twice. When built without the library's header (IPSEC_MB=0) only the refusal below is
 * left. Built with it, the library is still not linked but opened with dlopen() when it is
 * selected: the program starts where it is not installed, a package need only recommend it, and
 * the 16 MB of code are not mapped by processes that seal nothing.
 *
 * The struct that the library shares with its callers may grow between its versions. So only the
 * version that we were built with (major and minor number) is used; another one is refused, as a
 * missing one.
 */
#include <stdbool.h>

#include "shared/noise/aead.h"

struct aead_ipsecmb;

enum aead_ipsecmb_cpu {
	AEAD_IPSECMB_FAST_CPU, /* only with VAES, VPCLMULQDQ and AVX-512 */
	AEAD_IPSECMB_ANY_CPU,  /* with AES instructions: the library's slower code as well */
};

/*
 * Loads the library into p->ipsecmb, which primitives_fini() gives to unload(). Selects nothing.
 * `*why` is static text for the log on failure. ERR_UNSUPPORTED: not built in, not installed, of
 * another version, or not for this CPU. ERR_CRYPTO: the library's own self-test fails. ERR_NOMEM.
 */
enum err aead_ipsecmb_load(struct primitives *p, enum aead_ipsecmb_cpu cpu,
			   const char **why) must_check;
/* NULL is fine. */
void aead_ipsecmb_unload(struct aead_ipsecmb *mb);
/* Its table for a cipher, static storage; NULL when not built in. setkey() needs p->ipsecmb. */
const struct aead_ops *aead_ipsecmb_ops(enum tunnel_cipher cipher);
/* "1.3.0" of the loaded library; for logs. */
const char *aead_ipsecmb_version(const struct aead_ipsecmb *mb);
