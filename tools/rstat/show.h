/* SPDX-License-Identifier: GPL-2.0 */
/* What is in a store, or in the table, as text. JSON documents have a version. */
#ifndef RSTAT_SHOW_H
#define RSTAT_SHOW_H

#include "file.h"
#include "rank.h"
#include "verb.h"

#define SHOW_JSON_VERSION 1

/* Verbs. */
int list_run(const struct args *args);
int fetch_run(const struct args *args);
int show_run(const struct args *args);

/* "95%", rounded down; "-": no bound; ">999%". */
const char *show_percent(double used, char *buf, size_t size);

/*
 * What --sort says: an order, or a resource, by whose use it is then sorted.
 * NULL: RANK_TROUBLE. *@ret_resource -1: none. -EINVAL
 */
int show_sort_key(const struct live *live, const char *key,
		  enum rank_order *ret_order, int *ret_resource);

/* Print the result of a child and free it; exit status. */
int show_result(int err, struct blob *result);

#endif /* RSTAT_SHOW_H */
