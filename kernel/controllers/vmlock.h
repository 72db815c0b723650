/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Locked pages: what refuses them, and the segments that SHM_LOCK locks. Part of
 * vm.bpf.c.
 */
#ifndef RESCORE_VMLOCK_H
#define RESCORE_VMLOCK_H

#include "vmask.h"

/* What mlock or mlockall ask for; 0: the running task is in neither. */
static __always_inline __u64 vm_mlock_pages(struct mm_struct *mm)
{
	struct rescore_syscall call;
	__u64 start;

	rescore_syscall_get(&call);
	if (rescore_syscall_is(&call, 151, 152))
		return mm->total_vm - vm_locked(mm);
	if (!rescore_syscall_is(&call, 149, 150) &&
	    !rescore_syscall_is(&call, 325, 376))
		return 0;
	start = rescore_syscall_arg(&call, 0) & (PAGE_SIZE - 1);
	return vm_pages(start + rescore_syscall_arg(&call, 1));
}

/*
 * Asked about a request above RLIMIT_MEMLOCK only, by a task that has the
 * capability. There is nothing else in mlock that can refuse.
 */
RESCORE_SECURITY_IF(lockedpages__capable, cap == CAP_IPC_LOCK, capable,
		    security_capable, const struct cred *cred,
		    struct user_namespace *ns, int cap, unsigned int opts)
{
	struct mm_struct *mm;
	struct vm *vm;
	__u64 pages;

	mm = bpf_get_current_task_btf()->mm;
	vm = mm ? vm_find(mm) : NULL;
	if (!vm)
		return 0;
	pages = vm_mlock_pages(mm);
	if (pages && vm_reserve_locked(vm, mm, pages))
		return -EPERM;
	return 0;
}

/* So nobody inside may raise RLIMIT_MEMLOCK where lockedpages has a bound. */
RESCORE_SECURITY(lockedpages__rlimit, task_setrlimit, security_task_setrlimit,
		 struct task_struct *task, unsigned int resource,
		 struct rlimit *new)
{
	struct rescore_line *line;
	__u32 slot;

	if (resource != RLIMIT_MEMLOCK)
		return 0;
	slot = rescore_current();
	line = slot ? rescore_line(slot, lockedpages.id) : NULL;
	if (!line || READ_ONCE(line->barrier) == RESCORE_UNLIMITED ||
	    READ_ONCE(line->flags) & RESCORE_OBSERVE)
		return 0;
	if (BPF_CORE_READ(new, rlim_cur) >
	    BPF_CORE_READ(task, signal, rlim[RLIMIT_MEMLOCK].rlim_cur))
		return -EPERM;
	return 0;
}

/* --- SHM_LOCK ------------------------------------------------------------------ */

/* A locked segment is no part of an address space: keyed by its inode. */
struct vm_segment {
	__u64 pages;
	__u32 slot;		/* whose task locked it */
	__u32 reserved;
};

RESCORE_AMOUNTS(lockedpages, struct vm_segment, 16);

static __always_inline __u64 vm_segment_pages(struct inode *inode)
{
	return vm_pages(BPF_CORE_READ(inode, i_size));
}

static __always_inline struct inode *vm_segment_of(struct kern_ipc_perm *perm)
{
	/* shm_perm is its first member */
	struct shmid_kernel *shp = (struct shmid_kernel *)perm;

	return BPF_CORE_READ(shp, shm_file, f_inode);
}

/*
 * Asked whatever the rlimit is. It may come to nothing yet, and nobody would tell:
 * charged when it was done, so that CPUs which lock at the same instant may pass
 * the bound by a segment each.
 */
RESCORE_SECURITY(lockedpages__shmctl, shm_shmctl, security_shm_shmctl,
		 struct kern_ipc_perm *perm, int cmd)
{
	struct inode *inode;
	__u32 slot;

	if (cmd != SHM_LOCK || !perm)
		return 0;
	slot = rescore_current();
	if (!slot)
		return 0;
	inode = vm_segment_of(perm);
	if (RESCORE_FIND(lockedpages, rescore_scalar(&inode)))
		return 0;
	if (rescore_check(slot, lockedpages.id, vm_segment_pages(inode),
			  RESCORE_HARD))
		return -ENOMEM;
	return 0;
}

/*
 * A segment that is attached after mlockall(MCL_FUTURE) is locked in this address
 * space. Asked before the mmap lock is taken, so threads of a process that attach
 * at the same instant may pass the bound by a segment each.
 */
RESCORE_SECURITY(lockedpages__attach, shm_shmat, security_shm_shmat,
		 struct kern_ipc_perm *perm)
{
	struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	struct vm *vm;

	if (!perm || !mm || !(mm->def_flags & VM_LOCKED))
		return 0;
	vm = vm_find(mm);
	if (vm &&
	    vm_reserve_locked(vm, mm, vm_segment_pages(vm_segment_of(perm))))
		return -ENOMEM;
	return 0;
}

static __always_inline void vm_segment_locked(struct inode *inode, __u64 key)
{
	struct vm_segment segment = { .slot = rescore_current() };

	if (!segment.slot || RESCORE_FIND(lockedpages, key))
		return;
	segment.pages = vm_segment_pages(inode);
	if (RESCORE_ADD(lockedpages, key, &segment)) {
		rescore_no_room(segment.slot, lockedpages.id, segment.pages);
		return;
	}
	rescore_amount_change(segment.slot, lockedpages.id, 0, segment.pages);
	rescore_amount_over(segment.slot, lockedpages.id, segment.pages);
}

static __always_inline void vm_segment_unlocked(__u64 key)
{
	struct vm_segment *found = RESCORE_FIND(lockedpages, key), segment;

	if (!found)
		return;
	segment = *found;
	if (!RESCORE_REMOVE(lockedpages, key))
		rescore_amount_change(segment.slot, lockedpages.id,
				      segment.pages, 0);
}

/* Unlocked by SHM_UNLOCK, and when the segment is destroyed. */
RESCORE_TWICE("fexit/shmem_lock", lockedpages__segment, struct file *file,
	      int lock, struct ucounts *ucounts, int ret)
{
	struct inode *inode = file->f_inode;
	__u64 key = rescore_address(inode);

	if (!lock)
		vm_segment_unlocked(key);
	else if (!ret)
		vm_segment_locked(inode, key);
	return 0;
}

#endif /* RESCORE_VMLOCK_H */
