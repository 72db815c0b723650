/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one counting loop. Controllers pick the container, the resource and the
 * amount; what may fail says so in its name:
 *
 *   rescore_try_charge()    0, or -1: refused (counted and reported)
 *   rescore_force_charge()  always
 *   rescore_uncharge()
 *
 * and the same for an object that has a payer:
 *
 *   rescore_try_charge_object(), rescore_force_charge_object(),
 *   rescore_try_charge_credit(), rescore_uncharge_object()
 *
 * held is only ever raised by a compare-and-swap from a value that left room,
 * so it never passes the bound, not even for a moment, on any number of CPUs,
 * and no request is refused because of another that was. In a tree of limits
 * (struct rescore_line.parent) a charge is made on every level or on none.
 */
#ifndef RESCORE_CHARGE_H
#define RESCORE_CHARGE_H

#include "event.h"
#include "gateword.h"
#include "payer.h"

/*
 * A failed compare-and-swap means that another CPU charged or uncharged. The
 * verifier wants a bound: this many in a row take hundreds of CPUs on one line,
 * and are a refusal.
 */
#define RESCORE_CHARGE_TRIES	16
#define RESCORE_SLOW_TRIES	128
#define RESCORE_RAISE_TRIES	32

static __always_inline struct rescore_line *
rescore_line(__u32 slot, __u32 resource)
{
	struct rescore_row *row = bpf_map_lookup_elem(&table, &slot);

	if (!row)
		return NULL;
	/* an id is always in range; the mask lets the verifier see it */
	return &row->line[resource & (RESCORE_RESOURCES_MAX - 1)];
}

RESCORE_FUNCTION int rescore_raise(__s64 *mark, __s64 to)
{
	__s64 old;
	int i;

	if (!mark)
		return 0;
	for (i = 0; i < RESCORE_RAISE_TRIES; i++) {
		old = READ_ONCE(*mark);
		if (old >= to || rescore_swapped(mark, old, to))
			break;
	}
	return 0;
}

/* held with a charge in it: was it ever as high? */
static __always_inline void
rescore_watermark(struct rescore_line *line, __s64 held)
{
	if (held > READ_ONCE(line->maxheld))
		rescore_raise(&line->maxheld, held);
	if (held > READ_ONCE(line->peak))
		rescore_raise(&line->peak, held);
}

/* The bound that a request of @severity must stay within. */
static __always_inline __s64 rescore_bound(const struct rescore_line *line,
					   __u32 severity)
{
	return severity == RESCORE_HARD ? READ_ONCE(line->barrier) :
					  READ_ONCE(line->limit);
}

/* @line has no room for what @report says: counted, and reported. */
static __always_inline void
rescore_fail(struct rescore_line *line, struct rescore_report *report)
{
	__sync_fetch_and_add(&line->failcnt, 1);
	rescore_event_write(report);
}

/*
 * There seemed to be no room, or too many tries: decide, count, report. The marks
 * are the caller's; *@ret_held = held with the charge.
 */
RESCORE_FUNCTION int rescore_charge_slow(__u32 slot, __u32 resource, __s64 n,
					 __u32 severity, __s64 *ret_held)
{
	struct rescore_line *line = rescore_line(slot, resource);
	struct rescore_report report = {
		.slot = slot,
		.resource = resource,
		.severity = severity,
		.kind = RESCORE_EV_REFUSED,
		.amount = n,
	};
	bool admin;
	int i;

	if (!line || !ret_held)
		return -1;
	report.bound = rescore_bound(line, severity);

	for (i = 0; i < RESCORE_SLOW_TRIES; i++) {
		report.held = READ_ONCE(line->held);
		if (report.held > report.bound - n)
			break;
		if (rescore_swapped(&line->held, report.held,
				    report.held + n)) {
			*ret_held = report.held + n;
			return 0;
		}
	}

	admin = rescore_is_admin();
	if (!admin && READ_ONCE(line->flags) & RESCORE_OBSERVE)
		report.kind = RESCORE_EV_OBSERVED;
	if (admin || report.kind == RESCORE_EV_OBSERVED)
		*ret_held = __sync_fetch_and_add(&line->held, n) + n;
	if (!admin) {
		rescore_fail(line, &report);
	}
	return admin || report.kind == RESCORE_EV_OBSERVED ? 0 : -1;
}

