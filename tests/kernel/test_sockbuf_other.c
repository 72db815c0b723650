// SPDX-License-Identifier: GPL-2.0
/*
 * othersockbuf, dgramrcvbuf: held is what the kernel itself says of the sockets, to
 * the byte when nothing moves.
 */
#include "sockbuf.h"

/* --- datagrams ------------------------------------------------------------------------ */

static long udp_bind(long family, long b, long c)
{
	union address address;
	socklen_t size = loopback(&address, family, 0);
	int fd = socket(family, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, &address.any, size) ||
	    getsockname(fd, &address.any, &size))
		return -errno;
	net_port = ntohs(address.in.sin_port);
	return fd;
}

static long udp_connect(long family, long port, long b)
{
	union address address;
	socklen_t size = loopback(&address, family, port);
	int fd = socket(family, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, &address.any, size))
		return -errno;
	return fd;
}

/* @n datagrams of @size bytes; how many could be sent. */
static long send_many(long fd, long n, long size)
{
	static char junk[1 << 16];
	long i, sent = 0;

	for (i = 0; i < n; i++)
		sent += send(fd, junk, size, MSG_DONTWAIT) == size;
	return sent;
}

static void udp(struct __test_metadata *_metadata, FIXTURE_DATA(sockbuf) * self,
		int family)
{
	const int fd = PUPPET_FD;

	ASSERT_EQ(fd, puppet_do(self->p, udp_bind, family, 0, 0));
	ASSERT_EQ(fd, puppet_do(self->q, udp_connect, family, net_port, 0));
	EXPECT_EQ(PRIME, puppet_do(self->q, send_many, fd, PRIME, 1000));
	EXPECT_LT(PRIME * 1000, held(self->a, dgramrcvbuf));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, fd, 1, RMEM_ALLOC);
	EXPECT_HELD(0, self->b, othersockbuf);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(7 * 1000, puppet_do(self->p, drain, fd, 1, 7 * 1000));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, fd, 1, RMEM_ALLOC);
	/* more than it takes: the kernel drops, which is no refusal of ours */
	EXPECT_EQ(2000, puppet_do(self->q, send_many, fd, 2000, 1000));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, fd, 1, RMEM_ALLOC);
	EXPECT_EQ(0, failcnt(self->a, dgramrcvbuf));
	EXPECT_LT(0, puppet_do(self->p, drain, fd, 1, 1 << 20));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, fd, 1, RMEM_ALLOC);
	/* closed with some unread */
	EXPECT_EQ(PRIME, puppet_do(self->q, send_many, fd, PRIME, 1000));
	EXPECT_EQ(0, puppet_close(self->p, fd));
	EXPECT_HELD(0, self->a, dgramrcvbuf);
}

TEST_F(sockbuf, udp)
{
	udp(_metadata, self, AF_INET);
}

TEST_F(sockbuf, udp_ipv6)
{
	udp(_metadata, self, AF_INET6);
}

#ifndef UDP_GRO
#define UDP_GRO		104
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#endif

static long udp_option(long fd, long option, long value)
{
	int number = value;

	return result(
		setsockopt(fd, IPPROTO_UDP, option, &number, sizeof(number)));
}

/* Receive one; the size of the segments that it was put together from, or -errno. */
static long receive_merged(long fd, long b, long c)
{
	static char junk[1 << 16];
	struct iovec iov = { junk, sizeof(junk) };
	char control[CMSG_SPACE(sizeof(int))];
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(fd, &message, MSG_DONTWAIT) < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&message);
	return cmsg && cmsg->cmsg_type == UDP_GRO ? *(int *)CMSG_DATA(cmsg) : 0;
}

/* Many in one, as GRO merges them. */
TEST_F(sockbuf, udp_merged)
{
	const int fd = PUPPET_FD;

	ASSERT_EQ(fd, puppet_do(self->p, udp_bind, AF_INET, 0, 0));
	ASSERT_EQ(fd, puppet_do(self->q, udp_connect, AF_INET, net_port, 0));
	if (puppet_do(self->p, udp_option, fd, UDP_GRO, 1))
		SKIP(return, "no GRO of UDP here");
	ASSERT_EQ(0, puppet_do(self->q, udp_option, fd, UDP_SEGMENT, 1000));
	EXPECT_EQ(3, puppet_do(self->q, send_many, fd, 3, 7 * 1000));
	EXPECT_LT(3 * 7 * 1000, held(self->a, dgramrcvbuf));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, fd, 1, RMEM_ALLOC);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(1000, puppet_do(self->p, receive_merged, fd, 0, 0));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, fd, 1, RMEM_ALLOC);
	EXPECT_EQ(1000, puppet_do(self->p, receive_merged, fd, 0, 0));
	EXPECT_EQ(1000, puppet_do(self->p, receive_merged, fd, 0, 0));
	EXPECT_HELD(0, self->a, dgramrcvbuf);
}

