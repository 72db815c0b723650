// SPDX-License-Identifier: GPL-2.0
/*
 * numsiginfo: what becomes of queued signals when tasks exec, exit and change
 * their user, who frees them from outside, and senders that race.
 */
#include "siginfo.h"

#define SENDERS	4
#define ROUNDS	20
#define EACH	100	/* that each sender tries in a round */

/* --- what puppets do ----------------------------------------------------------------- */

/* A child with @timers timers and @n signals that wait, which becomes another program. */
static long loaded_child(long nr_timers, long n, long program)
{
	pid_t pid = fork();

	if (pid)
		return result(pid);
	if (make_timers(nr_timers, 0, 0) != nr_timers ||
	    queue(getpid(), RT, n) != n)
		_exit(1);
	if (program)
		execl("/bin/busybox", "sleep", "1000", NULL);
	else
		for (;;)
			pause();
	_exit(1);
}

/* Queue @n to a thread of its own, that is there still. */
static long queue_to_thread(long n, long b, long c)
{
	long i;
	int err;

	for (i = 0; i < n; i++) {
		err = pthread_sigqueue(threads.thread[0], RT,
				       (union sigval){ .sival_int = i });
		if (err)
			return i ?: -err;
	}
	return i;
}

/* Into a user namespace of its own, where it is root. */
static long become_root(long a, long b, long c)
{
	int err = prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER) ? -errno :
									0;

	return err ?: write_file("/proc/self/uid_map", text("0 %d 1", UID));
}

static long race(long pid, long b, long c)
{
	long n;

	pthread_barrier_wait(&shm->barrier);
	n = queue(pid, RT, EACH);
	return n < 0 ? 0 : n;
}

/* --- exec and exit ------------------------------------------------------------------- */

static bool is_called(long pid, const char *name)
{
	char line[64] = "";
	FILE *file = fopen(text("/proc/%ld/comm", pid), "re");

	if (file && fgets(line, sizeof(line), file))
		line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
	return !strcmp(line, name);
}

/* What waits goes on to wait; timers are deleted. */
TEST_F(siginfo, exec)
{
	long child = puppet_do(self->p, loaded_child, 7, PRIME, true);

	ASSERT_LT(0, child);
	EXPECT_TRUE(eventually(is_called(child, "busybox")));
	EXPECT_QUEUED(PRIME);
	EXPECT_EQ(7 + PRIME, row(self->slot, numsiginfo).maxheld);
	EXPECT_EQ(child, puppet_do(self->p, kill_and_reap, child, 0, 0));
	EXPECT_QUEUED(1);	/* the SIGCHLD */
	EXPECT_EQ(1, puppet_do(self->p, take, 2, 0, 0));
	EXPECT_QUEUED(0);
}

TEST_F(siginfo, timers_of_the_dead)
{
	long child = puppet_do(self->p, loaded_child, PRIME, 3, false);

	ASSERT_LT(0, child);
	EXPECT_QUEUED(PRIME + 3);
	/* killed: the timers go, the signals stay with the zombie */
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_QUEUED(3 + 1);
	EXPECT_EQ(child, puppet_do(self->p, reap, child, 0, 0));
	EXPECT_QUEUED(1);
}

/* Its parent is of another container: that frees what it has not taken. */
TEST_F(siginfo, foreign_parent)
{
	struct puppet *parent = puppet_in(self->other);
	long child;

	ASSERT_EQ(0, puppet_do(parent, settle, 0, 0, 0));
	child = puppet_do(parent, fork_idle, 0, 0, 0);
	ASSERT_LT(0, child);
	ASSERT_EQ(0, move_to(child, self->slot));
	EXPECT_EQ(PRIME, puppet_do(parent, queue, child, RT, PRIME));
	EXPECT_QUEUED(PRIME);
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_HELD(1, self->other, numsiginfo);
	EXPECT_HELD(PRIME, self->slot, numsiginfo);
	EXPECT_EQ(child, puppet_do(parent, reap, child, 0, 0));
	EXPECT_HELD(0, self->slot, numsiginfo);
	EXPECT_HELD(1, self->other, numsiginfo);
	EXPECT_EQ(1, puppet_do(parent, take, 2, 0, 0));
	EXPECT_QUEUED(0);
	EXPECT_HELD(0, self->other, numsiginfo);
}

/* SIGCONT discards a SIGTSTP that waits, and the host is who does it. */
TEST_F(siginfo, discarded_from_outside)
{
	EXPECT_EQ(0, kill(self->p->pid, SIGTSTP));
	EXPECT_EQ(0, kill(self->p->pid, SIGTTIN));
	EXPECT_QUEUED(2);
	EXPECT_EQ(0, kill(self->p->pid, SIGCONT));
	EXPECT_QUEUED(1);
	EXPECT_EQ(0, kill(self->p->pid, SIGTTOU));
	EXPECT_QUEUED(1);
}

