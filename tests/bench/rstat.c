// SPDX-License-Identifier: GPL-2.0
/*
 * How fast rstat samples, stores and foresees, beside the ways that there are
 * otherwise, in the same run. Prints "name<TAB>value<TAB>unit" lines; rstat.sh
 * makes a table of them.
 *
 *	rstat-bench sample | export DIR | cached DIR SOCKET | memory
 *	rstat-bench fleet DIR N		a store for the next:
 *	rstat-bench forecast DIR
 */
#include <err.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "forecast_report.h"
#include "graph.h"
#include "internal.h"
#include "layout.h"
#include "record.h"
#include "rrd_shim.h"
#include "scripted.h"

#define CONTAINERS	10000
#define RESOURCES	24
#define FILES		400	/* containers of the export */
#define DAY		86400

extern char **environ;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void result(const char *name, double value, const char *unit)
{
	printf("%s\t%.6g\t%s\n", name, value, unit);
	fflush(stdout);
}

/* --- sample -------------------------------------------------------------------------- */

static void *shared(size_t size)
{
	int fd = memfd_create("bench", 0);
	void *map;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		err(1, "memfd");
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		err(1, "mmap");
	close(fd);
	return map;
}

/* The maps of a loaded rescore with 10,000 containers. */
static struct rescore *fake(void)
{
	struct rescore *rs = calloc(1, sizeof(*rs));
	size_t slots = CONTAINERS + 1;

	rs->meta = shared(sizeof(*rs->meta));
	rs->registry = shared(RESCORE_RESOURCES_MAX * sizeof(*rs->registry));
	rs->containers = shared(slots * sizeof(*rs->containers));
	rs->table = shared(slots * sizeof(*rs->table));
	rs->meta->nr_slots = (unsigned int)slots;
	rs->meta->nr_resources = RESOURCES;
	for (unsigned int i = 0; i < RESOURCES; i++)
		rs->registry[i].state = RESCORE_ON;
	for (size_t s = 1; s < slots; s++) {
		rs->containers[s].state = RESCORE_LIVE;
		rs->containers[s].serial = s;
		for (unsigned int i = 0; i < RESOURCES; i++)
			rs->table[s].line[i] = (struct rescore_line){
				.held = (__s64)(s + i),
				.maxheld = (__s64)(s + i),
				.barrier = 1 << 20,
				.limit = 1 << 20,
			};
	}
	return rs;
}

static int64_t read_all(struct rescore *rs, unsigned int resources,
			bool take_peaks)
{
	int64_t sum = 0;

	for (unsigned int s = 0; (s = rescore_next(rs, s));) {
		for (unsigned int i = 0; i < resources; i++) {
			struct rescore_line line;
			int64_t peak = 0;

			if (take_peaks)
				rescore_take_peak(rs, s, i, &peak);
			if (!rescore_read(rs, s, i, &line))
				sum += line.held + line.maxheld + line.barrier +
				       line.limit + (int64_t)line.failcnt +
				       peak;
		}
	}
	return sum;
}

static double best_of(int rounds, void (*fn)(void *arg), void *arg)
{
	double best = 1e9;

	for (int r = 0; r < rounds; r++) {
		double start = now();

		fn(arg);
		start = now() - start;
		best = start < best ? start : best;
	}
	return best;
}

static volatile int64_t sink;

static void pass_100(void *arg)
{
	sink = read_all(arg, 20, false);
}

static void pass_collect(void *arg)
{
	sink = read_all(arg, RESOURCES, true);
}

/* A file of the kind that cgroup has (kernfs), for the price of a value. */
#define KERNFS	"/sys/kernel/mm/transparent_hugepage/enabled"
#define READS	20000

static void pass_pread(void *arg)
{
	char buf[64];

	for (int i = 0; i < READS; i++)
		sink += pread(*(int *)arg, buf, sizeof(buf), 0);
}

static void pass_open(void *arg)
{
	char buf[64];

	(void)arg;
	for (int i = 0; i < READS; i++) {
		int fd = open(KERNFS, O_RDONLY);

		sink += read(fd, buf, sizeof(buf));
		close(fd);
	}
}

