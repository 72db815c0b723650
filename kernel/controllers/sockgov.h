/* SPDX-License-Identifier: GPL-2.0 */
/* Bounds of tcpsndbuf and tcprcvbuf: see sockgrant.h. Part of sockets.bpf.c. */
#ifndef RESCORE_SOCKGOV_H
#define RESCORE_SOCKGOV_H

#include "sockgrant.h"

/* @now: what has become of @old; MPTCP, for one, sets buffers of its subflows. */
static __always_inline bool is_far(__u32 old, __u32 new, __u32 now)
{
	__u32 step = old / GOAL_STEPS;

	return new > old + step || new + step < old || now > old + step;
}

/*
 * A connection that is governed: by a program on sockops (its context), or one that
 * walks over all (the socket).
 */
struct governed {
	void *ctx;		/* what bpf_setsockopt() takes */
	const struct sock *sk;
	struct sockbuf *buf;
	__u32 mss;
};

/* The kernel doubles what it is told. */
static __always_inline void
set_buffer(const struct governed *tcp, int option, __u32 goal)
{
	int value = goal / 2;

	bpf_setsockopt(tcp->ctx, SOL_SOCKET, option, &value, sizeof(value));
}

/*
 * A buffer of @goal, or as much as the kernel gives, which is returned: what it does
 * not give is left to others. It is asked for more when the buffer has been smaller
 * (@most, of full).
 */
static __always_inline __u32 set_within(const struct governed *tcp, bool snd,
					__u32 goal, __u32 most)
{
	__u32 now;

	set_buffer(tcp, snd ? SO_SNDBUF : SO_RCVBUF, goal);
	now = snd ? READ_ONCE(tcp->sk->sk_sndbuf) :
		    READ_ONCE(tcp->sk->sk_rcvbuf);
	if (now < goal)
		tcp->buf->full |= most;
	else
		tcp->buf->full &= ~most;
	return now < goal ? now : goal;
}

static __always_inline void
set_cwnd_clamp(const struct governed *tcp, int segments)
{
	bpf_setsockopt(tcp->ctx, SOL_TCP, TCP_BPF_SNDCWND_CLAMP, &segments,
		       sizeof(segments));
}

/*
 * The send buffer, and no more on its way than it has room for: the kernel does
 * not look at the buffer when it adds to a packet of which it has just sent a part,
 * so what may be sent at once is what keeps it.
 */
static __always_inline void set_sndbuf(const struct governed *tcp, __u32 goal)
{
	int segments = tcp->mss ? goal / tcp->mss : CWND_UNLIMITED;

	grant_snd(tcp->buf, set_within(tcp, true, goal, SOCKBUF_SND_MOST));
	set_cwnd_clamp(tcp, segments < CWND_MIN ? CWND_MIN : segments);
}

/* There is no bound any more. */
static __always_inline void free_sndbuf(const struct governed *tcp)
{
	set_buffer(tcp, SO_SNDBUF, SHARE_AMPLE);
	set_cwnd_clamp(tcp, CWND_UNLIMITED);
	grant_snd(tcp->buf, 0);
	tcp->buf->full &= ~SOCKBUF_SND_MOST;
}

/*
 * @goal, as far as no other was granted that; @own is what it was granted, and @held
 * what it holds. One takes half of what is left at most, an eighth when it is born:
 * one that stands still keeps its buffer, and others are to come.
 */
static __always_inline __u64 goal_in_left(const struct sockbuf *buf,
					  __u32 resource, __u64 own, __u64 held,
					  __u64 goal, bool born)
{
	__u64 left, most;

	if (goal <= own + own / GOAL_STEPS)
		return goal;
	left = grant_left(buf->slot, resource);
	most = born ? left / BORN_PART : held + (own + left) / 2;
	if (most > own + left)
		most = own + left;
	if (most < own)
		most = own;
	return goal < most ? goal : most;
}

/*
 * What it could do with: twice what it holds, and @idle. Who sends little has no
 * claim on much; who sends more has twice as much with each acknowledgement, as the
 * kernel lets it send twice as much.
 */
