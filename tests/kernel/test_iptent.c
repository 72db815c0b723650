// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent: rules of nftables. Each puppet has a network of its own; what it then
 * lists is the truth.
 */
#include "nft.h"

FIXTURE(iptent)
{
	int slot;
	int other;
	struct puppet *p;
};

FIXTURE_SETUP(iptent)
{
	NFT_SETUP("kt-iptent");
	ASSERT_LT(0, self->other = make("kt-iptent-2"));
}

NFT_TEARDOWN(iptent)

#define EXPECT_RULES(n) do {						\
	EXPECT_HELD(n, self->slot, numiptent);				\
	EXPECT_EQ((n), puppet_do(self->p, nft_listed, -1, 0, 0));	\
	EXPECT_CLEAN_AUDIT(self->slot);					\
} while (0)

#define FLUSHED(p) puppet_do(p, nft_flush, 0, 0, 0)
#define RULES(p, n) puppet_do(p, nft_rules, n, 0, 0)

TEST_F(iptent, rules)
{
	EXPECT_EQ(0, RULES(self->p, PRIME));
	EXPECT_RULES(PRIME);
	EXPECT_EQ(0, RULES(self->p, 7));
	EXPECT_RULES(PRIME + 7);
	EXPECT_EQ(0, FLUSHED(self->p));
	EXPECT_RULES(0);
	EXPECT_EQ(PRIME + 7, row(self->slot, numiptent).maxheld);
	EXPECT_EQ(0, RULES(self->p, 5));
	EXPECT_EQ(0, puppet_do(self->p, nft_delete_table, 0, 0, 0));
	EXPECT_RULES(0);
}

TEST_F(iptent, namespace_exit)
{
	EXPECT_EQ(0, RULES(self->p, PRIME));
	EXPECT_RULES(PRIME);
	puppet_end(self->p);
	EXPECT_HELD(0, self->slot, numiptent);
}

/* The table goes with the socket that made it. */
static long owned_table(long n, long b, long c)
{
	int fd = nft_socket();

	nft_begin();
	nft_del_table();
	nft_add_table(0x2 /* NFT_TABLE_F_OWNER */);
	nft_add_rules(n);
	nft_request(NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES);
	if (send(fd, nft_batch.data, nft_batch.size, 0) < 0)
		return -errno;
	return nft_verdict(fd) ?: fd;
}

TEST_F(iptent, owner)
{
	long fd = puppet_do(self->p, owned_table, PRIME, 0, 0);

	ASSERT_LT(0, fd);
	EXPECT_RULES(PRIME);
	EXPECT_EQ(0, puppet_close(self->p, fd));
	EXPECT_RULES(0);
}

/* --- the audit ---------------------------------------------------------------------- */

/* Add @n (1 or -1) to what the container is said to hold: a rule at @address. */
static void pretend(struct __test_metadata *_metadata, int slot,
		    uint64_t address, int n)
{
	uint64_t key = (address | RESCORE_KIND_KEY(RESCORE_OBJ_NFT)) << 16;
	int table = bpf_obj_get(RESCORE_PIN_DIR "/table");
	int payers = bpf_obj_get(RESCORE_PIN_DIR "/payers");
	struct rescore_bucket bucket;
	struct rescore_row lines;
	uint32_t hash;
	int i;

	hash = key * RESCORE_HASH_MUL >> (64 - rescore_meta(rs)->payers_bits);
	ASSERT_EQ(0, bpf_map_lookup_elem(payers, &hash, &bucket));
	for (i = 0; i < RESCORE_BUCKET_ENTRIES; i++)
		if (n > 0 ? !bucket.entry[i] ||
				    bucket.entry[i] == RESCORE_TOMB :
			    bucket.entry[i] == (key | slot))
			break;
	ASSERT_GT(RESCORE_BUCKET_ENTRIES, i);
	bucket.entry[i] = n > 0 ? key | slot : RESCORE_TOMB;
	ASSERT_EQ(0, bpf_map_update_elem(payers, &hash, &bucket, BPF_ANY));
	ASSERT_EQ(0, bpf_map_lookup_elem(table, &slot, &lines));
	lines.line[numiptent].held += n;
	ASSERT_EQ(0, bpf_map_update_elem(table, &slot, &lines, BPF_ANY));
	close(payers);
	close(table);
}

/* What is recorded and counted, and is nowhere in the kernel's lists. */
TEST_F(iptent, audit_finds_what_is_gone)
{
	const uint64_t nothing = 0x123456789000ULL & RESCORE_ADDRESS_MASK;

	EXPECT_EQ(0, RULES(self->p, PRIME));
	EXPECT_RULES(PRIME);
	pretend(_metadata, self->slot, nothing, 1);
	EXPECT_EQ(PRIME + 1, held(self->slot, numiptent));
	/* elements of a namespace that is being removed may be taken for it */
	EXPECT_TRUE(eventually(audit(self->slot) == 1));
	pretend(_metadata, self->slot, nothing, -1);
	EXPECT_RULES(PRIME);
}

