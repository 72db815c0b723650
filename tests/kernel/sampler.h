/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread that looks at one row as often as it can, through the mmap that all
 * tools use, and remembers the highest held: a bound that is passed for an
 * instant only is passed.
 */
#ifndef RESCORE_SAMPLER_H
#define RESCORE_SAMPLER_H

#include "rescore_test.h"

struct sampler {
	pthread_t thread;
	struct rescore *rs;	/* a handle is for one thread */
	int slot;
	int id;
	bool stop;
	int64_t highest;
	int64_t lowest;
	uint64_t samples;
};

static inline void *sampler_run(void *arg)
{
	struct sampler *s = arg;
	struct rescore_line line;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		if (rescore_read(s->rs, s->slot, s->id, &line))
			continue;
		if (line.held > s->highest)
			s->highest = line.held;
		if (line.held < s->lowest)
			s->lowest = line.held;
		/* the racers need the CPU more */
		if (!(++s->samples & 255))
			sched_yield();
	}
	return NULL;
}

static inline void sampler_start(struct sampler *s, int slot, int id)
{
	*s = (struct sampler){ .slot = slot, .id = id };
	if (rescore_open(&s->rs, true) ||
	    pthread_create(&s->thread, NULL, sampler_run, s))
		ksft_exit_fail_msg("cannot start the sampler\n");
}

static inline void sampler_stop(struct sampler *s)
{
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
	rescore_close(s->rs);
}

#endif /* RESCORE_SAMPLER_H */
