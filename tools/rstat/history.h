/* SPDX-License-Identifier: GPL-2.0 */
/* Forecasts of what a store holds; in a child process, for librrd. */
#ifndef RSTAT_HISTORY_H
#define RSTAT_HISTORY_H

#include "forecast.h"
#include "layout.h"
#include "rrd_shim.h"
#include "store.h"

/* One resource of one container. */
struct outlook {
	const struct meta_resource *resource;
	struct bounds bounds;		/* the newest ones */
	struct forecast forecast;	/* of the peaks, in the resource's unit */
};

/*
 * Forecast every resource of a series, or @only, and hand each to @visit,
 * whose non-zero result ends it. Changes the working directory to the series.
 */
int history_forecast(const struct series_dir *dir, const struct meta *meta,
		     const char *only,
		     int (*visit)(void *arg, const struct outlook *outlook),
		     void *arg);

/* When the bounds are reached; one that is unlimited: FORECAST_UNBOUND. */
struct forecast_hit outlook_barrier(const struct outlook *o, int64_t horizon);
struct forecast_hit outlook_limit(const struct outlook *o, int64_t horizon);

/*
 * Stamp of the newest sample of a series, 0: none. Changes the working
 * directory.
 */
int history_last(const struct series_dir *dir, const struct meta *meta,
		 int64_t *ret_last);

/*
 * Have rrdcached write what it holds of a series, if it writes this store. When
 * it cannot, that is said, and the reader sees what there is.
 */
void history_sync(const struct store *store, const struct series_dir *dir,
		  const struct meta *meta);

/* NAN for RESCORE_UNLIMITED. */
double bound_value(int64_t bound);

/*
 * Rows of a file of the working directory that end after @from and up to @to,
 * of about @step seconds each. -ENOENT: there is no such file.
 */
int history_rows(enum layout_kind kind, unsigned int set, int64_t from,
		 int64_t to, int64_t step, struct rrd_table *ret_table);

#endif /* RSTAT_HISTORY_H */