/* --- refused ------------------------------------------------------------------------ */

TEST_F(iptent, bound)
{
	set_bounds(self->slot, numiptent, PRIME, PRIME);
	EXPECT_EQ(0, RULES(self->p, PRIME - 1));
	EXPECT_EQ(-ENOMEM, RULES(self->p, 2));
	EXPECT_RULES(PRIME - 1);
	EXPECT_EQ(1, failcnt(self->slot, numiptent));
	EXPECT_EQ(0, RULES(self->p, 1));
	EXPECT_EQ(-ENOMEM, RULES(self->p, 1));
	EXPECT_RULES(PRIME);
	EXPECT_EQ(2, failcnt(self->slot, numiptent));
	EXPECT_EQ(PRIME, row(self->slot, numiptent).maxheld);
	EXPECT_EQ(0, FLUSHED(self->p));
	EXPECT_RULES(0);
	EXPECT_EQ(0, RULES(self->p, PRIME));
	EXPECT_RULES(PRIME);
}

/* The table once more, with @n rules, in the place of the old one. */
static long reload(long n, long b, long c)
{
	nft_begin();
	nft_del_table();
	nft_add_table(0);
	nft_add_rules(n);
	return nft_end();
}

/* The old rules are there until the new ones are: both have to fit below the limit. */
TEST_F(iptent, replaced_in_one_batch)
{
	set_bounds(self->slot, numiptent, PRIME, 2 * PRIME);
	EXPECT_EQ(0, RULES(self->p, PRIME));
	EXPECT_EQ(-ENOMEM, RULES(self->p, 1));
	EXPECT_EQ(0, puppet_do(self->p, reload, PRIME, 0, 0));
	EXPECT_RULES(PRIME);
	EXPECT_EQ(2 * PRIME, row(self->slot, numiptent).maxheld);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, reload, PRIME + 1, 0, 0));
	EXPECT_RULES(PRIME);
	EXPECT_EQ(2, failcnt(self->slot, numiptent));
}

/* Add @n rules, and delete what is not there or nothing. */
static long delete_nothing(long n, long b, long c)
{
	nft_begin();
	nft_del_rules_of("empty");
	nft_add_rules(n);
	return nft_end();
}

static long empty_chain(long a, long b, long c)
{
	nft_begin();
	nft_message(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nft_text(NFTA_CHAIN_TABLE, "t");
	nft_text(NFTA_CHAIN_NAME, "empty");
	return nft_end();
}

/* Nobody is believed that there will be fewer then: the limit holds. */
TEST_F(iptent, deletes_nothing)
{
	set_bounds(self->slot, numiptent, 5, PRIME);
	EXPECT_EQ(0, puppet_do(self->p, empty_chain, 0, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, delete_nothing, PRIME, 0, 0));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, delete_nothing, 1, 0, 0));
	EXPECT_RULES(PRIME);
}

/* The handle of one of the rules, or -errno. */
static long first_handle(void)
{
	static _Alignas(8) char answer[1 << 16];
	struct nlmsghdr *head = (void *)answer;
	struct nlattr *attr;
	long handle = -ENOENT;
	int fd = nft_socket();
	ssize_t n;

	nft_batch.size = 0;
	nft_message(NFT_MSG_GETRULE, NLM_F_DUMP);
	if (fd < 0 || send(fd, nft_batch.data, nft_batch.size, 0) < 0)
		return -errno;
	n = recv(fd, answer, sizeof(answer), 0);
	attr = (void *)((char *)NLMSG_DATA(head) + 4);
	for (; n > 0 && (char *)attr < answer + head->nlmsg_len;
	     attr = (void *)((char *)attr + NLMSG_ALIGN(attr->nla_len)))
		if (attr->nla_type == NFTA_RULE_HANDLE)
			handle = be64toh(*(uint64_t *)(attr + 1));
	close(fd);
	return handle;
}

static long replace_rule(long a, long b, long c)
{
	uint64_t handle = htobe64(first_handle());

	nft_begin();
	nft_message(NFT_MSG_NEWRULE, NLM_F_REPLACE);
	nft_text(NFTA_RULE_TABLE, "t");
	nft_text(NFTA_RULE_CHAIN, "c");
	nft_attr(NFTA_RULE_HANDLE, &handle, sizeof(handle));
	return nft_end();
}

