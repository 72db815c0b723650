/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects that hold more than one: an address space its pages, a file in memory
 * its pages. The payer table has room for a slot only, so a controller keeps who
 * pays, and for how much, in a hash map of its own, keyed by the object's
 * address. The loader makes it as large as the machine's memory asks for: one
 * entry for so many of the objects of the payer table (map_extra, which means
 * nothing else for a hash map).
 *
 *	RESCORE_AMOUNTS(address_spaces, struct vm, 4);
 */
#ifndef RESCORE_AMOUNT_H
#define RESCORE_AMOUNT_H

#include "charge.h"

#define RESCORE_AMOUNTS(name, type_of_value, objects_per_entry)	\
	struct {						\
		__uint(type, BPF_MAP_TYPE_HASH);		\
		__uint(max_entries, 1);				\
		__uint(map_extra, objects_per_entry);		\
		__type(key, __u64);				\
		__type(value, type_of_value);			\
	} name SEC(".maps")

/* The map is full: what asks for @n must be refused, and this says why. */
RESCORE_FUNCTION int rescore_no_room(__u32 slot, __u32 resource, __s64 n)
{
	struct rescore_line *line = rescore_line(slot, resource);
	struct rescore_report report = {
		.slot = slot,
		.resource = resource,
		.kind = RESCORE_EV_NO_PAYER,
		.amount = n,
	};

	if (!line)
		return 0;
	__sync_fetch_and_add(&rescore_meta.payers_lost, 1);
	__sync_fetch_and_add(&line->failcnt, 1);
	report.held = READ_ONCE(line->held);
	report.bound = READ_ONCE(line->barrier);
	rescore_event_write(&report);
	return 0;
}

/*
 * The same as in charge.h, as functions that the verifier checks once, however
 * often and in whatever loops they are called: so they are not static.
 */
__noinline int
rescore_amount_try(__u32 slot, __u32 resource, __s64 n, __u32 severity)
{
	return rescore_try_charge(slot, resource, n, severity);
}

/* An object now holds @now instead of @before: @slot's held follows. */
__noinline int
rescore_amount_change(__u32 slot, __u32 resource, __s64 before, __s64 now)
{
	if (now > before)
		rescore_force_charge(slot, resource, now - before);
	else if (now < before)
		rescore_uncharge(slot, resource, before - now);
	return 0;
}

#endif /* RESCORE_AMOUNT_H */