static __always_inline __u64 wish_snd(const struct sockbuf *buf, __u64 idle)
{
	__u64 wish = 2 * buf->snd + idle;

	if (wish > SHARE_AMPLE)
		wish = SHARE_AMPLE;
	if (buf->want_snd && wish > buf->want_snd)
		wish = buf->want_snd;
	if (buf->full & SOCKBUF_SND_MOST && wish > buf->goal_snd)
		wish = buf->goal_snd;
	return wish;
}

/* And what the bound leaves it of that: what it holds, and its share. */
static __always_inline __u64 goal_snd(struct sockbuf *buf, __u64 share,
				      bool born)
{
	__u64 idle = born ? SNDBUF_BORN : SNDBUF_IDLE,
	      wish = wish_snd(buf, idle), part = share / SNDBUF_IDLE_PART, goal;

	if (part < SNDBUF_BORN)
		part = SNDBUF_BORN;
	goal = wish_snd(buf, idle < part ? idle : part);
	if (goal > buf->snd + share)
		goal = buf->snd + share;
	goal = goal_in_left(buf, tcpsndbuf.id, buf->goal_snd, buf->snd, goal,
			    born);
	if (goal < wish)
		buf->full |= SOCKBUF_SND_LESS;
	else
		buf->full &= ~SOCKBUF_SND_LESS;
	return goal > SNDBUF_MIN ? goal : SNDBUF_MIN;
}

static __always_inline void govern_snd(const struct governed *tcp, bool born)
{
	struct sockbuf *buf = tcp->buf;
	__u64 share, goal;

	if (!is_bounded(buf->slot, tcpsndbuf.id)) {
		if (buf->goal_snd)
			free_sndbuf(tcp);
		return;
	}
	share = share_of(buf->slot, tcpsndbuf.id, numtcpsock.id);
	if (!buf->goal_snd && share >= SHARE_AMPLE)
		return;
	goal = goal_snd(buf, share, born);
	if (is_far(buf->goal_snd, goal, tcp->sk->sk_sndbuf))
		set_sndbuf(tcp, goal);
}

/*
 * Is less than @least bytes left of its receive buffer, or so little that the
 * kernel closes the window?
 */
static __always_inline bool is_closing(const struct sockbuf *buf, __u64 least)
{
	__s64 left = (__s64)buf->goal_rcv - buf->rcv;

	return left < (__s64)least || left < buf->goal_rcv / RCVBUF_CLOSING;
}

/*
 * Does the bound leave too little to receive into? Each time that it begins to is
 * counted: a window that only ever grew may end there as well.
 */
static __always_inline void
note_full_rcv(struct sockbuf *buf, struct rescore_line *line, bool full)
{
	if (!full) {
		buf->full &= ~SOCKBUF_RCV;
	} else if (!(buf->full & SOCKBUF_RCV)) {
		buf->full |= SOCKBUF_RCV;
		__sync_fetch_and_add(&line->failcnt, 1);
	}
}

/* What it holds and its share of what is left, as far as no other was granted that. */
static __always_inline __u64 goal_rcv(const struct sockbuf *buf, __u64 share,
				      bool born)
{
	__u64 goal = buf->rcv + share;

	if (born && goal > RCVBUF_BORN)
		goal = RCVBUF_BORN;
	if (goal > SHARE_AMPLE)
		goal = SHARE_AMPLE;
	return goal_in_left(buf, tcprcvbuf.id, granted_to_receive(buf),
			    buf->rcv, goal, born);
}

/*
 * The kernel bounds the window by what the buffer was when the connection began, since
 * 6.8 when it got its first large segment. Of one that is set it does not look again: a
 * connection that began with little room would have a small window forever. Above the
 * buffer a bound has no effect.
 */
static __always_inline void open_window(const struct governed *tcp, __u32 goal)
{
	const struct tcp_sock *full = (const struct tcp_sock *)tcp->sk;
	int value = goal;

	if (READ_ONCE(full->window_clamp) < goal && !tcp->buf->clamped)
		bpf_setsockopt(tcp->ctx, SOL_TCP, TCP_WINDOW_CLAMP, &value,
			       sizeof(value));
}

