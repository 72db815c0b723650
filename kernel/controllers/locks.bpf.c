// SPDX-License-Identifier: GPL-2.0
/*
 * numflock: file locks (flock, POSIX record locks, OFD locks, leases).
 *
 * Charged     when a lock is asked for, as a credit of the task that the lock
 *             then uses up. A request that waits holds its credit: it is a
 *             struct file_lock in the kernel as well, and refusing it when it
 *             could at last be granted would be too late.
 * Uncharged   when the lock is removed, or its request when it made none. Locks
 *             that merge become one. What a security module refuses that comes
 *             after us never becomes a request: its credit serves the task's next
 *             one, or ends with it.
 * Who pays    the container that took the lock.
 * Refused     flock, fcntl(F_SETLK, F_SETLKW, F_OFD_*, F_SETLEASE): ENOLCK above
 *             the barrier. A request in the middle of a lock of one's own splits
 *             it: the piece more is checked against the limit, and an unlock
 *             that would pass it is refused too. Every other unlock succeeds.
 * Costs       3 to 6 hooks per lock operation; nothing on reads and writes.
 */
#include "rescore.h"

char LICENSE[] SEC("license") = "GPL";

RESCORE_RESOURCE(numflock) = {
	.name = "numflock",
	.unit = RESCORE_COUNT,
	.flags = RESCORE_DENIABLE,
	.err = ENOLCK,
	.ubc_index = 11,
	.objects = 1 << RESCORE_OBJ_LOCK | 1 << RESCORE_OBJ_LOCK_CREDIT,
	.help = "file locks: flock, POSIX and OFD records, leases; waiting "
		"requests too",
};

/* From fcntl.h; vmlinux.h has no macros. */
#define F_RDLCK		0
#define F_WRLCK		1
#define F_UNLCK		2
#define F_OFD_SETLK	37
#define F_OFD_SETLKW	38
/* From filelock.h */
#define FL_FLOCK	2
/* From page_64_types.h, with room for KASAN's */
#define THREAD_SIZE	(1 << 15)
#define SEEK_CUR	1
#define SEEK_END	2
#define OFFSET_MAX	((__s64)0x7fffffffffffffffLL)

/* A credit of slot 0 tells security_file_lock to refuse. */
#define LOCK_REFUSE	0

/* The most locks of one file that are looked at; the kernel walks them too. */
#define LOCKS_MAX	(1 << 18)
/* Walks that another process's unlock may lead astray before we give up. */
#define WALKS_MAX	4

/* Up to Linux 6.8 struct file_lock_core did not exist. */
struct file_lock___before_6_9 {
	struct list_head fl_list;
	fl_owner_t fl_owner;
	unsigned char fl_type;
	loff_t fl_start;
	loff_t fl_end;
	unsigned int fl_flags;
} __attribute__((preserve_access_index));

static __always_inline __u64 lock_credit_key(__u64 task)
{
	return rescore_object_key(task, RESCORE_OBJ_LOCK_CREDIT);
}

/* Where credits of @task are counted. */
static __always_inline __u64 *lock_credits(__u64 task)
{
	__u64 hash = task * RESCORE_HASH_MUL;

	return &rescore_meta.lock_credits[hash >> (64 - RESCORE_STRIPES_BITS)].n;
}

/* Has @task any? Few that have none share a count with one that has. */
static __always_inline bool lock_credited(__u64 task)
{
	return READ_ONCE(*lock_credits(task));
}

/* The slot that paid a credit of @task, or -1. It stays charged. */
static __always_inline int lock_credit_take(__u64 task)
{
	int slot;

	if (!lock_credited(task))
		return -1;
	slot = rescore_payer_take(lock_credit_key(task));
	if (slot >= 0)
		__sync_fetch_and_add(lock_credits(task), -1);
	return slot;
}

static __always_inline int lock_credit_find(__u64 task)
{
	return lock_credited(task) ? rescore_payer_find(lock_credit_key(task)) :
				     -1;
}

/* What was not used. A split may have taken two. */
static __always_inline void lock_credits_drop(__u64 task)
{
	int i, slot;

	for (i = 0; i < 2; i++) {
		slot = lock_credit_take(task);
		if (slot < 0)
			break;
		if (slot != LOCK_REFUSE)
			rescore_uncharge(slot, numflock.id, 1);
	}
}

/* Counted first: who takes it must not overlook it. */
static __always_inline int lock_credit(__u32 slot, __u32 severity)
{
	__u64 task = bpf_get_current_task();

	__sync_fetch_and_add(lock_credits(task), 1);
	if (!rescore_try_charge_credit(lock_credit_key(task), slot, numflock.id,
				       severity))
		return 0;
	__sync_fetch_and_add(lock_credits(task), -1);
	return -1;
}

