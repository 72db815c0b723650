/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages that userfaultfd() puts into a file in memory. Since 6.6 they are asked about
 * as all others are. Before that the function that does it has more arguments than a
 * program can be attached to, so they are counted when they are there; who passes
 * the bound by them is killed. Part of vm.bpf.c.
 */
#ifndef RESCORE_SHMUFFD_H
#define RESCORE_SHMUFFD_H

#include "shm.h"

#define SHM_TMPFS_MAGIC	0x01021994	/* linux/magic.h */

struct shm_filled {
	__u64 inode;		/* 0: it was no file in memory */
};

static long shm_filled_vma(struct task_struct *task, struct vm_area_struct *vma,
			   struct shm_filled *filled)
{
	struct file *file = vma->vm_file;
	struct inode *inode = file ? file->f_inode : NULL;

	if (inode && inode->i_sb->s_magic == SHM_TMPFS_MAGIC)
		filled->inode = rescore_address(inode);
	return 0;
}

/* The inode of the file in memory that is mapped at @start of @mm, or 0. */
static __always_inline __u64 shm_mapped_at(struct mm_struct *mm,
					   unsigned long start)
{
	struct shm_filled filled = {};
	struct task_struct *owner = mm->owner;

	if (owner)
		bpf_find_vma(owner, start, shm_filled_vma, &filled, 0);
	return filled.inode;
}

/* Who will pay, if nobody does yet, is known before there are pages. */
static __always_inline int shm_fill(struct mm_struct *mm, unsigned long start)
{
	__u64 inode = shm_mapped_at(mm, start);

	if (inode)
		shm_ask(inode, 0);
	return 0;
}

/* They are charged by now, as the kernel has set its figure right. */
static __always_inline int shm_filled(struct mm_struct *mm, unsigned long start)
{
	__u64 inode = shm_mapped_at(mm, start);
	struct shm *shm = RESCORE_FIND(shmpages, inode);

	if (shm && rescore_check(shm->slot, shmpages.id, 0, RESCORE_HARD))
		shm_punish(shm->slot);
	return 0;
}

SEC("fentry/mcopy_atomic")
int RESCORE_PROG(shmpages__copy__opt, struct mm_struct *mm, unsigned long start)
{
	return shm_fill(mm, start);
}

SEC("fexit/mcopy_atomic")
int RESCORE_PROG_IF(shmpages__copied__opt, ret > 0, struct mm_struct *mm,
		    unsigned long start, unsigned long from, unsigned long len,
		    void *changing, __u64 mode, ssize_t ret)
{
	return shm_filled(mm, start);
}

SEC("fentry/mfill_zeropage")
int RESCORE_PROG(shmpages__zero__opt, struct mm_struct *mm, unsigned long start)
{
	return shm_fill(mm, start);
}

SEC("fexit/mfill_zeropage")
int RESCORE_PROG_IF(shmpages__zeroed__opt, ret > 0, struct mm_struct *mm,
		    unsigned long start, unsigned long len, void *changing,
		    ssize_t ret)
{
	return shm_filled(mm, start);
}

#endif /* RESCORE_SHMUFFD_H */
