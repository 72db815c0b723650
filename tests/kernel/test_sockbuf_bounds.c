// SPDX-License-Identifier: GPL-2.0
/*
 * Bounds of tcpsndbuf and tcprcvbuf: they hold, a program sees nothing but full
 * buffers, and every transfer ends with the right bytes.
 */
#include "transfer.h"

static void connections(struct __test_metadata *_metadata,
			FIXTURE_DATA(bounds) * self, int family)
{
	connect_streams(_metadata, self, family, 0, net_listen, net_connect);
}

/* --- TCP ------------------------------------------------------------------------------- */

/* Without bounds it is much more, or the bounds prove nothing. */
TEST_F(bounds, none)
{
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_LT(2 * BOUND, row(self->b, tcpsndbuf).maxheld +
				     row(self->a, tcprcvbuf).maxheld);
	EXPECT_EQ(0, failcnt(self->b, tcpsndbuf));
	EXPECT_EQ(0, failcnt(self->a, tcprcvbuf));
}

TEST_F(bounds, tcpsndbuf)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_LT(0, failcnt(self->b, tcpsndbuf));
	/* poll() and send() agree: no busy loop */
	EXPECT_GE(STREAMS * 100, shm->number[REFUSED]);
}

TEST_F(bounds, tcpsndbuf_blocking)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send_blocking);
	EXPECT_GE(TOP, shm->number[STALLED]);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_EQ(0, shm->number[REFUSED]);
}

TEST_F(bounds, tcpsndbuf_ipv6)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET6);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
}

TEST_F(bounds, tcprcvbuf)
{
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

TEST_F(bounds, tcprcvbuf_ipv6)
{
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET6);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

/* Both, and both ends of each connection in one container. */
TEST_F(bounds, both)
{
	EXPECT_EQ(0, move_to(self->q->pid, self->a));
	self->b = self->a;
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	set_bounds(self->a, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
	EXPECT_GE(TOP, row(self->a, tcpsndbuf).maxheld);
}

/* A bound that leaves each connection next to nothing: slow, and right. */
TEST_F(bounds, tiny)
{
	set_bounds(self->b, tcpsndbuf, 16384, 16384);
	set_bounds(self->a, tcprcvbuf, 16384, 16384);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_LT(0, failcnt(self->b, tcpsndbuf));
}

/* What a program asks for does not undo it. */
TEST_F(bounds, setsockopt)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	EXPECT_EQ(0, puppet_do(self->p, greedy, IN, STREAMS, 0));
	EXPECT_EQ(0, puppet_do(self->q, greedy, OUT, STREAMS, 0));
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

TEST_F(bounds, setsockopt_cunning)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	EXPECT_EQ(0, puppet_do(self->p, cunning, IN, STREAMS, 0));
	EXPECT_EQ(0, puppet_do(self->q, cunning, OUT, STREAMS, 0));
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

/* Buffers that a program wants small stay small. */
static long modest(long first, long n, long bytes)
{
	int value = bytes;
	long i;

	for (i = 0; i < n; i++)
		if (setsockopt(first + i, SOL_SOCKET, SO_SNDBUF, &value,
			       sizeof(value)))
			return -errno;
	return 0;
}

TEST_F(bounds, setsockopt_small)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	EXPECT_EQ(0, puppet_do(self->q, modest, OUT, STREAMS, 8192));
	transfer(_metadata, self, bulk_send);
	/* twice the wish, and a segment more */
	EXPECT_GE(STREAMS * (16384 + 4096 + 16384),
		  row(self->b, tcpsndbuf).maxheld);
}

/* Asked for before there is a connection. */
static long connect_modest(long family, long port, long bytes)
{
	union address address;
	socklen_t size = loopback(&address, family, port);
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || modest(fd, 1, bytes) || connect(fd, &address.any, size))
		return -errno;
	return fd;
}

TEST_F(bounds, setsockopt_before)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	ASSERT_EQ(OUT, puppet_do(self->p, net_listen, AF_INET, 0, 100));
	connect_more(_metadata, self, AF_INET, 8192, connect_modest, OUT,
		     STREAMS);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(STREAMS * (16384 + 4096 + 16384),
		  row(self->b, tcpsndbuf).maxheld);
}

