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

#endif /* RESCORE_SOCKDROP_H */
