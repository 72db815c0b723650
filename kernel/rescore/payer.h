/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who pays for an object: the container that was charged for it, until the
 * object is gone, wherever its descriptor travels. Found by the object's
 * address (rescore_object_key).
 */
#ifndef RESCORE_PAYER_H
#define RESCORE_PAYER_H

#include "bucket.h"
#include "container.h"

static __always_inline __u64 rescore_object_key(__u64 address,
						enum rescore_object kind)
{
	return RESCORE_KEY((address & RESCORE_ADDRESS_MASK) |
			   RESCORE_KIND_KEY(kind));
}

/*
 * The address that a key has the low bits of. All objects are in one mapping of
 * memory, so it is the one nearest to the running task.
 */
static __always_inline __u64 rescore_whole_address(__u64 low)
{
	__u64 task = bpf_get_current_task(), distance = low - task;

	return task +
	       (__u64)((__s64)(distance << (64 - RESCORE_ADDRESS_BITS)) >>
		       (64 - RESCORE_ADDRESS_BITS));
}

static __always_inline struct rescore_bucket *rescore_payer_bucket(__u64 key)
{
	__u32 hash = rescore_hash(key, rescore_cfg.payers_shift);

	return bpf_map_lookup_elem(&payers, &hash);
}

/*
 * What can be refused gets this much of payers_more. The loader makes it larger
 * by RESCORE_PAYERS_SPARE: a lock that was granted, a pty that was opened and a
 * task that was moved cannot be refused any more, and have to be recorded; and
 * the administrator is not locked out.
 */
static __always_inline __u64 rescore_payers_room(void)
{
	return 1ULL << (64 - rescore_cfg.payers_shift);
}

/* Then nothing may begin that could end with an object to record. */
static __always_inline bool rescore_payers_full(void)
{
	return READ_ONCE(rescore_meta.payers_overflow) >= rescore_payers_room();
}

static __always_inline int rescore_payer_find(__u64 key);

#ifndef RESCORE_NATIVE
/*
 * Is the running task's container being checkpointed or restored? A cgroup that
 * found no room among the members has no lease: the way to find out whose it is
 * would be one function too deep.
 */
static __always_inline bool rescore_leased(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 slot = rescore_member(task->cgroups->dfl_cgrp->kn->id);
	struct rescore_container *container;

	container = bpf_map_lookup_elem(&containers, &slot);
	return container &&
	       bpf_ktime_get_boot_ns() < READ_ONCE(container->lease_ns);
}
#else
static __always_inline bool rescore_leased(void)
{
	return false;
}
#endif

/*
 * Does the administrator stand behind this task (rescore_enter()), or behind all
 * of its container's (rescore_ct_checkpoint())?
 */
static __always_inline bool rescore_is_admin(void)
{
	if (READ_ONCE(rescore_meta.lease_ns) && rescore_leased())
		return true;
	if (!READ_ONCE(rescore_meta.admins))
		return false;
	return rescore_payer_find(rescore_object_key(bpf_get_current_task(),
						     RESCORE_OBJ_ADMIN)) >= 0;
}

#ifdef RESCORE_NATIVE
#define rescore_records_slow(key) ((void)(key), false)
#else
RESCORE_FUNCTION int rescore_records_slow(__u64 key)
{
	return rescore_active() && rescore_payer_find(key) < 0;
}
#endif

/*
 * For a program that is RESCORE_LATE and about to record @key: is that up to it? In a
 * handover the first of the two does it, and the other finds it done.
 */
static __always_inline bool rescore_records(__u64 key)
{
	return READ_ONCE(rescore_meta.generation) == rescore_cfg.generation ||
	       rescore_records_slow(key);
}

RESCORE_FUNCTION int rescore_payer_add_more(__u64 key, __u32 slot, bool spare)
{
	__u64 value = slot, before;

	if (!spare)
		spare = rescore_is_admin();

	/* counted first: a remover must not overlook it */
	before = __sync_fetch_and_add(&rescore_meta.payers_overflow, 1);
	if ((spare || before < rescore_payers_room()) &&
	    !bpf_map_update_elem(&payers_more, &key, &value, BPF_NOEXIST))
		return 0;
	__sync_fetch_and_add(&rescore_meta.payers_overflow, -1);
	__sync_fetch_and_add(&rescore_meta.payers_lost, 1);
	return -1;
}

