// SPDX-License-Identifier: GPL-2.0
/*
 * Forecasts of a store: which rows are read, and what a machine's capacity has
 * to do with them. "test_outlook --make DIR" fills DIR for forecast.sh.
 */
#include "child.h"
#include "fleet.h"
#include "history.h"
#include "plan.h"
#include "readback.h"
#include "tap.h"

static char base[256];

struct find {
	const char *dir;
	const char *name;
	const char *resource;
};

static int keep(void *arg, const struct outlook *outlook)
{
	*(struct outlook *)arg = *outlook;
	return 0;
}

static int find_child(void *arg, FILE *out)
{
	const struct find *find = arg;
	struct series_dir dir = { .fd = -1 };
	struct outlook found = {};
	struct store store;
	struct meta meta;
	int err = store_open(&store, find->dir);

	if (!err)
		err = store_find_series(&store, find->name, NULL, &dir, &meta);
	if (!err)
		err = history_forecast(&dir, &meta, find->resource, keep,
				       &found);
	if (!err)
		fwrite(&found, sizeof(found), 1, out);
	return err;
}

static struct outlook outlook(const char *name, const char *resource)
{
	struct find find = { base, name, resource };
	struct outlook found = {};
	struct blob blob;

	if (!child_run(find_child, &find, &blob)) {
		memcpy(&found, blob.data, sizeof(found));
		blob_free(&blob);
	}
	return found;
}

static bool near_days(int64_t stamp, int days, int tolerance)
{
	return llabs(stamp - (FLEET_END + days * 86400LL)) <=
	       tolerance * 86400LL;
}

static void test_fleet(void)
{
	struct outlook o = outlook("web", "numproc");
	struct forecast_hit hit = outlook_limit(&o, 90 * 86400);

	tap_ok(o.forecast.trend == FORECAST_RISING &&
		       fabs(o.forecast.per_day - 1) < 0.1 &&
		       o.forecast.last == FLEET_END && o.bounds.limit == 200,
	       "web: %.2f a day", o.forecast.per_day);
	tap_ok(hit.when == FORECAST_AT && near_days(hit.at, 50, 4) &&
		       hit.earliest <= hit.at && hit.latest >= hit.at,
	       "its limit in 50 days: %d", (int)((hit.at - FLEET_END) / 86400));
	hit = outlook_barrier(&o, 90 * 86400);
	tap_ok(hit.when == FORECAST_AT && near_days(hit.at, 40, 4),
	       "its barrier in 40: %d", (int)((hit.at - FLEET_END) / 86400));

	o = outlook("leak", "numproc");
	hit = outlook_limit(&o, 90 * 86400);
	tap_ok(hit.when == FORECAST_AT && near_days(hit.at, 15, 2),
	       "the leak's limit in 15: %d",
	       (int)((hit.at - FLEET_END) / 86400));
	o = outlook("still", "numproc");
	tap_ok(o.forecast.trend == FORECAST_FLAT &&
		       outlook_limit(&o, 90 * 86400).when == FORECAST_NOT,
	       "what stands still meets nothing");
	o = outlook("full", "numproc");
	tap_ok(outlook_limit(&o, 86400).when == FORECAST_OVER, "over now");
	o = outlook("free", "numproc");
	tap_ok(outlook_limit(&o, 86400).when == FORECAST_UNBOUND, "unlimited");
}

/* Today's rows, for which there is no row of a day yet, count for "now". */
static void test_today(void)
{
	struct script s;
	struct outlook o;

	script_open(&s, base, 3600);
	script_resource(&s, "numproc", RESCORE_COUNT);
	script_name(&s, "still", 3, SCRIPT_START);
	script_set(&s, 0, 777, 777, 0);
	script_bounds(&s, 0, 190, 200);
	script_sample(&s, FLEET_END + 3600);
	script_flush(&s);
	script_close(&s);
	o = outlook("still", "numproc");
	tap_ok(o.forecast.now == 777 && o.forecast.last == FLEET_END + 3600 &&
		       outlook_limit(&o, 86400).when == FORECAST_OVER,
	       "a sample of today: now %g", o.forecast.now);
	tap_ok(o.forecast.trend == FORECAST_FLAT &&
		       forecast_at(&o.forecast, FLEET_END + 86400).high < 100,
	       "an hour of a day is no day");
}

