// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks look up their cgroups while others are made and removed: a member is
 * never seen as outside, nor an outsider as a member. Writers take turns, as
 * they do under cgroup_mutex.
 */
#include <sched.h>

#include "threads.h"

#define BITS	2
#define STAY	28	/* cgroups that stay; of these some are in the hash */
#define MOVING	16	/* that come and go */

static pthread_mutex_t cgroup_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned int nr_writers;
static __u64 wrong;

/* Those that come and go at odd ids, so that all are mixed in the buckets. */
static __u64 staying(unsigned int i)
{
	return 2 + 2 * i;
}

static __u64 moving(unsigned int i)
{
	return 1 + 2 * i;
}

static __u64 never(unsigned int i)
{
	return 1000 + i;
}

static void writer(unsigned int thread)
{
	uint64_t random = thread + 1;
	static bool recorded[MOVING];
	unsigned int round, i;

	for (round = 0; time_left(round); round++) {
		i = tap_random(&random) % MOVING;
		pthread_mutex_lock(&cgroup_mutex);
		if (recorded[i]) {
			rescore_member_remove(moving(i));
			recorded[i] = false;
		} else {
			recorded[i] = !rescore_member_add(moving(i), 500 + i,
							  true);
		}
		pthread_mutex_unlock(&cgroup_mutex);
	}
	pthread_mutex_lock(&cgroup_mutex);
	for (i = 0; i < MOVING; i++) {
		if (recorded[i])
			rescore_member_remove(moving(i));
		recorded[i] = false;
	}
	pthread_mutex_unlock(&cgroup_mutex);
	thread_is_done();
}

static void reader(unsigned int thread)
{
	uint64_t random = thread + 1;
	unsigned int round, i;
	__u64 n = 0;

	for (round = 0; others_busy(); round++) {
		i = tap_random(&random) % STAY;
		n += rescore_member(staying(i)) != 100 + i;
		n += rescore_member(never(i)) != 0;
		if (round % 64 == 0)
			sched_yield();
	}
	__atomic_fetch_add(&wrong, n, __ATOMIC_RELAXED);
}

static void run(unsigned int thread)
{
	if (thread < nr_writers)
		writer(thread);
	else
		reader(thread);
}

static void begin(void)
{
	unsigned int i;

	fixture((struct sizes){ .members_bits = BITS, .members_more = 16 });
	for (i = 0; i < STAY; i++)
		if (rescore_member_add(staying(i), 100 + i, true))
			native_die("the table is too small");
	wrong = 0;
}

int main(void)
{
	unsigned int nr, i;
	__u64 overflow;

	for (nr = 2; nr <= 8; nr *= 2) {
		nr_writers = nr_busy = nr / 2;
		begin();
		overflow = rescore_meta.members_overflow;
		run_threads(nr, run);
		printf("# %llu of those that stayed were in the hash\n",
		       overflow);
		tap_ok(!wrong,
		       "%u threads, half of them writers: no look-up "
		       "was wrong",
		       nr);
		for (i = 0; i < STAY; i++)
			wrong += rescore_member(staying(i)) != 100 + i;
		for (i = 0; i < MOVING; i++)
			wrong += rescore_member(moving(i)) != 0;
		tap_ok(!wrong && rescore_meta.members_overflow == overflow &&
			       native_find(&members_more)->used == overflow,
		       "afterwards all is as it was");
	}
	return tap_done();
}
