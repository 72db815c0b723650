/* SPDX-License-Identifier: GPL-2.0 */
/* A pair of veth between the networks of two puppets: 10.0.0.1, .2, fd00::1, ::2. */
#ifndef RESCORE_VETH_H
#define RESCORE_VETH_H

#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>
#include <linux/veth.h>

#include "net.h"

/* --- netlink -------------------------------------------------------------------------- */

struct veth_request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	};
	char attributes[256];
};

static inline struct rtattr *veth_add(struct veth_request *request, int type,
				      const void *data, int size)
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

static inline void veth_end(struct veth_request *request, struct rtattr *attr)
{
	attr->rta_len = (char *)request + request->header.nlmsg_len -
			(char *)attr;
}

/* 0 or -errno. */
static inline long veth_ask(struct veth_request *request)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer = {};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	long err = 0;

	request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE |
				      NLM_F_EXCL | NLM_F_ACK;
	if (fd < 0 || send(fd, request, request->header.nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		err = -errno;
	close(fd);
	return err ?: answer.error.error;
}

/* --- what puppets do -------------------------------------------------------------------- */

/* veth0 here, and its peer of the same name in the network of @pid. */
static inline long veth_make(long pid, long b, long c)
{
	struct veth_request request = {
		.header = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
			.nlmsg_type = RTM_NEWLINK,
		},
	};
	struct rtattr *info, *data, *peer;
	uint32_t to = pid;

	veth_add(&request, IFLA_IFNAME, "veth0", 6);
	info = veth_add(&request, IFLA_LINKINFO, NULL, 0);
	veth_add(&request, IFLA_INFO_KIND, "veth", 4);
	data = veth_add(&request, IFLA_INFO_DATA, NULL, 0);
	peer = veth_add(&request, VETH_INFO_PEER, &(struct ifinfomsg){ 0 },
			sizeof(struct ifinfomsg));
	veth_add(&request, IFLA_IFNAME, "veth0", 6);
	veth_add(&request, IFLA_NET_NS_PID, &to, sizeof(to));
	veth_end(&request, peer);
	veth_end(&request, data);
	veth_end(&request, info);
	return veth_ask(&request);
}

static inline socklen_t veth_address(union address *address, int family, int n,
				     int port)
{
	socklen_t size = loopback(address, family, port);

	if (family == AF_INET6) {
		memset(&address->in6.sin6_addr, 0, 16);
		address->in6.sin6_addr.s6_addr[0] = 0xfd;
		address->in6.sin6_addr.s6_addr[15] = n;
	} else {
		address->in.sin_addr.s_addr = htonl(0x0a000000 + n);
	}
	return size;
}

static inline long veth_add_address(int family, int n)
{
	struct veth_request request = {
		.header = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
			.nlmsg_type = RTM_NEWADDR,
		},
		.address = {
			.ifa_family = family,
			.ifa_prefixlen = family == AF_INET6 ? 64 : 24,
			.ifa_flags = IFA_F_NODAD,
			.ifa_index = if_nametoindex("veth0"),
		},
	};
	union address address;

	veth_address(&address, family, n, 0);
	if (family == AF_INET6)
		veth_add(&request, IFA_LOCAL, &address.in6.sin6_addr, 16);
	else
		veth_add(&request, IFA_LOCAL, &address.in.sin_addr, 4);
	return veth_ask(&request);
}

/* Start it, as number @n of the two. 0 or -errno. */
static inline long veth_start(long n, long b, long c)
{
	struct ifreq request = {
		.ifr_name = "veth0",
		.ifr_flags = IFF_UP | IFF_RUNNING,
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long err = 0;

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		err = -errno;
	close(fd);
	return err				    ?:
		       veth_add_address(AF_INET, n) ?:
		       veth_add_address(AF_INET6, n);
}

/* Switch an offload of it (ETHTOOL_S…). 0 or -errno. */
static inline long veth_offload(long command, long on, long b)
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

/* As net_listen() and so on, of number 1. */
static inline long veth_listen(long family, long protocol, long backlog)
{
	union address address;
	socklen_t size = veth_address(&address, family, 1, 0);

	return bind_at(&address, size, SOCK_STREAM, protocol, backlog);
}

static inline long veth_connect(long family, long port, long protocol)
{
	union address address;
	socklen_t size = veth_address(&address, family, 1, port);

	return connect_to(&address, size, SOCK_STREAM | SOCK_NONBLOCK,
			  protocol);
}

static inline long veth_udp_bind(long family, long b, long c)
{
	union address address;
	socklen_t size = veth_address(&address, family, 1, 0);

	return bind_at(&address, size, SOCK_DGRAM, 0, 0);
}

static inline long veth_udp_connect(long family, long port, long b)
{
	union address address;
	socklen_t size = veth_address(&address, family, 1, port);

	return connect_to(&address, size, SOCK_DGRAM, 0);
}

/*
 * Give @p and @q networks of their own, and a link between them: @p is number 1.
 * 0 or -errno; -EOPNOTSUPP: there is no veth.
 */
static inline long veth_between(struct puppet *p, struct puppet *q)
{
	return puppet_do(p, net_unshare, 0, 0, 0) ?:
		       puppet_do(q, net_unshare, 0, 0, 0)    ?:
		       puppet_do(p, veth_make, q->pid, 0, 0) ?:
		       puppet_do(p, veth_start, 1, 0, 0)     ?:
		       puppet_do(q, veth_start, 2, 0, 0);
}

#endif /* RESCORE_VETH_H */
