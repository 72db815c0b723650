// SPDX-License-Identifier: GPL-2.0
/*
 * What a picture shows, decided before it is drawn: axes, summary, arguments.
 *
 * "test_graph --make DIR" instead fills DIR/long, DIR/short, DIR/single with
 * containers for graph.sh to draw.
 */
#include <math.h>
#include <sys/stat.h>

#include "graph.h"
#include "scripted.h"
#include "tap.h"

#define PAGES	0		/* index of the resource in the script */
#define PROCS	1
#define DAY	86400

/* A day's shape: quiet at night, busy around noon. */
static double daily(int64_t second)
{
	double day = (double)(second % DAY) / DAY;

	return exp(-pow((day - 0.55) / 0.12, 2));
}

/*
 * Eight weeks of a minute each: growth, a raised limit, refusals when it is
 * nearly full, two hours and one day without a collector.
 */
static void make_long(const char *dir)
{
	const int64_t gib = (1LL << 30) / 4096;
	uint64_t seed = 42, failed = 0;
	struct script s;

	script_open(&s, dir, 60);
	script_name(&s, "web-0042", 17, SCRIPT_START - DAY);
	script_resource(&s, "privvmpages", RESCORE_PAGES);
	script_resource(&s, "numproc", RESCORE_COUNT);
	script_bounds(&s, PROCS, 200, 250);
	for (int64_t t = 60; t <= 56 * DAY; t += 60) {
		double noise = (double)(tap_random(&seed) % 1000) / 4000;
		double held = 2.7 + 0.045 * (double)t / DAY +
			      daily(t) * (0.6 + noise) + noise / 4;
		double peak = held * (1.06 + noise / 3);
		int64_t limit = t < 20 * DAY ? 5 : 6;

		if ((t > 30 * DAY && t < 31 * DAY) ||
		    (t > 45 * DAY && t < 45 * DAY + 7200))
			continue;
		if (peak > (double)limit) {
			failed += tap_random(&seed) % 3;
			peak = (double)limit;
			held = fmin(held, peak);
		}
		script_bounds(&s, PAGES, limit * gib, limit * gib + gib / 2);
		script_set(&s, PAGES, (int64_t)(held * (double)gib),
			   (int64_t)(peak * (double)gib), failed);
		script_set(&s, PROCS, 40 + (int64_t)(daily(t) * 90),
			   48 + (int64_t)(daily(t) * 110), 0);
		script_sample(&s, SCRIPT_START + t);
		if (t / 60 % 60 == 0)
			script_record(&s);
	}
	script_record(&s);
	script_close(&s);
}

/* Half a minute at a second each: forks up to a limit that is raised. */
static void make_short(const char *dir)
{
	uint64_t failed = 0;
	struct script s;

	script_open(&s, dir, 1);
	script_name(&s, "web", 3, SCRIPT_START);
	script_resource(&s, "privvmpages", RESCORE_PAGES);
	script_resource(&s, "numproc", RESCORE_COUNT);
	for (int64_t t = 1; t <= 30; t++) {
		int64_t limit = t < 16 ? 20 : 32;
		int64_t procs = 3 + 2 * t;

		if (t > 20)
			procs = 31 - (t - 20) * 2;
		if (procs >= limit) {
			failed += 7;
			procs = limit;
		}
		script_bounds(&s, PROCS, limit, limit);
		script_set(&s, PROCS, procs, procs < limit ? procs + 1 : limit,
			   failed);
		script_set(&s, PAGES, procs * 180, procs * 190, 0);
		script_sample(&s, SCRIPT_START + t);
	}
	script_record(&s);
	script_close(&s);
}

static void make_single(const char *dir)
{
	struct script s;

	script_open(&s, dir, 60);
	script_name(&s, "a:b@c", 1, SCRIPT_START);
	script_resource(&s, "numproc", RESCORE_COUNT);
	script_resource(&s, "numfile", RESCORE_COUNT);
	script_set(&s, 0, 1, 1, 0);
	script_set(&s, 1, 0, 0, 0);
	script_bounds(&s, 0, 2, 3);
	script_sample(&s, SCRIPT_START + 60);
	script_record(&s);
	script_close(&s);
}

static int make(const char *dir)
{
	static const struct {
		const char *name;
		void (*fn)(const char *dir);
	} stores[] = {
		{ "long", make_long },
		{ "short", make_short },
		{ "single", make_single },
	};

	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", dir, stores[i].name);
		script_child(stores[i].fn, path);
	}
	return 0;
}

static void is_format(double value, unsigned int unit, const char *want)
{
	char buf[32];

	tap_is_text(unit_format(value, unit, buf, sizeof(buf)), want, want);
}