TEST_F(iptent, replaced)
{
	EXPECT_EQ(0, RULES(self->p, PRIME));
	set_bounds(self->slot, numiptent, PRIME, PRIME + 1);
	EXPECT_EQ(0, puppet_do(self->p, replace_rule, 0, 0, 0));
	EXPECT_RULES(PRIME);
	set_bounds(self->slot, numiptent, PRIME, PRIME);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, replace_rule, 0, 0, 0));
	EXPECT_RULES(PRIME);
}

static long delete_one(long a, long b, long c)
{
	long handle = first_handle();

	nft_begin();
	nft_del_rule(handle);
	return handle < 0 ? handle : nft_end();
}

TEST_F(iptent, deleted)
{
	EXPECT_EQ(0, RULES(self->p, PRIME));
	EXPECT_EQ(0, puppet_do(self->p, delete_one, 0, 0, 0));
	EXPECT_RULES(PRIME - 1);
}

TEST_F(iptent, observe)
{
	set_bounds(self->slot, numiptent, 5, 5);
	ASSERT_EQ(0, rescore_set_mode(rs, self->slot, numiptent, true));
	EXPECT_EQ(0, RULES(self->p, PRIME));
	EXPECT_RULES(PRIME);
	EXPECT_EQ(1, failcnt(self->slot, numiptent));
}

TEST_F(iptent, lowered)
{
	EXPECT_EQ(0, RULES(self->p, PRIME));
	set_bounds(self->slot, numiptent, 7, 7);
	EXPECT_EQ(-ENOMEM, RULES(self->p, 1));
	EXPECT_RULES(PRIME);
	EXPECT_EQ(0, FLUSHED(self->p));
	EXPECT_RULES(0);
	EXPECT_EQ(0, RULES(self->p, 7));
	EXPECT_RULES(7);
}

/* --- batches that fail ----------------------------------------------------------------- */

/* @n rules, then what cannot be. */
static long rules_in_vain(long n, long b, long c)
{
	nft_begin();
	nft_add_rules(n);
	nft_del_rules_of("none");
	return nft_end();
}

TEST_F(iptent, aborted)
{
	set_bounds(self->slot, numiptent, PRIME + 5, PRIME + 5);
	EXPECT_EQ(0, RULES(self->p, 5));
	EXPECT_EQ(-ENOENT, puppet_do(self->p, rules_in_vain, PRIME, 0, 0));
	EXPECT_RULES(5);
	EXPECT_EQ(0, RULES(self->p, PRIME));
	EXPECT_RULES(PRIME + 5);
}

static void jump(const char *from, const char *to)
{
	size_t list, element, data, value, verdict;

	nft_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nft_text(NFTA_RULE_TABLE, "t");
	nft_text(NFTA_RULE_CHAIN, from);
	list = nft_open(NFTA_RULE_EXPRESSIONS);
	element = nft_open(NFTA_LIST_ELEM);
	nft_text(NFTA_EXPR_NAME, "immediate");
	data = nft_open(NFTA_EXPR_DATA);
	nft_u32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	value = nft_open(NFTA_IMMEDIATE_DATA);
	verdict = nft_open(NFTA_DATA_VERDICT);
	nft_u32(NFTA_VERDICT_CODE, NFT_JUMP);
	nft_text(NFTA_VERDICT_CHAIN, to);
	nft_close(verdict);
	nft_close(value);
	nft_close(data);
	nft_close(element);
	nft_close(list);
	nft_grown();
}

/* The kernel finds that out at the end, and does all once more to say where. */
static long rules_in_circles(long n, long b, long c)
{
	nft_begin();
	nft_add_hook();
	nft_add_rules(n);
	jump("out", "c");
	jump("c", "c");
	return nft_end();
}

TEST_F(iptent, begun_again)
{
	set_bounds(self->slot, numiptent, PRIME + 2, PRIME + 2);
	EXPECT_GT(0, puppet_do(self->p, rules_in_circles, PRIME, 0, 0));
	EXPECT_RULES(0);
	EXPECT_EQ(PRIME + 2, row(self->slot, numiptent).maxheld);
	EXPECT_EQ(0, RULES(self->p, PRIME));
	EXPECT_RULES(PRIME);
}

/* A task that may not change the filter holds nothing when it has been told so. */
static long rules_as_nobody(long n, long b, long c)
{
	if (setresuid(65534, 65534, 65534))
		return -errno;
	return nft_rules(n, 0, 0);
}

TEST_F(iptent, not_permitted)
{
	EXPECT_EQ(-EPERM, puppet_do(self->p, rules_as_nobody, PRIME, 0, 0));
	EXPECT_HELD(0, self->slot, numiptent);
	EXPECT_EQ(0, failcnt(self->slot, numiptent));
}

