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
	sockbuf_count_rcv(buf, now);
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

#endif /* RESCORE_SOCKDROP_H */
