// SPDX-License-Identifier: GPL-2.0
/*
 * cpuunits, cpulimit, cpus: the container's share, cap and set of processors,
 * enforced by the kernel's own scheduler; and what it used and waited for.
 *
 * Counted     cpulimit: CPU time used (cpu.stat of its cgroups), failcnt = times
 *             throttled. cpuunits: time that its tasks were ready to run and
 *             waited for a CPU, summed over the tasks; while it is throttled, too.
 *             cpus: CPUs it is confined to, 0 if to none of the machine's.
 *             CPU time is what its cgroups used since they were made, waiting
 *             time what its tasks did since they were.
 * Charged     by the scheduler, as it runs; brought into the table by a reading.
 * Who pays    the cgroup that the task is in; its waiting time moves with it, as
 *             long as it lives.
 * Refused     nothing: it runs later.
 * Costs       nothing at a context switch, the kernel keeps these counts anyway.
 *             One hook when a task is made and one when it is reaped, which
 *             return at once for a task that never waited.
 */
#include "delegated.h"

char LICENSE[] SEC("license") = "GPL";

/* Order: share first, so that a set of all three reads from soft to hard. */
RESCORE_RESOURCE(cpuunits) = {
	.name = "cpuunits",
	.unit = RESCORE_COUNT,
	.held_unit = RESCORE_NSEC + 1,
	.peak_unit = RESCORE_PERCENT + 1,
	.flags = RESCORE_DELEGATED | RESCORE_INITIAL,
	.initial = 1000,
	.least = 8,
	.most = 500000,
	.help = "share of a busy CPU; held: time its tasks waited for one",
};

RESCORE_RESOURCE(cpulimit) = {
	.name = "cpulimit",
	.unit = RESCORE_PERCENT,
	.held_unit = RESCORE_NSEC + 1,
	.peak_unit = RESCORE_PERCENT + 1,
	.flags = RESCORE_DELEGATED | RESCORE_ZERO_NONE,
	.help = "CPU time in percent of one CPU; held: CPU time used",
};

RESCORE_RESOURCE(cpus) = {
	.name = "cpus",
	.unit = RESCORE_COUNT,
	.flags = RESCORE_DELEGATED | RESCORE_CHOSEN,
	.least = 1,
	.most = 8192,
	.help = "CPUs that it is confined to",
};

RESCORE_KNOB(cpuunits_weight) = {
	.resource = "cpuunits",
	.file = "cpu.weight",
	.engine = "cpu",
	.unlimited = "100",
	.form = RESCORE_KNOB_WEIGHT,
	.scale = 10,
};

/* No quota may be below the burst, so that goes first and comes back last. */
RESCORE_KNOB(cpulimit_no_burst) = {
	.resource = "cpulimit",
	.file = "cpu.max.burst",
	.engine = "cpu",
	.unlimited = "0",
	.form = RESCORE_KNOB_CLEAR,
};

RESCORE_KNOB(cpulimit_quota) = {
	.resource = "cpulimit",
	.file = "cpu.max",
	.engine = "cpu",
	.unlimited = "max",
	.form = RESCORE_KNOB_QUOTA,
};

RESCORE_KNOB(cpulimit_burst) = {
	.resource = "cpulimit",
	.file = "cpu.max.burst",
	.engine = "cpu",
	.unlimited = "0",
	.form = RESCORE_KNOB_BURST,
	.flags = RESCORE_KNOB_LIMIT,
};

RESCORE_KNOB(cpulimit_used) = {
	.resource = "cpulimit",
	.file = "cpu.stat",
	.key = "usage_usec",
	.form = RESCORE_KNOB_HELD,
	.flags = RESCORE_KNOB_COARSE,
	.scale = 1000,
};

RESCORE_KNOB(cpus_set) = {
	.resource = "cpus",
	.file = "cpuset.cpus",
	.engine = "cpuset",
	.unlimited = "",
	.form = RESCORE_KNOB_CPUS,
};

RESCORE_FIGURE(user) = {
	.name = "user",
	.resource = "cpulimit",
	.unit = RESCORE_NSEC,
	.grows = 1,
	.help = "CPU time in user mode",
};

RESCORE_FIGURE(system) = {
	.name = "system",
	.resource = "cpulimit",
	.unit = RESCORE_NSEC,
	.grows = 1,
	.help = "CPU time in the kernel",
};

RESCORE_FIGURE(throttled) = {
	.name = "throttled",
	.resource = "cpulimit",
	.unit = RESCORE_NSEC,
	.grows = 1,
	.help = "time that its CPUs stood still because of cpulimit",
};

