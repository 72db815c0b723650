/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's statistics of a memory cgroup, and of one subsystem of a cgroup. */
#ifndef RESCORE_MEMCG_H
#define RESCORE_MEMCG_H

#include "bpf.h"

/* Subsystem @id of a cgroup, or NULL: not enabled there. */
static __always_inline void *rescore_css(struct cgroup *cgrp, __u32 id)
{
	void *css = NULL;

	bpf_probe_read_kernel(
		&css, sizeof(css),
		(void *)__builtin_preserve_access_index(&cgrp->subsys) +
			id * sizeof(css));
	return css;
}

static __always_inline struct mem_cgroup *rescore_memcg(struct cgroup *cgrp)
{
	/* css is its first member */
	return rescore_css(cgrp, bpf_core_enum_value(enum cgroup_subsys_id,
						     memory_cgrp_id));
}

/*
 * Where a statistic stands in memcg_vmstats.state: kernels that keep only those
 * that a cgroup has need this table of theirs; others have it at its own number.
 */
static __always_inline __u32 rescore_stat_index(__u32 item)
{
	const char *table = rescore_symbol(RESCORE_SYM_MEMCG_STATS_INDEX);
	__s8 index = item;

	if (table)
		bpf_probe_read_kernel(&index, sizeof(index), table + item);
	return (__u8)index;
}

/* As of the last flush, with all cgroups below. */
static __always_inline __s64 rescore_stat_of(struct mem_cgroup *memcg,
					     __u32 item)
{
	struct memcg_vmstats *stats = BPF_CORE_READ(memcg, vmstats);
	void *state = __builtin_preserve_access_index(&stats->state);
	__s64 value = 0;

	bpf_probe_read_kernel(
		&value, sizeof(value),
		(char *)state + rescore_stat_index(item) * sizeof(long));
	return value > 0 ? value : 0;
}

#define rescore_memcg_stat(memcg, type, item) \
	rescore_stat_of(memcg, bpf_core_enum_value(enum type, item))

/* --- without a helper's call for each word ------------------------------------ */

/*
 * Kernels since 6.2 read what is behind any address like what they know the type
 * of, in a few instructions; nothing there faults. A program that calls this has a
 * name that keeps it from older kernels.
 */
extern void *bpf_rdonly_cast(const void *address, __u32 type) __ksym __weak;

#define rescore_cast(type, address)				\
	((struct type *)bpf_rdonly_cast((const void *)(address), \
					bpf_core_type_id_kernel(struct type)))

/* @pointer->@field: after a rescore_cast(), or (@cast is false) on any kernel. */
#define rescore_get(cast, pointer, field)			\
	((cast) ? (pointer)->field : BPF_CORE_READ(pointer, field))

/* A pointer so read as a number; without a cast it is none but to the compiler. */
#define rescore_number(cast, pointer)				\
	((cast) ? rescore_address(pointer) : (__u64)(pointer))

/* The word at an address: any type that begins with one will do. */
static __always_inline __s64 rescore_word_at(__u64 address)
{
	return rescore_cast(timespec64, address)->tv_sec;
}

/* rescore_css() */
static __always_inline void *
rescore_css_of(struct cgroup *cgrp, __u64 id, const bool cast)
{
	if (!cast)
		return rescore_css(cgrp, id);
	return *(void **)((void *)__builtin_preserve_access_index(
				  &cgrp->subsys) +
			  id * sizeof(void *));
}

#endif /* RESCORE_MEMCG_H */
