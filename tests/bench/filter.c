// SPDX-License-Identifier: GPL-2.0
#include "filter.h"

#include <err.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* A request to nf_tables about table "t", chain "c", or (0) the frame of a batch. */
static size_t filter_request(char *at, int type, int chain_attribute)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg gen;
		struct {
			struct nlattr attr;
			char name[4];
		} text[2];
	} request = {
		.head.nlmsg_len = sizeof(request),
		.head.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | type,
		.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE,
		.gen.nfgen_family = 1,	/* inet */
		.text = { { { 6, 1 }, "t" }, { { 6, chain_attribute }, "c" } },
	};

	if (!chain_attribute) {
		request.head.nlmsg_type = type;
		request.head.nlmsg_len -= sizeof(request.text);
		request.gen.res_id = htons(NFNL_SUBSYS_NFTABLES);
	}
	memcpy(at, &request, request.head.nlmsg_len);
	return request.head.nlmsg_len;
}

static void filter_batch(int fd, int type, int chain_attribute)
{
	char batch[256];
	size_t size;

	size = filter_request(batch, NFNL_MSG_BATCH_BEGIN, 0);
	size += filter_request(batch + size, type, chain_attribute);
	size += filter_request(batch + size, NFNL_MSG_BATCH_END, 0);
	if (send(fd, batch, size, 0) != (ssize_t)size)
		err(1, "nf_tables");
	/* an answer is an error */
	if (recv(fd, batch, sizeof(batch), MSG_DONTWAIT) >= 0)
		errx(1, "nf_tables refuses");
}

void filter_rule(void)
{
	static int fd;

	if (!fd) {
		fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
		filter_batch(fd, NFT_MSG_NEWTABLE, NFTA_TABLE_USERDATA);
		filter_batch(fd, NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME);
	}
	filter_batch(fd, NFT_MSG_NEWRULE, NFTA_RULE_CHAIN);
	filter_batch(fd, NFT_MSG_DELRULE, NFTA_RULE_CHAIN);
}
