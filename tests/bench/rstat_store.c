// SPDX-License-Identifier: GPL-2.0
/* A store of a fleet, and what is read from it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job.h"
#include "rstat.h"

#define DAY		86400

/*
 * 45 days of an hour each. Files of few containers are linked under the names of
 * all others: what is read is as much, what the disk holds is not.
 */
#define DISTINCT 20

void bench_fleet(const char *dir, int nr)
{
	uint64_t seed = 7;
	struct script s;

	script_open(&s, dir, 3600);
	bench_resources(&s);
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
	struct jobs jobs;
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

static int draw_pass(void *arg, FILE *out)
{
	const struct pass *pass = *(struct pass **)arg;
	struct graph_job job;
	int err = graph_make_job(&pass->args, &job);

	return err ? err : graph_draw(&job, out);
}

static void drawn(void *arg, int err, struct blob *result)
{
	if (err || !result->len)
		errx(1, "%s", failure());
	blob_free(result);
	*(bool *)arg = true;
}

/* As serve has it done: by a process that has drawn before. */
static void pass_graph(void *arg)
{
	struct pass *pass = arg;

	for (int i = 0; i < pass->pictures; i++) {
		bool done = false;
		struct job job = {
			.fn = draw_pass,
			.arg = malloc(sizeof(arg)),
			.size = sizeof(arg),
			.done = drawn,
			.done_arg = &done,
		};

		memcpy(job.arg, &arg, sizeof(arg));
		if (job_start(&pass->jobs, &job))
			errx(1, "%s", failure());
		while (!done) {
			struct pollfd fds[JOBS_RUNNING];
			unsigned int n = jobs_poll(&pass->jobs, fds);

			poll(fds, n, jobs_timeout(&pass->jobs));
			jobs_run(&pass->jobs);
		}
	}
}

void bench_forecast(const char *dir)
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
	result("graph: rstat, by the process that draws for serve",
	       best_of(5, pass_graph, &pass) * 1e3 / pass.pictures, "ms");
	/* another, since it knows this pass as it was when it was started */
	jobs_stop(&pass.jobs);
	pass.args.output = "x.svg";
	result("graph: the same as SVG, as the page has it",
	       best_of(5, pass_graph, &pass) * 1e3 / pass.pictures, "ms");
	jobs_stop(&pass.jobs);
}
