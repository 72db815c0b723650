// SPDX-License-Identifier: GPL-2.0
/* The few rtnetlink requests that a container's interface needs. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ct.h"

struct request {
	struct nlmsghdr head;
	char room[1024];
};

static void *begin(struct request *r, unsigned int type, unsigned int flags,
		   size_t size)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	r->head.nlmsg_len = NLMSG_LENGTH(size);
	return NLMSG_DATA(&r->head);
}

static struct rtattr *add(struct request *r, int type, const void *data,
			  size_t size)
{
	struct rtattr *a =
		(struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(a), data, size);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) +
			    RTA_ALIGN(a->rta_len);
	return a;
}

static void end(struct request *r, struct rtattr *nest)
{
	nest->rta_len = (char *)r + r->head.nlmsg_len - (char *)nest;
}

static int talk(struct request *r)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	char answer[4096];
	struct nlmsghdr *head = (struct nlmsghdr *)answer;
	ssize_t n;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (send(fd, r, r->head.nlmsg_len, 0) < 0) {
		err = -errno;
	} else {
		n = recv(fd, answer, sizeof(answer), 0);
		if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) ||
		    head->nlmsg_type != NLMSG_ERROR)
			err = n < 0 ? -errno : -EPROTO;
		else
			err = ((struct nlmsgerr *)NLMSG_DATA(head))->error;
	}
	close(fd);
	return err;
}

void ct_veth_name(unsigned int slot, char *ret, size_t size)
{
	snprintf(ret, size, "rescore%u", slot);
}

static int remove_link(unsigned int index)
{
	struct request r;
	struct ifinfomsg *info = begin(&r, RTM_DELLINK, 0, sizeof(*info));

	info->ifi_index = (int)index;
	return talk(&r);
}

static int make_pair(const char *name, pid_t pid, unsigned int bridge)
{
	struct request r;
	struct rtattr *link, *data, *peer;
	struct ifinfomsg *info = begin(&r, RTM_NEWLINK,
				       NLM_F_CREATE | NLM_F_EXCL,
				       sizeof(*info));
	uint32_t process = (uint32_t)pid;

	info->ifi_flags = info->ifi_change = IFF_UP;
	add(&r, IFLA_IFNAME, name, strlen(name) + 1);
	if (bridge)
		add(&r, IFLA_MASTER, &bridge, sizeof(bridge));
	link = add(&r, IFLA_LINKINFO, NULL, 0);
	add(&r, IFLA_INFO_KIND, "veth", 5);
	data = add(&r, IFLA_INFO_DATA, NULL, 0);
	peer = add(&r, VETH_INFO_PEER, &(struct ifinfomsg){ 0 },
		   sizeof(struct ifinfomsg));
	add(&r, IFLA_IFNAME, "eth0", 5);
	add(&r, IFLA_NET_NS_PID, &process, sizeof(process));
	end(&r, peer);
	end(&r, data);
	end(&r, link);
	return talk(&r);
}

int ct_make_veth(const struct ct_start *s, pid_t pid)
{
	unsigned int bridge = 0, old;
	char name[IFNAMSIZ];
	int err;

	if (s->net.bridge[0]) {
		bridge = if_nametoindex(s->net.bridge);
		if (!bridge)
			return rescore_error(-ENODEV, "no bridge \"%s\"",
					     s->net.bridge);
	}
	ct_veth_name(s->slot, name, sizeof(name));
	old = if_nametoindex(name);
	if (old)
		remove_link(old);	/* of one that has just ended */
	err = make_pair(name, pid, bridge);
	if (err)
		return rescore_error(err, "cannot make interface %s: %s", name,
				     strerror(-err));
	return 0;
}

static int set_up(const char *name)
{
	struct request r;
	struct ifinfomsg *info = begin(&r, RTM_NEWLINK, 0, sizeof(*info));

	info->ifi_index = (int)if_nametoindex(name);
	info->ifi_flags = info->ifi_change = IFF_UP;
	return info->ifi_index ? talk(&r) : -errno;
}

static int add_address(const char *name, const struct ct_address *a)
{
	struct request r;
	struct ifaddrmsg *info = begin(&r, RTM_NEWADDR,
				       NLM_F_CREATE | NLM_F_REPLACE,
				       sizeof(*info));
	size_t size = a->family == AF_INET ? 4 : 16;

	info->ifa_family = (unsigned char)a->family;
	info->ifa_prefixlen = (unsigned char)a->bits;
	info->ifa_index = if_nametoindex(name);
	add(&r, IFA_LOCAL, a->byte, size);
	add(&r, IFA_ADDRESS, a->byte, size);
	return talk(&r);
}

int ct_configure_net(const struct ct_net *net)
{
	unsigned int i;
	int err = set_up("lo");

	for (i = 0; !err && net->mode == CT_NET_VETH && i < net->n; i++)
		err = add_address("eth0", &net->address[i]);
	if (!err && net->mode == CT_NET_VETH)
		err = set_up("eth0");
	return err ? rescore_error(err, "cannot set its network up: %s",
				   strerror(-err)) :
		     0;
}
