// SPDX-License-Identifier: GPL-2.0
/* Values that are stored come back: exactly, in their time, and no others. */
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "scripted.h"
#include "readback.h"
#include "tap.h"

#define T0	SCRIPT_START

static char base[256];

static const char *store_path(const char *name)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static bool same(double got, double want)
{
	return isnan(want) ? isnan(got) : got == want;
}

static void begin(struct script *s, const char *name)
{
	script_open(s, store_path(name), 60);
	script_resource(s, "numproc", RESCORE_COUNT);
	script_resource(s, "privvmpages", RESCORE_PAGES);
}

/* Random values in batches of random length, each value looked up again. */
static void test_round_trip(void)
{
	enum { ROWS = 300 };
	static int64_t held[ROWS], peak[ROWS], fails[ROWS], limit[ROWS];
	uint64_t seed = 7, failcnt = 5;
	int64_t bound = 100;
	bool helds = true, peaks = true, failed = true, bounds = true;
	struct readback back;
	struct script s;

	begin(&s, "trip");
	for (int i = 0; i < ROWS; i++) {
		/* librrd multiplies by the 60 s: 2^53 / 64. */
		held[i] = (int64_t)(tap_random(&seed) >> 17);
		peak[i] = held[i] + (int64_t)(tap_random(&seed) % 1000);
		fails[i] = (int64_t)(tap_random(&seed) % 50);
		/* Ten changes: as many as meta.json keeps, or less. */
		if (i % 30 == 29)
			bound = (int64_t)(tap_random(&seed) >> 12);
		limit[i] = bound;
		failcnt += (uint64_t)fails[i];
		script_set(&s, 1, held[i], peak[i], failcnt);
		script_bounds(&s, 1, bound / 2, bound);
		script_sample(&s, T0 + 60LL * i);
		if (tap_random(&seed) % 12 == 0)
			script_flush(&s);
	}
	tap_ok(script_flush(&s), "all is written");
	if (readback(store_path("trip"), "web", NULL, "privvmpages", &back))
		script_die("readback");
	for (int i = 0; i < ROWS; i++) {
		struct track_row row = readback_at(&back, T0 + 60LL * i);

		helds &= same(row.held, (double)held[i]);
		peaks &= same(row.peak, (double)peak[i]);
		failed &= i ? fabs(row.failures - (double)fails[i]) < 1e-6 :
			      isnan(row.failures);
		bounds &= same(row.limit, (double)limit[i]) &&
			  same(row.barrier, (double)(limit[i] / 2));
	}
	tap_is_int((int64_t)back.nr, ROWS, "one row per sample");
	tap_ok(helds, "held comes back exactly, up to 2^47");
	tap_ok(peaks, "peak comes back exactly");
	tap_ok(failed, "failures are what was added to failcnt");
	tap_ok(bounds, "bounds change in the sample that saw them change");
	readback_free(&back);
	readback(store_path("trip"), "web", NULL, "numproc", &back);
	tap_ok(isnan(readback_at(&back, T0).limit), "unlimited is no number");
	tap_ok(same(readback_at(&back, T0 + 600).held, 0), "0 is a number");
	readback_free(&back);
	script_close(&s);
}