/* One level, without its marks: 0, and *@ret_held; or -1: refused. */
static __always_inline int
rescore_charge_line(struct rescore_line *line, __u32 slot, __u32 resource,
		    __s64 n, __u32 severity, __s64 *ret_held)
{
	__s64 held, bound, slow = 0;
	int i;

	bound = rescore_bound(line, severity);
	for (i = 0; i < RESCORE_CHARGE_TRIES; i++) {
		held = READ_ONCE(line->held);
		/* not bound - held: held may be below 0 after a bug */
		if (held > bound - n)
			break;
		if (rescore_swapped(&line->held, held, held + n)) {
			*ret_held = held + n;
			return 0;
		}
	}
	if (rescore_charge_slow(slot, resource, n, severity, &slow))
		return -1;
	*ret_held = slow;
	return 0;
}

static __always_inline void
rescore_uncharge_line(struct rescore_line *line, __s64 n)
{
	if (__sync_fetch_and_add(&line->held, -n) < n)
		__sync_fetch_and_add(&line->underflow, 1);
}

/* --- trees ------------------------------------------------------------------ */

RESCORE_FUNCTION int rescore_charge_level(__u32 slot, __u32 resource, __s64 n,
					  __u32 severity, __s64 *ret_held)
{
	struct rescore_line *line = rescore_line(slot, resource);

	if (!line || !ret_held)
		return -1;
	return rescore_charge_line(line, slot, resource, n, severity, ret_held);
}

/*
 * @slot's own level is charged, to @held: charge those above it as well, or none.
 * From the bottom up, so that what a level above refuses stands for a moment in
 * the container's own way and in no other's. Only what every level agreed to
 * raises a mark: to held as it was then, with what another request has at that
 * moment and may yet have to give back.
 */
RESCORE_FUNCTION int rescore_charge_above(__u32 slot, __u32 resource, __s64 n,
					  __u32 severity, __s64 held)
{
	struct rescore_line *line[RESCORE_LEVELS_MAX] = {};
	__s64 helds[RESCORE_LEVELS_MAX] = { held };
	int i, j, ret = 0;

	line[0] = rescore_line(slot, resource);
#pragma unroll
	for (i = 1; i < RESCORE_LEVELS_MAX; i++) {
		if (!line[i - 1])
			break;
		slot = READ_ONCE(line[i - 1]->parent);
		if (!slot)
			break;
		ret = rescore_charge_level(slot, resource, n, severity,
					   &helds[i]);
		if (ret)
			break;
		line[i] = rescore_line(slot, resource);
	}
#pragma unroll
	for (j = 0; j < RESCORE_LEVELS_MAX; j++) {
		if (!line[j])
			break;
		if (ret)
			rescore_uncharge_line(line[j], n);
		else
			rescore_watermark(line[j], helds[j]);
	}
	return ret;
}

/* @n may be below 0: uncharge. */
RESCORE_FUNCTION int rescore_add_above(__u32 slot, __u32 resource, __s64 n)
{
	struct rescore_line *line;
	int i;

#pragma unroll
	for (i = 1; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, resource) : NULL;
		if (!line)
			break;
		if (n < 0)
			rescore_uncharge_line(line, -n);
		else
			rescore_watermark(
				line, __sync_fetch_and_add(&line->held, n) + n);
		slot = READ_ONCE(line->parent);
	}
	return 0;
}

/* --- what controllers call -------------------------------------------------- */

