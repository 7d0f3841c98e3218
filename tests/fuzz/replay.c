/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a fuzz target over files, without a fuzzer: every seed as it is, every prefix of it, and a
 * fixed number of mutations from a fixed seed. So `make check` notices a decoder that breaks, and
 * seeds that are older than what they are seeds of: a target that has `fuzz_taken` must take each
 * of them whole.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/taken.h"

#define SEED_MAX_BYTES (1u << 20)
#define MUTATIONS      2000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint32_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

/* A copy on the heap of exactly `size` bytes, so that a read past the end is seen by the sanitizer.
 */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void mutate_and_run(const uint8_t *seed, size_t size, uint8_t *work)
{
	for (unsigned i = 0; i < MUTATIONS; i++) {
		unsigned changes = 1 + next_random() % 8;
		size_t len = size;

		memcpy(work, seed, size);
		while (changes--) {
			size_t at = len ? next_random() % len : 0;

			switch (next_random() % 4) {
			case 0:
				len = at;
				break;
			case 1:
				if (len)
					work[at] ^= (uint8_t)(1u << (next_random() % 8));
				break;
			case 2:
				if (len)
					work[at] = (uint8_t)next_random();
				break;
			default:
				if (len)
					memset(work + at, 0xff, len - at < 4 ? len - at : 4);
				break;
			}
		}
		run(work, len);
	}
}

/* The seed as it is; false when the target counts what it takes, and did not take this one. */
static bool run_seed(const uint8_t *seed, size_t size)
{
	const unsigned long before = &fuzz_taken ? fuzz_taken : 0;

	run(seed, size);
	return !&fuzz_taken || fuzz_taken > before;
}

int main(int argc, char **argv)
{
	static uint8_t seed[SEED_MAX_BYTES], work[SEED_MAX_BYTES];

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t n;

		if (!f) {
			perror(argv[i]);
			return 1;
		}
		n = fread(seed, 1, sizeof(seed), f);
		fclose(f);
		if (!run_seed(seed, n)) {
			fprintf(stderr, "%s: refused as a whole; make it anew\n", argv[i]);
			return 1;
		}
		for (size_t k = 0; k < n && k < 4096; k++)
			run(seed, k);
		mutate_and_run(seed, n, work);
	}
	printf("ok: %s (%d seeds)\n", argv[0], argc - 1);
	return 0;
}
