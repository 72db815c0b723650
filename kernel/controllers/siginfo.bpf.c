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
 * Costs       1 hook per signal that is sent (203 instructions), 2 more when it
 *             queues an entry: some 1400 on the host, 1900 in a container, for
 *             sending and taking one.
 *
 * The function that frees an entry is inlined everywhere. All ways pass
 * dec_rlimit_put_ucounts(), which is not given the entry; but each needs it right
 * after the call, so it is in a register that calls preserve, or in the caller's
 * frame. The one that is freed is recorded as ours, belongs to these ucounts and has
 * been taken off its list: nothing else is mistaken for it.
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

RESCORE_SECURITY(numsiginfo__send, task_kill, security_task_kill,
		 struct task_struct *to, struct kernel_siginfo *info, int sig)
{
	__u32 slot;

	if (sig < FIRST_REAL_TIME)
		return 0;
	slot = rescore_slot_of(to);
	if (!slot || !rescore_current() || rescore_is_admin())
		return 0;
	if (rescore_check(slot, numsiginfo.id, 1, RESCORE_HARD))
		return -EAGAIN;
	return 0;
}

RESCORE_TWICE("fexit/__sigqueue_alloc", numsiginfo__made, int sig,
	      struct task_struct *to, gfp_t gfp, int override_rlimit,
	      const unsigned int flags, struct sigqueue *made)
{
	__u64 key = siginfo_key(rescore_address(made));
	__u32 slot;

	if (!made)
		return 0;
	slot = rescore_slot_of(to);
	if (!slot)
		return 0;
	if (rescore_cfg.preemptible && rescore_payer_find(key) >= 0)
		return 0;	/* the other copy was here */
	rescore_force_charge_object(key, slot, numsiginfo.id);
	return 0;
}

/*
 * Is the entry at @address the one that is being freed? Then uncharge it. A timer's
 * is on no list while it does not wait, but is SIGQUEUE_PREALLOC until it is freed.
 */
static __noinline int siginfo_try_free(__u64 address, __u64 ucounts)
{
	struct sigqueue *entry = (void *)address;

	if (!address || address & 7 ||
	    rescore_payer_find(siginfo_key(address)) < 0)
		return 0;
	if ((__u64)BPF_CORE_READ(entry, list.next) != address ||
	    (__u64)BPF_CORE_READ(entry, ucounts) != ucounts ||
	    BPF_CORE_READ(entry, flags) & SIGQUEUE_PREALLOC)
		return 0;
	rescore_uncharge_object(siginfo_key(address), numsiginfo.id);
	return 1;
}

struct siginfo_frame {
	__u64 ucounts;
	__u64 word[FRAME_WORDS];
};

static long siginfo_frame_step(__u32 i, void *arg)
{
	struct siginfo_frame *frame = arg;

	return siginfo_try_free(frame->word[i & (FRAME_WORDS - 1)],
				frame->ucounts);
}

/* get_signal() of 6.1, which takes faults, has run out of registers. */
static __always_inline void siginfo_search_frame(__u64 sp, __u64 ucounts)
{
	struct siginfo_frame frame = { .ucounts = ucounts };

	if (bpf_probe_read_kernel(frame.word, sizeof(frame.word), (void *)sp))
		return;
	bpf_loop(FRAME_WORDS, siginfo_frame_step, &frame, 0);
}

SEC("kprobe/dec_rlimit_put_ucounts")
int numsiginfo__free(struct pt_regs *regs)
{
	__u64 ucounts = regs->di;

	if (!rescore_active())
		return 0;
	if (siginfo_try_free(regs->bx, ucounts) ||
	    siginfo_try_free(regs->bp, ucounts) ||
	    siginfo_try_free(regs->r12, ucounts) ||
	    siginfo_try_free(regs->r13, ucounts) ||
	    siginfo_try_free(regs->r14, ucounts) ||
	    siginfo_try_free(regs->r15, ucounts))
		return 0;
	/* a task takes its own; nobody pays for those of the host */
	if (rescore_current())
		siginfo_search_frame(regs->sp, ucounts);
	return 0;
}

/* --- the audit: what waits, and the timers, task by task ----------------------- */

#define QUEUE_MAX	(1 << 20)

struct siginfo_walk {
	struct seq_file *seq;
	struct list_head *head;
	struct list_head *at;
};

static long siginfo_walk_step(__u32 i, void *arg)
{
	struct siginfo_walk *walk = arg;
	__u64 key;
	int slot;

	if (walk->at == walk->head || !walk->at)
		return 1;
	key = siginfo_key((__u64)walk->at);
	slot = rescore_payer_find(key);
	if (slot > 0)
		rescore_truth_write(walk->seq, key, slot, 1);
	if (bpf_probe_read_kernel(&walk->at, sizeof(walk->at), &walk->at->next))
		return 1;
	return 0;
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
	__u64 key;
	int slot;

	if (walk->at == walk->head || !walk->at)
		return 1;
	timer = (void *)walk->at - bpf_core_field_offset(struct k_itimer, list);
	key = siginfo_key((__u64)BPF_CORE_READ(timer, sigq));
	slot = rescore_payer_find(key);
	if (slot > 0)
		rescore_truth_write(walk->seq, key, slot, 1);
	if (bpf_probe_read_kernel(&walk->at, sizeof(walk->at), &walk->at->next))
		return 1;
	return 0;
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
