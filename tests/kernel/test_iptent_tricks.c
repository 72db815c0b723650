// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent: what a tenant may send to be counted wrong, and what comes without a
 * message: elements that packets add.
 */
#include "nft.h"
#include "uring.h"

FIXTURE(tricks)
{
	int slot;
	struct puppet *p;
};

FIXTURE_SETUP(tricks)
{
	NFT_SETUP("kt-tricks");
}

NFT_TEARDOWN(tricks)

#define EXPECT_LISTED(n, kind) do {					\
	EXPECT_HELD(n, self->slot, numiptent);				\
	EXPECT_EQ((n), puppet_do(self->p, nft_listed, kind, 0, 0));	\
	EXPECT_CLEAN_AUDIT(self->slot);					\
} while (0)

#define EXPECT_RULES(n) EXPECT_LISTED(n, -1)

/* --- messages ----------------------------------------------------------------------- */

/* As many as fit into one send; more than the kernel has in one piece of memory. */
TEST_F(tricks, large)
{
	EXPECT_EQ(0, puppet_do(self->p, nft_rules, 4999, 0, 0));
	EXPECT_RULES(4999);
	set_bounds(self->slot, numiptent, 9997, 9997);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, nft_rules, 4999, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, nft_rules, 4998, 0, 0));
	EXPECT_RULES(9997);
	EXPECT_EQ(0, puppet_do(self->p, nft_set, NFT_HASH, 0, 0));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, nft_fill, NFT_HASH, 0, 1));
	EXPECT_EQ(0, puppet_do(self->p, nft_flush, 0, 0, 0));
	EXPECT_RULES(0);
	EXPECT_EQ(0, puppet_do(self->p, nft_fill, NFT_HASH, 0, 9997));
	EXPECT_LISTED(9997, NFT_HASH);
}

/* The kernel reads one batch of a message, and so do we. */
static long two_batches(long n, long b, long c)
{
	nft_begin();
	nft_add_rules(n);
	nft_request(NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES);
	nft_request(NFNL_MSG_BATCH_BEGIN, 0, 0, NFNL_SUBSYS_NFTABLES);
	nft_add_rules(n);
	return nft_end();
}

TEST_F(tricks, two_batches)
{
	EXPECT_EQ(0, puppet_do(self->p, two_batches, PRIME, 0, 0));
	EXPECT_RULES(PRIME);
}

/* No batch: rules that stand alone are not for the kernel. */
static long no_batch(long n, long b, long c)
{
	nft_batch.size = 0;
	nft_add_rules(n);
	return nft_send();
}

TEST_F(tricks, no_batch)
{
	EXPECT_EQ(-EINVAL, puppet_do(self->p, no_batch, PRIME, 0, 0));
	EXPECT_RULES(0);
}

/*
 * The last request's length: as it is, or with 1 to 3 bytes less than what it is
 * padded to, to nothing, or to more than there is.
 */
static long odd_length(long length, long n, long c)
{
	nft_begin();
	nft_add_rules(n);
	nft_add_rules(1);
	if (length < 0)
		nft_head()->nlmsg_len += length;
	else
		nft_head()->nlmsg_len = length;
	nft_add_rules(n);
	return nft_end();
}

TEST_F(tricks, lengths)
{
	static const long lengths[] = { 0,  1,	15,	 16,	     17,
					19, 21, 1 << 20, 0x7fffffff, 0xffffffff,
					-1, -2, -3 };
	unsigned int i;
	long err, want = 0;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		err = puppet_do(self->p, odd_length, lengths[i], 7, 0);
		want = puppet_do(self->p, nft_listed, -1, 0, 0);
		EXPECT_HELD(want, self->slot, numiptent)
		TH_LOG("length %ld: %ld", lengths[i], err);
	}
	set_bounds(self->slot, numiptent, want + 14, want + 14);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		puppet_do(self->p, odd_length, lengths[i], 23, 0);
		EXPECT_RULES(want);
	}
}

