/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests of the packet filter make puppets do: batches of requests to
 * nf_tables, put together byte by byte, in table "t" of family inet with one chain
 * "c"; and what the kernel then lists.
 */
#ifndef RESCORE_TEST_NFT_H
#define RESCORE_TEST_NFT_H

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "net.h"

#define NFT_BUFFER	(1 << 20)
#define NFPROTO_INET	1	/* linux/netfilter.h does not go with netinet/in.h */
#define NFT_CONCAT	0x80	/* NFT_SET_CONCAT, since 5.6 */

static struct nft_batch {
	size_t size;
	size_t request;		/* where the last one begins */
	_Alignas(8) char data[NFT_BUFFER];
} nft_batch;

/* --- a batch --------------------------------------------------------------------- */

static inline void nft_put(const void *data, size_t size)
{
	if (data)
		memcpy(nft_batch.data + nft_batch.size, data, size);
	else
		memset(nft_batch.data + nft_batch.size, 0, size);
	nft_batch.size += size;
	while (nft_batch.size % NLMSG_ALIGNTO)
		nft_batch.data[nft_batch.size++] = 0;
}

static inline struct nlmsghdr *nft_head(void)
{
	return (void *)(nft_batch.data + nft_batch.request);
}

/* The request grew: its length follows. */
static inline void nft_grown(void)
{
	nft_head()->nlmsg_len = nft_batch.size - nft_batch.request;
}

static inline void nft_request(int type, int flags, int family, int res_id)
{
	struct nlmsghdr head = {
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags,
	};
	struct nfgenmsg gen = {
		.nfgen_family = family,
		.res_id = htons(res_id),
	};

	nft_batch.request = nft_batch.size;
	nft_put(&head, sizeof(head));
	nft_put(&gen, sizeof(gen));
	nft_grown();
}

static inline void nft_message(int type, int flags)
{
	nft_request(NFNL_SUBSYS_NFTABLES << 8 | type, flags, NFPROTO_INET, 0);
}

static inline void nft_begin(void)
{
	nft_batch.size = 0;
	nft_request(NFNL_MSG_BATCH_BEGIN, 0, 0, NFNL_SUBSYS_NFTABLES);
}

static inline void nft_attr(int type, const void *data, size_t size)
{
	struct nlattr attr = {
		.nla_len = sizeof(attr) + size,
		.nla_type = type,
	};

	nft_put(&attr, sizeof(attr));
	nft_put(data, size);
	nft_grown();
}

static inline void nft_text(int type, const char *text)
{
	nft_attr(type, text, strlen(text) + 1);
}

static inline void nft_u32(int type, uint32_t value)
{
	value = htonl(value);
	nft_attr(type, &value, sizeof(value));
}

/* An attribute of attributes; ends with nft_close(what this returned). */
static inline size_t nft_open(int type)
{
	size_t at = nft_batch.size;

	nft_attr(type | NLA_F_NESTED, NULL, 0);
	return at;
}

static inline void nft_close(size_t at)
{
	((struct nlattr *)(nft_batch.data + at))->nla_len = nft_batch.size - at;
}

static inline int nft_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	int size = 2 * NFT_BUFFER;

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	}
	return fd;
}

