// SPDX-License-Identifier: GPL-2.0
/*
 * Bulk from the network of one container to that of another: counted to the byte,
 * held up by small bounds of the sender, of the receiver and of both, and whole.
 */
#include "transfer.h"
#include "veth.h"

#define LINK_OR_SKIP() do {						\
	long __err = veth_between(self->p, self->q);			\
									\
	if (__err == -EOPNOTSUPP)					\
		SKIP(return, "no veth here");				\
	ASSERT_EQ(0, __err);						\
} while (0)

/* While both networks are there: a FIN that nobody answers is sent again for minutes. */
static void hang_up(struct __test_metadata *_metadata,
		    FIXTURE_DATA(bounds) * self)
{
	EXPECT_EQ(0, puppet_do(self->q, close_from, OUT, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, close_from, OUT, 0, 0));
	EXPECT_HELD(0, self->a, numtcpsock);
	EXPECT_HELD(0, self->b, numtcpsock);
}

/* --- held -------------------------------------------------------------------------------- */

static void counted(struct __test_metadata *_metadata,
		    FIXTURE_DATA(bounds) * self, int family)
{
	long sent, got = 0;

	ASSERT_EQ(OUT, puppet_do(self->p, veth_listen, family, 0, 10));
	ASSERT_EQ(OUT, puppet_do(self->q, veth_connect, family, net_port, 0));
	ASSERT_EQ(0, puppet_do(self->p, net_accept, OUT, 1, 0));
	EXPECT_LT(10000, sent = puppet_do(self->q, fill, OUT, 1, 9973));
	EXPECT_EXACT(self->q, self->b, tcpsndbuf, OUT, 1, WMEM_QUEUED);
	EXPECT_EXACT(self->p, self->a, tcprcvbuf, IN, 1, RMEM_ALLOC);
	/* the audit looks into both networks */
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_HELD(2, self->a, numtcpsock);
	EXPECT_TRUE(within(30000, ({
				   got += puppet_do(self->p, drain, IN, 1,
						    1 << 20);
				   got >= sent;
			   })));
	EXPECT_EQ(sent, got);
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
	hang_up(_metadata, self);
}

TEST_F(bounds, counted)
{
	LINK_OR_SKIP();
	counted(_metadata, self, AF_INET);
}

TEST_F(bounds, counted_ipv6)
{
	LINK_OR_SKIP();
	counted(_metadata, self, AF_INET6);
}

/* Segments one by one on the wire, merged by GRO where they arrive. */
TEST_F(bounds, counted_merged)
{
	LINK_OR_SKIP();
	ASSERT_EQ(0, puppet_do(self->q, veth_offload, ETHTOOL_STSO, 0, 0));
	ASSERT_EQ(0, puppet_do(self->p, veth_offload, ETHTOOL_SGRO, 1, 0));
	counted(_metadata, self, AF_INET);
}

/* --- bulk -------------------------------------------------------------------------------- */

enum { SENDER = 1, RECEIVER = 2 };

/* What @who has a bound of was throttled; without one it is much more. */
static void expect_throttled(struct __test_metadata *_metadata,
			     FIXTURE_DATA(bounds) * self, int who)
{
	if (who & SENDER) {
		EXPECT_LT(STREAMS, failcnt(self->b, tcpsndbuf));
		EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	} else {
		EXPECT_EQ(0, failcnt(self->b, tcpsndbuf));
	}
	if (who & RECEIVER) {
		EXPECT_LT(0, failcnt(self->a, tcprcvbuf));
		EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
	} else {
		EXPECT_EQ(0, failcnt(self->a, tcprcvbuf));
	}
	if (!who)
		EXPECT_LT(2 * BOUND, row(self->b, tcpsndbuf).maxheld +
					     row(self->a, tcprcvbuf).maxheld);
	TH_LOG("throttled: sender %" PRIu64 ", receiver %" PRIu64,
	       failcnt(self->b, tcpsndbuf), failcnt(self->a, tcprcvbuf));
}

/* Nobody reads at first, so that the buffers are as full as they can be. */
static void bulk(struct __test_metadata *_metadata, FIXTURE_DATA(bounds) * self,
		 int family, int who)
{
	if (who & SENDER)
		set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	if (who & RECEIVER)
		set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connect_streams(_metadata, self, family, 0, veth_listen, veth_connect);
	transfer(_metadata, self, bulk_send);
	expect_throttled(_metadata, self, who);
	hang_up(_metadata, self);
}

