/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the bounds of the buffers are kept: by the kernel's own means, so that a
 * program sees what it sees when a buffer is full, and no connection breaks.
 *
 *   tcpsndbuf, tcprcvbuf  a governor sets sk_sndbuf and sk_rcvbuf of each
 *                         connection, as the segments of its own come in: what it
 *                         holds, and its share of what is left.
 *   othersockbuf          a socket is born with a part of what is left. There is
 *                         no place to change it later.
 *   dgramrcvbuf           a datagram that finds no room is dropped.
 */
#ifndef RESCORE_SOCKGOV_H
#define RESCORE_SOCKGOV_H

#include "sockbuf.h"

/* From socket.h; vmlinux.h has no macros. */
#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define AF_NETLINK	16
#define AF_PACKET	17
#define SOL_SOCKET	1
#define SO_SNDBUF	7
#define SO_RCVBUF	8
#define SO_SNDBUFFORCE	32
#define SO_RCVBUFFORCE	33

#define SNDBUF_MIN	4608	/* as the kernel's SOCK_MIN_SNDBUF */
#define SNDBUF_BORN	16384	/* before a connection has shown what it needs */
#define RCVBUF_BORN	65536
/* A receiver with room for less than that many segments is probed, not sent to. */
#define RCVBUF_SEGMENTS	4
#define RCVBUF_MIN_MAX	65536	/* but never kept for one connection */
/* A share that the kernel's own tuning will not use up is left to that. */
#define SHARE_AMPLE	(4 << 20)
/* Changes of less than an eighth are not worth it. */
#define GOAL_STEPS	8
/* A socket that cannot be governed gets that part of what is left. */
#define BORN_PART	8
#define DGRAM_MIN	36864	/* smaller ones refuse messages of 32 KiB */

static __always_inline bool is_tcp(int family, int type)
{
	return type == SOCK_STREAM && (family == AF_INET || family == AF_INET6);
}

/* Is this level's bound to be kept? */
static __always_inline bool is_bounded_line(const struct rescore_line *line)
{
	return READ_ONCE(line->barrier) != RESCORE_UNLIMITED &&
	       !(READ_ONCE(line->flags) & RESCORE_OBSERVE);
}

static __noinline int is_bounded_above(__u32 slot, __u32 resource)
{
	struct rescore_line *line;
	int i;

#pragma unroll
	for (i = 1; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, resource) : NULL;
		if (!line)
			break;
		if (is_bounded_line(line))
			return 1;
		slot = READ_ONCE(line->parent);
	}
	return 0;
}

/* Has the row, or one above it, a bound to be kept? */
static __always_inline bool is_bounded(__u32 slot, __u32 resource)
{
	struct rescore_line *line = rescore_line(slot, resource);

	if (!line)
		return false;
	if (is_bounded_line(line))
		return true;
	return READ_ONCE(line->parent) &&
	       is_bounded_above(READ_ONCE(line->parent), resource);
}

/* --- TCP: the governor ---------------------------------------------------------------- */

/*
 * A connection's share of what the bounds leave, in bytes, on the level where it
 * is smallest; above UINT_MAX where there is no bound.
 */
static __noinline __u64 share_of(__u32 slot, __u32 resource)
{
	__u64 share, least = RESCORE_UNLIMITED;
	struct rescore_line *line, *sockets;
	__s64 left, n;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, resource) : NULL;
		sockets = slot ? rescore_line(slot, numtcpsock.id) : NULL;
		if (!line || !sockets)
			break;
		slot = READ_ONCE(line->parent);
		if (!is_bounded_line(line))
			continue;
		left = READ_ONCE(line->barrier) - READ_ONCE(line->held);
		n = READ_ONCE(sockets->held);
		if (left < 0)
			left = 0;
		share = (__u64)left / (__u64)(n > 0 ? n : 1);
		if (share < least)
			least = share;
	}
	return least;
}

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

