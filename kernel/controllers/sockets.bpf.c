// SPDX-License-Identifier: GPL-2.0
/*
 * numtcpsock: sockets of AF_INET and AF_INET6 that are SOCK_STREAM.
 *
 * Charged     by socket(); for a connection to a listener when its last ACK
 *             arrives (with SYN cookies, too) or, with TCP Fast Open, its SYN.
 *             Half-open connections are no sockets yet. An MPTCP socket is one,
 *             and each of its subflows one more.
 * Uncharged   when the kernel frees it: one that was closed but still sends
 *             (FIN_WAIT, CLOSING, LAST_ACK) counts, one in TIME_WAIT does not.
 * Who pays    the container that made it; for a connection to a listener the
 *             one that pays for the listener. Nobody pays for the kernel's own.
 * Refused     socket: ENOBUFS. A SYN to a listener whose container is full is
 *             dropped, and counts as one refusal each time that it is sent. An
 *             ACK that finds it full is dropped as if accept() were too slow:
 *             the connection is there when room is, or the peer gives up.
 * Costs       3 hooks a socket's life; 5 for a connection that comes in and 1
 *             for its SYN; nothing between.
 *
 * numothersock: every other socket that a user can make: UDP, raw, packet,
 * AF_UNIX of each type, netlink, vsock, AF_ALG, XDP, bluetooth, …
 *
 * Charged     by socket() and socketpair(); the listener's end of an AF_UNIX
 *             connection by connect().
 * Uncharged   as above.
 * Who pays    as above.
 * Refused     socket, socketpair: ENOBUFS; connect to an AF_UNIX listener whose
 *             container is full: ENOBUFS. accept() of AF_ALG, SCTP, TIPC and
 *             SMC, which makes the socket, is refused when there is no room as
 *             it begins: calls that run at once can pass the bound by one each.
 *             Connections to a listener of vsock or bluetooth are counted, but
 *             the kernel has no place where one could be refused.
 * Costs       3 hooks a socket's life, 5 for a connection.
 */
#include "rescore.h"

char LICENSE[] SEC("license") = "GPL";

RESCORE_RESOURCE(numtcpsock) = {
	.name = "numtcpsock",
	.unit = RESCORE_COUNT,
	.flags = RESCORE_DENIABLE,
	.err = ENOBUFS,
	.ubc_index = 10,
	.objects = 1 << RESCORE_OBJ_SOCK,
	.help = "TCP sockets, those of accepted connections and orphans too",
};

RESCORE_RESOURCE(numothersock) = {
	.name = "numothersock",
	.unit = RESCORE_COUNT,
	.flags = RESCORE_DENIABLE,
	.err = ENOBUFS,
	.ubc_index = 18,
	.objects = 1 << RESCORE_OBJ_OTHERSOCK,
	.help = "sockets that are not TCP: UDP, raw, packet, AF_UNIX, netlink "
		"and all the rest",
};

#include "sockbuf.h"

/*
 * Of two constants, which takes one instruction: to make one of a kind that is known
 * only as the program runs takes five.
 */
static __always_inline __u64 socket_key(__u64 address, enum rescore_object kind)
{
	return kind == RESCORE_OBJ_SOCK ?
		       rescore_object_key(address, RESCORE_OBJ_SOCK) :
		       rescore_object_key(address, RESCORE_OBJ_OTHERSOCK);
}

/* Who pays for the socket at @address, or -1. */
static __always_inline int payer(__u64 address, enum rescore_object kind)
{
	return rescore_payer_find(socket_key(address, kind));
}

#include "sockgov.h"
#include "sockopt.h"
#include "sockborn.h"
#include "sockdrop.h"

/* From socket.h; the others are in sockgrant.h. */
#define AF_TIPC		30
#define AF_ALG		38
#define AF_SMC		43

/* What the kernel adds for a socket that is no copy: 6.1 to 6.12 at least. */
#define GFP_ZERO	0x100

static __always_inline enum rescore_object kind_of(int family, int type)
{
	return is_tcp(family, type) ? RESCORE_OBJ_SOCK : RESCORE_OBJ_OTHERSOCK;
}

static __always_inline enum rescore_object kind_of_sock(const struct sock *sk)
{
	return kind_of(sk->__sk_common.skc_family, sk->sk_type);
}

static __always_inline __u32 resource_of(enum rescore_object kind)
{
	return kind == RESCORE_OBJ_SOCK ? numtcpsock.id : numothersock.id;
}

static __always_inline int
charge(struct sock *sk, __u32 slot, enum rescore_object kind)
{
	__u64 key = socket_key(rescore_address(sk), kind);

	if (!rescore_records(key))
		return 0;
	if (rescore_try_charge_object(key, slot, resource_of(kind),
				      RESCORE_HARD))
		return -ENOBUFS;
	return 0;
}

