/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the sockets of a container hold in their buffers, in bytes, as the kernel
 * itself counts and as `ss -m` shows it:
 *
 *   tcpsndbuf     sk_wmem_queued of TCP sockets
 *   tcprcvbuf     sk_rmem_alloc of TCP sockets
 *   othersockbuf  sk_wmem_alloc of all others: for AF_UNIX that is all there is
 *   dgramrcvbuf   sk_rmem_alloc of all others, and the rings of packet sockets, which
 *                 the kernel charges to nobody, neither to a memory cgroup
 *
 * Of MPTCP these are its subflows; what it has taken from them or not given to them
 * yet, in buffers of its own, is not seen.
 *
 * Each socket has a record of what was counted for it, one of TCP since it is
 * connected. Where its buffers may have changed, what they are now is put in the
 * record's place and the difference added to held: an event that was missed is made
 * good by the next one.
 */
#ifndef RESCORE_SOCKBUF_H
#define RESCORE_SOCKBUF_H

#include "rescore.h"

RESCORE_RESOURCE(tcpsndbuf) = {
	.name = "tcpsndbuf",
	.unit = RESCORE_BYTES,
	.flags = RESCORE_DENIABLE,
	.err = EAGAIN,
	.ubc_index = 14,
	.help = "bytes that TCP sockets have to send, or have sent and not had "
		"acknowledged",
};

RESCORE_RESOURCE(tcprcvbuf) = {
	.name = "tcprcvbuf",
	.unit = RESCORE_BYTES,
	.flags = RESCORE_DENIABLE,
	.err = EAGAIN,
	.ubc_index = 15,
	.help = "bytes that TCP sockets have received and nobody has read",
};

RESCORE_RESOURCE(othersockbuf) = {
	.name = "othersockbuf",
	.unit = RESCORE_BYTES,
	.flags = RESCORE_DENIABLE,
	.err = EAGAIN,
	.ubc_index = 16,
	.help = "bytes that other sockets have sent and nobody has read",
};

RESCORE_RESOURCE(dgramrcvbuf) = {
	.name = "dgramrcvbuf",
	.unit = RESCORE_BYTES,
	.flags = RESCORE_DENIABLE,
	.err = ENOBUFS,
	.ubc_index = 17,
	.help = "bytes that other sockets have received and nobody has read",
};

struct sockbuf {
	__u32 slot;
	__u16 tcp;		/* is it TCP? */
	__u16 clamped;		/* has the program bounded its window? */
	__s64 snd;		/* counted for it */
	__s64 rcv;
	__u32 goal_snd;		/* its sk_sndbuf as we set it; 0: we did not */
	__u32 goal_rcv;
	__u32 want_snd;		/* as the program has set it; 0: it has not */
	__u32 want_rcv;
	__u32 usual_snd;	/* its sk_sndbuf before we set it */
	__u32 full;		/* bits: enum sockbuf_full */
};

/* What failcnt has been raised for already; and what goal_rcv is. */
enum sockbuf_full {
	SOCKBUF_SND	= 1,	/* bounded, and poll() sees no room to send */
	SOCKBUF_SND_OVER = 2,	/* mode observe: above the barrier */
	SOCKBUF_RCV_OVER = 4,
	SOCKBUF_RCV	= 8,	/* bounded, and room for a few packets is not left */
	SOCKBUF_RCV_GRANTED = 16,
	SOCKBUF_RCV_MOST = 32,	/* net.core.rmem_max lets it have no more */
	SOCKBUF_SND_MOST = 64,	/* nor net.core.wmem_max */
	SOCKBUF_SND_LESS = 128,	/* the bound leaves it less than it could use */
};

#include "sockrecord.h"

#define AF_PACKET	17	/* socket.h */

/* Buffers that change while they are looked at are looked at again. */
#define SOCKBUF_TRIES	4

/*
 * Mode observe: what takes the row above its barrier, or finds it there, would
 * have been held up. Counted once for a socket (@bit of full; 0: each time), until
 * it finds the row below again.
 */
