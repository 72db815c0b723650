// SPDX-License-Identifier: GPL-2.0
/*
 * physpages, swappages, kmemsize, dcachesize, vmguarpages, oomguarpages: memory
 * that the kernel's memory cgroup counts and keeps within bounds.
 *
 * Counted     physpages: RAM in use, page cache and kernel memory included
 *             (memory.current); failcnt = times it reached the limit. swappages:
 *             swap in use; failcnt = times the limit stopped it. kmemsize: memory
 *             of the kernel for the container ("kernel" in memory.stat).
 *             dcachesize: of that, cached names and inodes ("slab_reclaimable").
 *             vmguarpages: RAM in use, as far as it is guaranteed. oomguarpages:
 *             anonymous memory and swap; failcnt = processes that were killed for
 *             want of memory.
 * Charged     by the kernel; brought into the table by a reading. maxheld of
 *             physpages and swappages is the kernel's own peak; of the others the
 *             highest that was read.
 * Who pays    the cgroup that touched the page first, until it is freed.
 * Refused     above physpages' barrier memory is reclaimed and the container
 *             slowed down; at the limit a process of it is killed. Above kmemsize's
 *             barrier the rows that count things (processes, files, sockets,
 *             locks) take no more, with their own errno.
 * Costs       no hook; the memory controller is the kernel's (memory.*). With
 *             a barrier of kmemsize the kernel's count is read at each charge of
 *             those rows, in the container only.
 */
#include "delegated.h"

char LICENSE[] SEC("license") = "GPL";

RESCORE_RESOURCE(physpages) = {
	.name = "physpages",
	.unit = RESCORE_PAGES,
	.flags = RESCORE_DELEGATED,
	.ubc_index = 7,
	.help = "RAM, with page cache and kernel memory",
};

RESCORE_RESOURCE(swappages) = {
	.name = "swappages",
	.unit = RESCORE_PAGES,
	.flags = RESCORE_DELEGATED,
	.help = "swap space",
};

RESCORE_RESOURCE(kmemsize) = {
	.name = "kmemsize",
	.unit = RESCORE_BYTES,
	.flags = RESCORE_DELEGATED | RESCORE_GATE,
	.ubc_index = 1,
	.help = "memory of the kernel: tasks, files, sockets, page tables, caches",
};

RESCORE_RESOURCE(dcachesize) = {
	.name = "dcachesize",
	.unit = RESCORE_BYTES,
	.flags = RESCORE_DELEGATED,
	.ubc_index = 19,
	.help = "kernel memory of cached names and inodes",
};

RESCORE_RESOURCE(vmguarpages) = {
	.name = "vmguarpages",
	.unit = RESCORE_PAGES,
	.flags = RESCORE_DELEGATED | RESCORE_INITIAL | RESCORE_GUARANTEE,
	.ubc_index = 8,
	.help = "RAM that others' need does not take (memory.low)",
};

RESCORE_RESOURCE(oomguarpages) = {
	.name = "oomguarpages",
	.unit = RESCORE_PAGES,
	.flags = RESCORE_DELEGATED | RESCORE_INITIAL | RESCORE_GUARANTEE,
	.ubc_index = 9,
	.help = "RAM that is never taken (memory.min); failcnt: processes killed",
};

/* UBC's 0:256M, of VSwap, means no barrier. */
RESCORE_KNOB(physpages_high) = {
	.resource = "physpages",
	.file = "memory.high",
	.engine = "memory",
	.unlimited = "max",
	.flags = RESCORE_KNOB_ZERO_NONE | RESCORE_KNOB_COUNTS,
	.scale = 4096,
};

RESCORE_KNOB(physpages_max) = {
	.resource = "physpages",
	.file = "memory.max",
	.engine = "memory",
	.unlimited = "max",
	.flags = RESCORE_KNOB_LIMIT | RESCORE_KNOB_COUNTS,
	.scale = 4096,
};

RESCORE_KNOB(swappages_max) = {
	.resource = "swappages",
	.file = "memory.swap.max",
	.engine = "memory",
	.unlimited = "max",
	.flags = RESCORE_KNOB_LIMIT | RESCORE_KNOB_COUNTS,
	.scale = 4096,
};

RESCORE_KNOB(kmemsize_count) = {
	.resource = "kmemsize",
	.file = "memory.current",
	.engine = "memory",
	.form = RESCORE_KNOB_ENGINE,
};

RESCORE_KNOB(vmguarpages_low) = {
	.resource = "vmguarpages",
	.file = "memory.low",
	.engine = "memory",
	.unlimited = "max",
	.scale = 4096,
};

RESCORE_KNOB(oomguarpages_min) = {
	.resource = "oomguarpages",
	.file = "memory.min",
	.engine = "memory",
	.unlimited = "max",
	.scale = 4096,
};

/* What the kernel itself says of them. */
#define HELD(res, name, line, size)			\
	RESCORE_KNOB(res##_held) = {			\
		.resource = #res,			\
		.file = name,				\
		.key = line,				\
		.form = RESCORE_KNOB_HELD,		\
		.scale = size,				\
	}

