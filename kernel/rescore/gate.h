/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gate: above the barrier of the row that has RESCORE_GATE (kernel memory),
 * rows that count things take no more. Kernel memory is charged by the kernel
 * and can be refused nowhere else, so its own count is read at the charge: what
 * was brought together at the last flush (the kernel does that every two seconds),
 * plus what all CPUs have counted since for the cgroups from the running task's up
 * to the container's root. What other cgroups of the container took in the last
 * two seconds is missed.
 *
 * To read it takes thousands of instructions, and more with every CPU. So where much
 * is left below the barrier, it is not read again for as many charges as could fit, nor
 * for RESCORE_GATE_TICKS. How long those are makes no difference to what the charges
 * can take meanwhile. It is how late they hear of what is not asked about: buffers,
 * tables of pages.
 */
#ifndef RESCORE_GATE_H
#define RESCORE_GATE_H

#include "charge.h"
#include "container.h"
#include "memcg.h"

#define RESCORE_GATE_LEVELS	16	/* cgroups whose latest counts are read */
#define RESCORE_GATE_CPUS	8192

struct rescore_pending {
	struct memcg_vmstats_percpu *percpu;
	__u32 cpus;
	__u32 at;	/* offset of the statistic */
	__s64 sum;
};

static long rescore_pending_step(__u32 cpu, void *arg)
{
	struct rescore_pending *p = arg;
	struct memcg_vmstats_percpu *mine;
	__s64 now = 0, flushed = 0;
	__u64 offset = 0;

	if (cpu >= p->cpus)
		return 1;
	bpf_probe_read_kernel(&offset, sizeof(offset),
			      rescore_symbol(RESCORE_SYM_PER_CPU_OFFSET) +
				      cpu * sizeof(offset));
	mine = (void *)p->percpu + offset;
	bpf_probe_read_kernel(
		&now, sizeof(now),
		(char *)__builtin_preserve_access_index(&mine->state) + p->at);
	bpf_probe_read_kernel(
		&flushed, sizeof(flushed),
		(char *)__builtin_preserve_access_index(&mine->state_prev) +
			p->at);
	p->sum += now - flushed;
	return 0;
}

/* Pages that all CPUs have counted for @memcg since the last flush. */
RESCORE_FUNCTION __s64 rescore_pending_pages(__u64 memcg)
{
	struct rescore_pending p = {};

	p.percpu = BPF_CORE_READ((struct mem_cgroup *)memcg, vmstats_percpu);
	p.at = rescore_stat_index(
		       bpf_core_enum_value(enum memcg_stat_item, MEMCG_KMEM)) *
	       sizeof(long);
	bpf_probe_read_kernel(&p.cpus, sizeof(p.cpus),
			      rescore_symbol(RESCORE_SYM_NR_CPU_IDS));
	bpf_loop(RESCORE_GATE_CPUS, rescore_pending_step, &p, 0);
	return p.sum;
}

/* Slot of the container that the cgroup is in, itself and not by those above it. */
RESCORE_FUNCTION __u32 rescore_slot_at(__u64 cgrp)
{
	return rescore_member(BPF_CORE_READ((struct cgroup *)cgrp, kn, id));
}

struct rescore_ascent {
	__u64 cgrp;		/* its address */
	__u32 slot;
	__u32 level;
	bool inside;	/* has come to the container @slot */
	bool found;	/* ...and to its root */
	__s64 pages;
};

static long rescore_ascent_step(__u32 i, void *arg)
{
	struct rescore_ascent *a = arg;
	struct cgroup *cgrp = (void *)a->cgrp;
	struct mem_cgroup *memcg = rescore_memcg(cgrp);
	struct cgroup_subsys_state *parent;
	__u64 above;

	if (!a->inside)
		a->inside = rescore_slot_at(a->cgrp) == a->slot;
	if (memcg && a->level++ < RESCORE_GATE_LEVELS)
		a->pages += rescore_pending_pages((__u64)memcg);
	parent = BPF_CORE_READ(cgrp, self.parent);
	above = parent ? (__u64)BPF_CORE_READ(parent, cgroup) : 0;
	if (above && (!a->inside || rescore_slot_at(above) == a->slot)) {
		a->cgrp = above;
		return 0;
	}
	a->found = a->inside;
	if (memcg)
		a->pages += rescore_memcg_stat(memcg, memcg_stat_item,
					       MEMCG_KMEM);
	return 1;
}

/*
 * Bytes of kernel memory that container @slot holds: the running task's, or one
 * above it. 0: it is neither (a connection that arrives), nothing is known.
 */
static __always_inline __s64 rescore_kernel_memory(__u32 slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rescore_ascent a = {
		.cgrp = rescore_address(task->cgroups->dfl_cgrp),
		.slot = slot,
	};

	if (!rescore_symbol(RESCORE_SYM_NR_CPU_IDS) ||
	    !rescore_symbol(RESCORE_SYM_PER_CPU_OFFSET))
		return 0;
	bpf_loop(RESCORE_DEPTH_MAX, rescore_ascent_step, &a, 0);
	return a.found ? a.pages * 4096 : 0;
}

/* Is @slot itself above its barrier? Counted and reported, if so. */
RESCORE_FUNCTION int rescore_gate_level(__u32 slot, __u32 id)
{
	struct rescore_row *row = bpf_map_lookup_elem(&table, &slot);
	struct rescore_line *line;
	__u64 tick = bpf_jiffies64();
	struct rescore_report report = {
		.slot = slot,
		.resource = id,
		.severity = RESCORE_HARD,
		.kind = RESCORE_EV_REFUSED,
	};

	if (!row || rescore_gate_is_far(row))
		return 0;
	line = &row->line[id & (RESCORE_RESOURCES_MAX - 1)];
	report.bound = READ_ONCE(line->barrier);
	report.held = rescore_kernel_memory(slot);
	if (report.held <= report.bound) {
		rescore_gate_note(row, line, tick, report.bound,
				  report.bound - report.held);
		return 0;
	}
	rescore_gate_forget(row);
	if (rescore_is_admin())
		return 0;
	if (READ_ONCE(line->flags) & RESCORE_OBSERVE)
		report.kind = RESCORE_EV_OBSERVED;
	rescore_fail(line, &report);
	return report.kind == RESCORE_EV_REFUSED;
}

/* Is the container to take nothing more, by its own barrier or one above it? */
RESCORE_FUNCTION int rescore_gate_shut(__u32 slot)
{
	__u32 id = rescore_meta.gate - 1;
	struct rescore_line *line;
	int i;

	if (!rescore_meta.gate)
		return 0;
#pragma unroll
	for (i = 0; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, id) : NULL;
		if (!line)
			break;
		if (READ_ONCE(line->barrier) != RESCORE_UNLIMITED &&
		    rescore_gate_level(slot, id))
			return 1;
		slot = READ_ONCE(line->parent);
	}
	return 0;
}

#endif /* RESCORE_GATE_H */
