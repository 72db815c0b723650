// SPDX-License-Identifier: GPL-2.0
/* privvmpages: what one address space asks for, and the race for the last pages. */
#include "privvm.h"

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
		EXPECT_EQ(-ENOMEM,
			  puppet_do(self->p, map, PRIME + 1, RW, flags[i]));
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

/* Memory that becomes writable, in whatever way it was made. */
TEST_F(privvm, mprotect)
{
	static const struct {
		long prot, flags;
	} kinds[] = {
		{ PROT_NONE, PRIVATE },
		{ PROT_READ, PRIVATE },
		{ PROT_NONE, PRIVATE | MAP_NORESERVE },
		{ PROT_READ, PRIVATE | MAP_NORESERVE },
	};
	int64_t before = held(self->a, privvmpages);
	uint64_t refused = 0;
	long address;
	size_t i;

	leave_room(self->a, PRIME);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		address = puppet_do(self->p, map, 3 * PRIME, kinds[i].prot,
				    kinds[i].flags);
		ASSERT_TRUE(is_address(address));
		EXPECT_EQ(-ENOMEM,
			  puppet_do(self->p, protect, address, PRIME + 1, RW));
		EXPECT_EQ(++refused, failcnt(self->a, privvmpages));
		EXPECT_EQ(before, held(self->a, privvmpages));
		/* from the middle: only what is asked for is counted */
		EXPECT_EQ(0, puppet_do(self->p, protect, address + PRIME * PAGE,
				       PRIME, RW));
		EXPECT_EQ(before + PRIME, held(self->a, privvmpages));
		EXPECT_EQ(0, puppet_do(self->p, protect, address + PRIME * PAGE,
				       PRIME, PROT_READ));
		EXPECT_EQ(before, held(self->a, privvmpages));
		/* what was writable once: the kernel does not ask again */
		leave_room(self->a, PRIME - 1);
		EXPECT_EQ(-ENOMEM,
			  puppet_do(self->p, protect, address + PRIME * PAGE,
				    PRIME, RW));
		EXPECT_EQ(++refused, failcnt(self->a, privvmpages));
		leave_room(self->a, PRIME);
		EXPECT_EQ(0, puppet_do(self->p, protect, address + PRIME * PAGE,
				       PRIME, RW));
		EXPECT_EXACT(self->a);
		EXPECT_EQ(0, puppet_do(self->p, unmap, address, 3 * PRIME, 0));
		EXPECT_EQ(before, held(self->a, privvmpages));
	}
	EXPECT_EQ(refused, failcnt(self->a, privvmpages));
	EXPECT_EQ(before + PRIME, row(self->a, privvmpages).maxheld);
}

/* Touched, made read-only while others take the room, and made writable again. */
static long touch(long address, long pages, long c)
{
	memset((void *)address, 1, pages * PAGE);
	return 0;
}

TEST_F(privvm, writable_again)
{
	struct puppet *other = tenant_in(self->a);
	long address, taken;

	address = puppet_do(self->p, map, PRIME, RW, PRIVATE);
	ASSERT_TRUE(is_address(address));
	EXPECT_EQ(0, puppet_do(self->p, touch, address, PRIME, 0));
	leave_room(self->a, 0);
	EXPECT_EQ(0, puppet_do(self->p, protect, address, PRIME, PROT_READ));
	taken = puppet_do(other, map, PRIME, RW, PRIVATE);
	EXPECT_TRUE(is_address(taken));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, protect, address, PRIME, RW));
	/* what one gives back, the other gets at once */
	EXPECT_EQ(0, puppet_do(other, unmap, taken, PRIME, 0));
	EXPECT_EQ(0, puppet_do(self->p, protect, address, PRIME, RW));
	EXPECT_EXACT(self->a);
}

/* In place of something else: only what it adds is asked for. */
static long map_over(long address, long pages, long flags)
{
	return result((long)mmap((void *)address, pages * PAGE, RW,
				 PRIVATE | MAP_FIXED | flags, -1, 0));
}

TEST_F(privvm, overlay)
{
	long address = puppet_do(self->p, map, 2 * PRIME, RW, PRIVATE);
	int64_t before = held(self->a, privvmpages);

	ASSERT_TRUE(is_address(address));
	leave_room(self->a, 0);
	EXPECT_EQ(address, puppet_do(self->p, map_over, address, PRIME, 0));
	EXPECT_EQ(before, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	/* over what is not counted */
	EXPECT_EQ(0, puppet_do(self->p, protect, address, PRIME, PROT_NONE));
	leave_room(self->a, PRIME - 1);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map_over, address, PRIME, 0));
	EXPECT_EQ(-ENOMEM,
		  puppet_do(self->p, map_over, address, PRIME, MAP_NORESERVE));
	EXPECT_EXACT(self->a);
}

/* The kernel takes off what it accounts still, though it is not counted any more. */
TEST_F(privvm, overlay_of_touched)
{
	long address = puppet_do(self->p, map, PRIME, RW, PRIVATE);
	int64_t before = held(self->a, privvmpages) - PRIME;

	ASSERT_TRUE(is_address(address));
	EXPECT_EQ(0, puppet_do(self->p, touch, address, PRIME, 0));
	EXPECT_EQ(0, puppet_do(self->p, protect, address, PRIME, PROT_READ));
	EXPECT_EQ(before, held(self->a, privvmpages));
	leave_room(self->a, PRIME - 1);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map_over, address, PRIME, 0));
	EXPECT_EXACT(self->a);
	leave_room(self->a, PRIME);
	EXPECT_EQ(address, puppet_do(self->p, map_over, address, PRIME, 0));
	EXPECT_EQ(before + PRIME, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
}

