/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Membership: a task belongs to the container that its cgroup is recorded for.
 * A new child cgroup is recorded when it is made (rescore.bpf.c), so one look-up
 * by the id of the task's own cgroup is enough, whatever the depth.
 */
#ifndef RESCORE_CONTAINER_H
#define RESCORE_CONTAINER_H

#include "bucket.h"

static __always_inline struct rescore_bucket *rescore_member_bucket(__u64 key)
{
#ifdef RESCORE_NATIVE
	__u32 hash = rescore_hash(key, rescore_cfg.members_shift);

	return bpf_map_lookup_elem(&members, &hash);
#else
	return members + rescore_hash(key, rescore_cfg.members_shift);
#endif
}

RESCORE_FUNCTION __u32 rescore_member_more(__u64 key)
{
	__u64 *slot;

	if (!READ_ONCE(rescore_meta.members_overflow))
		return 0;
	slot = bpf_map_lookup_elem(&members_more, &key);
	return slot ? READ_ONCE(*slot) : 0;
}

/* Slot of the container of cgroup @id; 0: of none, unless *@ret_full. */
static __always_inline __u32 rescore_member_near(__u64 id, bool *ret_full)
{
	__u64 key = RESCORE_KEY(id), entry;
	__u32 slot;

	entry = rescore_bucket_find(rescore_member_bucket(key), key, ret_full);
	if (!entry)
		return 0;
	slot = RESCORE_SLOT(entry);
	/* or the compiler joins both ways, and the caller asks once more */
	asm volatile("" : "+r"(slot));
	return slot;
}

/* Slot of the container of cgroup @id; 0: of none. */
static __always_inline __u32 rescore_member(__u64 id)
{
	bool full;
	__u32 slot = rescore_member_near(id, &full);

	return full ? rescore_member_more(RESCORE_KEY(id)) : slot;
}

/*
 * What containers make themselves gets this much of members_more. The loader makes it
 * larger, by one for each slot: a container that makes all the cgroups there can be is
 * not to keep the administrator from making another container.
 */
static __always_inline __u64 rescore_members_room(void)
{
	return 1ULL << (64 - rescore_cfg.members_shift);
}

/* 0, or -1: there is no room for it. @spare: the spare room may be used, too. */
static __always_inline int rescore_member_add(__u64 id, __u32 slot, bool spare)
{
	__u64 key = RESCORE_KEY(id), value = slot, before;

	if (!rescore_bucket_add(rescore_member_bucket(key), key | slot))
		return 0;

	/* counted first: a reader must not overlook it */
	before = __sync_fetch_and_add(&rescore_meta.members_overflow, 1);
	if ((spare || before < rescore_members_room()) &&
	    !bpf_map_update_elem(&members_more, &key, &value, BPF_ANY))
		return 0;
	__sync_fetch_and_add(&rescore_meta.members_overflow, -1);
	return -1;
}

static __always_inline void rescore_member_remove(__u64 id)
{
	__u64 key = RESCORE_KEY(id);
	bool full;

	if (rescore_bucket_swap(rescore_member_bucket(key), key, RESCORE_TOMB,
				&full))
		return;
	if (READ_ONCE(rescore_meta.members_overflow) &&
	    !bpf_map_delete_elem(&members_more, &key))
		__sync_fetch_and_add(&rescore_meta.members_overflow, -1);
}

#ifndef RESCORE_NATIVE

/* Nobody can dig that deep: each level costs the kernel memory of the digger. */
#define RESCORE_DEPTH_MAX	(1 << 20)

struct rescore_climb {
	struct cgroup *cgrp;
	__u32 slot;
};

static long rescore_climb_step(__u32 index, void *arg)
{
	struct rescore_climb *climb = arg;
	struct cgroup *cgrp = climb->cgrp;
	struct cgroup_subsys_state *parent;

	parent = BPF_CORE_READ(cgrp, self.parent);
	if (!parent)
		return 1;
	cgrp = BPF_CORE_READ(parent, cgroup);
	climb->cgrp = cgrp;
	climb->slot = rescore_member(BPF_CORE_READ(cgrp, kn, id));
	return climb->slot != 0;
}

/*
 * Of a cgroup whose bucket is full. If some cgroup could not be recorded (it takes a
 * container that makes tens of thousands of them), it may be this one: then all its
 * ancestors are asked.
 */
RESCORE_FUNCTION __u32 rescore_slot_far(__u64 address)
{
	struct cgroup *cgrp = (void *)address;
	struct rescore_climb climb = { .cgrp = cgrp };

	climb.slot =
		rescore_member_more(RESCORE_KEY(BPF_CORE_READ(cgrp, kn, id)));
	if (!climb.slot && READ_ONCE(rescore_meta.members_lost))
		bpf_loop(RESCORE_DEPTH_MAX, rescore_climb_step, &climb, 0);
	return climb.slot;
}

static __always_inline __u32 rescore_slot_of_cgroup(struct cgroup *cgrp)
{
	bool full;
	__u32 slot = rescore_member_near(cgrp->kn->id, &full);

	return full ? rescore_slot_far(rescore_address(cgrp)) : slot;
}

static __always_inline __u32 rescore_slot_of(struct task_struct *task)
{
	return rescore_slot_of_cgroup(task->cgroups->dfl_cgrp);
}

/* Slot of the running task's container; 0: it is in none. */
static __always_inline __u32 rescore_current(void)
{
	return rescore_slot_of(bpf_get_current_task_btf());
}

#endif

#endif /* RESCORE_CONTAINER_H */
