// SPDX-License-Identifier: GPL-2.0
/*
 * privvmpages: private writable address space, in pages: heap, stacks, data and
 * copies of files that were mapped to be written to, whether they were touched or
 * not. A program that asks for too much hears so when it asks (ENOMEM), as on a
 * machine with so much memory, and is not killed later.
 *
 * Charged     when mmap, brk, mremap, mprotect, fork or exec ask the kernel for
 *             it: reserved at the check, settled at the end of the call from
 *             the kernel's own figures (data_vm + stack_vm of the mm_struct, of
 *             which /proc/PID/status makes VmData + VmStk).
 * Uncharged   by munmap and its like, and with the address space: at exec, or
 *             when the last process that shares it exits.
 * Who pays    the container in which the program was executed, or its process
 *             forked: a process that is moved takes its memory along only with
 *             its next exec. Memory is counted once per address space, however
 *             many threads and vfork()ed children share it.
 * Refused     mmap, brk, mremap, mprotect, fork: ENOMEM. Growth of a stack, and
 *             exec up to where it cannot fail any more, above the limit:
 *             SIGSEGV, E2BIG or ENOMEM.
 * Costs       4 hooks an mmap and munmap; none in a page fault.
 *
 * lockedpages: pages locked into memory: VmLck (mlock, mlockall, MAP_LOCKED), and
 * System V segments (SHM_LOCK).
 *
 * Charged     as they are locked.
 * Uncharged   after munlock, munmap, SHM_UNLOCK; with the address space, or the
 *             segment.
 * Who pays    as for privvmpages; for a segment whose task locked it first.
 * Refused     mmap with MAP_LOCKED or after mlockall(MCL_FUTURE): EAGAIN.
 *             SHM_LOCK: ENOMEM. mlock and mlockall only where the kernel asks:
 *             above RLIMIT_MEMLOCK, a task with CAP_IPC_LOCK: ENOMEM (EPERM if
 *             the rlimit is 0). Below it they are counted, and reported if above
 *             the bound; nobody inside may raise that rlimit while there is a
 *             bound.
 * Costs       2 hooks an mlock and munlock; one in each check of a capability.
 *
 * shmpages: memory that is a file without a disk: see shm.h.
 *
 * What serves all of them is called vm__<what>. The parts:
 *
 *	vm.h		the books of an address space
 *	vmcall.h	what system call it is, and what it asks for
 *	vmask.h		what asks in the kernel's stead
 *	vmover.h	what an mmap replaces
 *	vmsettle.h	what it has become
 *	vmfork.h	fork, exec, exit
 *	vmlock.h	lockedpages
 *	shm.h		shmpages
 *	shmuffd.h	what userfaultfd() puts into files
 */
#include "vm.h"

char LICENSE[] SEC("license") = "GPL";

RESCORE_RESOURCE(privvmpages) = {
	.name = "privvmpages",
	.unit = RESCORE_PAGES,
	.flags = RESCORE_DENIABLE,
	.err = ENOMEM,
	.ubc_index = 3,
	.help = "private writable address space, touched or not",
};

RESCORE_RESOURCE(lockedpages) = {
	.name = "lockedpages",
	.unit = RESCORE_PAGES,
	.flags = RESCORE_DENIABLE,
	.err = ENOMEM,
	.ubc_index = 2,
	.help = "pages locked into memory: mlock, mlockall, MAP_LOCKED, SHM_LOCK",
};

#include "shm.h"
#include "vmask.h"
#include "shmuffd.h"
#include "vmfork.h"
#include "vmlock.h"
#include "vmsettle.h"

/*
 * The kernel's own question: of all three rows, since what a hook on this path
 * costs is the hook. Files in memory ask it for the process that writes to them.
 * A copy that runs after another finds that all was reserved.
 */
RESCORE_TWICE_LATE("fmod_ret/security_vm_enough_memory_mm", vm__enough,
		   struct mm_struct *mm, long pages)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool is_own = rescore_address(mm) == rescore_address(task->mm);
	__u32 severity = RESCORE_HARD;
	struct rescore_syscall call;
	enum vm_call what;
	struct vm *vm;

	if (shm_refuse(task->pid))
		return -ENOMEM;
	vm = vm_find(mm);
	if (is_own && !vm && !vm_is_near(rescore_address(task)))
		return 0;
	if (!rescore_active())
		return 0;
	rescore_syscall_of(&call, task);
	what = vm_call_of(&call);
	/*
	 * An mmap was asked about with its address. Those of 32 bits take arguments
	 * from memory: that may be a stack, which grows then.
	 */
	if (is_own && what == VM_CALL_MMAP && !call.compat)
		return 0;
	if (!vm && !is_own)
		return mm->map_count == 0 && vm_exec(mm, pages) ? -ENOMEM : 0;
	if (vm && vm->denied && vm->denied == vm_thread())
		return -ENOMEM;
	if (what == VM_CALL_FORK)
		return vm_fork_copy(mm) ? -ENOMEM : 0;
	if (!vm || what == VM_CALL_OTHER || (is_own && vm_is_mmap(what)))
		return 0;
	if (what == VM_CALL_EXEC)
		severity = RESCORE_SOFT;
	if (vm_reserve_private(vm, mm, pages, severity))
		return -ENOMEM;
	return 0;
}

/* --- for the audit -------------------------------------------------------------------- */

SEC("iter/task")
int privvmpages__truth(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct mm_struct *mm = task ? task->mm : NULL;
	struct vm *vm = mm ? vm_find(mm) : NULL;

	if (vm)
		rescore_truth_write(ctx->meta->seq, rescore_address(mm),
				    vm->slot, vm_private(mm));
	return 0;
}

SEC("iter/task")
int lockedpages__truth(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct mm_struct *mm = task ? task->mm : NULL;
	struct vm *vm = mm ? vm_find(mm) : NULL;

	if (vm)
		rescore_truth_write(ctx->meta->seq, rescore_address(mm),
				    vm->slot, mm->locked_vm);
	return 0;
}

/* ...and what SHM_LOCK locked. */
SEC("iter/bpf_map_elem")
int lockedpages__truth_segments(struct bpf_iter__bpf_map_elem *ctx)
{
	struct vm_segment *segment = ctx->value;
	__u64 *inode = ctx->key;

	if (!segment || !inode)
		return 0;
	if (BPF_CORE_READ(shm_info(*inode), flags) & VM_LOCKED)
		rescore_truth_write(ctx->meta->seq, *inode, segment->slot,
				    vm_segment_pages((void *)*inode));
	return 0;
}
