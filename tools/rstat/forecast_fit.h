/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of forecast_fit(), for forecast.c alone. */
#ifndef RSTAT_FORECAST_FIT_H
#define RSTAT_FORECAST_FIT_H

#include "forecast.h"

/* 80 % of a normal distribution lie within so many standard deviations. */
#define NORMAL_80	1.2815515655446004

/* One series in buckets of equal length; NAN: nothing known. */
struct buckets {
	size_t nr;
	size_t known;
	int64_t length;		/* seconds */
	int64_t end;		/* stamp of the end of the last one */
	unsigned int period;	/* buckets per season; 1: none */
	double value[FORECAST_BUCKETS_MAX];
};

/* Sudden changes of level, taken out of the buckets before them. */
struct shifts {
	unsigned int nr;
	double sum;		/* of their sizes */
	double squares;
};

void forecast_buckets(const struct forecast_point *point, size_t nr,
		      int64_t step, struct buckets *ret);
void forecast_shifts(struct buckets *buckets, struct shifts *ret);
/* Per bucket. */
double forecast_slope(const struct buckets *buckets);
/* [bucket % period], of which the values consist beside the slope. */
void forecast_season(const struct buckets *buckets, double slope,
		     double season[FORECAST_PERIOD_MAX]);
/* About the variance of the noise: cheap, and never far above it. */
double forecast_jitter(const struct buckets *buckets);
/* Variance of a value around its level, and of the level per bucket. */
void forecast_variances(const struct buckets *buckets, double slope,
			const double season[FORECAST_PERIOD_MAX],
			double *ret_noise, double *ret_walk);

/* The value below which @part of them lie; reorders them. */
double forecast_quantile(double *value, size_t nr, double part);

#endif /* RSTAT_FORECAST_FIT_H */
