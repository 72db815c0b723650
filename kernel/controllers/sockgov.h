/* SPDX-License-Identifier: GPL-2.0 */
/* Bounds of tcpsndbuf and tcprcvbuf: see sockgrant.h. Part of sockets.bpf.c. */
#ifndef RESCORE_SOCKGOV_H
#define RESCORE_SOCKGOV_H

#include "sockgrant.h"

static __always_inline bool is_far(__u32 old, __u32 new)
{
	__u32 step = old / GOAL_STEPS;

	return new > old + step || new + step < old;
}

/* The kernel doubles what it is told. */
static __always_inline void
set_buffer(struct bpf_sock_ops *ops, int option, __u32 goal)
{
	int value = goal / 2;

	bpf_setsockopt(ops, SOL_SOCKET, option, &value, sizeof(value));
}

/*
 * What it holds and its share of what is left, but no more than twice what it
 * holds and half of that share: who sends little has no claim on much. Goals grow
 * only into what no other has.
 */
static __always_inline __u64 goal_snd(const struct sockbuf *buf, __u64 share)
{
	__u64 own = buf->snd, left, goal = own + share;
	__u64 most = 2 * own +
		     (share / 2 > SNDBUF_BORN ? share / 2 : SNDBUF_BORN);

	if (goal > most)
		goal = most;
	if (buf->want_snd && goal > buf->want_snd)
		goal = buf->want_snd;
	if (goal > SHARE_AMPLE)
		goal = SHARE_AMPLE;
	if (goal > buf->goal_snd) {
		left = grant_left(buf->slot, true);
		if (goal > buf->goal_snd + left)
			goal = buf->goal_snd + left;
	}
	return goal > SNDBUF_MIN ? goal : SNDBUF_MIN;
}

static __always_inline void
govern_snd(struct bpf_sock_ops *ops, struct sockbuf *buf)
{
	__u64 share, goal;

	if (!is_bounded(buf->slot, tcpsndbuf.id)) {
		if (buf->goal_snd)
			set_buffer(ops, SO_SNDBUF, SHARE_AMPLE);
		grant_set(buf, 0);
		return;
	}
	share = share_of(buf->slot, tcpsndbuf.id);
	if (!buf->goal_snd && share >= SHARE_AMPLE)
		return;
	goal = goal_snd(buf, share);
	if (!is_far(buf->goal_snd, goal))
		return;
	grant_set(buf, goal);
	set_buffer(ops, SO_SNDBUF, goal);
}

static __always_inline void
govern_rcv(struct bpf_sock_ops *ops, struct sockbuf *buf, bool born)
{
	__u64 share, goal, least = RCVBUF_SEGMENTS * ops->mss_cache;
	struct rescore_line *line = rescore_line(buf->slot, tcprcvbuf.id);

	if (!line || !is_bounded(buf->slot, tcprcvbuf.id)) {
		if (buf->goal_rcv)
			set_buffer(ops, SO_RCVBUF, SHARE_AMPLE);
		buf->goal_rcv = 0;
		return;
	}
	share = share_of(buf->slot, tcprcvbuf.id);
	if (!buf->goal_rcv && share >= SHARE_AMPLE)
		return;
	goal = buf->rcv + share;
	if (born && goal > RCVBUF_BORN)
		goal = RCVBUF_BORN;
	if (buf->want_rcv && goal > buf->want_rcv)
		goal = buf->want_rcv;
	if (least > RCVBUF_MIN_MAX)
		least = RCVBUF_MIN_MAX;
	if (goal < least)
		goal = least;
	if (goal > SHARE_AMPLE)
		goal = SHARE_AMPLE;
	if (!is_far(buf->goal_rcv, goal))
		return;
	/* the window closes: that is all there is to tell of it */
	if (goal < buf->goal_rcv)
		__sync_fetch_and_add(&line->failcnt, 1);
	buf->goal_rcv = goal;
	set_buffer(ops, SO_RCVBUF, goal);
}