/* What the kernel thought of a batch; it has answered when the send returns. */
static inline long nft_verdict(int fd)
{
	static _Alignas(8) char answer[1 << 16];
	struct nlmsghdr *head = (void *)answer;
	struct nlmsgerr *error = NLMSG_DATA(head);
	ssize_t n;

	while ((n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0)
		if (head->nlmsg_type == NLMSG_ERROR && error->error)
			return error->error;
	return errno == EAGAIN ? 0 : -errno;
}

/* 0; -errno: of the send, or of the request that spoilt the batch. */
static inline long nft_send(void)
{
	int fd = nft_socket();
	long err;

	if (fd < 0)
		return -errno;
	if (send(fd, nft_batch.data, nft_batch.size, 0) < 0)
		err = -errno;
	else
		err = nft_verdict(fd);
	close(fd);
	return err;
}

static inline long nft_end(void)
{
	nft_request(NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES);
	return nft_send();
}

/* --- tables and rules ------------------------------------------------------------- */

static inline void nft_add_table(uint32_t flags)
{
	nft_message(NFT_MSG_NEWTABLE, NLM_F_CREATE);
	nft_text(NFTA_TABLE_NAME, "t");
	nft_u32(NFTA_TABLE_FLAGS, flags);
	nft_message(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nft_text(NFTA_CHAIN_TABLE, "t");
	nft_text(NFTA_CHAIN_NAME, "c");
}

static inline void nft_add_rules(long n)
{
	while (n-- > 0) {
		nft_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
		nft_text(NFTA_RULE_TABLE, "t");
		nft_text(NFTA_RULE_CHAIN, "c");
	}
}

/* Chain "out" meets what the namespace sends. */
static inline void nft_add_hook(void)
{
	size_t hook;

	nft_message(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nft_text(NFTA_CHAIN_TABLE, "t");
	nft_text(NFTA_CHAIN_NAME, "out");
	hook = nft_open(NFTA_CHAIN_HOOK);
	nft_u32(NFTA_HOOK_HOOKNUM, 3 /* NF_INET_LOCAL_OUT */);
	nft_u32(NFTA_HOOK_PRIORITY, 0);
	nft_close(hook);
	nft_grown();
	nft_text(NFTA_CHAIN_TYPE, "filter");
}

static inline void nft_del_rules_of(const char *chain)
{
	nft_message(NFT_MSG_DELRULE, 0);
	nft_text(NFTA_RULE_TABLE, "t");
	nft_text(NFTA_RULE_CHAIN, chain);
}

/* Rule number @handle of the table, or (0) all of the chain. */
static inline void nft_del_rule(uint64_t handle)
{
	handle = htobe64(handle);
	nft_del_rules_of("c");
	if (handle)
		nft_attr(NFTA_RULE_HANDLE, &handle, sizeof(handle));
}

/* A network of its own, with the table in it. */
static inline long nft_world(long a, long b, long c)
{
	long err = net_unshare(0, 0, 0);

	if (err)
		return err;
	nft_begin();
	nft_add_table(0);
	return nft_end();
}

static inline long nft_rules(long n, long b, long c)
{
	nft_begin();
	nft_add_rules(n);
	return nft_end();
}

static inline long nft_flush(long a, long b, long c)
{
	nft_begin();
	nft_del_rule(0);
	return nft_end();
}

static inline void nft_del_table(void)
{
	nft_message(NFT_MSG_DELTABLE, 0);
	nft_text(NFTA_TABLE_NAME, "t");
}

static inline long nft_delete_table(long a, long b, long c)
{
	nft_begin();
	nft_del_table();
	return nft_end();
}

/* --- sets ---------------------------------------------------------------------------- */

/* Each kind is kept by other functions of the kernel. */
enum nft_kind {
	NFT_HASH_GROWS,		/* nft_set_rhash */
	NFT_HASH,		/* nft_set_hash_fast */
	NFT_BITMAP,
	NFT_INTERVALS,		/* nft_set_rbtree */
	NFT_FIELDS,		/* nft_set_pipapo */
	NFT_KINDS
};

static const char *const nft_names[NFT_KINDS] = { "grows", "hash", "bits",
						  "intervals", "fields" };

static inline int nft_key_size(long kind)
{
	return kind == NFT_BITMAP ? 2 : kind == NFT_FIELDS ? 8 : 4;
}

static inline void nft_add_set(long kind, uint32_t flags)
{
	size_t description, concat, field;

	if (kind == NFT_INTERVALS)
		flags |= NFT_SET_INTERVAL;
	if (kind == NFT_FIELDS)
		flags |= NFT_SET_INTERVAL | NFT_CONCAT;
	nft_message(NFT_MSG_NEWSET, NLM_F_CREATE);
	nft_text(NFTA_SET_TABLE, "t");
	nft_text(NFTA_SET_NAME, nft_names[kind]);
	nft_u32(NFTA_SET_FLAGS, flags);
	nft_u32(NFTA_SET_KEY_TYPE, 0);
	nft_u32(NFTA_SET_KEY_LEN, nft_key_size(kind));
	nft_u32(NFTA_SET_ID, kind + 1);
	if (flags & NFT_SET_TIMEOUT)
		nft_u32(NFTA_SET_GC_INTERVAL, 10);
	if (kind != NFT_HASH && kind != NFT_FIELDS)
		return;
	description = nft_open(NFTA_SET_DESC);
	if (kind == NFT_HASH)
		nft_u32(NFTA_SET_DESC_SIZE, 1 << 16);
	if (kind == NFT_FIELDS) {
		concat = nft_open(2 /* NFTA_SET_DESC_CONCAT */);
		field = nft_open(NFTA_LIST_ELEM);
		nft_u32(1 /* NFTA_SET_FIELD_LEN */, 4);
		nft_close(field);
		field = nft_open(NFTA_LIST_ELEM);
		nft_u32(1, 4);
		nft_close(field);
		nft_close(concat);
	}
	nft_close(description);
	nft_grown();
}

static inline void nft_key(int type, long kind, uint32_t number)
{
	uint8_t key[8] = {};
	size_t at;

	number = htonl(number);
	memcpy(key, (char *)&number + (kind == NFT_BITMAP ? 2 : 0),
	       nft_key_size(kind) < 4 ? nft_key_size(kind) : 4);
	at = nft_open(type);
	nft_attr(NFTA_DATA_VALUE, key, nft_key_size(kind));
	nft_close(at);
}

/* The numbers @first… of which each is one element, of interval sets an end. */
static inline void nft_elements(int type, long kind, long first, long n,
				uint64_t timeout_ms)
{
	uint64_t timeout = htobe64(timeout_ms);
	size_t list, element;
	long i;

	nft_message(type, NLM_F_CREATE);
	nft_text(NFTA_SET_ELEM_LIST_TABLE, "t");
	nft_text(NFTA_SET_ELEM_LIST_SET, nft_names[kind]);
	list = nft_open(NFTA_SET_ELEM_LIST_ELEMENTS);
	for (i = first; i < first + n; i++) {
		element = nft_open(NFTA_LIST_ELEM);
		nft_key(NFTA_SET_ELEM_KEY, kind, i);
		if (kind == NFT_FIELDS)
			nft_key(10 /* NFTA_SET_ELEM_KEY_END */, kind, i);
		if (kind == NFT_INTERVALS && (i - first) % 2)
			nft_u32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
		if (timeout_ms && !(kind == NFT_INTERVALS && (i - first) % 2))
			nft_attr(NFTA_SET_ELEM_TIMEOUT, &timeout,
				 sizeof(timeout));
		nft_close(element);
	}
	nft_close(list);
	nft_grown();
}

static inline long nft_set(long kind, long flags, long c)
{
	nft_begin();
	nft_add_set(kind, flags);
	return nft_end();
}

#define NFT_LIST	1000	/* a list of all has no room in one attribute */

static inline long nft_fill(long kind, long first, long n)
{
	long more;

	nft_begin();
	do {
		more = n > NFT_LIST ? NFT_LIST : n;
		nft_elements(NFT_MSG_NEWSETELEM, kind, first, more, 0);
		first += more;
		n -= more;
	} while (n);
	return nft_end();
}

static inline long nft_take(long kind, long first, long n)
{
	nft_begin();
	nft_elements(NFT_MSG_DELSETELEM, kind, first, n, 0);
	return nft_end();
}

/* --- what the kernel lists ------------------------------------------------------------- */

/* Elements in one message of a listing. */
static inline long nft_count_elements(const struct nlmsghdr *head)
{
	const char *end = (const char *)head + head->nlmsg_len;
	const struct nlattr *attr = (void *)((char *)NLMSG_DATA(head) + 4);
	const struct nlattr *element;
	long n = 0;

	for (; (char *)attr < end;
	     attr = (void *)((char *)attr + NLMSG_ALIGN(attr->nla_len))) {
		if ((attr->nla_type & NLA_TYPE_MASK) !=
		    NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		for (element = attr + 1;
		     (char *)element < (char *)attr + attr->nla_len;
		     element = (void *)((char *)element +
					NLMSG_ALIGN(element->nla_len)))
			n++;
	}
	return n;
}

/* The answers to a request for a list: what they list, or -errno. */
static inline long nft_count_answers(int fd, int type)
{
	static _Alignas(8) char answer[1 << 17];
	struct nlmsghdr *head;
	long n = 0;
	int size;

	for (;;) {
		size = recv(fd, answer, sizeof(answer), 0);
		if (size < 0)
			return -errno;
		for (head = (void *)answer; NLMSG_OK(head, (unsigned int)size);
		     head = NLMSG_NEXT(head, size)) {
			if (head->nlmsg_type == NLMSG_DONE)
				return n;
			if (head->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(head))
					->error;
			n += type == NFT_MSG_GETRULE ? 1 :
						       nft_count_elements(head);
		}
	}
}

/* How many rules the namespace has (kind < 0), or elements the set. */
static inline long nft_listed(long kind, long b, long c)
{
	int type = kind < 0 ? NFT_MSG_GETRULE : NFT_MSG_GETSETELEM;
	int fd = nft_socket();
	long n;

	nft_batch.size = 0;
	nft_message(type, NLM_F_DUMP);
	if (kind >= 0) {
		nft_text(NFTA_SET_ELEM_LIST_TABLE, "t");
		nft_text(NFTA_SET_ELEM_LIST_SET, nft_names[kind]);
	}
	if (fd < 0 || send(fd, nft_batch.data, nft_batch.size, 0) < 0)
		return -errno;
	n = nft_count_answers(fd, type);
	close(fd);
	return n;
}

/* --- fixtures ---------------------------------------------------------------------------- */

static int numiptent;

/* The world of a test that has @self->slot, and @self->p in it with a network. */
#define NFT_SETUP(name)							\
do {									\
	world_begin(_metadata);						\
	numiptent = rescore_find_resource(rs, "numiptent");		\
	ASSERT_LE(0, numiptent);					\
	if (rescore_resource(rs, numiptent)->state != RESCORE_ON)	\
		SKIP(return, "numiptent is off: %s",			\
			   rescore_resource(rs, numiptent)->why);	\
	ASSERT_LT(0, self->slot = make(name));				\
	self->p = puppet_in(self->slot);				\
	ASSERT_EQ(0, puppet_do(self->p, nft_world, 0, 0, 0));		\
} while (0)

#define NFT_TEARDOWN(fixture)		\
FIXTURE_TEARDOWN(fixture)		\
{					\
	end_puppets();			\
	world_end(_metadata);		\
}

#endif /* RESCORE_TEST_NFT_H */
