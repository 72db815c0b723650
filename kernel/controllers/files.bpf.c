// SPDX-License-Identifier: GPL-2.0
/*
 * numfile: open files (struct file) of the container: files, directories, both
 * ends of a pipe, sockets, epoll, memfd, O_PATH, whatever has a descriptor.
 *
 * Charged     when the kernel allocates the struct file. dup() and fork() make
 *             none. On overlayfs an open file has a second one below it.
 * Uncharged   when the last reference is gone and the kernel frees it: after
 *             close(), a little later than it.
 * Who pays    the container that opened it, wherever the descriptor travels.
 * Refused     open, pipe, socket, …: ENFILE
 * Costs       2 hooks per open and close.
 *
 * numpty: open pseudo-terminal masters.
 *
 * Charged     at the permission check of open("/dev/ptmx"), as a credit of the
 *             task that the open then uses up; a credit left over (the open
 *             failed, or it was access(2)) goes back when the task next closes
 *             a file of its container's or exits.
 * Uncharged   when the master is released.
 * Who pays    the container that opened it.
 * Refused     open of a ptmx: ENOSPC, as when the kernel's own pool is empty
 * Costs       nothing outside ptmx and terminals.
 */
#include "rescore.h"

char LICENSE[] SEC("license") = "GPL";

RESCORE_RESOURCE(numfile) = {
	.name = "numfile",
	.unit = RESCORE_COUNT,
	.flags = RESCORE_DENIABLE,
	.err = ENFILE,
	.ubc_index = 20,
	.objects = 1 << RESCORE_OBJ_FILE,
	.help = "open files of every kind, each counted once however many "
		"descriptors share it",
};

RESCORE_RESOURCE(numpty) = {
	.name = "numpty",
	.unit = RESCORE_COUNT,
	.flags = RESCORE_DENIABLE,
	.err = ENOSPC,
	.ubc_index = 12,
	.objects = 1 << RESCORE_OBJ_PTY | 1 << RESCORE_OBJ_PTY_CREDIT,
	.help = "open pseudo-terminal masters",
};

RESCORE_SECURITY_LATE(numfile__open, file_alloc_security, security_file_alloc,
		      struct file *file)
{
	__u32 slot = rescore_current();
	__u64 key;

	if (!slot)
		return 0;
	key = rescore_object_key(rescore_address(file), RESCORE_OBJ_FILE);
	if (!rescore_records(key))
		return 0;
	if (rescore_try_charge_object(key, slot, numfile.id, RESCORE_HARD))
		return -ENFILE;
	return 0;
}

static __always_inline __u64 pty_credit_key(void)
{
	return rescore_object_key(bpf_get_current_task(),
				  RESCORE_OBJ_PTY_CREDIT);
}

/* The slot that paid the running task's credit, or -1. It stays charged. */
static __always_inline int pty_credit_take(void)
{
	int slot;

	if (!READ_ONCE(rescore_meta.pty_credits))
		return -1;
	slot = rescore_payer_take(pty_credit_key());
	if (slot >= 0)
		__sync_fetch_and_add(&rescore_meta.pty_credits, -1);
	return slot;
}

static __always_inline void pty_credit_drop(void)
{
	int slot = pty_credit_take();

	if (slot > 0)
		rescore_uncharge(slot, numpty.id, 1);
}

RESCORE_SECURITY_TASK(numfile__free, file_free_security, security_file_free,
		      struct file *file)
{
	__u64 key = rescore_object_key(rescore_address(file), RESCORE_OBJ_FILE);
	struct rescore_bucket *bucket = rescore_payer_bucket_late(key);
	int slot;

	if (!bucket)
		return 0;
	slot = rescore_payer_take_from(bucket, key);
	if (slot > 0)
		rescore_uncharge(slot, numfile.id, 1);
	/* who has a credit is in a container, and its files are in buckets */
	if (READ_ONCE(rescore_meta.pty_credits))
		pty_credit_drop();
	return 0;
}

#define TTYAUX_MAJOR	5	/* linux/major.h */
#define PTMX_MINOR	2	/* Documentation/admin-guide/devices.txt */
#define DEVCG_ACC_READ	2	/* linux/bpf.h, BPF_DEVCG_ACC_* */
#define DEVCG_ACC_WRITE	4

/*
 * The device check is the one place where an open of ptmx, and nothing else,
 * can be refused with an errno of ours.
 */