static void bench_sample(void)
{
	struct rescore *rs = fake();
	int fd = open(KERNFS, O_RDONLY);

	result("sample: 10,000 x 100 values, mapped table",
	       best_of(20, pass_100, rs) * 1e3, "ms");
	result("sample: a whole round of the collector, 10,000 x 24 rows",
	       best_of(20, pass_collect, rs) * 1e3, "ms");
	if (fd < 0)
		return;
	result("sample: 1,000,000 values by pread of kept-open files",
	       best_of(5, pass_pread, &fd) * 1e6 / READS * 1e3, "ms");
	result("sample: 1,000,000 values by open, read, close",
	       best_of(5, pass_open, NULL) * 1e6 / READS * 1e3, "ms");
}

/* --- export -------------------------------------------------------------------------- */

static void resources(struct script *s)
{
	for (int i = 0; i < RESOURCES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "resource%02d", i);
		script_resource(s, name, RESCORE_COUNT);
		script_bounds(s, (unsigned int)i, 1000, 1100);
	}
}

static void sample_all(struct script *s, int nr, int64_t stamp)
{
	for (int c = 0; c < nr; c++) {
		char name[32];

		snprintf(name, sizeof(name), "container-%05d", c);
		script_name(s, name, (uint64_t)c + 1, SCRIPT_START);
		for (int i = 0; i < RESOURCES; i++)
			script_set(s, (unsigned int)i,
				   (stamp / 60 + c * i) % 997, 1000,
				   (uint64_t)(stamp / 60));
		if (batch_add(&s->batch, (unsigned int)c + 1, &s->id,
			      &s->schema, s->reading, stamp))
			errx(1, "batch_add");
	}
}

/* Paths of the two files that every sample goes to. */
static void file_of(const char *dir, int c, int kind, char path[512])
{
	struct container_id id = { .serial = (uint64_t)c + 1 };
	char series[STORE_SERIES_LEN];

	snprintf(id.name, sizeof(id.name), "container-%05d", c);
	store_series_path(&id, 1, series);
	snprintf(path, 512, "%s/%s/%s.rrd", dir, series,
		 layout_files[kind].stem);
}

static char *row_of(int kind, int64_t stamp, char row[1024])
{
	int n = RESOURCES * layout_files[kind].nr_columns;
	size_t used = (size_t)snprintf(row, 1024, "%lld", (long long)stamp);

	for (int i = 0; i < n; i++)
		used += (size_t)snprintf(row + used, 1024 - used, ":%d",
					 (int)((stamp / 60 + i) % 997));
	return row;
}

/* A new process for every update, as scripts do it. */
static double by_spawn(const char *dir, int64_t stamp, int updates)
{
	double start = now();

	for (int u = 0; u < updates; u++) {
		char path[512], row[1024];
		char *argv[] = { "rrdtool", "update", path, row, NULL };
		pid_t pid;

		file_of(dir, u / 2, u % 2, path);
		row_of(u % 2, stamp, row);
		if (posix_spawnp(&pid, "rrdtool", NULL, NULL, argv, environ))
			errx(1, "rrdtool cannot be run");
		waitpid(pid, NULL, 0);
	}
	return updates / (now() - start);
}

/* One "rrdtool -" that is fed without waiting for its answers. */
static double by_pipe(const char *dir, int64_t stamp)
{
	double start = now();
	FILE *pipe = popen("rrdtool - >/dev/null", "w");

	for (int u = 0; u < 2 * FILES; u++) {
		char path[512], row[1024];

		file_of(dir, u / 2, u % 2, path);
		fprintf(pipe, "update %s %s\n", path,
			row_of(u % 2, stamp, row));
	}
	if (pclose(pipe))
		errx(1, "rrdtool -");
	return 2 * FILES / (now() - start);
}

static double by_library(const char *dir, int64_t stamp)
{
	double start = now();

	for (int u = 0; u < 2 * FILES; u++) {
		char path[512], row[1024];
		const char *arg[] = { row };

		file_of(dir, u / 2, u % 2, path);
		row_of(u % 2, stamp, row);
		if (rrd_shim_update(path, NULL, 1, arg))
			errx(1, "%s", failure());
	}
	return 2 * FILES / (now() - start);
}

static double by_rstat(struct script *s, int64_t *stamp, int rounds)
{
	double start;

	for (int r = 0; r < rounds; r++)
		sample_all(s, FILES, *stamp += 60);
	start = now();
	if (!script_flush(s))
		errx(1, "%s", failure());
	return 2.0 * FILES * rounds / (now() - start);
}

