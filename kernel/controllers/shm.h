/* SPDX-License-Identifier: GPL-2.0 */
/*
 * shmpages: memory that is a file without a disk, in pages: System V shared
 * memory, shared anonymous mappings, memfd, files in a tmpfs. It lives on when
 * the process that made it is gone.
 *
 * Charged     what the kernel reserves whole (shmget, shared anonymous memory)
 *             when it is made; of the rest (memfd, tmpfs, SHM_NORESERVE,
 *             MAP_NORESERVE) each page when it is allocated. A page that is
 *             swapped out stays charged.
 * Uncharged   when the page is freed (truncate, punched hole), and all of it
 *             when the kernel frees the file: after IPC_RMID and the last
 *             shmdt, the last close and munmap, unlink.
 * Who pays    the container that made the segment, mapping or memfd, whoever
 *             fills it; for a file in a tmpfs the one that put its first page
 *             in, or more pages to those that nobody pays for.
 * Refused     shmget, mmap: ENOMEM; write, fallocate: ENOSPC; a page fault:
 *             SIGBUS, as when a tmpfs is full
 * Costs       3 hooks a page of memfd and tmpfs, 4 a segment or mapping.
 *
 * Part of vm.bpf.c, whose program answers the kernel's question.
 */
#ifndef RESCORE_SHM_H
#define RESCORE_SHM_H

#include "rescore.h"
#include "amount.h"
#include "truth.h"
#include "vmcall.h"

RESCORE_RESOURCE(shmpages) = {
	.name = "shmpages",
	.unit = RESCORE_PAGES,
	.flags = RESCORE_DENIABLE,
	.err = ENOSPC,
	.ubc_index = 4,
	.help = "shared memory: System V, anonymous, memfd, files in a tmpfs",
};

#define SHM_NORESERVE	0x00200000	/* VM_NORESERVE of linux/mm.h */
#define SHM_HUGE_PAGES	512		/* HPAGE_PMD_NR of x86 */
#define SHM_TRIES	8

struct shm {
	__s64 pages;		/* allocated */
	__s64 whole;		/* reserved when it was made; or 0; below 0: that
				 * many were there already, which nobody pays for
				 */
	__u32 slot;
	__u32 making;		/* keyed by the task that makes it */
};

/*
 * Keyed by inode; while a file is being made, by task. With a page at least in
 * most of them they are fewer than pages, and than objects.
 */
RESCORE_AMOUNTS(shmpages, struct shm, 2);

#define SHM_ANSWERED	0x80000000
#define SHM_DENIED_BITS	12

/*
 * Threads whose request is to be refused at the question that the kernel asks a
 * few instructions later, each in the place that its number has; SHM_ANSWERED: it
 * was, and its call is about to end. Asked for every page, so a variable.
 */
RESCORE_OWN __u32 shm_denied[1 << SHM_DENIED_BITS];

static __always_inline __u32 shm_thread(void)
{
	return bpf_get_current_task_btf()->pid;
}

static __always_inline __u32 *shm_denied_of(__u32 thread)
{
	return shm_denied + (thread & ((1 << SHM_DENIED_BITS) - 1));
}

static __always_inline void shm_deny(void)
{
	__u32 thread = shm_thread();

	WRITE_ONCE(*shm_denied_of(thread), thread);
}

/* Is the kernel's question to be answered with no? @thread is the running one. */
static __always_inline bool shm_is_denied(__u32 thread)
{
	return READ_ONCE(*shm_denied_of(thread)) == thread;
}

/* ...once: the end of the call, which forgets it, may be left out. */
static __always_inline bool shm_refuse(__u32 thread)
{
	if (!shm_is_denied(thread))
		return false;
	WRITE_ONCE(*shm_denied_of(thread), thread | SHM_ANSWERED);
	return true;
}

/* The call is over: was it denied? */
static __always_inline bool shm_was_denied(void)
{
	__u32 thread = shm_thread();

	if ((READ_ONCE(*shm_denied_of(thread)) & ~SHM_ANSWERED) != thread)
		return false;
	WRITE_ONCE(*shm_denied_of(thread), 0);
	return true;
}