/* --- who pays ----------------------------------------------------------------------------- */

TEST_F(iptent, moved)
{
	EXPECT_EQ(0, RULES(self->p, PRIME));
	ASSERT_EQ(0, move_to(self->p->pid, self->other));
	EXPECT_EQ(0, RULES(self->p, 7));
	EXPECT_HELD(PRIME, self->slot, numiptent);
	EXPECT_HELD(7, self->other, numiptent);
	EXPECT_EQ(PRIME + 7, puppet_do(self->p, nft_listed, -1, 0, 0));
	EXPECT_EQ(0, FLUSHED(self->p));
	EXPECT_HELD(0, self->slot, numiptent);
	EXPECT_HELD(0, self->other, numiptent);
}

/* The administrator's, in the container's namespace, are the host's. */
TEST_F(iptent, administrator)
{
	struct puppet *host = puppet_in(0);

	set_bounds(self->slot, numiptent, 5, 5);
	ASSERT_EQ(0, puppet_do(host, net_join, self->p->pid, 0, 0));
	EXPECT_EQ(0, RULES(host, PRIME));
	EXPECT_HELD(0, self->slot, numiptent);
	EXPECT_EQ(0, RULES(self->p, 5));
	EXPECT_EQ(PRIME + 5, puppet_do(self->p, nft_listed, -1, 0, 0));
	EXPECT_HELD(5, self->slot, numiptent);
	EXPECT_EQ(0, FLUSHED(host));
	EXPECT_HELD(0, self->slot, numiptent);
}

/* Who made them is gone; the namespace, and so they, are not. */
TEST_F(iptent, outlive_their_maker)
{
	struct puppet *host = puppet_in(0);

	ASSERT_EQ(0, puppet_do(host, net_join, self->p->pid, 0, 0));
	EXPECT_EQ(0, RULES(self->p, PRIME));
	puppet_end(self->p);
	EXPECT_EQ(PRIME, puppet_do(host, nft_listed, -1, 0, 0));
	EXPECT_HELD(PRIME, self->slot, numiptent);
	puppet_end(host);
	EXPECT_HELD(0, self->slot, numiptent);
}

TEST_F(iptent, tree)
{
	struct puppet *p, *q;
	int top, left, right;

	ASSERT_LT(0, top = make("kt-iptent-top"));
	ASSERT_LT(0, left = make_below("kt-iptent-left", NULL, top));
	ASSERT_LT(0, right = make_below("kt-iptent-right", NULL, top));
	set_bounds(top, numiptent, PRIME, PRIME);
	p = puppet_in(left);
	q = puppet_in(right);
	ASSERT_EQ(0, puppet_do(p, nft_world, 0, 0, 0));
	ASSERT_EQ(0, puppet_do(q, nft_world, 0, 0, 0));
	EXPECT_EQ(0, RULES(p, PRIME - 3));
	EXPECT_EQ(-ENOMEM, RULES(q, 4));
	EXPECT_HELD(0, right, numiptent);
	EXPECT_EQ(1, failcnt(top, numiptent));
	EXPECT_EQ(0, failcnt(right, numiptent));
	EXPECT_EQ(0, RULES(q, 3));
	EXPECT_HELD(PRIME, top, numiptent);
	EXPECT_EQ(0, FLUSHED(p));
	EXPECT_HELD(3, top, numiptent);
}

/* One by one until it is refused: how many it got. */
static long rules_to_the_end(long a, long b, long c)
{
	long n = 0;

	pthread_barrier_wait(&shm->barrier);
	while (nft_rules(1, 0, 0) == 0)
		n++;
	return n;
}

#define RACERS 4

TEST_F(iptent, race)
{
	struct puppet *racer[RACERS];
	long sum = 0;
	int i;

	set_bounds(self->slot, numiptent, 101, 101);
	barrier_for(RACERS);
	for (i = 0; i < RACERS; i++) {
		racer[i] = puppet_in(self->slot);
		ASSERT_EQ(0, puppet_do(racer[i], nft_world, 0, 0, 0));
	}
	for (i = 0; i < RACERS; i++)
		puppet_send_call(racer[i], rules_to_the_end, 0, 0, 0);
	for (i = 0; i < RACERS; i++)
		sum += puppet_answer(racer[i]);
	EXPECT_EQ(101, sum);
	EXPECT_HELD(101, self->slot, numiptent);
	EXPECT_EQ(101, row(self->slot, numiptent).maxheld);
	EXPECT_EQ(RACERS, failcnt(self->slot, numiptent));
	EXPECT_CLEAN_AUDIT(self->slot);
}

RESCORE_TEST_MAIN(NULL)
