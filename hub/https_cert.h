/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* https_cert: the certificate with which page and API are served, until the admin brings an own
 * one. ECDSA P-256, since browsers take no Ed25519. */
#include "shared/base/buf.h"

#define HTTPS_CERT_NAMES_MAX 32u
#define HTTPS_CERT_DAYS                                                                            \
	3650 /* self-signed and accepted once by hand: a renewal would ask again                   \
	      */

/*
 * A new key and a self-signed certificate for it, as PEM. `names` are host names and numeric
 * addresses, for subjectAltName; the first is also the subject. ERR_CRYPTO, ERR_NOMEM, ERR_TOOBIG.
 */
enum err https_cert_make(const char *const *names, size_t n_names, struct buf *key_pem,
			 struct buf *cert_pem) must_check;
