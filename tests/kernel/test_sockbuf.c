// SPDX-License-Identifier: GPL-2.0
/*
 * tcpsndbuf, tcprcvbuf: held is what the kernel itself says of the sockets, to the
 * byte when nothing moves.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/veth.h>
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

/* Switch an offload of veth0. 0 or -errno. */
static long offload(long command, long on, long b)
{
	struct ethtool_value value = { .cmd = command, .data = on };
	struct ifreq request = {
		.ifr_name = "veth0",
		.ifr_data = (void *)&value,
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err = 0;

	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request))
		err = -errno;
	close(fd);
	return err;
}

static void tcp_veth(struct __test_metadata *_metadata,
		     FIXTURE_DATA(sockbuf) * self, bool merge)
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
	if (merge) {
		ASSERT_EQ(0, puppet_do(self->q, offload, ETHTOOL_STSO, 0, 0));
		ASSERT_EQ(0, puppet_do(self->p, offload, ETHTOOL_SGRO, 1, 0));
	}
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

TEST_F(sockbuf, tcp_veth)
{
	tcp_veth(_metadata, self, false);
}

/* Segments one by one on the wire, merged by GRO where they arrive. */
TEST_F(sockbuf, tcp_veth_merged)
{
	tcp_veth(_metadata, self, true);
}

RESCORE_TEST_MAIN(NULL)
