// SPDX-License-Identifier: GPL-2.0
/* Updates of the store, beside rrdtool and rrdcached. */
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rstat.h"

#define FILES		400	/* containers of the export */
#define RUNS		9

extern char **environ;

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

/*
 * One "rrdtool -" that is fed without waiting for its answers; a few rounds, so
 * that its start is of no weight.
 */
#define PIPED	5

static double by_pipe(const char *dir, int64_t *stamp)
{
	double start = now();
	FILE *pipe = popen("rrdtool - >/dev/null", "w");

	for (int r = 0; r < PIPED; r++) {
		*stamp += 60;
		for (int u = 0; u < 2 * FILES; u++) {
			char path[512], row[1024];

			file_of(dir, u / 2, u % 2, path);
			fprintf(pipe, "update %s %s\n", path,
				row_of(u % 2, *stamp, row));
		}
	}
	if (pclose(pipe))
		errx(1, "rrdtool -");
	return PIPED * 2 * FILES / (now() - start);
}

/* A program that calls librrd for each; it takes the time itself. */
static double by_library(const char *naive, const char *dir, int64_t stamp)
{
	char command[640], path[512], list[] = "/tmp/rstat-bench-XXXXXX";
	int fd = mkstemp(list);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	double seconds = 0;
	FILE *pipe;

	if (!file)
		err(1, "%s", list);
	for (int u = 0; u < 2 * FILES; u++) {
		file_of(dir, u / 2, u % 2, path);
		fprintf(file, "%s\n", path);
	}
	fclose(file);
	snprintf(command, sizeof(command), "'%s' %lld %d < %s", naive,
		 (long long)stamp, RESOURCES, list);
	pipe = popen(command, "r");
	if (!pipe || fscanf(pipe, "%lf", &seconds) != 1 || pclose(pipe))
		errx(1, "%s failed", naive);
	unlink(list);
	return 2 * FILES / seconds;
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

/* The best of its runs: what others do on the machine only makes it less. */
static void best(const double *value, int n, const char *name)
{
	double most = 0;

	for (int i = 0; i < n; i++)
		most = value[i] > most ? value[i] : most;
	result(name, most, "updates/s");
}

/*
 * A day of the store: its first archive has been round once, and its pages are in
 * the page cache, as they are for whoever writes every minute.
 */
static void record_a_day(struct script *s, int64_t *stamp)
{
	for (int r = 0; r < 24 * 60 / 30; r++)
		by_rstat(s, stamp, 30);
	sync();
}

void bench_export(const char *dir, const char *naive)
{
	double spawned[RUNS], piped[RUNS], library[RUNS], five[RUNS],
		thirty[RUNS];
	int64_t stamp = SCRIPT_START;
	struct script s;

	script_open(&s, dir, 60);
	bench_resources(&s);
	sample_all(&s, FILES, stamp += 60);
	if (!script_flush(&s))
		errx(1, "%s", failure());
	record_a_day(&s, &stamp);
	for (int r = 0; r < RUNS; r++) {
		spawned[r] = by_spawn(dir, stamp += 60, 60);
		piped[r] = by_pipe(dir, &stamp);
		library[r] = by_library(naive, dir, stamp += 60);
		five[r] = by_rstat(&s, &stamp, 5);
		thirty[r] = by_rstat(&s, &stamp, 30);
	}
	best(spawned, RUNS, "export: rrdtool update, a process for each");
	best(piped, RUNS, "export: rrdtool -, pipelined");
	best(library, RUNS, "export: rrd_update_r, one sample a call");
	best(five, RUNS, "export: rstat, a flush of 5 rounds");
	best(thirty, RUNS, "export: rstat, a flush of 30 rounds");
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

void bench_cached(const char *dir, const char *socket_path)
{
	struct writer writer = {};
	double single[RUNS], batch[RUNS];
	int64_t stamp = SCRIPT_START;
	struct script s;

	script_open(&s, dir, 60);
	bench_resources(&s);
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
	best(single, RUNS, "rrdcached: one update, one answer");
	best(batch, RUNS, "rrdcached: rstat's batches");
	script_close(&s);
}
