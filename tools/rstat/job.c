// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "job.h"
#include "say.h"

int64_t job_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void finish(struct job *job, int err, struct blob *result)
{
	job->done(job->done_arg, err, result);
	free(job->arg);
	free(job);
}

static unsigned int count_owner(const struct jobs *jobs, unsigned int owner)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < JOBS_RUNNING; i++)
		n += jobs->place[i].job && jobs->place[i].job->owner == owner;
	for (const struct job *job = jobs->waiting; job; job = job->next)
		n += job->owner == owner;
	return n;
}

int job_start(struct jobs *jobs, const struct job *job)
{
	struct job **end = &jobs->waiting;
	struct job *copy;

	if (jobs->nr_waiting >= JOBS_WAITING ||
	    count_owner(jobs, job->owner) >= JOBS_OWNER)
		return fail(EBUSY, "too much to draw at once");
	copy = malloc(sizeof(*copy));
	if (!copy)
		return fail(ENOMEM, "no memory");
	*copy = *job;
	copy->next = NULL;
	while (*end)
		end = &(*end)->next;
	*end = copy;
	jobs->nr_waiting++;

	return 0;
}

/* The one that has drawn before is faster. */
static struct job_place *free_place(struct jobs *jobs)
{
	struct job_place *found = NULL;

	for (unsigned int i = JOBS_RUNNING; i-- > 0;)
		if (!jobs->place[i].job &&
		    (!found || jobs->place[i].worker.pid))
			found = &jobs->place[i];
	return found;
}

static void begin_waiting(struct jobs *jobs)
{
	while (jobs->waiting && jobs->nr_running < JOBS_RUNNING) {
		struct job_place *place = free_place(jobs);
		struct job *job = jobs->waiting;
		int err;

		jobs->waiting = job->next;
		jobs->nr_waiting--;
		err = worker_begin(&place->worker, job->fn, job->arg,
				   job->size);
		if (err) {
			finish(job, err, NULL);
			continue;
		}
		place->job = job;
		place->until = job_now() + JOB_SECONDS * 1000LL;
		jobs->nr_running++;
	}
}

unsigned int jobs_poll(const struct jobs *jobs, struct pollfd *ret_fds)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < JOBS_RUNNING; i++)
		if (jobs->place[i].job)
			ret_fds[n++] = (struct pollfd){
				jobs->place[i].worker.fd, POLLIN, 0
			};
	return n;
}

int jobs_timeout(const struct jobs *jobs)
{
	int64_t now = job_now(), least = -1;

	if (jobs->waiting && jobs->nr_running < JOBS_RUNNING)
		return 0;
	for (unsigned int i = 0; i < JOBS_RUNNING; i++) {
		const struct job_place *place = &jobs->place[i];
		int64_t left = place->until > now ? place->until - now : 0;

		if (place->worker.pid && (least < 0 || left < least))
			least = left;
	}
	return (int)least;
}

static void look_after(struct jobs *jobs, struct job_place *place)
{
	struct job *job = place->job;
	struct blob result = {};
	bool late = job_now() >= place->until;
	int err;

	if (!job) {
		/* What it has loaded takes memory that others may want. */
		if (late)
			worker_kill(&place->worker);
		return;
	}
	if (!worker_read(&place->worker, &err, &result)) {
		if (!late)
			return;
		worker_kill(&place->worker);
		err = fail(ETIMEDOUT, "%s", strerror(ETIMEDOUT));
	}
	place->job = NULL;
	place->until = job_now() + JOBS_IDLE * 1000LL;
	jobs->nr_running--;
	finish(job, err, &result);
}

void jobs_run(struct jobs *jobs)
{
	for (unsigned int i = 0; i < JOBS_RUNNING; i++)
		look_after(jobs, &jobs->place[i]);
	begin_waiting(jobs);
}

void jobs_stop(struct jobs *jobs)
{
	while (jobs->waiting) {
		struct job *job = jobs->waiting;

		jobs->waiting = job->next;
		finish(job, -ECANCELED, NULL);
	}
	for (unsigned int i = 0; i < JOBS_RUNNING; i++) {
		worker_kill(&jobs->place[i].worker);
		if (jobs->place[i].job)
			finish(jobs->place[i].job, -ECANCELED, NULL);
	}
	*jobs = (struct jobs){};
}