static __always_inline void
govern_rcv(const struct governed *tcp, bool bounded, bool born)
{
	struct sockbuf *buf = tcp->buf;
	__u64 share, goal, least = RCVBUF_SEGMENTS * tcp->mss;
	struct rescore_line *line = rescore_line(buf->slot, tcprcvbuf.id);
	bool ours;

	if (!line || !bounded) {
		if (buf->goal_rcv) {
			set_buffer(tcp, SO_RCVBUF, SHARE_AMPLE);
			open_window(tcp, SHARE_AMPLE);
			grant_rcv(buf, 0);
			buf->full &= ~SOCKBUF_RCV_MOST;
		}
		return;
	}
	share = share_of(buf->slot, tcprcvbuf.id, numtcpsock.id);
	if (!buf->goal_rcv && share >= SHARE_AMPLE)
		return;
	goal = goal_rcv(buf, share, born);
	ours = goal < SHARE_AMPLE;
	if (buf->want_rcv && goal > buf->want_rcv) {
		goal = buf->want_rcv;
		ours = false;
	}
	if (buf->full & SOCKBUF_RCV_MOST && goal > buf->goal_rcv) {
		goal = buf->goal_rcv;
		ours = false;
	}
	if (least > RCVBUF_MIN_MAX)
		least = RCVBUF_MIN_MAX;
	if (goal < least)
		goal = least;
	if (is_far(buf->goal_rcv, goal, tcp->sk->sk_rcvbuf)) {
		/* the window closes: that is all there is to tell of it */
		if (goal < buf->goal_rcv)
			__sync_fetch_and_add(&line->failcnt, 1);
		grant_rcv(buf, set_within(tcp, false, goal, SOCKBUF_RCV_MOST));
	}
	open_window(tcp, buf->goal_rcv);
	note_full_rcv(buf, line, ours && is_closing(buf, least));
}

/*
 * When the governor is to be called back: for each sample of the round trip; if
 * need be, for each segment that is sent, an acknowledgement too. Those that come
 * in would not do: the kernel shows none of them on its fast path.
 */
static __always_inline __u32 calls(__u32 flags, bool bounded_rcv)
{
	flags |= BPF_SOCK_OPS_RTT_CB_FLAG;
	if (bounded_rcv)
		return flags | BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG;
	return flags & ~BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG;
}

/* A connection begins: its record, if somebody pays for the socket. */
static __always_inline struct sockbuf *begin(const struct sock *full)
{
	int slot = payer(rescore_address(full), RESCORE_OBJ_SOCK);
	struct sockbuf buf = { .tcp = 1 };
	__u32 locks;

	if (slot <= 0 || !rescore_active())
		return NULL;
	buf.slot = slot;
	/* what the program has asked for until now */
	locks = BPF_CORE_READ_BITFIELD_PROBED(full, sk_userlocks);
	if (locks & SOCK_SNDBUF_LOCK)
		buf.want_snd = full->sk_sndbuf;
	if (locks & SOCK_RCVBUF_LOCK)
		buf.want_rcv = full->sk_rcvbuf;
	return sockbuf_new(rescore_address(full), &buf);
}

/* As it is right now. */
static __always_inline bool
see(struct bpf_sock *sk, struct governed *tcp, bool born, bool sends)
{
	const struct sock *full = (const struct sock *)bpf_skc_to_tcp_sock(sk);
	struct sockbuf *buf;

	/* one that has read all is seen when what it sends is acknowledged */
	if (!full || (sends && !sockbuf_rmem(full)))
		return false;
	buf = sockbuf_of(full);
	if (!buf && born)
		buf = begin(full);
	if (!buf || !rescore_active())
		return false;
	tcp->buf = buf;
	tcp->sk = full;
	/* what it sends is not all in the queue yet */
	if (!sends)
		sockbuf_count_unseen(buf, &buf->snd, full->sk_wmem_queued,
				     tcpsndbuf.id);
	sockbuf_count_unseen(buf, &buf->rcv, sockbuf_rmem(full), tcprcvbuf.id);
	return true;
}

