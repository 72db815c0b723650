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

static __always_inline __s64 event_of(struct mem_cgroup *memcg, __u32 event)
{
	__s64 value = 0;

	bpf_probe_read_kernel(
		&value, sizeof(value),
		(char *)__builtin_preserve_access_index(&memcg->memory_events) +
			event * sizeof(value));
	return value;
}

#define memcg_event(memcg, event) \
	event_of(memcg, bpf_core_enum_value(enum memcg_memory_event, event))

static __always_inline void
gather(struct rescore_gauges *g, struct mem_cgroup *memcg)
{
	__s64 used = BPF_CORE_READ(memcg, memory.usage.counter);
	__s64 swap = BPF_CORE_READ(memcg, swap.usage.counter);
	__s64 low = BPF_CORE_READ(memcg, memory.low);
	__s64 kills = memcg_event(memcg, MEMCG_OOM_KILL);

	rescore_gather(g, physpages.id, used,
		       BPF_CORE_READ(memcg, memory.watermark),
		       memcg_event(memcg, MEMCG_MAX));
	rescore_gather(g, swappages.id, swap,
		       BPF_CORE_READ(memcg, swap.watermark),
		       memcg_event(memcg, MEMCG_SWAP_MAX));
	rescore_gather(
		g, kmemsize.id,
		rescore_memcg_stat(memcg, memcg_stat_item, MEMCG_KMEM) * 4096,
		0, 0);
	rescore_gather(g, dcachesize.id,
		       rescore_memcg_stat(memcg, node_stat_item,
					  NR_SLAB_RECLAIMABLE_B),
		       0, 0);
	rescore_gather(g, vmguarpages.id, used < low ? used : low, 0, 0);
	rescore_gather(
		g, oomguarpages.id,
		rescore_memcg_stat(memcg, node_stat_item, NR_ANON_MAPPED) +
			swap,
		0, kills);
	rescore_gather_figure(g, high.id, memcg_event(memcg, MEMCG_HIGH));
	rescore_gather_figure(g, oom.id, memcg_event(memcg, MEMCG_OOM));
	rescore_gather_figure(g, oom_kill.id, kills);
}

SEC("iter/cgroup")
int physpages__refresh(struct bpf_iter__cgroup *ctx)
{
	const __u32 lines = 1U << physpages.id | 1U << swappages.id |
			    1U << kmemsize.id | 1U << dcachesize.id |
			    1U << vmguarpages.id | 1U << oomguarpages.id;
	struct rescore_gauges *g = rescore_walk_step(ctx);
	struct cgroup *cgrp = ctx->cgroup;
	struct mem_cgroup *memcg;

	if (g && cgrp) {
		memcg = rescore_memcg(cgrp);
		if (memcg)
			gather(g, memcg);
		else
			rescore_gather_unknown(g, lines);
	}
	rescore_walk_end(ctx, lines, 0,
			 1U << high.id | 1U << oom.id | 1U << oom_kill.id);
	return 0;
}
