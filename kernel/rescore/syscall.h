/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The system call that the running task is in, and its arguments, as registers
 * had them when it began. A program cannot change those while the call runs. In
 * a page fault or an interrupt of user space there is none of the numbers below:
 * the kernel has the fault's error code in their place, or -1.
 */
#ifndef RESCORE_SYSCALL_H
#define RESCORE_SYSCALL_H

#include "bpf.h"

struct rescore_syscall {
	struct pt_regs *regs;
	__u64 nr;
	bool compat;		/* of 32 bits: other numbers, other registers */
};

#define RESCORE_TS_COMPAT	2		/* asm/thread_info.h */
#define RESCORE_X32_BIT		0x40000000ULL	/* the numbers are the same */

/* Is it a call of 32 bits, i386's, that @task is in, the running one? */
static __always_inline bool rescore_syscall_is_compat(struct task_struct *task)
{
	return task->thread_info.status & RESCORE_TS_COMPAT;
}

/* @task: the running one. */
static __always_inline void
rescore_syscall_of(struct rescore_syscall *call, struct task_struct *task)
{
	call->regs = (struct pt_regs *)bpf_task_pt_regs(task);
	call->compat = rescore_syscall_is_compat(task);
	call->nr = call->regs->orig_ax;
	if (!call->compat)
		call->nr &= ~RESCORE_X32_BIT;
}

static __always_inline void rescore_syscall_get(struct rescore_syscall *call)
{
	rescore_syscall_of(call, bpf_get_current_task_btf());
}

/* Is it number @native, or @compat of the 32-bit table? */
static __always_inline bool
rescore_syscall_is(const struct rescore_syscall *call, __u32 native,
		   __u32 compat)
{
	return call->nr == (call->compat ? compat : native);
}

/* Argument 0 to 3. */
static __always_inline __u64
rescore_syscall_arg(const struct rescore_syscall *call, int n)
{
	const struct pt_regs *regs = call->regs;

	if (call->compat)
		return (__u32)(n == 0 ? regs->bx :
			       n == 1 ? regs->cx :
			       n == 2 ? regs->dx :
					regs->si);
	return n == 0 ? regs->di :
	       n == 1 ? regs->si :
	       n == 2 ? regs->dx :
			regs->r10;
}

#endif /* RESCORE_SYSCALL_H */
