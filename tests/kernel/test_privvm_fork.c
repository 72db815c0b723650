// SPDX-License-Identifier: GPL-2.0
/* privvmpages: fork, exec, threads, moves, stacks. */
#include "privvm.h"

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

static char sharer_stack[16 * 4096];

/* A process of its own in its parent's memory: maps 23 pages there, and stays. */
static int sharer(void *arg)
{
	*(long *)arg = map(23, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS);
	return pause();
}

static long clone_sharer(long b, long c, long d)
{
	shm->number[0] = 0;
	return result(clone(sharer, sharer_stack + sizeof(sharer_stack),
			    CLONE_VM | SIGCHLD, &shm->number[0]));
}

/* A process with CLONE_VM: the memory is counted once, whoever of the two maps. */
TEST_F(privvm, clone_vm)
{
	int64_t before = held(self->a, privvmpages);
	long pid = puppet_do(self->p, clone_sharer, 0, 0, 0);

	ASSERT_LT(0, pid);
	EXPECT_TRUE(eventually(shm->number[0]));
	EXPECT_LT(0, shm->number[0]);
	EXPECT_HELD(before + 23, self->a, privvmpages);
	puppet_do(self->p, kill_and_reap, pid, 0, 0);
	/* its parent has the mapping still */
	EXPECT_HELD(before + 23, self->a, privvmpages);
	EXPECT_EQ(0, puppet_do(self->p, unmap, shm->number[0], 23, 0));
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
	/* its execve may only be about to begin, with a page of a new stack */
	EXPECT_TRUE(eventually(true_private(self->a) == 2 * one &&
			       held(self->a, privvmpages) == 2 * one));
	pid = puppet_do(self->p, kill_and_reap, pid, 0, 0);
	EXPECT_HELD(one, self->a, privvmpages);
}

/*
 * An execve that fails as the kernel makes the first page of its stack: that
 * address space is given up in another way than all others.
 */
static long exec_now(long path, long b, long c)
{
	char *argv[] = { "true", NULL };

	return result(execv((char *)path, argv));
}

TEST_F(privvm, exec_without_memory)
{
	int64_t one = held(self->a, privvmpages);
	long ret;

	ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_memory", "2"));
	ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_kbytes", "1"));
	ret = puppet_do(self->p, exec_now, "/bin/busybox", 0, 0);
	ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_ratio", "50"));
	ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_memory", "0"));
	EXPECT_EQ(-ENOMEM, ret);
	EXPECT_HELD(one, self->a, privvmpages);
	EXPECT_EXACT(self->a);
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

RESCORE_TEST_MAIN(NULL)