/* A list of elements twice in one request: the kernel takes the last. */
static long two_lists(long n, long plain, long c)
{
	struct nlattr *attr;
	size_t list, element, at;
	long i, j;

	nft_begin();
	nft_message(NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	nft_text(NFTA_SET_ELEM_LIST_TABLE, "t");
	nft_text(NFTA_SET_ELEM_LIST_SET, nft_names[NFT_HASH]);
	for (j = 0; j < 2; j++) {
		at = nft_batch.size;
		list = nft_open(NFTA_SET_ELEM_LIST_ELEMENTS);
		for (i = 0; i < n; i++) {
			element = nft_open(NFTA_LIST_ELEM);
			nft_key(NFTA_SET_ELEM_KEY, NFT_HASH, 100 * j + i);
			nft_close(element);
		}
		nft_close(list);
		attr = (void *)(nft_batch.data + at);
		if (plain)
			attr->nla_type &= ~NLA_F_NESTED;
	}
	nft_grown();
	return nft_end();
}

TEST_F(tricks, lists)
{
	EXPECT_EQ(0, puppet_do(self->p, nft_set, NFT_HASH, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, two_lists, PRIME, false, 0));
	EXPECT_LISTED(PRIME, NFT_HASH);
	EXPECT_EQ(0, puppet_do(self->p, nft_take, NFT_HASH, 100, PRIME));
	EXPECT_LISTED(0, NFT_HASH);
	set_bounds(self->slot, numiptent, PRIME - 1, PRIME - 1);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, two_lists, PRIME, false, 0));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, two_lists, PRIME, true, 0));
	EXPECT_LISTED(0, NFT_HASH);
}

/* The element for all that is not in the set has a list of its own. */
static long catchall(long type, long b, long c)
{
	size_t list, element;

	nft_begin();
	nft_message(type, NLM_F_CREATE);
	nft_text(NFTA_SET_ELEM_LIST_TABLE, "t");
	nft_text(NFTA_SET_ELEM_LIST_SET, nft_names[NFT_HASH_GROWS]);
	list = nft_open(NFTA_SET_ELEM_LIST_ELEMENTS);
	element = nft_open(NFTA_LIST_ELEM);
	nft_u32(NFTA_SET_ELEM_FLAGS, 2 /* NFT_SET_ELEM_CATCHALL */);
	nft_close(element);
	nft_close(list);
	nft_grown();
	return nft_end();
}

TEST_F(tricks, catchall)
{
	EXPECT_EQ(0, puppet_do(self->p, nft_set, NFT_HASH_GROWS, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, catchall, NFT_MSG_NEWSETELEM, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, nft_fill, NFT_HASH_GROWS, 0, 5));
	EXPECT_HELD(5, self->slot, numiptent);
	EXPECT_EQ(0, puppet_do(self->p, catchall, NFT_MSG_DELSETELEM, 0, 0));
	EXPECT_LISTED(5, NFT_HASH_GROWS);
	EXPECT_EQ(0, puppet_do(self->p, catchall, NFT_MSG_NEWSETELEM, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, nft_delete_table, 0, 0, 0));
	EXPECT_HELD(0, self->slot, numiptent);
}

/* --- other ways to send ----------------------------------------------------------------- */

/* @times the same batch of @n rules with one call: how many were taken. */
static long send_many(long n, long times, long c)
{
	struct mmsghdr messages[8] = {};
	struct iovec iov = {};
	int fd = nft_socket();
	long i, sent;

	nft_begin();
	nft_add_rules(n);
	nft_request(NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES);
	iov.iov_base = nft_batch.data;
	iov.iov_len = nft_batch.size;
	for (i = 0; i < times; i++) {
		messages[i].msg_hdr.msg_iov = &iov;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(fd, messages, times, 0);
	if (sent < 0)
		sent = -errno;
	close(fd);
	return sent;
}

TEST_F(tricks, sendmmsg)
{
	set_bounds(self->slot, numiptent, 2 * PRIME + 1, 2 * PRIME + 1);
	EXPECT_EQ(2, puppet_do(self->p, send_many, PRIME, 5, 0));
	EXPECT_RULES(2 * PRIME);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, send_many, PRIME, 2, 0));
	EXPECT_RULES(2 * PRIME);
}

static long send_by_uring(long n, long flags, long c)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_SEND,
		.flags = flags,
		.fd = nft_socket(),
		.addr = (uintptr_t)nft_batch.data,
	};
	long ret;

	nft_begin();
	nft_add_rules(n);
	nft_request(NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES);
	sqe.len = nft_batch.size;
	ret = uring_submit(&sqe);
	ret = ret ?: uring_wait(0, 0, 0);
	close(sqe.fd);
	return ret == (long)nft_batch.size ? 0 : ret;
}

