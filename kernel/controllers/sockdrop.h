/* SPDX-License-Identifier: GPL-2.0 */
/* The bound of dgramrcvbuf: see sockgrant.h. Part of sockets.bpf.c. */
#ifndef RESCORE_SOCKDROP_H
#define RESCORE_SOCKDROP_H

#include "sockgrant.h"

/* Is @skb about to be put into the queue of @sk? Then it counts from here on. */
static __always_inline bool is_queued_next(const struct sock *sk)
{
	int family = sk->__sk_common.skc_family;

	return (family == AF_INET || family == AF_INET6) &&
	       (sk->sk_type == SOCK_DGRAM || sk->sk_type == SOCK_RAW);
}

/* Every segment of TCP comes here too: so only while there are bounds to keep. */
RESCORE_SECURITY_BOUND(dgramrcvbuf__arrive, is_queued_next(sk),
		       socket_sock_rcv_skb, security_sock_rcv_skb,
		       struct sock *sk, struct sk_buff *skb)
{
	struct sockbuf *buf = sockbuf_of(sk);
	__u32 size;

	if (!buf || buf->tcp || !is_bounded(buf->slot, dgramrcvbuf.id))
		return 0;
	size = skb->truesize;
	/* what the socket's own filter may yet drop is counted when it is there */
	if (sk->sk_filter)
		return rescore_check(buf->slot, dgramrcvbuf.id, size,
				     RESCORE_HARD) ?
			       -ENOMEM :
			       0;
	if (rescore_try_charge(buf->slot, dgramrcvbuf.id, size, RESCORE_HARD))
		return -ENOMEM;
	/* whatever becomes of it, its queue is looked at right afterwards */
	__sync_fetch_and_add(&buf->rcv, size);
	return 0;
}

/* --- rings of packet sockets ---------------------------------------------------------- */

/* From if_packet.h and socket.h; vmlinux.h has no macros. */
#define SOL_PACKET	263
#define PACKET_RX_RING	5
#define PACKET_TX_RING	13

/*
 * A ring is refused, since nothing else keeps it. It is counted when it is there, so
 * those that are made at the same instant may pass the bound by one each.
 */
SEC("cgroup/setsockopt")
int dgramrcvbuf__ring_asked(struct bpf_sockopt *ctx)
{
	struct tpacket_req *req = ctx->optval;
	struct bpf_sock *sk = ctx->sk;
	struct sockbuf *buf;

	if (ctx->level != SOL_PACKET ||
	    (ctx->optname != PACKET_RX_RING && ctx->optname != PACKET_TX_RING))
		return 1;
	if ((void *)(req + 1) > ctx->optval_end || !rescore_active() || !sk)
		return 1;
	buf = sockbuf_of(sk);
	if (!buf)
		return 1;
	if (rescore_check(buf->slot, dgramrcvbuf.id,
			  (__u64)req->tp_block_size * req->tp_block_nr,
			  RESCORE_HARD)) {
		bpf_set_retval(-ENOMEM);
		return 0;
	}
	/* of a longer value the kernel would take its own copy, not this */
	if (ctx->optlen > (int)sizeof(struct tpacket_req3))
		ctx->optlen = sizeof(struct tpacket_req3);
	return 1;
}

#endif /* RESCORE_SOCKDROP_H */