static __always_inline void
sockbuf_observe(struct sockbuf *buf, __u32 resource, __u32 bit)
{
	bool counted = buf->full & bit;

	if (rescore_observed(buf->slot, resource, !counted))
		buf->full |= bit;
	else
		buf->full &= ~bit;
}

/* Its buffers have grown by @delta, or shrunk. */
RESCORE_FUNCTION int
sockbuf_changed(struct sockbuf *buf, __u32 resource, __s64 delta, __u32 bit)
{
	struct rescore_line *line;

	if (!buf)
		return 0;
	line = rescore_adjust(buf->slot, resource, delta);
	if (line && delta > 0 &&
	    (READ_ONCE(line->flags) & RESCORE_OBSERVE ||
	     READ_ONCE(line->parent)))
		sockbuf_observe(buf, resource, bit);
	return 0;
}

/* @counted is @buf's snd or rcv, which @now is in truth. */
static __always_inline void sockbuf_count(struct sockbuf *buf, __s64 *counted,
					  __s64 now, __u32 resource, __u32 bit)
{
	__s64 delta = now - __sync_lock_test_and_set(counted, now);

	if (delta)
		sockbuf_changed(buf, resource, delta, bit);
}

static __always_inline __s64 sockbuf_rmem(const struct sock *sk)
{
	return READ_ONCE(sk->sk_backlog.rmem_alloc.counter);
}

/* What a packet socket of that family has for PACKET_RX_RING and PACKET_TX_RING. */
static __always_inline __s64 sockbuf_rings(const struct sock *sk, int family)
{
	const struct packet_sock *packet = (void *)sk;

	if (family != AF_PACKET || !bpf_core_type_exists(struct packet_sock))
		return 0;
	return ((__s64)BPF_CORE_READ(packet, rx_ring.pg_vec_len) *
			BPF_CORE_READ(packet, rx_ring.pg_vec_pages) +
		(__s64)BPF_CORE_READ(packet, tx_ring.pg_vec_len) *
			BPF_CORE_READ(packet, tx_ring.pg_vec_pages))
	       << 12;
}

/* One is the socket itself. */
static __always_inline __s64 sockbuf_wmem(const struct sock *sk)
{
	__s64 wmem = READ_ONCE(sk->sk_wmem_alloc.refs.counter) - 1;

	return wmem > 0 ? wmem : 0;
}

static __always_inline void
sockbuf_count_tcp(struct sockbuf *buf, __s64 snd, __s64 rcv)
{
	sockbuf_count(buf, &buf->snd, snd, tcpsndbuf.id, SOCKBUF_SND_OVER);
	sockbuf_count(buf, &buf->rcv, rcv, tcprcvbuf.id, SOCKBUF_RCV_OVER);
}

static __always_inline void sockbuf_count_snd(struct sockbuf *buf, __s64 snd)
{
	sockbuf_count(buf, &buf->snd, snd, othersockbuf.id, SOCKBUF_SND_OVER);
}

static __always_inline void sockbuf_count_rcv(struct sockbuf *buf, __s64 rcv)
{
	sockbuf_count(buf, &buf->rcv, rcv, dgramrcvbuf.id, 0);
}

/*
 * The same where nothing is to be reported: it shrinks, or the program is on
 * sockops, where others observe.
 */
static __always_inline void
sockbuf_count_unseen(const struct sockbuf *buf, __s64 *counted, __s64 now,
		     __u32 resource)
{
	__s64 delta = now - __sync_lock_test_and_set(counted, now);

	if (delta)
		rescore_adjust(buf->slot, resource, delta);
}

/* Everything that changes them has locked the socket. */
static __always_inline int sockbuf_sync_tcp(struct sock *sk)
{
	struct sockbuf *buf = sockbuf_of(sk);

	if (buf && rescore_active())
		sockbuf_count_tcp(buf, READ_ONCE(sk->sk_wmem_queued),
				  sockbuf_rmem(sk));
	return 0;
}

