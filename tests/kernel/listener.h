/* SPDX-License-Identifier: GPL-2.0 */
/* One container listens, another connects: for tests of numtcpsock. */
#ifndef RESCORE_LISTENER_H
#define RESCORE_LISTENER_H

#include "two.h"

FIXTURE_OF_TWO(tcp)

#define EXPECT_TCP(in_a, in_b) do {			\
	EXPECT_HELD(in_a, self->a, numtcpsock);		\
	EXPECT_HELD(in_b, self->b, numtcpsock);		\
} while (0)

#define listen_on(family, backlog) \
	ASSERT_EQ(PUPPET_FD, self->fd = puppet_do(self->p, net_listen, family, \
						  0, backlog))

#endif /* RESCORE_LISTENER_H */
