/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a series is going, and when it will pass a bound. A pure function of its
 * points: no file, no clock, no allocation; the same input gives the same
 * output.
 *
 * What is forecast is the highest value of each bucket of time (a day, for two
 * weeks or more of history): that is what meets a bound. forecast.c says how,
 * and from where the method is. Nothing is said about times that are further
 * away than the history is long.
 */
#ifndef RSTAT_FORECAST_H
#define RSTAT_FORECAST_H

#include <stddef.h>
#include <stdint.h>

#define FORECAST_PERIOD_MAX 7	/* buckets of a season */
#define FORECAST_BUCKETS_MAX 128 /* older ones are not looked at */
#define FORECAST_KNOWN_MIN 12	/* buckets with a value */
#define FORECAST_LEVEL_LAG 3.5	/* buckets: how old the level is, about */

/* The row that ends at stamp. NAN: not known. */
struct forecast_point {
	int64_t stamp;		/* seconds since 1970, ascending */
	double value;
};

enum forecast_trend {
	FORECAST_TOO_LITTLE,	/* fewer than FORECAST_KNOWN_MIN buckets */
	FORECAST_FLAT,		/* no slope that noise does not explain */
	FORECAST_RISING,
	FORECAST_FALLING,
};

struct forecast {
	enum forecast_trend trend;
	size_t known;		/* buckets with a value; the history is: */
	int64_t first, last;	/* from here to here; both 0: no value at all */
	double now;		/* the last known value */

	/* The rest is 0 when there is too little. */
	int64_t reach;		/* the last stamp that can be asked for */
	int64_t bucket;		/* seconds */
	int64_t origin;		/* end of the last bucket that was used */
	double per_day;		/* slope; 0 when flat */
	double per_day_low;	/* in 80 of 100 cases it is between these */
	double per_day_high;
	unsigned int shifts;	/* sudden changes of level that were found */

	/* Of the model; for forecast_at(). In buckets and values. */
	double level, slope;
	double noise, walk, level_error, slope_error;	/* variances */
	double quantile;	/* of the band, in standard deviations */
	unsigned int period;	/* 1: no season */
	unsigned int phase;	/* season of the first bucket to come */
	double season[FORECAST_PERIOD_MAX];
};

/* 80 of 100 values of the bucket at some time are in low..high. */
struct forecast_value {
	double value, low, high;	/* at least 0 */
};

enum forecast_when {
	FORECAST_UNBOUND,	/* the bound is unlimited */
	FORECAST_UNKNOWN,	/* too little data */
	FORECAST_OVER,		/* at or above it now */
	FORECAST_AT,		/* expected; see at, earliest, latest */
	FORECAST_PERHAPS,	/* not expected; the band gets there: earliest */
	FORECAST_NOT,		/* not within the horizon or the reach */
};

/* Stamps; 0: not before until. */
struct forecast_hit {
	enum forecast_when when;
	int64_t at;
	int64_t earliest;	/* high end of the band */
	int64_t latest;		/* low end of the band */
	int64_t until;		/* nothing is said about later */
};

/*
 * Points may have gaps and any spacing; @step: seconds that one of them stands
 * for. Values are in any unit and at least 0.
 */
void forecast_fit(const struct forecast_point *point, size_t nr, int64_t step,
		  struct forecast *ret);

/* @stamp in ]origin, reach]; others, and too little data, give NAN. */
struct forecast_value forecast_at(const struct forecast *forecast,
				  int64_t stamp);

/* @bound NAN: unlimited. @horizon: seconds from the last value on. */
struct forecast_hit forecast_hit(const struct forecast *forecast, double bound,
				 int64_t horizon);

/* "rising", "no trend", …; a word for people and for JSON. */
const char *forecast_trend_name(enum forecast_trend trend);
const char *forecast_when_name(enum forecast_when when);

#endif /* RSTAT_FORECAST_H */
