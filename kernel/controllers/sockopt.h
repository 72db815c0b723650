/* SPDX-License-Identifier: GPL-2.0 */
/* Sizes of buffers that programs ask for: setsockopt(). Part of sockets.bpf.c. */
#ifndef RESCORE_SOCKOPT_H
#define RESCORE_SOCKOPT_H

#include "sockgrant.h"

/* Of the socket that the option is for, if it has one and that is up to us. */
static __always_inline struct sockbuf *option_buf(struct bpf_sockopt *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	return sk && rescore_active() ? sockbuf_of(sk) : NULL;
}

/* --- SO_SNDBUF, SO_RCVBUF ---------------------------------------------------------------- */

/* What the socket's buffer is kept to; 0: to nothing. */
static __always_inline __u32 goal_of(struct bpf_sock *sk,
				     const struct sockbuf *buf, bool snd)
{
	struct rescore_line *line;

	if (snd)
		return buf->goal_snd;
	/* nothing is dropped from these: their own buffers are all there is */
	if (sk->family != AF_NETLINK && sk->family != AF_PACKET)
		return buf->goal_rcv;
	line = rescore_line(buf->slot, dgramrcvbuf.id);
	return line && is_bounded_line(line) && line->barrier < 1 << 30 ?
		       line->barrier :
		       0;
}

/*
 * A program's wish is a bound of its own: it is remembered, and granted as far as
 * it goes. What the governor has not set yet, it will. To the kernel a size below
 * 0 is the largest there may be; if it is forced, the least.
 */
static __always_inline int
grant_wish(struct sockbuf *buf, __u32 goal, int value, bool snd, bool forced)
{
	__u32 wish;

	if (value < 0)
		value = forced ? 0 : 1 << 29;
	wish = value > 1 << 29 ? 1 << 30 : value * 2;
	if (snd)
		buf->want_snd = wish;
	else
		buf->want_rcv = wish;
	return (goal && wish > goal ? goal : wish) / 2;
}

/* A window that the program bounds itself is not opened again: open_window(). */
static __always_inline void note_clamp(struct bpf_sockopt *ctx)
{
	int *value = ctx->optval;
	struct sockbuf *buf;

	if ((void *)(value + 1) > ctx->optval_end)
		return;
	buf = option_buf(ctx);
	if (buf)
		WRITE_ONCE(buf->clamped, *value != 0);
}

SEC("cgroup/setsockopt")
int tcpsndbuf_tcprcvbuf_othersockbuf__option(struct bpf_sockopt *ctx)
{
	int *value = ctx->optval;
	bool snd = ctx->optname == SO_SNDBUF || ctx->optname == SO_SNDBUFFORCE;
	bool rcv = ctx->optname == SO_RCVBUF || ctx->optname == SO_RCVBUFFORCE;
	struct sockbuf *buf;

	if (ctx->level == SOL_TCP && ctx->optname == TCP_WINDOW_CLAMP)
		note_clamp(ctx);
	if (ctx->level != SOL_SOCKET ||
	    !(snd || rcv || ctx->optname == SO_BUF_LOCK))
		return 1;
	if ((void *)(value + 1) > ctx->optval_end)
		return 1;
	buf = option_buf(ctx);
	if (!buf)
		return 1;
	if (snd || rcv)
		*value = grant_wish(buf, goal_of(ctx->sk, buf, snd), *value,
				    snd,
				    ctx->optname == SO_SNDBUFFORCE ||
					    ctx->optname == SO_RCVBUFFORCE);
	else if (*value >= 0)
		/* what is not locked the kernel tunes, to its own bounds */
		*value |= (buf->goal_snd ? SOCK_SNDBUF_LOCK : 0) |
			  (buf->goal_rcv ? SOCK_RCVBUF_LOCK : 0);
	/* of a longer value the kernel would take its own copy, not this */
	ctx->optlen = sizeof(*value);
	return 1;
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
	struct sockbuf *buf;

	if (ctx->level != SOL_PACKET ||
	    (ctx->optname != PACKET_RX_RING && ctx->optname != PACKET_TX_RING))
		return 1;
	if ((void *)(req + 1) > ctx->optval_end)
		return 1;
	buf = option_buf(ctx);
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

#endif /* RESCORE_SOCKOPT_H */
