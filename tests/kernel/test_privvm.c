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

/* --- fork, exec, threads ------------------------------------------------------------- */

/* A fork is as large as what it copies, or it is refused. */
TEST_F(privvm, fork)
{
	int64_t one = held(self->a, privvmpages);
	long pid;

	leave_room(self->a, one - 1);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(one, held(self->a, privvmpages));
	EXPECT_EQ(1, failcnt(self->a, privvmpages));
	EXPECT_EQ(1, settled(self->a, numproc, 1));
	leave_room(self->a, one);
	pid = puppet_do(self->p, fork_idle, 0, 0, 0);
	ASSERT_LT(0, pid);
	EXPECT_EQ(2 * one, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(2 * one, held(self->a, privvmpages));
	puppet_do(self->p, kill_and_reap, pid, 0, 0);
	EXPECT_HELD(one, self->a, privvmpages);
	EXPECT_EQ(2, failcnt(self->a, privvmpages));
}

/*
 * Nothing but MAP_NORESERVE is copied, of which the kernel does not ask: a fork is
 * refused all the same, by whichever level has no room.
 */
static long fork_unasked(long pages, long b, long c)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	char line[512], rights[8];
	long at, pid, i = 0;
	static struct {
		unsigned long from, to;
	} seen[64];

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 &&
		    rights[3] == 'p' && i < 64) {
			seen[i].from = from;
			seen[i++].to = to;
		}
	if (maps)
		fclose(maps);
	at = map(pages, RW, PRIVATE | MAP_NORESERVE);
	while (i--)
		madvise((void *)seen[i].from, seen[i].to - seen[i].from,
			MADV_DONTFORK);
	/* the child has no program: it dies as soon as it runs */
	pid = result(syscall(SYS_fork));
	if (pid > 0)
		waitpid(pid, NULL, 0);
	munmap((void *)at, pages * PAGE);
	return pid;
}

TEST_F(privvm, fork_unasked)
{
	int below = make_below("kt-privvm-c", NULL, self->b);
	struct puppet *q;
	int64_t one;

	ASSERT_LT(0, below);
	q = tenant_in(below);
	EXPECT_LT(0, puppet_do(q, fork_unasked, PRIME, 0, 0));
	one = held(below, privvmpages);
	set_bounds(self->b, privvmpages, 2 * one + 2 * PRIME - 1,
		   2 * one + 2 * PRIME - 1);
	EXPECT_EQ(-ENOMEM, puppet_do(q, fork_unasked, PRIME, 0, 0));
	EXPECT_EQ(1, failcnt(self->b, privvmpages));
	EXPECT_EQ(0, failcnt(below, privvmpages));
	EXPECT_EQ(one, held(below, privvmpages));
	EXPECT_EQ(one, held(self->b, privvmpages));
	set_bounds(self->b, privvmpages, 2 * one + 2 * PRIME,
		   2 * one + 2 * PRIME);
	EXPECT_LT(0, puppet_do(q, fork_unasked, PRIME, 0, 0));
	EXPECT_HELD(one, self->b, privvmpages);
	EXPECT_EQ(2 * one + 2 * PRIME, row(self->b, privvmpages).maxheld);
	set_bounds(below, privvmpages, 2 * one + 2 * PRIME - 1,
		   2 * one + 2 * PRIME - 1);
	EXPECT_EQ(-ENOMEM, puppet_do(q, fork_unasked, PRIME, 0, 0));
	EXPECT_EQ(1, failcnt(below, privvmpages));
	EXPECT_EQ(one, held(self->b, privvmpages));
}