SEC("sockops")
int tcpsndbuf_tcprcvbuf__govern(struct bpf_sock_ops *ops)
{
	struct governed tcp;
	struct bpf_sock *sk;
	bool born = false, sends = false, bounded;
	__u32 flags;

	switch (ops->op) {
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		born = true;
		break;
	case BPF_SOCK_OPS_HDR_OPT_LEN_CB:
		/* the kernel only asks how much of a segment is data */
		if (ops->args[0] == BPF_WRITE_HDR_TCP_CURRENT_MSS)
			return 1;
		sends = true;
		break;
	case BPF_SOCK_OPS_RTT_CB:
		break;
	default:
		return 1;
	}
	sk = ops->sk;
	if (!sk || !see(sk, &tcp, born, sends))
		return 1;
	bounded = is_bounded(tcp.buf->slot, tcprcvbuf.id);
	flags = calls(ops->bpf_sock_ops_cb_flags, bounded);
	if (flags != ops->bpf_sock_ops_cb_flags)
		bpf_sock_ops_cb_flags_set(ops, flags);
	tcp.ctx = ops;
	tcp.mss = ops->mss_cache;
	if (!sends)
		govern_snd(&tcp, born);
	govern_rcv(&tcp, bounded, born);
	return 1;
}

/* --- connections that are there when a bound is set --------------------------------------- */

static __always_inline bool is_connected(const struct sock *sk)
{
	switch (sk->__sk_common.skc_state) {
	case TCP_SYN_SENT:
	case TCP_CLOSE:
	case TCP_LISTEN:
		return false;
	}
	return true;
}

/* The kernel has locked it. */
static __always_inline int apply_tcp(struct bpf_iter__tcp *ctx, bool snd)
{
	struct sock_common *common = ctx->sk_common;
	struct governed tcp;
	struct tcp_sock *full;
	bool bounded;
	int flags;

	full = common ? bpf_skc_to_tcp_sock(common) : NULL;
	if (!full || !is_connected((struct sock *)full))
		return 0;
	tcp.buf = sockbuf_of((struct sock *)full);
	if (!tcp.buf)
		return 0;
	sockbuf_sync_tcp((struct sock *)full);
	tcp.ctx = full;
	tcp.sk = (struct sock *)full;
	tcp.mss = full->mss_cache;
	if (snd) {
		govern_snd(&tcp, false);
		return 0;
	}
	/* Linux 6.1 does not take them from here: see calls() */
	bounded = is_bounded(tcp.buf->slot, tcprcvbuf.id);
	flags = calls(full->bpf_sock_ops_cb_flags, bounded);
	bpf_setsockopt(full, SOL_TCP, TCP_BPF_SOCK_OPS_CB_FLAGS, &flags,
		       sizeof(flags));
	govern_rcv(&tcp, bounded, false);
	return 0;
}

SEC("iter/tcp")
int tcpsndbuf__apply(struct bpf_iter__tcp *ctx)
{
	return apply_tcp(ctx, true);
}

SEC("iter/tcp")
int tcprcvbuf__apply(struct bpf_iter__tcp *ctx)
{
	return apply_tcp(ctx, false);
}

/* --- who sends ------------------------------------------------------------------------- */

/*
 * The kernel's poll() says that there is room as long as a third of the buffer is
 * free. When it no longer does, and the buffer has the size that the bound left
 * it, a sender is held up.
 */
static __always_inline int sockbuf_sent(struct sock *sk)
{
	struct sockbuf *buf = sockbuf_of(sk);

	if (!buf || !rescore_active())
		return 0;
	sockbuf_count_tcp(buf, READ_ONCE(sk->sk_wmem_queued), sockbuf_rmem(sk));
	if (!buf->goal_snd || !(buf->full & SOCKBUF_SND_LESS) ||
	    buf->snd * 3 <= (__s64)buf->goal_snd * 2) {
		buf->full &= ~SOCKBUF_SND;
		return 0;
	}
	if (!(buf->full & SOCKBUF_SND) && is_bounded(buf->slot, tcpsndbuf.id))
		rescore_refused(buf->slot, tcpsndbuf.id, 1, RESCORE_HARD);
	buf->full |= SOCKBUF_SND;
	return 0;
}

SEC("fexit/tcp_sendmsg_locked")
int RESCORE_LATE(tcpsndbuf__send, struct sock *sk)
{
	return sockbuf_sent(sk);
}

SEC("fexit/do_tcp_sendpages")
int RESCORE_LATE(tcpsndbuf__sendpages_before_6_5__opt, struct sock *sk)
{
	return sockbuf_sent(sk);
}

/* In the midst of a send, for as long as its receiver takes. */
SEC("fentry/sk_stream_wait_memory")
int RESCORE_LATE(tcpsndbuf__wait, struct sock *sk)
{
	return sockbuf_sent(sk);
}

#endif /* RESCORE_SOCKGOV_H */