#define TEST_BULK(name, family, who)			\
	TEST_F(bounds, name)				\
	{						\
		LINK_OR_SKIP();				\
		bulk(_metadata, self, family, who);	\
	}

TEST_BULK(bulk_free, AF_INET, 0)
TEST_BULK(bulk_sender, AF_INET, SENDER)
TEST_BULK(bulk_receiver, AF_INET, RECEIVER)
TEST_BULK(bulk_both, AF_INET, SENDER | RECEIVER)
TEST_BULK(bulk_ipv6_free, AF_INET6, 0)
TEST_BULK(bulk_ipv6_both, AF_INET6, SENDER | RECEIVER)

static long sip(long fd, long size, long unused)
{
	char junk[4096];

	return recv(fd, junk, size, MSG_DONTWAIT);
}

/*
 * All of the bound is one connection's, whose reader is slow: in the end its window
 * closes, and its buffer stays as large as it is.
 */
TEST_F(bounds, one_full)
{
	LINK_OR_SKIP();
	set_bounds(self->a, tcprcvbuf, BOUND / 4, BOUND / 4);
	ASSERT_EQ(OUT, puppet_do(self->p, veth_listen, AF_INET, 0, 10));
	connect_more(_metadata, self, AF_INET, 0, veth_connect, OUT, 1);
	EXPECT_EQ(0, failcnt(self->a, tcprcvbuf));
	/* a burst may close the window of a new connection: reading opens it */
	EXPECT_TRUE(within(10000, ({
				   puppet_do(self->q, fill, OUT, 1, 9973);
				   puppet_do(self->p, sip, IN, 4096, 0);
				   failcnt(self->a, tcprcvbuf) > 0;
			   })));
	EXPECT_LT(BOUND / 8, row(self->a, tcprcvbuf).maxheld);
	EXPECT_GE(BOUND / 4, row(self->a, tcprcvbuf).maxheld);
	TH_LOG("maxheld: %" PRId64 ", failcnt: %" PRIu64,
	       row(self->a, tcprcvbuf).maxheld, failcnt(self->a, tcprcvbuf));
	hang_up(_metadata, self);
}

static long window_clamp(long fd, long b, long c)
{
	int clamp = 0;
	socklen_t size = sizeof(clamp);

	if (getsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &clamp, &size))
		return -errno;
	return clamp;
}

static long clamp_window(long fd, long bytes, long c)
{
	int clamp = bytes;

	return setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &clamp,
			  sizeof(clamp)) ?
		       -errno :
		       0;
}

/*
 * With its first large segment the kernel bounds the window by the buffer as it is
 * then, and does not look again: more room later has to open both.
 */
TEST_F(bounds, window_opens)
{
	int i;

	LINK_OR_SKIP();
	set_bounds(self->a, tcprcvbuf, BOUND / 64, BOUND / 64);
	ASSERT_EQ(OUT, puppet_do(self->p, veth_listen, AF_INET, 0, 10));
	connect_more(_metadata, self, AF_INET, 0, veth_connect, OUT, 1);
	EXPECT_TRUE(eventually(({
		puppet_do(self->q, fill, OUT, 1, 9973);
		puppet_do(self->p, drain, IN, 1, LONG_MAX) > 0;
	})));
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	EXPECT_TRUE(eventually(({
		puppet_do(self->q, fill, OUT, 1, 9973);
		puppet_do(self->p, drain, IN, 1, LONG_MAX);
		puppet_do(self->p, window_clamp, IN, 0, 0) > BOUND / 8;
	})));
	TH_LOG("window clamp: %ld", puppet_do(self->p, window_clamp, IN, 0, 0));
	/* what the program itself says is left to it */
	EXPECT_EQ(0, puppet_do(self->p, clamp_window, IN, 5000, 0));
	for (i = 0; i < 20; i++) {
		puppet_do(self->q, fill, OUT, 1, 9973);
		puppet_do(self->p, drain, IN, 1, LONG_MAX);
	}
	EXPECT_EQ(5000, puppet_do(self->p, window_clamp, IN, 0, 0));
	hang_up(_metadata, self);
}

