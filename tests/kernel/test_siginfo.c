// SPDX-License-Identifier: GPL-2.0
/* numsiginfo: queued signals and timers, as SigQ in /proc/PID/status has them. */
#include <sys/signalfd.h>

#include "siginfo.h"

/* --- what puppets do ----------------------------------------------------------------- */

/* The same through a signalfd, which it closes. */
static long take_by_fd(long n, long b, long c)
{
	struct signalfd_siginfo info;
	sigset_t all;
	long i;
	int fd;

	sigfillset(&all);
	fd = signalfd(-1, &all, SFD_NONBLOCK);
	for (i = 0; i < n; i++)
		if (read(fd, &info, sizeof(info)) != sizeof(info))
			break;
	close(fd);
	return i;
}

static long delete_timers(long n, long b, long c)
{
	long i;

	for (i = 0; i < n; i++)
		if (syscall(SYS_timer_delete, timers[i]))
			return -errno;
	return i;
}

static long fire_timers(long n, long b, long c)
{
	struct itimerspec soon = { .it_value = { .tv_nsec = 1 } };
	sigset_t set;
	long i;

	for (i = 0; i < n; i++)
		syscall(SYS_timer_settime, timers[i], 0, &soon, NULL);
	sigpending(&set);
	return 0;
}

static long pending(long sig, long b, long c)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, sig);
}

static long ignore(long sig, long b, long c)
{
	return signal(sig, SIG_IGN) == SIG_ERR ? -errno : 0;
}

static volatile int faults;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	faults++;
	mprotect((void *)((uintptr_t)info->si_addr & ~4095UL), 4096,
		 PROT_READ | PROT_WRITE);
}

/* Fault @n times: what the kernel queues, and get_signal() takes by itself. */
static long fault(long n, long b, long c)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO,
	};
	sigset_t set;
	char *page;
	long i;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigaction(SIGSEGV, &action, NULL);
	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < n; i++) {
		*(volatile char *)page = 1;
		mprotect(page, 4096, PROT_NONE);
	}
	munmap(page, 4096);
	return faults;
}

static long kill_one(long pid, long sig, long c)
{
	return result(kill(pid, sig));
}

/* A child of the same user with every signal blocked, that waits. */
static long blocked_child(long a, long b, long c)
{
	return fork_idle(a, b, c);
}

/* --- counted -------------------------------------------------------------------------- */

TEST_F(siginfo, sigqueue)
{
	EXPECT_EQ(PRIME, puppet_do(self->p, queue, self->p->pid, RT, PRIME));
	EXPECT_QUEUED(PRIME);
	EXPECT_EQ(7, puppet_do(self->p, take, 7, 0, 0));
	EXPECT_QUEUED(PRIME - 7);
	EXPECT_EQ(5, puppet_do(self->p, take_by_fd, 5, 0, 0));
	EXPECT_QUEUED(PRIME - 12);
	EXPECT_EQ(PRIME, row(self->slot, numsiginfo).maxheld);
	EXPECT_EQ(PRIME - 12, puppet_do(self->p, take, PRIME, 0, 0));
	EXPECT_QUEUED(0);
}

/* One per number, however often it is sent. */
TEST_F(siginfo, ordinary_once)
{
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, puppet_do(self->p, kill_one, self->p->pid, SIGUSR2,
				       0));
		EXPECT_EQ(0, puppet_do(self->p, kill_one, self->p->pid, SIGTERM,
				       0));
	}
	EXPECT_QUEUED(2);
	EXPECT_EQ(2, puppet_do(self->p, take, 3, 0, 0));
	EXPECT_QUEUED(0);
}

/* SIG_IGN discards what waits, and stop and continue discard each other. */
TEST_F(siginfo, discarded)
{
	EXPECT_EQ(PRIME, puppet_do(self->p, queue, self->p->pid, RT, PRIME));
	EXPECT_EQ(5, puppet_do(self->p, queue, self->p->pid, RT + 1, 5));
	EXPECT_EQ(0, puppet_do(self->p, ignore, RT, 0, 0));
	EXPECT_QUEUED(5);
	/* blocked, so it waits although it is ignored */
	EXPECT_EQ(7, puppet_do(self->p, queue, self->p->pid, RT, 7));
	EXPECT_QUEUED(12);
	EXPECT_EQ(0, puppet_do(self->p, kill_one, self->p->pid, SIGTSTP, 0));
	EXPECT_QUEUED(13);
	EXPECT_EQ(0, puppet_do(self->p, kill_one, self->p->pid, SIGCONT, 0));
	EXPECT_QUEUED(13);
}

