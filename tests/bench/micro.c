/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nanoseconds of what the data plane does for each packet: make bench-micro. Prints Markdown.
 *
 * Every row is measured in ROUNDS rounds of about ROUND_NS after a warm-up, all rows in turn, so
 * that a busy moment of the machine hits one round of each instead of all rounds of one. The median
 * is shown; the last line says how far the medians lie above the best rounds.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "shared/base/table.h"
#include "shared/noise/aead.h"
#include "shared/noise/aead_ipsecmb.h"
#include "shared/noise/cookie.h"
#include "shared/noise/handshake.h"
#include "shared/tunnel/coalesce.h"
#include "shared/tunnel/route.h"

#define ROUNDS   15u
#define ROUND_NS 2e6
#define ROWS_MAX 128u

/* Times `n` operations, without what it has to prepare for them. */
typedef double (*bench_run)(void *arg, unsigned n);

struct row {
	char name[96];
	bench_run run;
	void *arg;
	unsigned n; /* operations a round */
	double ns[ROUNDS];
};

static struct row rows[ROWS_MAX];
static unsigned n_rows;
/* What operations give is added up here, so that none is left out by the compiler. */
static volatile uint64_t sink;

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void add(const char *name, bench_run run, void *arg, unsigned n_max)
{
	struct row *r = &rows[n_rows++];
	double ns;

	BUG_ON(n_rows > ROWS_MAX);
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->run = run;
	r->arg = arg;
	run(arg, 16);
	ns = run(arg, 64) / 64;
	r->n = ns * n_max < ROUND_NS ? n_max : (unsigned)(ROUND_NS / ns) + 1;
}

/* ------- AEAD ------- */

static const size_t sizes[] = { 64, 256, 1400, 8192 };

struct aead_bench {
	const struct aead_ops *ops;
	void *seal_ctx, *open_ctx;
	size_t len;
	uint8_t aad[TRANSPORT_HEADER_BYTES];
	uint8_t plain[8192], sealed[8192 + AEAD_TAG_BYTES], out[8192 + AEAD_TAG_BYTES];
};

static double run_seal(void *arg, unsigned n)
{
	struct aead_bench *b = arg;
	double t = now_ns();

	for (unsigned i = 0; i < n; i++)
		BUG_ON(b->ops->seal(b->seal_ctx, i, b->aad, sizeof(b->aad), b->plain, b->len,
				    b->out));
	return now_ns() - t;
}

static double run_open(void *arg, unsigned n)
{
	struct aead_bench *b = arg;
	double t;

	BUG_ON(b->ops->seal(b->seal_ctx, 7, b->aad, sizeof(b->aad), b->plain, b->len, b->sealed));
	t = now_ns();
	for (unsigned i = 0; i < n; i++)
		BUG_ON(b->ops->open(b->open_ctx, 7, b->aad, sizeof(b->aad), b->sealed,
				    b->len + AEAD_TAG_BYTES, b->out));
	return now_ns() - t;
}

static void add_aead(struct primitives *p, const struct aead_ops *ops)
{
	struct secret_key key;

	secret_random(&key, sizeof(key));
	for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
		struct aead_bench *b = calloc(1, sizeof(*b));
		bool seal = i < ARRAY_LEN(sizes);
		char name[96];

		BUG_ON(!b);
		b->ops = ops;
		b->len = sizes[i % ARRAY_LEN(sizes)];
		BUG_ON(ops->setkey(p, &key, AEAD_SEAL, &b->seal_ctx) ||
		       ops->setkey(p, &key, AEAD_OPEN, &b->open_ctx));
		snprintf(name, sizeof(name), "%s, %s", ops->name, seal ? "seal" : "open");
		add(name, seal ? run_seal : run_open, b, 1u << 20);
	}
}

/* ------- Keypairs: with header, counter and replay window ------- */

#define RECORDS       256u
#define KEYPAIR_BYTES 1400u

struct keypair_bench {
	struct keypair from, to;
	uint8_t plain[KEYPAIR_BYTES];
	uint8_t mem[RECORDS][KEYPAIR_BYTES + TRANSPORT_OVERHEAD_BYTES];
};

static double run_seal_to(void *arg, unsigned n)
{
	struct keypair_bench *b = arg;
	double t = now_ns();

	for (unsigned i = 0; i < n; i++)
		BUG_ON(keypair_seal_to(&b->from, b->plain, KEYPAIR_BYTES, 0, 0,
				       b->mem[i % RECORDS]));
	return now_ns() - t;
}

