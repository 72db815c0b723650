/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Delegated rows: the kernel's own engine counts and enforces, and a reading
 * brings its figures into the table (rescore_refresh()). A controller says what a
 * cgroup has, and which rows and figures that is:
 *
 *	static void memory_begin(struct cgroup *any);
 *	static void memory_read(struct memory *ret, struct cgroup *cgrp,
 *				__u32 slot, const bool cast);
 *	static void memory_rows(const struct rescore_pass *pass,
 *				const struct memory *m)
 *	{
 *		rescore_row(pass, &physpages, m->used, m->mark, m->max, 0);
 *		rescore_row_figure(pass, &oom, m->oom);
 *	}
 *	RESCORE_REFRESH(physpages, memory);
 *
 * which makes two programs on iter/cgroup. One looks up the roots of each
 * container, whatever there is beside and below them; kernels before 6.3 cannot do
 * that, and there the other walks over all cgroups. Both run under cgroup_mutex.
 *
 * What has one root, as most have, is shown as it is read, and of that only what
 * has changed. If it has several, all are summed up first. Readings exclude one
 * another by a lock that librescore takes.
 */
#ifndef RESCORE_DELEGATED_H
#define RESCORE_DELEGATED_H

#include "rescore.h"
#include "memcg.h"

#define RESCORE_KNOB(name) \
	const volatile struct rescore_knob name SEC(".rodata.knobs")
#define RESCORE_FIGURE(name) \
	const volatile struct rescore_figure name SEC(".rodata.figures")

#define RESCORE_CSS_ONLINE	2	/* linux/cgroup-defs.h */

/* The shortest time that a rate is taken over. */
#define RESCORE_RATE_NS		1000000000ULL

/* The reading in progress. */
RESCORE_OWN __u64 rescore_walk;	/* when it began; 0: none */
RESCORE_OWN bool rescore_walk_whole;	/* all cgroups are read */

static __always_inline struct rescore_gauges *rescore_gauges_of(__u32 slot)
{
	return bpf_map_lookup_elem(&gauges, &slot);
}

/* --- what is read ---------------------------------------------------------------- */

enum rescore_pass_kind {
	RESCORE_ONLY,	/* it is all that the container has: show it */
	RESCORE_CLEAR,	/* the sums */
	RESCORE_ADD,	/* to the sums */
	RESCORE_SHOW,	/* the sums */
	RESCORE_GONE,	/* its cgroups are: nothing is held any more */
};

struct rescore_pass {
	enum rescore_pass_kind kind;
	struct rescore_gauges *g;
	struct rescore_row *row;	/* not to clear or add */
};

/* How the rows of several roots come together, and more about a row. */
enum rescore_row_flags {
	RESCORE_MOST	= 1,	/* the highest, not the sum */
	RESCORE_RATE	= 2,	/* maxheld is the rate of held; that stays when the
				 * cgroups are gone
				 */
};

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
	if (gauge->mark != gauge->last_mark) {
		if (primed && gauge->mark > gauge->last_mark)
			rescore_watermark(line, gauge->mark);
		gauge->last_mark = gauge->mark;
	}
	rescore_watermark(line, gauge->held);
}

static __always_inline void
rescore_show(const struct rescore_pass *pass, struct rescore_line *line,
	     struct rescore_gauge *gauge, bool rate)
{
	bool primed = pass->g->primed == pass->g->serial;

	WRITE_ONCE(line->held, gauge->held);
	if (rate)
		rescore_show_rate(line, gauge);
	else
		rescore_show_mark(line, gauge, primed);
	if (gauge->count == gauge->last_count)
		return;
	if (primed && gauge->count > gauge->last_count)
		__sync_fetch_and_add(&line->failcnt,
				     gauge->count - gauge->last_count);
	gauge->last_count = gauge->count;
}

