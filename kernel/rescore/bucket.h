/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buckets of (key, slot) pairs, the base of membership and payers. Keys are
 * passed shifted into place (RESCORE_KEY), so that matching is one xor and one
 * compare. Any CPU may add and remove at any time; every change is one
 * compare-and-swap, so an entry is there or is not. What was used once is never
 * empty again (RESCORE_TOMB), and the first that is free is taken: so nothing stands
 * behind an empty entry, and most look-ups, which find nothing, end at the first. Nor
 * has anything of this bucket gone elsewhere for want of room, then.
 */
#ifndef RESCORE_BUCKET_H
#define RESCORE_BUCKET_H

#include "bpf.h"

#define RESCORE_KEY(key)	((__u64)(key) << 16)
#define RESCORE_SLOT(entry)	((__u32)((entry) & 0xffff))

static __always_inline bool rescore_same_key(__u64 entry, __u64 key)
{
	return (entry ^ key) <= 0xffff;
}

static __always_inline __u64 rescore_hash(__u64 key, __u32 shift)
{
	return (key * RESCORE_HASH_MUL) >> shift;
}

/* The entry of @key, or 0. *@ret_full: it may be where there was room for it. */
static __always_inline __u64 rescore_bucket_find(struct rescore_bucket *bucket,
						 __u64 key, bool *ret_full)
{
	__u64 entry;
	int i;

	*ret_full = false;
#pragma unroll
	for (i = 0; i < RESCORE_BUCKET_ENTRIES; i++) {
		entry = READ_ONCE(bucket->entry[i]);
		if (!entry)
			return 0;
		if (rescore_same_key(entry, key))
			return entry;
	}
	*ret_full = true;
	return 0;
}

/* Nothing has ever been in it. */
static __always_inline bool
rescore_bucket_is_new(const struct rescore_bucket *bucket)
{
	return !READ_ONCE(bucket->entry[0]);
}

/* 0, or -1: the bucket is full. */
static __always_inline int
rescore_bucket_add(struct rescore_bucket *bucket, __u64 entry)
{
	__u64 old;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_BUCKET_ENTRIES; i++) {
		old = READ_ONCE(bucket->entry[i]);
		if (old && old != RESCORE_TOMB)
			continue;
		if (rescore_swapped(&bucket->entry[i], old, entry))
			return 0;
	}
	return -1;
}

/*
 * Replace the entry of @key by @entry (RESCORE_TOMB: remove). Returns what stood
 * there, or 0 and *@ret_full, as above.
 */
static __always_inline __u64 rescore_bucket_swap(struct rescore_bucket *bucket,
						 __u64 key, __u64 entry,
						 bool *ret_full)
{
	__u64 old;
	int i;

	*ret_full = false;
#pragma unroll
	for (i = 0; i < RESCORE_BUCKET_ENTRIES; i++) {
		old = READ_ONCE(bucket->entry[i]);
		if (!old)
			return 0;
		if (!rescore_same_key(old, key))
			continue;
		if (rescore_swapped(&bucket->entry[i], old, entry))
			return old;
	}
	*ret_full = true;
	return 0;
}

#endif /* RESCORE_BUCKET_H */
