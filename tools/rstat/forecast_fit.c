// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "forecast_fit.h"

#define MINUTE		60
#define HOUR		3600
#define DAY		86400LL

/* Without a season a history is cut into about so many buckets. */
#define PLAIN_BUCKETS	32
/* Of a running median, where there is no season to span. */
#define PLAIN_WINDOW	7
#define SHIFTS_MAX	5
/* A change of level by fewer standard deviations is noise. */
#define SHIFT_DEVIATIONS 4
#define LAGS		6

/*
 * Bring what is below @pivot, or @with_equal too, to the front; returns how
 * many. Without a branch: which way a value goes is not to be foreseen, and to
 * guess wrong costs more than to move it.
 */
static size_t partition(double *value, size_t nr, double pivot, bool with_equal)
{
	size_t front = 0;

	for (size_t i = 0; i < nr; i++) {
		double v = value[i];
		bool below = with_equal ? v <= pivot : v < pivot;

		value[i] = value[front];
		value[front] = v;
		front += below;
	}
	return front;
}

static double median_of_3(double a, double b, double c)
{
	return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

double forecast_quantile(double *value, size_t nr, double part)
{
	size_t want;

	if (!nr)
		return NAN;
	want = (size_t)(part * (double)(nr - 1) + 0.5);
	/* Hoare's selection. */
	for (;;) {
		double pivot = median_of_3(value[0], value[nr / 2],
					   value[nr - 1]);
		size_t below = partition(value, nr, pivot, false);

		if (want >= below) {
			value += below;
			want -= below;
			nr -= below;
			below = partition(value, nr, pivot, true);
			if (want < below)
				return pivot;
			value += below;
			want -= below;
			nr -= below;
		} else {
			nr = below;
		}
	}
}

/* --- buckets ------------------------------------------------------------------ */

/* Length and season of the buckets, by the length of the history. */
static void choose_buckets(int64_t span, int64_t step, struct buckets *b)
{
	static const int nice[] = { 1,		 2,	      5,
				    10,		 15,	      30,
				    MINUTE,	 2 * MINUTE,  5 * MINUTE,
				    10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
				    HOUR,	 2 * HOUR,    3 * HOUR };
	size_t i = 0;

	b->period = 1;
	if (span >= 14 * DAY) {
		b->length = DAY;
		b->period = 7;
	} else if (span >= 4 * DAY && step <= DAY / 4) {
		b->length = DAY / 4;
		b->period = 4;
	} else {
		while (i + 1 < sizeof(nice) / sizeof(nice[0]) &&
		       nice[i] < span / PLAIN_BUCKETS)
			i++;
		b->length = nice[i];
	}
	if (b->length < step) {
		b->length = step;
		b->period = 1;
	}
}

/* Rows end at their stamp: that of midnight belongs to the day before. */
static int64_t bucket_end(const struct buckets *b, int64_t stamp)
{
	return (stamp + b->length - 1) / b->length * b->length;
}

void forecast_buckets(const struct forecast_point *point, size_t nr,
		      int64_t step, struct buckets *ret)
{
	struct buckets b;
	int64_t first, last;
	size_t from = 0;

	memset(&b, 0, offsetof(struct buckets, value));
	while (nr && isnan(point[nr - 1].value))
		nr--;
	while (from < nr && isnan(point[from].value))
		from++;
	ret->nr = 0;
	ret->known = 0;
	if (from == nr)
		return;
	first = point[from].stamp - step;
	last = point[nr - 1].stamp;
	choose_buckets(last - first, step, &b);
	b.end = bucket_end(&b, last);
	/* Its highest value may be still to come. */
	if (b.end - last > b.length / 4)
		b.end -= b.length;
	first = b.end - FORECAST_BUCKETS_MAX * b.length > first ?
			b.end - FORECAST_BUCKETS_MAX * b.length :
			bucket_end(&b, first + 1) - b.length;
	b.nr = b.end > first ? (size_t)((b.end - first) / b.length) : 0;
	for (size_t i = 0; i < b.nr; i++)
		b.value[i] = NAN;
	for (size_t i = from; i < nr; i++) {
		int64_t after = point[i].stamp - 1 - first;
		double *v;

		if (after < 0 || point[i].stamp > b.end)
			continue;
		v = &b.value[after / b.length];
		/* false when one is unknown */
		if (!(*v >= point[i].value) && !isnan(point[i].value))
			*v = point[i].value;
	}
	for (size_t i = 0; i < b.nr; i++)
		b.known += !isnan(b.value[i]);

	memcpy(ret, &b, offsetof(struct buckets, value));
	memcpy(ret->value, b.value, b.nr * sizeof(b.value[0]));
}

/* --- level shifts --------------------------------------------------------------- */

static unsigned int window_of(const struct buckets *b)
{
	return b->period == 4 ? 8 : PLAIN_WINDOW;
}

/* Values of a window, sorted. */
struct running {
	double sorted[2 * PLAIN_WINDOW];
	size_t nr;
};

static void running_add(struct running *r, double value)
{
	size_t at = r->nr;

	if (isnan(value))
		return;
	for (; at && r->sorted[at - 1] > value; at--)
		r->sorted[at] = r->sorted[at - 1];
	r->sorted[at] = value;
	r->nr++;
}

static void running_drop(struct running *r, double value)
{
	size_t at = 0;

	if (isnan(value))
		return;
	while (r->sorted[at] < value)
		at++;
	for (r->nr--; at < r->nr; at++)
		r->sorted[at] = r->sorted[at + 1];
}

/*
 * The median of each @window buckets, by the first of them; NAN where half of
 * them are unknown. There are buckets->nr - @window + 1.
 */
static void running_medians(const struct buckets *b, size_t window,
			    double *median)
{
	struct running r = { .nr = 0 };

	for (size_t i = 0; i < b->nr; i++) {
		size_t n;

		if (i >= window)
			running_drop(&r, b->value[i - window]);
		running_add(&r, b->value[i]);
		if (i + 1 < window)
			continue;
		n = r.nr;
		/* Of an odd number both are the one in the middle. */
		median[i + 1 - window] =
			2 * n <= window ?
				NAN :
				(r.sorted[(n - 1) / 2] + r.sorted[n / 2]) / 2;
	}
}

/* Differences of values @lag buckets apart, less @drift; returns how many. */
static size_t differences(const struct buckets *b, size_t lag, double drift,
			  double *difference)
{
	size_t n = 0;

	for (size_t i = lag; i < b->nr; i++) {
		double d = b->value[i] - b->value[i - lag] - drift;

		difference[n] = d;
		n += !isnan(d);
	}
	return n;
}

/* How much the change at @at is larger than those a window away. */
static double abruptness(const double *change, size_t at, size_t window,
			 size_t first)
{
	double sign = change[at] < 0 ? -1 : 1;
	double around = fmax(0, sign * change[at + window]);

	if (at >= first + window)
		around = fmax(around, sign * change[at - window]);
	return sign * change[at] - around;
}

/*
 * The change of level that stands out most, or 0. The level before and after is
 * a median over a whole season, which neither the season nor single outliers
 * move; how much values change anyway is told by those a season apart. Where
 * the neighbouring windows change half as much it is a slope, and no shift.
 */
static double find_shift(const struct buckets *b, size_t *ret_at)
{
	double median[FORECAST_BUCKETS_MAX], change[FORECAST_BUCKETS_MAX];
	size_t window = window_of(b), n;
	double drift, deviation, largest = 0, size = 0;

	if (b->nr < 4 * window)
		return 0;
	n = differences(b, window, 0, change);
	drift = forecast_quantile(change, n, 0.5);
	for (size_t i = 0; i < n; i++)
		change[i] = fabs(change[i] - drift);
	deviation = forecast_quantile(change, n, 0.5) / 0.6745 / M_SQRT2;
	if (isnan(deviation))
		return 0;
	running_medians(b, window, median);
	for (size_t i = window; i + window <= b->nr; i++)
		change[i] = median[i] - median[i - window] - drift;
	for (size_t i = window; i + 2 * window <= b->nr; i++) {
		double abrupt = abruptness(change, i, window, window);

		if (abrupt > largest && 2 * abrupt > fabs(change[i])) {
			largest = abrupt;
			size = change[i];
			*ret_at = i;
		}
	}
	return largest > SHIFT_DEVIATIONS * deviation ? size : 0;
}

void forecast_shifts(struct buckets *buckets, struct shifts *ret)
{
	struct shifts shifts = {};

	while (shifts.nr < SHIFTS_MAX) {
		size_t at = 0;
		double size = find_shift(buckets, &at);

		if (size == 0)
			break;
		for (size_t i = 0; i < at; i++)
			buckets->value[i] += size;
		shifts.nr++;
		shifts.sum += size;
		shifts.squares += size * size;
	}
	*ret = shifts;
}

/* --- slope and season -------------------------------------------------------------- */

/*
 * The median of the slopes between values of the same season: Hirsch, Slack and
 * Smith, "Techniques of Trend Analysis for Monthly Water Quality Data", Water
 * Resources Research 18(1), 1982, after Theil (1950) and Sen (1968). Pairs that
 * are closer than a quarter of the history say little and are left out.
 */
double forecast_slope(const struct buckets *buckets)
{
	double slope[FORECAST_BUCKETS_MAX * FORECAST_BUCKETS_MAX / 2];
	size_t period = buckets->period;
	size_t lag = (buckets->nr / 4 + period - 1) / period * period;
	size_t n = 0;

	for (lag = lag ? lag : period; lag < buckets->nr; lag += period) {
		size_t m = differences(buckets, lag, 0, slope + n);

		for (size_t i = n; i < n + m; i++)
			slope[i] /= (double)lag;
		n += m;
	}

	return n ? forecast_quantile(slope, n, 0.5) : 0;
}

/*
 * The part of the differences between seasons that noise does not explain
 * (James and Stein, 1961): a season that is none adds nothing to the band.
 */
static void shrink_season(double *season, unsigned int period, double noise)
{
	double mean = 0, squares = 0, keep;

	for (unsigned int s = 0; s < period; s++)
		mean += season[s] / period;
	for (unsigned int s = 0; s < period; s++) {
		season[s] -= mean;
		squares += season[s] * season[s] / (period - 1);
	}
	keep = squares > noise ? 1 - noise / squares : 0;
	for (unsigned int s = 0; s < period; s++)
		season[s] *= keep;
}

void forecast_season(const struct buckets *buckets, double slope,
		     double season[FORECAST_PERIOD_MAX])
{
	size_t window = window_of(buckets), half = window / 2;
	double from_level[FORECAST_BUCKETS_MAX], median[FORECAST_BUCKETS_MAX];
	double d[FORECAST_BUCKETS_MAX], spread[FORECAST_BUCKETS_MAX];
	size_t all = 0;
	double noise;

	memset(season, 0, FORECAST_PERIOD_MAX * sizeof(*season));
	if (buckets->period == 1 || buckets->nr < window)
		return;
	running_medians(buckets, window, median);
	/* At the ends, where no window fits around, the nearest one. */
	for (size_t i = 0; i < buckets->nr; i++) {
		size_t at = i < half ? 0 : i - half;
		double middle;

		if (at + window > buckets->nr)
			at = buckets->nr - window;
		middle = (double)at + (double)(window - 1) / 2;
		from_level[i] = buckets->value[i] - median[at] -
				slope * ((double)i - middle);
	}
	for (unsigned int s = 0; s < buckets->period; s++) {
		size_t n = 0;

		for (size_t i = s; i < buckets->nr; i += buckets->period) {
			d[n] = from_level[i];
			n += !isnan(d[n]);
		}
		season[s] = n ? forecast_quantile(d, n, 0.5) : 0;
		for (size_t i = 0; i < n; i++)
			spread[all++] = fabs(d[i] - season[s]);
	}
	if (!all)
		return;
	noise = forecast_quantile(spread, all, 0.5) / 0.6745;
	/* pi / 2: what a median knows less than a mean */
	noise *= noise * M_PI_2 * buckets->period / (double)all;
	shrink_season(season, buckets->period, noise);
}

/* Half of the variance of differences from one bucket to the next. */
double forecast_jitter(const struct buckets *buckets)
{
	double d[FORECAST_BUCKETS_MAX], v;
	size_t n = differences(buckets, 1, 0, d);

	for (size_t i = 0; i < n; i++)
		d[i] = fabs(d[i]);
	v = n ? forecast_quantile(d, n, 0.5) / 0.6745 : 0;

	return v * v / 2;
}

/* --- variances --------------------------------------------------------------------- */

/*
 * A level that walks, and values around it (the "local level" of Harvey,
 * "Forecasting, Structural Time Series Models and the Kalman Filter", 1989): the
 * variance of differences grows with their lag, 2 noise + lag × walk. It is
 * taken from the 80 % quantile of the differences and not from their squares, so
 * that rare outliers do not count, and a band of 80 % is what is measured.
 */
void forecast_variances(const struct buckets *buckets, double slope,
			const double season[FORECAST_PERIOD_MAX],
			double *ret_noise, double *ret_walk)
{
	static const size_t lags[LAGS] = { 1, 2, 4, 8, 16, 32 };
	double weight = 0, lag_sum = 0, lag2_sum = 0, v_sum = 0, lag_v_sum = 0;
	double d[FORECAST_BUCKETS_MAX];
	double walk, noise, det;
	struct buckets plain;

	plain.nr = buckets->nr;
	for (size_t i = 0; i < buckets->nr; i++)
		plain.value[i] = buckets->value[i] - slope * (double)i -
				 season[i % buckets->period];
	for (size_t l = 0; l < LAGS && 3 * lags[l] <= plain.nr; l++) {
		size_t n = differences(&plain, lags[l], 0, d);
		double lag = (double)lags[l], w = (double)n / lag, v;

		if (n < 4)
			continue;
		for (size_t i = 0; i < n; i++)
			d[i] = fabs(d[i]);
		v = forecast_quantile(d, n, 0.8) / NORMAL_80;
		v *= v;
		weight += w;
		lag_sum += w * lag;
		lag2_sum += w * lag * lag;
		v_sum += w * v;
		lag_v_sum += w * lag * v;
	}
	*ret_noise = *ret_walk = 0;
	if (!(weight > 0))
		return;
	/* Weighted least squares; neither variance may be below 0. */
	det = weight * lag2_sum - lag_sum * lag_sum;
	walk = det > 0 ? (weight * lag_v_sum - lag_sum * v_sum) / det : 0;
	if (walk < 0)
		walk = 0;
	noise = (v_sum - walk * lag_sum) / weight / 2;
	if (noise < 0) {
		noise = 0;
		walk = lag_v_sum / lag2_sum;
	}
	*ret_noise = noise;
	*ret_walk = walk;
}