/* A thread's own queue, which ends with it. */
TEST_F(siginfo, thread)
{
	EXPECT_EQ(0, puppet_do(self->p, threads_start, 1, 0, 0));
	EXPECT_EQ(PRIME, puppet_do(self->p, queue_to_thread, PRIME, 0, 0));
	EXPECT_QUEUED(PRIME);
	EXPECT_EQ(0, puppet_do(self->p, take, 1, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, threads_stop, 0, 0, 0));
	EXPECT_QUEUED(0);
}

/* --- users --------------------------------------------------------------------------- */

/* The kernel counts for a user of a namespace: that is the container's alone. */
TEST_F(siginfo, user_namespace)
{
	int err = puppet_do(self->p, become_root, 0, 0, 0);

	if (err == -EPERM || err == -ENOSPC)
		SKIP(return, "no user namespaces for users here");
	ASSERT_EQ(0, err);
	set_bounds(self->slot, numsiginfo, PRIME, PRIME);
	EXPECT_EQ(7, puppet_do(self->p, make_timers, 7, 0, 0));
	EXPECT_EQ(PRIME - 7,
		  puppet_do(self->p, queue, self->p->pid, RT, PRIME));
	EXPECT_QUEUED(PRIME);
	EXPECT_EQ(5, puppet_do(self->p, take, 5, 0, 0));
	EXPECT_QUEUED(PRIME - 5);
}

/* Of root, of which the host has signals in flight as well. */
TEST_F(siginfo, shared_user)
{
	struct puppet *host = puppet_in(0), *guest = puppet_in(self->other);
	sigset_t all;
	int i;

	sigfillset(&all);
	memcpy(shm->scratch, &all, sizeof(all));
	ASSERT_EQ(0, puppet_sys(host, SYS_rt_sigprocmask, SIG_BLOCK,
				shm->scratch, NULL, 8));
	ASSERT_EQ(0, puppet_sys(guest, SYS_rt_sigprocmask, SIG_BLOCK,
				shm->scratch, NULL, 8));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(7, puppet_do(host, queue, host->pid, RT, 7));
		EXPECT_EQ(PRIME,
			  puppet_do(guest, queue, guest->pid, RT, PRIME));
		EXPECT_HELD(PRIME, self->other, numsiginfo);
		EXPECT_EQ(7, puppet_do(host, take, 8, 0, 0));
		EXPECT_HELD(PRIME, self->other, numsiginfo);
		EXPECT_EQ(PRIME, puppet_do(guest, take, 50, 0, 0));
		EXPECT_HELD(0, self->other, numsiginfo);
	}
	EXPECT_QUEUED(0);
}

/* --- races --------------------------------------------------------------------------- */

/* Each sender may be past the check when another's signal takes the last place. */
TEST_F(siginfo, senders_race)
{
	struct puppet *sender[SENDERS];
	int i, round;
	long n;

	set_bounds(self->slot, numsiginfo, PRIME, PRIME);
	for (i = 0; i < SENDERS; i++) {
		sender[i] = puppet_in(i % 2 ? self->slot : self->other);
		ASSERT_EQ(0, puppet_do(sender[i], settle, 0, 0, 0));
	}
	barrier_for(SENDERS);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < SENDERS; i++)
			puppet_send_call(sender[i], race, self->p->pid, 0, 0);
		for (n = 0, i = 0; i < SENDERS; i++)
			n += puppet_answer(sender[i]);
		EXPECT_LE(PRIME, n);
		EXPECT_GE(PRIME + SENDERS - 1, n);
		EXPECT_QUEUED(n);
		EXPECT_EQ(n, puppet_do(self->p, take, n + 1, 0, 0));
		EXPECT_QUEUED(0);
	}
	EXPECT_GE(PRIME + SENDERS - 1, row(self->slot, numsiginfo).maxheld);
	EXPECT_LE(ROUNDS * SENDERS, failcnt(self->slot, numsiginfo));
	EXPECT_EQ(0, failcnt(self->other, numsiginfo));
}

/* Taken on one CPU while it is sent on another. All fit, should none be taken. */
static long take_all(long want, long b, long c)
{
	int64_t end = now_ms() + LATE_MS;
	long n = 0;

	while (n < want && now_ms() < end)
		n += take(want - n, 0, 0);
	return n;
}

TEST_F(siginfo, taken_meanwhile)
{
	struct puppet *sender = puppet_in(self->other);

	ASSERT_EQ(0, puppet_do(sender, settle, 0, 0, 0));
	puppet_send_call(self->p, take_all, 2999, 0, 0);
	EXPECT_EQ(2999, puppet_do(sender, queue, self->p->pid, RT, 2999));
	EXPECT_EQ(2999, puppet_answer(self->p));
	EXPECT_QUEUED(0);
	EXPECT_HELD(0, self->other, numsiginfo);
}

RESCORE_TEST_MAIN(NULL)
