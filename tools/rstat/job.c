// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "job.h"
#include "say.h"

#define CHUNK	65536

int64_t job_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* In the child: no signal of the server's, and an end to all computing. */
static int limited(void *arg, FILE *out)
{
	struct rlimit cpu = { JOB_SECONDS, JOB_SECONDS };
	struct job *job = arg;
	sigset_t none;

	child_close_others();	/* clients' connections are none of its business */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setrlimit(RLIMIT_CPU, &cpu);

	return job->fn(job->arg, out);
}

static void finish(struct job *job, int err, struct blob *result)
{
	job->done(job->done_arg, err, result);
	blob_free(&job->sent);
	free(job->arg);
	free(job);
}

static unsigned int count_owner(const struct jobs *jobs, unsigned int owner)
{
	unsigned int n = 0;

	for (const struct job *job = jobs->running; job; job = job->next)
		n += job->owner == owner;
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
	copy->sent = (struct blob){};
	while (*end)
		end = &(*end)->next;
	*end = copy;
	jobs->nr_waiting++;

	return 0;
}

static void begin_waiting(struct jobs *jobs)
{
	while (jobs->waiting && jobs->nr_running < JOBS_RUNNING) {
		struct job *job = jobs->waiting;
		int err;

		jobs->waiting = job->next;
		jobs->nr_waiting--;
		err = child_start(limited, job, &job->child);
		if (err) {
			finish(job, err, NULL);
			continue;
		}
		(void)fcntl(job->child.fd, F_SETFL, O_NONBLOCK);
		job->deadline = job_now() + JOB_SECONDS * 1000LL;
		job->next = jobs->running;
		jobs->running = job;
		jobs->nr_running++;
	}
}

unsigned int jobs_poll(const struct jobs *jobs, struct pollfd *ret_fds)
{
	unsigned int n = 0;

	for (const struct job *job = jobs->running; job; job = job->next)
		ret_fds[n++] = (struct pollfd){ job->child.fd, POLLIN, 0 };
	return n;
}

int jobs_timeout(const struct jobs *jobs)
{
	int64_t now = job_now(), least = -1;

	if (jobs->waiting && jobs->nr_running < JOBS_RUNNING)
		return 0;
	for (const struct job *job = jobs->running; job; job = job->next) {
		int64_t left = job->deadline > now ? job->deadline - now : 0;

		if (least < 0 || left < least)
			least = left;
	}
	return (int)least;
}

/* 1: all is there. 0: not yet. Or a negative errno. */
static int read_some(struct job *job)
{
	struct blob *sent = &job->sent;

	for (;;) {
		char *data = realloc(sent->data, sent->len + CHUNK + 1);
		ssize_t n;

		if (!data)
			return -ENOMEM;
		sent->data = data;
		n = read(job->child.fd, data + sent->len, CHUNK);
		if (n > 0) {
			sent->len += (size_t)n;
			if (sent->len > JOB_RESULT_MAX)
				return -EFBIG;
			continue;
		}
		if (!n) {
			data[sent->len] = '\0';
			return 1;
		}
		if (errno == EAGAIN)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

/* True: it is gone. */
static bool look_after(struct job *job)
{
	struct blob result = {}, unused = {};
	int state = read_some(job);
	int err;

	if (!state && job_now() < job->deadline)
		return false;
	if (state == 1) {
		err = child_take(&job->child, &job->sent, &result);
	} else {
		kill(job->child.pid, SIGKILL);
		job->sent.len = 0;
		(void)child_take(&job->child, &job->sent, &unused);
		if (!state)
			state = -ETIMEDOUT;
		err = fail(-state, "%s", strerror(-state));
	}
	finish(job, err, &result);

	return true;
}

void jobs_run(struct jobs *jobs)
{
	struct job **at = &jobs->running;

	while (*at) {
		struct job *job = *at, *next = job->next;

		if (look_after(job)) {
			*at = next;
			jobs->nr_running--;
		} else {
			at = &job->next;
		}
	}
	begin_waiting(jobs);
}

void jobs_stop(struct jobs *jobs)
{
	struct blob unused;

	while (jobs->waiting) {
		struct job *job = jobs->waiting;

		jobs->waiting = job->next;
		finish(job, -ECANCELED, NULL);
	}
	while (jobs->running) {
		struct job *job = jobs->running;

		jobs->running = job->next;
		kill(job->child.pid, SIGKILL);
		(void)child_take(&job->child, &job->sent, &unused);
		finish(job, -ECANCELED, NULL);
	}
	*jobs = (struct jobs){};
}
