// SPDX-License-Identifier: GPL-2.0
/*
 * numtcpsock and numothersock: whatever makes a socket, who pays, what is
 * refused and how. test_sockets_tcp.c has connections to listeners.
 */
#include <linux/netlink.h>

#include "two.h"

FIXTURE_OF_TWO(sockets)

/* --- every kind ------------------------------------------------------------------ */

static const struct kind {
	const char *name;
	int family, type, protocol;
	bool tcp;
} kinds[] = {
	{ "TCP", AF_INET, SOCK_STREAM, 0, true },
	{ "TCP over IPv6", AF_INET6, SOCK_STREAM, 0, true },
	{ "TCP, close on exec", AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, true },
	{ "UDP", AF_INET, SOCK_DGRAM, 0 },
	{ "UDP over IPv6", AF_INET6, SOCK_DGRAM, 0 },
	{ "ICMP", AF_INET, SOCK_RAW, IPPROTO_ICMP },
	{ "raw IPv6", AF_INET6, SOCK_RAW, IPPROTO_RAW },
	{ "AF_UNIX stream", AF_UNIX, SOCK_STREAM, 0 },
	{ "AF_UNIX datagram", AF_UNIX, SOCK_DGRAM, 0 },
	{ "AF_UNIX packets", AF_UNIX, SOCK_SEQPACKET, 0 },
	{ "AF_UNIX raw", AF_UNIX, SOCK_RAW, 0 },
	{ "rtnetlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE },
	{ "uevents", AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT },
};

/* Those that a kernel need not have are in test_sockets_rare.c. Each costs one of its row and none of the other's. */
TEST_F(sockets, kinds)
{
	const struct kind *kind;
	int i;
	long ret;

	for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++) {
		ret = puppet_sys(self->p, SYS_socket, kind->family, kind->type,
				 kind->protocol, 0);
		EXPECT_EQ(PUPPET_FD, ret) TH_LOG("%s", kind->name);
		for (i = 1; i < 7; i++)
			EXPECT_LE(0,
				  puppet_sys(self->p, SYS_socket, kind->family,
					     kind->type, kind->protocol, 0))
		TH_LOG("%s", kind->name);
		EXPECT_SOCKETS(kind->tcp ? 7 : 0, kind->tcp ? 0 : 7, self->a);
		EXPECT_CLEAN_AUDIT(self->a);
		puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
		EXPECT_SOCKETS(0, 0, self->a);
	}
}

/* Exactly the bound, for each row; and the errno above it. */
TEST_F(sockets, bound)
{
	set_bounds(self->a, numtcpsock, PRIME, PRIME);
	set_bounds(self->a, numothersock, 2 * PRIME, 2 * PRIME);
	EXPECT_EQ(PRIME,
		  puppet_do(self->p, net_sockets, AF_INET, SOCK_STREAM, 1000));
	EXPECT_EQ(-ENOBUFS,
		  puppet_do(self->p, net_sockets, AF_INET6, SOCK_STREAM, 1));
	EXPECT_EQ(2 * PRIME,
		  puppet_do(self->p, net_sockets, AF_UNIX, SOCK_DGRAM, 1000));
	EXPECT_EQ(-ENOBUFS,
		  puppet_do(self->p, net_sockets, AF_INET, SOCK_DGRAM, 1));
	EXPECT_SOCKETS(PRIME, 2 * PRIME, self->a);
	EXPECT_EQ(2, failcnt(self->a, numtcpsock));
	EXPECT_EQ(2, failcnt(self->a, numothersock));
	EXPECT_EQ(PRIME, row(self->a, numtcpsock).maxheld);
	/* nobody else is at a bound */
	EXPECT_EQ(7, puppet_do(self->q, net_sockets, AF_INET, SOCK_STREAM, 7));
	EXPECT_SOCKETS(7, 0, self->b);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_SOCKETS(0, 0, self->a);
	EXPECT_EQ(1, puppet_do(self->p, net_sockets, AF_INET, SOCK_STREAM, 1));
}

