/* SPDX-License-Identifier: GPL-2.0 */
/*
 * May there be more? What asks in the kernel's stead. Part of vm.bpf.c.
 */
#ifndef RESCORE_VMASK_H
#define RESCORE_VMASK_H

#include "vmcall.h"
#include "vmover.h"

static __always_inline int
vm_reserve_private(struct vm *vm, struct mm_struct *mm, __u64 pages,
		   __u32 severity)
{
	return vm_reserve(vm, &vm->private, vm_private(mm), pages,
			  privvmpages.id | severity << 8);
}

static __always_inline int
vm_reserve_locked(struct vm *vm, struct mm_struct *mm, __u64 pages)
{
	return vm_reserve(vm, &vm->locked, vm_locked(mm), pages,
			  lockedpages.id | RESCORE_HARD << 8);
}

/* Pages by which brk moves the end of the heap up; 0: none. */
static __always_inline __u64 vm_brk_pages(struct mm_struct *mm,
					  const struct rescore_syscall *call)
{
	__u64 now = vm_pages(mm->brk);
	__u64 want = vm_pages(rescore_syscall_arg(call, 0));

	return want > now ? want - now : 0;
}

/*
 * The kernel chose an address, in mmap, brk and mremap, with the mmap lock held.
 * Whatever mmap's flags are, it passes here; its own question about memory,
 * in vm.bpf.c, is not asked with MAP_NORESERVE and the like, and is put to a
 * program that a preemptible kernel may skip.
 */
RESCORE_SECURITY_LATE(vm__mmap, mmap_addr, security_mmap_addr,
		      unsigned long addr)
{
	struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	struct vm *vm = mm ? vm_find(mm) : NULL;
	struct vm_request request;
	struct rescore_syscall call;
	enum vm_call what;
	__u64 asked, locked, over = 0;

	if (!vm || !rescore_active())
		return 0;
	if (vm->denied && vm->denied == vm_thread())
		return -ENOMEM;
	rescore_syscall_get(&call);
	what = vm_call_of(&call);
	if (what == VM_CALL_BRK) {
		locked = asked = vm_brk_pages(mm, &call);
		request.flags = 0;
	} else {
		if (!vm_request_get(&request, &call, what))
			return 0;
		locked = vm_pages(request.len);
		asked = vm_request_pages(&request);
		if (asked && request.flags & MAP_FIXED &&
		    !(request.flags & MAP_HUGETLB))
			over = vm_over_pages(mm, addr, request.len);
	}
	if ((request.flags & MAP_LOCKED || mm->def_flags & VM_LOCKED) &&
	    locked && vm_reserve_locked(vm, mm, locked))
		return -EAGAIN;
	/* of 0 pages more, too: what is replaced must not be taken by others */
	if (asked && vm_reserve_private(vm, mm, asked - over, RESCORE_HARD))
		return -ENOMEM;
	return 0;
}

/*
 * Memory becomes writable. The kernel asks about some of it only: not about what
 * was writable before, nor about MAP_NORESERVE.
 */
RESCORE_SECURITY_LATE(privvmpages__protect, file_mprotect,
		      security_file_mprotect, struct vm_area_struct *vma,
		      unsigned long reqprot, unsigned long prot)
{
	struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	struct rescore_syscall call;
	__u64 start, end;
	struct vm *vm;

	if (!(prot & PROT_WRITE) || !mm ||
	    vma->vm_flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN))
		return 0;
	vm = vm_find(mm);
	if (!vm || !rescore_active())
		return 0;
	rescore_syscall_get(&call);
	start = rescore_syscall_arg(&call, 0);
	end = start + (vm_pages(rescore_syscall_arg(&call, 1)) << PAGE_SHIFT);
	if (start < vma->vm_start)
		start = vma->vm_start;
	if (end > vma->vm_end)
		end = vma->vm_end;
	if (vm_reserve_private(vm, mm, (end - start) >> PAGE_SHIFT,
			       RESCORE_HARD))
		return -ENOMEM;
	return 0;
}

/*
 * A mapping grows by @pages. What cannot refuse by itself marks the request as
 * denied, and the kernel's next question, which it asks before it changes anything,
 * is answered with no.
 */
static __always_inline void
vm_ask(struct vm_area_struct *vma, __u64 pages, __u32 severity)
{
	struct mm_struct *mm = vma->vm_mm;
	__u64 flags = vma->vm_flags;
	struct vm *vm;

	if (!vm_is_counted(flags) && !(flags & VM_LOCKED))
		return;
	vm = vm_find(mm);
	if (!vm || vm->denied == vm_thread())
		return;
	if ((vm_is_counted(flags) &&
	     vm_reserve_private(vm, mm, pages, severity)) ||
	    (flags & VM_LOCKED && vm_reserve_locked(vm, mm, pages)))
		vm->denied = vm_thread();
}

/* mremap is going to make a mapping larger: in its place, or as it moves it. */
RESCORE_TWICE("fexit/vma_to_resize", vm__grow, unsigned long addr,
	      unsigned long old_len, unsigned long new_len, unsigned long flags,
	      struct vm_area_struct *vma)
{
	__u64 error = (__u64)rescore_address(vma);

	if (error >= -4095ULL)
		return 0;
	if (!(flags & MREMAP_DONTUNMAP))
		new_len = new_len > old_len ? new_len - old_len : 0;
	if (new_len)
		vm_ask(vma, vm_pages(new_len), RESCORE_HARD);
	return 0;
}

RESCORE_TWICE("fentry/expand_downwards", vm__stack, struct vm_area_struct *vma,
	      unsigned long address)
{
	address &= ~(PAGE_SIZE - 1ULL);
	if (address < vma->vm_start)
		vm_ask(vma, (vma->vm_start - address) >> PAGE_SHIFT,
		       RESCORE_SOFT);
	return 0;
}

#endif /* RESCORE_VMASK_H */
