// SPDX-License-Identifier: GPL-2.0
/*
 * Back-tests of the forecast on series whose future is known. Each kind of
 * series is made several hundred times, cut, and what came later is compared
 * with the band, which promises 80 of 100.
 */
#include <math.h>

#include "forecast.h"
#include "tap.h"

#define DAY		86400
#define T0		1763942400	/* midnight, a Monday */
#define SERIES		400
#define LENGTH_MAX	(2 * FORECAST_BUCKETS_MAX)

static uint64_t seed;

static double uniform(void)
{
	return ((double)(tap_random(&seed) >> 11) + 0.5) / 0x1p53;
}

static double normal(void)
{
	double r = sqrt(-2 * log(uniform()));

	return r * cos(2 * M_PI * uniform());
}

/* What a series is made of; lengths in units of the noise. */
struct kind {
	const char *name;
	double noise;		/* 1, or 0: none */
	double slope;		/* per day, random up to this, either way */
	double season;		/* of weekdays over weekends, at most */
	double walk;		/* of the level, per day */
	double shifts;		/* per day, at most */
	double shift;		/* their size */
	double outliers;	/* part of the days */
	double gaps;		/* part of the days, and a long one */
	double memory;		/* of the noise from day to day */
};

/* clang-format off */
static const struct kind kinds[] = {
	{ "noise", 1 },
	{ "trend", 1, .slope = 0.3 },
	{ "season", 1, .season = 4 },
	{ "trend and season", 1, .slope = 0.3, .season = 4 },
	{ "level shifts", 1, .slope = 0.1, .shifts = 1. / 30, .shift = 8 },
	{ "a walk", 1, .walk = 0.5 },
	{ "a walk with a trend", 1, .slope = 0.3, .walk = 0.5 },
	{ "outliers", 1, .slope = 0.1, .outliers = 0.07 },
	{ "gaps", 1, .slope = 0.3, .season = 4, .gaps = 0.1 },
	{ "noise with a memory", 1, .slope = 0.1, .memory = 0.4 },
	{ "everything", 1, .slope = 0.3, .season = 4, .walk = 0.1,
	  .shifts = 1. / 60, .shift = 8, .outliers = 0.05, .gaps = 0.05,
	  .memory = 0.2 },
};
/* clang-format on */

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void make_series(const struct kind *k, double *value, size_t nr)
{
	double unit = 5 + 20 * uniform(), level = 1000 + 1000 * uniform();
	double slope = k->slope * (2 * uniform() - 1);
	double season = k->season * uniform(), shifts = k->shifts * uniform();
	double before = 0;

	for (size_t i = 0; i < nr; i++) {
		level += unit * (slope + k->walk * normal());
		if (uniform() < shifts)
			level += unit * k->shift * normal();
		before = k->memory * before + k->noise * normal();
		value[i] = level + unit * before +
			   (i % 7 < 5 ? unit * season : 0);
		if (uniform() < k->outliers)
			value[i] += unit * 15 * uniform();
		value[i] = fmax(value[i], 0);
	}
}

static void make_points(const struct kind *k, const double *value,
			struct forecast_point *point, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		point[i].stamp = T0 + DAY * ((int64_t)i + 1);
		point[i].value = value[i];
		if (uniform() < k->gaps ||
		    (k->gaps > 0 && i > nr / 3 && i < nr / 3 + nr / 8))
			point[i].value = NAN;
	}
	point[nr - 1].value = value[nr - 1];
}

struct score {
	unsigned int inside, all;
	double error, width;
};

static void add_score(struct score *score, const struct forecast *f,
		      int64_t stamp, double truth)
{
	struct forecast_value v = forecast_at(f, stamp);

	/* A trend that changed makes the reach shorter. */
	if (isnan(v.value))
		return;
	score->all++;
	score->inside += truth >= v.low && truth <= v.high;
	score->error += fabs(truth - v.value);
	score->width += v.high - v.low;
}

static unsigned int percent(const struct score *score)
{
	return (200 * score->inside + score->all) / (2 * score->all);
}

