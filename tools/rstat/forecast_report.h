/* SPDX-License-Identifier: GPL-2.0 */
/* What `rstat forecast` prints, and how it is gathered. */
#ifndef RSTAT_FORECAST_REPORT_H
#define RSTAT_FORECAST_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "forecast.h"
#include "history.h"
#include "host.h"
#include "verb.h"

/* One resource of one container. */
struct forecast_row {
	char name[RESCORE_NAME_LEN];
	char series[32];	/* "17" or "17.2" */
	char resource[RESCORE_RES_NAME_LEN];
	unsigned int unit;
	int64_t last;		/* newest sample of the container */
	struct bounds bounds;
	struct forecast forecast;
	struct forecast_hit barrier, limit;
};

/* What the machine has of something, and how much of it containers hold. */
struct forecast_capacity {
	const char *name;	/* "memory" */
	const char *what;	/* "held", "promised" */
	unsigned int unit;
	double capacity;	/* NAN: none, or not known */
	struct forecast forecast;
	struct forecast_hit full;
	unsigned int unlimited;	/* containers without a limit, left out */
};

#define FORECAST_CAPACITIES_MAX 24

/* Rows that were left out, by why. */
struct forecast_left_out {
	size_t little;		/* too little data */
	size_t unbound;		/* unlimited */
	size_t not_in_sight;
};

/* Of one container, which may have ended. */
struct forecast_tally {
	int64_t last;		/* newest sample */
	struct forecast_left_out left_out;
};

/* Will it meet a bound, or may it? */
bool forecast_interesting(const struct forecast_row *row);

struct forecast_report {
	int64_t horizon;
	struct forecast_row *row;
	size_t nr;
	size_t damaged;		/* containers that could not be read */
	struct forecast_tally *tally;	/* of each container */
	size_t nr_tallies;
	int64_t first, last;	/* of all samples */
	bool host_view;
	bool host_is_ours;	/* the store does not say which machine it is of */
	struct forecast_capacity capacity[FORECAST_CAPACITIES_MAX];
	size_t nr_capacities;
};

/*
 * Sum up all containers between report->first and last.
 * Fills in the capacities for which something is recorded.
 */
int forecast_host(const struct store *store, const struct host *host,
		  struct forecast_report *report);

/*
 * Read all containers, or args->container; args->resource: only that one. Not
 * sorted; those that have ended, too. Rows without interest are only counted,
 * unless args->all, json or container is set. report->horizon is set before.
 */
int forecast_rows(const struct args *args, struct forecast_report *report);

void forecast_print(const struct forecast_report *report, FILE *out);
int forecast_json(const struct forecast_report *report, FILE *out);

/* "90d": s, min, h, d, w, y; days without a letter. 0 or -EINVAL. */
int parse_span(const char *text, int64_t *ret_seconds);
/* "18 d", "5 h": a length of time in a unit in which it is a small number. */
const char *format_span(int64_t seconds, char *buf, size_t size);

/* The verb. */
int forecast_run(const struct args *args);

#endif /* RSTAT_FORECAST_REPORT_H */