/* --- the kernel's figures ------------------------------------------------------- */

static __always_inline struct shmem_inode_info *shm_info(__u64 inode)
{
	return (void *)(inode - bpf_core_field_offset(struct shmem_inode_info,
						      vfs_inode));
}

static __always_inline __s64 shm_allocated(__u64 inode)
{
	return BPF_CORE_READ(shm_info(inode), alloced);
}

/* Reserved when it was made, so that the kernel does not ask about its pages? */
static __always_inline bool shm_is_reserved(__u64 inode)
{
	return !(BPF_CORE_READ(shm_info(inode), flags) & SHM_NORESERVE);
}

/* --- segments, shared mappings, memfd --------------------------------------------- */

/* What is charged for @pages that are allocated. */
static __always_inline __s64 shm_charged(const struct shm *shm, __s64 pages)
{
	__s64 least = shm->whole;

	if (least < 0) {
		pages += least;
		least = 0;
	}
	return pages > least ? pages : least;
}

static __always_inline void shm_remove(__u64 key)
{
	struct shm *shm = RESCORE_FIND(shmpages, key);
	__s64 pages;
	__u32 slot;

	if (!shm)
		return;
	slot = shm->slot;
	pages = shm_charged(shm, shm->pages);
	if (!RESCORE_REMOVE(shmpages, key))
		rescore_amount_change(slot, shmpages.id, pages, 0);
}

/* 0, or -1: there is no room for it. */
static __always_inline int shm_add(__u64 key, const struct shm *shm)
{
	if (RESCORE_FIND(shmpages, key)) {
		/* its end was not seen */
		__sync_fetch_and_add(&rescore_meta.missed_frees, 1);
		shm_remove(key);
	}
	return RESCORE_ADD(shmpages, key, shm);
}

static __always_inline __u64 shm_task_key(void)
{
	return rescore_address(bpf_get_current_task_btf());
}

RESCORE_TWICE("fentry/__shmem_file_setup", shmpages__make, struct vfsmount *mnt,
	      const char *name, loff_t size, unsigned long flags)
{
	struct shm shm = { .slot = rescore_current(), .making = true }, *made;
	__u64 key = shm_task_key();

	if (!shm.slot || size < 0 || shm_is_denied(shm_thread()))
		return 0;
	if (!(flags & SHM_NORESERVE))
		shm.whole = ((__u64)size + 4095) >> 12;
	made = RESCORE_FIND(shmpages, key);
	/* the other copy was here; and perhaps the task has been moved since */
	if (made && made->whole == shm.whole)
		return 0;
	if (shm.whole && rescore_amount_try(shm.slot, shmpages.id, shm.whole,
					    RESCORE_HARD)) {
		shm_deny();
		return 0;
	}
	if (shm_add(key, &shm)) {
		rescore_amount_change(shm.slot, shmpages.id, shm.whole, 0);
		rescore_no_room(shm.slot, shmpages.id, shm.whole);
		shm_deny();
	}
	return 0;
}

/* The file has an inode: its entry takes the place of the task's. */
static __always_inline void shm_made(__u64 inode)
{
	__u64 key = shm_task_key();
	struct shm *made = RESCORE_FIND(shmpages, key), shm;

	if (!made)
		return;
	shm = *made;
	shm.making = false;
	RESCORE_REMOVE(shmpages, key);
	if (shm_add(inode, &shm)) {
		rescore_amount_change(shm.slot, shmpages.id, shm.whole, 0);
		rescore_no_room(shm.slot, shmpages.id, shm.whole);
	}
}

/*
 * As the inode is made, which files on a disk are not. The end of the function,
 * below, is left out for a call that is under way when a program is attached to
 * it, or detached; what is called inside it is not.
 */
RESCORE_TWICE("fentry/mpol_shared_policy_init", shmpages__inode__opt,
	      struct shared_policy *policy)
{
	shm_made(rescore_address(policy) -
		 bpf_core_field_offset(struct shmem_inode_info, policy) +
		 bpf_core_field_offset(struct shmem_inode_info, vfs_inode));
	return 0;
}