/* Bounded by numfile first: the socket that was made is given back. */
TEST_F(sockets, no_file_for_it)
{
	set_bounds(self->a, numfile, 3, 3);
	EXPECT_EQ(3, puppet_do(self->p, net_sockets, AF_UNIX, SOCK_STREAM, 99));
	EXPECT_EQ(-ENFILE,
		  puppet_do(self->p, net_sockets, AF_INET, SOCK_STREAM, 1));
	EXPECT_SOCKETS(0, 3, self->a);
}

TEST_F(sockets, pair)
{
	int *pair = (int *)shm->scratch;
	int i;

	set_bounds(self->a, numothersock, PRIME, PRIME);
	for (i = 0; i < PRIME / 2; i++)
		EXPECT_EQ(0, puppet_sys(self->p, SYS_socketpair, AF_UNIX,
					i % 2 ? SOCK_DGRAM : SOCK_STREAM, 0,
					pair));
	EXPECT_SOCKETS(0, PRIME - 1, self->a);
	/* there is room for one of two: there is none of them */
	EXPECT_EQ(-ENOBUFS, puppet_sys(self->p, SYS_socketpair, AF_UNIX,
				       SOCK_STREAM, 0, pair));
	EXPECT_SOCKETS(0, PRIME - 1, self->a);
	EXPECT_EQ(1, failcnt(self->a, numothersock));
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_SOCKETS(0, 0, self->a);
}

TEST_F(sockets, observe)
{
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, numothersock, true));
	set_bounds(self->a, numothersock, 5, 5);
	EXPECT_EQ(PRIME,
		  puppet_do(self->p, net_sockets, AF_UNIX, SOCK_DGRAM, PRIME));
	EXPECT_SOCKETS(0, PRIME, self->a);
	EXPECT_EQ(PRIME - 5, failcnt(self->a, numothersock));
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, numothersock, false));
	EXPECT_EQ(-ENOBUFS,
		  puppet_do(self->p, net_sockets, AF_UNIX, SOCK_DGRAM, 1));
}

/* Lowered below held: what there is stays, and nothing comes on top. */
TEST_F(sockets, lowered)
{
	EXPECT_EQ(11, puppet_do(self->p, net_sockets, AF_INET, SOCK_DGRAM, 11));
	set_bounds(self->a, numothersock, 3, 3);
	EXPECT_SOCKETS(0, 11, self->a);
	EXPECT_EQ(-ENOBUFS,
		  puppet_do(self->p, net_sockets, AF_INET, SOCK_DGRAM, 1));
	puppet_do(self->p, close_from, PUPPET_FD + 2, 0, 0);
	EXPECT_SOCKETS(0, 2, self->a);
	EXPECT_EQ(1, puppet_do(self->p, net_sockets, AF_INET, SOCK_DGRAM, 5));
}

/* --- the kernel's own ------------------------------------------------------------- */

/* A network namespace has netlink, ICMP and TCP sockets: none is the maker's. */
TEST_F(sockets, kernels_own)
{
	set_bounds(self->a, numtcpsock, 0, 0);
	set_bounds(self->a, numothersock, 0, 0);
	EXPECT_EQ(0, puppet_sys(self->p, SYS_unshare, CLONE_NEWNET, 0, 0, 0));
	EXPECT_SOCKETS(0, 0, self->a);
	EXPECT_EQ(0, failcnt(self->a, numothersock));
	EXPECT_EQ(0, failcnt(self->a, numtcpsock));
	EXPECT_CLEAN_AUDIT(0);
}

/* --- who pays ---------------------------------------------------------------------- */

/* A socket stays its maker's: passed on, its maker moved or dead. */
TEST_F(sockets, passed_on)
{
	int i;

	for (i = 0; i < 7; i++) {
		EXPECT_EQ(PUPPET_FD, puppet_sys(self->p, SYS_socket, AF_INET,
						SOCK_STREAM, 0, 0));
		EXPECT_EQ(0, puppet_do(self->p, pass_fd, PUPPET_FD, 0, 0));
		EXPECT_EQ(0, puppet_close(self->p, PUPPET_FD));
		/* on its way */
		EXPECT_SOCKETS(i + 1, 0, self->a);
		EXPECT_EQ(PUPPET_FD + i, puppet_do(self->q, take_fd, 0, 0, 0));
	}
	EXPECT_SOCKETS(7, 0, self->a);
	EXPECT_SOCKETS(0, 0, self->b);
	EXPECT_CLEAN_AUDIT(0);
	puppet_end(self->p);
	EXPECT_SOCKETS(7, 0, self->a);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	EXPECT_SOCKETS(0, 0, self->a);
	EXPECT_EQ(0, row(self->b, numtcpsock).underflow);
}