static void median(double *value, int n, const char *name)
{
	for (int i = 1; i < n; i++)
		for (int k = i; k && value[k] < value[k - 1]; k--) {
			double swap = value[k];

			value[k] = value[k - 1];
			value[k - 1] = swap;
		}
	result(name, value[n / 2], "updates/s");
}

#define RUNS 5

static void bench_export(const char *dir)
{
	double spawned[RUNS], piped[RUNS], library[RUNS], five[RUNS],
		thirty[RUNS];
	int64_t stamp = SCRIPT_START;
	struct script s;

	script_open(&s, dir, 60);
	resources(&s);
	sample_all(&s, FILES, stamp += 60);
	if (!script_flush(&s))
		errx(1, "%s", failure());
	sync();
	by_rstat(&s, &stamp, 1);	/* the files are in the page cache now */
	for (int r = 0; r < RUNS; r++) {
		spawned[r] = by_spawn(dir, stamp += 60, 60);
		piped[r] = by_pipe(dir, stamp += 60);
		library[r] = by_library(dir, stamp += 60);
		five[r] = by_rstat(&s, &stamp, 5);
		thirty[r] = by_rstat(&s, &stamp, 30);
	}
	median(spawned, RUNS, "export: rrdtool update, a process for each");
	median(piped, RUNS, "export: rrdtool -, pipelined");
	median(library, RUNS, "export: rrd_update_r, one sample a call");
	median(five, RUNS, "export: rstat, a flush of 5 rounds");
	median(thirty, RUNS, "export: rstat, a flush of 30 rounds");
	script_close(&s);
}

/* --- rrdcached ------------------------------------------------------------------------- */

static double one_by_one(const char *dir, const char *socket_path,
			 int64_t stamp)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	double start;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", socket_path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)))
		err(1, "%s", socket_path);
	start = now();
	for (int u = 0; u < 2 * FILES; u++) {
		char path[512], row[1024], line[2048];
		ssize_t n;

		file_of(dir, u / 2, u % 2, path);
		n = snprintf(line, sizeof(line), "UPDATE %s %s\n", path,
			     row_of(u % 2, stamp, row));
		if (send(fd, line, (size_t)n, 0) != n ||
		    recv(fd, line, sizeof(line), 0) <= 0)
			err(1, "rrdcached");
	}
	start = 2 * FILES / (now() - start);
	close(fd);
	return start;
}

static void bench_cached(const char *dir, const char *socket_path)
{
	struct writer writer = {};
	double single[RUNS], batch[RUNS];
	int64_t stamp = SCRIPT_START;
	struct script s;

	script_open(&s, dir, 60);
	resources(&s);
	if (store_set_cached(&s.store, socket_path))
		errx(1, "%s", failure());
	writer.store = &s.store;
	for (int r = -1; r < RUNS; r++) {
		int rounds = 5;
		double start;

		for (int i = 0; i < rounds; i++)
			sample_all(&s, FILES, stamp += 60);
		start = now();
		if (writer_start(&writer, &s.batch))
			errx(1, "%s", failure());
		writer_reap(&writer, true);
		/* the first makes files, and meets them in the daemon */
		if (r < 0)
			continue;
		batch[r] = 2.0 * FILES * rounds / (now() - start);
		single[r] = one_by_one(dir, socket_path, stamp += 60);
		for (struct series *x = s.batch.series; x; x = x->next)
			x->sent_use = stamp;
	}
	median(single, RUNS, "rrdcached: one update, one answer");
	median(batch, RUNS, "rrdcached: rstat's batches");
	script_close(&s);
}

/* --- memory and forecasts -------------------------------------------------------------- */

static void bench_memory(void)
{
	char line[128];
	struct script s = {};
	FILE *status;
	double kb;

	batch_init(&s.batch, 60);
	resources(&s);
	/*
	 * An hour's end is in it, and two rounds while a flush is under way. The
	 * first round is flushed by itself.
	 */
	for (int r = 0; r < 8; r++) {
		int64_t stamp = SCRIPT_START + 3600 - 120 + 60LL * r;

		sample_all(&s, CONTAINERS, stamp);
		for (struct series *x = s.batch.series; !r && x; x = x->next)
			series_written(x, stamp);
	}
	status = fopen("/proc/self/status", "r");
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %lf", &kb) == 1)
			result("memory: collector, 10,000 x 24, most ever",
			       kb / 1024, "MiB");
	fclose(status);
	batch_free(&s.batch);
}