RESCORE_FIGURE(pressure) = {
	.name = "pressure",
	.resource = "cpuunits",
	.unit = RESCORE_PERCENT,
	.scale = 100,
	.help = "time that some task waited for a CPU, average of 10 s (PSI)",
};

/* --- waiting time ----------------------------------------------------------------- */

/* A line's own[]. */
enum { WAITED_GONE = 0, WAITED_LIVE = 1 };

static __always_inline struct rescore_gauge *waited(__u32 slot)
{
	struct rescore_gauges *g = rescore_gauges_of(slot);

	if (!g)
		return NULL;
	return &g->line[cpuunits.id & (RESCORE_RESOURCES_MAX - 1)];
}

static __always_inline void waited_before(__u32 slot, __s64 ns)
{
	struct rescore_gauge *gauge = slot ? waited(slot) : NULL;

	if (gauge)
		__sync_fetch_and_add(&gauge->own[WAITED_GONE], ns);
}

/* What a task waited stays with its container when it is gone. */
SEC("fentry/release_task")
int RESCORE_PROG(cpuunits__reap, struct task_struct *task)
{
	__u64 ns = task->sched_info.run_delay;

	if (ns)
		waited_before(rescore_slot_of(task), ns);
	return 0;
}

/*
 * ...and when it is moved: the new one is to count only what comes, though it
 * sees all of it when it looks at the task. A task just made has not waited.
 */
SEC("fentry/cgroup_move_task")
int RESCORE_PROG(cpuunits__move, struct task_struct *task, struct css_set *to)
{
	__u64 ns = task->sched_info.run_delay;

	if (!ns)
		return 0;
	waited_before(rescore_slot_of(task), ns);
	waited_before(rescore_slot_of_cgroup(to->dfl_cgrp), -ns);
	return 0;
}

static long forget_live(__u32 slot, void *arg)
{
	struct rescore_gauge *gauge = waited(slot);

	if (!gauge)
		return 1;
	gauge->own[WAITED_LIVE] = 0;
	return 0;
}

/* Tasks first, their cgroups after that: librescore keeps this order. */
SEC("iter/task")
int cpuunits__refresh_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct rescore_gauge *gauge;
	__u32 slot;

	if (!rescore_active())
		return 0;
	if (!ctx->meta->seq_num)
		bpf_loop(rescore_meta.nr_slots, forget_live, NULL, 0);
	if (!task)
		return 0;
	slot = rescore_slot_of(task);
	gauge = slot ? waited(slot) : NULL;
	if (gauge)
		gauge->own[WAITED_LIVE] += task->sched_info.run_delay;
	return 0;
}

/* --- the kernel's own counts --------------------------------------------------------- */

#define PSI_FRACTION	11	/* FSHIFT: averages are in 1/2048 percent */
#define PSI_PERIOD	2000000000ULL
#define PSI_DECAY_10S	1677	/* EXP_10s, in 1/2048: what a period leaves */
#define PSI_PERIODS	64	/* 2048 >> that is nothing */

struct decay {
	__u64 average;
};

static long psi_decay(__u32 i, void *arg)
{
	struct decay *decay = arg;

	decay->average = decay->average * PSI_DECAY_10S >> PSI_FRACTION;
	return !decay->average;
}

/*
 * CPU pressure in 1/100 percent. The kernel stops to update an average when the
 * cgroup falls asleep; a reader has to let it fade, as cpu.pressure does.
 */
static __always_inline __s64 psi_pressure(struct cgroup *cgrp)
{
	struct psi_group *psi = BPF_CORE_READ(cgrp, psi);
	struct decay decay = {};
	__u64 next, now = bpf_ktime_get_ns(), missed;

	if (!psi)
		return 0;
	next = BPF_CORE_READ(psi, avg_next_update);
	decay.average = BPF_CORE_READ(psi, avg[PSI_CPU_SOME * 3]);
	if (now > next + PSI_PERIOD) {
		missed = (now - next) / PSI_PERIOD;
		bpf_loop(missed < PSI_PERIODS ? missed : PSI_PERIODS, psi_decay,
			 &decay, 0);
	}
	return decay.average * 100 >> PSI_FRACTION;
}

/* User and system time, in proportion to their ticks, as cpu.stat has them. */
static __always_inline void
gather_modes(struct rescore_gauges *g, __u64 all, __u64 utime, __u64 stime)
{
	__u64 in_user = all, ticks = utime + stime;
	int i;

	/* a product of 64 bits: nanoseconds of years are cut to 32 */
	for (i = 0; i < 32 && ticks >> 31; i++) {
		ticks >>= 1;
		utime >>= 1;
	}
	if (ticks)
		in_user = all / ticks * utime + all % ticks * utime / ticks;
	rescore_gather_figure(g, user.id, in_user);
	rescore_gather_figure(g, system.id, all - in_user);
}