static void test_kind(const struct kind *k)
{
	static const size_t lengths[] = { 28, 45, 60, 90, 120 };
	struct score total = {};

	seed = 88172645463325252 + (uint64_t)(k - kinds);
	for (size_t l = 0; l < 5; l++) {
		size_t nr = lengths[l];
		size_t ahead[] = { 1, 3, 7, 14, nr / 2, nr };
		struct score at[6] = {};

		for (int s = 0; s < SERIES; s++) {
			double value[LENGTH_MAX];
			struct forecast_point point[LENGTH_MAX];
			struct forecast f;

			make_series(k, value, 2 * nr);
			make_points(k, value, point, nr);
			forecast_fit(point, nr, DAY, &f);
			for (int a = 0; a < 6; a++)
				add_score(&at[a], &f,
					  T0 + DAY * (int64_t)(nr + ahead[a]),
					  value[nr + ahead[a] - 1]);
		}
		printf("# %-20s %3zu days:", k->name, nr);
		for (int a = 0; a < 6; a++) {
			printf(" %3zud %3u%%", ahead[a], percent(&at[a]));
			total.inside += at[a].inside;
			total.all += at[a].all;
		}
		printf("\n");
	}
	tap_ok(percent(&total) >= 70 && percent(&total) <= 90,
	       "%s: %u %% of %u inside the 80 %% band", k->name,
	       percent(&total), total.all);
}

/* --- what has one right answer -------------------------------------------------- */

/* value = level + slope × days, for so many days. */
static struct forecast line(double level, double slope, size_t days)
{
	struct forecast_point point[LENGTH_MAX];
	struct forecast f;

	for (size_t i = 0; i < days; i++) {
		point[i].stamp = T0 + DAY * ((int64_t)i + 1);
		point[i].value = level + slope * (double)(i + 1);
	}
	forecast_fit(point, days, DAY, &f);
	return f;
}

static void test_line(void)
{
	struct forecast f = line(100, 2, 50);	/* 200 now */
	struct forecast_hit hit = forecast_hit(&f, 230, 90 * DAY);
	struct forecast_value v = forecast_at(&f, T0 + 60 * DAY);

	tap_ok(f.trend == FORECAST_RISING && fabs(f.per_day - 2) < 1e-9,
	       "a line: %g a day", f.per_day);
	tap_ok(fabs(v.value - 220) < 1e-6 && v.high - v.low < 1e-6,
	       "ten days later: %g (%g..%g)", v.value, v.low, v.high);
	tap_ok(hit.when == FORECAST_AT && hit.at == T0 + 65 * DAY &&
		       hit.earliest == hit.at && hit.latest == hit.at,
	       "reached on the 15th day from now");
	hit = forecast_hit(&f, 230, 14 * DAY);
	tap_ok(hit.when == FORECAST_NOT && !hit.at &&
		       hit.until == T0 + 64 * DAY,
	       "not within 14 days");
	hit = forecast_hit(&f, 500, 365 * DAY);
	tap_ok(hit.when == FORECAST_NOT && hit.until == T0 + 100 * DAY,
	       "50 days of history say nothing about the 51st");
	tap_ok(isnan(forecast_at(&f, T0 + 101 * DAY).value) &&
		       isnan(forecast_at(&f, T0 + 50 * DAY).value) &&
		       !isnan(forecast_at(&f, T0 + 100 * DAY).value),
	       "nor does the past");
	tap_ok(forecast_hit(&f, 200, DAY).when == FORECAST_OVER &&
		       forecast_hit(&f, 0, DAY).when == FORECAST_OVER,
	       "at the bound is over it");
	tap_ok(forecast_hit(&f, NAN, DAY).when == FORECAST_UNBOUND,
	       "unlimited");
}

static void test_flat_and_falling(void)
{
	struct forecast f = line(100, 0, 50);
	struct forecast_value v;

	tap_ok(f.trend == FORECAST_FLAT && f.per_day == 0 &&
		       forecast_hit(&f, 101, 90 * DAY).when == FORECAST_NOT,
	       "what never moved: no trend");
	f = line(200, -3, 60);
	v = forecast_at(&f, T0 + 70 * DAY);
	tap_ok(f.trend == FORECAST_FALLING && fabs(f.per_day + 3) < 1e-9 &&
		       forecast_hit(&f, 100, 90 * DAY).when == FORECAST_NOT,
	       "falling reaches no bound");
	tap_ok(v.value == 0 && v.low == 0, "and not below 0");
}

