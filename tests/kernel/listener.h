/* SPDX-License-Identifier: GPL-2.0 */
/* One container listens, another connects: for tests of numtcpsock. */
#ifndef RESCORE_LISTENER_H
#define RESCORE_LISTENER_H

#include "net.h"

FIXTURE(tcp)
{
	int a, b;
	struct puppet *p, *q;	/* listens; connects */
	long fd;		/* of p's listener */
};

FIXTURE_SETUP(tcp)
{
	world_begin(_metadata);
	find_sockets();
	ASSERT_LT(0, self->a = make("kt-a"));
	ASSERT_LT(0, self->b = make("kt-b"));
	self->p = puppet_in(self->a);
	self->q = puppet_in(self->b);
}

FIXTURE_TEARDOWN(tcp)
{
	end_puppets();
	world_end(_metadata);
}

#define EXPECT_TCP(in_a, in_b) do {			\
	EXPECT_HELD(in_a, self->a, numtcpsock);		\
	EXPECT_HELD(in_b, self->b, numtcpsock);		\
} while (0)

#define listen_on(family, backlog) \
	ASSERT_EQ(PUPPET_FD, self->fd = puppet_do(self->p, net_listen, family, \
						  0, backlog))

#endif /* RESCORE_LISTENER_H */
