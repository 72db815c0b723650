// SPDX-License-Identifier: GPL-2.0
/*
 * tcpsndbuf, tcprcvbuf: held is what the kernel itself says of the sockets, to the
 * byte when nothing moves.
 */
#include <sys/sendfile.h>

#include "sockbuf.h"

/* --- TCP --------------------------------------------------------------------------- */

static void tcp(struct __test_metadata *_metadata, FIXTURE_DATA(sockbuf) * self,
		int family)
{
	const int n = CONNECTIONS, in = PUPPET_FD + 1, out = PUPPET_FD;
	long sent, got = 0;

	connections(_metadata, self, family, n);
	EXPECT_LT(1 << 20, sent = puppet_do(self->q, fill, out, n, 9973));
	EXPECT_LT(0, held(self->b, tcpsndbuf));
	EXPECT_LT(0, held(self->a, tcprcvbuf));
	EXPECT_EXACT(self->q, self->b, tcpsndbuf, out, n, WMEM_QUEUED);
	EXPECT_EXACT(self->p, self->a, tcprcvbuf, in, n, RMEM_ALLOC);
	EXPECT_HELD(0, self->a, tcpsndbuf);
	EXPECT_HELD(0, self->b, tcprcvbuf);
	EXPECT_CLEAN_AUDIT(0);

	/* a part of it */
	got += puppet_do(self->p, drain, in, n, 30000);
	EXPECT_EXACT(self->q, self->b, tcpsndbuf, out, n, WMEM_QUEUED);
	EXPECT_EXACT(self->p, self->a, tcprcvbuf, in, n, RMEM_ALLOC);
	EXPECT_TRUE(within(30000, ({
				   got += puppet_do(self->p, drain, in, n,
						    1 << 20);
				   got >= sent;
			   })));
	EXPECT_EQ(sent, got);
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
	EXPECT_EQ(0, failcnt(self->b, tcpsndbuf));
	EXPECT_EQ(0, failcnt(self->a, tcprcvbuf));
}

TEST_F(sockbuf, tcp)
{
	tcp(_metadata, self, AF_INET);
}

TEST_F(sockbuf, tcp_ipv6)
{
	tcp(_metadata, self, AF_INET6);
}

/* Add to what the table says that a container holds. */
static void falsify(struct __test_metadata *_metadata, uint32_t slot, int id,
		    int64_t by)
{
	int fd = bpf_obj_get(RESCORE_PIN_DIR "/table");
	struct rescore_row row;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bpf_map_lookup_elem(fd, &slot, &row));
	row.line[id].held += by;
	ASSERT_EQ(0, bpf_map_update_elem(fd, &slot, &row, BPF_ANY));
	close(fd);
}

/* More than a page per socket is seen; a page is what may be on its way. */
TEST_F(sockbuf, audit)
{
	connections(_metadata, self, AF_INET, 1);
	EXPECT_LT(0, puppet_do(self->q, fill, PUPPET_FD, 1, 9973));
	EXPECT_EXACT(self->q, self->b, tcpsndbuf, PUPPET_FD, 1, WMEM_QUEUED);
	EXPECT_CLEAN_AUDIT(self->b);
	falsify(_metadata, self->b, tcpsndbuf, 4097);
	EXPECT_EQ(1, audit(self->b));
	falsify(_metadata, self->b, tcpsndbuf, -2 * 4097);
	EXPECT_EQ(1, audit(self->b));
	falsify(_metadata, self->b, tcpsndbuf, 4097);
	falsify(_metadata, self->b, othersockbuf, 4097);
	EXPECT_EQ(1, audit(self->b));
	falsify(_metadata, self->b, othersockbuf, -4097);
	EXPECT_CLEAN_AUDIT(self->b);
}

/* Closed with data on its way, killed with data unread. */
TEST_F(sockbuf, tcp_orphans)
{
	connections(_metadata, self, AF_INET, CONNECTIONS);
	EXPECT_LT(0, puppet_do(self->q, fill, PUPPET_FD, CONNECTIONS, 9973));
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	EXPECT_LT(0, held(self->b, tcpsndbuf));
	EXPECT_CLEAN_AUDIT(0);
	puppet_end(self->p);
	EXPECT_HELD(0, self->a, tcprcvbuf);
	EXPECT_HELD(0, self->b, tcpsndbuf);
}

/* The peer is killed, and what was sent to it is of no use; the sockets stay open. */
TEST_F(sockbuf, tcp_reset)
{
	connections(_metadata, self, AF_INET, CONNECTIONS);
	EXPECT_LT(0, puppet_do(self->q, fill, PUPPET_FD, CONNECTIONS, 9973));
	EXPECT_LT(0, held(self->b, tcpsndbuf));
	puppet_end(self->p);
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_EXACT(self->q, self->b, tcpsndbuf, PUPPET_FD, CONNECTIONS,
		     WMEM_QUEUED);
	EXPECT_CLEAN_AUDIT(0);
}

static long disconnect(long first, long n, long b)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	long i;

	for (i = 0; i < n; i++)
		if (connect(first + i, &none, sizeof(none)))
			return -errno;
	return 0;
}