RESCORE_FUNCTION int rescore_payer_take_more(__u64 key)
{
	__u64 *found = bpf_map_lookup_elem(&payers_more, &key);
	int slot;

	if (!found)
		return -1;
	slot = READ_ONCE(*found);
	if (bpf_map_delete_elem(&payers_more, &key))
		return -1;
	__sync_fetch_and_add(&rescore_meta.payers_overflow, -1);
	return slot;
}

/*
 * 0, or -1: there is no room, and the object must be refused. A key may be added
 * several times (credits); in payers_more there is room for one of them.
 */
static __always_inline int rescore_payer_add(__u64 key, __u32 slot)
{
	struct rescore_bucket *bucket = rescore_payer_bucket(key);

	if (bucket && !rescore_bucket_add(bucket, key | slot))
		return 0;
	return rescore_payer_add_more(key, slot, false);
}

/*
 * The slot recorded for @key (0..65535), or -1. A credit of slot 0 is a
 * controller's own mark.
 */
static __always_inline int rescore_payer_find(__u64 key)
{
	struct rescore_bucket *bucket = rescore_payer_bucket(key);
	__u64 entry, *more;
	bool full;

	if (!bucket)
		return -1;
	entry = rescore_bucket_find(bucket, key, &full);
	if (entry)
		return RESCORE_SLOT(entry);
	if (!full || !READ_ONCE(rescore_meta.payers_overflow))
		return -1;
	more = bpf_map_lookup_elem(&payers_more, &key);
	return more ? (int)READ_ONCE(*more) : -1;
}

static __always_inline int
rescore_payer_take_from(struct rescore_bucket *bucket, __u64 key)
{
	__u64 entry;
	bool full;

	entry = rescore_bucket_swap(bucket, key, RESCORE_TOMB, &full);
	if (entry)
		return RESCORE_SLOT(entry);
	if (!full || !READ_ONCE(rescore_meta.payers_overflow))
		return -1;
	return rescore_payer_take_more(key);
}

/* Remove it. The slot that was recorded, or -1. */
static __always_inline int rescore_payer_take(__u64 key)
{
	struct rescore_bucket *bucket = rescore_payer_bucket(key);

	return bucket ? rescore_payer_take_from(bucket, key) : -1;
}

/*
 * For a program that is RESCORE_LATE: it asks rescore_active(), if there can be
 * anything. NULL: there is nothing, or it is up to another.
 */
static __always_inline struct rescore_bucket *
rescore_payer_bucket_late(__u64 key)
{
	struct rescore_bucket *bucket = rescore_payer_bucket(key);

	if (!bucket || rescore_bucket_is_new(bucket) || !rescore_active())
		return NULL;
	return bucket;
}

/* The same as rescore_payer_take() for such a program. */
static __always_inline int rescore_payer_take_late(__u64 key)
{
	struct rescore_bucket *bucket = rescore_payer_bucket_late(key);

	return bucket ? rescore_payer_take_from(bucket, key) : -1;
}

/*
 * Record a new object. The kernel hands an address out again only after the
 * free, so what is found there is a free that we did not see: its slot goes to
 * *@missed (else -1). @spare: it exists already, use the spare room too. 0, or
 * -1: no room.
 */
static __always_inline int
rescore_payer_put(__u64 key, __u32 slot, int *missed, bool spare)
{
	struct rescore_bucket *bucket = rescore_payer_bucket(key);
	__u64 entry;
	bool full;

	*missed = -1;
	if (!bucket)
		return -1;
	entry = rescore_bucket_swap(bucket, key, key | slot, &full);
	if (entry) {
		__sync_fetch_and_add(&rescore_meta.missed_frees, 1);
		*missed = RESCORE_SLOT(entry);
		return 0;
	}
	if (full && READ_ONCE(rescore_meta.payers_overflow)) {
		*missed = rescore_payer_take_more(key);
		if (*missed >= 0)
			__sync_fetch_and_add(&rescore_meta.missed_frees, 1);
	}
	if (!rescore_bucket_add(bucket, key | slot))
		return 0;
	return rescore_payer_add_more(key, slot, spare);
}

#endif /* RESCORE_PAYER_H */
