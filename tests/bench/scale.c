// SPDX-License-Identifier: GPL-2.0
/*
 * In the VM: what the number of containers costs, in nanoseconds of
 * CLOCK_MONOTONIC, which with --icount are instructions. rescore is loaded, with
 * room for the largest number, and has no container.
 *
 *	scale N...
 *
 * Makes containers up to each N and prints "N operation cost" lines.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <librescore.h>

#include "say.h"
#include "source.h"

#define AUDITED	1000	/* containers at most */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void result(int n, const char *operation, double cost)
{
	printf("%d\t%s\t%.0f\n", n, operation, cost);
	fflush(stdout);
}

static void need(int err)
{
	if (err < 0)
		errx(1, "%s", rescore_strerror());
}

static void name_of(int i, char name[32])
{
	snprintf(name, 32, "scale-%05d", i);
}

static void grow(struct rescore *rs, int from, int to)
{
	static const char *const resource[] = { "numproc", "numfile",
						"privvmpages" };
	struct rescore_bounds bounds[3] = {};
	double start = now();
	char name[32];

	for (int i = from; i < to; i++) {
		name_of(i, name);
		need(rescore_create(rs, name, NULL));
	}
	result(to, "create, each", (now() - start) / (to - from));
	for (int i = 0; i < 3; i++) {
		int id = rescore_find_resource(rs, resource[i]);

		need(id);
		bounds[i] = (struct rescore_bounds){
			.id = (unsigned int)id,
			.barrier = 10000,
			.limit = 20000,
		};
	}
	start = now();
	for (int i = from; i < to; i++) {
		name_of(i, name);
		need(rescore_set(rs, (unsigned int)rescore_find(rs, name),
				 bounds, 3));
	}
	result(to, "set three bounds, each", (now() - start) / (to - from));
}

static int look_away(void *arg, unsigned int slot,
		     const struct container_id *id, const struct schema *schema,
		     const struct reading *readings)
{
	(void)arg;
	(void)slot;
	(void)id;
	(void)schema;
	(void)readings;
	return 0;
}

static int count(void *arg, unsigned int slot, const struct container_id *id,
		 const struct schema *schema, const struct reading *readings)
{
	long *cells = arg;

	(void)slot;
	(void)id;
	for (unsigned int i = 0; i < schema->nr; i++)
		*cells += readings[i].known;
	return 0;
}

/* As `rstat collect` does it: every row of every container, with its peak. */
static void sample(int n)
{
	struct source *source;
	long cells = 0;
	double start, best = 0;

	if (rescore_source_open(&source))
		errx(1, "%s", failure());
	if (source->round(source, count, &cells))
		errx(1, "%s", failure());
	for (int i = 0; i < 3; i++) {
		start = now();
		if (source->round(source, look_away, NULL))
			errx(1, "%s", failure());
		start = now() - start;
		best = !i || start < best ? start : best;
	}
	result(n, "rstat: sample all rows of all", best);
	result(n, "rstat: rows in a sample", (double)cells);
	source->close(source);
}

/* The part of it that brings together what the kernel counts. */
static void refresh(const struct rescore *rs, int n)
{
	double start, best = 0;

	for (int i = 0; i < 3; i++) {
		start = now();
		need(rescore_refresh(rs));
		start = now() - start;
		best = !i || start < best ? start : best;
	}
	result(n, "of that, the rows that the kernel counts", best);
}

static size_t read_file(const char *path)
{
	static char text[1 << 16];
	size_t all = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		err(1, "%s", path);
	while ((got = read(fd, text, sizeof(text))) > 0)
		all += (size_t)got;
	if (got < 0)
		err(1, "%s", path);
	close(fd);
	return all;
}

static void text_table(int n)
{
	double start = now();

	if (!read_file("/sys/fs/bpf/rescore/user_beancounters"))
		errx(1, "the table is empty");
	result(n, "read user_beancounters", now() - start);
}

/* As monitoring agents do it. */
static void five_files(int n)
{
	static const char *const file[] = { "memory.current", "memory.stat",
					    "memory.events", "pids.current",
					    "cpu.stat" };
	double start = now();
	char path[128], name[32];

	for (int i = 0; i < n; i++) {
		name_of(i, name);
		for (int f = 0; f < 5; f++) {
			snprintf(path, sizeof(path),
				 "/sys/fs/cgroup/rescore/%s/%s", name, file[f]);
			read_file(path);
		}
	}
	result(n, "five files of each cgroup", now() - start);
}

static void command(int n, const char *operation, const char *text)
{
	double start = now();

	if (system(text))
		errx(1, "%s", text);
	result(n, operation, now() - start);
}

/*
 * Of the maps that have an element for each container, by container: the room for
 * objects goes with the machine's memory. The guest has no other maps.
 */
static double bytes_each(unsigned int slots)
{
	double each = 0;
	__u32 id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		struct bpf_map_info info = {};
		__u32 size = sizeof(info);
		int fd = bpf_map_get_fd_by_id(id);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
			err(1, "map %u", id);
		if (info.max_entries == slots)
			each += info.value_size;
		close(fd);
	}
	return each;
}

int main(int argc, char **argv)
{
	struct rescore *rs;
	int have = 0;

	need(rescore_open(&rs, false));
	for (int i = 1; i < argc; i++) {
		int n = atoi(argv[i]);

		if (n <= have)
			errx(2, "usage: scale N..., each more than the last");
		grow(rs, have, n);
		have = n;
		sample(n);
		refresh(rs, n);
		text_table(n);
		command(n, "rlimitctl list", "rlimitctl list > /dev/null");
		/* reads the kernel's own files of each, so it takes its time */
		if (n <= AUDITED)
			command(n, "rlimitctl audit",
				"rlimitctl audit > /dev/null");
		command(n, "rstat show", "rstat show --json > /dev/null");
		five_files(n);
	}
	result(have, "kernel memory for each, bytes",
	       bytes_each(rescore_meta(rs)->nr_slots));
	rescore_close(rs);
	return 0;
}