TEST_F(siginfo, timers)
{
	EXPECT_EQ(PRIME, puppet_do(self->p, make_timers, PRIME, 0, 0));
	EXPECT_QUEUED(PRIME);
	EXPECT_EQ(0, puppet_do(self->p, fire_timers, 7, 0, 0));
	EXPECT_TRUE(eventually(puppet_do(self->p, pending, RT, 0, 0) == 1));
	EXPECT_QUEUED(PRIME);
	EXPECT_LE(1, puppet_do(self->p, take, PRIME, 0, 0));
	EXPECT_QUEUED(PRIME);
	EXPECT_EQ(PRIME, puppet_do(self->p, delete_timers, PRIME, 0, 0));
	(void)puppet_do(self->p, take, PRIME, 0, 0);
	EXPECT_QUEUED(0);
}

TEST_F(siginfo, faults)
{
	EXPECT_EQ(PRIME, puppet_do(self->p, fault, PRIME, 0, 0));
	EXPECT_QUEUED(0);
	EXPECT_LE(1, row(self->slot, numsiginfo).maxheld);
}

/* SIGCHLD waits with its siginfo; one for all. */
TEST_F(siginfo, sigchld)
{
	long child = puppet_do(self->p, fork_zombie, 0, 0, 0);

	EXPECT_LT(0, child);
	EXPECT_QUEUED(1);
	EXPECT_EQ(child, puppet_do(self->p, reap, child, 0, 0));
	EXPECT_QUEUED(1);
	EXPECT_EQ(1, puppet_do(self->p, take, 2, 0, 0));
	EXPECT_QUEUED(0);
}

/* What a zombie has not taken stays until it is reaped, by whomever. */
TEST_F(siginfo, exit)
{
	long child = puppet_do(self->p, blocked_child, 0, 0, 0);

	ASSERT_LT(0, child);
	EXPECT_EQ(PRIME, puppet_do(self->p, queue, child, RT, PRIME));
	EXPECT_QUEUED(PRIME);
	EXPECT_EQ(child, puppet_do(self->p, kill_and_reap, child, 0, 0));
	/* the SIGCHLD */
	EXPECT_QUEUED(1);
}

/* --- refused ----------------------------------------------------------------------------- */

TEST_F(siginfo, bound)
{
	set_bounds(self->slot, numsiginfo, PRIME, PRIME);
	EXPECT_EQ(PRIME, puppet_do(self->p, queue, self->p->pid, RT, 100));
	EXPECT_QUEUED(PRIME);
	EXPECT_EQ(1, failcnt(self->slot, numsiginfo));
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, queue, self->p->pid, RT, 1));
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, kill_one, self->p->pid, RT, 0));
	EXPECT_EQ(-EAGAIN, puppet_sys(self->p, SYS_tgkill, self->p->pid,
				      self->p->pid, RT, 0));
	EXPECT_EQ(4, failcnt(self->slot, numsiginfo));
	/* is it there? and what has to arrive */
	EXPECT_EQ(0, puppet_do(self->p, kill_one, self->p->pid, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, kill_one, self->p->pid, SIGTERM, 0));
	EXPECT_QUEUED(PRIME + 1);
	EXPECT_EQ(2, puppet_do(self->p, take, 2, 0, 0));
	EXPECT_EQ(1, puppet_do(self->p, queue, self->p->pid, RT, 100));
	EXPECT_QUEUED(PRIME);
}

/* The administrator's arrive, from outside; and the tenant is killed. */
TEST_F(siginfo, host_passes)
{
	set_bounds(self->slot, numsiginfo, 0, 0);
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, queue, self->p->pid, RT, 1));
	EXPECT_EQ(7, queue(self->p->pid, RT, 7));
	EXPECT_HELD(7, self->slot, numsiginfo);
	EXPECT_EQ(1, failcnt(self->slot, numsiginfo));
	EXPECT_TRUE(WIFSIGNALED(puppet_end(self->p)));
	EXPECT_HELD(0, self->slot, numsiginfo);
}

