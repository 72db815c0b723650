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

/*
 * @n pages are new in @inode. If somebody pays for it they are charged by now, as
 * the kernel has set its figure right.
 */
static __always_inline void shm_filled_pages(__u64 inode, __s64 n)
{
	struct shm *shm = RESCORE_FIND(shmpages, inode);
	struct shm first = {};

	if (!shm) {
		first.slot = rescore_current();
		if (!first.slot || shm_is_reserved(inode))
			return;
		first.pages = shm_allocated(inode);
		first.whole = n - first.pages;
		if (RESCORE_ADD(shmpages, inode, &first)) {
			rescore_no_room(first.slot, shmpages.id, n);
			return;
		}
		rescore_amount_change(first.slot, shmpages.id, 0, n);
		shm = &first;
	}
	if (rescore_check(shm->slot, shmpages.id, 0, RESCORE_HARD) &&
	    rescore_current() == shm->slot)
		bpf_send_signal(SHM_SIGKILL);
}

static __always_inline int
shm_filled(struct mm_struct *mm, unsigned long start, __s64 bytes)
{
	struct shm_filled filled = {};
	struct task_struct *owner = mm->owner;

	if (bytes <= 0 || !owner)
		return 0;
	bpf_find_vma(owner, start, shm_filled_vma, &filled, 0);
	if (filled.inode)
		shm_filled_pages(filled.inode, bytes >> PAGE_SHIFT);
	return 0;
}

SEC("fexit/mcopy_atomic")
int RESCORE_PROG_IF(shmpages__copied__opt, ret > 0, struct mm_struct *mm,
		    unsigned long start, unsigned long from, unsigned long len,
		    void *changing, __u64 mode, ssize_t ret)
{
	return shm_filled(mm, start, ret);
}

SEC("fexit/mfill_zeropage")
int RESCORE_PROG_IF(shmpages__zeroed__opt, ret > 0, struct mm_struct *mm,
		    unsigned long start, unsigned long len, void *changing,
		    ssize_t ret)
{
	return shm_filled(mm, start, ret);
}

#endif /* RESCORE_SHMUFFD_H */