static double run_keypair_open(void *arg, unsigned n)
{
	struct keypair_bench *b = arg;
	struct pkt pkt;
	uint8_t flags;
	double t;

	BUG_ON(n > RECORDS);
	run_seal_to(b, n);
	t = now_ns();
	for (unsigned i = 0; i < n; i++) {
		pkt_init(&pkt, b->mem[i], sizeof(b->mem[i]), 0);
		pkt_put(&pkt, sizeof(b->mem[i]));
		BUG_ON(keypair_open(&b->to, &pkt, &flags));
	}
	return now_ns() - t;
}

static void add_keypair(struct primitives *p, enum tunnel_cipher cipher)
{
	struct keypair_bench *b = calloc(1, sizeof(*b));
	struct secret_key k1, k2;
	struct keypair_params from = { cipher, true, 1, 2, &k1, &k2 };
	struct keypair_params to = { cipher, false, 2, 1, &k2, &k1 };
	char name[96];

	BUG_ON(!b);
	secret_random(&k1, sizeof(k1));
	secret_random(&k2, sizeof(k2));
	BUG_ON(keypair_init(&b->from, p, &from, 0) || keypair_init(&b->to, p, &to, 0));
	snprintf(name, sizeof(name), "keypair_seal_to, 1400 bytes, %s", p->aead[cipher]->name);
	add(name, run_seal_to, b, 1u << 20);
	snprintf(name, sizeof(name), "keypair_open, 1400 bytes, %s", p->aead[cipher]->name);
	add(name, run_keypair_open, b, RECORDS);
}

/* ------- Handshake ------- */

enum { SIDE_INITIATE, SIDE_RESPOND, SIDE_FINISH, SIDES };

struct handshake_bench {
	struct primitives *p;
	struct handshake_self i, r;
	struct handshake_peer about_r, about_i;
	struct cookie_maker maker_i, maker_r;
	struct cookie_checker checker_i, checker_r;
	int side; /* whose time counts */
};

static const struct cookie_source nowhere;

/* One whole handshake as session.c does it, MACs included; adds each side's time. */
static void handshake_once(struct handshake_bench *b, double ns[SIDES])
{
	struct primitives *p = b->p;
	const uint8_t stamp[TIMESTAMP_BYTES] = { 1 }, none[TIMESTAMP_BYTES] = { 0 };
	uint8_t initiation[HANDSHAKE_INITIATION_BYTES], response[HANDSHAKE_RESPONSE_BYTES];
	struct handshake_initiator hi = { 0 };
	struct handshake_responder hr = { 0 };
	struct keypair ki = { 0 }, kr = { 0 };
	double t[SIDES + 1];

	t[0] = now_ns();
	BUG_ON(handshake_create_initiation(&hi, p, &b->i, &b->about_r, CIPHER_AES256GCM, 1, stamp,
					   NULL, initiation) ||
	       cookie_add_macs(&b->maker_i, p, initiation, sizeof(initiation), 0));
	t[1] = now_ns();
	BUG_ON(cookie_check(&b->checker_r, p, initiation, sizeof(initiation), &nowhere, 0) ==
		       COOKIE_BAD ||
	       handshake_receive_initiation(&hr, &b->r, initiation, sizeof(initiation)) ||
	       handshake_unseal_static(&hr, p, &b->r, CIPHER_AES256GCM) ||
	       handshake_consume_initiation(&hr, p, &b->about_i, none) ||
	       handshake_create_response(&hr, p, &b->about_i, 2, NULL, 0, response, &kr) ||
	       cookie_add_macs(&b->maker_r, p, response, sizeof(response), 0));
	handshake_responder_fini(&hr);
	t[2] = now_ns();
	BUG_ON(cookie_check(&b->checker_i, p, response, sizeof(response), &nowhere, 0) ==
		       COOKIE_BAD ||
	       handshake_consume_response(&hi, p, &b->i, &b->about_r, response, sizeof(response), 0,
					  &ki));
	t[3] = now_ns();
	for (int s = 0; s < SIDES; s++)
		ns[s] += t[s + 1] - t[s];
	keypair_fini(&ki);
	keypair_fini(&kr);
}

static double run_handshake(void *arg, unsigned n)
{
	struct handshake_bench *b = arg;
	double ns[SIDES] = { 0 };

	for (unsigned i = 0; i < n; i++)
		handshake_once(b, ns);
	return b->side == SIDES ? ns[0] + ns[1] + ns[2] : ns[b->side];
}

