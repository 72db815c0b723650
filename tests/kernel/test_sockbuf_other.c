// SPDX-License-Identifier: GPL-2.0
/*
 * othersockbuf, dgramrcvbuf: held is what the kernel itself says of the sockets, to
 * the byte when nothing moves.
 */
#include "sockbuf.h"

/* --- datagrams ------------------------------------------------------------------------ */

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

enum { CLOSE_STOP, CLOSE_FULL };

/* Datagrams to @port, whether there is a socket or not, until told to stop. */
static long udp_endless(long port, long b, long c)
{
	static char junk[1000];
	union address address;
	socklen_t size = loopback(&address, AF_INET, port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long sent = 0;

	while (!__atomic_load_n(&shm->number[CLOSE_STOP], __ATOMIC_RELAXED))
		sent += sendto(fd, junk, sizeof(junk), 0, &address.any, size) >
			0;
	close(fd);
	return sent;
}

/* Be bound to @port until the queue is full, then close; @n times. 0 or -errno. */
static long udp_close_full(long port, long n, long b)
{
	union address address;
	socklen_t size = loopback(&address, AF_INET, port);
	int64_t end;
	int fd;

	while (n--) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		if (fd < 0 || bind(fd, &address.any, size))
			return -errno;
		end = now_ms() + LATE_MS;
		while (meminfo(fd, 1, SK_MEMINFO_DROPS) < 1 && now_ms() < end)
			;
		shm->number[CLOSE_FULL] += meminfo(fd, 1, SK_MEMINFO_DROPS) > 0;
		close(fd);
	}
	return 0;
}

/*
 * Closed while datagrams arrive: other CPUs that have found the socket a moment
 * before go on with it, and see its queue full, when it has been settled.
 */