TEST_F(tricks, uring)
{
	long ring = puppet_do(self->p, uring_open, 0, 0, 0);

	if (ring == -ENOSYS || ring == -EPERM)
		SKIP(return, "no io_uring: %s", strerror(-ring));
	set_bounds(self->slot, numiptent, 2 * PRIME, 2 * PRIME);
	EXPECT_EQ(0, puppet_do(self->p, send_by_uring, PRIME, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, send_by_uring, PRIME, IOSQE_ASYNC, 0));
	EXPECT_RULES(2 * PRIME);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, send_by_uring, 1, 0, 0));
	EXPECT_EQ(-ENOMEM,
		  puppet_do(self->p, send_by_uring, 1, IOSQE_ASYNC, 0));
	EXPECT_RULES(2 * PRIME);
}

/* Nobody but the kernel gets it, or nobody at all. */
static long send_elsewhere(long port, long n, long c)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = port };
	int fd = nft_socket();
	long ret;

	nft_begin();
	nft_add_rules(n);
	nft_request(NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES);
	ret = result(sendto(fd, nft_batch.data, nft_batch.size, 0, (void *)&to,
			    sizeof(to)));
	close(fd);
	return ret;
}

TEST_F(tricks, nobody_there)
{
	EXPECT_EQ(-ECONNREFUSED,
		  puppet_do(self->p, send_elsewhere, 4711, PRIME, 0));
	EXPECT_RULES(0);
}

/* --- packets ------------------------------------------------------------------------------ */

static void expression(const char *name, void (*fill)(long), long arg)
{
	size_t element = nft_open(NFTA_LIST_ELEM), data;

	nft_text(NFTA_EXPR_NAME, name);
	data = nft_open(NFTA_EXPR_DATA);
	fill(arg);
	nft_close(data);
	nft_close(element);
}

static void fill_meta(long arg)
{
	nft_u32(NFTA_META_DREG, NFT_REG_1);
	nft_u32(NFTA_META_KEY, NFT_META_MARK);
}

static void fill_dynset(long op)
{
	nft_text(NFTA_DYNSET_SET_NAME, nft_names[NFT_HASH_GROWS]);
	nft_u32(NFTA_DYNSET_OP, op);
	nft_u32(NFTA_DYNSET_SREG_KEY, NFT_REG_1);
}

/* Each packet's mark goes into the set. */
static void rule_of_marks(long op)
{
	size_t list;

	nft_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nft_text(NFTA_RULE_TABLE, "t");
	nft_text(NFTA_RULE_CHAIN, "out");
	list = nft_open(NFTA_RULE_EXPRESSIONS);
	expression("meta", fill_meta, 0);
	expression("dynset", fill_dynset, op);
	nft_close(list);
	nft_grown();
}

static long set_of_marks(long op, long flags, long size)
{
	size_t description;

	nft_begin();
	nft_del_table();
	nft_add_table(0);
	nft_add_hook();
	nft_add_set(NFT_HASH_GROWS, NFT_SET_EVAL | flags);
	if (size) {
		description = nft_open(NFTA_SET_DESC);
		nft_u32(NFTA_SET_DESC_SIZE, size);
		nft_close(description);
	}
	nft_grown();
	rule_of_marks(op);
	return nft_end();
}

/* The same rule once more, in the place of what was there. */
static long rule_again(long a, long b, long c)
{
	nft_begin();
	nft_del_rules_of("out");
	rule_of_marks(NFT_DYNSET_OP_ADD);
	return nft_end();
}

/* A packet with each of @n marks from @first on. */
static long send_packets(long first, long n, long c)
{
	union address address;
	socklen_t size = loopback(&address, AF_INET, 9);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), mark;

	for (mark = first; mark < first + n; mark++) {
		if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
			return -errno;
		sendto(fd, "", 1, 0, &address.any, size);
	}
	close(fd);
	return 0;
}