static long close_many(long first, long n, long unused)
{
	while (n--)
		if (close(first++))
			return -errno;
	return 0;
}

enum { MANY = 200, SEGMENT = 1448 };

/*
 * Many connections on which nothing is sent, and then on all at once: what the first
 * ones were promised is not promised to others. The last grows as they go, whose reader
 * is quick: the kernel itself does not open the window of a slow one. A full window of
 * the largest buffer that the kernel gives it takes some 220 KiB.
 */
TEST_F_TIMEOUT(bounds, many, 90)
{
	long last = MANY - 1, i;

	LINK_OR_SKIP();
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	ASSERT_EQ(OUT, puppet_do(self->p, veth_listen, AF_INET, 0, 10));
	connect_more(_metadata, self, AF_INET, 0, veth_connect, OUT, MANY);
	for (i = 0; i < 100; i++)
		puppet_do(self->q, fill, OUT, MANY, 1000);
	/* four segments for each, however many there are */
	EXPECT_GE(BOUND + MANY * 4 * SEGMENT, row(self->a, tcprcvbuf).maxheld);
	EXPECT_LT(BOUND / 2, held(self->a, tcprcvbuf));
	TH_LOG("maxheld: %" PRId64, row(self->a, tcprcvbuf).maxheld);
	ASSERT_EQ(0, puppet_do(self->q, close_many, OUT, last, 0));
	ASSERT_EQ(0, puppet_do(self->p, close_many, IN, last, 0));
	EXPECT_TRUE(within(60000, ({
				   puppet_do(self->p, drain, IN + last, 1,
					     LONG_MAX);
				   puppet_do(self->q, fill, OUT + last, 1,
					     9973);
				   held(self->a, tcprcvbuf) > BOUND / 8;
			   })));
	TH_LOG("held: %" PRId64, held(self->a, tcprcvbuf));
	hang_up(_metadata, self);
}

/* Each has all to itself, one after the other. */
static void in_turn(struct __test_metadata *_metadata,
		    FIXTURE_DATA(bounds) * self)
{
	long i, j;

	connect_streams(_metadata, self, AF_INET, 0, veth_listen, veth_connect);
	for (i = 0; i < STREAMS; i++) {
		for (j = 0; j < 100; j++) {
			puppet_do(self->q, fill, OUT + i, 1, 9973);
			puppet_do(self->p, sip, IN + i, 4096, 0);
		}
		EXPECT_TRUE(within(10000, ({
					   puppet_do(self->p, drain, IN + i, 1,
						     1 << 22);
					   !held(self->a, tcprcvbuf) &&
						   !held(self->b, tcpsndbuf);
				   })));
	}
	TH_LOG("in turn: maxheld %" PRId64, row(self->a, tcprcvbuf).maxheld);
}

/* And then all are filled at once. */
TEST_F(bounds, turns)
{
	long i;

	LINK_OR_SKIP();
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	in_turn(_metadata, self);
	EXPECT_LT(BOUND / 16, row(self->a, tcprcvbuf).maxheld);
	for (i = 0; i < 100; i++)
		puppet_do(self->q, fill, OUT, STREAMS, 9973);
	EXPECT_GE(BOUND, row(self->a, tcprcvbuf).maxheld);
	EXPECT_LT(BOUND / 2, row(self->a, tcprcvbuf).maxheld);
	TH_LOG("maxheld: %" PRId64, row(self->a, tcprcvbuf).maxheld);
	hang_up(_metadata, self);
}

/* As the kernel tells: SO_SNDBUF is sk_sndbuf, SO_RCVBUF sk_rcvbuf. */
static long buffer(long fd, long option, long unused)
{
	int size;
	socklen_t length = sizeof(size);

	return getsockopt(fd, SOL_SOCKET, option, &size, &length) ? -errno :
								    size;
}

