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
	.flags = RESCORE_KNOB_SHARE,
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
	return &g->line[cpuunits.gauge];
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
static __always_inline __s64 psi_pressure(struct cgroup *cgrp, const bool cast)
{
	struct psi_group *psi = rescore_get(cast, cgrp, psi);
	struct decay decay = {};
	__u64 next, missed;

	if (!psi)
		return 0;
	decay.average = rescore_get(cast, psi, avg[PSI_CPU_SOME * 3]);
	if (!decay.average)
		return 0;
	next = rescore_get(cast, psi, avg_next_update);
	if (rescore_walk > next + PSI_PERIOD) {
		missed = (rescore_walk - next) / PSI_PERIOD;
		bpf_loop(missed < PSI_PERIODS ? missed : PSI_PERIODS, psi_decay,
			 &decay, 0);
	}
	return decay.average * 100 >> PSI_FRACTION;
}

/* User time, in proportion to the ticks, as cpu.stat has it. */
static __noinline __u64 user_time(__u64 all, __u64 utime, __u64 stime)
{
	__u64 ticks = utime + stime;
	int shift;

	/* a product of 64 bits: nanoseconds of years are cut to 32 */
#pragma unroll
	for (shift = 16; shift; shift /= 2)
		if (ticks >> (30 + shift)) {
			ticks >>= shift;
			utime >>= shift;
		}
	if (ticks >> 31) {
		ticks >>= 1;
		utime >>= 1;
	}
	return ticks ? all / ticks * utime + all % ticks * utime / ticks : all;
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

/*
 * Of the machine: the root's set, and how many CPUs are in it; and the set that was
 * looked at last, which many cgroups share.
 */
RESCORE_OWN __u64 root_set, last_set;
RESCORE_OWN __u32 root_cpus, last_cpus;

static __always_inline void processors_begin(struct cgroup *cgrp)
{
	struct cgroup_root *root = BPF_CORE_READ(cgrp, root);
	struct cpuset *set = rescore_css(
		__builtin_preserve_access_index(&root->cgrp),
		bpf_core_enum_value(enum cgroup_subsys_id, cpuset_cgrp_id));

	root_set = (__u64)set;
	root_cpus = cpus_in(set);
	last_set = 0;
}

/* The CPUs of a set that is not the root's. */
static __noinline int count_set(__u64 set)
{
	last_set = set;
	last_cpus = cpus_in((struct cpuset *)set);
	return 0;
}

/* The CPUs that a cgroup is confined to, 0: to none of the machine's. */
static __always_inline __u32 cpus_of(struct cgroup *cgrp, const bool cast)
{
	__u32 id = bpf_core_enum_value(enum cgroup_subsys_id, cpuset_cgrp_id);
	struct cgroup_subsys_state *parent;
	struct cpuset *set = NULL;
	__u64 address;
	int i;

	for (i = 0; i < CPUSET_LEVELS && cgrp; i++) {
		set = rescore_css_of(cgrp, id, cast);
		if (set)
			break;
		parent = rescore_get(cast, cgrp, self.parent);
		cgrp = parent ? rescore_get(cast, parent, cgroup) : NULL;
	}
	address = set ? rescore_number(cast, set) : root_set;
	if (address == root_set)
		return 0;
	if (address != last_set)
		count_set(address);
	return last_cpus < root_cpus ? last_cpus : 0;
}

/* What the scheduler has of a cgroup, in ns; and of its container. */
struct processors {
	__s64 used;
	__u64 utime, stime;	/* by ticks */
	__s64 throttled, throttled_times;
	__s64 pressure;
	__s64 waited;
	__u32 cpus;
};

static __always_inline void
processors_read(struct processors *p, struct cgroup *cgrp, __u32 slot,
		const bool cast)
{
	/* css is its first member */
	struct task_group *group = rescore_css_of(
		cgrp, bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id),
		cast);
	struct rescore_gauge *gauge = waited(slot);

	*p = (struct processors){
		.used = cgrp->bstat.cputime.sum_exec_runtime,
		.utime = cgrp->bstat.cputime.utime,
		.stime = cgrp->bstat.cputime.stime,
		.pressure = psi_pressure(cgrp, cast),
		.waited = gauge ? gauge->own[WAITED_GONE] +
					  gauge->own[WAITED_LIVE] :
				  0,
		.cpus = cpus_of(cgrp, cast),
	};
	if (!group)
		return;
	if (cast)
		group = rescore_cast(task_group, group);
	p->throttled_times = rescore_get(cast, group,
					 cfs_bandwidth.nr_throttled);
	p->throttled = rescore_get(cast, group, cfs_bandwidth.throttled_time);
}

static __always_inline void
processors_rows(const struct rescore_pass *pass, const struct processors *p)
{
	__s64 in_user;

	if (rescore_row_moves(pass, &cpulimit, p->used)) {
		in_user = user_time(p->used, p->utime, p->stime);
		rescore_row_figure(pass, &user, in_user);
		rescore_row_figure(pass, &system, p->used - in_user);
	}
	/* of the container, not of one root */
	rescore_row(pass, &cpuunits, p->waited, 0, 0,
		    RESCORE_RATE | RESCORE_MOST);
	rescore_row(pass, &cpulimit, p->used, 0, p->throttled_times,
		    RESCORE_RATE);
	rescore_row(pass, &cpus, p->cpus, 0, 0, RESCORE_MOST);
	rescore_row_figure(pass, &throttled, p->throttled);
	rescore_row_figure(pass, &pressure, p->pressure);
}

RESCORE_REFRESH(cpulimit, processors);
