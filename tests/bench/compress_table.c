/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `make bench-compress`: what compression is worth, as a Markdown table: content by level by line.
 *
 * One flow of packets of 1400 bytes goes through compress_pack() and compress_unpack() as in the
 * engine, skipping included, with a clock that runs as the packets would come at 100 Mbit/s; times
 * are CPU times. What a line then carries is reckoned from ratio and times: as many packets
 * compressed as COMPRESS_TIME_PERCENT of a core allow, the others as they are. It is told as IP
 * packets, as the applications see them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/tunnel/compress.h"
#include "shared/tunnel/method.h"
#include "shared/wire/limits.h"
#include "tests/lib/contents.h"

#define PACKET_BYTES 1400u
#define PACKETS      2000u
#define ROUNDS       7u
/* Around an inner packet on the line: IPv4, UDP, TRANSPORT_OVERHEAD_BYTES. */
#define OUTER_BYTES (20u + 8u + TRANSPORT_OVERHEAD_BYTES)
/* Packets a millisecond at 100 Mbit/s. */
#define PACKETS_PER_MS 9u

static const double line_mbits[] = { 10, 100, 1000 };

struct content {
	const char *name;
	enum contents kind;
	const char *file; /* NULL: generated */
};

/* Real prose and a real machine-written text from this tree; the rest from a seed. */
static const struct content contents[] = {
	{ "text (LICENSE)", CONTENTS_TEXT, "LICENSE" },
	{ "YAML (openapi.yaml)", CONTENTS_TEXT, "schema/openapi.yaml" },
	{ "SQL dump", CONTENTS_SQL, NULL },
	{ "JPEG", CONTENTS_JPEG, NULL },
	{ "ciphertext", CONTENTS_CIPHERTEXT, NULL },
};
static const unsigned levels[] = { 1, 3, 6, 9, 10, 11 };

/* Medians of all rounds, of a packet, whether it was tried or not. `forced_us`: when all are tried.
 */
struct result {
	double ratio, pack_us, unpack_us, forced_us, spread;
};

static uint8_t packets[PACKETS][PACKET_BYTES], work[PACKETS][PACKET_BYTES];
static size_t lens[PACKETS];

/* Goes round in the file as often as is needed. False when it cannot be read. */
static bool fill_from_file(const char *path)
{
	const size_t room = PACKET_BYTES - CONTENTS_HEADER_BYTES;
	FILE *f = fopen(path, "rb");
	bool ok = f != NULL;

	for (uint32_t i = 0; i < PACKETS && ok; i++) {
		uint8_t *p = packets[i];

		contents_tcp_header(p, PACKET_BYTES, 40000, i);
		if (fread(p + CONTENTS_HEADER_BYTES, 1, room, f) == room)
			continue;
		rewind(f);
		ok = fread(p + CONTENTS_HEADER_BYTES, 1, room, f) == room;
	}
	if (f)
		fclose(f);
	return ok;
}

static bool fill(const struct content *c)
{
	uint64_t seed = 20261122;

	if (c->file)
		return fill_from_file(c->file);
	for (uint32_t i = 0; i < PACKETS; i++)
		contents_packet(c->kind, &seed, packets[i], PACKET_BYTES, 40000, i);
	return true;
}

/* CPU time of this thread. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* For the compressor: no packet takes any time, so that all that are worth it are compressed. */
static uint64_t stopped_clock(void) { return 0; }

static double us_a_packet(uint64_t began_ns)
{
	return (double)(cpu_ns() - began_ns) / 1e3 / PACKETS;
}

/* Every packet once more, without asking whether it is worth it. */
static double force_all(unsigned level)
{
	static uint8_t out[METHOD_WORST_BYTES(PACKET_BYTES)];
	struct methods m = { 0 };
	const uint64_t began_ns = cpu_ns();
	double us;

	for (unsigned i = 0; i < PACKETS; i++)
		if (method_pack(&m, level, packets[i], PACKET_BYTES, out, PACKET_BYTES - 6,
				&lens[i]) == ERR_NOMEM)
			exit(1);
	us = us_a_packet(began_ns);
	method_fini(&m);
	return us;
}

/* All that were compressed, back; ends the program when one is not what it was. */
static double unpack_all(struct compressor *receiver)
{
	uint64_t began_ns;
	struct pkt plain;

	for (unsigned pass = 0; pass < 2; pass++) {
		began_ns = cpu_ns();
		for (unsigned i = 0; i < PACKETS; i++) {
			if (lens[i] == PACKET_BYTES)
				continue;
			compress_release(receiver);
			if (compress_unpack(receiver, work[i], lens[i], &plain))
				exit(1);
			/* Looked at in the first pass, measured in the second. */
			if (!pass && memcmp(plain.data, packets[i], PACKET_BYTES) != 0)
				exit(1);
		}
	}
	return us_a_packet(began_ns);
}

