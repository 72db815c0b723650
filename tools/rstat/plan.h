/* SPDX-License-Identifier: GPL-2.0 */
/* How large a store will be, and how much is written into it. */
#ifndef RSTAT_PLAN_H
#define RSTAT_PLAN_H

#include "layout.h"
#include "verb.h"

struct plan {
	unsigned int containers, resources;
	int step;
	unsigned int files;	/* of one container */
	uint64_t bytes;		/* of one container; exact */
	int64_t flush;		/* seconds from one to the next */
	double written;		/* bytes per flush of one container; about */
};

void plan_make(unsigned int containers, unsigned int resources, int step,
	       struct plan *ret);
/* Size of a file with that many resources. */
uint64_t plan_file_bytes(enum layout_kind kind, unsigned int resources,
			 int step);

/* The verb; fails when there is no room. */
int plan_run(const struct args *args);

#endif /* RSTAT_PLAN_H */