static __always_inline void rescore_add(struct rescore_gauge *sum, __s64 held,
					__s64 mark, __s64 count, bool most)
{
	if (!most)
		sum->held += held;
	else if (held > sum->held)
		sum->held = held;
	sum->mark += mark;
	sum->count += count;
}

/*
 * A row of the controller. @mark: the kernel's own peak, 0: it has none. @count:
 * failures since the cgroup was made. @flags are constant.
 */
static __always_inline void
rescore_row(const struct rescore_pass *pass,
	    const volatile struct rescore_resource *resource, __s64 held,
	    __s64 mark, __s64 count, const __u32 flags)
{
	struct rescore_gauge *sum = &pass->g->line[resource->gauge];

	if (pass->kind == RESCORE_ADD) {
		rescore_add(sum, held, mark, count, flags & RESCORE_MOST);
		return;
	}
	if (pass->kind == RESCORE_GONE) {
		if (!(flags & RESCORE_RATE))
			WRITE_ONCE(pass->row->line[resource->id].held, 0);
		return;
	}
	if (pass->kind == RESCORE_ONLY && !(flags & RESCORE_RATE) &&
	    sum->held == held && sum->mark == mark && sum->count == count)
		return;
	if (pass->kind != RESCORE_SHOW) {
		sum->held = held;
		sum->mark = mark;
		sum->count = count;
	}
	if (pass->kind != RESCORE_CLEAR)
		rescore_show(pass, &pass->row->line[resource->id], sum,
			     flags & RESCORE_RATE);
}

/* Is held of the row another than at the last reading, or may it be? */
static __always_inline bool
rescore_row_moves(const struct rescore_pass *pass,
		  const volatile struct rescore_resource *resource, __s64 held)
{
	return pass->kind != RESCORE_ONLY ||
	       pass->g->line[resource->gauge].held != held;
}

static __always_inline void
rescore_row_figure(const struct rescore_pass *pass,
		   const volatile struct rescore_figure *figure, __s64 value)
{
	struct rescore_gauges *g = pass->g;
	__u32 id = figure->id;

	if (pass->kind == RESCORE_CLEAR)
		g->sum[id] = 0;
	else if (pass->kind == RESCORE_ADD)
		g->sum[id] += value;
	else if (pass->kind == RESCORE_SHOW)
		WRITE_ONCE(g->figure[id], g->sum[id]);
	else if (pass->kind == RESCORE_ONLY)
		WRITE_ONCE(g->figure[id], value);
}

/* Tell of @lines (bits: ids) whether they are counted. */
static __always_inline void
rescore_flag_lines(const struct rescore_pass *pass, __u32 lines)
{
	struct rescore_line *line;
	bool was, is;
	__u32 id;

	for (id = 0; id < RESCORE_RESOURCES_MAX; id++) {
		if (!(lines & 1U << id))
			continue;
		line = &pass->row->line[id];
		was = READ_ONCE(line->flags) & RESCORE_UNCOUNTED;
		is = pass->g->unknown & 1U << id;
		if (is && !was)
			__sync_fetch_and_or(&line->flags, RESCORE_UNCOUNTED);
		else if (!is && was)
			__sync_fetch_and_and(&line->flags, ~RESCORE_UNCOUNTED);
	}
}

/* Is the engine that counts @lines enabled for the cgroup? */
static __always_inline void
rescore_known_of(const struct rescore_pass *pass, __u32 lines, bool known)
{
	__u64 unknown = pass->g->unknown;

	if (pass->kind == RESCORE_CLEAR ||
	    (pass->kind == RESCORE_ONLY && known))
		unknown &= ~(__u64)lines;
	else if (!known && pass->kind != RESCORE_SHOW)
		unknown |= lines;
	pass->g->unknown = unknown;
	if (pass->kind == RESCORE_ONLY || pass->kind == RESCORE_SHOW)
		rescore_flag_lines(pass, lines);
}