TEST_F(siginfo, observe)
{
	set_bounds(self->slot, numsiginfo, 5, 5);
	ASSERT_EQ(0, rescore_set_mode(rs, self->slot, numsiginfo, true));
	EXPECT_EQ(PRIME, puppet_do(self->p, queue, self->p->pid, RT, PRIME));
	EXPECT_QUEUED(PRIME);
}

TEST_F(siginfo, lowered)
{
	EXPECT_EQ(PRIME, puppet_do(self->p, queue, self->p->pid, RT, PRIME));
	set_bounds(self->slot, numsiginfo, 7, 7);
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, queue, self->p->pid, RT, 1));
	EXPECT_EQ(PRIME - 7, puppet_do(self->p, take, PRIME - 7, 0, 0));
	EXPECT_EQ(-EAGAIN, puppet_do(self->p, queue, self->p->pid, RT, 1));
	EXPECT_EQ(1, puppet_do(self->p, take, 1, 0, 0));
	EXPECT_EQ(1, puppet_do(self->p, queue, self->p->pid, RT, 1));
	EXPECT_QUEUED(7);
}

/* --- tenants ------------------------------------------------------------------------------- */

/* The receiver pays, and its bound holds against another's sender. */
TEST_F(siginfo, receiver_pays)
{
	struct puppet *enemy = puppet_in(self->other);

	ASSERT_EQ(0, puppet_do(enemy, settle, 0, 0, 0));
	set_bounds(self->slot, numsiginfo, PRIME, PRIME);
	EXPECT_EQ(PRIME, puppet_do(enemy, queue, self->p->pid, RT, 100));
	EXPECT_QUEUED(PRIME);
	EXPECT_HELD(0, self->other, numsiginfo);
	EXPECT_EQ(1, failcnt(self->slot, numsiginfo));
	EXPECT_EQ(0, failcnt(self->other, numsiginfo));
	puppet_end(enemy);
	EXPECT_QUEUED(PRIME);
}

/* What waits stays with its payer; what comes later is the new container's. */
TEST_F(siginfo, moved)
{
	EXPECT_EQ(PRIME, puppet_do(self->p, queue, self->p->pid, RT, PRIME));
	ASSERT_EQ(0, move_to(self->p->pid, self->other));
	EXPECT_EQ(7, puppet_do(self->p, queue, self->p->pid, RT, 7));
	EXPECT_HELD(PRIME, self->slot, numsiginfo);
	EXPECT_HELD(7, self->other, numsiginfo);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(PRIME + 3, puppet_do(self->p, take, PRIME + 3, 0, 0));
	EXPECT_HELD(0, self->slot, numsiginfo);
	EXPECT_HELD(4, self->other, numsiginfo);
	puppet_end(self->p);
	EXPECT_HELD(0, self->other, numsiginfo);
}

/* Queue, take, discard, fault and die at random; nothing is left. */
static long storm(long seed, long rounds, long c)
{
	unsigned int x = seed;
	long i, pid;

	for (i = 0; i < rounds; i++) {
		switch (rand_r(&x) % 6) {
		case 0:
			queue(getpid(), RT + rand_r(&x) % 3, 5);
			break;
		case 1:
			take(3, 0, 0);
			break;
		case 2:
			signal(RT + 1, SIG_IGN);
			signal(RT + 1, SIG_DFL);
			break;
		case 3:
			if (make_timers(3, 0, 0) == 3)
				delete_timers(3, 0, 0);
			break;
		case 4:
			fault(1, 0, 0);
			break;
		case 5:
			pid = fork_idle(0, 0, 0);
			queue(pid, RT, 3);
			kill_and_reap(pid, 0, 0);
			break;
		}
	}
	return 0;
}

TEST_F(siginfo, storm)
{
	struct puppet *q = puppet_in(self->slot);
	int64_t want;

	ASSERT_EQ(0, puppet_do(q, settle, 0, 0, 0));
	set_bounds(self->slot, numsiginfo, 97, 97);
	puppet_send_call(q, storm, 23, 150, 0);
	EXPECT_EQ(0, puppet_do(self->p, storm, 29, 150, 0));
	EXPECT_EQ(0, puppet_answer(q));
	want = sigq(self->p->pid);
	EXPECT_QUEUED(want);
}

RESCORE_TEST_MAIN(NULL)
