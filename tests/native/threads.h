/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that begin together and go on for a while. race_*.c are built twice:
 * for ThreadSanitizer, which finds what is not ordered even if it went well, and
 * without, where threads meet far more often.
 */
#ifndef THREADS_H
#define THREADS_H

#include "fixture.h"

#define THREADS_MAX	9
#define TEST_MS		150	/* longer than threads take to be scheduled */

static struct {
	pthread_barrier_t begin;
	void (*run)(unsigned int thread);
	struct timespec deadline;
} threads;

static void *thread_main(void *arg)
{
	unsigned int thread = (uintptr_t)arg;

	native_clock = 1000 * RESCORE_EVENT_WINDOW;
	native_self.pid_tgid = thread;
	pthread_barrier_wait(&threads.begin);
	threads.run(thread);
	return NULL;
}

/* Run @run(0) to @run(n - 1), each in a thread, to their ends. */
static inline void run_threads(unsigned int n, void (*run)(unsigned int thread))
{
	pthread_t ids[THREADS_MAX];
	unsigned int i;

	clock_gettime(CLOCK_MONOTONIC, &threads.deadline);
	threads.deadline.tv_nsec += TEST_MS * 1000000L;
	threads.deadline.tv_sec += threads.deadline.tv_nsec / 1000000000;
	threads.deadline.tv_nsec %= 1000000000;
	threads.run = run;
	pthread_barrier_init(&threads.begin, NULL, n);
	for (i = 0; i < n; i++)
		if (pthread_create(&ids[i], NULL, thread_main,
				   (void *)(uintptr_t)i))
			native_die("pthread_create: %s", strerror(errno));
	for (i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
	pthread_barrier_destroy(&threads.begin);
}

/* Is there time for another round? The clock is not asked every time. */
static inline bool time_left(unsigned int round)
{
	struct timespec now;

	if (round % 64)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec < threads.deadline.tv_sec ||
	       (now.tv_sec == threads.deadline.tv_sec &&
		now.tv_nsec < threads.deadline.tv_nsec);
}

/* How many threads are still at it. */
static unsigned int nr_busy;

static inline bool others_busy(void)
{
	return __atomic_load_n(&nr_busy, __ATOMIC_SEQ_CST);
}

static inline void thread_is_done(void)
{
	__atomic_fetch_sub(&nr_busy, 1, __ATOMIC_SEQ_CST);
}

#endif /* THREADS_H */