RESCORE_TWICE("fexit/__shmem_file_setup", shmpages__made, struct vfsmount *mnt,
	      const char *name, loff_t size, unsigned long flags,
	      unsigned int i_flags, struct file *file)
{
	shm_was_denied();
	if (rescore_address(file) >= -4095ULL)
		shm_remove(shm_task_key());
	else
		shm_made(rescore_address(file->f_inode));
	return 0;
}

/*
 * For all kinds of inodes, but never skipped where bpf is among the LSMs: a file
 * in memory gets its inode between the two above, and no other comes there.
 */
SEC("lsm/d_instantiate")
int RESCORE_REPEATABLE(shmpages__made_3__twice, struct dentry *dentry,
		       struct inode *inode)
{
	if (inode)
		shm_made(rescore_address(inode));
	return 0;
}

/* After shmem_evict_inode(), which takes the pages out and may sleep meanwhile. */
RESCORE_TWICE("fentry/shmem_destroy_inode", shmpages__evict,
	      struct inode *inode)
{
	shm_remove(rescore_address(inode));
	return 0;
}

/* As above. */
SEC("lsm/inode_free_security")
int RESCORE_REPEATABLE(shmpages__evict_3__twice, struct inode *inode)
{
	shm_remove(rescore_address(inode));
	return 0;
}

/* --- pages -------------------------------------------------------------------------- */

/*
 * The bound of @slot was passed where nothing can be refused: who did it is killed;
 * not who is elsewhere, and only touches what it was given.
 */
static __always_inline void shm_punish(__u32 slot)
{
	if (rescore_current() == slot)
		bpf_send_signal(SIGKILL);
}

/*
 * A file that was reserved whole has more pages than that: who may open what is
 * behind a mapping (/proc/PID/map_files) has written past its end, or made it larger.
 * The kernel does not ask about such pages.
 */
static __always_inline void shm_grown(struct shm *shm, __s64 n)
{
	if (!rescore_amount_try(shm->slot, shmpages.id, n, RESCORE_HARD))
		return;
	rescore_amount_change(shm->slot, shmpages.id, 0, n);
	shm_punish(shm->slot);
}

/*
 * @n pages more than there were. 0, or -1: refuse. Of what was reserved whole none
 * is charged again, nor could be refused.
 */
static __noinline int shm_take_beyond(struct shm *shm, __s64 n)
{
	__s64 old, delta;
	int i;

	if (!shm)
		return 0;
	for (i = 0; i < SHM_TRIES; i++) {
		old = READ_ONCE(shm->pages);
		delta = shm_charged(shm, old + n) - shm_charged(shm, old);
		if (delta > 0 && shm->whole < 0 &&
		    rescore_amount_try(shm->slot, shmpages.id, delta,
				       RESCORE_HARD))
			return -1;
		if (delta > 0 && shm->whole > 0)
			shm_grown(shm, delta);
		if (rescore_swapped(&shm->pages, old, old + n))
			return 0;
		if (delta > 0)
			rescore_amount_change(shm->slot, shmpages.id, delta, 0);
	}
	return -1;
}

/* The same for most files: nothing was reserved, and every page is charged. */
static __always_inline int shm_take(struct shm *shm, __s64 n)
{
	__s64 old;

	if (shm->whole)
		return shm_take_beyond(shm, n);
	if (rescore_try_charge(shm->slot, shmpages.id, n, RESCORE_HARD))
		return -1;
	old = __sync_fetch_and_add(&shm->pages, n);
	if (old < 0)
		rescore_amount_change(shm->slot, shmpages.id, n,
				      shm_charged(shm, old + n));
	return 0;
}

static __noinline int shm_give_back(struct shm *shm, __s64 n)
{
	__s64 old;

	if (!shm)
		return 0;
	old = __sync_fetch_and_add(&shm->pages, -n);
	rescore_amount_change(shm->slot, shmpages.id, shm_charged(shm, old),
			      shm_charged(shm, old - n));
	return 0;
}

/*
 * @n pages of the inode at @key are going to be allocated. Whether it could be there
 * (RESCORE_FIND) has been asked before.
 */