/* A child inherits it and moves away; the parent's container still pays. */
TEST_F(sockets, inherited_and_moved)
{
	long child;

	EXPECT_EQ(5, puppet_do(self->p, net_sockets, AF_INET, SOCK_STREAM, 5));
	EXPECT_LT(0, child = puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(0, move_to(child, self->b));
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_SOCKETS(5, 0, self->a);
	EXPECT_SOCKETS(0, 0, self->b);
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->p, kill_and_reap, child, 0, 0);
	EXPECT_SOCKETS(0, 0, self->a);
}

/* The container is destroyed while the host holds a socket of it. */
TEST_F(sockets, outlives_container)
{
	struct puppet *host = puppet_in(0);
	char name[16];
	int slot;

	ASSERT_LT(0, slot = rescore_create(rs, "kt-short", NULL));
	EXPECT_EQ(0, move_to(self->p->pid, slot));
	EXPECT_EQ(PUPPET_FD,
		  puppet_sys(self->p, SYS_socket, AF_INET, SOCK_STREAM, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, pass_fd, PUPPET_FD, 0, 0));
	EXPECT_EQ(PUPPET_FD, puppet_do(host, take_fd, 0, 0, 0));
	puppet_end(self->p);
	EXPECT_HELD(0, slot, numproc);
	EXPECT_EQ(1, held(slot, numtcpsock));
	EXPECT_EQ(0, rescore_destroy(rs, slot, true));
	/* its slot is nobody else's before the socket is gone */
	snprintf(name, sizeof(name), "%d", slot);
	EXPECT_NE(slot, make(name));
	EXPECT_EQ(0, puppet_close(host, PUPPET_FD));
	remove_leftovers();
	EXPECT_TRUE(eventually(({
		int again = make(name);

		if (again != slot)
			remove_leftovers();
		again == slot;
	})));
	EXPECT_EQ(0, row(slot, numtcpsock).underflow);
}

/* --- AF_UNIX connections -------------------------------------------------------- */

/* The listener's end is made by connect() and paid by the listener's payer. */
static void unix_peers(struct __test_metadata *_metadata,
		       FIXTURE_DATA(sockets) * self, int type)
{
	int i;

	set_bounds(self->a, numothersock, 1 + 7, 1 + 7);
	EXPECT_EQ(PUPPET_FD,
		  puppet_do(self->p, unix_listen, type, "kt-peers", 100));
	for (i = 0; i < 7; i++)
		EXPECT_EQ(PUPPET_FD + i, puppet_do(self->q, unix_connect, type,
						   "kt-peers", 0));
	EXPECT_SOCKETS(0, 1 + 7, self->a);
	EXPECT_SOCKETS(0, 7, self->b);
	EXPECT_EQ(-ENOBUFS,
		  puppet_do(self->q, unix_connect, type, "kt-peers", 0));
	EXPECT_EQ(1, failcnt(self->a, numothersock));
	EXPECT_EQ(0, failcnt(self->b, numothersock));
	EXPECT_SOCKETS(0, 7, self->b);
	/* accept() makes nothing new; a full container can still do it */
	EXPECT_EQ(0, puppet_do(self->p, net_accept, PUPPET_FD, 7, 0));
	EXPECT_SOCKETS(0, 1 + 7, self->a);
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	EXPECT_SOCKETS(0, 1 + 7, self->a);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_SOCKETS(0, 0, self->a);
	EXPECT_SOCKETS(0, 0, self->b);
}

TEST_F(sockets, unix_stream_peers)
{
	unix_peers(_metadata, self, SOCK_STREAM);
}

