// SPDX-License-Identifier: GPL-2.0
/*
 * tcpsndbuf, tcprcvbuf, othersockbuf, dgramrcvbuf: held is what the kernel itself
 * says of the sockets, to the byte when nothing moves.
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/veth.h>
#include <sys/sendfile.h>

#include "net.h"

static int tcpsndbuf, tcprcvbuf, othersockbuf, dgramrcvbuf;

FIXTURE(sockbuf)
{
	int a, b;
	struct puppet *p, *q;
};

FIXTURE_SETUP(sockbuf)
{
	world_begin(_metadata);
	find_sockets();
	tcpsndbuf = rescore_find_resource(rs, "tcpsndbuf");
	tcprcvbuf = rescore_find_resource(rs, "tcprcvbuf");
	othersockbuf = rescore_find_resource(rs, "othersockbuf");
	dgramrcvbuf = rescore_find_resource(rs, "dgramrcvbuf");
	ASSERT_LE(0, tcpsndbuf);
	ASSERT_LE(0, tcprcvbuf);
	ASSERT_LE(0, othersockbuf);
	ASSERT_LE(0, dgramrcvbuf);
	ASSERT_LT(0, self->a = make("kt-a"));
	ASSERT_LT(0, self->b = make("kt-b"));
	self->p = puppet_in(self->a);
	self->q = puppet_in(self->b);
}

FIXTURE_TEARDOWN(sockbuf)
{
	end_puppets();
	world_end(_metadata);
}

/* --- what the kernel says ----------------------------------------------------------- */

/* Sum of SO_MEMINFO's element @which over @n sockets from @first on. */
static long meminfo(long first, long n, long which)
{
	uint32_t info[SK_MEMINFO_VARS] = {};
	socklen_t size;
	long sum = 0, i;

	for (i = 0; i < n; i++) {
		size = sizeof(info);
		if (getsockopt(first + i, SOL_SOCKET, SO_MEMINFO, info, &size))
			return -errno;
		sum += info[which];
	}
	return sum;
}

/* Is held what the sockets of puppet @p have? It settles: packets move still. */
static bool is_exact(struct puppet *p, int slot, int id, int first, int n,
		     int which)
{
	int64_t now = 0, really = 0;
	bool same;

	same = eventually(({
		really = puppet_do(p, meminfo, first, n, which);
		now = held(slot, id);
		now == really &&really ==
			puppet_do(p, meminfo, first, n, which);
	}));
	if (!same)
		fprintf(stderr, "# held %" PRId64 ", really %" PRId64 "\n", now,
			really);
	return same;
}