static void test_numbers(void)
{
	is_format(NAN, RESCORE_COUNT, "–");
	is_format(INFINITY, RESCORE_BYTES, "–");
	is_format(0, RESCORE_COUNT, "0");
	is_format(23, RESCORE_COUNT, "23");
	is_format(0.25, RESCORE_COUNT, "0.25");
	is_format(19.87, RESCORE_COUNT, "19.9");
	is_format(123456, RESCORE_COUNT, "123456");
	is_format(2500000, RESCORE_COUNT, "2.50 million");
	is_format(1023, RESCORE_BYTES, "1023 bytes");
	is_format(1536, RESCORE_BYTES, "1.50 KiB");
	is_format(1, RESCORE_PAGES, "4 KiB");
	is_format(1572864, RESCORE_PAGES, "6 GiB");
	is_format(2.5e9, RESCORE_NSEC, "2.50 s");
	is_format(150, RESCORE_PERCENT, "150 %");
	is_format(5, 99, "5");
	tap_ok(unit_find("pages") == RESCORE_PAGES && unit_find("x") < 0 &&
		       !unit_name(99),
	       "units by name");
}

struct axis_case {
	const char *name;
	unsigned int unit;
	double held, barrier, limit;
	double top, grid;
	const char *label;
	bool above;
};

static void is_axis(const struct axis_case *c)
{
	struct meta_resource resource = { .name = "r", .unit = c->unit };
	struct track_row row = { 60, c->held, c->held, 0, c->barrier, c->limit };
	struct track track = {
		.resource = &resource,
		.meta.first = 60,
		.last = 60,
		.step = 60,
		.to = 60,
		.nr = 1,
		.row = &row,
	};
	struct graph_summary summary;
	struct graph_axis axis;

	graph_summarize(&track, &summary);
	graph_axis(&track, &summary, &axis);
	tap_ok(fabs(axis.top - c->top * 1.08) < 1e-9 && axis.grid == c->grid &&
		       !strcmp(axis.scale.label, c->label) &&
		       axis.limit_above == c->above,
	       "%s: up to %g %s, a line each %g", c->name, axis.top,
	       axis.scale.label, axis.grid);
}

static void test_axes(void)
{
	static const struct axis_case cases[] = {
		{ "limit near", RESCORE_COUNT, 10, 12, 20, 20, 5, "", false },
		{ "limit far", RESCORE_COUNT, 10, 12, 200, 12, 5, "", true },
		{ "no limit", RESCORE_COUNT, 3, NAN, NAN, 3, 1, "", false },
		{ "one", RESCORE_COUNT, 1, NAN, NAN, 1, 1, "", false },
		{ "none", RESCORE_COUNT, 0, NAN, NAN, 1, 1, "", false },
		{ "no data", RESCORE_COUNT, NAN, NAN, NAN, 1, 1, "", false },
		{ "no data, limit", RESCORE_COUNT, NAN, 7, 8, 8, 2, "", false },
		{ "bytes", RESCORE_BYTES, 3, NAN, NAN, 3, 1, "bytes", false },
		{ "pages", RESCORE_PAGES, 262144, NAN, NAN, 1, 0.2, "GiB",
		  false },
		{ "percent", RESCORE_PERCENT, 1, NAN, NAN, 1, 0.2, "%", false },
		{ "millions", RESCORE_COUNT, 3e6, NAN, NAN, 3, 1, "million",
		  false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_axis(&cases[i]);
}

static void test_words(void)
{
	enum graph_format format = GRAPH_PNG;
	char buf[96];

	tap_is_text(text_escape("a:b\\c", buf, sizeof(buf)), "a\\:b\\\\c",
		    "colons and backslashes are escaped");
	tap_ok(!graph_format_of("x.SVG", &format) && format == GRAPH_SVG &&
		       !graph_format_of("a.b/x.pdf", &format) &&
		       format == GRAPH_PDF,
	       "formats by the end of the name");
	tap_ok(graph_format_of("x", &format) &&
		       graph_format_of("x.gif", &format),
	       "%s", failure());
	tap_ok(graph_time_grid(30, 860, buf, sizeof(buf)) &&
		       strstr(buf, "SECOND:5:0:%H:%M:%S"),
	       "30 s: %s", buf);
	tap_ok(graph_time_grid(86400, 860, buf, sizeof(buf)) &&
		       strstr(buf, "HOUR:3:0:%H:%M"),
	       "a day: %s", buf);
	tap_ok(graph_time_grid(90 * DAY, 860, buf, sizeof(buf)) &&
		       strstr(buf, "WEEK:2:0:%d %b"),
	       "three months: %s", buf);
	tap_ok(!graph_time_grid(9000LL * DAY, 860, buf, sizeof(buf)),
	       "decades are librrd's");
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--make"))
		return make(argv[2]);
	test_numbers();
	test_axes();
	test_words();
	return tap_done();
}
