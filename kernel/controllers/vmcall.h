/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the running task asks for: the system call that it is in and, of mmap, the
 * arguments. Part of vm.bpf.c.
 */
#ifndef RESCORE_VMCALL_H
#define RESCORE_VMCALL_H

#include "vm.h"

/* linux/mm.h, linux/mman.h, asm-generic/mman*.h, linux/sched.h */
enum {
	VM_WRITE	= 0x2,
	VM_SHARED	= 0x8,
	VM_GROWSDOWN	= 0x100,
	VM_LOCKED	= 0x2000,
	PAGE_SHIFT	= 12,
	PAGE_SIZE	= 1 << PAGE_SHIFT,
	PROT_WRITE	= 0x2,
	MAP_TYPE	= 0xf,
	MAP_PRIVATE	= 0x2,
	MAP_DROPPABLE	= 0x8,
	MAP_FIXED	= 0x10,
	MAP_ANONYMOUS	= 0x20,
	MAP_GROWSDOWN	= 0x100,
	MAP_LOCKED	= 0x2000,
	MAP_NORESERVE	= 0x4000,
	MAP_POPULATE	= 0x8000,
	MAP_HUGETLB	= 0x40000,
	MAP_HUGE_SHIFT	= 26,
	MAP_HUGE_MASK	= 0x3f,
	HUGE_SHIFT	= 21,		/* x86's default */
	MREMAP_DONTUNMAP = 4,
	CLONE_VM	= 0x100,
	CAP_IPC_LOCK	= 14,
	RLIMIT_MEMLOCK	= 8,
	SIGKILL		= 9,
	SHM_LOCK	= 11,
};

#define PROT_GROWSDOWN	0x01000000

enum vm_call {
	VM_CALL_OTHER,
	VM_CALL_MMAP,
	VM_CALL_MMAP_OLD,	/* 32 bits, arguments in memory */
	VM_CALL_BRK,
	VM_CALL_SHADOW,		/* map_shadow_stack */
	VM_CALL_FORK,
	VM_CALL_EXEC,
};

static __always_inline enum vm_call
vm_call_of(const struct rescore_syscall *call)
{
	__u64 nr = call->nr;

	if (call->compat) {
		switch (nr) {
		case 192:
			return VM_CALL_MMAP;
		case 90:
			return VM_CALL_MMAP_OLD;
		case 45:
			return VM_CALL_BRK;
		case 2:
		case 120:
		case 190:
		case 435:
			return VM_CALL_FORK;
		case 11:
		case 358:
			return VM_CALL_EXEC;
		}
		return VM_CALL_OTHER;
	}
	switch (nr) {
	case 9:
		return VM_CALL_MMAP;
	case 12:
		return VM_CALL_BRK;
	case 453:
		return VM_CALL_SHADOW;
	case 56:
	case 57:
	case 58:
	case 435:
		return VM_CALL_FORK;
	case 59:
	case 322:
	case 520:
	case 545:
		return VM_CALL_EXEC;
	}
	return VM_CALL_OTHER;
}

static __always_inline bool vm_is_mmap(enum vm_call what)
{
	return what == VM_CALL_MMAP || what == VM_CALL_MMAP_OLD;
}

/* Is a mapping with these flags (VM_*) in data_vm or stack_vm? */
static __always_inline bool vm_is_counted(__u64 flags)
{
	return flags & VM_GROWSDOWN ||
	       (flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
}

static __always_inline __u64 vm_pages(__u64 bytes)
{
	return (bytes >> PAGE_SHIFT) + ((bytes & (PAGE_SIZE - 1)) != 0);
}

struct vm_request {
	__u64 len;
	__u32 prot;
	__u32 flags;
};

/* The arguments of the 32-bit mmap that has them in memory. */
struct vm_old_mmap {
	__u32 addr, len, prot, flags, fd, offset;
};

/* False: the running task is in no mmap. */
static __always_inline bool
vm_request_get(struct vm_request *request, const struct rescore_syscall *call,
	       enum vm_call what)
{
	struct vm_old_mmap old = {};

	if (what == VM_CALL_MMAP) {
		request->len = rescore_syscall_arg(call, 1);
		request->prot = rescore_syscall_arg(call, 2);
		request->flags = rescore_syscall_arg(call, 3);
		return true;
	}
	if (what != VM_CALL_MMAP_OLD)
		return false;
	bpf_probe_read_user(&old, sizeof(old),
			    (void *)rescore_syscall_arg(call, 0));
	request->len = old.len;
	request->prot = old.prot;
	request->flags = old.flags;
	return true;
}

/* What it asks for that is private and writable; 0: nothing. */
static __always_inline __u64 vm_request_pages(const struct vm_request *request)
{
	__u32 flags = request->flags, type = flags & MAP_TYPE;
	__u32 shift = HUGE_SHIFT;
	__u64 len = request->len;

	if (type != MAP_PRIVATE && type != MAP_DROPPABLE)
		return 0;
	if (!(request->prot & PROT_WRITE) && !(flags & MAP_GROWSDOWN))
		return 0;
	if (!(flags & MAP_HUGETLB))
		return vm_pages(len);
	if (flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK)
		shift = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;
	if (len & ((1ULL << shift) - 1))
		len = ((len >> shift) + 1) << shift;
	return vm_pages(len);
}

#endif /* RESCORE_VMCALL_H */