/* Called back for each sample of the round trip; if need be, for each segment. */
static __always_inline void
call_back(struct bpf_sock_ops *ops, struct sockbuf *buf)
{
	__u32 flags = ops->bpf_sock_ops_cb_flags;
	__u32 wanted = flags | BPF_SOCK_OPS_RTT_CB_FLAG;

	if (is_bounded(buf->slot, tcprcvbuf.id))
		wanted |= BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG;
	else
		wanted &= ~BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG;
	if (wanted != flags)
		bpf_sock_ops_cb_flags_set(ops, wanted);
}

/* As it is right now, after the segment that has come in. */
static __always_inline bool see(struct bpf_sock *sk, struct sockbuf *buf)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	const struct sock *full = (const struct sock *)tcp;

	if (!tcp)
		return false;
	sockbuf_count(&buf->snd, full->sk_wmem_queued, buf->slot, tcpsndbuf.id);
	sockbuf_count(&buf->rcv, full->sk_backlog.rmem_alloc.counter, buf->slot,
		      tcprcvbuf.id);
	return true;
}

SEC("sockops")
int tcpsndbuf__govern(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk;
	struct sockbuf *buf;
	bool born = false;

	switch (ops->op) {
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		born = true;
		break;
	case BPF_SOCK_OPS_RTT_CB:
	case BPF_SOCK_OPS_PARSE_HDR_OPT_CB:
		break;
	default:
		return 1;
	}
	sk = ops->sk;
	if (!rescore_active() || !sk)
		return 1;
	buf = bpf_sk_storage_get(&sockbufs, sk, 0, 0);
	if (!buf || !see(sk, buf))
		return 1;
	call_back(ops, buf);
	if (ops->op != BPF_SOCK_OPS_PARSE_HDR_OPT_CB)
		govern_snd(ops, buf);
	govern_rcv(ops, buf, born);
	return 1;
}

/* --- setsockopt() ----------------------------------------------------------------------- */

/*
 * A program's wish is a bound of its own: it is remembered, and granted as far as
 * it goes. What the governor has not set yet, it will.
 */
SEC("cgroup/setsockopt")
int tcpsndbuf__setsockopt(struct bpf_sockopt *ctx)
{
	int *value = ctx->optval;
	struct bpf_sock *sk = ctx->sk;
	bool snd = ctx->optname == SO_SNDBUF || ctx->optname == SO_SNDBUFFORCE;
	bool rcv = ctx->optname == SO_RCVBUF || ctx->optname == SO_RCVBUFFORCE;
	struct sockbuf *buf;
	__u32 goal, wish;

	if (ctx->level != SOL_SOCKET || !(snd || rcv))
		return 1;
	if ((void *)(value + 1) > ctx->optval_end || !rescore_active() || !sk)
		return 1;
	buf = bpf_sk_storage_get(&sockbufs, sk, 0, 0);
	if (!buf || *value < 0)
		return 1;
	wish = *value > (1 << 29) ? 1 << 30 : *value * 2;
	if (snd) {
		buf->want_snd = wish;
		goal = buf->goal_snd;
	} else {
		buf->want_rcv = wish;
		goal = buf->goal_rcv;
	}
	if (goal && wish > goal)
		*value = goal / 2;
	return 1;
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
	bool full;

	if (!buf)
		return 0;
	sockbuf_sync_tcp(sk);
	full = buf->goal_snd && buf->snd * 3 > (__s64)buf->goal_snd * 2;
	if (full && !buf->full && is_bounded(buf->slot, tcpsndbuf.id))
		rescore_refused(buf->slot, tcpsndbuf.id, 1, RESCORE_HARD);
	buf->full = full;
	return 0;
}

SEC("fexit/tcp_sendmsg_locked")
int RESCORE_PROG(tcpsndbuf__send, struct sock *sk)
{
	return sockbuf_sent(sk);
}

SEC("fexit/do_tcp_sendpages")
int RESCORE_PROG(tcpsndbuf__sendpages_before_6_5__opt, struct sock *sk)
{
	return sockbuf_sent(sk);
}

/* In the midst of a send, for as long as its receiver takes. */
SEC("fentry/sk_stream_wait_memory")
int RESCORE_PROG(tcpsndbuf__wait, struct sock *sk)
{
	return sockbuf_sent(sk);
}

#endif /* RESCORE_SOCKGOV_H */
