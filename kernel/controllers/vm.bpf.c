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
 * lockedpages: pages locked into memory (mlock, mlockall, MAP_LOCKED), VmLck.
 *
 * Charged     as they are locked.
 * Uncharged   after munlock or munmap; with the address space.
 * Who pays    as for privvmpages.
 * Refused     mmap with MAP_LOCKED or after mlockall(MCL_FUTURE): EAGAIN. mlock
 *             and mlockall only where the kernel asks: above RLIMIT_MEMLOCK, a
 *             task with CAP_IPC_LOCK: ENOMEM (EPERM if the rlimit is 0). Below
 *             it they are counted, and reported if above the bound; nobody
 *             inside may raise that rlimit while there is a bound.
 * Costs       2 hooks an mlock and munlock; one in each check of a capability.
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
	.help = "pages locked into memory: mlock, mlockall, MAP_LOCKED",
};

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
};

#define PROT_GROWSDOWN	0x01000000

enum vm_call {
	VM_CALL_OTHER,
	VM_CALL_MMAP,
	VM_CALL_MMAP_OLD,	/* 32 bits, arguments in memory */
	VM_CALL_BRK,
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
	case 453:
		return VM_CALL_BRK; /* or map_shadow_stack */
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

/* --- new address spaces ---------------------------------------------------------- */

/* 0, or -1: there is no room for it. */
static __always_inline int vm_add(__u64 key, __u32 slot, __u64 private)
{
	struct vm *old, vm = { .slot = slot, .private = private };

	old = bpf_map_lookup_elem(&address_spaces, &key);
	if (old) {
		/* its end was not seen */
		__sync_fetch_and_add(&rescore_meta.missed_frees, 1);
		rescore_amount_change(old->slot, privvmpages.id,
				      old->private & VM_PAGES_MASK, 0);
		rescore_amount_change(old->slot, lockedpages.id,
				      old->locked & VM_PAGES_MASK, 0);
	}
	if (!bpf_map_update_elem(&address_spaces, &key, &vm, BPF_ANY))
		return 0;
	if (old)
		bpf_map_delete_elem(&address_spaces, &key);
	return -1;
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

static __always_inline void vm_fork_end(__u64 key)
{
	struct vm *fork = bpf_map_lookup_elem(&address_spaces, &key);
	__u64 pages;
	__u32 slot;

	if (!fork)
		return;
	pages = fork->private & VM_PAGES_MASK;
	slot = fork->slot;
	if (!bpf_map_delete_elem(&address_spaces, &key))
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
	if (bpf_map_update_elem(&address_spaces, &key, &fork, BPF_ANY)) {
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
	__u64 key = rescore_address(bpf_get_current_task_btf());
	struct vm *fork = bpf_map_lookup_elem(&address_spaces, &key);

	if (!fork)
		return 0;
	return vm_reserve(fork, &fork->private, 0, vm_private(mm),
			  privvmpages.id | RESCORE_HARD << 8);
}

/* Before the child runs. */
RESCORE_TWICE("tp_btf/task_newtask", privvmpages__forked,
	      struct task_struct *child, unsigned long flags)
{
	__u64 key = rescore_address(bpf_get_current_task_btf()), pages = 0, now;
	struct mm_struct *mm = child->mm;
	struct vm *fork;
	__u32 payer = 0, slot;

	if (!mm || flags & CLONE_VM)
		return 0;
	slot = rescore_slot_of(child);
	fork = bpf_map_lookup_elem(&address_spaces, &key);
	if (fork) {
		payer = fork->slot;
		pages = fork->private & VM_PAGES_MASK;
		/* the new one's entry takes its place */
		bpf_map_delete_elem(&address_spaces, &key);
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
RESCORE_SECURITY_VOID(privvmpages__unfork, task_free, security_task_free,
		      struct task_struct *child)
{
	__u64 key = rescore_address(bpf_get_current_task_btf());
	struct vm *fork = bpf_map_lookup_elem(&address_spaces, &key);

	if (fork && fork->child == rescore_address(child))
		vm_fork_end(key);
	/* of a fork that another program refused */
	vm_fork_end(rescore_address(child));
	return 0;
}

static __always_inline void vm_end(struct mm_struct *mm)
{
	__u64 key = rescore_address(mm), pages, locked;
	struct vm *vm = bpf_map_lookup_elem(&address_spaces, &key);
	__u32 slot;

	if (!vm)
		return;
	slot = vm->slot;
	pages = vm->private & VM_PAGES_MASK;
	locked = vm->locked & VM_PAGES_MASK;
	if (bpf_map_delete_elem(&address_spaces, &key))
		return;
	rescore_amount_change(slot, privvmpages.id, pages, 0);
	if (locked)
		rescore_amount_change(slot, lockedpages.id, locked, 0);
}

RESCORE_TWICE("fentry/exit_mmap", privvmpages__exit, struct mm_struct *mm)
{
	vm_end(mm);
	return 0;
}

/* --- may it be? ------------------------------------------------------------------ */

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

/*
 * Does the kernel ask about this mmap itself, and only about what it adds to
 * that which it replaces? With these flags it does not, or not only about that.
 */
static __always_inline bool vm_is_netted(const struct vm_request *request)
{
	__u32 flags = request->flags;

	return flags & MAP_FIXED && flags & MAP_ANONYMOUS &&
	       (flags & MAP_TYPE) == MAP_PRIVATE &&
	       !(flags &
		 (MAP_NORESERVE | MAP_GROWSDOWN | MAP_HUGETLB | MAP_POPULATE));
}

/*
 * The kernel chose an address, in mmap, brk and mremap, with the mmap lock held.
 * Whatever mmap's flags are, it passes here; its own question about memory,
 * below, is not asked with MAP_NORESERVE and the like.
 */
RESCORE_SECURITY(privvmpages__mmap, mmap_addr, security_mmap_addr,
		 unsigned long addr)
{
	struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	struct vm *vm = vm_current();
	struct vm_request request;
	struct rescore_syscall call;
	__u64 pages;

	if (!vm || !mm)
		return 0;
	if (vm->denied && vm->denied == vm_thread())
		return -ENOMEM;
	rescore_syscall_get(&call);
	if (!vm_request_get(&request, &call, vm_call_of(&call)))
		return 0;
	if ((request.flags & MAP_LOCKED || mm->def_flags & VM_LOCKED) &&
	    vm_reserve_locked(vm, mm, vm_pages(request.len)))
		return -EAGAIN;
	if (vm_is_netted(&request))
		return 0;
	pages = vm_request_pages(&request);
	if (pages && vm_reserve_private(vm, mm, pages, RESCORE_HARD))
		return -ENOMEM;
	return 0;
}

/*
 * The kernel's own question. Files in memory ask it, too, for the process that
 * writes to them: not ours.
 */
SEC("fmod_ret/security_vm_enough_memory_mm")
int RESCORE_PROG(privvmpages__enough, struct mm_struct *mm, long pages)
{
	struct mm_struct *own = bpf_get_current_task_btf()->mm;
	bool is_own = rescore_address(mm) == rescore_address(own);
	__u32 severity = RESCORE_HARD;
	struct vm_request request;
	struct rescore_syscall call;
	enum vm_call what;
	struct vm *vm;

	rescore_syscall_get(&call);
	what = vm_call_of(&call);
	/* the usual mmap was asked about with its address: nothing to look up */
	if (is_own && vm_request_get(&request, &call, what) &&
	    (!vm_is_netted(&request) || !vm_request_pages(&request)))
		return 0;
	vm = vm_find(mm);
	if (!vm && !is_own)
		return mm->map_count == 0 && vm_exec(mm, pages) ? -ENOMEM : 0;
	if (vm && vm->denied && vm->denied == vm_thread())
		return -ENOMEM;
	if (what == VM_CALL_FORK)
		return vm_fork_copy(mm) ? -ENOMEM : 0;
	if (!vm || what == VM_CALL_OTHER)
		return 0;
	if (what == VM_CALL_EXEC)
		severity = RESCORE_SOFT;
	if (vm_reserve_private(vm, mm, pages, severity))
		return -ENOMEM;
	return 0;
}

/*
 * Memory becomes writable. The kernel asks about some of it only: not about what
 * was writable before, nor about MAP_NORESERVE.
 */
RESCORE_SECURITY(privvmpages__protect, file_mprotect, security_file_mprotect,
		 struct vm_area_struct *vma, unsigned long reqprot,
		 unsigned long prot)
{
	struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	struct rescore_syscall call;
	__u64 start, end;
	struct vm *vm;

	if (!(prot & PROT_WRITE) || !mm ||
	    vma->vm_flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN))
		return 0;
	vm = vm_find(mm);
	if (!vm)
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
 * What cannot refuse by itself marks the request as denied, and the kernel's
 * next question, which it asks before it changes anything, is answered with no.
 */
static __always_inline void
vm_ask(struct mm_struct *mm, __u64 pages, __u32 severity)
{
	struct vm *vm = vm_find(mm);

	if (vm && vm_reserve_private(vm, mm, pages, severity))
		vm->denied = vm_thread();
}

/* mremap is going to make a mapping larger: in its place, or as it moves it. */
SEC("fexit/vma_to_resize")
int RESCORE_PROG(privvmpages__grow, unsigned long addr, unsigned long old_len,
		 unsigned long new_len, unsigned long flags,
		 struct vm_area_struct *vma)
{
	__u64 error = (__u64)rescore_address(vma), vm_flags;

	if (error >= -4095ULL)
		return 0;
	vm_flags = vma->vm_flags;
	if ((vm_flags & (VM_WRITE | VM_SHARED)) != VM_WRITE &&
	    !(vm_flags & VM_GROWSDOWN))
		return 0;
	if (!(flags & MREMAP_DONTUNMAP))
		new_len = new_len > old_len ? new_len - old_len : 0;
	vm_ask(vma->vm_mm, vm_pages(new_len), RESCORE_HARD);
	return 0;
}

SEC("fentry/expand_downwards")
int RESCORE_PROG(privvmpages__stack, struct vm_area_struct *vma,
		 unsigned long address)
{
	address &= ~(PAGE_SIZE - 1ULL);
	if (address < vma->vm_start)
		vm_ask(vma->vm_mm, (vma->vm_start - address) >> PAGE_SHIFT,
		       RESCORE_SOFT);
	return 0;
}

/* --- locked pages ------------------------------------------------------------------- */

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
RESCORE_SECURITY(lockedpages__capable, capable, security_capable,
		 const struct cred *cred, struct user_namespace *ns, int cap,
		 unsigned int opts)
{
	struct mm_struct *mm;
	struct vm *vm;
	__u64 pages;

	if (cap != CAP_IPC_LOCK)
		return 0;
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

/* --- what has it become? ----------------------------------------------------------- */

static __always_inline void vm_settle(struct mm_struct *mm)
{
	struct vm *vm = mm ? vm_find(mm) : NULL;

	if (!vm)
		return;
	if (vm->denied && vm->denied == vm_thread())
		vm->denied = 0;
	if (READ_ONCE(vm->private) != vm_private(mm))
		vm_settle_private(vm, mm, privvmpages.id);
	if (READ_ONCE(vm->locked) != READ_ONCE(mm->locked_vm))
		vm_settle_locked(vm, mm, lockedpages.id);
}

static __always_inline void vm_settle_current(void)
{
	vm_settle(bpf_get_current_task_btf()->mm);
}

#define VM_SETTLE(section, name)			\
RESCORE_TWICE(section, name)				\
{							\
	vm_settle_current();				\
	return 0;					\
}

/* After the mmap lock was dropped. */
VM_SETTLE("fexit/vm_mmap_pgoff", privvmpages__mmapped)
VM_SETTLE("fexit/do_mprotect_pkey", privvmpages__protected)
VM_SETTLE("fexit/do_shmat", privvmpages__shmat)
VM_SETTLE("fexit/__x64_sys_brk", privvmpages__brk)
VM_SETTLE("fexit/__ia32_sys_brk", privvmpages__brk32__opt)
VM_SETTLE("fexit/vm_brk_flags", privvmpages__exec_brk)
VM_SETTLE("fexit/__x64_sys_mremap", privvmpages__mremap)
VM_SETTLE("fexit/__ia32_sys_mremap", privvmpages__mremap32__opt)
VM_SETTLE("fexit/__x64_sys_map_shadow_stack", privvmpages__shadow__opt)
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
	vm_settle(mm);
}

RESCORE_TWICE("fexit/do_vmi_munmap", privvmpages__unmap__vmi,
	      struct vma_iterator *vmi, struct mm_struct *mm,
	      unsigned long start, size_t len, struct list_head *uf,
	      bool unlock)
{
	vm_unmapped(mm, !unlock);
	return 0;
}

RESCORE_TWICE("fexit/do_mas_munmap", privvmpages__unmap__mas,
	      struct ma_state *mas, struct mm_struct *mm, unsigned long start,
	      size_t len, struct list_head *uf, bool downgrade)
{
	vm_unmapped(mm, !downgrade);
	return 0;
}

RESCORE_TWICE("fexit/expand_downwards", privvmpages__expanded,
	      struct vm_area_struct *vma)
{
	vm_settle(vma->vm_mm);
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