/* More than the kernel lets each have: what they cannot have is there for the next. */
TEST_F(bounds, turns_large)
{
	long i;

	LINK_OR_SKIP();
	set_bounds(self->a, tcprcvbuf, 8 * BOUND, 8 * BOUND);
	in_turn(_metadata, self);
	EXPECT_EQ(0, failcnt(self->a, tcprcvbuf));
	connect_more(_metadata, self, AF_INET, 0, veth_connect, OUT + STREAMS,
		     1);
	for (i = 0; i < 100; i++) {
		puppet_do(self->q, fill, OUT + STREAMS, 1, 9973);
		puppet_do(self->p, sip, IN + STREAMS, 4096, 0);
	}
	EXPECT_LT(BOUND / 4, held(self->a, tcprcvbuf));
	TH_LOG("the next: held %" PRId64, held(self->a, tcprcvbuf));
	/* a bound that is set again finds them as the first one did */
	set_bounds(self->a, tcprcvbuf, RESCORE_UNLIMITED, RESCORE_UNLIMITED);
	set_bounds(self->a, tcprcvbuf, 8 * BOUND, 8 * BOUND);
	EXPECT_LT(BOUND / 16, puppet_do(self->p, buffer, IN, SO_RCVBUF, 0));
	hang_up(_metadata, self);
}

static long say(long fd, long size, long unused)
{
	char junk[4096] = {};

	return send(fd, junk, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* @n connections one after the other; on each something is sent, once. */
static void greet(struct __test_metadata *_metadata,
		  FIXTURE_DATA(bounds) * self, long n)
{
	long i;

	ASSERT_EQ(OUT, puppet_do(self->p, veth_listen, AF_INET, 0, 10));
	for (i = 0; i < n; i++) {
		connect_more(_metadata, self, AF_INET, 0, veth_connect, OUT + i,
			     1);
		ASSERT_EQ(1000, puppet_do(self->q, say, OUT + i, 1000, 0));
		EXPECT_TRUE(within(10000, !held(self->b, tcpsndbuf)));
	}
}

/* The senders' side: however many stand still, the next one is not stuck. */
static void next_one(struct __test_metadata *_metadata,
		     FIXTURE_DATA(bounds) * self, __s64 bound, long n)
{
	long before, after, i;

	set_bounds(self->b, tcpsndbuf, bound, bound);
	greet(_metadata, self, n);
	before = puppet_do(self->q, buffer, OUT + n - 1, SO_SNDBUF, 0);
	for (i = 0; i < 100; i++) {
		puppet_do(self->q, fill, OUT + n - 1, 1, 9973);
		puppet_do(self->p, drain, IN + n - 1, 1, 1 << 22);
	}
	after = puppet_do(self->q, buffer, OUT + n - 1, SO_SNDBUF, 0);
	TH_LOG("bound %lld, the last of %ld may send %ld, then %ld",
	       (long long)bound, n, before, after);
	EXPECT_LE(16384, before);
	EXPECT_LE(16384, after);
	hang_up(_metadata, self);
}

TEST_F(bounds, next_of_40)
{
	LINK_OR_SKIP();
	next_one(_metadata, self, 8 * BOUND, 40);
}

TEST_F(bounds, next_of_100)
{
	LINK_OR_SKIP();
	next_one(_metadata, self, 32 * BOUND, 100);
}

/* A reader that is there from the first byte on, as iperf's: throttled as well. */
static void running(struct __test_metadata *_metadata,
		    FIXTURE_DATA(bounds) * self, int family)
{
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	set_bounds(self->a, tcprcvbuf, BOUND, BOUND);
	connect_streams(_metadata, self, family, 0, veth_listen, veth_connect);
	shm->number[GO] = 1;
	puppet_send_call(self->p, bulk_receive, IN, STREAMS, BYTES);
	EXPECT_EQ(0,
		  puppet_do(self->q, bulk_send_blocking, OUT, STREAMS, BYTES));
	EXPECT_EQ(STREAMS, puppet_answer(self->p));
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_LT(STREAMS, failcnt(self->b, tcpsndbuf));
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	EXPECT_GE(TOP, row(self->a, tcprcvbuf).maxheld);
	hang_up(_metadata, self);
}

TEST_F(bounds, running)
{
	LINK_OR_SKIP();
	running(_metadata, self, AF_INET);
}

TEST_F(bounds, running_ipv6)
{
	LINK_OR_SKIP();
	running(_metadata, self, AF_INET6);
}

/* Segments one by one, merged by GRO. */
TEST_F(bounds, running_merged)
{
	LINK_OR_SKIP();
	ASSERT_EQ(0, puppet_do(self->q, veth_offload, ETHTOOL_STSO, 0, 0));
	ASSERT_EQ(0, puppet_do(self->p, veth_offload, ETHTOOL_SGRO, 1, 0));
	running(_metadata, self, AF_INET);
}

/* Only the container is bounded, not what it sends to. */
TEST_F(bounds, to_host)
{
	puppet_end(self->p);
	self->p = puppet_in(0);
	LINK_OR_SKIP();
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	connect_streams(_metadata, self, AF_INET, 0, veth_listen, veth_connect);
	transfer(_metadata, self, bulk_send);
	EXPECT_LT(STREAMS, failcnt(self->b, tcpsndbuf));
	EXPECT_GE(TOP, row(self->b, tcpsndbuf).maxheld);
	hang_up(_metadata, self);
}

/* --- UDP --------------------------------------------------------------------------------- */

#define DATAGRAMS	5000
#define SIZE		1400
#define UDP_BOUND	100000

/* Each says which it is. How many were sent. */
static long udp_send(long fd, long n, long b)
{
	unsigned char data[SIZE];
	long i, j, sent = 0;

	for (i = 0; i < n; i++) {
		for (j = 0; j < SIZE; j++)
			data[j] = pattern(i, j);
		memcpy(data, &i, sizeof(i));
		sent += send(fd, data, SIZE, 0) == SIZE;
	}
	return sent;
}

/* Read what there is. How many, if they were whole and in order, or -errno. */
static long udp_receive(long fd, long b, long c)
{
	unsigned char data[SIZE + 1];
	long i, j, last = -1, good = 0;

	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) == SIZE) {
		memcpy(&i, data, sizeof(i));
		for (j = sizeof(i); j < SIZE; j++)
			if (data[j] != (unsigned char)pattern(i, j))
				return -EBADMSG;
		if (i <= last)
			return -EBADMSG;
		last = i;
		good++;
	}
	return errno == EAGAIN ? good : -errno;
}

