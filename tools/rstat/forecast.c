// SPDX-License-Identifier: GPL-2.0
/*
 * The method, in this order:
 *
 *  1. Buckets: the highest value of each day; of 6 hours where the history is
 *     shorter than two weeks; of a 32nd of it below four days.
 *  2. Sudden changes of level are found by running medians, and taken out.
 *  3. Slope: the seasonal Kendall slope, a Theil-Sen slope between the same
 *     days of weeks.
 *  4. Season: medians by the day of the week (or the quarter of a day).
 *  5. Band: variances of a walking level and of noise around it, from quantiles
 *     of differences at several lags; the error of the slope is added.
 *
 * Before 3: where the newest half, third or quarter has another slope than what
 * was before it, only that is looked at.
 *
 * forecast_fit.c names the sources. tests/rstat/test_forecast.c has the
 * back-tests on which the numbers below were chosen.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "forecast.h"
#include "forecast_fit.h"

#define DAY		86400.0

/* A slope is one if zero is further away than so many standard errors. */
#define SLOPE_ERRORS	1.65
/* Its variance: so much noise / n^3 (12 for least squares), and walk / n. */
#define SLOPE_NOISE	10.0
#define SLOPE_WALK	2.0
/* Of level shifts, after one and after more of them, in the future. */
#define SHIFT_AGAIN	0.3
#define SHIFT_MORE	1.3
#define CHANGE_ERRORS	3.0	/* of the difference of two slopes */
#define CHANGE_PARTS	4	/* the newest half, third, quarter are tried */
#define CHANGE_LEAST	14	/* buckets that a new trend must have lasted */
#define FEW_BUCKETS	4.0	/* wider by so much / n: less is known */
#define LEVEL_LAST	7	/* buckets that say where the level is */

/* Variance of the median of the last @n values as the level at the last. */
static double level_variance(double noise, double walk, double n)
{
	double wide = n > 1 ? M_PI_2 : 1;

	return wide * noise / n + walk * (n - 1) * (2 * n - 1) / (6 * n);
}

static void fit_level(const struct buckets *b, struct forecast *f)
{
	double last[LEVEL_LAST];
	double least = INFINITY;
	size_t best = 1, n = 0;

	for (size_t m = 1; m <= LEVEL_LAST; m += 2) {
		double v = level_variance(f->noise, f->walk, (double)m);

		if (v < least) {
			least = v;
			best = m;
		}
	}
	for (size_t i = b->nr; i-- > 0 && n < best;) {
		double ahead = (double)(b->nr - 1 - i);

		last[n] = b->value[i] + f->slope * ahead -
			  f->season[i % b->period];
		n += !isnan(last[n]);
	}
	f->level = forecast_quantile(last, n, 0.5);
	f->level_error = least;
}

static double slope_variance(const struct forecast *f, double n)
{
	return SLOPE_NOISE * f->noise / (n * n * n) + SLOPE_WALK * f->walk / n;
}

/* The last @nr of them. */
static void keep_newest(struct buckets *b, size_t nr)
{
	memmove(b->value, b->value + b->nr - nr, nr * sizeof(b->value[0]));
	b->nr = nr;
	b->known = 0;
	for (size_t i = 0; i < nr; i++)
		b->known += !isnan(b->value[i]);
}

/* The slope of a part, and its variance if what is left is noise alone. */
static double part_slope(const struct buckets *part, double *ret_variance)
{
	struct forecast f = {};
	double slope = forecast_slope(part);

	forecast_season(part, slope, f.season);
	forecast_variances(part, slope, f.season, &f.noise, &f.walk);
	*ret_variance = slope_variance(&f, (double)part->nr);

	return slope;
}

static bool newest_differ(const struct buckets *b, size_t nr)
{
	struct buckets older = *b, newer = *b;
	double least, change, variance[2];

	older.nr = b->nr - nr;
	keep_newest(&newer, nr);
	if (newer.known < FORECAST_KNOWN_MIN)
		return false;
	/* Steady noise of this size alone explains it: no need to look. */
	least = SLOPE_NOISE * forecast_jitter(b) / pow((double)nr, 3);
	change = forecast_slope(&newer) - forecast_slope(&older);
	if (change * change <= CHANGE_ERRORS * CHANGE_ERRORS * least)
		return false;
	change = part_slope(&newer, &variance[0]) -
		 part_slope(&older, &variance[1]);

	return change * change >
	       CHANGE_ERRORS * CHANGE_ERRORS * (variance[0] + variance[1]);
}

/*
 * Has the trend changed? A leak that began two weeks ago is not told by the
 * months before it. Returns how many of the newest buckets have the new one;
 * 0: it has not.
 */
static size_t trend_changed(const struct buckets *b)
{
	for (size_t part = 2; part <= CHANGE_PARTS; part++) {
		size_t nr = b->nr / part;

		if (nr < CHANGE_LEAST)
			break;
		if (newest_differ(b, nr))
			return nr;
	}

	return 0;
}

static void fit_trend(const struct buckets *b, const struct shifts *shifts,
		      struct forecast *f)
{
	double n = (double)b->nr, again = SHIFT_AGAIN, error;
	double per_day = DAY / (double)b->length;