/* The next time that security_file_lock is asked, it refuses. */
static __always_inline void lock_refuse(void)
{
	__u64 task = bpf_get_current_task();
	int stale;

	lock_credits_drop(task);
	__sync_fetch_and_add(lock_credits(task), 1);
	if (rescore_payer_put(lock_credit_key(task), LOCK_REFUSE, &stale,
			      true) ||
	    stale >= 0)
		__sync_fetch_and_add(lock_credits(task), -1);
}

struct split {
	struct list_head *head;
	struct list_head *at;
	void *owner;
	__s64 start;
	__s64 end;
	__u32 type;
	bool found;
	bool whole;	/* came back to the head */
};

#define split_field(split, member, old_member)				\
({									\
	struct file_lock___before_6_9 *__old = (void *)(split)->at;	\
	struct file_lock *__new = (void *)(split)->at;			\
									\
	__old = (void *)__old - bpf_core_field_offset(__old->fl_list);	\
	__new = (void *)__new - bpf_core_field_offset(__new->c.flc_list); \
	bpf_core_field_exists(__old->fl_list) ?				\
		(__u64)BPF_CORE_READ(__old, old_member) :		\
		(__u64)BPF_CORE_READ(__new, member);			\
})

/* Each read is a call of a helper, and most locks begin or end elsewhere. */
static __always_inline bool is_split(const struct split *split)
{
	return (__s64)split_field(split, fl_start, fl_start) < split->start &&
	       (__s64)split_field(split, fl_end, fl_end) > split->end &&
	       split_field(split, c.flc_owner, fl_owner) ==
		       (__u64)split->owner &&
	       (__u8)split_field(split, c.flc_type, fl_type) != split->type;
}

/*
 * The walk holds no lock, so it may step on memory that has been freed. Locks
 * are in the part of the address space that tasks are in; anything else is not
 * an address.
 */
static __always_inline bool is_lock_address(struct list_head *at)
{
	return (((__u64)at ^ bpf_get_current_task()) >> RESCORE_KEY_BITS) == 0;
}

/* One lock of the file: 1 = enough seen. */
static long split_step(__u32 index, void *arg)
{
	struct split *split = arg;

	if (split->at == split->head) {
		split->whole = true;
		return 1;
	}
	if (!is_lock_address(split->at))
		return 1;
	if (is_split(split)) {
		split->found = true;
		return 1;
	}
	if (bpf_probe_read_kernel(&split->at, sizeof(split->at),
				  &split->at->next))
		return 1;
	return 0;
}

/* The range of the request, as flock_to_posix_lock() in fs/locks.c has it. */
static __always_inline void
split_range(struct split *split, struct file *filp, struct flock *flock)
{
	__s64 start = flock->l_start, len = flock->l_len;
	short whence = flock->l_whence;

	if (whence == SEEK_CUR)
		start += filp->f_pos;
	else if (whence == SEEK_END)
		start += filp->f_inode->i_size;
	else if (whence)
		start = 0;	/* the kernel refuses it */
	split->start = start;
	split->end = OFFSET_MAX;
	if (len > 0) {
		split->end = start + len - 1;
	} else if (len < 0) {
		split->end = start - 1;
		split->start = start + len;
	}
}

/*
 * Will the request cut a lock of its owner in two? Other tasks cannot change
 * the owner's locks; its own threads can, and gain a piece a race.
 */
static __always_inline bool
lock_splits(struct file *filp, unsigned int cmd, struct flock *flock)
{
	bool ofd = cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	struct file_lock_context *locks = filp->f_inode->i_flctx;
	struct split split = {};
	int i;

	if (!locks || rescore_address(locks->flc_posix.next) ==
			      rescore_address(&locks->flc_posix))
		return false;
	split_range(&split, filp, flock);
	/* nothing before it, nothing behind it, or no range, which the kernel refuses */
	if (split.start <= 0 || split.end == OFFSET_MAX ||
	    split.end < split.start)
		return false;
	split.type = flock->l_type;
	split.owner = ofd ? (void *)filp :
			    (void *)bpf_get_current_task_btf()->files;
	split.head = &locks->flc_posix;
	for (i = 0; i < WALKS_MAX && !split.found && !split.whole; i++) {
		split.at = BPF_CORE_READ(locks, flc_posix.next);
		bpf_loop(LOCKS_MAX, split_step, &split, 0);
	}
	return split.found;
}

RESCORE_TWICE_LATE("fentry/fcntl_setlk", numflock__split, unsigned int fd,
		   struct file *filp, unsigned int cmd, struct flock *flock)
{
	__u32 slot = rescore_current();
	struct rescore_line *line;