/* Datagrams come and go on several CPUs at once. */
static __always_inline int sockbuf_sync_rcv(struct sock *sk)
{
	struct sockbuf *buf = sockbuf_of(sk);
	__s64 now, rings;
	int i;

	if (!buf || buf->tcp || !rescore_active())
		return 0;
	rings = sockbuf_rings(sk, sk->__sk_common.skc_family);
	for (i = 0; i < SOCKBUF_TRIES; i++) {
		now = sockbuf_rmem(sk);
		sockbuf_count_rcv(buf, now + rings);
		if (sockbuf_rmem(sk) == now)
			break;
	}
	return 0;
}

/* --- TCP --------------------------------------------------------------------------- */

/* Nothing will be left to send or to be acknowledged; the socket is locked. */
SEC("fentry/tcp_write_queue_purge")
int RESCORE_LATE(tcpsndbuf_tcprcvbuf__purge, struct sock *sk)
{
	struct sockbuf *buf = sockbuf_of(sk);

	if (buf && rescore_active())
		sockbuf_count_tcp(buf, 0, sockbuf_rmem(sk));
	return 0;
}

SEC("fexit/tcp_rcv_established")
int RESCORE_LATE(tcpsndbuf_tcprcvbuf__segment, struct sock *sk)
{
	return sockbuf_sync_tcp(sk);
}

SEC("fexit/tcp_rcv_state_process")
int RESCORE_LATE(tcpsndbuf_tcprcvbuf__state, struct sock *sk)
{
	return sockbuf_sync_tcp(sk);
}

/* The end of each read, whatever kind of read it was. */
SEC("fentry/__tcp_cleanup_rbuf")
int RESCORE_LATE(tcprcvbuf__read, struct sock *sk)
{
	return sockbuf_sync_tcp(sk);
}

/* --- others ------------------------------------------------------------------------- */

SEC("fexit/__udp_enqueue_schedule_skb")
int RESCORE_LATE(dgramrcvbuf__udp, struct sock *sk)
{
	return sockbuf_sync_rcv(sk);
}

SEC("fexit/skb_consume_udp")
int RESCORE_LATE(dgramrcvbuf__udp_read, struct sock *sk)
{
	return sockbuf_sync_rcv(sk);
}

SEC("fexit/__sock_queue_rcv_skb")
int RESCORE_LATE(dgramrcvbuf__raw, struct sock *sk)
{
	return sockbuf_sync_rcv(sk);
}

/* Never refused or dropped: who waits for an answer would wait for ever. */
SEC("fentry/__netlink_sendskb")
int RESCORE_LATE(dgramrcvbuf__netlink, struct sock *sk)
{
	return sockbuf_sync_rcv(sk);
}

SEC("fexit/skb_free_datagram")
int RESCORE_LATE(dgramrcvbuf__read, struct sock *sk)
{
	return sockbuf_sync_rcv(sk);
}

/* A ring is made, or freed: with the socket, too. */
SEC("fexit/packet_set_ring")
int RESCORE_LATE(dgramrcvbuf__ring__opt, struct sock *sk)
{
	return sockbuf_sync_rcv(sk);
}

SEC("fexit/skb_set_owner_w")
int RESCORE_LATE(othersockbuf__send, struct sk_buff *skb, struct sock *sk)
{
	struct sockbuf *buf = sockbuf_of(sk);

	if (buf && !buf->tcp && rescore_active())
		sockbuf_count_snd(buf, sockbuf_wmem(sk));
	return 0;
}

/* After it the socket may be gone. */
SEC("fentry/sock_wfree")
int RESCORE_LATE(othersockbuf__sent, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct sockbuf *buf;
	__s64 left;

	if (!sk)
		return 0;
	buf = sockbuf_of(sk);
	if (!buf || buf->tcp || !rescore_active())
		return 0;
	left = sockbuf_wmem(sk) - skb->truesize;
	sockbuf_count_snd(buf, left > 0 ? left : 0);
	return 0;
}

#endif /* RESCORE_SOCKBUF_H */
