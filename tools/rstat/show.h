/* SPDX-License-Identifier: GPL-2.0 */
/* What is in a store, as text. Documents in JSON have a version. */
#ifndef RSTAT_SHOW_H
#define RSTAT_SHOW_H

#include "file.h"
#include "verb.h"

#define SHOW_JSON_VERSION 1

/* Verbs. */
int list_run(const struct args *args);
int fetch_run(const struct args *args);

/* Print the result of a child and free it; exit status. */
int show_result(int err, struct blob *result);

#endif /* RSTAT_SHOW_H */