	if (!slot || !rescore_active())
		return 0;
	if (lock_credit_find(bpf_get_current_task()) >= 0) {
		if (rescore_repeats())
			return 0;	/* the other copy was here */
		lock_credits_drop(bpf_get_current_task());
	}
	line = rescore_line(slot, numflock.id);
	if (!line || READ_ONCE(line->limit) == RESCORE_UNLIMITED)
		return 0;
	if (!lock_splits(filp, cmd, flock))
		return 0;
	/* the new lock first, against the barrier; then the piece cut off */
	if (flock->l_type != F_UNLCK && lock_credit(slot, RESCORE_HARD))
		goto refuse;
	if (!lock_credit(slot, RESCORE_SOFT))
		return 0;
refuse:
	lock_refuse();
	return 0;
}

/* A lock that has its credit already asks for no other, in a handover either. */
RESCORE_SECURITY_LATE(numflock__ask, file_lock, security_file_lock,
		      struct file *file, unsigned int type)
{
	__u32 slot;
	int credit;

	/* the unlock of a request that did not split anything */
	if (type == F_UNLCK && !lock_credited(bpf_get_current_task()))
		return 0;
	slot = rescore_current();
	if (!slot || !rescore_active())
		return 0;
	credit = lock_credit_find(bpf_get_current_task());
	if (credit == LOCK_REFUSE) {
		lock_credits_drop(bpf_get_current_task());
		return -ENOLCK;
	}
	if (credit > 0 || type == F_UNLCK)
		return 0;
	if (lock_credit(slot, RESCORE_HARD))
		return -ENOLCK;
	return 0;
}

/* A lock has come to stand in a list, for the running task. */
static __always_inline int lock_made(__u64 address)
{
	__u64 key = rescore_object_key(address, RESCORE_OBJ_LOCK);
	int slot;

	if (!lock_credited(bpf_get_current_task()) && !rescore_current())
		return 0;
	if (!rescore_active())
		return 0;
	if (rescore_repeats() && rescore_payer_find(key) >= 0)
		return 0;	/* the other copy was here */
	slot = lock_credit_take(bpf_get_current_task());
	if (slot > 0) {
		rescore_own(key, slot, numflock.id, true);
		return 0;
	}
	slot = rescore_current();
	if (slot)
		rescore_force_charge_object(key, slot, numflock.id);
	return 0;
}

RESCORE_TWICE_LATE("fentry/locks_copy_lock", numflock__made)
{
	return lock_made(rescore_arg(ctx, 0));
}

/*
 * Is it what the running call asked for, at its end? A lock that stands in a list
 * goes after the new one has come there, which has used the credit up; but flock()
 * gives the old one up before it waits for the new, which is on its stack. New
 * structures that were not needed have no flags.
 */
static __always_inline bool lock_is_request(struct file_lock *lock)
{
	__u64 stack = (__u64)bpf_get_current_task_btf()->stack;
	struct file_lock___before_6_9 *old = (void *)lock;
	__u32 flags;

	if (bpf_core_field_exists(old->fl_flags))
		flags = old->fl_flags;
	else
		flags = lock->c.flc_flags;
	if (flags & FL_FLOCK)
		return rescore_address(lock) - stack < THREAD_SIZE;
	return flags;
}

/* The last thing that a request meets, however it ended. */
RESCORE_TWICE_LATE("fentry/locks_release_private", numflock__gone,
		   struct file_lock *lock)
{
	rescore_uncharge_object(
		rescore_object_key(rescore_address(lock), RESCORE_OBJ_LOCK),
		numflock.id);
	if (lock_credited(bpf_get_current_task()) && lock_is_request(lock) &&
	    rescore_active())
		lock_credits_drop(bpf_get_current_task());
	return 0;
}

/* Runs for a new lease and for one that changes its type. */
RESCORE_TWICE("fentry/lease_setup", numflock__lease_made)
{
	__u64 address = rescore_arg(ctx, 0);

	if (rescore_payer_find(rescore_object_key(address, RESCORE_OBJ_LOCK)) >=
	    0)
		return 0;
	return lock_made(address);
}

RESCORE_TWICE("fentry/lease_modify", numflock__lease_gone)
{
	if (rescore_arg(ctx, 1) == F_UNLCK)
		rescore_uncharge_object(rescore_object_key(rescore_arg(ctx, 0),
							   RESCORE_OBJ_LOCK),
					numflock.id);
	return 0;
}

/* A lease is no request that is released, since Linux 6.9. */
RESCORE_TWICE_LATE("fexit/generic_setlease", numflock__lease_end)
{
	__u64 task = bpf_get_current_task();

	if (lock_credited(task) && rescore_active())
		lock_credits_drop(task);
	return 0;
}

/* A task that never came to a request again. */
RESCORE_TWICE_LATE("fentry/release_task", numflock__reap,
		   struct task_struct *task)
{
	__u64 address = rescore_address(task);

	if (lock_credited(address) && rescore_active())
		lock_credits_drop(address);
	return 0;
}