static void add_handshake(struct primitives *p)
{
	static const char *const names[] = {
		[SIDE_INITIATE] = "handshake: initiation made",
		[SIDE_RESPOND] = "handshake: initiation taken, response made",
		[SIDE_FINISH] = "handshake: response taken",
		[SIDES] = "handshake: both sides together",
	};

	for (int side = 0; side <= SIDES; side++) {
		struct handshake_bench *b = calloc(1, sizeof(*b));
		struct secret_key ki, kr;

		BUG_ON(!b);
		secret_random(&ki, sizeof(ki));
		secret_random(&kr, sizeof(kr));
		b->p = p;
		b->side = side;
		BUG_ON(handshake_self_init(&b->i, &ki) || handshake_self_init(&b->r, &kr) ||
		       handshake_peer_init(&b->about_r, &b->i, &b->r.key.public, NULL) ||
		       handshake_peer_init(&b->about_i, &b->r, &b->i.key.public, NULL) ||
		       cookie_maker_init(&b->maker_i, p, &b->r.key.public) ||
		       cookie_maker_init(&b->maker_r, p, &b->i.key.public) ||
		       cookie_checker_init(&b->checker_i, p, &b->i.key.public) ||
		       cookie_checker_init(&b->checker_r, p, &b->r.key.public));
		add(names[side], run_handshake, b, 16);
	}
}

/* ------- Routes and peers ------- */

#define ADDRESSES 65536u

struct route_bench {
	struct route_table table;
	int family;
	unsigned turn;
	uint8_t (*addresses)[16]; /* all of them have a route */
};

static double run_route(void *arg, unsigned n)
{
	struct route_bench *b = arg;
	uint64_t sum = 0;
	double t = now_ns();

	for (unsigned i = 0; i < n; i++)
		sum += route_lookup(&b->table, b->family, b->addresses[b->turn++ % ADDRESSES])
			       ->peer_id;
	t = now_ns() - t;
	sink += sum;
	return t;
}

/* `count` random nets (/24 or /56) and random addresses in them. */
static void add_route(int family, uint32_t count, bool one_flow)
{
	struct route_bench *b = calloc(1, sizeof(*b));
	const uint8_t len = family == AF_INET ? 24 : 56;
	const size_t bytes = family == AF_INET ? 4 : 16;
	struct prefix *nets = calloc(count, sizeof(*nets));
	char name[96];

	BUG_ON(!b || !nets);
	b->family = family;
	b->addresses = calloc(ADDRESSES, sizeof(*b->addresses));
	BUG_ON(!b->addresses);
	route_init(&b->table);
	for (uint32_t i = 0; i < count; i++) {
		struct addr a = { .family = (uint8_t)family };

		secret_random(a.b, bytes);
		nets[i] = prefix_of_net(&a, len);
		BUG_ON(route_add(&b->table, &nets[i], NULL, i + 1, 10));
	}
	for (unsigned i = 0; i < ADDRESSES; i++) {
		const struct prefix *net = &nets[secret_random_below(count)];

		secret_random(b->addresses[i], bytes);
		memcpy(b->addresses[i], net->addr.b, len / 8);
		if (one_flow)
			memcpy(b->addresses[i], b->addresses[0], bytes);
	}
	free(nets);
	snprintf(name, sizeof(name), "route_lookup, IPv%c, %u prefixes, %s",
		 family == AF_INET ? '4' : '6', count, one_flow ? "one flow" : "random hits");
	add(name, run_route, b, 1u << 20);
}

struct entry {
	struct table_node by_id, by_key;
	uint32_t id;
	struct public_key key;
};

struct table_bench {
	struct table table;
	struct entry *entries;
	uint32_t count, turn;
	bool by_key;
};

static double run_table(void *arg, unsigned n)
{
	struct table_bench *b = arg;
	double t = now_ns();

	for (unsigned i = 0; i < n; i++) {
		/* Knuth's multiplier: an order that no cache foresees. */
		const struct entry *e = &b->entries[b->turn++ * 2654435761u % b->count];
		const void *key = b->by_key ? (const void *)&e->key : &e->id;

		BUG_ON(!table_find(&b->table, key));
	}
	return now_ns() - t;
}

static void add_table(uint32_t count, bool by_key)
{
	struct table_bench *b = calloc(1, sizeof(*b));
	char name[96];

	BUG_ON(!b);
	b->count = count;
	b->by_key = by_key;
	b->entries = calloc(count, sizeof(*b->entries));
	BUG_ON(!b->entries);
	BUG_ON(by_key ? table_init(&b->table, TABLE_KEY(struct entry, by_key, key))
		      : table_init(&b->table, TABLE_KEY(struct entry, by_id, id)));
	for (uint32_t i = 0; i < count; i++) {
		struct entry *e = &b->entries[i];

		e->id = i + 1;
		secret_random(&e->key, sizeof(e->key));
		BUG_ON(table_insert(&b->table, by_key ? &e->by_key : &e->by_id));
	}
	snprintf(name, sizeof(name), "table_find by %s, %u entries", by_key ? "key" : "id", count);
	add(name, run_table, b, 1u << 20);
}