static __always_inline void shm_ask(__u64 key, __s64 n)
{
	struct shm *shm = bpf_map_lookup_elem(&amounts_shmpages, &key);
	struct shm first = {};

	if (!shm) {
		first.slot = rescore_current();
		if (!first.slot || shm_is_reserved(key))
			return;
		/* what was there before nobody paid for, and nobody will */
		first.pages = shm_allocated(key);
		first.whole = -first.pages;
		RESCORE_ADD(shmpages, key, &first);
		shm = RESCORE_FIND(shmpages, key);
		if (!shm) {
			rescore_no_room(first.slot, shmpages.id, n);
			shm_deny();
			return;
		}
	}
	if (shm_take(shm, n))
		shm_deny();
}

/* They were not allocated, or are freed. */
static __always_inline void shm_return(struct inode *inode, __s64 n)
{
	__u64 key = rescore_address(inode);
	struct shm *shm = RESCORE_FIND(shmpages, key);

	if (shm)
		shm_give_back(shm, n);
}

/* Could somebody pay for it? */
static __always_inline bool shm_is_paid(struct inode *inode)
{
	return rescore_is_near(near_shmpages, rescore_address(inode));
}

/* ...or the running task, which allocates pages of it? */
static __always_inline bool shm_is_asked(struct inode *inode)
{
	return shm_is_paid(inode) || rescore_current();
}

SEC("fentry/shmem_inode_acct_blocks")
int RESCORE_PROG_IF(shmpages__ask__blocks, shm_is_asked(inode),
		    struct inode *inode, long pages)
{
	shm_ask(rescore_address(inode), pages);
	return 0;
}

SEC("fexit/shmem_inode_acct_blocks")
int RESCORE_PROG_IF(shmpages__asked__blocks, ret != 0, struct inode *inode,
		    long pages, int ret)
{
	if (!shm_was_denied())
		shm_return(inode, pages);
	return 0;
}

SEC("fentry/shmem_inode_unacct_blocks")
int RESCORE_PROG_IF(shmpages__free__blocks, shm_is_paid(inode),
		    struct inode *inode, long pages)
{
	shm_return(inode, pages);
	return 0;
}

/* Before 6.6 the compiler leaves no function around the kernel's question. */

SEC("fentry/shmem_alloc_and_acct_folio")
int RESCORE_PROG_IF(shmpages__ask__folio, shm_is_asked(inode), gfp_t gfp,
		    struct inode *inode, unsigned long index, bool huge)
{
	shm_ask(rescore_address(inode), huge ? SHM_HUGE_PAGES : 1);
	return 0;
}

SEC("fexit/shmem_alloc_and_acct_folio")
int RESCORE_PROG_IF(shmpages__asked__folio, rescore_address(folio) >= -4095ULL,
		    gfp_t gfp, struct inode *inode, unsigned long index,
		    bool huge, void *folio)
{
	if (!shm_was_denied())
		shm_return(inode, huge ? SHM_HUGE_PAGES : 1);
	return 0;
}

/* Under the inode's lock, after every change: what was allocated is there now. */
SEC("fexit/shmem_recalc_inode")
int RESCORE_PROG_IF(shmpages__free__else, shm_is_paid(inode),
		    struct inode *inode)
{
	__u64 key = rescore_address(inode);
	struct shm *shm = RESCORE_FIND(shmpages, key);
	__s64 now, before;

	if (!shm)
		return 0;
	now = shm_allocated(key);
	before = __sync_lock_test_and_set(&shm->pages, now);
	rescore_amount_change(shm->slot, shmpages.id, shm_charged(shm, before),
			      shm_charged(shm, now));
	return 0;
}

/* --- for the audit ---------------------------------------------------------------------- */

SEC("iter/bpf_map_elem")
int shmpages__truth(struct bpf_iter__bpf_map_elem *ctx)
{
	struct shm *shm = ctx->value;
	__u64 *inode = ctx->key;

	if (!shm || !inode)
		return 0;
	rescore_truth_write(
		ctx->meta->seq, *inode, shm->slot,
		shm_charged(shm, shm->making ? 0 : shm_allocated(*inode)));
	return 0;
}

#endif /* RESCORE_SHM_H */
