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
 * and no request is refused because of another that was.
 */
#ifndef RESCORE_CHARGE_H
#define RESCORE_CHARGE_H

#include "event.h"
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

static __noinline int rescore_raise(__s64 *mark, __s64 to)
{
	__s64 old;
	int i;

	if (!mark)
		return 0;
	for (i = 0; i < RESCORE_RAISE_TRIES; i++) {
		old = READ_ONCE(*mark);
		if (old >= to ||
		    __sync_val_compare_and_swap(mark, old, to) == old)
			break;
	}
	return 0;
}

static __always_inline void
rescore_watermark(struct rescore_line *line, __s64 held)
{
	if (held > READ_ONCE(line->maxheld))
		rescore_raise(&line->maxheld, held);
	if (held > READ_ONCE(line->peak))
		rescore_raise(&line->peak, held);
}

static __always_inline void rescore_add(struct rescore_line *line, __s64 n)
{
	rescore_watermark(line, __sync_fetch_and_add(&line->held, n) + n);
}

/* There seemed to be no room, or too many tries: decide, count, report. */
static __noinline int
rescore_charge_slow(__u32 slot, __u32 resource, __s64 n, __u32 severity)
{
	struct rescore_line *line = rescore_line(slot, resource);
	struct rescore_report report = {
		.slot = slot,
		.resource = resource,
		.severity = severity,
		.kind = RESCORE_EV_REFUSED,
		.amount = n,
	};
	int i, ret = -1;

	if (!line)
		return -1;
	report.bound = severity == RESCORE_HARD ? READ_ONCE(line->barrier) :
						  READ_ONCE(line->limit);

	for (i = 0; i < RESCORE_SLOW_TRIES; i++) {
		report.held = READ_ONCE(line->held);
		if (report.held > report.bound - n)
			break;
		if (__sync_val_compare_and_swap(&line->held, report.held,
						report.held + n) ==
		    report.held) {
			rescore_watermark(line, report.held + n);
			return 0;
		}
	}

	if (rescore_is_admin()) {
		rescore_add(line, n);
		return 0;
	}

	if (READ_ONCE(line->flags) & RESCORE_OBSERVE) {
		report.kind = RESCORE_EV_OBSERVED;
		rescore_add(line, n);
		ret = 0;
	}
	__sync_fetch_and_add(&line->failcnt, 1);
	rescore_event_write(&report);
	return ret;
}

static __always_inline int
rescore_try_charge(__u32 slot, __u32 resource, __s64 n, __u32 severity)
{
	struct rescore_line *line = rescore_line(slot, resource);
	__s64 held, bound;
	int i;

	if (!line)
		return -1;
	bound = severity == RESCORE_HARD ? READ_ONCE(line->barrier) :
					   READ_ONCE(line->limit);
	for (i = 0; i < RESCORE_CHARGE_TRIES; i++) {
		held = READ_ONCE(line->held);
		/* not bound - held: held may be below 0 after a bug */
		if (held > bound - n)
			break;
		if (__sync_val_compare_and_swap(&line->held, held, held + n) ==
		    held) {
			rescore_watermark(line, held + n);
			return 0;
		}
	}
	return rescore_charge_slow(slot, resource, n, severity);
}

static __always_inline void
rescore_force_charge(__u32 slot, __u32 resource, __s64 n)
{
	struct rescore_line *line = rescore_line(slot, resource);

	if (line)
		rescore_add(line, n);
}

static __always_inline void
rescore_uncharge(__u32 slot, __u32 resource, __s64 n)
{
	struct rescore_line *line = rescore_line(slot, resource);

	if (line && __sync_fetch_and_add(&line->held, -n) < n)
		__sync_fetch_and_add(&line->underflow, 1);
}

static __noinline int rescore_no_payer(__u32 slot, __u32 resource)
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
	__sync_fetch_and_add(&line->failcnt, 1);
	report.held = READ_ONCE(line->held);
	report.bound = READ_ONCE(line->barrier);
	rescore_event_write(&report);
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

/* The object is gone. Nothing happens when nobody pays for it. */
static __always_inline void rescore_uncharge_object(__u64 key, __u32 resource)
{
	int slot = rescore_payer_take(key);

	if (slot > 0)
		rescore_uncharge(slot, resource, 1);
}

#endif /* RESCORE_CHARGE_H */
