// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent: elements of sets. Each kind of set is kept by other functions of the
 * kernel, and each lets its elements go on other ways.
 */
#include "nft.h"

FIXTURE(sets)
{
	int slot;
	struct puppet *p;
};

FIXTURE_VARIANT(sets)
{
	long kind;
};

#define VARIANT(name, of_kind) \
	FIXTURE_VARIANT_ADD(sets, name) { .kind = of_kind }

VARIANT(grows, NFT_HASH_GROWS);
VARIANT(hash, NFT_HASH);
VARIANT(bitmap, NFT_BITMAP);
VARIANT(intervals, NFT_INTERVALS);
VARIANT(fields, NFT_FIELDS);

FIXTURE_SETUP(sets)
{
	NFT_SETUP("kt-sets");
	ASSERT_EQ(0, puppet_do(self->p, nft_set, variant->kind, 0, 0));
}

NFT_TEARDOWN(sets)

#define EXPECT_ELEMENTS(n) do {						\
	EXPECT_HELD(n, self->slot, numiptent);				\
	EXPECT_EQ((n), puppet_do(self->p, nft_listed, variant->kind, 0, \
				 0));					\
	EXPECT_CLEAN_AUDIT(self->slot);					\
} while (0)

#define FILL(first, n) puppet_do(self->p, nft_fill, variant->kind, first, n)
#define TAKE(first, n) puppet_do(self->p, nft_take, variant->kind, first, n)

/* An even number, for intervals have ends. */
#define EVEN	(2 * PRIME)

TEST_F(sets, fill_and_take)
{
	EXPECT_EQ(0, FILL(0, EVEN));
	EXPECT_ELEMENTS(EVEN);
	/* they are there already */
	EXPECT_EQ(0, FILL(0, EVEN));
	EXPECT_ELEMENTS(EVEN);
	EXPECT_EQ(0, FILL(1000, 6));
	EXPECT_ELEMENTS(EVEN + 6);
	EXPECT_EQ(0, TAKE(0, 10));
	EXPECT_ELEMENTS(EVEN - 4);
	EXPECT_EQ(-ENOENT, TAKE(10, EVEN));
	EXPECT_ELEMENTS(EVEN - 4);
	EXPECT_EQ(0, TAKE(10, EVEN - 10));
	EXPECT_ELEMENTS(6);
}

static long flush_set(long kind, long b, long c)
{
	nft_begin();
	nft_message(NFT_MSG_DELSETELEM, 0);
	nft_text(NFTA_SET_ELEM_LIST_TABLE, "t");
	nft_text(NFTA_SET_ELEM_LIST_SET, nft_names[kind]);
	return nft_end();
}

static long delete_set(long kind, long b, long c)
{
	nft_begin();
	nft_message(NFT_MSG_DELSET, 0);
	nft_text(NFTA_SET_TABLE, "t");
	nft_text(NFTA_SET_NAME, nft_names[kind]);
	return nft_end();
}

TEST_F(sets, flush)
{
	EXPECT_EQ(0, FILL(0, EVEN));
	EXPECT_ELEMENTS(EVEN);
	EXPECT_EQ(0, puppet_do(self->p, flush_set, variant->kind, 0, 0));
	EXPECT_ELEMENTS(0);
}

TEST_F(sets, delete_set)
{
	EXPECT_EQ(0, FILL(0, EVEN));
	EXPECT_ELEMENTS(EVEN);
	EXPECT_EQ(0, puppet_do(self->p, delete_set, variant->kind, 0, 0));
	EXPECT_HELD(0, self->slot, numiptent);
}

TEST_F(sets, delete_table)
{
	EXPECT_EQ(0, FILL(0, EVEN));
	EXPECT_EQ(0, puppet_do(self->p, nft_delete_table, 0, 0, 0));
	EXPECT_HELD(0, self->slot, numiptent);
}

TEST_F(sets, namespace_exit)
{
	EXPECT_EQ(0, FILL(0, EVEN));
	EXPECT_ELEMENTS(EVEN);
	puppet_end(self->p);
	EXPECT_HELD(0, self->slot, numiptent);
}

/* The last request of the batch cannot be done: nothing is. */
static long end_in_vain(long kind, long first, long n)
{
	nft_elements(NFT_MSG_NEWSETELEM, kind, first, n, 0);
	nft_elements(NFT_MSG_DELSETELEM, kind, first + 500, 2, 0);
	return nft_end();
}

static long fill_in_vain(long kind, long first, long n)
{
	nft_begin();
	return end_in_vain(kind, first, n);
}

TEST_F(sets, aborted)
{
	EXPECT_EQ(0, FILL(0, 6));
	EXPECT_EQ(-ENOENT,
		  puppet_do(self->p, fill_in_vain, variant->kind, 100, EVEN));
	EXPECT_ELEMENTS(6);
}

/* A new set, and what is in it, in a batch that fails. */
static long set_in_vain(long kind, long first, long n)
{
	nft_begin();
	nft_del_table();
	nft_add_table(0);
	nft_add_set(kind, 0);
	return end_in_vain(kind, first, n);
}

TEST_F(sets, aborted_set)
{
	EXPECT_EQ(0, FILL(0, 6));
	EXPECT_EQ(-ENOENT,
		  puppet_do(self->p, set_in_vain, variant->kind, 100, EVEN));
	EXPECT_ELEMENTS(6);
}

