// SPDX-License-Identifier: GPL-2.0
/* privvmpages against /proc: held is VmData + VmStk, each address space once. */
#include <sys/shm.h>
#include <sys/ioctl.h>
#include <linux/userfaultfd.h>
#include <sys/uio.h>

#include "tenant.h"

FIXTURE(privvm)
{
	int a, b;
	struct puppet *p;
};

FIXTURE_SETUP(privvm)
{
	world_begin(_metadata);
	find_memory_rows();
	self->a = make("kt-privvm-a");
	self->b = make("kt-privvm-b");
	ASSERT_LT(0, self->a);
	ASSERT_LT(0, self->b);
	self->p = tenant_in(self->a);
}

FIXTURE_TEARDOWN(privvm)
{
	end_puppets();
	world_end(_metadata);
}

/* Leave room for @n more pages. */
#define leave_room(slot, n)						\
({									\
	int64_t __held = held(slot, privvmpages);			\
									\
	set_bounds(slot, privvmpages, __held + (n), __held + (n));	\
})

static bool is_address(long ret)
{
	return ret > 0 || ret < -4095;
}

/* A tenant's memory is charged from its birth. */
TEST_F(privvm, birth)
{
	EXPECT_LT(0, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	EXPECT_EQ(0, held(self->b, privvmpages));
	puppet_end(self->p);
	EXPECT_HELD(0, self->a, privvmpages);
}

/* What counts, and what does not. */
TEST_F(privvm, kinds)
{
	static const struct {
		long prot, flags;
		bool counts;
	} kinds[] = {
		{ RW, PRIVATE, true },
		{ RW, PRIVATE | MAP_NORESERVE, true },
		{ PROT_WRITE, PRIVATE | MAP_POPULATE, true },
		{ PROT_NONE, PRIVATE, false },
		{ PROT_READ, PRIVATE, false },
		{ PROT_NONE, PRIVATE | MAP_NORESERVE, false },
		{ PROT_NONE, PRIVATE | MAP_GROWSDOWN, true },
		{ RW, PRIVATE | MAP_GROWSDOWN, true },
		{ RW, PRIVATE | MAP_STACK, true },
		{ RW, MAP_SHARED | MAP_ANONYMOUS, false },
	};
	int64_t before = held(self->a, privvmpages);
	long address;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		address = puppet_do(self->p, map, PRIME, kinds[i].prot,
				    kinds[i].flags);
		ASSERT_TRUE(is_address(address));
		EXPECT_EQ(before + (kinds[i].counts ? PRIME : 0),
			  held(self->a, privvmpages))
		TH_LOG("kind %zu", i);
		EXPECT_EXACT(self->a);
		EXPECT_EQ(0, puppet_do(self->p, unmap, address, PRIME, 0));
		EXPECT_EQ(before, held(self->a, privvmpages));
	}
}

/* Each way to get memory: as much as there is room for, and not one page more. */
TEST_F(privvm, mmap_at_the_bound)
{
	static const long flags[] = { PRIVATE, PRIVATE | MAP_NORESERVE,
				      PRIVATE | MAP_GROWSDOWN,
				      PRIVATE | MAP_POPULATE };
	int64_t before = held(self->a, privvmpages);
	uint64_t refused = 0;
	long address;
	size_t i;

	leave_room(self->a, PRIME);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		EXPECT_EQ(-ENOMEM, puppet_do(self->p, map, PRIME + 1, RW,
					     flags[i]));
		EXPECT_EQ(++refused, failcnt(self->a, privvmpages));
		EXPECT_EQ(before, held(self->a, privvmpages));
		address = puppet_do(self->p, map, PRIME, RW, flags[i]);
		EXPECT_TRUE(is_address(address));
		EXPECT_EQ(before + PRIME, held(self->a, privvmpages));
		EXPECT_EQ(-ENOMEM, puppet_do(self->p, map, 1, RW, flags[i]));
		EXPECT_EQ(++refused, failcnt(self->a, privvmpages));
		EXPECT_EQ(0, puppet_do(self->p, unmap, address, PRIME, 0));
	}
	EXPECT_EQ(before + PRIME, row(self->a, privvmpages).maxheld);
	EXPECT_EXACT(self->a);
}

TEST_F(privvm, brk)
{
	int64_t before = held(self->a, privvmpages);

	leave_room(self->a, PRIME);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, brk_by, PRIME + 1, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, brk_by, PRIME, 0, 0));
	EXPECT_EQ(before + PRIME, held(self->a, privvmpages));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, brk_by, 1, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, brk_by, -PRIME, 0, 0));
	EXPECT_EQ(before, held(self->a, privvmpages));
	EXPECT_EQ(2, failcnt(self->a, privvmpages));
	EXPECT_EXACT(self->a);
}

/* Growth counts, not the whole: a move is refused for nothing else. */
TEST_F(privvm, mremap)
{
	static const long flags[] = { PRIVATE, PRIVATE | MAP_NORESERVE };
	int64_t before = held(self->a, privvmpages);
	long address, moved;
	size_t i;

	for (i = 0; i < 2; i++) {
		address = puppet_do(self->p, map, PRIME, RW, flags[i]);
		ASSERT_TRUE(is_address(address));
		leave_room(self->a, 7);
		EXPECT_EQ(-ENOMEM, puppet_do(self->p, resize, address, PRIME,
					     PRIME + 8));
		EXPECT_EQ(before + PRIME, held(self->a, privvmpages));
		moved = puppet_do(self->p, resize, address, PRIME, PRIME + 7);
		ASSERT_TRUE(is_address(moved));
		EXPECT_EQ(before + PRIME + 7, held(self->a, privvmpages));
		/* to another place, with no room for even a page more */
		address = puppet_sys(self->p, SYS_mremap, moved,
				     (PRIME + 7) * PAGE, (PRIME + 7) * PAGE,
				     MREMAP_MAYMOVE);
		EXPECT_TRUE(is_address(address));
		EXPECT_EQ(before + PRIME + 7, held(self->a, privvmpages));
		address = puppet_do(self->p, resize, address, PRIME + 7, 5);
		EXPECT_EQ(before + 5, held(self->a, privvmpages));
		EXPECT_EXACT(self->a);
		EXPECT_EQ(0, puppet_do(self->p, unmap, address, 5, 0));
		EXPECT_EQ(before, held(self->a, privvmpages));
	}
	EXPECT_EQ(2, failcnt(self->a, privvmpages));
}

RESCORE_TEST_MAIN(NULL)
