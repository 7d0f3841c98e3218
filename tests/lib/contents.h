/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once
/* What packets carry, made from a seed: the same bytes on every machine. For tests and benchmarks
 * of compression. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum contents { CONTENTS_TEXT, CONTENTS_SQL, CONTENTS_JPEG, CONTENTS_CIPHERTEXT, CONTENTS_ZEROS };
#define CONTENTS_KINDS 5u

static inline const char *contents_name(enum contents kind)
{
	static const char *const names[] = { "text", "SQL dump", "JPEG", "ciphertext", "zeros" };

	return names[kind];
}

/* xorshift64*; `*state` is not 0. */
static inline uint32_t contents_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * 0x2545f4914f6cdd1du >> 32);
}

/* One word, the common ones more often, as in any language. */
static inline int contents_word(uint64_t *state, char *out, size_t size)
{
	static const char *const words[] = {
		"the",     "of",      "to",       "and",      "a",        "branch",   "in",
		"is",      "that",    "office",   "for",      "with",     "as",       "on",
		"was",     "be",      "by",       "this",     "report",   "which",    "from",
		"order",   "or",      "have",     "not",      "customer", "delivery", "were",
		"their",   "are",     "after",    "meeting",  "invoice",  "weekly",   "although",
		"between", "quarter", "storage",  "because",  "number",   "machine",  "through",
		"without", "general", "question", "answer",   "against",  "system",   "morning",
		"another", "Bergen",  "Tromso",   "contract", "signed",   "receipt",  "planned",
		"nothing", "several", "returned", "service",  "network",  "account",  "change",
		"letter",
	};
	uint32_t a = contents_random(state) & 63, b = contents_random(state) & 63;

	return snprintf(out, size, "%s%s", words[a < b ? a : b],
			contents_random(state) % 9 ? " " : ", ");
}

/* One row, as a database writes it into a dump. */
static inline int contents_row(uint64_t *state, char *out, size_t size)
{
	static const char *const names[] = { "Kari Nordmann", "Ola Hansen", "Ingrid Berg",
					     "Per Olsen",     "Liv Dahl",   "Nils Haugen" };
	static const char *const states[] = { "open", "shipped", "paid", "returned" };
	uint32_t n = contents_random(state), m = contents_random(state), k = contents_random(state);

	return snprintf(out, size,
			"INSERT INTO orders VALUES (%u,'%s','2026-%02u-%02u %02u:%02u:%02u','%s',"
			"%u.%02u,'%08x',NULL);\n",
			100000 + n % 900000, names[m % 6], 1 + k % 12, 1 + k / 12 % 28, n / 7 % 24,
			m / 7 % 60, k / 7 % 60, states[k % 4], m % 5000, n % 100,
			contents_random(state));
}

/* Entropy-coded data: nearly random, a zero behind each 0xff, a restart marker now and then. */
static inline int contents_scan(uint64_t *state, char *out, size_t size)
{
	uint8_t b = (uint8_t)contents_random(state);
	bool restart = contents_random(state) % 2000 == 0;

	(void)size;
	out[0] = (char)(restart ? 0xff : b);
	out[1] = (char)(restart ? 0xd0 + (b & 7) : 0);
	return restart || b == 0xff ? 2 : 1;
}

/* Fills `n` bytes. `*state` goes on, so that the next packet holds what comes next. */
static inline void contents_fill(enum contents kind, uint64_t *state, uint8_t *out, size_t n)
{
	char piece[256];
	size_t done = 0;

	memset(out, 0, n);
	while (kind != CONTENTS_ZEROS && done < n) {
		int len;

		if (kind == CONTENTS_TEXT)
			len = contents_word(state, piece, sizeof(piece));
		else if (kind == CONTENTS_SQL)
			len = contents_row(state, piece, sizeof(piece));
		else if (kind == CONTENTS_JPEG)
			len = contents_scan(state, piece, sizeof(piece));
		else
			len = snprintf(piece, sizeof(piece), "%c",
				       (int)(contents_random(state) & 255));
		for (int i = 0; i < len && done < n; i++)
			out[done++] = (uint8_t)piece[i];
	}
}

#define CONTENTS_HEADER_BYTES 52u /* IPv4, TCP with timestamps */

/* The header of a TCP packet of `total` bytes, number `i` of its flow. Checksums are left out: they
 * are partial, or as good as random. */
static inline void contents_tcp_header(uint8_t *p, size_t total, uint16_t port, uint32_t i)
{
	static const uint8_t ip[] = { 0x45, 0, 0,  0,  0, 0, 0x40, 0,  64, 6,
				      0,    0, 10, 20, 0, 7, 10,   30, 0,  9 };
	static const uint8_t tcp[] = { 0,    0,    1,    0xbb, 0,    0,    0,    0,
				       0x5a, 0x3c, 0x19, 0x7e, 0x80, 0x10, 1,    0xf5,
				       0,    0,    0,    0,    1,    1,    8,    10,
				       0x3b, 0x9a, 0,    0,    0x17, 0xd7, 0x84, 0x21 };
	uint32_t seq = 0x1f2e3d4cu + i * (uint32_t)(total - CONTENTS_HEADER_BYTES);

	memcpy(p, ip, sizeof(ip));
	memcpy(p + 20, tcp, sizeof(tcp));
	p[2] = (uint8_t)(total >> 8);
	p[3] = (uint8_t)total;
	p[4] = (uint8_t)(i >> 8);
	p[5] = (uint8_t)i;
	p[20] = (uint8_t)(port >> 8);
	p[21] = (uint8_t)port;
	for (unsigned k = 0; k < 4; k++)
		p[24 + k] = (uint8_t)(seq >> (24 - 8 * k));
	p[46] = (uint8_t)(i >> 8);
	p[47] = (uint8_t)i;
}

/* A whole packet of `total` >= CONTENTS_HEADER_BYTES bytes. */
static inline void contents_packet(enum contents kind, uint64_t *state, uint8_t *p, size_t total,
				   uint16_t port, uint32_t i)
{
	contents_tcp_header(p, total, port, i);
	contents_fill(kind, state, p + CONTENTS_HEADER_BYTES, total - CONTENTS_HEADER_BYTES);
}