/* Of @pages at @address: read-only, holes, shared. Returns how many are counted. */
static long patch(long address, long pages, long seed)
{
	unsigned int state = seed;
	long i, counted = 0;

	for (i = 0; i < pages; i++) {
		void *at = (void *)(address + i * PAGE);
		long error = 0;

		switch (rand_r(&state) % 5) {
		case 0:
			error = mprotect(at, PAGE, PROT_READ);
			break;
		case 1:
			error = munmap(at, PAGE);
			break;
		case 2:
			error = mmap(at, PAGE, RW,
				     MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS, -1,
				     0) != at;
			break;
		default:
			counted++;
		}
		if (error)
			return -errno;
	}
	return counted;
}

/* Thousands of mappings and holes: many levels of the kernel's tree of them. */
TEST_F(privvm, overlay_of_many)
{
	const long n = 4000, skip = 3; /* it begins and ends inside a mapping */
	long address, counted, seed = time(NULL);

	TH_LOG("seed %ld", seed);
	address = puppet_do(self->p, map, n + 2 * skip, RW, PRIVATE);
	ASSERT_TRUE(is_address(address));
	counted = puppet_do(self->p, patch, address + skip * PAGE, n, seed);
	ASSERT_LT(n / 4, counted);
	address += (skip - 1) * PAGE;
	leave_room(self->a, n - counted - 1);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map_over, address, n + 2, 0));
	EXPECT_EXACT(self->a);
	leave_room(self->a, n - counted);
	EXPECT_EQ(address, puppet_do(self->p, map_over, address, n + 2, 0));
	EXPECT_EQ(row(self->a, privvmpages).limit, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
}

/* An mmap that fails after it was asked about leaves nothing. */
static long map_badly(long address, long flags, long c)
{
	return result((long)mmap((void *)address, PRIME * PAGE, RW,
				 MAP_PRIVATE | flags, open("/", O_RDONLY), 0));
}

TEST_F(privvm, failed_mmap)
{
	long address = puppet_do(self->p, map, PRIME, RW, PRIVATE);
	int64_t before = held(self->a, privvmpages);

	ASSERT_TRUE(is_address(address));
	EXPECT_EQ(-EEXIST,
		  puppet_do(self->p, map_badly, address,
			    MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE,
			    0));
	EXPECT_EQ(before, held(self->a, privvmpages));
	EXPECT_EQ(-ENODEV, puppet_do(self->p, map_badly, 0, 0, 0));
	EXPECT_EQ(before, held(self->a, privvmpages));
	EXPECT_EQ(-ENODEV, puppet_do(self->p, map_badly, 0, MAP_NORESERVE, 0));
	EXPECT_EQ(before, held(self->a, privvmpages));
	EXPECT_EQ(0, puppet_do(self->p, close_from, PUPPET_FD, 0, 0));
	EXPECT_EXACT(self->a);
}

/* Observed, nothing is refused, and what would have been is counted. */
TEST_F(privvm, observe)
{
	int64_t before = held(self->a, privvmpages);
	long pid;

	ASSERT_EQ(0, rescore_set_mode(rs, self->a, privvmpages, true));
	leave_room(self->a, 0);
	EXPECT_TRUE(is_address(puppet_do(self->p, map, PRIME, RW, PRIVATE)));
	EXPECT_EQ(before + PRIME, held(self->a, privvmpages));
	EXPECT_EQ(1, failcnt(self->a, privvmpages));
	pid = puppet_do(self->p, fork_idle, 0, 0, 0);
	ASSERT_LT(0, pid);
	EXPECT_EQ(2, failcnt(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	puppet_do(self->p, kill_and_reap, pid, 0, 0);
	/* enforced again, above the bound: nothing but giving back */
	ASSERT_EQ(0, rescore_set_mode(rs, self->a, privvmpages, false));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map, 1, RW, PRIVATE));
	EXPECT_EXACT(self->a);
}

/* --- racing for the last pages ------------------------------------------------------------ */

static void *map_in_thread(void *arg)
{
	long flags = (long)arg, address, i;

	for (i = 0; i < 500; i++) {
		address = map(7, RW, flags);
		if (is_address(address))
			unmap(address, 7, 0);
	}
	return NULL;
}

static long map_in_threads(long n, long flags, long c)
{
	pthread_t thread[8];
	long i;

	for (i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, map_in_thread,
				   (void *)(PRIVATE | flags)))
			return -ENOMEM;
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

/* Threads and processes at once: the bound holds at every instant. */
TEST_F(privvm, race)
{
	static const long flags[] = { 0, MAP_NORESERVE };
	struct puppet *other = tenant_in(self->a);
	int64_t bound;
	size_t i;

	/* their stacks and heaps, which stay */
	EXPECT_EQ(0, puppet_do(self->p, map_in_threads, 4, 0, 0));
	EXPECT_EQ(0, puppet_do(other, map_in_threads, 4, 0, 0));
	EXPECT_EXACT(self->a);
	bound = row(self->a, privvmpages).maxheld + 4 * 2100;
	set_bounds(self->a, privvmpages, bound, bound);
	for (i = 0; i < 2; i++) {
		puppet_send_call(self->p, map_in_threads, 4, flags[i], 0);
		puppet_send_call(other, map_in_threads, 4, flags[i], 0);
		puppet_answer(self->p);
		puppet_answer(other);
		EXPECT_GE(bound, row(self->a, privvmpages).maxheld);
		EXPECT_EXACT(self->a);
	}
}

RESCORE_TEST_MAIN(NULL)
