/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work that may crash on a damaged file, or wants librrd with all it brings,
 * in a process of its own.
 */
#ifndef RSTAT_CHILD_H
#define RSTAT_CHILD_H

#include <stdio.h>

#include "file.h"

/* Write the result to @out; a negative errno is explained by failure(). */
typedef int (*child_fn)(void *arg, FILE *out);

/* What @fn wrote, or its failure, passed on. */
int child_run(child_fn fn, void *arg, struct blob *ret_result);

#endif /* RSTAT_CHILD_H */
