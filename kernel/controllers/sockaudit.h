/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the audit: the sockets that the kernel has, whoever pays for them. Part of
 * sockets.bpf.c.
 */
#ifndef RESCORE_SOCKAUDIT_H
#define RESCORE_SOCKAUDIT_H

#include "truth.h"

/*
 * The listener's end of an AF_UNIX connection is made by who connects, whose
 * cgroup it bears. It has the listener's name, and listens to nobody.
 */
static __always_inline bool may_be_unix_peer(const struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_UNIX &&
	       sk->sk_type != SOCK_DGRAM &&
	       sk->__sk_common.skc_state != TCP_LISTEN &&
	       BPF_CORE_READ((const struct unix_sock *)sk, addr);
}

static __always_inline void audit_write(struct seq_file *seq, struct sock *sk)
{
	struct rescore_found found = {};

	if (!sk)
		return;
	found.address = rescore_address(sk);
	found.cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	found.kind = kind_of_sock(sk);
	found.unknown = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock) ||
			may_be_unix_peer(sk);
	bpf_seq_write(seq, &found, sizeof(found));
}

SEC("iter/task_file")
int sockets__audit_fd(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *sock;

	if (!ctx->task || !file)
		return 0;
	sock = bpf_sock_from_file(file);
	if (sock)
		audit_write(ctx->meta->seq, sock->sk);
	return 0;
}

/* The others show those of one network namespace. */
SEC("iter/tcp")
int sockets__audit_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;

	/* NULL for what is no socket: requests and TIME_WAIT */
	if (common)
		audit_write(ctx->meta->seq,
			    (struct sock *)bpf_skc_to_tcp_sock(common));
	return 0;
}

SEC("iter/udp")
int sockets__audit_udp(struct bpf_iter__udp *ctx)
{
	audit_write(ctx->meta->seq, (struct sock *)ctx->udp_sk);
	return 0;
}

SEC("iter/unix")
int sockets__audit_unix(struct bpf_iter__unix *ctx)
{
	audit_write(ctx->meta->seq, (struct sock *)ctx->unix_sk);
	return 0;
}

SEC("iter/netlink")
int sockets__audit_netlink(struct bpf_iter__netlink *ctx)
{
	audit_write(ctx->meta->seq, (struct sock *)ctx->sk);
	return 0;
}

/* Is there still a socket at this address? */
SEC("syscall")
int sockets__audit_live(struct rescore_alive *request)
{
	struct sock *sk = (void *)rescore_whole_address(request->address);

	request->references = BPF_CORE_READ(sk, sk_wmem_alloc.refs.counter);
	return 0;
}

/* --- what their buffers hold --------------------------------------------------------- */

enum buffer {
	BUFFER_QUEUED,
	BUFFER_WMEM,
	BUFFER_RMEM,
};

#define TRUTH_SLACK	4096	/* for each socket: what moves just now */

/*
 * Where no program of ours sees a queue change, held may be less: SCTP, what MPTCP
 * itself holds, and families that are neither of the internet nor AF_UNIX.
 */
static __always_inline bool is_unseen(const struct sock *sk)
{
	int family = BPF_CORE_READ(sk, __sk_common.skc_family);
	int type = BPF_CORE_READ(sk, sk_type);

	if (family == AF_UNIX)
		return false;
	if (family != AF_INET && family != AF_INET6)
		return true;
	if (type == SOCK_STREAM)
		return BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP;
	return type != SOCK_DGRAM && type != SOCK_RAW;
}

static __always_inline void
write_buffer(struct seq_file *seq, __u64 entry, enum rescore_object kind,
	     enum buffer buffer)
{
	__u64 key = entry >> 16;
	const struct sock *sk;
	__s64 bytes, refs;

	if (!entry || RESCORE_KEY_KIND(key) != kind)
		return;
	sk = (void *)rescore_whole_address(RESCORE_KEY_ADDRESS(key));
	refs = BPF_CORE_READ(sk, sk_wmem_alloc.refs.counter);
	if (!refs)
		return;
	if (buffer == BUFFER_QUEUED)
		bytes = BPF_CORE_READ(sk, sk_wmem_queued);
	else if (buffer == BUFFER_WMEM)
		bytes = refs - 1;
	else
		bytes = BPF_CORE_READ(sk, sk_backlog.rmem_alloc.counter) +
			sockbuf_rings(
				sk, BPF_CORE_READ(sk, __sk_common.skc_family));
	rescore_truth_about(seq, key, RESCORE_SLOT(entry), bytes + TRUTH_SLACK,
			    2 * TRUTH_SLACK + (is_unseen(sk) ? bytes : 0));
}

static __always_inline void write_tcpsndbuf(struct seq_file *seq, __u64 entry)
{
	write_buffer(seq, entry, RESCORE_OBJ_SOCK, BUFFER_QUEUED);
}

static __always_inline void write_tcprcvbuf(struct seq_file *seq, __u64 entry)
{
	write_buffer(seq, entry, RESCORE_OBJ_SOCK, BUFFER_RMEM);
}

static __always_inline void
write_othersockbuf(struct seq_file *seq, __u64 entry)
{
	write_buffer(seq, entry, RESCORE_OBJ_OTHERSOCK, BUFFER_WMEM);
}

static __always_inline void write_dgramrcvbuf(struct seq_file *seq, __u64 entry)
{
	write_buffer(seq, entry, RESCORE_OBJ_OTHERSOCK, BUFFER_RMEM);
}

RESCORE_TRUTH_OF_PAYERS(tcpsndbuf, write_tcpsndbuf)
RESCORE_TRUTH_OF_PAYERS(tcprcvbuf, write_tcprcvbuf)
RESCORE_TRUTH_OF_PAYERS(othersockbuf, write_othersockbuf)
RESCORE_TRUTH_OF_PAYERS(dgramrcvbuf, write_dgramrcvbuf)

#endif /* RESCORE_SOCKAUDIT_H */