static __always_inline void
govern_snd(struct bpf_sock_ops *ops, struct sockbuf *buf, bool born)
{
	__u64 share, goal;

	if (!is_bounded(buf->slot, tcpsndbuf.id)) {
		if (buf->goal_snd)
			set_buffer(ops, SO_SNDBUF, SHARE_AMPLE);
		buf->goal_snd = 0;
		return;
	}
	share = share_of(buf->slot, tcpsndbuf.id);
	if (!buf->goal_snd && share >= SHARE_AMPLE)
		return;
	goal = buf->snd + share;
	if (born && goal > SNDBUF_BORN)
		goal = SNDBUF_BORN;
	if (buf->want_snd && goal > buf->want_snd)
		goal = buf->want_snd;
	if (goal < SNDBUF_MIN)
		goal = SNDBUF_MIN;
	if (goal > SHARE_AMPLE)
		goal = SHARE_AMPLE;
	if (!is_far(buf->goal_snd, goal))
		return;
	buf->goal_snd = goal;
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
	if (!buf)
		return 1;
	call_back(ops, buf);
	if (ops->op != BPF_SOCK_OPS_PARSE_HDR_OPT_CB)
		govern_snd(ops, buf, born);
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

/* --- others: at birth ----------------------------------------------------------------- */

/* What the sockets of a container were born with, in bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RESCORE_SLOTS_MAX);
	__type(key, __u32);
	__type(value, __s64);
} granted SEC(".maps");

/* On every level; @bytes may be below 0. */
static __noinline int grant_add(__u32 slot, __s64 bytes)
{
	struct rescore_line *line;
	__s64 *all;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, othersockbuf.id) : NULL;
		all = slot ? bpf_map_lookup_elem(&granted, &slot) : NULL;
		if (!line || !all)
			break;
		__sync_fetch_and_add(all, bytes);
		slot = READ_ONCE(line->parent);
	}
	return 0;
}

static __noinline __s64 grant_left(__u32 slot)
{
	__s64 left, least = RESCORE_UNLIMITED, *all;
	struct rescore_line *line;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, othersockbuf.id) : NULL;
		all = slot ? bpf_map_lookup_elem(&granted, &slot) : NULL;
		if (!line || !all)
			break;
		left = READ_ONCE(line->barrier) - READ_ONCE(*all);
		if (is_bounded_line(line) && left < least)
			least = left;
		slot = READ_ONCE(line->parent);
	}
	return least > 0 ? least : 0;
}

static __always_inline void grant_back(struct sockbuf *buf)
{
	__u32 goal = buf->goal_snd;

	if (!goal || buf->tcp)
		return;
	buf->goal_snd = 0;
	grant_add(buf->slot, -(__s64)goal);
}

/* 0: as the kernel makes it; else what its sk_sndbuf has to be. */
static __always_inline __u32 grant(struct sockbuf *buf, __u32 usual, int type)
{
	struct rescore_line *line = rescore_line(buf->slot, othersockbuf.id);
	__u64 part, least;

	if (!line || buf->goal_snd || !is_bounded(buf->slot, othersockbuf.id))
		return 0;
	part = (__u64)grant_left(buf->slot) / BORN_PART;
	least = type == SOCK_STREAM ? SNDBUF_MIN : DGRAM_MIN;
	if (part < least)
		part = least;
	if (part > usual)
		part = usual;
	buf->goal_snd = part;
	grant_add(buf->slot, part);
	if (part == usual)
		return 0;
	__sync_fetch_and_add(&line->failcnt, 1);
	return part;
}

/* Do what it sends count for the sender? */
static __always_inline bool is_sender(int family, int type)
{
	return family == AF_UNIX || family == AF_PACKET ||
	       ((family == AF_INET || family == AF_INET6) &&
		!is_tcp(family, type));
}

SEC("lsm_cgroup/socket_post_create")
int othersockbuf__born__opt(unsigned long long *ctx)
{
	struct socket *sock = (struct socket *)ctx[0];
	int family = ctx[1], type = ctx[2], kern = ctx[4], value;
	struct sockbuf new = { .slot = rescore_current() }, *buf;
	struct sock *sk = sock->sk;

	if (!rescore_active() || kern || !new.slot || !sk ||
	    !is_sender(family, type) || !is_bounded(new.slot, othersockbuf.id))
		return 1;
	/* the record may or may not be there already */
	buf = sockbuf_new(sk, &new);
	if (!buf)
		return 1;
	value = grant(buf, sk->sk_sndbuf, type) / 2;
	if (value)
		bpf_setsockopt(sk, SOL_SOCKET, SO_SNDBUF, &value,
			       sizeof(value));
	return 1;
}

/* The listener's end of an AF_UNIX connection comes to accept(). */
SEC("lsm_cgroup/sock_graft")
int othersockbuf__accepted__opt(unsigned long long *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct sockbuf *buf;
	int value;

	if (!sk || sk->__sk_common.skc_family != AF_UNIX || !rescore_active())
		return 1;
	buf = sockbuf_of(sk);
	if (!buf)
		return 1;
	value = grant(buf, sk->sk_sndbuf, sk->sk_type) / 2;
	if (value)
		bpf_setsockopt(sk, SOL_SOCKET, SO_SNDBUF, &value,
			       sizeof(value));
	return 1;
}