TEST_F(bounds, observe)
{
	EXPECT_EQ(0, rescore_set_mode(rs, self->b, tcpsndbuf, true));
	set_bounds(self->b, tcpsndbuf, BOUND / 16, BOUND / 16);
	connections(_metadata, self, AF_INET);
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, tcprcvbuf, true));
	set_bounds(self->a, tcprcvbuf, BOUND / 16, BOUND / 16);
	transfer(_metadata, self, bulk_send);
	EXPECT_LT(BOUND / 2, row(self->b, tcpsndbuf).maxheld);
	EXPECT_LT(BOUND / 2, row(self->a, tcprcvbuf).maxheld);
	/* each of them would have been held up, and not each time it sent */
	EXPECT_LE(STREAMS / 2, failcnt(self->b, tcpsndbuf));
	EXPECT_GE(STREAMS * 200, failcnt(self->b, tcpsndbuf));
	EXPECT_LE(STREAMS / 2, failcnt(self->a, tcprcvbuf));
	EXPECT_GE(STREAMS * 200, failcnt(self->a, tcprcvbuf));
}

/* Receivers, and senders, that are older than their bounds. */
TEST_F(bounds, older)
{
	connections(_metadata, self, AF_INET);
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

/* In mode observe they are not; and are, when that ends. */
TEST_F(bounds, older_observed)
{
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, tcprcvbuf, true));
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	EXPECT_EQ(0, rescore_set_mode(rs, self->a, tcprcvbuf, false));
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
}

/* Set while the connections are full, and lifted again while they are. */
TEST_F(bounds, set_late)
{
	connections(_metadata, self, AF_INET);
	puppet_send_call(self->p, bulk_receive, IN, STREAMS, BYTES);
	puppet_send_call(self->q, bulk_send, OUT, STREAMS, BYTES);
	EXPECT_TRUE(has_stalled());
	set_bounds(self->b, tcpsndbuf, BOUND / 2, BOUND / 2);
	set_bounds(self->a, tcprcvbuf, BOUND / 2, BOUND / 2);
	__atomic_store_n(&shm->number[GO], 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, puppet_answer(self->q));
	EXPECT_EQ(STREAMS, puppet_answer(self->p));
	set_bounds(self->b, tcpsndbuf, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	set_bounds(self->a, tcprcvbuf, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
}

/* A container at its bounds is in nobody else's way. */
TEST_F(bounds, neighbour)
{
	int other, i;
	struct puppet *r, *s;
	int64_t full;

	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	puppet_send_call(self->q, bulk_send, OUT, STREAMS, BYTES);
	EXPECT_TRUE(has_stalled());
	full = held(self->b, tcpsndbuf);
	EXPECT_LT(BOUND / 8, full);

	ASSERT_LT(0, other = make("kt-c"));
	r = puppet_in(other);
	s = puppet_in(other);
	EXPECT_EQ(0, puppet_do(r, net_join, self->p->pid, 0, 0));
	EXPECT_EQ(0, puppet_do(s, net_join, self->p->pid, 0, 0));
	EXPECT_EQ(OUT, puppet_do(r, net_listen, AF_INET, 0, 100));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(OUT + i,
			  puppet_do(s, net_connect, AF_INET, net_port, 0));
		EXPECT_EQ(0, puppet_do(r, net_accept, OUT, 1, 0));
	}
	__atomic_store_n(&shm->number[GO], 1, __ATOMIC_RELAXED);
	puppet_send_call(r, bulk_receive, IN, 3, BYTES);
	EXPECT_EQ(0, puppet_do(s, bulk_send, OUT, 3, BYTES));
	EXPECT_EQ(3, puppet_answer(r));
	EXPECT_EQ(0, failcnt(other, tcpsndbuf));
	EXPECT_EQ(0, failcnt(other, tcprcvbuf));
	/* who stood still stands still, and goes on when its peers read */
	EXPECT_EQ(full, held(self->b, tcpsndbuf));
	EXPECT_EQ(STREAMS,
		  puppet_do(self->p, bulk_receive, IN, STREAMS, BYTES));
	EXPECT_EQ(0, puppet_answer(self->q));
}

/* The bound of a level above is everybody's below it. */
TEST_F(bounds, tree)
{
	int top, child;

	ASSERT_LT(0, top = make("kt-top"));
	ASSERT_LT(0, child = make_below("kt-child", NULL, top));
	puppet_end(self->q);
	self->b = child;
	self->q = puppet_in(child);
	ASSERT_EQ(0, puppet_do(self->q, net_join, self->p->pid, 0, 0));
	set_bounds(top, tcpsndbuf, BOUND, BOUND);
	connections(_metadata, self, AF_INET);
	transfer(_metadata, self, bulk_send);
	EXPECT_GE(TOP, row(top, tcpsndbuf).maxheld);
	EXPECT_EQ(row(child, tcpsndbuf).maxheld, row(top, tcpsndbuf).maxheld);
}

RESCORE_TEST_MAIN(NULL)