/*
 * 45 days of an hour each. Files of few containers are linked under the names of
 * all others: what is read is as much, what the disk holds is not.
 */
#define DISTINCT 20

static void fleet(const char *dir, int nr)
{
	uint64_t seed = 7;
	struct script s;

	script_open(&s, dir, 3600);
	resources(&s);
	for (int c = 0; c < DISTINCT; c++) {
		char name[32];

		snprintf(name, sizeof(name), "container-%05d", c);
		script_name(&s, name, (uint64_t)c + 1, SCRIPT_START);
		for (int h = 1; h <= 45 * 24; h++) {
			for (int i = 0; i < RESOURCES; i++) {
				seed = seed * 6364136223846793005ULL + 1;
				script_set(&s, (unsigned int)i,
					   300 + i * h / 100 +
						   (int64_t)(seed >> 59),
					   300 + i * h / 100 +
						   (int64_t)(seed >> 58),
					   0);
			}
			script_sample(&s, SCRIPT_START + h * 3600LL);
			if (h % 48 == 0)
				script_record(&s);
		}
		script_record(&s);
	}
	for (int c = DISTINCT; c < nr; c++) {
		static const char *const files[] = { "use.rrd", "peak.rrd",
						     "cap.rrd" };
		struct series_dir to = { .fd = -1 };
		char name[32], path[512], from[512];
		struct meta meta;

		snprintf(name, sizeof(name), "container-%05d", c);
		script_name(&s, name, (uint64_t)c + 1, SCRIPT_START);
		if (store_writer_series(&s.store, &s.id, SCRIPT_START + 3600,
					&to, &meta))
			errx(1, "%s", failure());
		meta_free(&meta);
		for (int kind = 0; kind < 3; kind++) {
			file_of(dir, c % DISTINCT, kind, from);
			snprintf(path, sizeof(path), "%s/%s/%s", dir, to.path,
				 files[kind]);
			if (link(from, path))
				err(1, "%s", path);
		}
		snprintf(path, sizeof(path), "%s/%s/meta.json", dir, to.path);
		file_of(dir, c % DISTINCT, 0, from);
		snprintf(strrchr(from, '/'), 20, "/meta.json");
		if (link(from, path))
			err(1, "%s", path);
		series_dir_close(&to);
	}
	script_close(&s);
}

struct pass {
	struct args args;
	int pictures;
};

static void pass_forecast(void *arg)
{
	struct forecast_report report = { .horizon = 90 * DAY };

	if (forecast_rows(&((struct pass *)arg)->args, &report) ||
	    report.nr < 240000)
		errx(1, "%zu rows: %s", report.nr, failure());
	free(report.row);
	free(report.tally);
}

static void pass_graph(void *arg)
{
	const struct pass *pass = arg;

	for (int i = 0; i < pass->pictures; i++) {
		struct blob image;

		if (graph_image(&pass->args, &image))
			errx(1, "%s", failure());
		blob_free(&image);
	}
}

static void bench_forecast(const char *dir)
{
	struct pass pass = { .args = { .dir = dir, .all = true },
			     .pictures = 20 };

	result("forecast: 10,000 x 24 series of 45 days, from the store",
	       best_of(5, pass_forecast, &pass), "s");
	pass.args.all = false;
	pass.args.container = "container-00000";
	pass.args.resource = "resource01";
	pass.args.from = "1763942400";
	pass.args.to = "1767830400";
	if (graph_warm())
		errx(1, "%s", failure());
	result("graph: rstat, a child of a process that serves",
	       best_of(5, pass_graph, &pass) * 1e3 / pass.pictures, "ms");
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "sample"))
		bench_sample();
	else if (argc == 3 && !strcmp(argv[1], "export"))
		bench_export(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "cached"))
		bench_cached(argv[2], argv[3]);
	else if (argc == 2 && !strcmp(argv[1], "memory"))
		bench_memory();
	else if (argc == 3 && !strcmp(argv[1], "forecast"))
		bench_forecast(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "fleet"))
		fleet(argv[2], atoi(argv[3]));
	else
		errx(2, "sample | export DIR | cached DIR SOCKET | memory | "
			"fleet DIR N | forecast DIR");
	return 0;
}
