/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The books of one address space (struct mm_struct): who pays, and for what.
 *
 * A request is reserved when the kernel asks whether it may be: with the mmap
 * lock held for writing, so there is one at a time. It is settled when the call
 * is over, whatever became of it, from the kernel's own figures: then what was
 * not counted, or counted too much, is put right, however it came about. Between
 * the two the lock may have gone to the next request, of another thread: that
 * one's reservation takes what is really there into account, and the first
 * thread finds that the books are not its any more, and leaves them.
 *
 * So what is charged is one word: pages in the low bits, above them the thread
 * whose request is on its way (0: none), changed by compare-and-swap.
 */
#ifndef RESCORE_VM_H
#define RESCORE_VM_H

#include "rescore.h"
#include "amount.h"
#include "cells.h"
#include "syscall.h"
#include "truth.h"

#define VM_PAGES_BITS	42	/* 16 PiB; the other 22 are PID_MAX_LIMIT's */
#define VM_PAGES_MASK	((1ULL << VM_PAGES_BITS) - 1)
#define VM_TRIES	8

struct vm {
	__u64 private;		/* pages charged, and the owner of a request */
	union {
		__u64 locked;	/* the same for locked pages */
		__u64 child;	/* of a fork on its way: the new task */
	};
	__u32 slot;
	__u32 denied;		/* thread whose request is to be refused */
};

/*
 * An address space takes 64 KiB at least, with its task, page tables and stack.
 * A fork on its way has an entry as well, keyed by the task that forks.
 */
RESCORE_AMOUNTS(privvmpages, struct vm, 4);

/* Looked up several times in every mmap. */
#define VM_CELLS_BITS	14

RESCORE_CELLS(vm, struct vm, VM_CELLS_BITS, amounts_privvmpages);

static __always_inline __u32 vm_thread(void)
{
	return bpf_get_current_pid_tgid();
}

static __always_inline __u32 vm_owner(__u64 word)
{
	return word >> VM_PAGES_BITS;
}

static __always_inline struct vm *vm_find(struct mm_struct *mm)
{
	return vm_lookup(rescore_address(mm));
}

/* The entry of a fork on its way. */
static __always_inline struct vm *vm_find_fork(void)
{
	return vm_lookup(rescore_address(bpf_get_current_task_btf()));
}

/* What the kernel counts as private and writable, as VmData + VmStk show it. */
static __always_inline __u64 vm_private(struct mm_struct *mm)
{
	return (READ_ONCE(mm->data_vm) + READ_ONCE(mm->stack_vm)) &
	       VM_PAGES_MASK;
}

static __always_inline __u64 vm_locked(struct mm_struct *mm)
{
	return READ_ONCE(mm->locked_vm) & VM_PAGES_MASK;
}

/*
 * The running thread asks for @n pages more than the @actual. 0, or -1: refuse.
 * What it has reserved already in this call (two hooks may see it) is not asked
 * for again. @word: of one of @vm's two.
 */
static __noinline int vm_reserve(struct vm *vm, __u64 *word, __u64 actual,
				 __u64 n, __u32 resource_and_severity)
{
	__u32 resource = resource_and_severity & 0xff;
	__u32 severity = resource_and_severity >> 8;
	__u64 old, want = actual + n, thread = vm_thread();
	__s64 charged = 0, delta;
	int i;

	if (!vm || !word)
		return 0;
	/* the sum must not wrap, nor reach the owner's bits */
	if (n > VM_PAGES_MASK || want > VM_PAGES_MASK)
		want = VM_PAGES_MASK;
	for (i = 0; i < VM_TRIES; i++) {
		old = READ_ONCE(*word);
		if (vm_owner(old) == thread && (old & VM_PAGES_MASK) >= want)
			break;
		delta = want - (old & VM_PAGES_MASK) - charged;
		if (delta > 0 &&
		    rescore_amount_try(vm->slot, resource, delta, severity))
			goto refuse;
		if (delta < 0)
			rescore_amount_change(vm->slot, resource, -delta, 0);
		charged += delta;
		if (rescore_swapped(word, old, thread << VM_PAGES_BITS | want))
			return 0;
	}
	/* reserved already, or (never seen) settled by others all the time */
	rescore_amount_change(vm->slot, resource, charged, 0);
	return i < VM_TRIES ? 0 : -1;
refuse:
	rescore_amount_change(vm->slot, resource, charged, 0);
	return -1;
}

/*
 * A call is over: what is charged becomes what there is. Another thread's
 * request that is on its way has seen to ours. Returns how much more there was
 * than was charged.
 */
static __always_inline __u64 vm_settle_word(struct vm *vm, __u64 *word,
					    struct mm_struct *mm,
					    __u64 (*actual)(struct mm_struct *),
					    __u32 resource)
{
	__u64 old, now, thread = vm_thread(), more = 0;
	int i;

	/* looked at again after each change: another may have come meanwhile */
	for (i = 0; i < VM_TRIES; i++) {
		old = READ_ONCE(*word);
		if (vm_owner(old) && vm_owner(old) != thread)
			break;
		now = actual(mm);
		if (old == now)
			break;
		if (!rescore_swapped(word, old, now))
			continue;
		old &= VM_PAGES_MASK;
		if (old == now)
			continue;
		if (now > old)
			more += now - old;
		rescore_amount_change(vm->slot, resource, old, now);
	}
	return more;
}

static __noinline int
vm_settle_private(struct vm *vm, struct mm_struct *mm, __u32 resource)
{
	if (vm && mm)
		vm_settle_word(vm, &vm->private, mm, vm_private, resource);
	return 0;
}

/* What could not be refused is reported when it should have been. */
static __noinline int
vm_settle_locked(struct vm *vm, struct mm_struct *mm, __u32 resource)
{
	__u64 more;

	if (!vm || !mm)
		return 0;
	more = vm_settle_word(vm, &vm->locked, mm, vm_locked, resource);
	if (more)
		rescore_amount_over(vm->slot, resource, more);
	return 0;
}

#endif /* RESCORE_VM_H */
