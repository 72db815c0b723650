/* SPDX-License-Identifier: GPL-2.0 */
/* What is stored of one resource of one container over a range of time. */
#ifndef RSTAT_TRACK_H
#define RSTAT_TRACK_H

#include <stddef.h>
#include <stdint.h>

#include "forecast.h"
#include "store.h"

/* One row: the step that ends at stamp. NAN: not known; bounds: none. */
struct track_row {
	int64_t stamp;
	double held;		/* mean */
	double peak;
	double failures;	/* refusals in this row */
	double barrier;
	double limit;
};

struct track {
	struct series_dir dir;	/* is the working directory, for librrd */
	struct meta meta;
	const struct meta_resource *resource;
	unsigned int set;
	int64_t last;		/* newest sample in the store */

	bool forecasting;	/* the forecast is known and to be shown */
	struct forecast forecast;

	int64_t from, to;	/* of the rows, aligned */
	int64_t step;		/* of the rows */
	size_t nr;
	struct track_row *row;
};

/* Which samples are asked for; NULL or 0: all that makes sense. */
struct track_query {
	const char *container;
	const char *resource;
	const char *serial;
	const char *from;	/* as rrdtool takes times */
	const char *to;
	bool forecast;		/* to the end of what can be foreseen */
	bool at_most;		/* from the first sample on, if that is later */
};

/* In a child process: changes the working directory. */
int track_read(const struct store *store, const struct track_query *query,
	       struct track *ret_track);
void track_free(struct track *track);

/* Name of a column of the resource, "numproc_held". */
void track_column(const struct track *track, const char *suffix, char buf[24]);

#endif /* RSTAT_TRACK_H */
