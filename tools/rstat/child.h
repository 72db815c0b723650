/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work that may crash on a damaged file, or wants librrd with all it brings,
 * in a process of its own.
 */
#ifndef RSTAT_CHILD_H
#define RSTAT_CHILD_H

#include <stdio.h>
#include <sys/types.h>

#include "file.h"

/* Write the result to @out; a negative errno is explained by failure(). */
typedef int (*child_fn)(void *arg, FILE *out);

/* What @fn wrote, or its failure, passed on. */
int child_run(child_fn fn, void *arg, struct blob *ret_result);

/* The same in two parts: several may run at a time. */
struct child {
	pid_t pid;
	int fd;
};

int child_start(child_fn fn, void *arg, struct child *ret_child);
int child_finish(struct child *child, struct blob *ret_result);

/* How many are worth while: one per CPU that we may use, 1..8. */
unsigned int child_cpus(void);

#endif /* RSTAT_CHILD_H */