/*
 * The same, and its buffers will be counted: those of TCP from the moment that it
 * is connected, when the governor is called (sockgov.h).
 */
static __always_inline int
charge_new(struct sock *sk, __u32 slot, enum rescore_object kind)
{
	struct sockbuf buf = { .slot = slot };

	if (charge(sk, slot, kind))
		return -ENOBUFS;
	if (kind == RESCORE_OBJ_SOCK)
		return 0;
	if (sockbuf_new(rescore_address(sk), &buf))
		return 0;
	/* as if there were no room to record its payer */
	__sync_fetch_and_add(&rescore_meta.payers_lost, 1);
	rescore_payer_take(socket_key(rescore_address(sk), kind));
	rescore_no_payer(slot, resource_of(kind));
	return -ENOBUFS;
}

/* --- socket(), socketpair() --------------------------------------------------- */

RESCORE_SECURITY_LATE(sockets__make, socket_post_create,
		      security_socket_post_create, struct socket *sock,
		      int family, int type, int protocol, int kern)
{
	__u32 slot = rescore_current();
	struct sock *sk;

	if (!slot || kern)
		return 0;
	sk = sock->sk;
	if (!sk || !rescore_active())
		return 0;
	return charge_new(sk, slot, kind_of(family, type));
}

/* --- connections to a listener -------------------------------------------------- */

/*
 * The copy of a listener that this CPU is about to make: its payer and kind. The
 * kernel makes them with bottom halves disabled, so there is one at a time.
 */
struct copy {
	__u32 slot;		/* 0: nobody pays */
	__u32 kind;		/* enum rescore_object */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct copy);
} copies SEC(".maps");

static __always_inline struct copy *copy_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&copies, &zero);
}

/*
 * A listener of MPTCP listens through a kernel's own TCP socket. Who pays for the
 * first pays for what the second takes in.
 */
static __always_inline int payer_of_subflow(struct sock *sk)
{
	struct mptcp_subflow_context *subflow;
	struct tcp_sock *tcp = (struct tcp_sock *)sk;

	if (!bpf_core_type_exists(struct mptcp_subflow_context) ||
	    !BPF_CORE_READ_BITFIELD_PROBED(tcp, is_mptcp))
		return -1;
	subflow = BPF_CORE_READ(tcp, inet_conn.icsk_ulp_data);
	return payer((__u64)BPF_CORE_READ(subflow, conn), RESCORE_OBJ_SOCK);
}

SEC("fentry/sk_clone_lock")
int RESCORE_LATE(sockets__copy, struct sock *parent)
{
	enum rescore_object kind = kind_of_sock(parent);
	int slot = payer(rescore_address(parent), kind);
	struct copy *copy = copy_of_cpu();

	if (slot < 0 && kind == RESCORE_OBJ_SOCK &&
	    parent->sk_protocol == IPPROTO_TCP)
		slot = payer_of_subflow(parent);
	/* of one whose copy could not be made something may be left */
	if (!copy || (slot <= 0 && !copy->slot) || !rescore_active())
		return 0;
	copy->kind = kind;
	copy->slot = slot > 0 ? slot : 0;
	return 0;
}

/* Also runs in every socket(), where there is nothing to do yet. */
RESCORE_SECURITY_LATE(sockets__child, sk_alloc_security, security_sk_alloc,
		      struct sock *sk, int family, unsigned int priority)
{
	struct copy *copy;
	__u32 slot;

	if (priority & GFP_ZERO)
		return 0;
	copy = copy_of_cpu();
	if (!copy || !copy->slot || !rescore_active())
		return 0;
	slot = copy->slot;
	copy->slot = 0;
	return charge(sk, slot, copy->kind);
}

/* A SYN, or the ACK to a SYN cookie. It is no socket yet, only a request. */
RESCORE_SECURITY_LATE(numtcpsock__request, inet_conn_request,
		      security_inet_conn_request, const struct sock *sk)
{
	int slot = payer(rescore_address(sk), kind_of_sock(sk));

	if (slot > 0 && rescore_active() &&
	    rescore_check(slot, numtcpsock.id, 1, RESCORE_HARD))
		return -ENOBUFS;
	return 0;
}

/* --- subflows of MPTCP ----------------------------------------------------------- */

static __always_inline int add_subflow(struct sock *sk, struct sock *ssk)
{
	int slot = payer(rescore_address(sk), RESCORE_OBJ_SOCK);

	return slot > 0 ? charge(ssk, slot, RESCORE_OBJ_SOCK) : 0;
}