/* The gate of what is in no tree, which most charges find wide open. */
static __always_inline bool
rescore_gate_stops(struct rescore_row *row, const struct rescore_line *line,
		   __u32 slot)
{
	if (!READ_ONCE(line->parent) && rescore_gate_is_far(row))
		return false;
	return rescore_gate_shut(slot);
}

static __always_inline int
rescore_try_charge(__u32 slot, __u32 resource, __s64 n, __u32 severity)
{
	struct rescore_row *row = bpf_map_lookup_elem(&table, &slot);
	struct rescore_line *line;
	__s64 held;

	if (!row)
		return -1;
	line = &row->line[resource & (RESCORE_RESOURCES_MAX - 1)];
	if (READ_ONCE(line->flags) & RESCORE_GATED &&
	    severity == RESCORE_HARD && rescore_gate_stops(row, line, slot))
		return -1;
	if (rescore_charge_line(line, slot, resource, n, severity, &held))
		return -1;
	if (READ_ONCE(line->parent))
		return rescore_charge_above(slot, resource, n, severity, held);
	rescore_watermark(line, held);
	return 0;
}

/*
 * Count and report that @n were refused. -1; 0 in mode observe and to the
 * administrator, which are left to the charge itself.
 */
RESCORE_FUNCTION int
rescore_refused(__u32 slot, __u32 resource, __s64 n, __u32 severity)
{
	struct rescore_line *line = rescore_line(slot, resource);
	struct rescore_report report = {
		.slot = slot,
		.resource = resource,
		.severity = severity,
		.kind = RESCORE_EV_REFUSED,
		.amount = n,
	};

	if (!line || READ_ONCE(line->flags) & RESCORE_OBSERVE ||
	    rescore_is_admin())
		return 0;
	report.held = READ_ONCE(line->held);
	report.bound = rescore_bound(line, severity);
	rescore_fail(line, &report);
	return -1;
}

/*
 * For what is held up by its bound, not refused: is a level of mode observe above
 * its barrier? Counts and reports that, if told to @count.
 */
RESCORE_FUNCTION int rescore_observed(__u32 slot, __u32 resource, __u32 count)
{
	struct rescore_report report = {
		.resource = resource,
		.kind = RESCORE_EV_OBSERVED,
		.severity = RESCORE_HARD,
	};
	struct rescore_line *line;
	int i, over = 0;

#pragma unroll
	for (i = 0; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, resource) : NULL;
		if (!line)
			break;
		report.slot = slot;
		report.held = READ_ONCE(line->held);
		report.bound = READ_ONCE(line->barrier);
		slot = READ_ONCE(line->parent);
		if (!(READ_ONCE(line->flags) & RESCORE_OBSERVE) ||
		    report.held <= report.bound)
			continue;
		over = 1;
		if (!count)
			continue;
		rescore_fail(line, &report);
	}
	return over;
}

RESCORE_FUNCTION int
rescore_check_levels(__u32 slot, __u32 resource, __s64 n, __u32 severity)
{
	struct rescore_line *line;
	__s64 bound;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, resource) : NULL;
		if (!line)
			break;
		bound = rescore_bound(line, severity);
		if (READ_ONCE(line->held) > bound - n &&
		    rescore_refused(slot, resource, n, severity))
			return -1;
		slot = READ_ONCE(line->parent);
	}
	return 0;
}

/*
 * Would there be room? For what can be refused now and is charged later, by
 * rescore_try_charge(): it keeps the bound. 0, or -1: refuse it, and that is
 * counted. Charges nothing.
 */
static __always_inline int
rescore_check(__u32 slot, __u32 resource, __s64 n, __u32 severity)
{
	struct rescore_line *line = rescore_line(slot, resource);
	__s64 bound;

	if (!line)
		return 0;
	bound = rescore_bound(line, severity);
	if (READ_ONCE(line->held) <= bound - n && !READ_ONCE(line->parent))
		return 0;
	return rescore_check_levels(slot, resource, n, severity);
}