/* Disconnected and made a listener: its children begin with nothing. */
TEST_F(sockbuf, tcp_disconnected)
{
	connections(_metadata, self, AF_INET, 3);
	EXPECT_LT(0, puppet_do(self->q, fill, PUPPET_FD, 3, 9973));
	EXPECT_LT(0, puppet_do(self->p, fill, PUPPET_FD + 1, 3, 9973));
	EXPECT_EQ(0, puppet_do(self->q, disconnect, PUPPET_FD, 3, 0));
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->b, tcprcvbuf);
	EXPECT_EQ(0, puppet_sys(self->q, SYS_listen, PUPPET_FD, 10, 0, 0));
	EXPECT_CLEAN_AUDIT(0);
}

/* A sender that waits in the midst of a send holds what it has queued. */
static long send_all(long fd, long size, long b)
{
	static char junk[1 << 16];
	long sent = 0, ret;

	fcntl(fd, F_SETFL, 0);
	while (sent < size) {
		ret = send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
		if (ret < 0)
			return -errno;
		sent += ret;
	}
	return sent;
}

TEST_F(sockbuf, tcp_blocked)
{
	const long all = 32 << 20;
	long got = 0;
	int64_t before;

	connections(_metadata, self, AF_INET, 1);
	puppet_send_call(self->q, send_all, PUPPET_FD, all, 0);
	/* it stands still when it cannot go on */
	EXPECT_TRUE(within(30000, ({
				   before = held(self->b, tcpsndbuf);
				   usleep(20000);
				   before > 100000 &&
					   before == held(self->b, tcpsndbuf);
			   })));
	EXPECT_EXACT(self->p, self->a, tcprcvbuf, PUPPET_FD + 1, 1, RMEM_ALLOC);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_TRUE(within(60000, ({
				   got += puppet_do(self->p, drain,
						    PUPPET_FD + 1, 1, 1 << 20);
				   got >= all;
			   })));
	EXPECT_EQ(all, puppet_answer(self->q));
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
}

/* Sent by sendfile(), read by splice(). */
static long splice_from(long fd, long n, long b)
{
	int ends[2], null = open("/dev/null", O_WRONLY);
	long sum = 0, ret;

	if (null < 0 || pipe(ends))
		return -errno;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((ret = splice(fd, NULL, ends[1], NULL, 65536,
			     SPLICE_F_NONBLOCK)) > 0) {
		sum += ret;
		while (ret > 0)
			ret -= splice(ends[0], NULL, null, NULL, ret, 0);
	}
	close(ends[0]);
	close(ends[1]);
	close(null);
	return sum;
}

static long send_file(long fd, long b, long c)
{
	int file = memfd_create("kt", 0);
	long sum = 0, ret;

	if (file < 0 || ftruncate(file, 64 << 20))
		return -errno;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((ret = sendfile(fd, file, NULL, 1 << 20)) > 0)
		sum += ret;
	close(file);
	return sum;
}

TEST_F(sockbuf, tcp_splice)
{
	long sent, got = 0;

	connections(_metadata, self, AF_INET, 1);
	EXPECT_LT(100000,
		  sent = puppet_do(self->q, send_file, PUPPET_FD, 0, 0));
	EXPECT_EXACT(self->q, self->b, tcpsndbuf, PUPPET_FD, 1, WMEM_QUEUED);
	EXPECT_EXACT(self->p, self->a, tcprcvbuf, PUPPET_FD + 1, 1, RMEM_ALLOC);
	EXPECT_TRUE(within(30000, ({
				   got += puppet_do(self->p, splice_from,
						    PUPPET_FD + 1, 0, 0);
				   got >= sent;
			   })));
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
}

/* Pages of the program itself, lent to the kernel until they are acknowledged. */
static long fill_zerocopy(long fd, long b, long c)
{
	static char pages[1 << 16] __attribute__((aligned(4096)));
	int one = 1;
	long sum = 0, ret;

	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return -errno;
	while ((ret = send(fd, pages, sizeof(pages),
			   MSG_ZEROCOPY | MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		sum += ret;
	return errno == EAGAIN || errno == ENOBUFS ? sum : -errno;
}

TEST_F(sockbuf, tcp_zerocopy)
{
	long sent, got = 0;

	connections(_metadata, self, AF_INET, 1);
	EXPECT_LT(100000,
		  sent = puppet_do(self->q, fill_zerocopy, PUPPET_FD, 0, 0));
	EXPECT_EXACT(self->q, self->b, tcpsndbuf, PUPPET_FD, 1, WMEM_QUEUED);
	EXPECT_EXACT(self->p, self->a, tcprcvbuf, PUPPET_FD + 1, 1, RMEM_ALLOC);
	EXPECT_TRUE(within(30000, ({
				   got += puppet_do(self->p, drain,
						    PUPPET_FD + 1, 1, 1 << 20);
				   got >= sent;
			   })));
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
}

RESCORE_TEST_MAIN(NULL)