TEST_F(sets, bound)
{
	set_bounds(self->slot, numiptent, EVEN, EVEN);
	EXPECT_EQ(0, FILL(0, EVEN - 2));
	EXPECT_EQ(-ENOMEM, FILL(1000, 4));
	EXPECT_ELEMENTS(EVEN - 2);
	EXPECT_EQ(0, FILL(1000, 2));
	EXPECT_EQ(-ENOMEM, FILL(2000, 2));
	EXPECT_ELEMENTS(EVEN);
	EXPECT_EQ(2, failcnt(self->slot, numiptent));
}

/* --- those that go by themselves ------------------------------------------------------ */

static long timed_set(long kind, long b, long c)
{
	nft_begin();
	nft_del_table();
	nft_add_table(0);
	nft_add_set(kind, NFT_SET_TIMEOUT);
	return nft_end();
}

static long fill_timed(long kind, long n, long ms)
{
	nft_begin();
	nft_elements(NFT_MSG_NEWSETELEM, kind, 0, n, ms);
	return nft_end();
}

/* Some kinds are cleaned by the next batch only: there is one each time we look. */
#define COLLECTED(n)							\
({									\
	(void)FILL(5000, 2);						\
	(void)TAKE(5000, 2);						\
	held(self->slot, numiptent) == (n);				\
})

TEST_F(sets, timeout)
{
	if (variant->kind == NFT_HASH || variant->kind == NFT_BITMAP)
		SKIP(return, "its elements have no timeout");
	ASSERT_EQ(0, puppet_do(self->p, timed_set, variant->kind, 0, 0));
	EXPECT_EQ(0,
		  puppet_do(self->p, fill_timed, variant->kind, EVEN, 3600000));
	EXPECT_ELEMENTS(EVEN);
	/* again, with another timeout: the same elements */
	EXPECT_EQ(0,
		  puppet_do(self->p, fill_timed, variant->kind, EVEN, 7200000));
	EXPECT_ELEMENTS(EVEN);
	ASSERT_EQ(0, puppet_do(self->p, timed_set, variant->kind, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, fill_timed, variant->kind, EVEN, 20));
	EXPECT_TRUE(eventually(COLLECTED(0)));
	EXPECT_ELEMENTS(0);
}

/* --- all of that at random ------------------------------------------------------------- */

FIXTURE(storm)
{
	int slot;
};

FIXTURE_SETUP(storm)
{
	world_begin(_metadata);
	numiptent = rescore_find_resource(rs, "numiptent");
	ASSERT_LE(0, numiptent);
	if (rescore_resource(rs, numiptent)->state != RESCORE_ON)
		SKIP(return, "numiptent is off: %s",
			   rescore_resource(rs, numiptent)->why);
	ASSERT_LT(0, self->slot = make("kt-storm"));
}

FIXTURE_TEARDOWN(storm)
{
	end_puppets();
	world_end(_metadata);
}

/* The table with a set of each kind, in the place of an older one. */
static long new_world(void)
{
	long kind;

	nft_begin();
	nft_add_table(0);
	nft_del_table();
	nft_add_table(0);
	for (kind = 0; kind < NFT_KINDS; kind++)
		nft_add_set(kind, kind == NFT_HASH_GROWS ? NFT_SET_TIMEOUT : 0);
	return nft_end();
}

/* Whether what it does succeeds depends on what it did. */
static void do_something(unsigned int *x)
{
	long kind = rand_r(x) % NFT_KINDS, n = 2 * (rand_r(x) % 12 + 1);

	switch (rand_r(x) % 9) {
	case 0:
		new_world();
		break;
	case 1:
		nft_rules(n, 0, 0);
		break;
	case 2:
		nft_flush(0, 0, 0);
		break;
	case 3:
		flush_set(kind, 0, 0);
		break;
	case 4:
		fill_in_vain(kind, 2 * (rand_r(x) % 20), n);
		break;
	case 5:
		nft_take(kind, 2 * (rand_r(x) % 20), n);
		break;
	case 6:
		fill_timed(NFT_HASH_GROWS, n, 1);
		break;
	default:
		nft_fill(kind, 2 * (rand_r(x) % 20), n);
	}
}

/* What is there in the end. */
static long storm(long seed, long rounds, long c)
{
	unsigned int x = seed;
	long kind, n;

	if (net_unshare(0, 0, 0) || new_world())
		return -errno;
	while (rounds--)
		do_something(&x);
	/* what may still expire is not there any more */
	flush_set(NFT_HASH_GROWS, 0, 0);
	n = nft_listed(-1, 0, 0);
	for (kind = 0; kind < NFT_KINDS; kind++)
		n += nft_listed(kind, 0, 0);
	return n;
}

#define STORMS 3

TEST_F(storm, storm)
{
	struct puppet *p[STORMS];
	long sum = 0;
	int i;

	set_bounds(self->slot, numiptent, 211, 307);
	for (i = 0; i < STORMS; i++) {
		p[i] = puppet_in(self->slot);
		puppet_send_call(p[i], storm, 23 + i, 300, 0);
	}
	for (i = 0; i < STORMS; i++)
		sum += puppet_answer(p[i]);
	EXPECT_LE(0, sum);
	EXPECT_HELD(sum, self->slot, numiptent);
	EXPECT_GE(307, row(self->slot, numiptent).maxheld);
	EXPECT_LT(0, failcnt(self->slot, numiptent));
	EXPECT_CLEAN_AUDIT(self->slot);
	TH_LOG("%ld entries, %" PRIu64 " batches were refused", sum,
	       failcnt(self->slot, numiptent));
}

RESCORE_TEST_MAIN(NULL)