/* The same, nothing to do being the rule. */
#define rescore_row_known(pass, lines, known)				\
do {									\
	if ((pass)->kind != RESCORE_GONE &&				\
	    ((pass)->kind != RESCORE_ONLY || !(known) || (pass)->g->unknown)) \
		rescore_known_of(pass, lines, known);			\
} while (0)

/* --- by the roots of each container ------------------------------------------ */

extern struct cgroup *bpf_cgroup_from_id(__u64 id) __ksym __weak;
extern void bpf_cgroup_release(struct cgroup *cgrp) __ksym __weak;

/*
 * Is it the cgroup @id that stands at @address, online? One that was removed is
 * offline long before its memory is used again, and no other ever has its id. So
 * what is here no more is not taken for it; nor does a look at it fault.
 */
static __always_inline struct cgroup *rescore_root_at(__u64 address, __u64 id)
{
	struct cgroup *cgrp = rescore_cast(cgroup, address);

	if (!address || cgrp->kn->id != id ||
	    !(cgrp->self.flags & RESCORE_CSS_ONLINE))
		return NULL;
	return cgrp;
}

static __noinline int rescore_find_root(struct rescore_gauges *g, __u64 id)
{
	struct cgroup *cgrp = bpf_cgroup_from_id(id);

	g->root = 0;
	if (!cgrp)
		return 0;
	g->root = rescore_address(cgrp);
	bpf_cgroup_release(cgrp);
	return 0;
}

/* Macros, for the types of a controller. */
#define RESCORE_REFRESH_STEP(what)					\
static __always_inline void						\
what##_pass(struct rescore_pass *pass, enum rescore_pass_kind kind)	\
{									\
	struct what nothing = {};					\
									\
	pass->kind = kind;						\
	what##_rows(pass, &nothing);					\
}									\
									\
static __always_inline void						\
what##_root(struct rescore_pass *pass, enum rescore_pass_kind kind,	\
	    struct cgroup *cgrp, __u32 slot, const bool cast)		\
{									\
	struct what read;						\
									\
	what##_read(&read, cgrp, slot, cast);				\
	pass->kind = kind;						\
	what##_rows(pass, &read);					\
}									\
									\
static __always_inline void						\
what##_end(struct rescore_pass *pass, bool found)			\
{									\
	if (found)							\
		what##_pass(pass, RESCORE_SHOW);			\
	else if (rescore_walk_whole)					\
		what##_pass(pass, RESCORE_GONE);			\
}									\
									\
static __always_inline bool						\
what##_add_roots(struct rescore_pass *pass,				\
		 struct rescore_container *container, __u32 slot)	\
{									\
	bool found = false;						\
	struct cgroup *cgrp;						\
	__u32 i;							\
									\
	what##_pass(pass, RESCORE_CLEAR);				\
	for (i = 0; i < RESCORE_ROOTS_MAX && i < container->nr_roots; i++) { \
		cgrp = bpf_cgroup_from_id(container->roots[i]);		\
		if (!cgrp)						\
			continue;					\
		what##_root(pass, RESCORE_ADD,				\
			    rescore_cast(cgroup, cgrp), slot, true);	\
		bpf_cgroup_release(cgrp);				\
		found = true;						\
	}								\
	return found;							\
}									\
									\
static long what##_roots_step(__u32 slot, void *arg)			\
{									\
	struct rescore_container *container;				\
	struct rescore_pass pass;					\
	struct cgroup *cgrp;						\
	__u64 id;							\
									\
	container = bpf_map_lookup_elem(&containers, &slot);		\
	if (!container)							\
		return 1;						\
	if (container->state != RESCORE_LIVE)				\
		return 0;						\
	pass.g = bpf_map_lookup_elem(&gauges, &slot);			\
	pass.row = bpf_map_lookup_elem(&table, &slot);			\
	if (!pass.g || !pass.row)					\
		return 1;						\
	pass.g->serial = container->serial;				\
	if (container->nr_roots != 1) {					\
		what##_end(&pass,					\
			   what##_add_roots(&pass, container, slot));	\
		return 0;						\
	}								\
	id = container->roots[0];					\
	cgrp = rescore_root_at(pass.g->root, id);			\
	if (!cgrp) {							\
		rescore_find_root(pass.g, id);				\
		cgrp = rescore_root_at(pass.g->root, id);		\
	}								\
	if (cgrp)							\
		what##_root(&pass, RESCORE_ONLY, cgrp, slot, true);	\
	else								\
		what##_end(&pass, false);				\
	return 0;							\
}