#define EXPECT_EXACT(p, slot, id, first, n, which) \
	EXPECT_TRUE(is_exact(p, slot, id, first, n, SK_MEMINFO_##which))

/* Write to each of @n until it would block. Bytes, or -errno. */
static long fill(long first, long n, long size)
{
	static char junk[1 << 16];
	long sum = 0, i, ret;

	for (i = 0; i < n; i++) {
		while ((ret = send(first + i, junk, size,
				   MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
			sum += ret;
		if (errno != EAGAIN && errno != ENOBUFS)
			return -errno;
	}
	return sum;
}

/* Read from each of @n what there is, at most @most bytes. */
static long drain(long first, long n, long most)
{
	static char junk[1 << 16];
	long sum = 0, i, ret = 0, size;

	for (i = 0; i < n; i++)
		for (size = 0; size < most; size += ret) {
			ret = recv(first + i, junk, sizeof(junk), MSG_DONTWAIT);
			if (ret <= 0)
				break;
			sum += ret;
		}
	return sum;
}

/* --- TCP --------------------------------------------------------------------------- */

#define CONNECTIONS 7

/* p accepts what q connects: descriptors from FD + 1 and from FD. */
static void connections(struct __test_metadata *_metadata,
			FIXTURE_DATA(sockbuf) * self, int family, int n)
{
	ASSERT_EQ(PUPPET_FD, puppet_do(self->p, net_listen, family, 0, 100));
	ASSERT_EQ(PUPPET_FD,
		  puppet_do(self->q, net_connect_many, family, net_port, n));
	ASSERT_EQ(0, puppet_do(self->p, net_accept, PUPPET_FD, n, 0));
}

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

/* --- between two networks, over veth --------------------------------------------------- */

#define VETH_ADDRESS(n)	(0x0a000001 + (n))	/* 10.0.0.1, 10.0.0.2 */

struct request {
	struct nlmsghdr header;
	struct ifinfomsg info;
	char attributes[256];
};

static struct rtattr *add(struct request *request, int type, const void *data,
			  int size)
{
	struct rtattr *attr = (void *)((char *)request +
				       NLMSG_ALIGN(request->header.nlmsg_len));

	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(attr), data, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) +
				    RTA_ALIGN(attr->rta_len);
	return attr;
}

static void end(struct request *request, struct rtattr *attr)
{
	attr->rta_len = (char *)request + request->header.nlmsg_len -
			(char *)attr;
}

/* veth0 here, and its peer of the same name in the network of @pid. */
static long make_veth(long pid, long b, long c)
{
	struct request request = {
		.header = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			.nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE |
				       NLM_F_EXCL | NLM_F_ACK,
		},
	};
	struct rtattr *info, *data, *peer;
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} answer = {};
	uint32_t to = pid;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	add(&request, IFLA_IFNAME, "veth0", 6);
	info = add(&request, IFLA_LINKINFO, NULL, 0);
	add(&request, IFLA_INFO_KIND, "veth", 4);
	data = add(&request, IFLA_INFO_DATA, NULL, 0);
	peer = add(&request, VETH_INFO_PEER, &(struct ifinfomsg){ 0 },
		   sizeof(struct ifinfomsg));
	add(&request, IFLA_IFNAME, "veth0", 6);
	add(&request, IFLA_NET_NS_PID, &to, sizeof(to));
	end(&request, peer);
	end(&request, data);
	end(&request, info);
	if (fd < 0 || send(fd, &request, request.header.nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return -errno;
	close(fd);
	return answer.error.error;
}

/* Give it address @n and start it. */
static long start_veth(long n, long b, long c)
{
	struct ifreq request = { .ifr_name = "veth0" };
	struct sockaddr_in *address = (void *)&request.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(VETH_ADDRESS(n));
	if (fd < 0 || ioctl(fd, SIOCSIFADDR, &request))
		return -errno;
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		return -errno;
	close(fd);
	return 0;
}

static long veth_listen(long n, long b, long c)
{
	union address address = { .in.sin_family = AF_INET };
	socklen_t size = sizeof(address.in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.in.sin_addr.s_addr = htonl(VETH_ADDRESS(n));
	if (fd < 0 || bind(fd, &address.any, size) || listen(fd, 10) ||
	    getsockname(fd, &address.any, &size))
		return -errno;
	net_port = ntohs(address.in.sin_port);
	return fd;
}

static long veth_connect(long n, long port, long b)
{
	union address address = { .in.sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.in.sin_addr.s_addr = htonl(VETH_ADDRESS(n));
	address.in.sin_port = htons(port);
	if (fd < 0 || connect(fd, &address.any, sizeof(address.in)))
		return -errno;
	return fd;
}

TEST_F(sockbuf, tcp_veth)
{
	const int in = PUPPET_FD + 1, out = PUPPET_FD;
	long sent, got = 0, ret;

	ASSERT_EQ(0, puppet_do(self->p, net_unshare, 0, 0, 0));
	ASSERT_EQ(0, puppet_do(self->q, net_unshare, 0, 0, 0));
	ret = puppet_do(self->p, make_veth, self->q->pid, 0, 0);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "no veth here");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, puppet_do(self->p, start_veth, 0, 0, 0));
	ASSERT_EQ(0, puppet_do(self->q, start_veth, 1, 0, 0));
	ASSERT_EQ(PUPPET_FD, puppet_do(self->p, veth_listen, 0, 0, 0));
	ASSERT_EQ(out, puppet_do(self->q, veth_connect, 0, net_port, 0));
	ASSERT_EQ(0, puppet_do(self->p, net_accept, PUPPET_FD, 1, 0));
	EXPECT_LT(100000, sent = puppet_do(self->q, fill, out, 1, 9973));
	EXPECT_EXACT(self->q, self->b, tcpsndbuf, out, 1, WMEM_QUEUED);
	EXPECT_EXACT(self->p, self->a, tcprcvbuf, in, 1, RMEM_ALLOC);
	/* the audit looks into both networks */
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_HELD(2, self->a, numtcpsock);
	EXPECT_TRUE(within(30000, ({
				   got += puppet_do(self->p, drain, in, 1,
						    1 << 20);
				   got >= sent;
			   })));
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
}

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
