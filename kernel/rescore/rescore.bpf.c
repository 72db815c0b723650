// SPDX-License-Identifier: GPL-2.0
/*
 * The core's own programs: membership of cgroups as they come and go, the
 * administrator's exemption, and the table as text. What is counted is up to
 * the controllers.
 *
 * A program's name is <what it serves>__<what it does>[__<variant>]. The loader
 * leaves out one whose kernel function does not exist and says so in `status`;
 * of several variants one is enough. A name that ends in __opt is not needed
 * for its resource to be exact.
 */
#include "rescore.h"

char LICENSE[] SEC("license") = "GPL";

/* written by the loader */
RESCORE_ARRAY(hooks, struct rescore_hook);
RESCORE_ARRAY(knobs, struct rescore_knob);
RESCORE_ARRAY(figures, struct rescore_figure);

struct base_request {
	__u64 base;
};

/* For the loader: where rescore_meta is, see rescore_address(). */
SEC("syscall")
int core__base(struct base_request *request)
{
	/* meta.base is 0 yet: this is the distance of the task from it */
	__u64 distance = rescore_address(bpf_get_current_task_btf());

	request->base = bpf_get_current_task() - distance;
	return 0;
}

/* --- membership ---------------------------------------------------------- */

static __noinline int member_lost(__u32 slot)
{
	struct rescore_report report = {
		.slot = slot,
		.kind = RESCORE_EV_NO_MEMBER,
	};

	__sync_fetch_and_add(&rescore_meta.members_lost, 1);
	rescore_event_write(&report);
	return 0;
}

/* Ids of cgroup v1 hierarchies, each counted from 1, would be mistaken. */
static __always_inline bool is_cgroup2(struct cgroup *cgrp)
{
	return cgrp->root->hierarchy_id == 0;
}

