/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/base/resident.h"

#define PAGES 8u

static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/* Pages of our own address space that are mapped at this moment (/proc/self/pagemap, bit 63). */
static unsigned present(const void *at, unsigned n)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry[PAGES];
	unsigned count = 0;

	assert_true(fd >= 0 && n <= PAGES);
	assert_int_equal(pread(fd, entry, n * sizeof(entry[0]),
			       (off_t)((uintptr_t)at / page_bytes() * sizeof(entry[0]))),
			 (ssize_t)(n * sizeof(entry[0])));
	close(fd);
	for (unsigned i = 0; i < n; i++)
		count += (entry[i] >> 63) != 0;
	return count;
}

/* Only whole pages go; what shares one with the buffer's ends stays as it is. */
static void forgetting(void **unused)
{
	const size_t page = page_bytes();
	uint8_t *p = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	(void)unused;
	assert_ptr_not_equal(p, MAP_FAILED);
	memset(p, 7, PAGES * page);
	assert_int_equal(present(p, PAGES), PAGES);
	resident_forget(p + 1, 2 * page - 2); /* ends within the second page: no whole one */
	resident_forget(p + page, 0);
	assert_int_equal(present(p, PAGES), PAGES);
	resident_forget(p + 1, 3 * page); /* the second and the third */
	assert_int_equal(present(p, PAGES), PAGES - 2);
	assert_int_equal(p[0], 7);
	assert_int_equal(p[page - 1], 7);
	assert_int_equal(p[3 * page], 7);
	p[page] = 9; /* comes back */
	assert_int_equal(present(p, PAGES), PAGES - 1);
	munmap(p, PAGES * page);
}

/* Larger than what the kernel maps around a page that is read. */
static const uint8_t table[512u << 10] = { [256u << 10] = 5 };
static int variable = 41;

/* What is as in the file goes and comes back; what was written stays. */
static void trimming(void **unused)
{
	const volatile uint8_t *middle = table + (256u << 10);
	char *heap = strdup("on the heap");

	(void)unused;
	assert_non_null(heap);
	variable++;
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(*middle, 5);
		assert_int_equal(present((const void *)middle, 1), 1);
		resident_trim();
		assert_int_equal(present((const void *)middle, 1), 0);
	}
	assert_int_equal(variable, 42);
	assert_string_equal(heap, "on the heap");
	free(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forgetting),
		cmocka_unit_test(trimming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