	f->slope_error = slope_variance(f, n);
	/* What happened twice is part of the trend; once may be again. */
	f->shifts = shifts->nr;
	if (shifts->nr > 1) {
		f->slope += shifts->sum / n;
		f->slope_error += shifts->squares / (n * n);
		again = SHIFT_MORE;
	}
	f->walk += shifts->squares / n * again;
	error = sqrt(f->slope_error);
	if (fabs(f->slope) <= SLOPE_ERRORS * error) {
		f->trend = FORECAST_FLAT;
		f->slope = 0;
	} else {
		f->trend = f->slope > 0 ? FORECAST_RISING : FORECAST_FALLING;
	}
	f->per_day = f->slope * per_day;
	f->per_day_low = (f->slope - f->quantile * error) * per_day;
	f->per_day_high = (f->slope + f->quantile * error) * per_day;
}

static void fit_history(const struct forecast_point *point, size_t nr,
			int64_t step, struct forecast *f)
{
	f->now = NAN;
	for (size_t i = 0; i < nr; i++) {
		if (isnan(point[i].value))
			continue;
		if (!f->last)
			f->first = point[i].stamp - step;
		f->last = point[i].stamp;
		f->now = point[i].value;
	}
}

void forecast_fit(const struct forecast_point *point, size_t nr, int64_t step,
		  struct forecast *ret)
{
	struct forecast f = { .trend = FORECAST_TOO_LITTLE, .period = 1 };
	struct shifts shifts;
	struct buckets b;
	size_t changed;

	fit_history(point, nr, step, &f);
	forecast_buckets(point, nr, step, &b);
	f.known = b.known;
	if (b.known < FORECAST_KNOWN_MIN) {
		*ret = f;
		return;
	}
	f.bucket = b.length;
	f.origin = b.end;
	f.period = b.period;
	f.quantile = NORMAL_80 * (1 + FEW_BUCKETS / (double)b.known);

	forecast_shifts(&b, &shifts);
	while ((changed = trend_changed(&b)))
		keep_newest(&b, changed);
	f.slope = forecast_slope(&b);
	forecast_season(&b, f.slope, f.season);
	forecast_variances(&b, f.slope, f.season, &f.noise, &f.walk);
	fit_trend(&b, &shifts, &f);
	fit_level(&b, &f);
	f.reach = b.end + (int64_t)b.nr * b.length;
	f.phase = (unsigned int)(b.nr % b.period);
	*ret = f;
}

static double at_least_0(double value)
{
	return value > 0 ? value : 0;
}

struct forecast_value forecast_at(const struct forecast *forecast,
				  int64_t stamp)
{
	struct forecast_value v = { NAN, NAN, NAN };
	int64_t bucket;
	double ahead, error;

	if (forecast->trend == FORECAST_TOO_LITTLE ||
	    stamp <= forecast->origin || stamp > forecast->reach)
		return v;
	bucket = (stamp - forecast->origin - 1) / forecast->bucket;
	ahead = (double)bucket + 1;
	error = sqrt(forecast->noise + forecast->level_error +
		     forecast->walk * ahead +
		     forecast->slope_error * (ahead + FORECAST_LEVEL_LAG) *
			     (ahead + FORECAST_LEVEL_LAG)) *
		forecast->quantile;
	v.value =
		forecast->level + forecast->slope * ahead +
		forecast->season[(bucket + forecast->phase) % forecast->period];
	v.low = at_least_0(v.value - error);
	v.high = at_least_0(v.value + error);
	v.value = at_least_0(v.value);

	return v;
}

struct forecast_hit forecast_hit(const struct forecast *forecast, double bound,
				 int64_t horizon)
{
	struct forecast_hit hit = { .when = FORECAST_UNBOUND };

	if (isnan(bound))
		return hit;
	hit.when = FORECAST_OVER;
	if (forecast->now >= bound)
		return hit;
	hit.when = FORECAST_UNKNOWN;
	if (forecast->trend == FORECAST_TOO_LITTLE)
		return hit;
	hit.until = forecast->last + horizon < forecast->reach ?
			    forecast->last + horizon :
			    forecast->reach;
	hit.when = FORECAST_NOT;
	for (int64_t t = forecast->origin + forecast->bucket; t <= hit.until;
	     t += forecast->bucket) {
		struct forecast_value v = forecast_at(forecast, t);

		if (t <= forecast->last)
			continue;
		if (!hit.earliest && v.high >= bound)
			hit.earliest = t;
		if (!hit.at && v.value >= bound)
			hit.at = t;
		if (!hit.latest && v.low >= bound)
			hit.latest = t;
		if (hit.latest)
			break;
	}
	if (hit.at)
		hit.when = FORECAST_AT;
	else if (hit.earliest)
		hit.when = FORECAST_PERHAPS;

	return hit;
}

const char *forecast_trend_name(enum forecast_trend trend)
{
	static const char *const names[] = {
		[FORECAST_TOO_LITTLE] = "too little data",
		[FORECAST_FLAT] = "no trend",
		[FORECAST_RISING] = "rising",
		[FORECAST_FALLING] = "falling",
	};

	return names[trend];
}

const char *forecast_when_name(enum forecast_when when)
{
	static const char *const names[] = {
		[FORECAST_UNBOUND] = "unlimited",
		[FORECAST_UNKNOWN] = "too little data",
		[FORECAST_OVER] = "over now",
		[FORECAST_AT] = "expected",
		[FORECAST_PERHAPS] = "perhaps",
		[FORECAST_NOT] = "not in sight",
	};

	return names[when];
}