static void test_too_little(void)
{
	struct forecast f = line(5, 1, FORECAST_KNOWN_MIN - 1);
	struct forecast_point gap[] = { { T0, NAN }, { T0 + DAY, NAN } };

	tap_ok(f.trend == FORECAST_TOO_LITTLE && f.known == 11 && f.now == 16 &&
		       f.first == T0,
	       "11 days are too little");
	tap_ok(forecast_hit(&f, 20, DAY).when == FORECAST_UNKNOWN &&
		       forecast_hit(&f, 16, DAY).when == FORECAST_OVER &&
		       isnan(forecast_at(&f, T0 + 12 * DAY).value),
	       "only what is over now is said");
	f = line(5, 1, FORECAST_KNOWN_MIN);
	tap_ok(f.trend == FORECAST_RISING, "12 are enough");
	forecast_fit(gap, 2, DAY, &f);
	tap_ok(f.trend == FORECAST_TOO_LITTLE && !f.last && isnan(f.now) &&
		       forecast_hit(&f, 1, DAY).when == FORECAST_UNKNOWN,
	       "nothing but gaps");
	forecast_fit(NULL, 0, DAY, &f);
	tap_ok(f.trend == FORECAST_TOO_LITTLE && !f.known, "nothing at all");
	tap_is_text(forecast_trend_name(f.trend), "too little data",
		    "in words");
	tap_is_text(forecast_when_name(FORECAST_PERHAPS), "perhaps", "and");
}

/* Rows of a minute for an hour: what a short run has. */
static void test_short(void)
{
	struct forecast_point point[60];
	struct forecast_hit hit;
	struct forecast f;

	for (int i = 0; i < 60; i++) {
		point[i].stamp = T0 + 60 * (i + 1);
		point[i].value = 10 + i;
	}
	forecast_fit(point, 60, 60, &f);
	hit = forecast_hit(&f, 100, DAY);
	tap_ok(f.bucket == 120 && f.trend == FORECAST_RISING &&
		       hit.when == FORECAST_AT &&
		       llabs(hit.at - (T0 + 60 * 91)) <= 120,
	       "an hour, in buckets of %d s: %d s from now", (int)f.bucket,
	       (int)(hit.at - f.last));
	tap_ok(f.reach == T0 + 7200, "and no further than an hour");
	/* One row in the middle of the night decides nothing. */
	for (int i = 0; i < 60; i++)
		point[i].value = i == 40 ? 5000 : 10;
	forecast_fit(point, 60, 60, &f);
	tap_ok(f.trend == FORECAST_FLAT &&
		       forecast_hit(&f, 100, DAY).when == FORECAST_NOT,
	       "an outlier is no trend");
}

/* Hours of eight days, busy by day: buckets of six hours, and their season. */
static void test_day_season(void)
{
	struct forecast_point point[8 * 24];
	struct forecast_value day, night;
	struct forecast f;

	for (int i = 0; i < 8 * 24; i++) {
		point[i].stamp = T0 + 3600 * (i + 1);
		point[i].value = 100 + i / 24 + (i % 24 < 12 ? 50 : 0);
	}
	forecast_fit(point, 8 * 24, 3600, &f);
	day = forecast_at(&f, T0 + 9 * DAY + 3600);
	night = forecast_at(&f, T0 + 9 * DAY + 23 * 3600);
	tap_ok(f.bucket == 6 * 3600 && f.period == 4 &&
		       day.value - night.value > 30 &&
		       day.value - night.value < 55,
	       "by day %.0f, at night %.0f", day.value, night.value);
}

static void test_leak(void)
{
	unsigned int rising = 0, early = 0, late = 0;

	seed = 4711;
	for (int s = 0; s < SERIES; s++) {
		struct forecast_point point[90];
		struct forecast_hit hit;
		struct forecast f;

		/* Flat for 60 days, then 2 a day more; 260 on the 140th. */
		for (int i = 0; i < 90; i++) {
			point[i].stamp = T0 + DAY * (i + 1);
			point[i].value = 100 + 3 * normal() +
					 (i > 60 ? 2 * (i - 60) : 0);
		}
		forecast_fit(point, 90, DAY, &f);
		hit = forecast_hit(&f, 190, 90 * DAY);
		rising += f.trend == FORECAST_RISING;
		if (hit.when != FORECAST_AT)
			continue;
		early += hit.at < T0 + DAY * 98;
		late += hit.at > T0 + DAY * 118;
	}
	tap_ok(rising >= SERIES * 95 / 100, "a leak that began: rising %u/%u",
	       rising, SERIES);
	tap_ok(early + late <= SERIES / 5,
	       "expected within 10 days of the truth, but for %u + %u of %u",
	       early, late, SERIES);
}