TEST_F(tricks, packets)
{
	ASSERT_EQ(0,
		  puppet_do(self->p, set_of_marks, NFT_DYNSET_OP_ADD, 0, 1000));
	EXPECT_HELD(1, self->slot, numiptent);
	EXPECT_EQ(0, puppet_do(self->p, send_packets, 100, PRIME, 0));
	EXPECT_EQ(0, puppet_do(self->p, send_packets, 100, PRIME, 0));
	EXPECT_LE(PRIME, puppet_do(self->p, nft_listed, NFT_HASH_GROWS, 0, 0));
	EXPECT_HELD(1 + puppet_do(self->p, nft_listed, NFT_HASH_GROWS, 0, 0),
		    self->slot, numiptent);
	EXPECT_CLEAN_AUDIT(self->slot);
	EXPECT_EQ(0, puppet_do(self->p, nft_delete_table, 0, 0, 0));
	EXPECT_HELD(0, self->slot, numiptent);
}

/* Who sends the packets does not pay; who made the set does, above its bound too. */
TEST_F(tricks, packets_of_others)
{
	struct puppet *host = puppet_in(0);
	long n;

	ASSERT_EQ(0, puppet_do(host, net_join, self->p->pid, 0, 0));
	set_bounds(self->slot, numiptent, 5, 5);
	ASSERT_EQ(0,
		  puppet_do(self->p, set_of_marks, NFT_DYNSET_OP_ADD, 0, 1000));
	EXPECT_EQ(0, puppet_do(host, send_packets, 100, PRIME, 0));
	n = puppet_do(self->p, nft_listed, NFT_HASH_GROWS, 0, 0);
	EXPECT_LE(PRIME, n);
	EXPECT_HELD(n + 1, self->slot, numiptent);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, nft_fill, NFT_HASH_GROWS, 1, 1));
	/* the host's set: nobody pays */
	EXPECT_EQ(0, puppet_do(self->p, nft_delete_table, 0, 0, 0));
	EXPECT_HELD(0, self->slot, numiptent);
	EXPECT_EQ(0, puppet_do(self->p, nft_world, 0, 0, 0));
	ASSERT_EQ(0, puppet_do(host, net_join, self->p->pid, 0, 0));
	EXPECT_EQ(0, puppet_do(host, set_of_marks, NFT_DYNSET_OP_ADD, 0, 1000));
	EXPECT_EQ(0, puppet_do(self->p, send_packets, 100, PRIME, 0));
	EXPECT_LE(PRIME, puppet_do(self->p, nft_listed, NFT_HASH_GROWS, 0, 0));
	EXPECT_HELD(0, self->slot, numiptent);
}

/* Its maker's container is gone: nobody pays, least of all who has its slot now. */
TEST_F(tricks, packets_of_the_dead)
{
	struct puppet *host = puppet_in(0), *p;
	uint64_t serial;
	int slot, next;

	ASSERT_LT(0, slot = rescore_create(rs, "kt-dead", NULL));
	serial = rescore_container(rs, slot)->serial;
	p = puppet_in(slot);
	ASSERT_EQ(0, puppet_do(p, nft_world, 0, 0, 0));
	ASSERT_EQ(0, puppet_do(host, net_join, p->pid, 0, 0));
	/* the rule is the host's, the set is not */
	ASSERT_EQ(0, puppet_do(p, set_of_marks, NFT_DYNSET_OP_ADD, 0, 1000));
	ASSERT_EQ(0, puppet_do(host, rule_again, 0, 0, 0));
	EXPECT_HELD(0, slot, numiptent);
	puppet_end(p);
	ASSERT_EQ(0, rescore_destroy(rs, slot, false));
	ASSERT_LT(0, next = make("kt-next"));
	EXPECT_EQ(slot, next);
	EXPECT_NE(serial, rescore_container(rs, next)->serial);
	EXPECT_EQ(0, puppet_do(host, send_packets, 100, PRIME, 0));
	EXPECT_LE(PRIME, puppet_do(host, nft_listed, NFT_HASH_GROWS, 0, 0));
	EXPECT_HELD(0, next, numiptent);
}

static long full_set(long size, long n, long c)
{
	long err = set_of_marks(NFT_DYNSET_OP_ADD, 0, size);

	return err ?: send_packets(100, n, 0);
}

/* The set's size is where packets end. */
TEST_F(tricks, packets_and_size)
{
	ASSERT_EQ(0, puppet_do(self->p, full_set, 7, PRIME, 0));
	EXPECT_HELD(8, self->slot, numiptent);
	puppet_end(self->p);
	EXPECT_HELD(0, self->slot, numiptent);
}

RESCORE_TEST_MAIN(NULL)
