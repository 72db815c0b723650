/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets of two containers, b sends to a. */
#ifndef RESCORE_SOCKBUF_TEST_H
#define RESCORE_SOCKBUF_TEST_H

#include "two.h"

FIXTURE_OF_TWO(sockbuf)

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
