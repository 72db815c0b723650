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
 * The parts of it, for a process that does more than one (worker.h): what a child
 * sends, which says of what kind it is, and what was sent, taken apart.
 * child_unpack() uses it up.
 */
void child_answer(child_fn fn, void *arg, struct blob *ret);
int child_unpack(struct blob *sent, struct blob *ret_result);
/* Until it ends. A signal ended it: -EIO, with its name in failure(). */
int child_wait(pid_t pid);

/* Close all files but the standard ones and @fd. */
void child_close_others(int fd);
/* It is killed when it has computed so long from now on. */
void child_limit_cpu(unsigned int seconds);

/* How many are worth while: one per CPU that we may use, 1..8. */
unsigned int child_cpus(void);

#endif /* RSTAT_CHILD_H */