/* Without noise every wobble stands out: a bend is still no shift. */
static void test_bend(void)
{
	struct forecast_point point[60];
	struct forecast f;

	for (int i = 0; i < 60; i++) {
		point[i].stamp = T0 + DAY * (i + 1);
		point[i].value = i < 40 ? 101 :
					  101 + 4 * (i - 40) + (i % 3 == 0);
	}
	forecast_fit(point, 60, DAY, &f);
	tap_ok(!f.shifts && f.trend == FORECAST_RISING &&
		       fabs(f.per_day - 4) < 0.3,
	       "a bend in a quiet series: %.2f a day, %u shifts", f.per_day,
	       f.shifts);
}

/* What has no trend must not be given one: at most a tenth may. */
static void test_no_trend(void)
{
	struct kind k = { "quiet", 1, .season = 4 };
	unsigned int flat = 0;

	seed = 12345;
	for (int s = 0; s < SERIES; s++) {
		struct forecast_point point[LENGTH_MAX];
		double value[LENGTH_MAX];
		struct forecast f;

		make_series(&k, value, 60);
		make_points(&k, value, point, 60);
		forecast_fit(point, 60, DAY, &f);
		flat += f.trend == FORECAST_FLAT;
	}
	tap_ok(flat >= SERIES * 9 / 10, "no trend in %u of %u without one",
	       flat, SERIES);
}

static void test_shift(void)
{
	struct forecast_point point[60];
	struct forecast f;

	seed = 99;
	for (int i = 0; i < 60; i++) {
		point[i].stamp = T0 + DAY * (i + 1);
		point[i].value = 100 + normal() + (i >= 40 ? 50 : 0);
	}
	forecast_fit(point, 60, DAY, &f);
	tap_ok(f.shifts == 1 && f.trend == FORECAST_FLAT &&
		       fabs(forecast_at(&f, T0 + 70 * DAY).value - 150) < 3,
	       "one change of level is no trend");
	for (int i = 0; i < 60; i++)
		point[i].value = 100 + normal() + (double)(i / 12) * 24;
	forecast_fit(point, 60, DAY, &f);
	tap_ok(f.trend == FORECAST_RISING && f.per_day > 0.8 && f.per_day < 2.5,
	       "stairs are one: %.2f a day, of 2", f.per_day);
}

/* Whatever comes: no crash, and low <= value <= high. */
static void test_anything(void)
{
	bool sane = true;

	seed = 2463534242;
	for (int s = 0; s < 3000; s++) {
		struct forecast_point point[200];
		size_t nr = tap_random(&seed) % 200;
		int64_t step = 1 + (int64_t)(tap_random(&seed) % 100000);
		int64_t stamp = T0;
		struct forecast f;

		for (size_t i = 0; i < nr; i++) {
			stamp += uniform() < 0.1 ? step * 50 : step;
			point[i].stamp = stamp;
			point[i].value = pow(10, 18 * uniform());
			if (uniform() < 0.2)
				point[i].value = 0;
			if (uniform() < 0.2)
				point[i].value = NAN;
		}
		forecast_fit(point, nr, step, &f);
		if (f.trend == FORECAST_TOO_LITTLE)
			continue;
		for (int64_t t = f.origin + 1; t <= f.reach;
		     t += 1 + f.bucket / 2) {
			struct forecast_value v = forecast_at(&f, t);

			sane &= v.low <= v.value && v.value <= v.high &&
				v.low >= 0 && isfinite(v.high);
		}
		forecast_hit(&f, 1e9, 400 * DAY);
	}
	tap_ok(sane, "3000 wild ones");
}

int main(void)
{
	for (size_t k = 0; k < NR_KINDS; k++)
		test_kind(&kinds[k]);
	test_line();
	test_flat_and_falling();
	test_too_little();
	test_short();
	test_day_season();
	test_leak();
	test_bend();
	test_no_trend();
	test_shift();
	test_anything();
	return tap_done();
}
