/* SPDX-License-Identifier: GPL-2.0 */
/* What tests of sockets make puppets do, or do themselves, on the host. */
#ifndef RESCORE_NET_H
#define RESCORE_NET_H

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include "puppet.h"

static int numtcpsock, numothersock;

static inline void find_sockets(void)
{
	numtcpsock = rescore_find_resource(rs, "numtcpsock");
	numothersock = rescore_find_resource(rs, "numothersock");
}

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static inline socklen_t loopback(union address *address, int family, int port)
{
	memset(address, 0, sizeof(*address));
	address->any.sa_family = family;
	if (family == AF_INET6) {
		address->in6.sin6_port = htons(port);
		address->in6.sin6_addr = in6addr_loopback;
		return sizeof(address->in6);
	}
	address->in.sin_port = htons(port);
	address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(address->in);
}

/* Port of the last socket that was bound; seen by all. */
#define net_port	(shm->number[60])

/* A socket of @type there, listening if there is a @backlog; or -errno. */
static inline long bind_at(union address *address, socklen_t size, int type,
			   int protocol, int backlog)
{
	int fd = socket(address->any.sa_family, type, protocol), err;

	if (fd < 0)
		return -errno;
	if (bind(fd, &address->any, size) || (backlog && listen(fd, backlog)) ||
	    getsockname(fd, &address->any, &size)) {
		err = -errno;
		close(fd);
		return err;
	}
	net_port = ntohs(address->in.sin_port);
	return fd;
}

/* One that is connected there, or is going to be; or -errno. */
static inline long connect_to(const union address *address, socklen_t size,
			      int type, int protocol)
{
	int fd = socket(address->any.sa_family, type, protocol), err;

	if (fd < 0)
		return -errno;
	if (connect(fd, &address->any, size) && errno != EINPROGRESS) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* A TCP listener on loopback, at any port. Its descriptor or -errno. */
static inline long net_listen(long family, long protocol, long backlog)
{
	union address address;
	socklen_t size = loopback(&address, family, 0);

	return bind_at(&address, size, SOCK_STREAM, protocol, backlog);
}

/* Connect without waiting. A descriptor or -errno. */
static inline long net_connect(long family, long port, long protocol)
{
	union address address;
	socklen_t size = loopback(&address, family, port);

	return connect_to(&address, size, SOCK_STREAM | SOCK_NONBLOCK,
			  protocol);
}

/* The same with UDP. */
static inline long udp_bind(long family, long b, long c)
{
	union address address;
	socklen_t size = loopback(&address, family, 0);

	return bind_at(&address, size, SOCK_DGRAM, 0, 0);
}

static inline long udp_connect(long family, long port, long b)
{
	union address address;
	socklen_t size = loopback(&address, family, port);

	return connect_to(&address, size, SOCK_DGRAM, 0);
}

/* Returns the first descriptor; those of all follow one another. */
static inline long net_connect_many(long family, long port, long n)
{
	long first = net_connect(family, port, 0), fd = first;

	while (fd >= 0 && --n > 0)
		fd = net_connect(family, port, 0);
	return fd < 0 ? fd : first;
}

/* Accept @n connections. 0 or -errno. */
static inline long net_accept(long fd, long n, long b)
{
	while (n--)
		if (accept(fd, NULL, NULL) < 0)
			return -errno;
	return 0;
}

/* State of a TCP socket as the kernel says it: TCP_ESTABLISHED, … */
static inline int net_state(int fd)
{
	struct tcp_info info = {};
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size))
		return -errno;
	return info.tcpi_state;
}

enum {	/* net/tcp_states.h */
       ST_ESTABLISHED = 1,
       ST_SYN_SENT = 2,
       ST_TIME_WAIT = 6,
};

/* How many of @n sockets from @first on are connected. */
static inline long net_connected(long first, long n, long b)
{
	long i, all = 0;

	for (i = 0; i < n; i++)
		all += net_state(first + i) == ST_ESTABLISHED;
	return all;
}

/* Lines of /proc/net/@file in @state (0: all); of the caller's namespace. */
static inline int net_lines(const char *file, unsigned int state)
{
	FILE *f = fopen(text("/proc/thread-self/net/%s", file), "re");
	unsigned int found;
	char line[512];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " %*d: %*s %*s %x", &found) == 1)
			n += !state || found == state;
	if (f)
		fclose(f);
	return n;
}

/* A network of its own, with loopback up. 0 or -errno. */
static inline long net_unshare(long a, long b, long c)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd, err = 0;

	if (unshare(CLONE_NEWNET))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		err = -errno;
	close(fd);
	return err;
}

/* Into the network of process @pid. 0 or -errno. */
static inline long net_join(long pid, long b, long c)
{
	int fd = open(text("/proc/%ld/ns/net", pid), O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return err;
}

/*
 * Make loopback send packets of @mtu bytes, and of 64 KiB before segmentation, as
 * real networks do. Otherwise they have 64 KiB, and 512. 0 or -errno.
 */
static inline long net_set_mtu(long mtu, long b, long c)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg info;
		struct {
			struct rtattr attr;
			uint32_t value;
		} value[3];
	} request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.info.ifi_index = 1,
		.value = {
			{ { 8, IFLA_MTU }, mtu },
			{ { 8, IFLA_GSO_MAX_SIZE }, 65536 },
			/* Linux 6.3; ignored before */
			{ { 8, 63 /* IFLA_GSO_IPV4_MAX_SIZE */ }, 65536 },
		},
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer = {};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return -errno;
	close(fd);
	return answer.error.error;
}

/* Bound to the abstract name @name. A descriptor or -errno. */
static inline long unix_listen(long type, long name, long backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	if (fd < 0)
		return -errno;
	strncpy(address.sun_path + 1, (const char *)name, 100);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    (backlog && listen(fd, backlog))) {
		close(fd);
		return -errno;
	}
	return fd;
}

static inline long unix_connect(long type, long name, long b)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);
	long err;

	if (fd < 0)
		return -errno;
	strncpy(address.sun_path + 1, (const char *)name, 100);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* socket() until it fails, at most @n; how many, or -errno of the first. */
static inline long net_sockets(long family, long type, long n)
{
	long made;

	for (made = 0; made < n; made++)
		if (socket(family, type, 0) < 0)
			return made ?: -errno;
	return made;
}

#endif /* RESCORE_NET_H */