/* A fork that another limit refuses leaves nothing, in whatever order they look. */
TEST_F(privvm, fork_refused_by_numproc)
{
	int64_t one = held(self->a, privvmpages);
	int i;

	set_bounds(self->a, numproc, 1, 1);
	for (i = 0; i < PRIME; i++)
		EXPECT_EQ(-EAGAIN, puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(one, held(self->a, privvmpages));
	EXPECT_EQ(0, failcnt(self->a, privvmpages));
	EXPECT_EXACT(self->a);
}

/* madvise(MADV_DONTFORK): the child has less. */
TEST_F(privvm, dontfork)
{
	int64_t one = held(self->a, privvmpages);
	long address = puppet_do(self->p, map, PRIME, RW, PRIVATE), pid;

	ASSERT_TRUE(is_address(address));
	EXPECT_EQ(0, puppet_sys(self->p, SYS_madvise, address, PRIME * PAGE,
				MADV_DONTFORK, 0));
	pid = puppet_do(self->p, fork_idle, 0, 0, 0);
	ASSERT_LT(0, pid);
	EXPECT_EQ(2 * one + PRIME, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	puppet_do(self->p, kill_and_reap, pid, 0, 0);
}

/* Whoever shares the memory adds nothing: threads, vfork. */
static long vfork_exec(long path, long b, long c)
{
	char *argv[] = { "sleep", "1000", NULL };
	pid_t pid = vfork();

	if (!pid) {
		execv((char *)path, argv);
		_exit(1);
	}
	return result(pid);
}

TEST_F(privvm, shared)
{
	int64_t before = held(self->a, privvmpages);
	long pid;

	EXPECT_EQ(0, puppet_do(self->p, threads_start, 3, 0, 0));
	EXPECT_LT(before, held(self->a, privvmpages));	/* their stacks */
	EXPECT_EXACT(self->a);
	EXPECT_EQ(0, puppet_do(self->p, threads_stop, 0, 0, 0));
	EXPECT_EXACT(self->a);
	before = held(self->a, privvmpages);
	pid = puppet_do(self->p, vfork_exec, "/bin/busybox", 0, 0);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(eventually(true_private(self->a) ==
			       held(self->a, privvmpages)));
	EXPECT_LT(before, held(self->a, privvmpages));
	puppet_do(self->p, kill_and_reap, pid, 0, 0);
	EXPECT_HELD(before, self->a, privvmpages);
}

static long fork_exec(long path, long b, long c)
{
	char *argv[] = { "sleep", "1000", NULL };
	pid_t pid = fork();

	if (!pid) {
		execv((char *)path, argv);
		for (;;)
			pause();
	}
	return result(pid);
}

static bool runs(pid_t pid, const char *name)
{
	FILE *file = fopen(text("/proc/%d/comm", pid), "re");
	char comm[32] = "";

	if (file && !fgets(comm, sizeof(comm), file))
		comm[0] = '\0';
	if (file)
		fclose(file);
	return !strncmp(comm, name, strlen(name));
}

/* exec: the old memory goes, the new one is the new container's. */
TEST_F(privvm, exec)
{
	int64_t one = held(self->a, privvmpages);
	long pid;

	pid = puppet_do(self->p, fork_exec, "/bin/busybox", 0, 0);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(eventually(runs(pid, "busybox") || runs(pid, "sleep")));
	EXPECT_TRUE(eventually(true_private(self->a) ==
			       held(self->a, privvmpages)));
	EXPECT_LT(one, held(self->a, privvmpages));
	puppet_do(self->p, kill_and_reap, pid, 0, 0);
	EXPECT_HELD(one, self->a, privvmpages);
	/* one that fails */
	pid = puppet_do(self->p, fork_exec, "/nowhere", 0, 0);
	ASSERT_LT(0, pid);
	EXPECT_HELD(2 * one, self->a, privvmpages);
	EXPECT_EXACT(self->a);
	pid = puppet_do(self->p, kill_and_reap, pid, 0, 0);
	EXPECT_HELD(one, self->a, privvmpages);
}

/* A move takes no memory along; an exec after it does. */
static long fork_exec_on_signal(long path, long b, long c)
{
	char *argv[] = { "sleep", "1000", NULL };
	pid_t pid = fork();

	if (!pid) {
		sigset_t set;
		int sig;

		sigemptyset(&set);
		sigaddset(&set, SIGUSR2);
		sigprocmask(SIG_BLOCK, &set, NULL);
		shm->number[5] = 1;
		sigwait(&set, &sig);
		execv((char *)path, argv);
		_exit(1);
	}
	return result(pid);
}

TEST_F(privvm, move)
{
	int64_t one = held(self->a, privvmpages);
	long pid;

	shm->number[5] = 0;
	pid = puppet_do(self->p, fork_exec_on_signal, "/bin/busybox", 0, 0);
	ASSERT_LT(0, pid);
	EXPECT_HELD(2 * one, self->a, privvmpages);
	ASSERT_EQ(0, move_to(pid, self->b));
	EXPECT_EQ(2 * one, held(self->a, privvmpages));
	EXPECT_EQ(0, held(self->b, privvmpages));
	ASSERT_TRUE(eventually(shm->number[5]));
	kill(pid, SIGUSR2);
	EXPECT_TRUE(eventually(runs(pid, "busybox") || runs(pid, "sleep")));
	EXPECT_HELD(one, self->a, privvmpages);
	EXPECT_TRUE(eventually(true_private(self->b) ==
			       held(self->b, privvmpages)));
	EXPECT_LT(0, held(self->b, privvmpages));
	EXPECT_EXACT(self->a);
	/* back, and killed: it leaves the one that paid */
	ASSERT_EQ(0, move_to(pid, self->a));
	puppet_do(self->p, kill_and_reap, pid, 0, 0);
	EXPECT_HELD(0, self->b, privvmpages);
	EXPECT_HELD(one, self->a, privvmpages);
}

/* --- stacks ---------------------------------------------------------------------------- */

static long grow_stack(long pages, long b, long c)
{
	volatile char *page = __builtin_alloca(pages * PAGE);
	long i;

	for (i = pages - 1; i >= 0; i--)
		page[i * PAGE] = 1;
	return 0;
}

TEST_F(privvm, stack)
{
	int64_t before = held(self->a, privvmpages);

	EXPECT_EQ(0, puppet_do(self->p, grow_stack, 101, 0, 0));
	EXPECT_LE(before + 60, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	/* above the barrier it grows, above the limit it does not */
	before = held(self->a, privvmpages);
	set_bounds(self->a, privvmpages, before, before + 150);
	EXPECT_EQ(0, puppet_do(self->p, grow_stack, 201, 0, 0));
	EXPECT_LT(before, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	EXPECT_EQ(-ENOTCONN, puppet_do(self->p, grow_stack, 401, 0, 0));
	EXPECT_EQ(1, failcnt(self->a, privvmpages));
	EXPECT_GE(before + 150, row(self->a, privvmpages).maxheld);
	EXPECT_HELD(0, self->a, privvmpages);
}

/* --- what a tenant may try ----------------------------------------------------------------- */

/* A system call of the 32-bit table, which any program may make. */
static long call32(long nr, long a, long b, long c, long d)
{
	long ret;

	asm volatile("push %%rbp\n\t"
		     "xor %%ebp, %%ebp\n\t"
		     "int $0x80\n\t"
		     "pop %%rbp"
		     : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(-1L)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret < 0 && (int)ret > -4096 ? (int)ret :
						  (long)(uint32_t)ret;
}

static long map32(long pages, long flags, long old)
{
	static uint32_t *args;

	if (!old)
		return call32(192, 0, pages * PAGE, RW, flags);
	if (!args)
		args = mmap(NULL, PAGE, RW, PRIVATE | MAP_32BIT, -1, 0);
	args[0] = 0;
	args[1] = pages * PAGE;
	args[2] = RW;
	args[3] = flags;
	args[4] = -1;
	args[5] = 0;
	return call32(90, (long)args, 0, 0, 0);
}

static long unmap32(long address, long pages, long c)
{
	return call32(91, address, pages * PAGE, 0, 0);
}

static long protect32(long address, long pages, long prot)
{
	return call32(125, address, pages * PAGE, prot, 0);
}

static long resize32(long address, long from, long to)
{
	return call32(163, address, from * PAGE, to * PAGE, MREMAP_MAYMOVE);
}

/* With the numbers and registers of 32 bits it is all the same. */
TEST_F(privvm, compat)
{
	static const long flags[] = { PRIVATE, PRIVATE | MAP_NORESERVE };
	int64_t before;
	long address;
	int i, old;

	if (puppet_do(self->p, map32, 1, PRIVATE, 1) < 0 ||
	    puppet_do(self->p, map32, 1, PRIVATE, 0) < 0)
		SKIP(return, "the kernel has no 32-bit system calls");
	before = held(self->a, privvmpages);
	EXPECT_EXACT(self->a);
	for (i = 0; i < 4; i++) {
		old = i & 1;
		leave_room(self->a, PRIME);
		EXPECT_EQ(-ENOMEM, puppet_do(self->p, map32, PRIME + 1,
					     flags[i / 2], old));
		address = puppet_do(self->p, map32, PRIME, flags[i / 2], old);
		ASSERT_LT(0, address);
		EXPECT_EQ(before + PRIME, held(self->a, privvmpages));
		EXPECT_EQ(-ENOMEM, puppet_do(self->p, resize32, address, PRIME,
					     PRIME + 1));
		EXPECT_EQ(0, puppet_do(self->p, protect32, address, PRIME,
				       PROT_NONE));
		EXPECT_EQ(before, held(self->a, privvmpages));
		leave_room(self->a, PRIME - 1);
		EXPECT_EQ(-ENOMEM,
			  puppet_do(self->p, protect32, address, PRIME, RW));
		EXPECT_EXACT(self->a);
		EXPECT_EQ(0, puppet_do(self->p, unmap32, address, PRIME, 0));
		EXPECT_EQ(before, held(self->a, privvmpages));
	}
}

/* The rest of the ways around the kernel's own question. */
static long more(long address, long from, long to)
{
	return resize(address, from, to);
}

TEST_F(privvm, dodges)
{
	int64_t before;
	long none, zero;

	none = puppet_do(self->p, map, 3, RW, PRIVATE | MAP_NORESERVE);
	ASSERT_TRUE(is_address(none));
	zero = puppet_open(self->p, "/dev/zero", O_RDWR);
	ASSERT_LE(0, zero);
	before = held(self->a, privvmpages);
	leave_room(self->a, 0);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, more, none, 3, PRIME));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map, PRIME, PROT_NONE,
				     PRIVATE | MAP_GROWSDOWN));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map, PRIME, RW,
				     PRIVATE | MAP_STACK | MAP_NORESERVE));
	EXPECT_EQ(-ENOMEM, result((long)puppet_sys(self->p, SYS_mremap, none,
						   3 * PAGE, 3 * PAGE, 5)));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(before, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	/* and with every setting of vm.overcommit_memory */
	ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_memory", "1"));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map, 1, RW, PRIVATE));
	EXPECT_EQ(-ENOMEM,
		  puppet_do(self->p, map, 1, RW, PRIVATE | MAP_NORESERVE));
	ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_memory", "2"));
	EXPECT_EQ(-ENOMEM,
		  puppet_do(self->p, map, 1, RW, PRIVATE | MAP_NORESERVE));
	leave_room(self->a, 1);
	EXPECT_TRUE(is_address(
		puppet_do(self->p, map, 1, RW, PRIVATE | MAP_NORESERVE)));
	ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_memory", "0"));
	EXPECT_EXACT(self->a);
}

/* Huge pages from the pool: the kernel does not ask about them. */
TEST_F(privvm, hugetlb)
{
	int64_t before = held(self->a, privvmpages);
	long address;

	write_file("/proc/sys/vm/nr_hugepages", "8");
	address = puppet_do(self->p, map, 3 * 512, RW, PRIVATE | MAP_HUGETLB);
	if (!is_address(address)) {
		write_file("/proc/sys/vm/nr_hugepages", "0");
		SKIP(return, "no huge pages");
	}
	EXPECT_EQ(before + 3 * 512, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	leave_room(self->a, 511);
	/* one page asks for 512 */
	EXPECT_EQ(-ENOMEM,
		  puppet_do(self->p, map, 1, RW, PRIVATE | MAP_HUGETLB));
	leave_room(self->a, 512);
	EXPECT_TRUE(is_address(
		puppet_do(self->p, map, 1, RW, PRIVATE | MAP_HUGETLB)));
	EXPECT_EXACT(self->a);
	EXPECT_EQ(0, puppet_do(self->p, unmap, address, 3 * 512, 0));
	EXPECT_EQ(before + 512, held(self->a, privvmpages));
	write_file("/proc/sys/vm/nr_hugepages", "0");
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
