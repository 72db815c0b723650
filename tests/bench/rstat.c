// SPDX-License-Identifier: GPL-2.0
/*
 * How fast rstat samples, stores and foresees, beside the ways that there are
 * otherwise, in the same run. Prints "name<TAB>value<TAB>unit" lines; rstat.sh
 * makes a table of them.
 *
 *	rstat-bench sample | export DIR NAIVE | cached DIR SOCKET | memory
 *	rstat-bench fleet DIR N		a store for the next:
 *	rstat-bench forecast DIR
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "metrics.h"
#include "rstat.h"

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void result(const char *name, double value, const char *unit)
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

double best_of(int rounds, void (*fn)(void *arg), void *arg)
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

void bench_resources(struct script *s)
{
	for (int i = 0; i < RESOURCES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "resource%02d", i);
		script_resource(s, name, RESCORE_COUNT);
		script_bounds(s, (unsigned int)i, 1000, 1100);
	}
}

void sample_all(struct script *s, int nr, int64_t stamp)
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
void file_of(const char *dir, int c, int kind, char path[512])
{
	struct container_id id = { .serial = (uint64_t)c + 1 };
	char series[STORE_SERIES_LEN];

	snprintf(id.name, sizeof(id.name), "container-%05d", c);
	store_series_path(&id, 1, series);
	snprintf(path, 512, "%s/%s/%s.rrd", dir, series,
		 layout_files[kind].stem);
}

/* --- memory --------------------------------------------------------------------------- */

/* The most that @fn ever takes, in a process of its own. */
static void most_memory(void (*fn)(void), const char *name)
{
	char line[128];
	FILE *status;
	double kb;
	pid_t pid = fork();

	if (pid) {
		waitpid(pid, NULL, 0);
		return;
	}
	fn();
	status = fopen("/proc/self/status", "r");
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %lf", &kb) == 1)
			result(name, kb / 1024, "MiB");
	_exit(0);
}

static void collect(void)
{
	struct script s = {};

	batch_init(&s.batch, 60);
	bench_resources(&s);
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
}

/* The table as show, metrics and serve have it; every row is in use. */
static void fill_live(struct live *live)
{
	live->nr_resources = RESOURCES;
	for (int r = 0; r < RESOURCES; r++) {
		snprintf(live->resource[r].name, sizeof(live->resource[r].name),
			 "resource%02d", r);
		live->resource[r].on = true;
	}
	for (int i = 0; i < CONTAINERS; i++) {
		struct live_container *c = live_add(live);

		if (!c)
			errx(1, "no memory");
		snprintf(c->id.name, sizeof(c->id.name), "container-%05d", i);
		c->slot = (unsigned int)i + 1;
		for (int r = 0; r < RESOURCES; r++)
			c->row[r] = (struct live_row){
				.known = true,
				.held = i,
				.maxheld = i,
				.usage = i,
				.bounds = { 1 << 20, 1 << 20 },
			};
	}
}

static int count(void *arg, const char *data, size_t len)
{
	(void)data;
	*(size_t *)arg += len;
	return 0;
}

static size_t export_all(const struct live *live)
{
	size_t bytes = 0;
	struct om om = { .sink = count, .arg = &bytes };
	struct metrics_view view = { .live = live };
	struct rank *rank;

	if (rank_all(live, NULL, -1, RANK_TROUBLE, NULL, &rank, &view.nr))
		errx(1, "%s", failure());
	view.rank = rank;
	if (metrics_format(&view, &om))
		errx(1, "%s", failure());
	om_free(&om);
	free(rank);
	return bytes;
}

static void metrics(void)
{
	struct live live = {};

	fill_live(&live);
	sink = (int64_t)export_all(&live);
}

static void pass_metrics(void *arg)
{
	sink = (int64_t)export_all(arg);
}

static void bench_memory(void)
{
	struct live live = {};

	most_memory(collect, "memory: collector, 10,000 x 24, most ever");
	most_memory(metrics, "memory: metrics --all, 10,000 x 24, most ever");
	fill_live(&live);
	result("metrics: all of 10,000 x 24 rows",
	       best_of(5, pass_metrics, &live) * 1e3, "ms");
	live_free(&live);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "sample"))
		bench_sample();
	else if (argc == 4 && !strcmp(argv[1], "export"))
		bench_export(argv[2], argv[3]);
	else if (argc == 4 && !strcmp(argv[1], "cached"))
		bench_cached(argv[2], argv[3]);
	else if (argc == 2 && !strcmp(argv[1], "memory"))
		bench_memory();
	else if (argc == 3 && !strcmp(argv[1], "forecast"))
		bench_forecast(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "fleet"))
		bench_fleet(argv[2], atoi(argv[3]));
	else
		errx(2,
		     "sample | export DIR NAIVE | cached DIR SOCKET | memory | "
		     "fleet DIR N | forecast DIR");
	return 0;
}
