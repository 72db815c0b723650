/* SPDX-License-Identifier: GPL-2.0 */
/* The objects that the kernel has, whoever pays for them. For audit.c. */
#ifndef RESCORE_AUDIT_FOUND_H
#define RESCORE_AUDIT_FOUND_H

#include "internal.h"

/*
 * All objects of resource @id that programs of its own list (…__audit_…), those of
 * one network namespace in every namespace that a process is in. Sorted by address,
 * each once; malloc. How many, -ENOENT: it has no such program, or -errno.
 */
ssize_t audit_find(const struct rescore *rs, unsigned int id,
		   struct rescore_found **ret);

/* Is there one at this low @address among the @n that were found? */
bool audit_has(const struct rescore_found *all, size_t n, uint64_t address);

/* Does the kernel still have one of @id there, though nothing lists it? */
bool audit_lives(const struct rescore *rs, unsigned int id, uint64_t address);

#endif /* RESCORE_AUDIT_FOUND_H */