HELD(physpages, "memory.current", "", 4096);
HELD(swappages, "memory.swap.current", "", 4096);
HELD(kmemsize, "memory.stat", "kernel", 1);
HELD(dcachesize, "memory.stat", "slab_reclaimable", 1);

#define FIGURE(id, row, phrase)		\
	RESCORE_FIGURE(id) = {		\
		.name = #id,		\
		.resource = row,	\
		.unit = RESCORE_COUNT,	\
		.grows = 1,		\
		.help = phrase,		\
	}

FIGURE(high, "physpages", "times it was above the barrier and slowed down");
FIGURE(oom, "physpages", "times no memory could be found for it");
FIGURE(oom_kill, "oomguarpages", "processes killed for want of memory");

/* Where the statistics stand in memcg_vmstats.state: bytes. */
RESCORE_OWN __u32 kernel_at, slab_at, anon_at;

#define stat_at(type, item) \
	(rescore_stat_index(bpf_core_enum_value(enum type, item)) * sizeof(long))

static __always_inline void memory_begin(struct cgroup *cgrp)
{
	kernel_at = stat_at(memcg_stat_item, MEMCG_KMEM);
	slab_at = stat_at(node_stat_item, NR_SLAB_RECLAIMABLE_B);
	anon_at = stat_at(node_stat_item, NR_ANON_MAPPED);
}

/* A statistic, as of the last flush, with all cgroups below. */
static __always_inline __s64 stat_of(__u64 stats, __u32 at, const bool cast)
{
	__s64 value = 0;

	if (cast)
		value = rescore_word_at(stats + at);
	else
		bpf_probe_read_kernel(&value, sizeof(value),
				      (void *)(stats + at));
	return value > 0 ? value : 0;
}

static __always_inline __s64 event_of(struct mem_cgroup *memcg, __u64 event,
				      const bool cast)
{
	void *at =
		(char *)__builtin_preserve_access_index(&memcg->memory_events) +
		event * sizeof(__s64);
	__s64 value = 0;

	if (cast)
		return *(__s64 *)at;
	bpf_probe_read_kernel(&value, sizeof(value), at);
	return value;
}

#define memcg_event(event) \
	event_of(memcg, bpf_core_enum_value(enum memcg_memory_event, event), \
		 cast)

/* What the memory controller has of a cgroup: pages, bytes of slab, events. */
struct memory {
	bool known;
	__s64 used, used_mark, low;
	__s64 swap, swap_mark;
	__s64 kernel, slab, anon;
	__s64 high, max, swap_max, oom, kills;
};

static __always_inline void
read_counters(struct memory *m, struct mem_cgroup *memcg, const bool cast)
{
	m->used = rescore_get(cast, memcg, memory.usage.counter);
	m->used_mark = rescore_get(cast, memcg, memory.watermark);
	m->low = rescore_get(cast, memcg, memory.low);
	m->swap = rescore_get(cast, memcg, swap.usage.counter);
	m->swap_mark = rescore_get(cast, memcg, swap.watermark);
	m->high = memcg_event(MEMCG_HIGH);
	m->max = memcg_event(MEMCG_MAX);
	m->swap_max = memcg_event(MEMCG_SWAP_MAX);
	m->oom = memcg_event(MEMCG_OOM);
	m->kills = memcg_event(MEMCG_OOM_KILL);
}

static __always_inline void
memory_read(struct memory *m, struct cgroup *cgrp, __u32 slot, const bool cast)
{
	/* css is its first member */
	struct mem_cgroup *memcg = rescore_css_of(
		cgrp,
		bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id),
		cast);
	__u64 stats;

	*m = (struct memory){ .known = memcg };
	if (!memcg)
		return;
	if (cast)
		memcg = rescore_cast(mem_cgroup, memcg);
	read_counters(m, memcg, cast);
	stats = rescore_number(cast, rescore_get(cast, memcg, vmstats)) +
		bpf_core_field_offset(struct memcg_vmstats, state);
	m->kernel = stat_of(stats, kernel_at, cast);
	m->slab = stat_of(stats, slab_at, cast);
	m->anon = stat_of(stats, anon_at, cast);
}

static __always_inline void
memory_rows(const struct rescore_pass *pass, const struct memory *m)
{
	rescore_row_known(pass,
			  1U << physpages.id | 1U << swappages.id |
				  1U << kmemsize.id | 1U << dcachesize.id |
				  1U << vmguarpages.id | 1U << oomguarpages.id,
			  m->known);
	rescore_row(pass, &physpages, m->used, m->used_mark, m->max, 0);
	rescore_row(pass, &swappages, m->swap, m->swap_mark, m->swap_max, 0);
	rescore_row(pass, &kmemsize, m->kernel * 4096, 0, 0, 0);
	rescore_row(pass, &dcachesize, m->slab, 0, 0, 0);
	rescore_row(pass, &vmguarpages, m->used < m->low ? m->used : m->low, 0,
		    0, 0);
	rescore_row(pass, &oomguarpages, m->anon + m->swap, 0, m->kills, 0);
	rescore_row_figure(pass, &high, m->high);
	rescore_row_figure(pass, &oom, m->oom);
	rescore_row_figure(pass, &oom_kill, m->kills);
}

RESCORE_REFRESH(physpages, memory);