static void test_gaps(void)
{
	struct readback back;
	struct script s;
	bool empty = true;

	begin(&s, "gaps");
	for (int i = 1; i <= 60; i++) {
		if (i == 11 || i == 12 || (i > 20 && i <= 40))
			continue;
		s.reading[1].known = i < 50;
		script_set(&s, 0, 100 + i, 200 + i, (uint64_t)i);
		script_sample(&s, T0 + 60LL * i);
		if (i == 30 || i == 45)
			script_flush(&s);
	}
	script_flush(&s);
	readback(store_path("gaps"), "web", NULL, "numproc", &back);
	tap_ok(same(readback_at(&back, T0 + 660).held, 113),
	       "two lost samples are bridged");
	for (int i = 21; i <= 40; i++) {
		struct track_row row = readback_at(&back, T0 + 60LL * i);

		empty &= isnan(row.held) && isnan(row.peak) &&
			 isnan(row.failures);
	}
	tap_ok(empty, "twenty are a gap, not 0 and not a line");
	tap_ok(same(readback_at(&back, T0 + 41 * 60).held, 141) &&
		       same(readback_at(&back, T0 + 41 * 60).peak, 241),
	       "the first sample after it counts");
	tap_ok(isnan(readback_at(&back, T0 + 41 * 60).failures) &&
		       same(round(readback_at(&back, T0 + 42 * 60).failures),
			    1),
	       "failures are counted from the second on");
	readback_free(&back);
	readback(store_path("gaps"), "web", NULL, "privvmpages", &back);
	tap_ok(same(readback_at(&back, T0 + 49 * 60).held, 0) &&
		       isnan(readback_at(&back, T0 + 50 * 60).held),
	       "a resource that cannot be read is unknown, not 0");
	readback_free(&back);
	script_close(&s);
}

static void test_reset(void)
{
	static const uint64_t failcnt[] = { 0, 30, 60, 5, 8, 8, 0, 40 };
	static const double want[] = { NAN, 30, 30, NAN, 3, 0, NAN, 40 };
	struct readback back;
	struct script s;
	bool right = true;

	begin(&s, "reset");
	for (int i = 0; i < 8; i++) {
		script_set(&s, 0, 1, 1, failcnt[i]);
		script_sample(&s, T0 + 60LL * i);
	}
	script_flush(&s);
	readback(store_path("reset"), "web", NULL, "numproc", &back);
	for (int i = 0; i < 8; i++) {
		double got = readback_at(&back, T0 + 60LL * i).failures;

		right &= isnan(want[i]) ? isnan(got) :
					  fabs(got - want[i]) < 1e-6;
	}
	tap_ok(right, "a failcnt that is reset makes no spike");
	readback_free(&back);
	script_close(&s);
}

static void test_recreated(void)
{
	struct readback back;
	struct script s;

	begin(&s, "again");
	script_set(&s, 0, 70, 90, 1000);
	for (int i = 0; i < 5; i++)
		script_sample(&s, T0 + 60LL * i);
	/* The same name in the next round, with more failures at once. */
	script_name(&s, "web", 2, T0 + 290);
	script_set(&s, 0, 1, 2, 1500);
	script_sample(&s, T0 + 300);
	/* And once more: rescore was loaded anew and counts from 1. */
	script_name(&s, "web", 1, T0 + 310);
	script_set(&s, 0, 3, 4, 0);
	script_sample(&s, T0 + 360);
	tap_ok(script_flush(&s), "three containers of one name");

	readback(store_path("again"), "web", NULL, "numproc", &back);
	tap_ok(back.nr == 1 && same(back.row[0].held, 3),
	       "the newest is meant, with nothing of the others");
	readback_free(&back);
	readback(store_path("again"), "web", "2", "numproc", &back);
	tap_ok(back.nr == 1 && same(back.row[0].held, 1) &&
		       same(back.row[0].peak, 2),
	       "serial 2, no carry-over");
	tap_ok(back.nr == 1 && same(round(back.row[0].failures), 1500),
	       "failures since it was made are its own");
	readback_free(&back);
	readback(store_path("again"), "web", "1.2", "numproc", &back);
	tap_ok(back.nr == 1 && same(back.row[0].held, 3), "series 1.2");
	readback_free(&back);
	tap_ok(readback(store_path("again"), "web", "3", "numproc", &back) &&
		       strstr(failure(), "'web' with serial 3"),
	       "%s", failure());
	tap_ok(readback(store_path("again"), "we", NULL, "numproc", &back) &&
		       strstr(failure(), "container 'we'"),
	       "%s", failure());
	tap_ok(readback(store_path("again"), "web", NULL, "nope", &back) &&
		       strstr(failure(), "numproc privvmpages"),
	       "%s", failure());
	script_close(&s);
}