/* --- how many CPUs it may use --------------------------------------------------------- */

#define CPUSET_LEVELS	16	/* up to the nearest cgroup that has a set */
#define MASK_WORDS	128	/* of 64 CPUs */

struct cpu_count {
	__u64 *mask;
	__u32 cpus;	/* that the kernel has room for */
	__u32 n;
};

static long count_word(__u32 i, void *arg)
{
	struct cpu_count *count = arg;
	__u64 word = 0;

	if (i * 64 >= count->cpus)
		return 1;
	bpf_probe_read_kernel(&word, sizeof(word), count->mask + i);
	count->n += __builtin_popcountll(word);
	return 0;
}

static __always_inline __u32 cpus_in(struct cpuset *set)
{
	struct cpu_count count = {};

	if (!set || !rescore_symbol(RESCORE_SYM_NR_CPU_IDS))
		return 0;
	bpf_probe_read_kernel(&count.cpus, sizeof(count.cpus),
			      rescore_symbol(RESCORE_SYM_NR_CPU_IDS));
	count.mask = (__u64 *)BPF_CORE_READ(set, effective_cpus);
	bpf_loop(MASK_WORDS, count_word, &count, 0);
	return count.n;
}

static __always_inline struct cgroup *root_of(struct cgroup *cgrp)
{
	struct cgroup_root *root = BPF_CORE_READ(cgrp, root);

	return __builtin_preserve_access_index(&root->cgrp);
}

/* The CPUs that a cgroup is confined to, 0: to none of the machine's. */
static __always_inline __u32 cpus_of(struct cgroup *cgrp)
{
	__u32 id = bpf_core_enum_value(enum cgroup_subsys_id, cpuset_cgrp_id);
	struct cgroup_subsys_state *parent;
	struct cpuset *set = NULL;
	__u32 all, n;
	int i;

	for (i = 0; i < CPUSET_LEVELS && cgrp; i++) {
		set = rescore_css(cgrp, id);
		if (set)
			break;
		parent = BPF_CORE_READ(cgrp, self.parent);
		cgrp = parent ? BPF_CORE_READ(parent, cgroup) : NULL;
	}
	if (!cgrp)
		return 0;
	n = cpus_in(set);
	all = cpus_in(rescore_css(root_of(cgrp), id));
	return n < all ? n : 0;
}

SEC("iter/cgroup")
int cpulimit__refresh(struct bpf_iter__cgroup *ctx)
{
	struct rescore_gauges *g = rescore_walk_step(ctx);
	struct task_group *group;
	struct rescore_gauge *gauge;
	struct cgroup *cgrp = ctx->cgroup;
	__s64 throttled_times = 0, n;

	if (g && cgrp) {
		group = rescore_css(cgrp,
				    bpf_core_enum_value(enum cgroup_subsys_id,
							cpu_cgrp_id));
		if (group) {
			throttled_times = BPF_CORE_READ(
				group, cfs_bandwidth.nr_throttled);
			rescore_gather_figure(
				g, throttled.id,
				BPF_CORE_READ(group,
					      cfs_bandwidth.throttled_time));
		}
		rescore_gather(g, cpulimit.id,
			       cgrp->bstat.cputime.sum_exec_runtime, 0,
			       throttled_times);
		gather_modes(g, cgrp->bstat.cputime.sum_exec_runtime,
			     cgrp->bstat.cputime.utime,
			     cgrp->bstat.cputime.stime);
		rescore_gather_figure(g, pressure.id, psi_pressure(cgrp));
		/* these are of the container, not of one root: no sums */
		gauge = &g->line[cpuunits.id & (RESCORE_RESOURCES_MAX - 1)];
		gauge->held = gauge->own[WAITED_GONE] + gauge->own[WAITED_LIVE];
		gauge = &g->line[cpus.id & (RESCORE_RESOURCES_MAX - 1)];
		n = cpus_of(cgrp);
		if (n > gauge->held)
			gauge->held = n;
	}
	rescore_walk_end(ctx,
			 1U << cpuunits.id | 1U << cpulimit.id | 1U << cpus.id,
			 1U << cpuunits.id | 1U << cpulimit.id,
			 1U << user.id | 1U << system.id | 1U << throttled.id |
				 1U << pressure.id);
	return 0;
}
