// SPDX-License-Identifier: GPL-2.0
/* MPTCP: a socket of its own, and each subflow, which is one to the kernel only. */
#include "listener.h"

/* --- MPTCP ------------------------------------------------------------------------- */

/*
 * The socket is one and each subflow one more; where the kernel does not let us
 * see it make a subflow (6.1), only those that a listener took in.
 */
TEST_F(tcp, mptcp_takes_plain_tcp)
{
	int64_t own;

	self->fd = puppet_do(self->p, net_listen, AF_INET, IPPROTO_MPTCP, 100);
	if (self->fd < 0)
		SKIP(return, "no MPTCP here");
	own = held(self->a, numtcpsock);
	EXPECT_TRUE(own == 1 || own == 2);
	/* plain TCP: the subflow itself is what accept() returns */
	puppet_do(self->q, net_connect_many, AF_INET, net_port, PRIME);
	EXPECT_TCP(own + PRIME, PRIME);
	EXPECT_EQ(0, puppet_do(self->p, net_accept, self->fd, PRIME, 0));
	EXPECT_TCP(own + PRIME, PRIME);
	EXPECT_CLEAN_AUDIT(0);
	set_bounds(self->a, numtcpsock, own + PRIME, own + PRIME);
	puppet_do(self->q, net_connect_many, AF_INET, net_port, 1);
	EXPECT_LE(1, failcnt(self->a, numtcpsock));
	EXPECT_TCP(own + PRIME, PRIME + 1);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	/* an orphan whose peer stays open may last for tcp_fin_timeout, a minute */
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	EXPECT_TRUE(within(60000, !held(self->a, numtcpsock)));
}

TEST_F(tcp, mptcp_connections)
{
	int64_t own, theirs;
	int i;

	self->fd = puppet_do(self->p, net_listen, AF_INET, IPPROTO_MPTCP, 100);
	if (self->fd < 0)
		SKIP(return, "no MPTCP here");
	own = held(self->a, numtcpsock);
	for (i = 0; i < 7; i++)
		EXPECT_LT(0, puppet_do(self->q, net_connect, AF_INET, net_port,
				       IPPROTO_MPTCP));
	theirs = 7 * own;
	EXPECT_TCP(own + 7 * 2, theirs);
	EXPECT_EQ(0, puppet_do(self->p, net_accept, self->fd, 7, 0));
	EXPECT_TCP(own + 7 * 2, theirs);
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_TRUE(within(60000, !held(self->a, numtcpsock) &&
					  !held(self->b, numtcpsock)));
}

RESCORE_TEST_MAIN(NULL)