/* --- by a walk over all cgroups ---------------------------------------------- */

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

#define RESCORE_REFRESH_WALK(what)					\
static __always_inline void what##_walk_step(struct cgroup *cgrp)	\
{									\
	__u32 slot = rescore_root_of(cgrp);				\
	struct rescore_container *container;				\
	struct rescore_pass pass = {};					\
									\
	container = bpf_map_lookup_elem(&containers, &slot);		\
	pass.g = bpf_map_lookup_elem(&gauges, &slot);			\
	if (!slot || !container || !pass.g)				\
		return;							\
	if (pass.g->walk != rescore_walk ||				\
	    pass.g->serial != container->serial) {			\
		pass.g->walk = rescore_walk;				\
		pass.g->serial = container->serial;			\
		what##_pass(&pass, RESCORE_CLEAR);			\
	}								\
	what##_root(&pass, RESCORE_ADD, cgrp, slot, false);		\
}									\
									\
static long what##_show_step(__u32 slot, void *arg)			\
{									\
	struct rescore_container *container;				\
	struct rescore_pass pass;					\
									\
	container = bpf_map_lookup_elem(&containers, &slot);		\
	pass.g = bpf_map_lookup_elem(&gauges, &slot);			\
	pass.row = bpf_map_lookup_elem(&table, &slot);			\
	if (!container || !pass.g || !pass.row)				\
		return 1;						\
	if (container->state == RESCORE_LIVE)				\
		what##_end(&pass, pass.g->walk == rescore_walk &&	\
				 pass.g->serial == container->serial);	\
	return 0;							\
}

static __always_inline void rescore_walk_begin(struct cgroup *cgrp)
{
	rescore_walk = bpf_ktime_get_ns();
	rescore_walk_whole = !cgrp->self.parent;
}

/*
 * The programs <row>__refresh…, of which the loader takes one. what_begin() is
 * called first, with the cgroup that the reading starts at.
 */
#define RESCORE_REFRESH(row, what)					\
RESCORE_REFRESH_STEP(what)						\
RESCORE_REFRESH_WALK(what)						\
									\
SEC("iter/cgroup")							\
int row##__refresh__with_bpf_cgroup_from_id(struct bpf_iter__cgroup *ctx) \
{									\
	struct cgroup *cgrp = ctx->cgroup;				\
	__u32 slot;							\
									\
	if (!cgrp)							\
		return 0;						\
	rescore_walk_begin(cgrp);					\
	what##_begin(cgrp);						\
	slot = rescore_slot_of_cgroup(cgrp);				\
	if (slot)							\
		what##_roots_step(slot, NULL);				\
	else								\
		bpf_loop(rescore_meta.nr_slots, what##_roots_step, NULL, 0); \
	return 0;							\
}									\
									\
SEC("iter/cgroup")							\
int row##__refresh__else(struct bpf_iter__cgroup *ctx)			\
{									\
	struct cgroup *cgrp = ctx->cgroup;				\
									\
	if (cgrp && !ctx->meta->seq_num) {				\
		rescore_walk_begin(cgrp);				\
		what##_begin(cgrp);					\
	}								\
	if (cgrp) {							\
		what##_walk_step(cgrp);					\
	} else if (rescore_walk) {					\
		bpf_loop(rescore_meta.nr_slots, what##_show_step, NULL, 0); \
		rescore_walk = 0;					\
	}								\
	return 0;							\
}

#endif /* RESCORE_DELEGATED_H */