/* A raw socket gets what others are sent. */
static long raw_udp(long a, long b, long c)
{
	return result(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
}

TEST_F(sockbuf, raw)
{
	const int fd = PUPPET_FD;

	ASSERT_EQ(fd, puppet_do(self->p, raw_udp, 0, 0, 0));
	ASSERT_EQ(fd, puppet_do(self->q, udp_bind, AF_INET, 0, 0));
	ASSERT_EQ(fd + 1,
		  puppet_do(self->q, udp_connect, AF_INET, net_port, 0));
	EXPECT_EQ(PRIME, puppet_do(self->q, send_many, fd + 1, PRIME, 500));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, fd, 1, RMEM_ALLOC);
	EXPECT_EXACT(self->q, self->b, dgramrcvbuf, fd, 1, RMEM_ALLOC);
	EXPECT_LT(PRIME * 500, held(self->a, dgramrcvbuf));
	EXPECT_LT(0, puppet_do(self->p, drain, fd, 1, 1 << 20));
	EXPECT_HELD(0, self->a, dgramrcvbuf);
}

/* --- AF_UNIX ------------------------------------------------------------------------- */

/* What is on its way counts for the sender, as in the kernel. */
static void unix_pair(struct __test_metadata *_metadata,
		      FIXTURE_DATA(sockbuf) * self, int type)
{
	int *pair = (int *)shm->scratch;
	long sent;

	ASSERT_EQ(0,
		  puppet_sys(self->p, SYS_socketpair, AF_UNIX, type, 0, pair));
	EXPECT_LT(1000, sent = puppet_do(self->p, fill, pair[0], 1, 1000));
	EXPECT_LT(sent, held(self->a, othersockbuf));
	EXPECT_EXACT(self->p, self->a, othersockbuf, pair[0], 2, WMEM_ALLOC);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_LT(0, puppet_do(self->p, drain, pair[1], 1, 3000));
	EXPECT_EXACT(self->p, self->a, othersockbuf, pair[0], 2, WMEM_ALLOC);
	EXPECT_LT(0, puppet_do(self->p, drain, pair[1], 1, 1 << 20));
	EXPECT_HELD(0, self->a, othersockbuf);
	/* closed by the sender, unread: held until it is read */
	EXPECT_LT(0, puppet_do(self->p, fill, pair[0], 1, 1000));
	EXPECT_EQ(0, puppet_close(self->p, pair[0]));
	EXPECT_LT(1000, held(self->a, othersockbuf));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_close(self->p, pair[1]));
	EXPECT_HELD(0, self->a, othersockbuf);
	EXPECT_HELD(0, self->a, dgramrcvbuf);
}

TEST_F(sockbuf, unix_stream)
{
	unix_pair(_metadata, self, SOCK_STREAM);
}

TEST_F(sockbuf, unix_dgram)
{
	unix_pair(_metadata, self, SOCK_DGRAM);
}

TEST_F(sockbuf, unix_seqpacket)
{
	unix_pair(_metadata, self, SOCK_SEQPACKET);
}

/* The listener's end, made by another container's connect(), is the listener's. */
TEST_F(sockbuf, unix_connection)
{
	EXPECT_EQ(PUPPET_FD,
		  puppet_do(self->p, unix_listen, SOCK_STREAM, "kt-buf", 10));
	EXPECT_EQ(PUPPET_FD,
		  puppet_do(self->q, unix_connect, SOCK_STREAM, "kt-buf", 0));
	EXPECT_EQ(0, puppet_do(self->p, net_accept, PUPPET_FD, 1, 0));
	EXPECT_LT(0, puppet_do(self->p, fill, PUPPET_FD + 1, 1, 1000));
	EXPECT_EXACT(self->p, self->a, othersockbuf, PUPPET_FD + 1, 1,
		     WMEM_ALLOC);
	EXPECT_HELD(0, self->b, othersockbuf);
	EXPECT_LT(0, puppet_do(self->q, fill, PUPPET_FD, 1, 1000));
	EXPECT_EXACT(self->q, self->b, othersockbuf, PUPPET_FD, 1, WMEM_ALLOC);
	EXPECT_CLEAN_AUDIT(0);
}

/* --- netlink -------------------------------------------------------------------------- */

static long ask_for_links(long n, long b, long c)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg message;
	} ask = {
		.header = {
			.nlmsg_len = sizeof(ask),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) < 0)
		return -errno;
	return fd;
}

/* Within a page, as its queue is seen before the message is in it. */
TEST_F(sockbuf, netlink)
{
	EXPECT_EQ(PUPPET_FD, puppet_do(self->p, ask_for_links, 0, 0, 0));
	EXPECT_LT(0, puppet_do(self->p, drain, PUPPET_FD, 1, 1 << 20));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, PUPPET_FD, 1, RMEM_ALLOC);
}

RESCORE_TEST_MAIN(NULL)
