/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buckets of (key, slot) pairs, the base of membership and payers. Keys are
 * passed shifted into place (RESCORE_KEY), so that matching is one xor and one
 * compare. Any CPU may add and remove at any time; every change is one
 * compare-and-swap, so an entry is there or is not. What was used once is never
 * empty again (RESCORE_TOMB), and the first that is free is taken: so nothing stands
 * behind an empty entry, and most look-ups, which find nothing, end at the first.
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

static __always_inline __u32 rescore_hash(__u64 key, __u32 shift)
{
	return (key * RESCORE_HASH_MUL) >> shift;
}

/* The entry of @key, or 0. */
static __always_inline __u64 rescore_bucket_find(struct rescore_bucket *bucket,
						 __u64 key)
{
	__u64 entry;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_BUCKET_ENTRIES; i++) {
		entry = READ_ONCE(bucket->entry[i]);
		if (!entry)
			return 0;
		if (rescore_same_key(entry, key))
			return entry;
	}
	return 0;
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
		if (__sync_val_compare_and_swap(&bucket->entry[i], old,
						entry) == old)
			return 0;
	}
	return -1;
}

/*
 * Replace the entry of @key by @entry (RESCORE_TOMB: remove). Returns what stood
 * there, or 0.
 */
static __always_inline __u64 rescore_bucket_swap(struct rescore_bucket *bucket,
						 __u64 key, __u64 entry)
{
	__u64 old;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_BUCKET_ENTRIES; i++) {
		old = READ_ONCE(bucket->entry[i]);
		if (!old)
			return 0;
		if (!rescore_same_key(old, key))
			continue;
		if (__sync_val_compare_and_swap(&bucket->entry[i], old,
						entry) == old)
			return old;
	}
	return 0;
}

#endif /* RESCORE_BUCKET_H */