/* ------- Replay window ------- */

struct replay_bench {
	struct replay window;
	uint64_t next;
	unsigned block; /* counters come in blocks of so many, backwards */
};

static double run_replay(void *arg, unsigned n)
{
	struct replay_bench *b = arg;
	double t = now_ns();

	for (unsigned i = 0; i < n; i++) {
		uint64_t counter =
			b->next - b->next % b->block + (b->block - 1 - b->next % b->block);

		b->next++;
		BUG_ON(!replay_check(&b->window, counter) || !replay_commit(&b->window, counter));
	}
	return now_ns() - t;
}

static void add_replay(const char *name, unsigned block)
{
	struct replay_bench *b = calloc(1, sizeof(*b));

	BUG_ON(!b);
	replay_init(&b->window);
	b->block = block;
	add(name, run_replay, b, 1u << 20);
}

/* ------- Coalescing ------- */

#define TRAIN_SEGMENTS 40u  /* what a train of 1400-byte packets holds */
#define SEGMENTS_MAX   256u /* of some trains that came together */
#define SEGMENT_BYTES  1400u
#define HEADERS_BYTES  40u

struct coalesce_bench {
	struct coalescer coalescer;
	unsigned segments, flows; /* packet by packet in turn */
	bool partial;
	struct inner in[SEGMENTS_MAX];
	uint8_t headers[SEGMENTS_MAX][HEADERS_BYTES];
	uint8_t packets[SEGMENTS_MAX][SEGMENT_BYTES];
};

static void count_packet(void *arg, const struct iovec *iov, int n)
{
	(void)arg;
	sink += iov[n - 1].iov_len;
}

/* Segment `i` of the streams, with right checksums (or the pseudo-header's sum). */
static void make_segment(struct coalesce_bench *b, unsigned i)
{
	uint8_t *p = b->packets[i];
	const size_t l4_len = SEGMENT_BYTES - 20;

	secret_random(p, SEGMENT_BYTES);
	memset(p, 0, HEADERS_BYTES);
	p[0] = 0x45;
	offload_put16(p + 2, SEGMENT_BYTES);
	p[6] = 0x40;
	p[8] = 64;
	p[9] = 6;
	memcpy(p + 12, (const uint8_t[]){ 10, 0, 0, 1, 10, 0, 1, 1 }, 8);
	offload_put_csum(p + 10, (uint16_t)~offload_fold(offload_sum(p, 20, 0)));
	offload_put16(p + 20, 5201);
	offload_put16(p + 22, 40000 + i % b->flows);
	offload_put32(p + 24, i / b->flows * (SEGMENT_BYTES - HEADERS_BYTES));
	p[32] = 0x50;
	p[33] = 0x10;
	p[34] = 0xff;
	offload_put_csum(p + 36, offload_fold(offload_pseudo_sum(p, true, 6, l4_len)));
	if (!b->partial)
		offload_complete_at(p + 20, l4_len, 16);
	memcpy(b->headers[i], p, HEADERS_BYTES);
	BUG_ON(inner_decode(p, SEGMENT_BYTES, true, &b->in[i]));
}

static double run_coalesce(void *arg, unsigned n)
{
	struct coalesce_bench *b = arg;
	double t, sum = 0;

	for (unsigned done = 0; done < n; done += b->segments) {
		for (unsigned i = 0; i < b->segments; i++)
			memcpy(b->packets[i], b->headers[i], HEADERS_BYTES);
		t = now_ns();
		for (unsigned i = 0; i < b->segments; i++)
			coalesce_add(&b->coalescer, b->packets[i], &b->in[i], b->partial);
		coalesce_flush(&b->coalescer);
		sum += now_ns() - t;
	}
	/* Whole trains were added. */
	return sum * n / ((n + b->segments - 1) / b->segments * b->segments);
}

/* The row says how many writes to the device `segments` packets become. */
static void add_coalesce(unsigned segments, unsigned flows, bool partial)
{
	struct coalesce_bench *b = calloc(1, sizeof(*b));
	char name[96];

	BUG_ON(!b);
	b->segments = segments;
	b->flows = flows;
	b->partial = partial;
	for (unsigned i = 0; i < segments; i++)
		make_segment(b, i);
	coalesce_init(&b->coalescer, true, true, true, count_packet, NULL);
	run_coalesce(b, segments);
	snprintf(name, sizeof(name),
		 "coalesce_add, TCP, 1400 bytes, checksum %s, %u flow%s: %u to %u",
		 partial ? "partial" : "verified", flows, flows > 1 ? "s" : "", segments,
		 (unsigned)b->coalescer.emitted);
	add(name, run_coalesce, b, 100 * segments);
}

