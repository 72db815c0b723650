// SPDX-License-Identifier: GPL-2.0
/*
 * numproc: tasks of every making, from before they run until they are reaped,
 * in whichever container they are.
 */
#include <spawn.h>

#include "clone.h"
#include "puppet.h"

#define BASE "/sys/fs/cgroup/kt"

FIXTURE(numproc)
{
	int a;
	int b;
	struct puppet *p;
};

FIXTURE_SETUP(numproc)
{
	world_begin(_metadata);
	ASSERT_LT(0, self->a = make("kt-a"));
	ASSERT_LT(0, self->b = make("kt-b"));
	self->p = puppet_in(self->a);
}

FIXTURE_TEARDOWN(numproc)
{
	end_puppets();
	world_end(_metadata);
	rmdir(BASE "/x");
	rmdir(BASE);
}

/* Processes count until they are reaped. */
TEST_F(numproc, processes)
{
	pid_t pid[PRIME];
	int i;

	for (i = 0; i < PRIME; i++) {
		EXPECT_LT(0, pid[i] = puppet_do(self->p, fork_idle, 0, 0, 0));
		EXPECT_EQ(2 + i, held(self->a, numproc));
	}
	EXPECT_CLEAN_AUDIT(self->a);
	for (i = 0; i < PRIME; i++) {
		EXPECT_EQ(pid[i],
			  puppet_do(self->p, kill_and_reap, pid[i], 0, 0));
		EXPECT_EQ(PRIME - i, held(self->a, numproc));
	}
	EXPECT_EQ(1 + PRIME, row(self->a, numproc).maxheld);
}

/* Threads count as processes do. */
TEST_F(numproc, threads)
{
	EXPECT_EQ(0, puppet_do(self->p, threads_start, PRIME, 0, 0));
	EXPECT_EQ(1 + PRIME, held(self->a, numproc));
	EXPECT_EQ(1, rescore_nr_processes(rs, self->a));
	EXPECT_CLEAN_AUDIT(self->a);
	EXPECT_EQ(0, puppet_do(self->p, threads_stop, 0, 0, 0));
	EXPECT_HELD(1, self->a, numproc);

	set_bounds(self->a, numproc, 1 + 7, 1 + 7);
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, threads_start, PRIME, 0, 0));
	EXPECT_EQ(1 + 7, held(self->a, numproc));
	EXPECT_EQ(1, failcnt(self->a, numproc));
	EXPECT_EQ(0, puppet_do(self->p, threads_stop, 0, 0, 0));
	EXPECT_HELD(1, self->a, numproc);
}

static long vfork_wait(long a, long b, long c)
{
	pid_t pid = vfork();

	if (!pid) {
		while (!__atomic_load_n(&shm->number[0], __ATOMIC_ACQUIRE))
			sched_yield();
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	return result(waitpid(pid, NULL, 0)) == pid ? 0 : -ECHILD;
}

/* A vfork()ed child counts while its parent waits for it. */
TEST_F(numproc, vfork)
{
	shm->number[0] = 0;
	puppet_send_call(self->p, vfork_wait, 0, 0, 0);
	EXPECT_HELD(2, self->a, numproc);
	__atomic_store_n(&shm->number[0], 1, __ATOMIC_RELEASE);
	EXPECT_EQ(0, puppet_answer(self->p));
	EXPECT_EQ(1, held(self->a, numproc));
	set_bounds(self->a, numproc, 1, 1);
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, vfork_wait, 0, 0, 0));
}

/* Zombies count until somebody reaps them, and can fill a container. */
TEST_F(numproc, zombies)
{
	pid_t pid[PRIME];
	int i;

	set_bounds(self->a, numproc, 1 + PRIME, 1 + PRIME);
	for (i = 0; i < PRIME; i++)
		EXPECT_LT(0, pid[i] = puppet_do(self->p, fork_zombie, 0, 0, 0));
	EXPECT_EQ(1 + PRIME, held(self->a, numproc));
	EXPECT_EQ(1, rescore_nr_processes(rs, self->a));
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, fork_zombie, 0, 0, 0));
	EXPECT_CLEAN_AUDIT(self->a);
	for (i = 0; i < PRIME; i++)
		EXPECT_EQ(pid[i], puppet_do(self->p, reap, pid[i], 0, 0));
	EXPECT_EQ(1, held(self->a, numproc));
}