SEC("cgroup/dev")
int numpty__open(struct bpf_cgroup_dev_ctx *ctx)
{
	__u32 access = ctx->access_type >> 16, slot;
	__u64 key;

	if (ctx->major != TTYAUX_MAJOR || ctx->minor != PTMX_MINOR)
		return 1;
	if (!(access & (DEVCG_ACC_READ | DEVCG_ACC_WRITE)))
		return 1;
	if (!rescore_active())
		return 1;
	slot = rescore_current();
	key = pty_credit_key();
	if (slot && rescore_payer_find(key) == (int)slot)
		return 1;
	pty_credit_drop();	/* of the container it was in before */
	if (!slot)
		return 1;
	if (rescore_try_charge_credit(key, slot, numpty.id, RESCORE_HARD)) {
		bpf_set_retval(-ENOSPC);
		return 0;
	}
	__sync_fetch_and_add(&rescore_meta.pty_credits, 1);
	return 1;
}

static __always_inline void pty_own(struct file *filp)
{
	int slot = pty_credit_take();

	if (slot > 0)
		rescore_own(rescore_object_key(rescore_address(filp),
					       RESCORE_OBJ_PTY),
			    slot, numpty.id, true);
}

/*
 * In the middle of ptmx_open(), which releases the terminal if it fails after
 * that. Two programs, since the kernel may skip one (RESCORE_SECURITY).
 */
SEC("fentry/tty_add_file")
int RESCORE_PROG(numpty__added, struct tty_struct *tty, struct file *filp)
{
	pty_own(filp);
	return 0;
}

SEC("fexit/ptmx_open")
int RESCORE_PROG(numpty__opened, struct inode *inode, struct file *filp,
		 int ret)
{
	if (ret)
		pty_credit_drop();
	else
		pty_own(filp);
	return 0;
}

RESCORE_TWICE_LATE("fentry/tty_release", numpty__close, struct inode *inode,
		   struct file *filp)
{
	rescore_uncharge_object(
		rescore_object_key(rescore_address(filp), RESCORE_OBJ_PTY),
		numpty.id);
	return 0;
}

SEC("fentry/release_task")
int RESCORE_LATE(numpty__reap, struct task_struct *task)
{
	__u64 key;
	int slot;

	if (!READ_ONCE(rescore_meta.pty_credits) || !rescore_active())
		return 0;
	key = rescore_object_key(rescore_address(task), RESCORE_OBJ_PTY_CREDIT);
	slot = rescore_payer_take(key);
	if (slot < 0)
		return 0;
	__sync_fetch_and_add(&rescore_meta.pty_credits, -1);
	rescore_uncharge(slot, numpty.id, 1);
	return 0;
}

/* For the audit: every file that a descriptor or a mapping refers to. */
static __always_inline void audit_write(struct seq_file *seq, __u64 address)
{
	struct rescore_found found = {
		.address = address,
		.kind = RESCORE_OBJ_FILE,
		.unknown = true,
	};

	bpf_seq_write(seq, &found, sizeof(found));
}

SEC("iter/task_file")
int files__audit_fd(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;

	if (ctx->task && file)
		audit_write(ctx->meta->seq, rescore_address(file));
	return 0;
}

SEC("iter/task_vma")
int files__audit_map(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	__u64 address;

	if (!ctx->task || !vma || !vma->vm_file)
		return 0;
	if (!bpf_core_read(&address, sizeof(address), &vma->vm_file))
		audit_write(ctx->meta->seq, address);
	return 0;
}

/* Linux 6.13 counts in a file_ref_t, which starts at 0 for one reference. */
struct file___since_6_13 {
	struct {
		struct {
			__s64 counter;
		} refcnt;
	} f_ref;
} __attribute__((preserve_access_index));

/* Is there still a file at this address, which no descriptor refers to? */
SEC("syscall")
int files__audit_live(struct rescore_alive *request)
{
	__u64 address = rescore_whole_address(request->address);

	if (bpf_core_field_exists(struct file___since_6_13, f_ref)) {
		struct file___since_6_13 *file = (void *)address;

		request->references = BPF_CORE_READ(file,
						    f_ref.refcnt.counter) >= 0;
	} else {
		struct file *file = (void *)address;

		request->references = BPF_CORE_READ(file, f_count.counter);
	}
	return 0;
}
