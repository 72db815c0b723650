// SPDX-License-Identifier: GPL-2.0
/*
 * numsiginfo: queued signals (struct sigqueue) of the container's tasks, as SigQ
 * in /proc/PID/status counts them for a user.
 *
 * Charged     when the kernel makes the entry: a signal that waits with its
 *             siginfo (sigqueue, kill, SIGCHLD, a fault), or a POSIX timer, which
 *             has one from timer_create() to timer_delete().
 * Uncharged   when the kernel frees it: it was delivered, the task was reaped, it
 *             was discarded, the timer is gone.
 * Who pays    the container that the target is in at that moment, whoever sends:
 *             as with RLIMIT_SIGPENDING, the receiver's queue is what fills up. A
 *             task that is moved leaves them charged where they were.
 * Refused     real-time signals (32 and up) that a member of any container sends:
 *             EAGAIN, as above RLIMIT_SIGPENDING. The host's pass. Others wait
 *             once per number at most, and are delivered, as are those of
 *             timers and of the kernel: counted, above the barrier too.
 * Costs       1 hook per signal that is sent (190 instructions), 2 more when it
 *             queues an entry: some 900 on the host, 1300 in a container, for
 *             sending and taking one. Most of it is what the hooks cost empty.
 *
 * The function that frees an entry is inlined everywhere. All ways pass
 * dec_rlimit_put_ucounts(), which is not given the entry; but each needs it right
 * after the call, so it can be found: siginfo_try_free().
 */
#include "rescore.h"
#include "truth.h"

char LICENSE[] SEC("license") = "GPL";

RESCORE_RESOURCE(numsiginfo) = {
	.name = "numsiginfo",
	.unit = RESCORE_COUNT,
	.flags = RESCORE_DENIABLE,
	.err = EAGAIN,
	.ubc_index = 13,
	.objects = 1 << RESCORE_OBJ_SIGINFO,
	.help = "queued signals with their siginfo, and POSIX timers",
};

#define FIRST_REAL_TIME	32

/* From signal_types.h; vmlinux.h has no macros. */
#define SIGQUEUE_PREALLOC 1

/* Words of the stack that an entry is looked for in; a power of two. */
#define FRAME_WORDS	32

static __always_inline __u64 siginfo_key(__u64 address)
{
	return rescore_object_key(address, RESCORE_OBJ_SIGINFO);
}

/*
 * How many entries that some container pays for belong to ucounts of this hash (a
 * user in a user namespace): most of the host's have none, and then a free has
 * nothing to look for. Too many, after a free that was missed, does no harm.
 */
#define PAID_BITS	12

__u64 paid[1 << PAID_BITS] RESCORE_TABLE(paid);

static __always_inline __u64 *siginfo_paid(__u64 ucounts)
{
	return paid + rescore_hash(ucounts, 64 - PAID_BITS);
}

static __always_inline void siginfo_paid_add(__u64 ucounts, __s64 n)
{
	__sync_fetch_and_add(siginfo_paid(ucounts), n);
}

RESCORE_SECURITY_IF(numsiginfo__send, sig >= FIRST_REAL_TIME, task_kill,
		    security_task_kill, struct task_struct *to,
		    struct kernel_siginfo *info, int sig)
{
	__u32 slot;

	slot = rescore_slot_of(to);
	if (!slot || !rescore_current() || rescore_is_admin())
		return 0;
	if (rescore_check(slot, numsiginfo.id, 1, RESCORE_HARD))
		return -EAGAIN;
	return 0;
}

RESCORE_TWICE_LATE("fexit/__sigqueue_alloc", numsiginfo__made, int sig,
		   struct task_struct *to, gfp_t gfp, int override_rlimit,
		   const unsigned int flags, struct sigqueue *made)
{
	__u32 slot;
	__u64 key;

	if (!made)
		return 0;
	slot = rescore_slot_of(to);
	if (!slot || !rescore_active())
		return 0;
	key = siginfo_key(rescore_address(made));
	if (rescore_repeats() && rescore_payer_find(key) >= 0)
		return 0;	/* the other copy was here */
	/* first: a free must not overlook it */
	siginfo_paid_add(rescore_address(made->ucounts), 1);
	if (rescore_force_charge_object(key, slot, numsiginfo.id))
		siginfo_paid_add(rescore_address(made->ucounts), -1);
	return 0;
}

enum siginfo_found {
	SIGINFO_NOT,	/* it is another, or none */
	SIGINFO_FREE,	/* it is the one; nobody paid */
	SIGINFO_PAID,	/* ...and it is uncharged */
};

/*
 * The entry that is being freed is where the compiler put it: in a register that
 * calls preserve, or in the frame of the caller. Is it the one at @address? All
 * others that a caller may have at hand are on a list, but a timer's while it does
 * not wait: that is SIGQUEUE_PREALLOC until it is freed.
 */