/* A collector that is started again finds the peak since the last sample. */
static void test_carried(void)
{
	static const struct {
		int64_t pause;
		double want;
		const char *name;
	} cases[] = {
		{ 60, 500, "a peak between two collectors is kept" },
		{ 6000, 7, "one of an unknown time is not" },
	};

	for (size_t i = 0; i < 2; i++) {
		struct readback back;
		struct script s;
		int64_t next = T0 + cases[i].pause;

		begin(&s, cases[i].name);
		script_set(&s, 0, 5, 6, 0);
		script_sample(&s, T0);
		script_flush(&s);
		script_close(&s);

		begin(&s, cases[i].name);
		script_set(&s, 0, 5, 500, 0);
		batch_carry(&s.batch, 1, &s.id, &s.schema, s.reading);
		script_set(&s, 0, 5, 7, 0);
		script_sample(&s, next);
		script_sample(&s, next + 60);
		script_flush(&s);
		readback(store_path(cases[i].name), "web", NULL, "numproc",
			 &back);
		tap_ok(same(readback_at(&back, next).peak, cases[i].want) &&
			       same(readback_at(&back, next + 60).peak, 7),
		       "%s", cases[i].name);
		readback_free(&back);
		script_close(&s);
	}
}

/* A controller more: its resource gets files of its own, the others stay. */
static void test_late_resource(void)
{
	struct readback back;
	struct schema first;
	struct script s;

	begin(&s, "late");
	first = s.schema;
	script_set(&s, 0, 11, 11, 0);
	for (int i = 0; i < 3; i++) {
		/* As a source does it: a schema that never changes. */
		if (batch_add(&s.batch, 1, &s.id, &first, s.reading,
			      T0 + 60LL * i))
			script_die("batch_add");
	}
	script_resource(&s, "numfile", RESCORE_COUNT);
	script_set(&s, 2, 22, 23, 0);
	for (int i = 3; i < 6; i++)
		script_sample(&s, T0 + 60LL * i);
	tap_ok(script_flush(&s), "a third resource");
	readback(store_path("late"), "web", NULL, "numproc", &back);
	tap_ok(back.nr == 6 && same(back.row[0].held, 11) &&
		       same(back.row[5].held, 11),
	       "the first goes on in its files");
	readback_free(&back);
	readback(store_path("late"), "web", NULL, "numfile", &back);
	tap_ok(isnan(readback_at(&back, T0 + 120).held) &&
		       same(readback_at(&back, T0 + 180).held, 22) &&
		       same(readback_at(&back, T0 + 300).peak, 23),
	       "the late one begins when it came");
	readback_free(&back);
	tap_ok(!access(store_path("late/fb/web@1/use2.rrd"), F_OK) &&
		       access(store_path("late/fb/web@1/use3.rrd"), F_OK),
	       "in use2.rrd");
	script_close(&s);
}

/* All 32 resources that rescore can have: two sets of files. */
static void test_many(void)
{
	struct readback back;
	struct script s;
	bool right = true;
	char name[16];

	script_open(&s, store_path("many"), 60);
	for (unsigned int i = 0; i < RESCORE_RESOURCES_MAX; i++) {
		snprintf(name, sizeof(name), "resource_nr_%u", i);
		script_resource(&s, name, RESCORE_COUNT);
		script_set(&s, i, 1000 + i, 2000 + i, 0);
	}
	script_sample(&s, T0);
	tap_ok(script_flush(&s), "32 resources");
	for (unsigned int i = 0; i < RESCORE_RESOURCES_MAX; i++) {
		snprintf(name, sizeof(name), "resource_nr_%u", i);
		if (readback(store_path("many"), "web", NULL, name, &back))
			script_die("readback");
		right &= same(readback_at(&back, T0).held, 1000 + i) &&
			 same(readback_at(&back, T0).peak, 2000 + i);
		readback_free(&back);
	}
	tap_ok(right, "each comes back as itself");
	script_close(&s);
}

