/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects that hold more than one: an address space its pages, a file in memory
 * its pages. The payer table has room for a slot only, so a controller keeps who
 * pays, and for how much, in a hash map of its own, keyed by the object's
 * address. The loader makes it as large as the machine's memory asks for: one
 * entry for so many of the objects of the payer table (map_extra, which means
 * nothing else for a hash map).
 *
 *	RESCORE_AMOUNTS(privvmpages, struct vm, 4);
 *
 * defines amounts_privvmpages, which the audit finds by the resource's name, and
 * near_privvmpages: how many entries there are at each of some thousand hash values.
 * What is not there, as in most programs that most tasks run, is so told apart by
 * one load.
 */
#ifndef RESCORE_AMOUNT_H
#define RESCORE_AMOUNT_H

#include "charge.h"

#define RESCORE_NEAR_BITS	14

#define RESCORE_AMOUNTS(resource, type_of_value, objects_per_entry)	\
	struct {							\
		__uint(type, BPF_MAP_TYPE_HASH);			\
		__uint(max_entries, 1);					\
		__uint(map_extra, objects_per_entry);			\
		__type(key, __u64);					\
		__type(value, type_of_value);				\
	} amounts_##resource SEC(".maps");				\
	__u32 near_##resource[1 << RESCORE_NEAR_BITS]			\
		RESCORE_TABLE(near_##resource)

static __always_inline __u32 *rescore_near_of(__u32 *near, __u64 key)
{
	return near + rescore_hash(key, 64 - RESCORE_NEAR_BITS);
}

/* Could @key be there? */
static __always_inline bool rescore_is_near(__u32 *near, __u64 key)
{
	return READ_ONCE(*rescore_near_of(near, key));
}

static __always_inline void *
rescore_amount_find(void *amounts, __u32 *near, __u64 key)
{
	return rescore_is_near(near, key) ? bpf_map_lookup_elem(amounts, &key) :
					    NULL;
}

/* 0, or -1: there is no room, or it is there already. */
static __always_inline int
rescore_amount_add(void *amounts, __u32 *near, __u64 key, const void *value)
{
	__u32 *n = rescore_near_of(near, key);

	/* counted first: nobody must overlook it */
	__sync_fetch_and_add(n, 1);
	if (!bpf_map_update_elem(amounts, &key, value, BPF_NOEXIST))
		return 0;
	__sync_fetch_and_add(n, -1);
	return -1;
}

/* 0, or -1: it is not there. */
static __always_inline int
rescore_amount_remove(void *amounts, __u32 *near, __u64 key)
{
	__u32 *n = rescore_near_of(near, key);

	if (bpf_map_delete_elem(amounts, &key))
		return -1;
	__sync_fetch_and_add(n, -1);
	return 0;
}

#define RESCORE_FIND(resource, key) \
	rescore_amount_find(&amounts_##resource, near_##resource, key)
#define RESCORE_ADD(resource, key, value) \
	rescore_amount_add(&amounts_##resource, near_##resource, key, value)
#define RESCORE_REMOVE(resource, key) \
	rescore_amount_remove(&amounts_##resource, near_##resource, key)

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
	report.held = READ_ONCE(line->held);
	report.bound = READ_ONCE(line->barrier);
	rescore_fail(line, &report);
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

/*
 * @n were charged that could not be refused: count and report it where they should
 * have been, at the first level whose barrier held is above now.
 */
__noinline int rescore_amount_over(__u32 slot, __u32 resource, __s64 n)
{
	struct rescore_report report = {
		.resource = resource,
		.severity = RESCORE_HARD,
		.kind = RESCORE_EV_REFUSED,
		.amount = n,
	};
	struct rescore_line *line = NULL;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, resource) : NULL;
		if (!line)
			return 0;
		report.bound = READ_ONCE(line->barrier);
		report.held = READ_ONCE(line->held) - n;
		if (report.held > report.bound - n)
			break;
		slot = READ_ONCE(line->parent);
	}
	if (i == RESCORE_LEVELS_MAX || rescore_is_admin())
		return 0;
	report.slot = slot;
	if (READ_ONCE(line->flags) & RESCORE_OBSERVE)
		report.kind = RESCORE_EV_OBSERVED;
	rescore_fail(line, &report);
	return report.kind == RESCORE_EV_REFUSED;
}

#endif /* RESCORE_AMOUNT_H */