static long ignore_children(long n, long b, long c)
{
	signal(SIGCHLD, SIG_IGN);
	while (n--)
		if (!fork())
			_exit(0);
	return 0;
}

/* Children that nobody waits for are given back when they exit. */
TEST_F(numproc, autoreap)
{
	EXPECT_EQ(0, puppet_do(self->p, ignore_children, PRIME, 0, 0));
	EXPECT_HELD(1, self->a, numproc);
}

static void *stay(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* A process whose first thread has ended and whose second has not. */
static long fork_headless(long a, long b, long c)
{
	pthread_t thread;
	pid_t pid = fork();

	if (!pid) {
		if (pthread_create(&thread, NULL, stay, NULL))
			_exit(1);
		syscall(SYS_exit, 0);
	}
	return result(pid);
}

/* A dead thread group leader counts as long as its group lives. */
TEST_F(numproc, dead_leader)
{
	char path[64], state = 0;
	FILE *file;
	long pid;

	EXPECT_LT(0, pid = puppet_do(self->p, fork_headless, 0, 0, 0));
	EXPECT_HELD(3, self->a, numproc);
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	EXPECT_TRUE(eventually(({
		file = fopen(path, "r");
		if (fscanf(file, "%*d %*s %c", &state) != 1)
			state = 0;
		fclose(file);
		state == 'Z';
	})));
	EXPECT_EQ(3, held(self->a, numproc));
	EXPECT_CLEAN_AUDIT(self->a);
	EXPECT_EQ(pid, puppet_do(self->p, kill_and_reap, pid, 0, 0));
	EXPECT_EQ(1, held(self->a, numproc));
}

static void *exec_sleep(void *arg)
{
	execl("/bin/busybox", "sleep", "1000", NULL);
	_exit(errno);
}

static long exec_from_thread(long n, long b, long c)
{
	pid_t pid = fork();
	pthread_t thread;

	if (pid)
		return result(pid);
	threads.n = 0;
	threads_start(n, 0, 0);
	pthread_create(&thread, NULL, exec_sleep, NULL);
	for (;;)
		pause();
}

/* execve() in a thread ends the others and takes over the leader's pid. */
TEST_F(numproc, exec_in_thread)
{
	long pid;

	if (access("/bin/busybox", X_OK))
		SKIP(return, "no /bin/busybox");
	EXPECT_LT(0, pid = puppet_do(self->p, exec_from_thread, 5, 0, 0));
	EXPECT_TRUE(eventually(row(self->a, numproc).maxheld == 1 + 7));
	EXPECT_HELD(2, self->a, numproc);
	EXPECT_CLEAN_AUDIT(self->a);
	EXPECT_EQ(pid, puppet_do(self->p, kill_and_reap, pid, 0, 0));
	EXPECT_EQ(1, held(self->a, numproc));
}

/* --- forks that fail after they were charged --------------------------------------- */

/* Refused by the pids controller, later than by us: the charge comes back. */
TEST_F(numproc, fork_refused_by_pids_max)
{
	struct puppet *p = puppet_in(0);
	int slot, i;

	mkdir(BASE, 0755);
	if (write_file(BASE "/cgroup.subtree_control", "+pids"))
		SKIP(return, "no pids controller");
	mkdir(BASE "/x", 0755);
	ASSERT_LT(0, slot = make_at("kt-x", BASE "/x"));
	ASSERT_EQ(0, move_to(p->pid, slot));
	ASSERT_EQ(0, write_file(BASE "/x/pids.max", "1"));
	for (i = 0; i < PRIME; i++) {
		EXPECT_EQ(-EAGAIN, puppet_do(p, fork_idle, 0, 0, 0));
		EXPECT_HELD(1, slot, numproc);
	}
	EXPECT_EQ(0, failcnt(slot, numproc));
	EXPECT_EQ(2, row(slot, numproc).maxheld);
	EXPECT_EQ(-EAGAIN, puppet_do(p, threads_start, 1, 0, 0));
	EXPECT_HELD(1, slot, numproc);
	ASSERT_EQ(0, write_file(BASE "/x/pids.max", "max"));
	EXPECT_LT(0, puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_EQ(2, held(slot, numproc));
}

/* A pid that is taken, a bad place for the pidfd: late failures of clone3(). */
static long clone_bad_tid(long a, long b, long c)
{
	pid_t tid = getpid();
	struct clone_args args = {
		.set_tid = (uintptr_t)&tid,
		.set_tid_size = 1,
	};

	return clone_idle(&args);
}

static long clone_bad_pidfd(long a, long b, long c)
{
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = 1 };

	return clone_idle(&args);
}

TEST_F(numproc, clone_that_fails_late)
{
	int i;

	for (i = 0; i < PRIME; i++) {
		EXPECT_EQ(-EEXIST, puppet_do(self->p, clone_bad_tid, 0, 0, 0));
		EXPECT_EQ(-EFAULT,
			  puppet_do(self->p, clone_bad_pidfd, 0, 0, 0));
	}
	EXPECT_HELD(1, self->a, numproc);
	EXPECT_EQ(2, row(self->a, numproc).maxheld);
	EXPECT_EQ(0, failcnt(self->a, numproc));
	EXPECT_HELD(0, self->a, numfile);
}

/* Forks that a fatal signal cuts short, at any point of their way. */
TEST_F(numproc, killed_in_fork)
{
	struct puppet *p;
	int i;

	for (i = 0; i < 11; i++) {
		shm->number[0] = shm->number[1] = 0;
		p = puppet_in(self->b);
		puppet_send_call(p, fork_storm, 0, 0, 0);
		(void)eventually(
			__atomic_load_n(&shm->number[1], __ATOMIC_RELAXED) > i);
		puppet_end(p);
		/* a child that it left comes to us */
		EXPECT_TRUE(eventually(({
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
			held(self->b, numproc) == 0;
		})));
	}
	EXPECT_EQ(0, row(self->b, numproc).underflow);
}

/* --- CLONE_INTO_CGROUP ------------------------------------------------------------- */

/* From the host into a container: never refused, and counted there. */
TEST_F(numproc, clone_in)
{
	long pid;
	int i;

	set_bounds(self->b, numproc, 0, 0);
	for (i = 1; i <= PRIME; i++) {
		pid = clone_into((long)path_of(self->b), 0, 0);
		ASSERT_LT(0, pid);
		EXPECT_EQ(i, held(self->b, numproc));
		EXPECT_EQ(self->b, rescore_container_of(rs, pid));
	}
	EXPECT_EQ(0, failcnt(self->b, numproc));
	EXPECT_CLEAN_AUDIT(self->b);
}

/* Out of a container: checked against its own, counted nowhere. */
TEST_F(numproc, clone_out)
{
	long pid;

	EXPECT_LT(0,
		  pid = puppet_do(self->p, clone_into, "/sys/fs/cgroup", 0, 0));
	EXPECT_EQ(1, held(self->a, numproc));
	EXPECT_EQ(0, rescore_container_of(rs, pid));
	EXPECT_EQ(pid, puppet_do(self->p, kill_and_reap, pid, 0, 0));
	EXPECT_EQ(1, held(self->a, numproc));
	set_bounds(self->a, numproc, 1, 1);
	EXPECT_EQ(-EAGAIN,
		  puppet_do(self->p, clone_into, "/sys/fs/cgroup", 0, 0));
	EXPECT_EQ(1, held(self->a, numproc));
	EXPECT_EQ(0, row(self->a, numproc).underflow);
}

/* From one container to another: refused by its own, counted in the other. */
TEST_F(numproc, clone_across)
{
	long pid;

	set_bounds(self->b, numproc, 0, 0);
	strcpy(shm->scratch, path_of(self->b));
	EXPECT_LT(0, pid = puppet_do(self->p, clone_into, shm->scratch, 0, 0));
	EXPECT_EQ(1, held(self->a, numproc));
	EXPECT_EQ(1, held(self->b, numproc));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(pid, puppet_do(self->p, kill_and_reap, pid, 0, 0));
	EXPECT_EQ(0, held(self->b, numproc));
	set_bounds(self->a, numproc, 1, 1);
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, clone_into, shm->scratch, 0, 0));
	EXPECT_EQ(0, held(self->b, numproc));
}

