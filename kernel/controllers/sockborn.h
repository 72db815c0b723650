/* SPDX-License-Identifier: GPL-2.0 */
/* The bound of othersockbuf: see sockgrant.h. Part of sockets.bpf.c. */
#ifndef RESCORE_SOCKBORN_H
#define RESCORE_SOCKBORN_H

#include "sockgrant.h"

/* It gets less than the kernel gives: that is all there is to tell of it. */
static __always_inline void held_back(const struct sockbuf *buf)
{
	struct rescore_line *line = rescore_line(buf->slot, othersockbuf.id);

	if (line)
		__sync_fetch_and_add(&line->failcnt, 1);
}

/* 0: as the kernel makes it; else what its sk_sndbuf has to be. */
static __always_inline __u32 grant(struct sockbuf *buf, __u32 usual, int type)
{
	__u64 part, least;

	if (buf->goal_snd || !is_bounded(buf->slot, othersockbuf.id))
		return 0;
	part = grant_left(buf->slot, othersockbuf.id) / BORN_PART;
	least = type == SOCK_STREAM ? SNDBUF_MIN : DGRAM_MIN;
	if (part < least)
		part = least;
	if (part > usual)
		part = usual;
	buf->usual_snd = usual;
	grant_snd(buf, part);
	if (part == usual)
		return 0;
	held_back(buf);
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
int othersockbuf__born__bound(unsigned long long *ctx)
{
	struct socket *sock = (struct socket *)ctx[0];
	int family = ctx[1], type = ctx[2], kern = ctx[4], value;
	struct sockbuf new = {}, *buf;
	struct sock *sk = sock->sk;

	if (!is_sender(family, type) || kern || !sk)
		return 1;
	new.slot = rescore_current();
	if (!new.slot || !rescore_active() ||
	    !is_bounded(new.slot, othersockbuf.id))
		return 1;
	/* the record may or may not be there already */
	buf = sockbuf_new(rescore_address(sk), &new);
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
int othersockbuf__accepted__bound(unsigned long long *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct sockbuf *buf;
	int value;

	if (!sk || sk->__sk_common.skc_family != AF_UNIX)
		return 1;
	buf = sockbuf_of(sk);
	if (!buf || !rescore_active())
		return 1;
	value = grant(buf, sk->sk_sndbuf, sk->sk_type) / 2;
	if (value)
		bpf_setsockopt(sk, SOL_SOCKET, SO_SNDBUF, &value,
			       sizeof(value));
	return 1;
}

/* --- sockets that are there when a bound is set ------------------------------------ */

/* What the program asked for, or the kernel gave. */
static __always_inline __u32 usual(const struct sockbuf *buf)
{
	return buf->want_snd ?: buf->usual_snd;
}

/* What it has on its way, and its share of what is left. */
static __always_inline __u32 goal_other(const struct sockbuf *buf, int type)
{
	__u64 goal = buf->snd +
		     share_of(buf->slot, othersockbuf.id, numothersock.id);
	__u64 least = type == SOCK_STREAM ? SNDBUF_MIN : DGRAM_MIN;

	if (goal < least)
		goal = least;
	return goal < usual(buf) ? goal : usual(buf);
}

SEC("iter/unix")
int othersockbuf__apply(struct bpf_iter__unix *ctx)
{
	struct sock *sk = (struct sock *)ctx->unix_sk;
	struct sockbuf *buf;
	__u32 before, goal, now;
	int value;

	if (!sk || sk->__sk_common.skc_state == TCP_LISTEN)
		return 0;
	buf = sockbuf_of(sk);
	if (!buf)
		return 0;
	now = sk->sk_sndbuf;
	before = buf->goal_snd;
	if (!before)
		buf->usual_snd = now;
	goal = is_bounded(buf->slot, othersockbuf.id) ?
		       goal_other(buf, sk->sk_type) :
		       0;
	grant_snd(buf, goal);
	if (!goal && !before)
		return 0;
	goal = goal ?: usual(buf);
	if (goal == now)
		return 0;
	if (goal < now)
		held_back(buf);
	value = goal / 2;
	bpf_setsockopt(sk, SOL_SOCKET, SO_SNDBUF, &value, sizeof(value));
	return 0;
}

#endif /* RESCORE_SOCKBORN_H */
