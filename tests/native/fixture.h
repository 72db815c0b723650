/* SPDX-License-Identifier: GPL-2.0 */
/* The core as a test sees it: its headers, and its maps made to size. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "charge.h"
#include "container.h"
#include "tap.h"
#include "user.h"

/*
 * Zero is the least of each. Bits are log2 of a number of buckets. payers_more
 * has room for one entry a bucket, and @spare for what cannot be refused.
 */
struct sizes {
	unsigned int slots, events;
	unsigned int members_bits, members_more;
	unsigned int payers_bits, spare;
};

/* Begin anew with empty maps of these sizes. */
static inline void fixture(struct sizes size)
{
	unsigned int members_bits = size.members_bits ?: 1;
	unsigned int payers_bits = size.payers_bits ?: 1;
	unsigned int nr_events = size.events ?: 1;
	unsigned int slots = size.slots ?: 2, i;

	native_config(members_bits, payers_bits, nr_events);
	rescore_meta.nr_slots = slots;
	rescore_meta.nr_resources = RESCORE_RESOURCES_MAX;
	native_map(table, slots);
	native_map(throttle, slots);
	native_map(containers, slots);
	native_map(registry, RESCORE_RESOURCES_MAX);
	native_map(members, 1U << members_bits);
	native_map(members_more, size.members_more);
	native_map(payers, 1U << payers_bits);
	native_map(payers_more, (1U << payers_bits) + size.spare);
	native_map(events, nr_events);
	for (i = 0; i < slots; i++)
		native_array(containers)[i].serial = 1000 + i;
}

/* Then librescore works on them too: user.h. */
static inline void fixture_for_user(struct sizes size)
{
	fixture(size);
	user_open((struct user_maps){ &rescore_meta, native_array(registry),
				      native_array(table),
				      native_array(events) });
}

static inline void set_bounds(struct rescore_line *line, __s64 barrier,
			      __s64 limit)
{
	__atomic_store_n(&line->barrier, barrier, __ATOMIC_RELAXED);
	__atomic_store_n(&line->limit, limit, __ATOMIC_RELAXED);
}

static inline __s64 held_of(const struct rescore_line *line)
{
	return __atomic_load_n(&line->held, __ATOMIC_SEQ_CST);
}

/* Entries of a table of buckets that are neither empty nor removed. */
static inline unsigned int nr_entries(const struct rescore_bucket *buckets,
				      unsigned int bits)
{
	unsigned int i, j, n = 0;

	for (i = 0; i < 1U << bits; i++)
		for (j = 0; j < RESCORE_BUCKET_ENTRIES; j++)
			n += buckets[i].entry[j] &&
			     buckets[i].entry[j] != RESCORE_TOMB;
	return n;
}

#endif /* FIXTURE_H */
