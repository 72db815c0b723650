/* SPDX-License-Identifier: GPL-2.0 */
/* The fixture of most tests of sockets: two containers, with a puppet in each. */
#ifndef RESCORE_TWO_H
#define RESCORE_TWO_H

#include "buffers.h"

/* TEST_F(name, …) has these members; the rest is run when they are there. */
#define FIXTURE_OF_TWO(name, ...)					\
FIXTURE(name)								\
{									\
	int a, b;							\
	struct puppet *p, *q;						\
	long fd;		/* of p's listener */			\
};									\
									\
FIXTURE_SETUP(name)							\
{									\
	world_begin(_metadata);						\
	find_sockets();							\
	find_buffers();							\
	ASSERT_LE(0, numtcpsock);					\
	ASSERT_LE(0, numothersock);					\
	ASSERT_LE(0, tcpsndbuf);					\
	ASSERT_LE(0, tcprcvbuf);					\
	ASSERT_LE(0, othersockbuf);					\
	ASSERT_LE(0, dgramrcvbuf);					\
	ASSERT_LT(0, self->a = make("kt-a"));				\
	ASSERT_LT(0, self->b = make("kt-b"));				\
	self->p = puppet_in(self->a);					\
	self->q = puppet_in(self->b);					\
	__VA_ARGS__;							\
}									\
									\
FIXTURE_TEARDOWN(name)							\
{									\
	end_puppets();							\
	world_end(_metadata);						\
}

#define EXPECT_SOCKETS(tcp, other, slot) do {		\
	EXPECT_HELD(tcp, slot, numtcpsock);		\
	EXPECT_HELD(other, slot, numothersock);		\
} while (0)

#endif /* RESCORE_TWO_H */
