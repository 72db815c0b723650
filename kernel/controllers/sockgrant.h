/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the bounds of the buffers are kept: by the kernel's own means, so that a
 * program sees what it sees when a buffer is full, and no connection breaks.
 *
 *   tcpsndbuf, tcprcvbuf  a governor sets sk_sndbuf and sk_rcvbuf of each
 *                         connection: the one as what it has sent is
 *                         acknowledged, the other before each segment that it
 *                         sends, with its window; and both when a bound is set.
 *                         To what it holds, and its share of what is left, as far
 *                         as that is granted to no other.
 *   othersockbuf          a socket is born with a part of what is left; those that
 *                         are there when a bound is set get theirs then.
 *   dgramrcvbuf           a datagram that finds no room is dropped.
 */
#ifndef RESCORE_SOCKGRANT_H
#define RESCORE_SOCKGRANT_H

#include "sockbuf.h"

/* From socket.h; vmlinux.h has no macros. */
#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define AF_NETLINK	16
#define SOL_SOCKET	1
#define SO_SNDBUF	7
#define SO_RCVBUF	8
#define SO_SNDBUFFORCE	32
#define SO_RCVBUFFORCE	33
#define SO_BUF_LOCK	72
#define SOCK_SNDBUF_LOCK 1
#define SOCK_RCVBUF_LOCK 2
#define SOL_TCP		6
#define TCP_WINDOW_CLAMP 10

#define SNDBUF_MIN	4608	/* as the kernel's SOCK_MIN_SNDBUF */
#define SNDBUF_BORN	16384	/* as much as may be sent at first: 10 segments */
/*
 * What one that stands still keeps: half as much again as a new one usually has
 * (87,040), and a third of its share at most, so that all those fit into what packets
 * leave of the bound.
 */
#define SNDBUF_IDLE	131072
#define SNDBUF_IDLE_PART 3
#define RCVBUF_BORN	65536
/* A receiver with room for less than that many segments is probed, not sent to. */
#define RCVBUF_SEGMENTS	4
#define RCVBUF_MIN_MAX	65536	/* but never kept for one connection */
/*
 * __tcp_select_window() closes the window where a sixteenth of the buffer is left.
 * Shares are of when a packet came last; others may have taken theirs since.
 */
#define RCVBUF_CLOSING	8
/* A share that the kernel's own tuning will not use up is left to that. */
#define SHARE_AMPLE	(4 << 20)
/*
 * What a connection may get over its buffer: a packet as large as segmentation
 * offload takes, with what keeps it. Five eighths of the bound at most are put aside
 * for that.
 */
#define PACKET_MAX	(68 << 10)
#define CWND_MIN	2	/* one waits for a delayed ACK each time */
#define CWND_UNLIMITED	0x7fffffff
/* Changes of less than an eighth are not worth it. */
#define GOAL_STEPS	8
/* What is born, or cannot be governed, gets that part of what is left. */
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

/*
 * What buffers may come to if they all fill up, in bytes: send buffers of TCP, in
 * tcpsndbuf's place, and of others, in othersockbuf's.
 */
struct grants {
	__s64 tcp;
	__s64 other;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RESCORE_SLOTS_MAX);
	__type(key, __u32);
	__type(value, struct grants);
} granted SEC(".maps");

/* And receive buffers of TCP: windows are promises to peers. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RESCORE_SLOTS_MAX);
	__type(key, __u32);
	__type(value, __s64);
} granted_rcv SEC(".maps");

static __always_inline __s64 *grants_of(__u32 slot, __u32 resource)
{
	struct grants *grants;

	if (resource == tcprcvbuf.id)
		return bpf_map_lookup_elem(&granted_rcv, &slot);
	grants = bpf_map_lookup_elem(&granted, &slot);
	if (!grants)
		return NULL;
	return resource == tcpsndbuf.id ? &grants->tcp : &grants->other;
}

/* On every level; @bytes may be below 0. */
static __noinline int grant_add(__u32 slot, __u32 resource, __s64 bytes)
{
	struct rescore_line *line;
	__s64 *grants;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, resource) : NULL;
		grants = slot ? grants_of(slot, resource) : NULL;
		if (!line || !grants)
			break;
		__sync_fetch_and_add(grants, bytes);
		slot = READ_ONCE(line->parent);
	}
	return 0;
}

/* What of @line is not put aside for the packets that go over a buffer. */
static __always_inline __s64 barrier_without_packets(__u32 slot,
						     struct rescore_line *line)
{
	struct rescore_line *sockets = rescore_line(slot, numtcpsock.id);
	__s64 barrier = READ_ONCE(line->barrier), packets, most;

