/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work that may crash on a damaged file, or wants librrd with all it brings,
 * in a process of its own.
 */
#ifndef RSTAT_CHILD_H
#define RSTAT_CHILD_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "file.h"

/* Write the result to @out; a negative errno is explained by failure(). */
typedef int (*child_fn)(void *arg, FILE *out);

/*
 * What @fn wrote, or its failure, passed on; of its errno only -ENOENT is, the
 * others become -EIO.
 */
int child_run(child_fn fn, void *arg, struct blob *ret_result);

/* The same in two parts: several may run at a time. */
struct child {
	pid_t pid;
	int fd;
};

int child_start(child_fn fn, void *arg, struct child *ret_child);
int child_finish(struct child *child, struct blob *ret_result);

/*
 * For who reads what it sends by itself, to its end, and does not wait: takes
 * that apart and uses it up. Nothing sent: a failure.
 */
int child_take(struct child *child, struct blob *sent, struct blob *ret_result);
/* In a child: close all files but the standard ones and the way back. */
void child_close_others(void);

/* How many are worth while: one per CPU that we may use, 1..8. */
unsigned int child_cpus(void);

#endif /* RSTAT_CHILD_H */