TEST_F(sockets, unix_packet_peers)
{
	unix_peers(_metadata, self, SOCK_SEQPACKET);
}

/* Never accepted. */
TEST_F(sockets, unix_not_accepted)
{
	int i;

	EXPECT_EQ(PUPPET_FD, puppet_do(self->p, unix_listen, SOCK_STREAM,
				       "kt-queue", 100));
	for (i = 0; i < 7; i++)
		EXPECT_LT(0, puppet_do(self->q, unix_connect, SOCK_STREAM,
				       "kt-queue", 0));
	EXPECT_SOCKETS(0, 8, self->a);
	EXPECT_EQ(0, puppet_close(self->p, PUPPET_FD));
	/* closed, but the kernel keeps them while their peers are there */
	EXPECT_SOCKETS(0, 7, self->a);
	EXPECT_SOCKETS(0, 7, self->b);
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	EXPECT_SOCKETS(0, 0, self->a);
}

/* A listener of the host's: nobody pays for its end. */
TEST_F(sockets, unix_to_host)
{
	struct puppet *host = puppet_in(0);

	EXPECT_EQ(PUPPET_FD,
		  puppet_do(host, unix_listen, SOCK_STREAM, "kt-host", 100));
	EXPECT_EQ(PUPPET_FD,
		  puppet_do(self->q, unix_connect, SOCK_STREAM, "kt-host", 0));
	EXPECT_SOCKETS(0, 1, self->b);
	EXPECT_CLEAN_AUDIT(0);
}

/* --- many CPUs at once ------------------------------------------------------------ */

enum { STORM_STOP, STORM_ROUNDS };

/* Makes whatever it gets and closes it, until told to stop. */
static long storm(long seed, long b, long c)
{
	static const int types[][2] = {
		{ AF_INET, SOCK_STREAM }, { AF_INET, SOCK_DGRAM },
		{ AF_UNIX, SOCK_STREAM }, { AF_INET6, SOCK_STREAM },
		{ AF_NETLINK, SOCK_RAW },
	};
	unsigned int random = seed;
	int fds[8], pair[2], i;
	long refused = 0;

	while (!__atomic_load_n(&shm->number[STORM_STOP], __ATOMIC_RELAXED)) {
		for (i = 0; i < 8; i++) {
			const int *type = types[rand_r(&random) % 5];

			fds[i] = socket(type[0], type[1], 0);
			if (fds[i] < 0 && errno != ENOBUFS)
				return -errno;
			refused += fds[i] < 0;
		}
		if (!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)) {
			close(pair[0]);
			close(pair[1]);
		}
		for (i = 0; i < 8; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		__atomic_fetch_add(&shm->number[STORM_ROUNDS], 1,
				   __ATOMIC_RELAXED);
	}
	return refused;
}

TEST_F(sockets, storm)
{
	struct puppet *stormers[6];
	long refused = 0, ret;
	int i;

	shm->number[STORM_STOP] = shm->number[STORM_ROUNDS] = 0;
	set_bounds(self->a, numtcpsock, PRIME, PRIME);
	set_bounds(self->a, numothersock, PRIME, PRIME);
	for (i = 0; i < 6; i++) {
		stormers[i] = puppet_in(i % 3 ? self->a : self->b);
		puppet_send_call(stormers[i], storm, i + 1, 0, 0);
	}
	EXPECT_TRUE(within(60000, shm->number[STORM_ROUNDS] > 3000));
	shm->number[STORM_STOP] = 1;
	for (i = 0; i < 6; i++) {
		EXPECT_LE(0, ret = puppet_answer(stormers[i]));
		refused += ret;
	}
	EXPECT_LE(row(self->a, numtcpsock).maxheld, PRIME);
	EXPECT_LE(row(self->a, numothersock).maxheld, PRIME);
	EXPECT_LE(refused, failcnt(self->a, numtcpsock) +
				   failcnt(self->a, numothersock));
	EXPECT_SOCKETS(0, 0, self->a);
	EXPECT_SOCKETS(0, 0, self->b);
	EXPECT_CLEAN_AUDIT(0);
}

RESCORE_TEST_MAIN(NULL)