SEC("lsm/mptcp_add_subflow")
int RESCORE_PROG(numtcpsock__subflow__lsm__opt, struct sock *sk,
		 struct sock *ssk)
{
	return add_subflow(sk, ssk);
}

SEC("fmod_ret/security_mptcp_add_subflow")
int RESCORE_PROG(numtcpsock__subflow__mod__opt, struct sock *sk,
		 struct sock *ssk)
{
	return add_subflow(sk, ssk);
}

/* --- connections to an AF_UNIX listener ------------------------------------------- */

RESCORE_SECURITY_LATE(numothersock__connect, unix_stream_connect,
		      security_unix_stream_connect, struct sock *sk,
		      struct sock *other, struct sock *newsk)
{
	int slot = payer(rescore_address(other), RESCORE_OBJ_OTHERSOCK);

	return slot > 0 && rescore_active() ?
		       charge_new(newsk, slot, RESCORE_OBJ_OTHERSOCK) :
		       0;
}

/* --- accept() of other families --------------------------------------------------- */

/* Is what accept() returns made by accept() itself, from nothing? */
static __always_inline bool is_made_by_accept(const struct sock *sk)
{
	int family = sk->__sk_common.skc_family;

	if (family == AF_INET || family == AF_INET6)
		return sk->sk_protocol == IPPROTO_SCTP;
	return family == AF_ALG || family == AF_TIPC || family == AF_SMC;
}

RESCORE_SECURITY_LATE(numothersock__accept, socket_accept,
		      security_socket_accept, struct socket *sock)
{
	struct sock *sk = sock->sk;
	enum rescore_object kind;
	int slot;

	if (!sk || !is_made_by_accept(sk))
		return 0;
	kind = kind_of_sock(sk);
	slot = payer(rescore_address(sk), kind);
	if (slot > 0 && rescore_active() &&
	    rescore_check(slot, resource_of(kind), 1, RESCORE_HARD))
		return -ENOBUFS;
	return 0;
}

/* It is there: too late to refuse it. */
static __always_inline int
made(struct sock *sk, int slot, enum rescore_object kind)
{
	__u64 key = socket_key(rescore_address(sk), kind);
	struct sockbuf buf = { .slot = slot };

	if (slot <= 0 || !rescore_active() || rescore_payer_find(key) >= 0)
		return 0;
	rescore_force_charge_object(key, slot, resource_of(kind));
	if (kind != RESCORE_OBJ_SOCK)
		sockbuf_new(rescore_address(sk), &buf);
	return 0;
}

/* vsock, bluetooth, AF_ALG, TIPC; runs for copies of TCP's listeners as well. */
RESCORE_SECURITY_VOID(numothersock__clone, sk_clone_security, security_sk_clone,
		      const struct sock *sk, struct sock *newsk)
{
	enum rescore_object kind = kind_of_sock(sk);

	if (kind == RESCORE_OBJ_SOCK)
		return 0;
	return made(newsk, payer(rescore_address(sk), kind), kind);
}

RESCORE_SECURITY_VOID(numothersock__sctp, sctp_sk_clone, security_sctp_sk_clone,
		      struct sctp_association *asoc, struct sock *sk,
		      struct sock *newsk)
{
	enum rescore_object kind = kind_of_sock(sk);

	return made(newsk, payer(rescore_address(sk), kind), kind);
}

/* The end of each accept(): of a family that has told nothing before. */
RESCORE_SECURITY_VOID(numothersock__graft, sock_graft, security_sock_graft,
		      struct sock *sk)
{
	int family = sk->__sk_common.skc_family;

	if (family == AF_UNIX || family == AF_INET || family == AF_INET6)
		return 0;
	return made(sk, rescore_current(), RESCORE_OBJ_OTHERSOCK);
}

/* --- the end ------------------------------------------------------------------------- */

static __always_inline int gone(struct sock *sk)
{
	enum rescore_object kind = kind_of_sock(sk);
	__u64 address = rescore_address(sk);
	int slot = rescore_payer_take_late(socket_key(address, kind));

	if (slot <= 0)
		return 0;
	/* who has no payer has no record */
	sockbuf_end(address);
	rescore_uncharge(slot, resource_of(kind), 1);
	return 0;
}

RESCORE_SECURITY_VOID(sockets__free, sk_free_security, security_sk_free,
		      struct sock *sk)
{
	return gone(sk);
}

/*
 * Sockets are freed by tasks and by interrupts, and where the kernel goes past
 * the program above, because one of the two found the other's running, it does
 * not go past this one as well.
 */
SEC("fentry/security_sk_free")
int RESCORE_LATE(sockets__free_2__irq, struct sock *sk)
{
	return gone(sk);
}

#include "sockaudit.h"
