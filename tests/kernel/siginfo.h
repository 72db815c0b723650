/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tests of numsiginfo. All puppets are of one user of their own, so that SigQ
 * in /proc/PID/status, which counts for a user, is the truth.
 */
#ifndef RESCORE_SIGINFO_H
#define RESCORE_SIGINFO_H

#include "puppet.h"

#define UID	4242
#define RT	(SIGRTMIN + 1)

static int numsiginfo;

FIXTURE(siginfo)
{
	int slot;
	int other;
	struct puppet *p;
};

static inline long settle(long a, long b, long c)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return result(setresuid(UID, UID, UID));
}

FIXTURE_SETUP(siginfo)
{
	world_begin(_metadata);
	numsiginfo = rescore_find_resource(rs, "numsiginfo");
	ASSERT_LE(0, numsiginfo);
	ASSERT_LT(0, self->slot = make("kt-siginfo"));
	ASSERT_LT(0, self->other = make("kt-siginfo-2"));
	self->p = puppet_in(self->slot);
	ASSERT_EQ(0, puppet_do(self->p, settle, 0, 0, 0));
}

FIXTURE_TEARDOWN(siginfo)
{
	end_puppets();
	world_end(_metadata);
}

/* --- what the kernel says ---------------------------------------------------------- */

static inline long sigq(pid_t pid)
{
	FILE *file = fopen(text("/proc/%d/status", pid), "re");
	char line[256];
	long n = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "SigQ: %ld", &n) == 1)
			break;
	if (file)
		fclose(file);
	return n;
}

#define EXPECT_QUEUED(n) do {						\
	EXPECT_EQ((int64_t)(n), settled(self->slot, numsiginfo, n));	\
	EXPECT_EQ((n), sigq(self->p->pid));				\
	EXPECT_CLEAN_AUDIT(self->slot);					\
} while (0)

/* --- what puppets do ----------------------------------------------------------------- */

/* Queue @sig to @pid @n times; how often it was taken, or -errno of the first. */
static inline long queue(long pid, long sig, long n)
{
	long i;

	for (i = 0; i < n; i++)
		if (sigqueue(pid, sig, (union sigval){ .sival_int = i }))
			return i ?: -errno;
	return i;
}

/* Take @n signals that wait, one by one. */
static inline long take(long n, long b, long c)
{
	const struct timespec now = {};
	siginfo_t info;
	sigset_t all;
	long i;

	sigfillset(&all);
	for (i = 0; i < n; i++)
		if (sigtimedwait(&all, &info, &now) < 0)
			break;
	return i;
}

static timer_t timers[64];

static inline long make_timers(long n, long b, long c)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = RT,
	};
	long i;

	for (i = 0; i < n; i++)
		if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event,
			    &timers[i]))
			return -errno;
	return i;
}

#endif /* RESCORE_SIGINFO_H */
