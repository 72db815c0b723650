// SPDX-License-Identifier: GPL-2.0
/*
 * numproc: tasks (processes and threads) of the container.
 *
 * Charged     at fork and clone, before the child exists. A task that is moved
 *             into the container, or made there by CLONE_INTO_CGROUP from
 *             outside, is charged without being refused: a move never fails.
 * Uncharged   when the task is reaped: zombies count. A fork that fails after
 *             it was charged is uncharged with its task_struct.
 * Who pays    the container that the task is in; the charge moves with it.
 * Refused     fork, vfork, clone: EAGAIN. clone3 with CLONE_INTO_CGROUP is
 *             checked against the caller's own container.
 * Costs       4 hooks a task's life; nothing between.
 */
#include "rescore.h"

char LICENSE[] SEC("license") = "GPL";

RESCORE_RESOURCE(numproc) = {
	.name = "numproc",
	.unit = RESCORE_COUNT,
	.flags = RESCORE_DENIABLE | RESCORE_MOVES,
	.err = EAGAIN,
	.ubc_index = 6,
	.objects = 1 << RESCORE_OBJ_TASK,
	.help = "processes and threads, until they are reaped",
};

RESCORE_SECURITY_LATE(numproc__fork, task_alloc, security_task_alloc,
		      struct task_struct *child)
{
	__u32 slot = rescore_current();
	__u64 key;

	if (!slot)
		return 0;
	key = rescore_object_key(rescore_address(child), RESCORE_OBJ_TASK);
	if (!rescore_records(key))
		return 0;
	if (rescore_try_charge_object(key, slot, numproc.id, RESCORE_HARD))
		return -EAGAIN;
	return 0;
}

SEC("fentry/release_task")
int RESCORE_LATE(numproc__reap, struct task_struct *task)
{
	rescore_uncharge_object(
		rescore_object_key(rescore_address(task), RESCORE_OBJ_TASK),
		numproc.id);
	return 0;
}

/*
 * A fork that failed, or a task whose reaping was skipped (RESCORE_SECURITY);
 * for all others the charge is gone by now.
 */
RESCORE_SECURITY_VOID(numproc__free, task_free, security_task_free,
		      struct task_struct *task)
{
	rescore_uncharge_object(
		rescore_object_key(rescore_address(task), RESCORE_OBJ_TASK),
		numproc.id);
	return 0;
}

/* Make @slot the payer of the task, whoever was. */
static __always_inline void numproc_move(__u64 key, __u32 slot)
{
	int found = rescore_payer_find(key);
	__u32 old = found > 0 ? found : 0;

	if (old == slot)
		return;
	if (old)
		rescore_uncharge_object(key, numproc.id);
	if (slot)
		rescore_force_charge_object(key, slot, numproc.id);
}

/*
 * Every change of a task's cgroup passes here, threads one by one, the child of
 * a fork once, with css_set_lock held: so moves of one task are in order.
 */
SEC("fentry/cgroup_move_task")
int RESCORE_PROG(numproc__move, struct task_struct *task, struct css_set *to)
{
	numproc_move(
		rescore_object_key(rescore_address(task), RESCORE_OBJ_TASK),
		rescore_slot_of_cgroup(to->dfl_cgrp));
	return 0;
}

/* Run over all tasks after a cgroup was attached or detached. */
SEC("iter/task")
int numproc__adopt(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task || !rescore_active())
		return 0;
	numproc_move(
		rescore_object_key(rescore_address(task), RESCORE_OBJ_TASK),
		rescore_slot_of(task));
	return 0;
}
