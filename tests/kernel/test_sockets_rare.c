// SPDX-License-Identifier: GPL-2.0
/* Sockets of families and protocols that a kernel need not have. */
#include <linux/if_alg.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/vm_sockets.h>

#include "two.h"

FIXTURE_OF_TWO(rare)

/* --- every kind costs one of its row and none of the other's ---------------------- */

static void counted(struct __test_metadata *_metadata,
		    FIXTURE_DATA(rare) * self, int family, int type,
		    int protocol, int tcp)
{
	int id = tcp ? numtcpsock : numothersock, i;
	long ret;

	ret = puppet_sys(self->p, SYS_socket, family, type, protocol, 0);
	if (ret < 0)
		SKIP(return, "not here: %s", strerror(-ret));
	EXPECT_EQ(PUPPET_FD, ret);
	for (i = 1; i < 7; i++)
		EXPECT_LE(0, puppet_sys(self->p, SYS_socket, family, type,
					protocol, 0));
	EXPECT_SOCKETS(tcp ? 7 : 0, tcp ? 0 : 7, self->a);
	EXPECT_CLEAN_AUDIT(self->a);
	set_bounds(self->a, id, 7, 7);
	EXPECT_EQ(-ENOBUFS,
		  puppet_sys(self->p, SYS_socket, family, type, protocol, 0));
	EXPECT_EQ(1, failcnt(self->a, id));
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_SOCKETS(0, 0, self->a);
}

#define TEST_KIND(name, family, type, protocol, tcp)			\
	TEST_F(rare, name)						\
	{								\
		counted(_metadata, self, family, type, protocol, tcp);	\
	}

TEST_KIND(sctp_stream, AF_INET, SOCK_STREAM, IPPROTO_SCTP, true)
TEST_KIND(sctp_packets, AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, false)
TEST_KIND(udp_lite, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, false)
TEST_KIND(packet, AF_PACKET, SOCK_RAW, 0, false)
TEST_KIND(vsock, AF_VSOCK, SOCK_STREAM, 0, false)
TEST_KIND(alg, AF_ALG, SOCK_SEQPACKET, 0, false)
TEST_KIND(xdp, AF_XDP, SOCK_RAW, 0, false)
TEST_KIND(smc, AF_SMC, SOCK_STREAM, 0, false)

/* --- accept() that makes the socket ---------------------------------------------- */

/* An operation of AF_ALG is a socket, too, and accept() makes it. */
static long alg_listen(long a, long b, long c)
{
	struct sockaddr_alg address = {
		.salg_family = AF_ALG,
		.salg_type = "hash",
		.salg_name = "sha256",
	};
	int fd = socket(AF_ALG, SOCK_SEQPACKET, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd;
}

TEST_F(rare, alg_operations)
{
	long fd = puppet_do(self->p, alg_listen, 0, 0, 0);

	if (fd < 0)
		SKIP(return, "no AF_ALG here: %s", strerror(-fd));
	set_bounds(self->a, numothersock, 1 + 7, 1 + 7);
	EXPECT_EQ(0, puppet_do(self->p, net_accept, fd, 7, 0));
	EXPECT_SOCKETS(0, 1 + 7, self->a);
	EXPECT_EQ(-ENOBUFS, puppet_do(self->p, net_accept, fd, 1, 0));
	EXPECT_EQ(1, failcnt(self->a, numothersock));
	EXPECT_SOCKETS(0, 1 + 7, self->a);
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_SOCKETS(0, 0, self->a);
}

static long vsock_listen(long port, long b, long c)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 100))
		return -errno;
	return fd;
}

static long vsock_connect(long port, long b, long c)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_LOCAL,
		.svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd;
}

TEST_F(rare, vsock_connections)
{
	long fd = puppet_do(self->p, vsock_listen, 7007, 0, 0), ret;
	int i;

	if (fd < 0)
		SKIP(return, "no vsock here: %s", strerror(-fd));
	ret = puppet_do(self->q, vsock_connect, 7007, 0, 0);
	if (ret < 0)
		SKIP(return, "no vsock loopback: %s", strerror(-ret));
	for (i = 1; i < 7; i++)
		EXPECT_LT(0, puppet_do(self->q, vsock_connect, 7007, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, net_accept, fd, 7, 0));
	EXPECT_SOCKETS(0, 1 + 7, self->a);
	EXPECT_SOCKETS(0, 7, self->b);
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	EXPECT_TRUE(within(20000, !held(self->a, numothersock)));
	EXPECT_SOCKETS(0, 0, self->a);
}

