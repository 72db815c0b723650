/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Delegated rows: the kernel's own engine counts and enforces, and a reading
 * brings its figures into the table. A controller has a program
 * <resource>__refresh on iter/cgroup, which librescore runs over all cgroups
 * (rescore_refresh()) or over those of one container:
 *
 *	struct rescore_gauges *g = rescore_walk_step(ctx);
 *
 *	if (g)
 *		rescore_gather(g, physpages.id, held, mark, count);
 *	rescore_walk_end(ctx, 1 << physpages.id, 0, 0);
 *
 * A container may have several roots, so figures are summed up during the walk
 * and shown when it ends: nobody sees half a sum. Readings exclude one another
 * by a lock that librescore takes.
 */
#ifndef RESCORE_DELEGATED_H
#define RESCORE_DELEGATED_H

#include "rescore.h"

#define RESCORE_KNOB(name) \
	const volatile struct rescore_knob name SEC(".rodata.knobs")
#define RESCORE_FIGURE(name) \
	const volatile struct rescore_figure name SEC(".rodata.figures")

/* The shortest time that a rate is taken over. */
#define RESCORE_RATE_NS		1000000000ULL

/* The walk in progress. */
static __u64 rescore_walk;	/* 0: none */
static bool rescore_walk_whole;	/* all cgroups are walked */

static __always_inline struct rescore_gauges *rescore_gauges_of(__u32 slot)
{
	return bpf_map_lookup_elem(&gauges, &slot);
}

/*
 * The container that this cgroup is a root of, 0: of none. What is below a root
 * is in the root's own figures.
 */
static __always_inline __u32 rescore_root_of(struct cgroup *cgrp)
{
	struct cgroup_subsys_state *parent = cgrp->self.parent;
	__u32 slot = rescore_slot_of_cgroup(cgrp);

	if (!slot || !parent || rescore_slot_of_cgroup(parent->cgroup) == slot)
		return 0;
	return slot;
}

/* The sums to add this cgroup's figures to, or NULL: it is nobody's root. */
static __always_inline struct rescore_gauges *
rescore_walk_step(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgrp = ctx->cgroup;
	struct rescore_container *container;
	struct rescore_gauges *g;
	__u32 slot, i;

	if (!cgrp)
		return NULL;
	if (!ctx->meta->seq_num) {
		rescore_walk = bpf_ktime_get_ns();
		rescore_walk_whole = !cgrp->self.parent;
	}
	slot = rescore_root_of(cgrp);
	container = bpf_map_lookup_elem(&containers, &slot);
	g = rescore_gauges_of(slot);
	if (!slot || !container || !g)
		return NULL;
	if (g->walk == rescore_walk && g->serial == container->serial)
		return g;

	g->walk = rescore_walk;
	g->unknown = 0;
	g->serial = container->serial;
	for (i = 0; i < RESCORE_FIGURES_MAX; i++)
		g->sum[i] = 0;
	for (i = 0; i < RESCORE_RESOURCES_MAX; i++) {
		g->line[i].held = 0;
		g->line[i].mark = 0;
		g->line[i].count = 0;
	}
	return g;
}

static __always_inline void rescore_gather(struct rescore_gauges *g, __u32 id,
					   __s64 held, __s64 mark, __s64 count)
{
	struct rescore_gauge *gauge =
		&g->line[id & (RESCORE_RESOURCES_MAX - 1)];

	gauge->held += held;
	gauge->mark += mark;
	gauge->count += count;
}

static __always_inline void
rescore_gather_figure(struct rescore_gauges *g, __u32 id, __s64 value)
{
	g->sum[id & (RESCORE_FIGURES_MAX - 1)] += value;
}

/* The highest rate of held, in percent (of a second's nanoseconds). */
static __always_inline void
rescore_show_rate(struct rescore_line *line, struct rescore_gauge *gauge)
{
	__u64 ns = rescore_walk - gauge->last_ns;
	__s64 used = gauge->held - gauge->last_mark;

	if (gauge->last_ns && ns < RESCORE_RATE_NS)
		return;
	if (gauge->last_ns && used > 0)
		rescore_watermark(line, ((__u64)used + ns / 200) / (ns / 100));
	gauge->last_ns = rescore_walk;
	gauge->last_mark = gauge->held;
}

