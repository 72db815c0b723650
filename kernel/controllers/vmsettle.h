/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A call is over: what has become of it? Part of vm.bpf.c.
 */
#ifndef RESCORE_VMSETTLE_H
#define RESCORE_VMSETTLE_H

#include "vmcall.h"

static __always_inline void vm_settle_books(struct vm *vm, struct mm_struct *mm)
{
	__u64 word = READ_ONCE(vm->private);

	if (vm->denied && vm->denied == vm_thread())
		vm->denied = 0;
	/* who owns a request has it ended there, whatever the figures are */
	if (vm_owner(word) || word != vm_private(mm))
		vm_settle_private(vm, mm, privvmpages.id);
	if (READ_ONCE(vm->locked) != READ_ONCE(mm->locked_vm))
		vm_settle_locked(vm, mm, lockedpages.id);
}

static __always_inline void vm_settle(struct mm_struct *mm)
{
	struct vm *vm = mm ? vm_find(mm) : NULL;

	if (vm && rescore_active())
		vm_settle_books(vm, mm);
}

static __always_inline void vm_settle_current(void)
{
	vm_settle(bpf_get_current_task_btf()->mm);
}

#define VM_SETTLE(section, name)			\
RESCORE_TWICE_LATE(section, name)				\
{							\
	vm_settle_current();				\
	return 0;					\
}

/*
 * The old mmap of 32 bits has its arguments in memory, where another thread can
 * exchange them between the kernel's look at them and ours. Nothing else gets more
 * than was reserved without a question. What it got cannot be taken back, so who
 * does that at the bound is killed.
 */
static __always_inline void
vm_punish(struct vm *vm, struct mm_struct *mm, struct task_struct *task)
{
	struct rescore_syscall call;
	__u64 word;
	__s64 more;

	/* asked first: it takes least, and most calls are of 64 bits */
	if (!rescore_syscall_is_compat(task))
		return;
	word = READ_ONCE(vm->private);
	more = vm_private(mm) - (word & VM_PAGES_MASK);
	if (more <= 0 || (vm_owner(word) && vm_owner(word) != vm_thread()))
		return;
	rescore_syscall_of(&call, task);
	if (vm_call_of(&call) != VM_CALL_MMAP_OLD)
		return;
	if (rescore_check(vm->slot, privvmpages.id, more, RESCORE_HARD))
		bpf_send_signal(SIGKILL);
}

/* After the mmap lock was dropped. */
RESCORE_TWICE_LATE("fexit/vm_mmap_pgoff", vm__mmapped)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;
	struct vm *vm = mm ? vm_find(mm) : NULL;

	if (!vm || !rescore_active())
		return 0;
	vm_punish(vm, mm, task);
	vm_settle_books(vm, mm);
	return 0;
}

VM_SETTLE("fexit/do_mprotect_pkey", privvmpages__protected)
VM_SETTLE("fexit/do_shmat", vm__shmat)
VM_SETTLE("fexit/__x64_sys_brk", vm__brk)
VM_SETTLE("fexit/__ia32_sys_brk", vm__brk32__opt)
VM_SETTLE("fexit/vm_brk_flags", vm__exec_brk)
VM_SETTLE("fexit/__x64_sys_mremap", vm__mremap)
VM_SETTLE("fexit/__ia32_sys_mremap", vm__mremap32__opt)
VM_SETTLE("fexit/__x64_sys_map_shadow_stack", vm__shadow__opt)
/* With the lock held. */
VM_SETTLE("fexit/apply_vma_lock_flags", lockedpages__mlock)
VM_SETTLE("fexit/apply_mlockall_flags", lockedpages__mlockall)

/*
 * The lock is held still when this is a part of mremap, or on 6.1 of an mmap in
 * the place of something else: the end of that settles.
 */
static __always_inline void vm_unmapped(struct mm_struct *mm, bool is_part)
{
	struct vm *vm = vm_find(mm);

	if (!vm || (is_part && vm_owner(READ_ONCE(vm->private)) == vm_thread()))
		return;
	if (rescore_active())
		vm_settle_books(vm, mm);
}

RESCORE_TWICE_LATE("fexit/do_vmi_munmap", vm__unmap__vmi,
		   struct vma_iterator *vmi, struct mm_struct *mm,
		   unsigned long start, size_t len, struct list_head *uf,
		   bool unlock)
{
	vm_unmapped(mm, !unlock);
	return 0;
}

RESCORE_TWICE_LATE("fexit/do_mas_munmap", vm__unmap__mas, struct ma_state *mas,
		   struct mm_struct *mm, unsigned long start, size_t len,
		   struct list_head *uf, bool downgrade)
{
	vm_unmapped(mm, !downgrade);
	return 0;
}

RESCORE_TWICE_LATE("fexit/expand_downwards", vm__expanded,
		   struct vm_area_struct *vma)
{
	vm_settle(vma->vm_mm);
	return 0;
}

#endif /* RESCORE_VMSETTLE_H */