/* What SCTP's accept() returns it makes itself: refused as it begins. */
TEST_F(rare, sctp_connections)
{
	long fd = puppet_do(self->p, net_listen, AF_INET, IPPROTO_SCTP, 100);
	int i;

	if (fd < 0)
		SKIP(return, "no SCTP here: %s", strerror(-fd));
	for (i = 0; i < 7; i++)
		EXPECT_LT(0, puppet_do(self->q, net_connect, AF_INET, net_port,
				       IPPROTO_SCTP));
	/* associations are no sockets */
	EXPECT_SOCKETS(1, 0, self->a);
	EXPECT_SOCKETS(7, 0, self->b);
	set_bounds(self->a, numtcpsock, 1 + 5, 1 + 5);
	EXPECT_EQ(0, puppet_do(self->p, net_accept, fd, 5, 0));
	EXPECT_SOCKETS(1 + 5, 0, self->a);
	EXPECT_EQ(-ENOBUFS, puppet_do(self->p, net_accept, fd, 1, 0));
	EXPECT_EQ(1, failcnt(self->a, numtcpsock));
	EXPECT_CLEAN_AUDIT(0);
	set_bounds(self->a, numtcpsock, 99, 99);
	EXPECT_EQ(0, puppet_do(self->p, net_accept, fd, 2, 0));
	EXPECT_SOCKETS(1 + 7, 0, self->a);
	/* what its buffers hold is not counted, and the audit knows */
	EXPECT_LT(10000, puppet_do(self->q, fill, PUPPET_FD, 7, 1000));
	EXPECT_CLEAN_AUDIT(0);
	puppet_do(self->p, close_from, PUPPET_FD, 0, 0);
	puppet_do(self->q, close_from, PUPPET_FD, 0, 0);
	EXPECT_TRUE(within(60000, !held(self->a, numtcpsock) &&
					  !held(self->b, numtcpsock)));
}

/* --- packets ------------------------------------------------------------------------ */

static long packet_tap(long a, long b, long c)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("lo"),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd;
}

static long send_datagrams(long n, long size, long b)
{
	static char junk[1 << 16];
	union address address;
	socklen_t length = loopback(&address, AF_INET, 7);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long sent = 0;

	while (n--)
		sent += sendto(fd, junk, size, 0, &address.any, length) > 0;
	close(fd);
	return sent;
}

static long set_rcvbuf(long fd, long option, long bytes)
{
	int value = bytes;
	socklen_t size = sizeof(value);

	if (setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) ||
	    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &size))
		return -errno;
	return value;
}

/* Its queue counts as it is read; its buffer is not to be larger than the bound. */
TEST_F(rare, packet_queue)
{
	long fd;

	EXPECT_EQ(0, puppet_do(self->p, net_unshare, 0, 0, 0));
	fd = puppet_do(self->p, packet_tap, 0, 0, 0);
	if (fd < 0)
		SKIP(return, "no packet sockets here: %s", strerror(-fd));
	EXPECT_EQ(PRIME, puppet_do(self->p, send_datagrams, PRIME, 1000, 0));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_LT(0, puppet_do(self->p, drain, fd, 1, 3000));
	EXPECT_LT(1000, held(self->a, dgramrcvbuf));
	EXPECT_EXACT(self->p, self->a, dgramrcvbuf, fd, 1, RMEM_ALLOC);
	EXPECT_LT(0, puppet_do(self->p, drain, fd, 1, 1 << 20));
	EXPECT_HELD(0, self->a, dgramrcvbuf);
	set_bounds(self->a, dgramrcvbuf, 100000, 100000);
	EXPECT_EQ(100000,
		  puppet_do(self->p, set_rcvbuf, fd, SO_RCVBUFFORCE, 1 << 24));
	EXPECT_EQ(50000, puppet_do(self->p, set_rcvbuf, fd, SO_RCVBUF, 25000));
}

static long set_ring(long fd, long option, long pages)
{
	/* longer than what is looked at: the kernel is to take what was checked */
	union {
		struct tpacket_req req;
		char room[8192];
	} value = { .req = { 4096, pages, 2048, pages * 2 } };

	return result(
		setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)));
}

/* Rings are memory of the kernel that is charged to nobody else. */
TEST_F(rare, packet_rings)
{
	long fd, second;

	EXPECT_EQ(0, puppet_do(self->p, net_unshare, 0, 0, 0));
	fd = puppet_do(self->p, packet_tap, 0, 0, 0);
	if (fd < 0)
		SKIP(return, "no packet sockets here: %s", strerror(-fd));
	second = puppet_do(self->p, packet_tap, 0, 0, 0);
	ASSERT_LT(fd, second);
	EXPECT_EQ(0, puppet_do(self->p, set_ring, fd, PACKET_RX_RING, PRIME));
	EXPECT_EQ(PRIME * 4096, held(self->a, dgramrcvbuf));
	EXPECT_EQ(0, puppet_do(self->p, set_ring, fd, PACKET_TX_RING, 7));
	EXPECT_EQ((PRIME + 7) * 4096, held(self->a, dgramrcvbuf));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_do(self->p, set_ring, fd, PACKET_RX_RING, 0));
	EXPECT_EQ(7 * 4096, held(self->a, dgramrcvbuf));
	set_bounds(self->a, dgramrcvbuf, PRIME * 4096, PRIME * 4096);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, set_ring, second, PACKET_RX_RING,
				     PRIME - 6));
	EXPECT_EQ(1, failcnt(self->a, dgramrcvbuf));
	EXPECT_EQ(7 * 4096, held(self->a, dgramrcvbuf));
	EXPECT_EQ(0, puppet_do(self->p, set_ring, second, PACKET_RX_RING,
			       PRIME - 7));
	EXPECT_EQ(PRIME * 4096, held(self->a, dgramrcvbuf));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, set_ring, fd, PACKET_RX_RING, 1));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_close(self->p, second));
	EXPECT_HELD(7 * 4096, self->a, dgramrcvbuf);
	EXPECT_EQ(0, puppet_close(self->p, fd));
	EXPECT_HELD(0, self->a, dgramrcvbuf);
}

RESCORE_TEST_MAIN(NULL)