	packets = sockets ? READ_ONCE(sockets->held) * PACKET_MAX : 0;
	most = (__u64)barrier / 8 * 5;
	if (packets > most)
		packets = most;
	return barrier - packets;
}

/* What is not granted yet, on the level where that is least. */
static __noinline __u64 grant_left(__u32 slot, __u32 resource)
{
	__s64 left, least = RESCORE_UNLIMITED, *grants;
	struct rescore_line *line;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, resource) : NULL;
		grants = slot ? grants_of(slot, resource) : NULL;
		if (!line || !grants)
			break;
		left = resource == tcpsndbuf.id ?
			       barrier_without_packets(slot, line) :
			       READ_ONCE(line->barrier);
		left -= READ_ONCE(*grants);
		if (is_bounded_line(line) && left < least)
			least = left;
		slot = READ_ONCE(line->parent);
	}
	return least > 0 ? least : 0;
}

/*
 * Change what a socket was granted to send to @goal; 0: it has nothing any more.
 * Several CPUs make copies of a listener at once.
 */
static __always_inline void grant_snd(struct sockbuf *buf, __u32 goal)
{
	__s64 more = (__s64)goal -
		     __sync_lock_test_and_set(&buf->goal_snd, goal);

	if (more)
		grant_add(buf->slot, buf->tcp ? tcpsndbuf.id : othersockbuf.id,
			  more);
}

/*
 * What a connection was granted to receive. A goal of a program that kept no
 * account of those is not among them.
 */
static __always_inline __u32 granted_to_receive(const struct sockbuf *buf)
{
	return buf->full & SOCKBUF_RCV_GRANTED ? buf->goal_rcv : 0;
}

/* The socket is locked, or nobody has it any more. */
static __always_inline void grant_rcv(struct sockbuf *buf, __u32 goal)
{
	__s64 more = (__s64)goal - granted_to_receive(buf);

	buf->goal_rcv = goal;
	buf->full |= SOCKBUF_RCV_GRANTED;
	if (more)
		grant_add(buf->slot, tcprcvbuf.id, more);
}

/*
 * The share of one of the @number of sockets (a row) in what the bounds leave, in
 * bytes, on the level where it is smallest; above UINT_MAX where there is no bound.
 */
static __noinline __u64 share_of(__u32 slot, __u32 resource, __u32 number)
{
	__u64 share, least = RESCORE_UNLIMITED;
	struct rescore_line *line, *sockets;
	__s64 left, n;
	int i;

#pragma unroll
	for (i = 0; i < RESCORE_LEVELS_MAX; i++) {
		line = slot ? rescore_line(slot, resource) : NULL;
		sockets = slot ? rescore_line(slot, number) : NULL;
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

/* It is no connection any more, and may become a listener. */
SEC("fexit/tcp_disconnect")
int RESCORE_LATE(tcpsndbuf_tcprcvbuf__disconnect, struct sock *sk)
{
	struct sockbuf *buf = sockbuf_of(sk);

	if (!buf || !rescore_active())
		return 0;
	sockbuf_count_tcp(buf, READ_ONCE(sk->sk_wmem_queued), sockbuf_rmem(sk));
	grant_snd(buf, 0);
	grant_rcv(buf, 0);
	return 0;
}

/*
 * The socket is freed. Until then, a grace period after it was closed, other CPUs
 * may deliver to it that have found it before.
 */
static __always_inline void sockbuf_end(__u64 address)
{
	struct sockbuf *buf = sockbuf_at(address);

	if (!buf)
		return;
	grant_snd(buf, 0);
	if (buf->goal_rcv)
		grant_rcv(buf, 0);
	sockbuf_count_unseen(buf, &buf->snd, 0,
			     buf->tcp ? tcpsndbuf.id : othersockbuf.id);
	sockbuf_count_unseen(buf, &buf->rcv, 0,
			     buf->tcp ? tcprcvbuf.id : dgramrcvbuf.id);
	record_remove(address);
}

/*
 * The record that there is, or a new one like @buf; NULL: there is no room. One of
 * somebody else is of a socket whose end was missed.
 */
static __always_inline struct sockbuf *
sockbuf_new(__u64 address, const struct sockbuf *buf)
{
	struct sockbuf *old = sockbuf_at(address);

	if (old && old->slot == buf->slot && old->tcp == buf->tcp)
		return old;
	if (old)
		sockbuf_end(address);
	return record_add(address, buf);
}

#endif /* RESCORE_SOCKGRANT_H */
