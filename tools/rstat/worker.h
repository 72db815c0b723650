/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A child process that does one piece of work after the other: to load librrd and
 * its fonts takes longer than to draw a picture with them. It is a new one after
 * WORKER_JOBS pieces, or when one has killed it, so that nothing of librrd's
 * piles up.
 */
#ifndef RSTAT_WORKER_H
#define RSTAT_WORKER_H

#include <stdint.h>

#include "child.h"

#define WORKER_JOBS	200
#define WORKER_CPU	15		/* seconds for each */
#define WORKER_ANSWER	(16 << 20)	/* bytes at most */

struct worker {
	pid_t pid;		/* 0: there is none */
	int fd;			/* readable: it has something to say, or ended */
	unsigned int jobs;	/* done so far */
	uint64_t expected;	/* bytes of the answer; 0: not known yet */
	struct blob sent;
};

/*
 * Have it do @fn with a copy of the @size bytes at @arg; it is started if there is
 * none. What @arg points to must have been there before that. 0 or -errno.
 */
int worker_begin(struct worker *worker, child_fn fn, const void *arg,
		 size_t size);

/*
 * Read what there is. 1: the answer is here, and *@ret_err is what child_run()
 * would return of it, or the worker has ended. 0: not yet.
 */
int worker_read(struct worker *worker, int *ret_err, struct blob *ret_result);

/* At once, whatever it does. */
void worker_kill(struct worker *worker);

#endif /* RSTAT_WORKER_H */
