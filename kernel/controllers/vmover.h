/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an mmap with MAP_FIXED is going to replace. Part of vm.bpf.c.
 *
 * The kernel takes off what it accounts to be replaced (VM_ACCOUNT), and that is
 * more than what is counted: memory that was touched is accounted still when it is
 * not writable any more. So we look ourselves, at the mappings in the maple tree of
 * the address space (lib/maple_tree.c), which cannot change meanwhile: the mmap lock
 * is held for writing.
 */
#ifndef RESCORE_VMOVER_H
#define RESCORE_VMOVER_H

#include "vmcall.h"

#define VM_TREE_NODE	0xffULL		/* MAPLE_NODE_MASK: what is no address */
#define VM_TREE_TYPE(enode)	((enode) >> 3 & 0xf)
#define VM_TREE_LEAF	1		/* maple_leaf_64; above it are two more types */
#define VM_TREE_ARANGE	3		/* maple_arange_64 */
#define VM_TREE_ROOT	2		/* MAPLE_ROOT_NODE: not the only entry itself */
#define VM_TREE_DEPTH	8		/* 10^8 mappings, of which 65,530 may be */
#define VM_TREE_PIVOTS	15
/*
 * Mappings, and holes between them. A tenant may have 65,530 and ask again and again,
 * and nothing else runs on the CPU meanwhile; so many take a few milliseconds. What
 * comes after counts as an addition.
 */
#define VM_OVER_STEPS	8192

struct vm_over {
	__u64 root;
	__u64 at, end;		/* bytes that were not looked at yet */
	__u64 pages;		/* private and writable */
};

/*
 * Where in node @enode, which reaches up to *@last, is address @at? Returns the
 * entry, and its end in *@last.
 */
RESCORE_FUNCTION __u64 vm_tree_entry(__u64 enode, __u64 at, __u64 *last)
{
	bool is_arange = VM_TREE_TYPE(enode) == VM_TREE_ARANGE;
	__u64 pivot[VM_TREE_PIVOTS] = {}, node = enode & ~VM_TREE_NODE;
	__u64 slots = node;
	__u32 i, n = VM_TREE_PIVOTS;

	if (!last)
		return 0;
	if (is_arange)
		n = sizeof(((struct maple_arange_64 *)0)->pivot) /
		    sizeof(__u64);
	slots += is_arange ?
			 bpf_core_field_offset(struct maple_arange_64, slot) :
			 bpf_core_field_offset(struct maple_range_64, slot);
	/* in both types the same place; what is read too much is not looked at */
	bpf_probe_read_kernel(
		pivot, sizeof(pivot),
		(void *)(node +
			 bpf_core_field_offset(struct maple_range_64, pivot)));
	for (i = 0; i < VM_TREE_PIVOTS; i++) {
		/* without an end of its own it reaches to that of the node */
		if (i == n || pivot[i] >= *last || (i && !pivot[i]))
			break;
		if (pivot[i] >= at) {
			*last = pivot[i];
			break;
		}
	}
	return rescore_scalar((void *)(slots + i * sizeof(__u64)));
}

/* One mapping, or the hole between two. */
static long vm_over_step(__u32 i, struct vm_over *over)
{
	__u64 entry = over->root, last = ~0ULL, end;
	bool is_leaf = false;
	int depth;

	for (depth = 0; depth < VM_TREE_DEPTH && !is_leaf; depth++) {
		if (!entry)
			return 1;
		is_leaf = VM_TREE_TYPE(entry) <= VM_TREE_LEAF;
		entry = vm_tree_entry(entry, over->at, &last);
	}
	end = last < over->end ? last + 1 : over->end;
	if (end <= over->at)
		return 1;
	/* of mappings; 2 is what the kernel marks holes with as it copies */
	if (is_leaf && entry > 4096 && !(entry & 3) &&
	    vm_is_counted(
		    BPF_CORE_READ((struct vm_area_struct *)entry, vm_flags)))
		over->pages += (end - over->at) >> PAGE_SHIFT;
	over->at = end;
	return end >= over->end;
}

/*
 * How many of the pages from @start that are @len bytes are counted? The mmap lock
 * is held for writing.
 */
static __noinline __u64 vm_over_pages(struct mm_struct *mm, __u64 start,
				      __u64 len)
{
	struct vm_over over = {
		.at = start,
		.end = start + (vm_pages(len) << PAGE_SHIFT),
	};

	if (!mm || over.end <= start)
		return 0;
	over.root = (__u64)BPF_CORE_READ(mm, mm_mt.ma_root);
	if (over.root & VM_TREE_ROOT)
		bpf_loop(VM_OVER_STEPS, vm_over_step, &over, 0);
	return over.pages;
}

#endif /* RESCORE_VMOVER_H */
