// SPDX-License-Identifier: GPL-2.0
/*
 * A container on the host's network stack, held to its own addresses ("net ip:").
 * Attached to its cgroup, one copy a container; goes with the cgroup.
 *
 * bind      to any (0.0.0.0) or loopback becomes its first address; to another: EPERM
 * connect   to loopback becomes its own address; the source is always its own
 * packets   that come for, or leave from, another address are dropped: raw sockets,
 *           sockets that were never bound and ones passed in are held, too
 * socket    carries the mark, which rules of nftables can match; families that
 *           have no addresses of this kind (packet, vsock ...) are refused
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ADDRESSES	16
#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define AF_NETLINK	16

char LICENSE[] SEC("license") = "GPL";

/* Network byte order; filled in before loading (struct constants of lib/ct_ip.c). */
const volatile struct {
	__u32 nr4, nr6, mark;
	__u32 own4[ADDRESSES];
	__u32 own6[ADDRESSES][4];
} its SEC(".rodata.its");

static __always_inline bool is_own4(__u32 address)
{
	__u32 i;

	for (i = 0; i < ADDRESSES; i++)
		if (i < its.nr4 && its.own4[i] == address)
			return true;
	return false;
}

static __always_inline bool is_own6(const __u32 *address)
{
	__u32 i;

	for (i = 0; i < ADDRESSES; i++)
		if (i < its.nr6 && its.own6[i][0] == address[0] &&
		    its.own6[i][1] == address[1] &&
		    its.own6[i][2] == address[2] &&
		    its.own6[i][3] == address[3])
			return true;
	return false;
}

static __always_inline bool any_or_loopback4(__u32 address)
{
	return !address || (bpf_ntohl(address) >> 24) == 127;
}

static __always_inline bool any_or_loopback6(const __u32 *a)
{
	return !a[0] && !a[1] && !a[2] && (!a[3] || a[3] == bpf_htonl(1));
}

/* ::ffff:a.b.c.d is IPv4 on an IPv6 socket. */
static __always_inline bool mapped6(const __u32 *a)
{
	return !a[0] && !a[1] && a[2] == bpf_htonl(0xffff);
}

SEC("cgroup/sock_create")
int addresses__create(struct bpf_sock *sk)
{
	if (sk->family != AF_INET && sk->family != AF_INET6 &&
	    sk->family != AF_UNIX && sk->family != AF_NETLINK)
		return 0;
	sk->mark = its.mark;
	return 1;
}

SEC("cgroup/bind4")
int addresses__bind4(struct bpf_sock_addr *ctx)
{
	__u32 address = ctx->user_ip4;

	if (any_or_loopback4(address) && its.nr4) {
		ctx->user_ip4 = its.own4[0];
		return 1;
	}
	return is_own4(address);
}

SEC("cgroup/bind6")
int addresses__bind6(struct bpf_sock_addr *ctx)
{
	__u32 a[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
		       ctx->user_ip6[3] };

	if (mapped6(a)) {
		if (any_or_loopback4(a[3]) && its.nr4)
			ctx->user_ip6[3] = a[3] = its.own4[0];
		return is_own4(a[3]);
	}
	if (any_or_loopback6(a) && its.nr6) {
		ctx->user_ip6[0] = its.own6[0][0];
		ctx->user_ip6[1] = its.own6[0][1];
		ctx->user_ip6[2] = its.own6[0][2];
		ctx->user_ip6[3] = its.own6[0][3];
		return 1;
	}
	/* [::] with no address of IPv6: its first of IPv4 */
	if (any_or_loopback6(a) && its.nr4) {
		ctx->user_ip6[2] = bpf_htonl(0xffff);
		ctx->user_ip6[3] = its.own4[0];
		return 1;
	}
	return is_own6(a);
}

