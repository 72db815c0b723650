/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address spaces that begin and end: fork, exec, exit. Part of vm.bpf.c.
 */
#ifndef RESCORE_VMFORK_H
#define RESCORE_VMFORK_H

#include "vm.h"

static __always_inline void vm_end(__u64 key)
{
	struct vm *vm = vm_lookup(key);
	__u64 pages, locked;
	__u32 slot;

	if (!vm)
		return;
	slot = vm->slot;
	pages = vm->private & VM_PAGES_MASK;
	locked = vm->locked & VM_PAGES_MASK;
	if (vm_remove(key))
		return;
	rescore_amount_change(slot, privvmpages.id, pages, 0);
	if (locked)
		rescore_amount_change(slot, lockedpages.id, locked, 0);
}

/* 0, or -1: there is no room for it. */
static __always_inline int vm_add(__u64 key, __u32 slot, __u64 private)
{
	struct vm vm = { .slot = slot, .private = private };

	if (vm_lookup(key)) {
		/* its end was not seen */
		__sync_fetch_and_add(&rescore_meta.missed_frees, 1);
		vm_end(key);
	}
	return vm_insert(key, &vm);
}

/* The first page of the stack that execve makes for a new program. */
static __always_inline int vm_exec(struct mm_struct *mm, __u64 pages)
{
	__u32 slot = rescore_current();

	if (!slot)
		return 0;
	if (rescore_amount_try(slot, privvmpages.id, pages, RESCORE_SOFT))
		return -1;
	if (!vm_add(rescore_address(mm), slot, pages))
		return 0;
	rescore_amount_change(slot, privvmpages.id, pages, 0);
	rescore_no_room(slot, privvmpages.id, pages);
	return -1;
}

/* It may not be removed as an address space is: it has a task for locked pages. */
static __always_inline void vm_fork_end(__u64 key)
{
	struct vm *fork = vm_lookup(key);
	__u64 pages;
	__u32 slot;

	if (!fork)
		return;
	pages = fork->private & VM_PAGES_MASK;
	slot = fork->slot;
	if (!vm_remove(key))
		rescore_amount_change(slot, privvmpages.id, pages, 0);
}

/*
 * A fork begins: what the new address space may hold is reserved, on every level
 * of a tree. The kernel itself asks later, and only if there is something that it
 * accounts; so a process with nothing but MAP_NORESERVE would not be asked about.
 * The entry, keyed by the task that forks, makes sure that the new address space
 * will have one.
 *
 * Where this is a tracing program it runs before numproc's (the last to be
 * attached is the first to run), which has charged nothing yet if this refuses.
 */
RESCORE_SECURITY(privvmpages__fork, task_alloc, security_task_alloc,
		 struct task_struct *child, unsigned long flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 key = rescore_address(task), n;
	struct vm fork = { .child = rescore_address(child) };
	struct mm_struct *mm = task->mm;

	if (!mm || flags & CLONE_VM)
		return 0;
	fork.slot = rescore_slot_of(task);
	if (!fork.slot)
		return 0;
	vm_fork_end(key);
	n = vm_private(mm);
	if (rescore_amount_try(fork.slot, privvmpages.id, n, RESCORE_HARD))
		return -ENOMEM;
	fork.private = (__u64)vm_thread() << VM_PAGES_BITS | n;
	if (vm_insert(key, &fork)) {
		rescore_amount_change(fork.slot, privvmpages.id, n, 0);
		rescore_no_room(fork.slot, privvmpages.id, n);
		return -ENOMEM;
	}
	return 0;
}

/*
 * Another program refused it, here or in another LSM. Where this is an lsm
 * program the kernel tells all of them to forget the task.
 */
SEC("fexit/security_task_alloc")
int RESCORE_PROG(privvmpages__refused__nolsm, struct task_struct *child,
		 unsigned long flags, int ret)
{
	if (ret && !(flags & CLONE_VM))
		vm_fork_end(rescore_address(bpf_get_current_task_btf()));
	return 0;
}

/*
 * The kernel copies the address space, and nobody can change it meanwhile, as
 * other threads could between the beginning and now.
 */
static __always_inline int vm_fork_copy(struct mm_struct *mm)
{
	struct vm *fork = vm_find_fork();

	if (!fork)
		return 0;
	return vm_reserve(fork, &fork->private, 0, vm_private(mm),
			  privvmpages.id | RESCORE_HARD << 8);
}

/* Before the child runs. */
RESCORE_TWICE("tp_btf/task_newtask", vm__forked, struct task_struct *child,
	      unsigned long flags)
{
	__u64 key = rescore_address(bpf_get_current_task_btf()), pages = 0, now;
	struct mm_struct *mm = child->mm;
	struct vm *fork;
	__u32 payer = 0, slot;

	if (!mm || flags & CLONE_VM)
		return 0;
	slot = rescore_slot_of(child);
	fork = vm_lookup(key);
	if (fork) {
		payer = fork->slot;
		pages = fork->private & VM_PAGES_MASK;
		/* the new one's entry takes its place */
		vm_remove(key);
	} else if (vm_find(mm)) {
		return 0;	/* the other copy was here */
	}
	now = vm_private(mm);
	if (slot != payer) {
		rescore_amount_change(payer, privvmpages.id, pages, 0);
		pages = 0;
	}
	if (!slot)
		return 0;
	if (vm_add(rescore_address(mm), slot, now)) {
		rescore_amount_change(slot, privvmpages.id, pages, 0);
		rescore_no_room(slot, privvmpages.id, now);
		return 0;
	}
	rescore_amount_change(slot, privvmpages.id, pages, now);
	return 0;
}

/* A fork that failed. (Tasks that die are freed in any context, under any task.) */
RESCORE_SECURITY_VOID(vm__unfork, task_free, security_task_free,
		      struct task_struct *child)
{
	struct vm *fork;

	if (!rescore_active())
		return 0;
	fork = vm_find_fork();
	if (fork && fork->child == rescore_address(child))
		vm_fork_end(rescore_address(bpf_get_current_task_btf()));
	/* of a fork, or a segment, that it did not bring to an end */
	vm_fork_end(rescore_address(child));
	shm_remove(rescore_address(child));
	return 0;
}

RESCORE_TWICE("fentry/exit_mmap", vm__exit, struct mm_struct *mm)
{
	vm_end(rescore_address(mm));
	return 0;
}

/*
 * The address can be another's from now on. Only an execve that failed as it made
 * the stack comes here without the above.
 */
SEC("fentry/__mmdrop")
int RESCORE_REPEATABLE(vm__drop, struct mm_struct *mm)
{
	vm_end(rescore_address(mm));
	return 0;
}

#endif /* RESCORE_VMFORK_H */