/* --- datagrams that come in ---------------------------------------------------------------- */

/* Is @skb about to be put into the queue of @sk? Then it counts from here on. */
static __always_inline bool is_queued_next(const struct sock *sk)
{
	int family = sk->__sk_common.skc_family;

	return (family == AF_INET || family == AF_INET6) &&
	       (sk->sk_type == SOCK_DGRAM || sk->sk_type == SOCK_RAW);
}

/* Netlink is not dropped: who waits for an answer would wait for ever. */
static __always_inline void see_netlink(struct sock *sk, struct sk_buff *skb)
{
	struct sockbuf *buf;
	__s64 now;

	if (sk->__sk_common.skc_family != AF_NETLINK)
		return;
	buf = sockbuf_of(sk);
	if (!buf)
		return;
	now = sockbuf_rmem(sk);
	if (skb->sk != sk)
		now += skb->truesize;
	sockbuf_count(&buf->rcv, now, buf->slot, dgramrcvbuf.id);
}

SEC("lsm/socket_sock_rcv_skb")
int RESCORE_PROG(dgramrcvbuf__arrive__lsm, struct sock *sk, struct sk_buff *skb)
{
	struct sockbuf *buf;
	__u32 size;

	if (!is_queued_next(sk)) {
		see_netlink(sk, skb);
		return 0;
	}
	buf = sockbuf_of(sk);
	if (!buf || buf->tcp || !is_bounded(buf->slot, dgramrcvbuf.id))
		return 0;
	size = skb->truesize;
	if (rescore_try_charge(buf->slot, dgramrcvbuf.id, size, RESCORE_HARD))
		return -ENOMEM;
	/* whatever becomes of it, its queue is looked at right afterwards */
	__sync_fetch_and_add(&buf->rcv, size);
	return 0;
}

/* A tracing program that refuses has no records: CPUs may pass by one each. */
SEC("fmod_ret/security_sock_rcv_skb")
int RESCORE_PROG(dgramrcvbuf__arrive__mod, struct sock *sk, struct sk_buff *skb)
{
	__u64 key;
	int slot;

	if (!is_queued_next(sk))
		return 0;
	key = rescore_object_key(rescore_address(sk), RESCORE_OBJ_OTHERSOCK);
	slot = rescore_payer_find(key);
	if (slot > 0 &&
	    rescore_check(slot, dgramrcvbuf.id, skb->truesize, RESCORE_HARD))
		return -ENOMEM;
	return 0;
}

/* --- who has to wait ------------------------------------------------------------------- */

/*
 * In the midst of a send there is no room, and it waits or gets EAGAIN. That is
 * nothing new to a program, but here it is because of the bound.
 */
SEC("fentry/sk_stream_wait_memory")
int RESCORE_PROG(tcpsndbuf__wait, struct sock *sk)
{
	struct sockbuf *buf = sockbuf_of(sk);

	if (!buf)
		return 0;
	sockbuf_sync_tcp(sk);
	if (buf->goal_snd && is_bounded(buf->slot, tcpsndbuf.id))
		rescore_refused(buf->slot, tcpsndbuf.id, 1, RESCORE_HARD);
	return 0;
}

/* --- the end: twice, as the kernel may go past one of them -------------------------- */

static __always_inline int sockbuf_end(struct sock *sk)
{
	struct sockbuf *buf = sockbuf_of(sk);

	if (!buf)
		return 0;
	grant_back(buf);
	sockbuf_count(&buf->snd, 0, buf->slot,
		      buf->tcp ? tcpsndbuf.id : othersockbuf.id);
	sockbuf_count(&buf->rcv, 0, buf->slot,
		      buf->tcp ? tcprcvbuf.id : dgramrcvbuf.id);
	return 0;
}

SEC("fentry/sk_destruct")
int RESCORE_PROG(tcpsndbuf__end, struct sock *sk)
{
	return sockbuf_end(sk);
}

SEC("fentry/sk_destruct")
int RESCORE_PROG(tcpsndbuf__end_2, struct sock *sk)
{
	return sockbuf_end(sk);
}

#endif /* RESCORE_SOCKGOV_H */