static __always_inline int connect4(struct bpf_sock_addr *ctx)
{
	struct sockaddr_in own = { .sin_family = AF_INET };

	if (!its.nr4)
		return 0;
	if (any_or_loopback4(ctx->user_ip4))
		ctx->user_ip4 = its.own4[0];
	own.sin_addr.s_addr = its.own4[0];
	/* a socket that is bound already was held to its addresses then */
	bpf_bind(ctx, (struct sockaddr *)&own, sizeof(own));
	return 1;
}

SEC("cgroup/connect4")
int addresses__connect4(struct bpf_sock_addr *ctx)
{
	return connect4(ctx);
}

SEC("cgroup/connect6")
int addresses__connect6(struct bpf_sock_addr *ctx)
{
	struct sockaddr_in6 own = { .sin6_family = AF_INET6 };
	__u32 a[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
		       ctx->user_ip6[3] };

	if (mapped6(a)) {
		if (!its.nr4)
			return 0;
		if (any_or_loopback4(a[3]))
			ctx->user_ip6[3] = its.own4[0];
		own.sin6_addr.in6_u.u6_addr32[2] = bpf_htonl(0xffff);
		own.sin6_addr.in6_u.u6_addr32[3] = its.own4[0];
		bpf_bind(ctx, (struct sockaddr *)&own, sizeof(own));
		return 1;
	}
	if (!its.nr6)
		return 0;
	own.sin6_addr.in6_u.u6_addr32[0] = its.own6[0][0];
	own.sin6_addr.in6_u.u6_addr32[1] = its.own6[0][1];
	own.sin6_addr.in6_u.u6_addr32[2] = its.own6[0][2];
	own.sin6_addr.in6_u.u6_addr32[3] = its.own6[0][3];
	if (any_or_loopback6(a)) {
		ctx->user_ip6[0] = its.own6[0][0];
		ctx->user_ip6[1] = its.own6[0][1];
		ctx->user_ip6[2] = its.own6[0][2];
		ctx->user_ip6[3] = its.own6[0][3];
	}
	bpf_bind(ctx, (struct sockaddr *)&own, sizeof(own));
	return 1;
}

SEC("cgroup/sendmsg4")
int addresses__sendmsg4(struct bpf_sock_addr *ctx)
{
	if (!its.nr4)
		return 0;
	if (any_or_loopback4(ctx->user_ip4))
		ctx->user_ip4 = its.own4[0];
	ctx->msg_src_ip4 = its.own4[0];
	return 1;
}

SEC("cgroup/sendmsg6")
int addresses__sendmsg6(struct bpf_sock_addr *ctx)
{
	__u32 a[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2],
		       ctx->user_ip6[3] };

	if (!its.nr6)
		return 0;
	if (any_or_loopback6(a)) {
		ctx->user_ip6[0] = its.own6[0][0];
		ctx->user_ip6[1] = its.own6[0][1];
		ctx->user_ip6[2] = its.own6[0][2];
		ctx->user_ip6[3] = its.own6[0][3];
	}
	ctx->msg_src_ip6[0] = its.own6[0][0];
	ctx->msg_src_ip6[1] = its.own6[0][1];
	ctx->msg_src_ip6[2] = its.own6[0][2];
	ctx->msg_src_ip6[3] = its.own6[0][3];
	return 1;
}

/* @source: which end must be ours. */
static __always_inline int check_packet(struct __sk_buff *skb, bool source)
{
	__u32 address[4] = { 0 };

	if (skb->protocol == bpf_htons(0x0800)) {
		if (bpf_skb_load_bytes(skb, source ? 12 : 16, address, 4))
			return 0;
		return is_own4(address[0]);
	}
	if (skb->protocol == bpf_htons(0x86dd)) {
		if (bpf_skb_load_bytes(skb, source ? 8 : 24, address, 16))
			return 0;
		return is_own6(address);
	}
	return 0;
}

SEC("cgroup_skb/ingress")
int addresses__in(struct __sk_buff *skb)
{
	return check_packet(skb, false);
}

SEC("cgroup_skb/egress")
int addresses__out(struct __sk_buff *skb)
{
	return check_packet(skb, true);
}