/* cap.rrd has a row per hour; it takes over before the oldest change kept. */
static void test_old_bounds(void)
{
	struct readback back;
	struct script s;

	begin(&s, "bounds");
	for (int i = 0; i <= 24 * 60; i++) {
		/* A change an hour: 24, of which meta.json keeps 16. */
		script_bounds(&s, 0, 100 + i / 60, 200 + i / 60);
		script_sample(&s, T0 + 60LL * i);
		if (i % 30 == 0)
			script_flush(&s);
	}
	script_flush(&s);
	readback(store_path("bounds"), "web", NULL, "numproc", &back);
	tap_ok(same(readback_at(&back, T0 + 20 * 3600).limit, 220) &&
		       same(readback_at(&back, T0 + 20 * 3600 - 60).limit, 219),
	       "late changes to the sample");
	tap_ok(same(readback_at(&back, T0 + 3 * 3600).limit, 203) &&
		       same(readback_at(&back, T0 + 3 * 3600).barrier, 103) &&
		       same(readback_at(&back, T0 + 2 * 3600 + 60).limit, 203),
	       "early ones to the hour");
	readback_free(&back);
	script_close(&s);
}

/* Failures are exact where a double would not be: failcnt goes in as digits. */
static void test_large_failcnt(void)
{
	const uint64_t large = (1ULL << 62) + 1;
	struct readback back;
	struct script s;
	double sum = 0;

	begin(&s, "large");
	for (uint64_t i = 0; i < 23; i++) {
		script_set(&s, 1, 1, 1, large + 7 * i);
		script_sample(&s, T0 + 60LL * (int64_t)i);
	}
	script_flush(&s);
	if (readback(store_path("large"), "web", NULL, "privvmpages", &back))
		script_die("readback");
	for (size_t i = 0; i < back.nr; i++)
		sum += isnan(back.row[i].failures) ? 0 : back.row[i].failures;
	tap_ok(fabs(sum - 7 * 22) < 1e-6, "failures above 2^53: %g", sum);
	readback_free(&back);
	script_close(&s);
}

/* Pages of a file that are in the page cache; *@ret_all: that it has. */
static size_t resident(const char *path, size_t *ret_all)
{
	static unsigned char in[65536];
	int fd = open(path, O_RDONLY);
	struct stat st = {};
	size_t n = 0;
	void *map;

	fstat(fd, &st);
	*ret_all = ((size_t)st.st_size + 4095) / 4096;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED || *ret_all > sizeof(in) ||
	    mincore(map, (size_t)st.st_size, in))
		return SIZE_MAX;
	for (size_t i = 0; i < *ret_all; i++)
		n += in[i] & 1;
	munmap(map, (size_t)st.st_size);

	return n;
}

/*
 * A new file leaves the page cache, in whose large folios every update would
 * write seven times as much.
 */
static void test_folios(void)
{
	struct statfs fs;
	const char *path;
	struct script s;
	size_t all, in;

	begin(&s, "folios");
	for (int i = 0; i < 22; i++) {
		char name[] = "gadget_a";

		name[sizeof(name) - 2] = (char)('a' + i);
		script_resource(&s, name, RESCORE_COUNT);
	}
	script_sample(&s, T0);
	script_flush(&s);
	path = store_path("folios/fb/web@1/use.rrd");
	in = resident(path, &all);
	if (statfs(path, &fs) || fs.f_type == TMPFS_MAGIC)
		tap_ok(true,
		       "a new file is out of the page cache # SKIP tmpfs");
	else
		tap_ok(all > 400 && in < all / 4,
		       "a new file is out of the page cache: %zu of %zu pages",
		       in, all);
	script_close(&s);
}

int main(void)
{
	snprintf(base, sizeof(base), "%s", tmp_make());
	test_round_trip();
	test_gaps();
	test_reset();
	test_recreated();
	test_carried();
	test_late_resource();
	test_many();
	test_old_bounds();
	test_large_failcnt();
	test_folios();
	tmp_remove(base);
	return tap_done();
}
