// SPDX-License-Identifier: GPL-2.0
/* Sockets by way of io_uring: made, accepted, sent to and read from. */
#include "sockbuf.h"
#include "uring.h"

#define NEED_URING(p) do {						\
	long __ring = puppet_do(p, uring_open, 0, 0, 0);		\
									\
	if (__ring == -ENOSYS || __ring == -EPERM)			\
		SKIP(return, "no io_uring: %s", strerror(-__ring));	\
	ASSERT_LT(0, __ring);						\
} while (0)

static long run(const struct io_uring_sqe *sqe)
{
	long err = uring_submit(sqe);

	return err ?: uring_wait(0, 0, 0);
}

static long socket_by_uring(long family, long type, long b)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_SOCKET,
		.fd = family,
		.off = type,
	};

	return run(&sqe);
}

TEST_F(sockbuf, socket)
{
	int i;

	NEED_URING(self->p);
	set_bounds(self->a, numtcpsock, PRIME, PRIME);
	set_bounds(self->a, numothersock, 7, 7);
	for (i = 0; i < PRIME; i++)
		EXPECT_LT(0, puppet_do(self->p, socket_by_uring, AF_INET,
				       SOCK_STREAM, 0));
	EXPECT_EQ(-ENOBUFS,
		  puppet_do(self->p, socket_by_uring, AF_INET, SOCK_STREAM, 0));
	for (i = 0; i < 7; i++)
		EXPECT_LT(0, puppet_do(self->p, socket_by_uring, AF_UNIX,
				       SOCK_DGRAM, 0));
	EXPECT_EQ(-ENOBUFS,
		  puppet_do(self->p, socket_by_uring, AF_UNIX, SOCK_DGRAM, 0));
	EXPECT_HELD(PRIME, self->a, numtcpsock);
	EXPECT_HELD(7, self->a, numothersock);
	EXPECT_EQ(1, failcnt(self->a, numtcpsock));
	EXPECT_EQ(1, failcnt(self->a, numothersock));
	EXPECT_CLEAN_AUDIT(0);
}

static long accept_by_uring(long fd, long b, long c)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_ACCEPT, .fd = fd };

	return run(&sqe);
}

static char junk[1 << 18];

static long send_by_uring(long fd, long opcode, long flags)
{
	struct io_uring_sqe sqe = {
		.opcode = opcode,
		.fd = fd,
		.addr = (uintptr_t)junk,
		.len = sizeof(junk),
		.msg_flags = flags,
	};

	return run(&sqe);
}

static long receive_by_uring(long fd, long b, long c)
{
	return send_by_uring(fd, IORING_OP_RECV, 0);
}

/* Sent and read with no system call of a socket's. */
static void talk(struct __test_metadata *_metadata,
		 FIXTURE_DATA(sockbuf) * self, int opcode)
{
	const long out = PUPPET_FD + 1;
	long listener, in, sent, ret, got = 0;

	NEED_URING(self->p);
	NEED_URING(self->q);
	listener = puppet_do(self->p, net_listen, AF_INET, 0, 100);
	ASSERT_LT(0, listener);
	ASSERT_EQ(out, puppet_do(self->q, net_connect, AF_INET, net_port, 0));
	ASSERT_LT(0, in = puppet_do(self->p, accept_by_uring, listener, 0, 0));
	EXPECT_HELD(2, self->a, numtcpsock);
	sent = puppet_do(self->q, send_by_uring, out, opcode, MSG_DONTWAIT);
	if (sent == -EINVAL)
		SKIP(return, "this io_uring has no such request");
	EXPECT_LT(10000, sent);
	EXPECT_LT(0, held(self->a, tcprcvbuf));
	EXPECT_EXACT(self->q, self->b, tcpsndbuf, out, 1, WMEM_QUEUED);
	EXPECT_EXACT(self->p, self->a, tcprcvbuf, in, 1, RMEM_ALLOC);
	EXPECT_CLEAN_AUDIT(0);
	while (got < sent) {
		ret = puppet_do(self->p, receive_by_uring, in, 0, 0);
		ASSERT_LT(0, ret);
		got += ret;
	}
	EXPECT_EQ(sent, got);
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
}

TEST_F(sockbuf, send)
{
	talk(_metadata, self, IORING_OP_SEND);
}

TEST_F(sockbuf, send_zerocopy)
{
	talk(_metadata, self, IORING_OP_SEND_ZC);
}

#define BOUND	(1 << 18)

/* Requests that would wait are held up by the bound, as system calls are. */
static void bounded(struct __test_metadata *_metadata,
		    FIXTURE_DATA(sockbuf) * self, int opcode)
{
	const long out = PUPPET_FD + 1;
	long listener, sent = 0, ret;

	ASSERT_EQ(0, puppet_do(self->p, net_unshare, 0, 0, 0));
	ASSERT_EQ(0, puppet_do(self->p, net_set_mtu, 1500, 0, 0));
	ASSERT_EQ(0, puppet_do(self->q, net_join, self->p->pid, 0, 0));
	NEED_URING(self->q);
	set_bounds(self->b, tcpsndbuf, BOUND, BOUND);
	listener = puppet_do(self->p, net_listen, AF_INET, 0, 100);
	ASSERT_LT(0, listener);
	ASSERT_EQ(out, puppet_do(self->q, net_connect, AF_INET, net_port, 0));
	ASSERT_EQ(0, puppet_do(self->p, net_accept, listener, 1, 0));
	while ((ret = puppet_do(self->q, send_by_uring, out, opcode,
				MSG_DONTWAIT)) > 0)
		sent += ret;
	if (ret == -EINVAL)
		SKIP(return, "this io_uring has no such request");
	EXPECT_EQ(-EAGAIN, ret);
	EXPECT_LT(0, failcnt(self->b, tcpsndbuf));
	EXPECT_GE(BOUND + BOUND / 4, row(self->b, tcpsndbuf).maxheld);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_TRUE(within(30000, ({
				   sent -= puppet_do(self->p, drain,
						     listener + 1, 1, 1 << 20);
				   sent <= 0;
			   })));
	EXPECT_EQ(0, sent);
	EXPECT_HELD(0, self->b, tcpsndbuf);
}

TEST_F(sockbuf, send_bounded)
{
	bounded(_metadata, self, IORING_OP_SEND);
}

TEST_F(sockbuf, send_zerocopy_bounded)
{
	bounded(_metadata, self, IORING_OP_SEND_ZC);
}

RESCORE_TEST_MAIN(NULL)