/* --- moves --------------------------------------------------------------------------- */

/* A process moves with all its threads; its children and its files stay. */
TEST_F(numproc, move_threads)
{
	EXPECT_EQ(0, puppet_do(self->p, threads_start, 7, 0, 0));
	EXPECT_LT(0, puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(PUPPET_FD, puppet_open(self->p, "/dev/null", O_RDONLY));
	EXPECT_EQ(0, move_to(self->p->pid, self->b));
	EXPECT_EQ(8, held(self->b, numproc));
	EXPECT_EQ(1, held(self->a, numproc));
	EXPECT_EQ(1, held(self->a, numfile));
	EXPECT_EQ(0, held(self->b, numfile));
	EXPECT_EQ(PUPPET_FD + 1, puppet_open(self->p, "/dev/null", O_RDONLY));
	EXPECT_EQ(1, held(self->b, numfile));
	EXPECT_EQ(0, puppet_do(self->p, threads_stop, 0, 0, 0));
	EXPECT_HELD(1, self->b, numproc);
	EXPECT_CLEAN_AUDIT(0);
}

/* Moving into a full container, a thread group too, is never refused. */
TEST_F(numproc, move_into_full)
{
	int i;

	EXPECT_EQ(0, puppet_do(self->p, threads_start, 7, 0, 0));
	set_bounds(self->b, numproc, 3, 3);
	for (i = 0; i < 7; i++) {
		EXPECT_EQ(0, move_to(self->p->pid, self->b));
		EXPECT_EQ(8, held(self->b, numproc));
		EXPECT_EQ(0, held(self->a, numproc));
		EXPECT_EQ(-EAGAIN, puppet_do(self->p, fork_idle, 0, 0, 0));
		EXPECT_EQ(0, move_to(self->p->pid, i & 1 ? self->a : 0));
		EXPECT_EQ(0, held(self->b, numproc));
		EXPECT_EQ(i & 1 ? 8 : 0, held(self->a, numproc));
	}
	EXPECT_EQ(7, failcnt(self->b, numproc));
	EXPECT_EQ(0, row(self->b, numproc).underflow);
}

/* A zombie that was moved as a process counts where it died. */
TEST_F(numproc, move_then_reap)
{
	long pid, zombie;

	EXPECT_LT(0, zombie = puppet_do(self->p, fork_zombie, 0, 0, 0));
	EXPECT_LT(0, pid = puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(0, move_to(pid, self->b));
	EXPECT_EQ(0, move_to(self->p->pid, 0));
	EXPECT_EQ(1, held(self->a, numproc));
	EXPECT_EQ(1, held(self->b, numproc));
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, puppet_do(self->p, reap, pid, 0, 0));
	EXPECT_EQ(0, held(self->b, numproc));
	EXPECT_EQ(1, held(self->a, numproc));
	EXPECT_EQ(zombie, puppet_do(self->p, reap, zombie, 0, 0));
	EXPECT_EQ(0, held(self->a, numproc));
}

/*
 * Processes move between two containers and the host while they fork: at the
 * end everybody is counted where it is.
 */
TEST_F(numproc, move_storm)
{
	const int where[] = { 0, self->a, self->b };
	struct puppet *p[6];
	unsigned int i, j;

	shm->number[0] = shm->number[1] = 0;
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = puppet_in(self->a);
		EXPECT_EQ(0, puppet_do(p[i], threads_start, 3, 0, 0));
		puppet_send_call(p[i], fork_storm, 0, 0, 0);
	}
	/* until enough forks were made meanwhile, however slow the machine */
	for (j = 0; j < 101 || (shm->number[1] <= 100 && j < 10000); j++)
		for (i = 0; i < ARRAY_SIZE(p); i++)
			EXPECT_EQ(0, move_to(p[i]->pid, where[(i + j) % 3]));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		EXPECT_EQ(0, move_to(p[i]->pid, where[i % 3]));
	shm->number[0] = 1;
	for (i = 0; i < ARRAY_SIZE(p); i++)
		EXPECT_EQ(0, puppet_answer(p[i]));
	EXPECT_LT(100, shm->number[1]);
	EXPECT_HELD(1 + 2 * 4, self->a, numproc);
	EXPECT_HELD(2 * 4, self->b, numproc);
	EXPECT_EQ(0, row(self->a, numproc).underflow);
	EXPECT_EQ(0, row(self->b, numproc).underflow);
	EXPECT_CLEAN_AUDIT(0);
}

/* What is spawned is refused with EAGAIN as well. */
static long spawn(long a, long b, long c)
{
	char *argv[] = { "true", NULL };
	pid_t pid;
	int err = posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ);

	if (!err)
		waitpid(pid, NULL, 0);
	return -err;
}

TEST_F(numproc, spawn)
{
	EXPECT_EQ(0, puppet_do(self->p, spawn, 0, 0, 0));
	EXPECT_EQ(1, held(self->a, numproc));
	set_bounds(self->a, numproc, 1, 1);
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, spawn, 0, 0, 0));
}

RESCORE_TEST_MAIN(NULL)