/* A new cgroup belongs to its parent's container. Runs under cgroup_mutex. */
SEC("tp_btf/cgroup_mkdir")
int RESCORE_REPEATABLE(core__inherit, struct cgroup *cgrp, const char *path)
{
	__u32 slot;

	if (!is_cgroup2(cgrp))
		return 0;
	slot = rescore_slot_of_cgroup(cgrp->self.parent->cgroup);
	/* twice during an upgrade */
	if (slot && rescore_member(cgrp->kn->id))
		return 0;
	if (slot && rescore_member_add(cgrp->kn->id, slot, false))
		member_lost(slot);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int RESCORE_REPEATABLE(core__forget, struct cgroup *cgrp, const char *path)
{
	if (is_cgroup2(cgrp) && rescore_member(cgrp->kn->id))
		rescore_member_remove(cgrp->kn->id);
	return 0;
}

/* Recorded by a `create` that died half-way: nobody's. */
static __always_inline bool is_abandoned(__u32 slot)
{
	struct rescore_container *container;

	container = bpf_map_lookup_elem(&containers, &slot);
	return container && container->state == RESCORE_FREE;
}

/*
 * Attach or detach a subtree in one go. The walk holds cgroup_mutex, so no
 * cgroup is made or removed meanwhile. See rescore_meta.adopt_*.
 */
SEC("iter/cgroup")
int core__adopt(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgrp = ctx->cgroup;
	__u32 from = rescore_meta.adopt_from, to = rescore_meta.adopt_to, slot;
	bool is_root;
	__u64 id;

	if (!cgrp)
		return 0;
	id = cgrp->kn->id;
	is_root = ctx->meta->seq_num == 0;
	/* one that was not recorded may be inside of another container */
	slot = is_root ? rescore_slot_of_cgroup(cgrp) : rescore_member(id);
	if (slot == to)
		return 0;
	if (slot != from && !is_abandoned(slot)) {
		rescore_meta.adopt_foreign++;
		return 0;
	}
	rescore_meta.adopt_changed++;
	if (rescore_meta.adopt_dry)
		return 0;
	if (slot)
		rescore_member_remove(id);
	if (to && rescore_member_add(id, to, is_root))
		rescore_meta.adopt_failed++;
	return 0;
}

/* --- reading what the kernel counts -------------------------------------------- */

/*
 * Bring the kernel's per-CPU counts of all cgroups together; run on the root.
 * Kernels without this function do it when a file is read: rescore_refresh().
 */
extern void cgroup_rstat_flush(struct cgroup *cgrp) __ksym __weak;

SEC("iter.s/cgroup")
int core__flush__with_cgroup_rstat_flush__opt(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cgrp = ctx->cgroup;

	if (cgrp)
		cgroup_rstat_flush(cgrp);
	return 0;
}

/* --- the administrator's exemption ----------------------------------------- */

/* Values of a RESCORE_OBJ_ADMIN entry. */
enum { ADMIN_UNTIL_EXEC = 1, ADMIN_FOR_GOOD = 2 };

static __always_inline void admin_begin(__u64 task, __u32 how)
{
	__u64 key = rescore_object_key(task, RESCORE_OBJ_ADMIN);
	int stale;

	__sync_fetch_and_add(&rescore_meta.admins, 1);
	/* one that replaces a stale one is counted already */
	if (rescore_payer_put(key, how, &stale, true) || stale >= 0)
		__sync_fetch_and_add(&rescore_meta.admins, -1);
}

static __always_inline void admin_end(__u64 task)
{
	if (rescore_payer_take(rescore_object_key(task, RESCORE_OBJ_ADMIN)) >=
	    0)
		__sync_fetch_and_add(&rescore_meta.admins, -1);
}

struct admin_request {
	__u32 lasting;
};

/* Run by the administrator's process on itself. */
SEC("syscall")
int core__admin(struct admin_request *request)
{
	__u64 task = bpf_get_current_task();

	admin_end(task);
	admin_begin(task, request->lasting ? ADMIN_FOR_GOOD : ADMIN_UNTIL_EXEC);
	return 0;
}

SEC("tp_btf/task_newtask")
int RESCORE_REPEATABLE(core__admin_fork, struct task_struct *child)
{
	__u64 self;

	if (!READ_ONCE(rescore_meta.admins))
		return 0;
	self = rescore_object_key(bpf_get_current_task(), RESCORE_OBJ_ADMIN);
	if (rescore_payer_find(self) != ADMIN_FOR_GOOD)
		return 0;
	/* during an upgrade both generations come here */
	if (rescore_payer_find(rescore_object_key(rescore_address(child),
						  RESCORE_OBJ_ADMIN)) < 0)
		admin_begin(rescore_address(child), ADMIN_FOR_GOOD);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int RESCORE_REPEATABLE(core__admin_exec, struct task_struct *task)
{
	__u64 self;

	if (!READ_ONCE(rescore_meta.admins))
		return 0;
	self = rescore_object_key(bpf_get_current_task(), RESCORE_OBJ_ADMIN);
	if (rescore_payer_find(self) == ADMIN_UNTIL_EXEC)
		admin_end(bpf_get_current_task());
	return 0;
}

SEC("tp_btf/sched_process_exit")
int RESCORE_REPEATABLE(core__admin_exit, struct task_struct *task)
{
	if (READ_ONCE(rescore_meta.admins))
		admin_end(bpf_get_current_task());
	return 0;
}

/* --- /sys/fs/bpf/rescore/user_beancounters ---------------------------------- */

/*
 * OpenVZ's /proc/user_beancounters, version 2.5, 64-bit columns. uid is the
 * slot. Rows that no loaded controller counts are left out, not invented.
 */
SEC("iter/bpf_map_elem")
int core__user_beancounters(struct bpf_iter__bpf_map_elem *ctx)
{
	struct rescore_container *container = ctx->value;
	struct seq_file *seq = ctx->meta->seq;
	__u32 *key = ctx->key, slot, i;
	bool first = true;

	if (!container || !key)
		return 0;
	slot = *key;
	if (slot == 0) {
		BPF_SEQ_PRINTF(seq, "Version: 2.5\n");
		BPF_SEQ_PRINTF(seq, "%10s  %-12s %20s %20s %20s %20s %20s\n",
			       "uid", "resource", "held", "maxheld", "barrier",
			       "limit", "failcnt");
		return 0;
	}
	if (container->state != RESCORE_LIVE)
		return 0;

	for (i = 0; i < RESCORE_RESOURCES_MAX; i++) {
		__u32 id = rescore_meta.ubc_rows[i];
		struct rescore_resource *resource;
		struct rescore_line *line;

		if (!id--)
			break;
		resource = bpf_map_lookup_elem(&registry, &id);
		line = rescore_line(slot, id);
		if (!resource || !line)
			break;
		if (first)
			BPF_SEQ_PRINTF(seq, "%9u:  ", slot);
		else
			BPF_SEQ_PRINTF(seq, "            ");
		first = false;
		BPF_SEQ_PRINTF(seq,
			       "%-12s %20lld %20lld %20lld %20lld %20llu\n",
			       resource->name, line->held, line->maxheld,
			       line->barrier, line->limit, line->failcnt);
	}
	return 0;
}
