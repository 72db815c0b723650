// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of MPTCP: those of its subflows count, and are bounded, as any others of
 * TCP. What the MPTCP socket above them holds is not seen.
 */
#include "transfer.h"

static void mptcp(struct __test_metadata *_metadata,
		  FIXTURE_DATA(bounds) * self, int family)
{
	long fd = puppet_do(self->p, net_listen, family, IPPROTO_MPTCP, 100);

	if (fd < 0)
		SKIP(return, "no MPTCP here");
	EXPECT_EQ(0, puppet_close(self->p, fd));
	connect_streams(_metadata, self, family, IPPROTO_MPTCP, net_listen,
			net_connect);
	transfer(_metadata, self, bulk_send);
}

TEST_F(bounds, free)
{
	mptcp(_metadata, self, AF_INET);
	EXPECT_EQ(0, failcnt(self->b, tcpsndbuf));
}

TEST_F(bounds, sender)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	mptcp(_metadata, self, AF_INET);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
}

TEST_F(bounds, receiver)
{
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	mptcp(_metadata, self, AF_INET);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

TEST_F(bounds, both_ipv6)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	mptcp(_metadata, self, AF_INET6);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

RESCORE_TEST_MAIN(NULL)
