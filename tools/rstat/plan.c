// SPDX-License-Identifier: GPL-2.0
/* rstat plan: what a store will take, before there is one. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "collect.h"
#include "layout.h"
#include "plan.h"
#include "say.h"
#include "show.h"
#include "store.h"
#include "unit.h"

#define CONTAINERS	1000
#define RESOURCES	24
#define PAGE		4096

/* rrd_format.h: sizes of what is in a file, in bytes. */
#define STAT_HEAD	128
#define DS_DEF		120
#define RRA_DEF		120
#define LIVE_HEAD	16
#define PDP_PREP	112
#define CDP_PREP	80
#define RRA_PTR		8
#define VALUE		8

static uint64_t pages(uint64_t bytes)
{
	return (bytes + PAGE - 1) / PAGE;
}

uint64_t plan_file_bytes(enum layout_kind kind, unsigned int resources,
			 int step)
{
	uint64_t ds = resources * (uint64_t)layout_files[kind].nr_columns;
	struct layout_rra rra[LAYOUT_RRAS_MAX];
	uint64_t n = (uint64_t)layout_rras(kind, step, rra);
	uint64_t bytes = STAT_HEAD + DS_DEF * ds + RRA_DEF * n + LIVE_HEAD +
			 PDP_PREP * ds + CDP_PREP * ds * n + RRA_PTR * n;

	for (uint64_t i = 0; i < n; i++)
		bytes += VALUE * ds * (uint64_t)rra[i].rows;

	return bytes;
}

/*
 * Bytes that one flush makes dirty, by whole pages: the part of the header that
 * every update rewrites, and in each archive the rows that were completed.
 */
static double file_written(enum layout_kind kind, unsigned int resources,
			   int step, int64_t flush)
{
	uint64_t ds = resources * (uint64_t)layout_files[kind].nr_columns;
	struct layout_rra rra[LAYOUT_RRAS_MAX];
	uint64_t n = (uint64_t)layout_rras(kind, step, rra);
	int file_step = layout_step(kind, step);
	double bytes;

	bytes = (double)(pages(LIVE_HEAD + PDP_PREP * ds + CDP_PREP * ds * n) +
			 1) *
		PAGE;
	/* cap.rrd is not written at every flush. */
	if (file_step > flush)
		bytes *= (double)flush / file_step;
	for (uint64_t i = 0; i < n; i++) {
		double rows = (double)flush / file_step / rra[i].steps;
		double row = (double)(VALUE * ds);

		/* A row, or several side by side, and the page they begin in. */
		bytes += rows < 1 ? rows * (row + PAGE) : rows * row + PAGE;
	}

	return bytes;
}

void plan_make(unsigned int containers, unsigned int resources, int step,
	       struct plan *ret)
{
	struct plan plan = {
		.containers = containers,
		.resources = resources,
		.step = step,
		.flush = collect_flush_rounds(step) * step,
	};

	for (unsigned int left = resources; left;) {
		unsigned int n = left < META_SET_MAX ? left : META_SET_MAX;

		for (int kind = 0; kind < LAYOUT_KINDS; kind++) {
			plan.files++;
			plan.bytes += plan_file_bytes((enum layout_kind)kind, n,
						      step);
			plan.written += file_written((enum layout_kind)kind, n,
						     step, plan.flush);
		}
		left -= n;
	}
	*ret = plan;
}

/* Of the file system on which @dir is, or will be; -1: not known. */
static double free_bytes(const char *dir)
{
	char path[4096];
	struct statvfs fs;
	char *slash;

	snprintf(path, sizeof(path), "%s", dir);
	while (statvfs(path, &fs)) {
		slash = strrchr(path, '/');
		if (!slash)
			return -1;
		slash[slash == path] = '\0';
	}
	return (double)fs.f_bavail * (double)fs.f_frsize;
}

static void print_plan(const struct plan *p, const char *dir, double space)
{
	double all = (double)p->bytes * p->containers;
	char each[32], total[32], left[32];

	printf("%u containers, %u resources, a sample every %d s\n\n",
	       p->containers, p->resources, p->step);
	printf("            a container           all\n");
	printf("files       %11u  %12u\n", p->files, p->files * p->containers);
	printf("size        %11s  %12s  which never grows\n",
	       unit_format((double)p->bytes, RESCORE_BYTES, each, sizeof(each)),
	       unit_format(all, RESCORE_BYTES, total, sizeof(total)));
	printf("written     %11s  %12s  every %" PRId64 " s: %.2f MB/s\n",
	       unit_format(p->written, RESCORE_BYTES, each, sizeof(each)),
	       unit_format(p->written * p->containers, RESCORE_BYTES, total,
			   sizeof(total)),
	       p->flush, p->written * p->containers / (double)p->flush / 1e6);
	if (space < 0)
		return;
	printf("\n'%s' has %s free: %s\n", dir,
	       unit_format(space, RESCORE_BYTES, left, sizeof(left)),
	       all <= space ? "that is enough" : "that is NOT enough");
}

static int print_json(const struct plan *p, double space)
{
	json_t *root;
	int err = 0;

	root = json_pack(
		"{s:i, s:I, s:I, s:i, s:I, s:I, s:I, s:f, s:f, s:o}",
		"version", SHOW_JSON_VERSION,
		"containers", (json_int_t)p->containers,
		"resources", (json_int_t)p->resources, "step", p->step,
		"files", (json_int_t)p->files * p->containers,
		"bytes_each", (json_int_t)p->bytes,
		"bytes", (json_int_t)p->bytes * p->containers,
		"written_per_flush", p->written * p->containers,
		"written_per_second",
		p->written * p->containers / (double)p->flush,
		"free", space < 0 ? json_null() : json_real(space));
	if (!root || json_dumpf(root, stdout, JSON_INDENT(1)))
		err = fail(ENOMEM, "no memory");
	putchar('\n');
	json_decref(root);

	return err;
}

int plan_run(const struct args *args)
{
	int step = args->step ? (int)args->step : STORE_STEP;
	double space = free_bytes(args->dir);
	struct plan plan;

	if (!layout_step_ok(step)) {
		say("plan: --step %d: give a divisor of 3600, such as 1, 10, "
		    "60 or 300",
		    step);
		return RSTAT_USAGE;
	}
	plan_make(args->containers ? (unsigned int)args->containers :
				     CONTAINERS,
		  args->resources ? (unsigned int)args->resources : RESOURCES,
		  step, &plan);
	if (!args->json) {
		print_plan(&plan, args->dir, space);
	} else if (print_json(&plan, space)) {
		say("%s", failure());
		return RSTAT_FAILED;
	}

	return space >= 0 && (double)plan.bytes * plan.containers > space ?
		       RSTAT_FAILED :
		       RSTAT_OK;
}