static __always_inline void
rescore_show_mark(struct rescore_line *line, struct rescore_gauge *gauge,
		  bool primed)
{
	/* the kernel's peak counts only where it is new: it has no reset */
	if (primed && gauge->mark > gauge->last_mark)
		rescore_watermark(line, gauge->mark);
	gauge->last_mark = gauge->mark;
	rescore_watermark(line, gauge->held);
}

/* The engine that counts @lines is not enabled for one of its roots. */
static __always_inline void
rescore_gather_unknown(struct rescore_gauges *g, __u32 lines)
{
	g->unknown |= lines;
}

struct rescore_show {
	__u32 lines;	/* bits: ids to show */
	__u32 rates;	/* of these maxheld is the rate of held */
	__u32 figures;
};

static __always_inline void
rescore_show_line(struct rescore_gauges *g, __u32 slot, __u32 id, bool rate)
{
	struct rescore_gauge *gauge =
		&g->line[id & (RESCORE_RESOURCES_MAX - 1)];
	struct rescore_line *line = rescore_line(slot, id);
	bool primed = g->primed == g->serial;

	if (!line)
		return;
	if (g->unknown & 1U << id)
		__sync_fetch_and_or(&line->flags, RESCORE_UNCOUNTED);
	else if (READ_ONCE(line->flags) & RESCORE_UNCOUNTED)
		__sync_fetch_and_and(&line->flags, ~RESCORE_UNCOUNTED);
	WRITE_ONCE(line->held, gauge->held);
	if (rate)
		rescore_show_rate(line, gauge);
	else
		rescore_show_mark(line, gauge, primed);
	if (primed && gauge->count > gauge->last_count)
		__sync_fetch_and_add(&line->failcnt,
				     gauge->count - gauge->last_count);
	gauge->last_count = gauge->count;
}

/* The cgroups of a live container are gone: nothing is held any more. */
static __always_inline void rescore_show_gone(__u32 slot, __u32 lines)
{
	struct rescore_line *line;
	__u32 id;

	for (id = 0; id < RESCORE_RESOURCES_MAX; id++) {
		line = rescore_line(slot, id);
		if (line && lines & 1U << id)
			WRITE_ONCE(line->held, 0);
	}
}

static long rescore_show_slot(__u32 slot, void *arg)
{
	struct rescore_container *container;
	struct rescore_show *show = arg;
	struct rescore_gauges *g;
	__u32 id;

	container = bpf_map_lookup_elem(&containers, &slot);
	g = rescore_gauges_of(slot);
	if (!container || !g)
		return 1;
	if (container->state != RESCORE_LIVE)
		return 0;
	if (g->walk != rescore_walk || g->serial != container->serial) {
		if (rescore_walk_whole)
			rescore_show_gone(slot, show->lines & ~show->rates);
		return 0;
	}
	for (id = 0; id < RESCORE_RESOURCES_MAX; id++)
		if (show->lines & 1U << id)
			rescore_show_line(g, slot, id, show->rates & 1U << id);
	for (id = 0; id < RESCORE_FIGURES_MAX; id++)
		if (show->figures & 1U << id)
			WRITE_ONCE(g->figure[id], g->sum[id]);
	return 0;
}

/* To be called at every step; does something at the last. */
static __always_inline void
rescore_walk_end(struct bpf_iter__cgroup *ctx, __u32 lines, __u32 rates,
		 __u32 figures)
{
	struct rescore_show show = { lines, rates, figures };

	if (ctx->cgroup || !rescore_walk)
		return;
	bpf_loop(rescore_meta.nr_slots, rescore_show_slot, &show, 0);
	rescore_walk = 0;
}

#endif /* RESCORE_DELEGATED_H */