static __noinline int siginfo_try_free(__u64 address, __u64 ucounts)
{
	struct sigqueue entry;
	int slot;

	if ((__s64)address >= 0 || address & 7 ||
	    bpf_probe_read_kernel(
		    &entry,
		    bpf_core_field_offset(entry.flags) + sizeof(entry.flags),
		    (void *)address) ||
	    (__u64)entry.list.next != address ||
	    entry.flags & SIGQUEUE_PREALLOC)
		return SIGINFO_NOT;
	slot = rescore_payer_take(siginfo_key(address));
	if (slot > 0) {
		rescore_uncharge(slot, numsiginfo.id, 1);
		return SIGINFO_PAID;
	}
	/* or just an empty list of whatever */
	return (__u64)BPF_CORE_READ((struct sigqueue *)address, ucounts) ==
			       ucounts ?
		       SIGINFO_FREE :
		       SIGINFO_NOT;
}

struct siginfo_frame {
	__u64 ucounts;
	__u64 word[FRAME_WORDS];
	int found;
};

static long siginfo_frame_step(__u32 i, void *arg)
{
	struct siginfo_frame *frame = arg;

	frame->found = siginfo_try_free(frame->word[i & (FRAME_WORDS - 1)],
					frame->ucounts);
	return frame->found != SIGINFO_NOT;
}

/* get_signal() of 6.1, which takes faults, has run out of registers. */
static __always_inline int siginfo_search_frame(__u64 sp, __u64 ucounts)
{
	struct siginfo_frame frame = { .ucounts = ucounts };

	if (bpf_probe_read_kernel(frame.word, sizeof(frame.word), (void *)sp))
		return SIGINFO_NOT;
	bpf_loop(FRAME_WORDS, siginfo_frame_step, &frame, 0);
	return frame.found;
}

SEC("kprobe/dec_rlimit_put_ucounts")
int numsiginfo__free(struct pt_regs *regs)
{
	/* the likely one first */
	const __u64 places[] = { regs->bx,  regs->r14, regs->bp,
				 regs->r12, regs->r13, regs->r15 };
	__u64 ucounts = regs->di, *paid_here = siginfo_paid(ucounts);
	int found = SIGINFO_NOT;
	unsigned int i;

	if (!READ_ONCE(*paid_here) || !rescore_active())
		return 0;
#pragma unroll
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		found = siginfo_try_free(places[i], ucounts);
		if (found != SIGINFO_NOT)
			break;
	}
	if (found == SIGINFO_NOT)
		found = siginfo_search_frame(regs->sp, ucounts);
	if (found == SIGINFO_PAID)
		__sync_fetch_and_add(paid_here, -1);
	return 0;
}

/* --- the audit: what waits, and the timers, task by task ----------------------- */

#define QUEUE_MAX	(1 << 20)

struct siginfo_walk {
	struct seq_file *seq;
	struct list_head *head;
	struct list_head *at;
};

/* @entry is of what the walk is at: who pays for it? On to the next. */
static __always_inline long siginfo_tell(struct siginfo_walk *walk, __u64 entry)
{
	__u64 key = siginfo_key(entry);
	int slot = rescore_payer_find(key);

	if (slot > 0)
		rescore_truth_write(walk->seq, key, slot, 1);
	return bpf_probe_read_kernel(&walk->at, sizeof(walk->at),
				     &walk->at->next) != 0;
}

static long siginfo_walk_step(__u32 i, void *arg)
{
	struct siginfo_walk *walk = arg;

	if (walk->at == walk->head || !walk->at)
		return 1;
	return siginfo_tell(walk, (__u64)walk->at);
}

static __always_inline void
siginfo_walk(struct seq_file *seq, struct list_head *head)
{
	struct siginfo_walk walk = { .seq = seq, .head = head };

	walk.at = BPF_CORE_READ(head, next);
	bpf_loop(QUEUE_MAX, siginfo_walk_step, &walk, 0);
}

/* Up to Linux 6.10 a doubly linked list; first and next are first in both. */
static long siginfo_timer_step(__u32 i, void *arg)
{
	struct siginfo_walk *walk = arg;
	struct k_itimer *timer;

	if (walk->at == walk->head || !walk->at)
		return 1;
	timer = (void *)walk->at - bpf_core_field_offset(struct k_itimer, list);
	return siginfo_tell(walk, (__u64)BPF_CORE_READ(timer, sigq));
}

static __always_inline void
siginfo_timers(struct seq_file *seq, struct signal_struct *signal)
{
	struct siginfo_walk walk = { .seq = seq };

	walk.head = (void *)signal +
		    bpf_core_field_offset(struct signal_struct, posix_timers);
	if (bpf_probe_read_kernel(&walk.at, sizeof(walk.at), walk.head))
		return;
	bpf_loop(QUEUE_MAX, siginfo_timer_step, &walk, 0);
}

SEC("iter/task")
int numsiginfo__truth(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct signal_struct *signal;

	if (!task)
		return 0;
	siginfo_walk(ctx->meta->seq, &task->pending.list);
	if (task->pid != task->tgid)
		return 0;
	signal = task->signal;
	if (!signal)
		return 0;
	siginfo_walk(ctx->meta->seq, &signal->shared_pending.list);
	siginfo_timers(ctx->meta->seq, signal);
	return 0;
}
