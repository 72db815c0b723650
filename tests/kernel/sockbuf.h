/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets of two containers, b sends to a. */
#ifndef RESCORE_SOCKBUF_TEST_H
#define RESCORE_SOCKBUF_TEST_H

#include "buffers.h"

FIXTURE(sockbuf)
{
	int a, b;
	struct puppet *p, *q;
};

FIXTURE_SETUP(sockbuf)
{
	world_begin(_metadata);
	find_sockets();
	find_buffers();
	ASSERT_LE(0, tcpsndbuf);
	ASSERT_LE(0, tcprcvbuf);
	ASSERT_LE(0, othersockbuf);
	ASSERT_LE(0, dgramrcvbuf);
	ASSERT_LT(0, self->a = make("kt-a"));
	ASSERT_LT(0, self->b = make("kt-b"));
	self->p = puppet_in(self->a);
	self->q = puppet_in(self->b);
}

FIXTURE_TEARDOWN(sockbuf)
{
	end_puppets();
	world_end(_metadata);
}

#define CONNECTIONS 7

/* p accepts what q connects: descriptors from FD + 1 and from FD. */
static inline void connections(struct __test_metadata *_metadata,
			       FIXTURE_DATA(sockbuf) * self, int family, int n)
{
	ASSERT_EQ(PUPPET_FD, puppet_do(self->p, net_listen, family, 0, 100));
	ASSERT_EQ(PUPPET_FD,
		  puppet_do(self->q, net_connect_many, family, net_port, n));
	ASSERT_EQ(0, puppet_do(self->p, net_accept, PUPPET_FD, n, 0));
}

#endif /* RESCORE_SOCKBUF_TEST_H */