TEST_F(sockbuf, udp_closed)
{
	const int n = 500;
	int fd = puppet_do(self->p, udp_bind, AF_INET, 0, 0);

	ASSERT_EQ(PUPPET_FD, fd);
	EXPECT_EQ(0, puppet_close(self->p, fd));
	shm->number[CLOSE_STOP] = shm->number[CLOSE_FULL] = 0;
	puppet_send_call(self->q, udp_endless, net_port, 0, 0);
	EXPECT_EQ(0, puppet_do(self->p, udp_close_full, net_port, n, 0));
	shm->number[CLOSE_STOP] = 1;
	EXPECT_LT(0, puppet_answer(self->q));
	EXPECT_EQ(n, shm->number[CLOSE_FULL]);
	EXPECT_HELD(0, self->a, dgramrcvbuf);
	EXPECT_CLEAN_AUDIT(0);
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

/* --- whose they are, wherever they go --------------------------------------------------- */

/* A full pair of a container's: both ends are on their way to another, its maker dead. */
static long full_pair(struct __test_metadata *_metadata,
		      FIXTURE_DATA(sockbuf) * self)
{
	int *pair = (int *)shm->scratch;

	EXPECT_EQ(0, puppet_sys(self->p, SYS_socketpair, AF_UNIX, SOCK_STREAM,
				0, pair));
	EXPECT_EQ(PUPPET_FD, pair[0]);
	EXPECT_LT(1000, puppet_do(self->p, fill, pair[0], 1, 1000));
	EXPECT_EQ(0, puppet_do(self->p, pass_fd, pair[0], 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, pass_fd, pair[1], 0, 0));
	puppet_end(self->p);
	return held(self->a, othersockbuf);
}

TEST_F(sockbuf, passed_on)
{
	const int fd = PUPPET_FD;
	long full = full_pair(_metadata, self);

	EXPECT_LT(1000, full);
	EXPECT_EQ(fd, puppet_do(self->q, take_fd, 0, 0, 0));
	EXPECT_EQ(fd + 1, puppet_do(self->q, take_fd, 0, 0, 0));
	EXPECT_HELD(full, self->a, othersockbuf);
	EXPECT_EXACT(self->q, self->a, othersockbuf, fd, 2, WMEM_ALLOC);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_LT(0, puppet_do(self->q, drain, fd + 1, 1, 1 << 20));
	EXPECT_HELD(0, self->a, othersockbuf);
	/* who writes to it now is not who pays for it */
	EXPECT_LT(1000, puppet_do(self->q, fill, fd, 1, 1000));
	EXPECT_EXACT(self->q, self->a, othersockbuf, fd, 2, WMEM_ALLOC);
	EXPECT_HELD(0, self->b, othersockbuf);
	puppet_do(self->q, close_from, fd, 0, 0);
	EXPECT_HELD(0, self->a, othersockbuf);
}

/* Its container is destroyed: its slot is nobody else's while it holds anything. */
TEST_F(sockbuf, outlives_container)
{
	const int fd = PUPPET_FD;
	char name[16];

	EXPECT_LT(1000, full_pair(_metadata, self));
	EXPECT_EQ(0, rescore_destroy(rs, self->a, true));
	snprintf(name, sizeof(name), "kt-%d", self->a);
	EXPECT_NE(self->a, make(name));
	EXPECT_EQ(fd, puppet_do(self->q, take_fd, 0, 0, 0));
	EXPECT_EQ(fd + 1, puppet_do(self->q, take_fd, 0, 0, 0));
	EXPECT_LT(0, puppet_do(self->q, drain, fd + 1, 1, 1 << 20));
	EXPECT_LT(1000, puppet_do(self->q, fill, fd + 1, 1, 1000));
	puppet_do(self->q, close_from, fd, 0, 0);
	EXPECT_HELD(0, self->b, othersockbuf);
	EXPECT_TRUE(eventually(make("kt-again") == self->a));
	EXPECT_EQ(0, row(self->a, othersockbuf).underflow);
}

/* A child writes to its parent's socket from where it was moved to. */
static long child_fills(long fd, long b, long c)
{
	pid_t pid = fork();

	if (!pid) {
		while (!__atomic_load_n(&shm->number[0], __ATOMIC_RELAXED))
			usleep(500);
		shm->number[1] = fill(fd, 1, 1000);
		_exit(0);
	}
	return result(pid);
}

TEST_F(sockbuf, inherited_and_moved)
{
	const int fd = PUPPET_FD;
	int *pair = (int *)shm->scratch;
	long child;

	shm->number[0] = shm->number[1] = 0;
	EXPECT_EQ(0, puppet_sys(self->p, SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0,
				pair));
	EXPECT_LT(0, child = puppet_do(self->p, child_fills, fd, 0, 0));
	EXPECT_EQ(0, move_to(child, self->b));
	__atomic_store_n(&shm->number[0], 1, __ATOMIC_RELAXED);
	EXPECT_EQ(child, puppet_do(self->p, reap, child, 0, 0));
	EXPECT_LT(1000, shm->number[1]);
	EXPECT_LT(1000, held(self->a, othersockbuf));
	EXPECT_EXACT(self->p, self->a, othersockbuf, fd, 2, WMEM_ALLOC);
	EXPECT_HELD(0, self->b, othersockbuf);
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

TEST_F(sockbuf, netlink)
{
	EXPECT_EQ(PUPPET_FD, puppet_do(self->p, ask_for_links, 0, 0, 0));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, PUPPET_FD, 1, RMEM_ALLOC);
	EXPECT_LT(0, puppet_do(self->p, drain, PUPPET_FD, 1, 1 << 20));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, PUPPET_FD, 1, RMEM_ALLOC);
}

/* @n messages of @size bytes to a group; the receiver. */
static long tell_group(long n, long size, long c)
{
	struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	static char message[4096];
	int rx = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	int tx = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);

	if (bind(rx, (void *)&group, sizeof(group)))
		return -errno;
	/* to the group, and to the kernel, which does not listen to this family */
	while (n--)
		if (sendto(tx, message, size, 0, (void *)&group,
			   sizeof(group)) != size &&
		    errno != ECONNREFUSED)
			return -errno;
	close(tx);
	return rx;
}

/* What nobody reads. */
TEST_F(sockbuf, netlink_group)
{
	EXPECT_EQ(PUPPET_FD, puppet_do(self->p, tell_group, 20, 1000, 0));
	EXPECT_LT(20 * 1000, held(self->a, dgramrcvbuf));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, PUPPET_FD, 1, RMEM_ALLOC);
	/* and what finds no room */
	EXPECT_EQ(PUPPET_FD + 1, puppet_do(self->p, tell_group, 2000, 1000, 0));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, PUPPET_FD, 2, RMEM_ALLOC);
	EXPECT_EQ(0, puppet_close(self->p, PUPPET_FD));
	EXPECT_EQ(0, puppet_close(self->p, PUPPET_FD + 1));
	EXPECT_EQ(0, settled(self->a, dgramrcvbuf, 0));
}

RESCORE_TEST_MAIN(NULL)
