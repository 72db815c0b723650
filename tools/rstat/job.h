/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work in other processes for a server that must not wait: a few at a time, the
 * others in a queue, none for longer than JOB_SECONDS.
 */
#ifndef RSTAT_JOB_H
#define RSTAT_JOB_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "worker.h"

#define JOBS_RUNNING	2
#define JOBS_WAITING	64
#define JOBS_OWNER	8	/* of one owner, running and waiting */
#define JOB_SECONDS	15
#define JOBS_IDLE	30	/* seconds that a worker is kept for the next */

struct job {
	child_fn fn;
	void *arg;		/* malloc()ed, freed with the job */
	size_t size;		/* bytes of it, which the worker gets */
	unsigned int owner;	/* whose they are: nobody fills the queue */
	/* @err as of child_run(), with failure(). The job is gone after it. */
	void (*done)(void *done_arg, int err, struct blob *result);
	void *done_arg;

	struct job *next;	/* of job.c */
};

struct job_place {
	struct worker worker;
	struct job *job;	/* NULL: it waits for one */
	int64_t until;		/* for this job or the next; job_now() */
};

struct jobs {
	struct job_place place[JOBS_RUNNING];
	struct job *waiting;	/* oldest first */
	unsigned int nr_running;
	unsigned int nr_waiting;
};

/* -EBUSY: too many. The job is copied. */
int job_start(struct jobs *jobs, const struct job *job);

/* What to wait for; returns how many of JOBS_RUNNING. */
unsigned int jobs_poll(const struct jobs *jobs, struct pollfd *ret_fds);
/* Milliseconds until there is something to do though no file is ready; -1. */
int jobs_timeout(const struct jobs *jobs);
/* Read what came, finish what is done or late, start what waits. */
void jobs_run(struct jobs *jobs);
/* Kill and forget them; done() is called with -ECANCELED. */
void jobs_stop(struct jobs *jobs);

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t job_now(void);

#endif /* RSTAT_JOB_H */
