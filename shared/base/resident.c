/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shared/base/resident.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Its text was changed when it was loaded: the file does not have what memory has. */
static bool has_text_relocations(const struct dl_phdr_info *object, const ElfW(Phdr) * dynamic)
{
	const ElfW(Dyn) *d = (const void *)(object->dlpi_addr + dynamic->p_vaddr);

	for (; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_TEXTREL ||
		    (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL)))
			return true;
	return false;
}

/*
 * What nobody may write is as it is in the file: the kernel can read it again. Backwards, since the
 * table that is read here is itself in the first segment.
 */
static int release_object(struct dl_phdr_info *object, size_t size, void *arg)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	for (unsigned i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_DYNAMIC &&
		    has_text_relocations(object, &object->dlpi_phdr[i]))
			return 0;
	for (unsigned i = object->dlpi_phnum; i-- > 0;) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		const uintptr_t from = (object->dlpi_addr + p->p_vaddr) & ~(page - 1);
		const uintptr_t to = object->dlpi_addr + p->p_vaddr + p->p_memsz;

		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void resident_forget(void *p, size_t n)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t from = ((uintptr_t)p + page - 1) & ~(page - 1);
	const uintptr_t to = ((uintptr_t)p + n) & ~(page - 1);

	if (from < to)
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
}

void resident_trim(void)
{
	malloc_trim(0);
	dl_iterate_phdr(release_object, NULL);
}