/* Bounds that are no ceiling, and those of 0. */
static void test_no_ceiling(void)
{
	struct meta_resource r = { .nr_changes = 1 };
	struct outlook o = { .resource = &r };

	o.forecast.now = 7;
	o.bounds = (struct bounds){ 0, 5 };
	tap_ok(outlook_barrier(&o, 86400).when == FORECAST_UNBOUND &&
		       outlook_limit(&o, 86400).when == FORECAST_OVER,
	       "a barrier of 0 leaves the word to the limit");
	o.bounds.limit = 0;
	tap_ok(outlook_limit(&o, 86400).when == FORECAST_OVER,
	       "something where nothing may be");
	o.forecast.now = 0;
	tap_ok(outlook_limit(&o, 86400).when == FORECAST_UNBOUND,
	       "nothing where nothing may be");
	tap_ok(meta_bounds_met(&r), "bounds are met");
	r.no_ceiling = true;
	tap_ok(!meta_bounds_met(&r) && meta_bounds_shown(&r),
	       "those of a guarantee are only shown");
}

static void test_units(void)
{
	struct find find = { base, "web", "cpulimit" };
	struct readback back;
	struct outlook o = outlook(find.name, find.resource);

	tap_ok(fabs(o.forecast.now - 50) < 1e-9,
	       "the peak of CPU time is a percentage: %g", o.forecast.now);
	if (readback(base, "web", NULL, "cpulimit", &back))
		script_die("readback");
	tap_ok(fabs(readback_at(&back, FLEET_END).held - 25) < 0.01,
	       "and so is what is held: %g",
	       readback_at(&back, FLEET_END).held);
	readback_free(&back);
}

static void test_host(void)
{
	struct host host, again;
	struct store store;

	host_read(&host);
	tap_ok(host.memory > 0x1p26 && host.threads > 100 && host.cpus >= 1,
	       "this machine: %.0f MiB, %.0f threads, %.0f CPUs",
	       host.memory / (1 << 20), host.threads, host.cpus);
	if (store_open_writer(&store, base, 0))
		script_die("store_open_writer");
	tap_ok(!host_load(&store, &again) && again.threads == 1000 &&
		       again.cpus == 4 && again.swap == 0x1p31,
	       "that of the store");
	tap_ok(!host_save(&store, &host) && !host_load(&store, &again) &&
		       again.memory == host.memory &&
		       again.files == host.files && again.ptys == host.ptys,
	       "written and read");
	if (file_replace(store.fd, "host.json", "{}", 2))
		script_die("file_replace");
	tap_ok(host_load(&store, &again) == -EPROTO, "%s", failure());
	if (unlinkat(store.fd, "host.json", 0))
		script_die("unlinkat");
	tap_ok(host_load(&store, &again) == -ENOENT, "none");
	store_close(&store);
}

/* What `rstat plan` says is what is made, to the byte. */
static void test_plan(void)
{
	struct plan small, large;
	bool exact = true;

	for (int kind = 0; kind < LAYOUT_KINDS; kind++) {
		char path[512];
		struct stat st;

		snprintf(path, sizeof(path), "%s/fb/web@1/%s.rrd", base,
			 layout_files[kind].stem);
		exact &= !stat(path, &st) &&
			 (uint64_t)st.st_size ==
				 plan_file_bytes((enum layout_kind)kind, 5,
						 3600);
	}
	tap_ok(exact, "sizes of files");
	plan_make(1000, 24, 60, &small);
	plan_make(1000, 32, 60, &large);
	tap_ok(small.files == 3 && small.bytes == 4069424 &&
		       small.flush == 300 && small.written > 40000 &&
		       small.written < 80000,
	       "24 resources: %.0f bytes per flush", small.written);
	tap_ok(large.files == 6 && large.bytes > small.bytes,
	       "32 are in two sets of files");
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--make")) {
		script_child(fleet_make, argv[2]);
		return 0;
	}
	snprintf(base, sizeof(base), "%s", tmp_make());
	rmdir(base);
	script_child(fleet_make, base);
	test_fleet();
	test_no_ceiling();
	test_units();
	test_today();
	test_host();
	test_plan();
	tmp_remove(base);
	return tap_done();
}