/* ------- Measuring and printing ------- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(void)
{
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < n_rows; i++)
			rows[i].ns[round] = rows[i].run(rows[i].arg, rows[i].n) / rows[i].n;
	for (unsigned i = 0; i < n_rows; i++)
		qsort(rows[i].ns, ROUNDS, sizeof(double), compare_doubles);
}

static double median(const struct row *r) { return r->ns[ROUNDS / 2]; }

static void print_machine(const struct primitives *p)
{
	struct utsname u;
	char line[256], cpu[200] = "unknown CPU";
	double load[3] = { 0 };
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "model name : %199[^\n]", cpu) == 1)
			break;
	if (f)
		fclose(f);
	uname(&u);
	getloadavg(load, 3);
	printf("%s; Linux %s; %s; libipsec-mb %s; load %.1f\n\n", cpu, u.release,
	       OpenSSL_version(OPENSSL_VERSION),
	       p->ipsecmb ? aead_ipsecmb_version(p->ipsecmb) : "not in use", load[0]);
}

/* The rows of add_aead() come in groups of one line. */
static unsigned print_aead(unsigned n)
{
	printf("| ns a record: median (best) | 64 B | 256 B | 1400 B | 8192 B "
	       "|\n|---|---:|---:|---:|---:|\n");
	for (unsigned i = 0; i < n; i += ARRAY_LEN(sizes)) {
		printf("| %s", rows[i].name);
		for (unsigned k = 0; k < ARRAY_LEN(sizes); k++)
			printf(" | %.0f (%.0f)", median(&rows[i + k]), rows[i + k].ns[0]);
		printf(" |\n");
	}
	return n;
}

static void print_rest(unsigned from)
{
	printf("\n| operation | ns, median | best |\n|---|---:|---:|\n");
	for (unsigned i = from; i < n_rows; i++)
		printf("| %s | %.1f | %.1f |\n", rows[i].name, median(&rows[i]), rows[i].ns[0]);
}

static void print_noise(void)
{
	double above[ROWS_MAX];

	for (unsigned i = 0; i < n_rows; i++)
		above[i] = (median(&rows[i]) / rows[i].ns[0] - 1) * 100;
	qsort(above, n_rows, sizeof(above[0]), compare_doubles);
	printf("\n%u rounds a row. Noise: medians lie %.0f %% above the best rounds (half of the "
	       "rows), %.0f %% at worst.\n",
	       ROUNDS, above[n_rows / 2], above[n_rows - 1]);
}

int main(void)
{
	static const uint32_t counts[] = { 10, 10000, 100000 };
	struct primitives ssl, mb;
	unsigned n_aead;

	BUG_ON(primitives_init(&ssl) || primitives_init(&mb));
	aead_select(AEAD_IPSEC_MB, &mb);
	add_aead(&ssl, ssl.aead[CIPHER_AES256GCM]);
	if (mb.ipsecmb)
		add_aead(&mb, mb.aead[CIPHER_AES256GCM]);
	add_aead(&ssl, ssl.aead[CIPHER_CHACHA20POLY1305]);
	if (mb.ipsecmb)
		add_aead(&mb, mb.aead[CIPHER_CHACHA20POLY1305]);
	n_aead = n_rows;
	add_keypair(&ssl, CIPHER_AES256GCM);
	if (mb.ipsecmb)
		add_keypair(&mb, CIPHER_AES256GCM);
	add_handshake(&mb);
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		add_route(AF_INET, counts[i], false);
	add_route(AF_INET, counts[2], true);
	add_route(AF_INET6, counts[1], false);
	add_replay("replay_check and commit, in order", 1);
	add_replay("replay_check and commit, 64 at a time backwards", 64);
	add_coalesce(TRAIN_SEGMENTS, 1, true);
	add_coalesce(TRAIN_SEGMENTS, 1, false);
	for (unsigned flows = 8; flows <= SEGMENTS_MAX; flows *= 2)
		add_coalesce(SEGMENTS_MAX, flows, true);
	add_table(10000, false);
	add_table(10000, true);
	measure();
	print_machine(&mb);
	print_rest(print_aead(n_aead));
	print_noise();
	/* Everything else goes with the process; what it was measured on was no secret. */
	return 0;
}