static __always_inline void
rescore_force_charge(__u32 slot, __u32 resource, __s64 n)
{
	struct rescore_line *line = rescore_line(slot, resource);

	if (!line)
		return;
	rescore_watermark(line, __sync_fetch_and_add(&line->held, n) + n);
	if (READ_ONCE(line->parent))
		rescore_add_above(READ_ONCE(line->parent), resource, n);
}

static __always_inline void
rescore_uncharge(__u32 slot, __u32 resource, __s64 n)
{
	struct rescore_line *line = rescore_line(slot, resource);

	if (!line)
		return;
	rescore_uncharge_line(line, n);
	if (READ_ONCE(line->parent))
		rescore_add_above(READ_ONCE(line->parent), resource, -n);
}

/*
 * Of something that grows and shrinks by itself, and is counted afterwards. The
 * line, or NULL.
 */
static __always_inline struct rescore_line *
rescore_adjust(__u32 slot, __u32 resource, __s64 delta)
{
	struct rescore_line *line = rescore_line(slot, resource);

	if (!line)
		return NULL;
	if (delta > 0)
		rescore_watermark(
			line, __sync_fetch_and_add(&line->held, delta) + delta);
	else
		rescore_uncharge_line(line, -delta);
	if (READ_ONCE(line->parent))
		rescore_add_above(READ_ONCE(line->parent), resource, delta);
	return line;
}

RESCORE_FUNCTION int rescore_no_payer(__u32 slot, __u32 resource)
{
	struct rescore_line *line = rescore_line(slot, resource);
	struct rescore_report report = {
		.slot = slot,
		.resource = resource,
		.kind = RESCORE_EV_NO_PAYER,
		.amount = 1,
	};

	if (!line)
		return 0;
	rescore_uncharge(slot, resource, 1);
	report.held = READ_ONCE(line->held);
	report.bound = READ_ONCE(line->barrier);
	rescore_fail(line, &report);
	return 0;
}

/*
 * Charged already: record the payer of a new object. 0, or -1 and uncharged.
 * @spare: the object is there and cannot be refused.
 */
static __always_inline int
rescore_own(__u64 key, __u32 slot, __u32 resource, bool spare)
{
	int missed, err = rescore_payer_put(key, slot, &missed, spare);

	if (missed > 0)
		rescore_uncharge(missed, resource, 1);
	if (err) {
		rescore_no_payer(slot, resource);
		return -1;
	}
	return 0;
}

/* One new object of @resource, paid by @slot: 0, or -1: refuse it. */
static __always_inline int
rescore_try_charge_object(__u64 key, __u32 slot, __u32 resource, __u32 severity)
{
	if (rescore_try_charge(slot, resource, 1, severity))
		return -1;
	return rescore_own(key, slot, resource, false);
}

/*
 * A credit: charged to @slot for an object that the task asks for but that has
 * no address yet. rescore_own() with @spare turns it into the object, after
 * rescore_payer_take() of the credit. 0, or -1: refuse the request.
 */
static __always_inline int
rescore_try_charge_credit(__u64 key, __u32 slot, __u32 resource, __u32 severity)
{
	if (rescore_try_charge(slot, resource, 1, severity))
		return -1;
	if ((!rescore_payers_full() || rescore_is_admin()) &&
	    !rescore_payer_add(key, slot))
		return 0;
	rescore_no_payer(slot, resource);
	return -1;
}

static __always_inline int
rescore_force_charge_object(__u64 key, __u32 slot, __u32 resource)
{
	rescore_force_charge(slot, resource, 1);
	return rescore_own(key, slot, resource, true);
}

/*
 * The object is gone. Nothing happens when nobody pays for it. May be RESCORE_LATE. A
 * macro, since what tells @resource is read only if there is something to uncharge.
 */
#define rescore_uncharge_object(key, resource)				\
({									\
	int __slot = rescore_payer_take_late(key);			\
									\
	if (__slot > 0)							\
		rescore_uncharge(__slot, resource, 1);			\
})

#endif /* RESCORE_CHARGE_H */