/* What is lost is what was refused, and the socket says so itself. */
static void udp(struct __test_metadata *_metadata, FIXTURE_DATA(bounds) * self,
		int family)
{
	long sent, got, drops, before;

	ASSERT_EQ(OUT, puppet_do(self->p, veth_udp_bind, family, 0, 0));
	ASSERT_EQ(OUT,
		  puppet_do(self->q, veth_udp_connect, family, net_port, 0));
	/* until the two know each other, packets are lost, or come all at once */
	EXPECT_TRUE(within(30000, ({
				   puppet_do(self->q, send_many, OUT, 1, SIZE);
				   puppet_do(self->p, drain, OUT, 1, SIZE) > 0;
			   })));
	EXPECT_TRUE(eventually(!puppet_do(self->p, drain, OUT, 1, 1 << 20) &&
			       !held(self->a, dgramrcvbuf)));
	ASSERT_EQ(0, rescore_reset(rs, self->a, dgramrcvbuf,
				   RESCORE_RESET_MAXHELD));
	before = puppet_do(self->p, meminfo, OUT, 1, SK_MEMINFO_DROPS);
	set_bounds(self->a, dgramrcvbuf, UDP_BOUND, UDP_BOUND);
	sent = puppet_do(self->q, udp_send, OUT, DATAGRAMS, 0);
	EXPECT_EQ(DATAGRAMS, sent);
	/* as full as it can be */
	EXPECT_TRUE(eventually(held(self->a, dgramrcvbuf) > UDP_BOUND - 4096));
	EXPECT_GE(UDP_BOUND, row(self->a, dgramrcvbuf).maxheld);
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, OUT, 1, RMEM_ALLOC);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_LT(10, got = puppet_do(self->p, udp_receive, OUT, 0, 0));
	drops = puppet_do(self->p, meminfo, OUT, 1, SK_MEMINFO_DROPS) - before;
	EXPECT_EQ(drops, failcnt(self->a, dgramrcvbuf));
	EXPECT_EQ(sent - got, drops);
	EXPECT_HELD(0, self->a, dgramrcvbuf);
	EXPECT_HELD(0, self->b, othersockbuf);
}

TEST_F(bounds, udp)
{
	LINK_OR_SKIP();
	udp(_metadata, self, AF_INET);
}

TEST_F(bounds, udp_ipv6)
{
	LINK_OR_SKIP();
	udp(_metadata, self, AF_INET6);
}

RESCORE_TEST_MAIN(NULL)