static void run_round(unsigned level, struct result *out)
{
	const struct compress_counters *c;
	struct compressor *x;
	uint64_t began_ns;

	if (compress_new(stopped_clock, &x))
		exit(1);
	out->forced_us = force_all(level);
	memcpy(work, packets, sizeof(work));
	began_ns = cpu_ns();
	for (unsigned i = 0; i < PACKETS; i++) {
		lens[i] = PACKET_BYTES;
		compress_pack(x, NULL, level, work[i], &lens[i], 1000 + i / PACKETS_PER_MS);
	}
	out->pack_us = us_a_packet(began_ns);
	out->unpack_us = unpack_all(x);
	c = compress_counters(x);
	out->ratio = (double)c->before_bytes / (double)c->after_bytes;
	compress_free(x);
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(values[0]), by_value);
	return values[ROUNDS / 2];
}

static struct result measure(unsigned level)
{
	double pack_us[ROUNDS], unpack_us[ROUNDS], forced_us[ROUNDS];
	struct result r = { 0 };

	for (unsigned i = 0; i < ROUNDS; i++) {
		run_round(level, &r);
		pack_us[i] = r.pack_us;
		unpack_us[i] = r.unpack_us;
		forced_us[i] = r.forced_us;
	}
	r.pack_us = median(pack_us);
	r.unpack_us = median(unpack_us);
	r.forced_us = median(forced_us);
	r.spread = forced_us[ROUNDS - 1] / forced_us[0];
	return r;
}

/* IP packets in Mbit/s over a line. */
static double carried(const struct result *r, double mbits)
{
	const double line = mbits * 1e6 / 8; /* bytes a second */
	const double packed = PACKET_BYTES / r->ratio + OUTER_BYTES;
	const double as_is = PACKET_BYTES + OUTER_BYTES;
	const double limit =
		r->pack_us > 0 ? COMPRESS_TIME_PERCENT * 1e4 / r->pack_us : line / packed;
	double per_s = line / packed;

	if (per_s > limit)
		per_s = limit + (line - limit * packed) / as_is;
	return per_s * PACKET_BYTES * 8 / 1e6;
}

static void print_row(const char *name, const char *level, const struct result *r)
{
	const struct result none = { .ratio = 1 };

	printf("| %s | %s | %.2f | %.2f | %.2f | %.1f |", name, level, r->ratio, r->pack_us,
	       r->unpack_us, r->forced_us);
	for (size_t i = 0; i < ARRAY_LEN(line_mbits); i++)
		printf(" %.1f (%.2fx) |", carried(r, line_mbits[i]),
		       carried(r, line_mbits[i]) / carried(&none, line_mbits[i]));
	printf("\n");
}

int main(void)
{
	const struct result none = { .ratio = 1 };
	double spread = 1;

	printf("| content | level | ratio | compress, us | decompress, us | if all were tried, us "
	       "| 10 Mbit/s | "
	       "100 Mbit/s | 1 Gbit/s |\n|---|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		if (!fill(&contents[i])) {
			fprintf(stderr, "%s: cannot be read; start this at the top of the tree\n",
				contents[i].file);
			return 1;
		}
		print_row(contents[i].name, "none", &none);
		for (size_t k = 0; k < ARRAY_LEN(levels); k++) {
			const struct result r = measure(levels[k]);
			char level[32];

			snprintf(level, sizeof(level), "%u (%s)", levels[k],
				 levels[k] < 10    ? "zlib"
				 : levels[k] == 10 ? "LZO fast"
						   : "LZO best");
			print_row(contents[i].name, level, &r);
			spread = r.spread > spread ? r.spread : spread;
		}
	}
	printf("\nTimes: CPU time of one packet of %u bytes, those that were not tried included; "
	       "median of %u rounds of %u packets; slowest by fastest round at most %.2f.\n"
	       "Lines: Mbit/s of IP packets, in brackets by what the same line carries without; "
	       "reckoned with %u bytes around each packet and %u %% of a core for compressing, "
	       "without what sending costs (packets of unequal size fill no UDP_SEGMENT train).\n",
	       PACKET_BYTES, ROUNDS, PACKETS, spread, OUTER_BYTES, COMPRESS_TIME_PERCENT);
	return 0;
}
