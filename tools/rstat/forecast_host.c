// SPDX-License-Identifier: GPL-2.0
/*
 * When the sum of all containers passes what the machine has: utilization (what
 * they hold) and commitment (what their bounds promise them), after OpenVZ's
 * vzmemcheck and vzoversell. Where vzmemcheck adds kernel memory to physpages it
 * is not added here: the kernel's memory controller counts it in there.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "forecast_report.h"
#include "say.h"
#include "unit.h"

#define HOUR		3600
#define DAYS		45	/* for which there are rows of an hour */
#define CELLS_MAX	(DAYS * 24 + 1)
#define TERMS_MAX	6
/* The kernel's way of saying that there is no maximum. */
#define NO_MAXIMUM	0x1p53

enum figure { HELD = 1, BARRIER, LIMIT };

struct term {
	const char *resource;
	enum figure figure;
};

/* kernel memory and socket buffers, "K" of vzmemcheck */
#define KERNEL(figure)                                    \
	{ "kmemsize", figure }, { "tcpsndbuf", figure },  \
	{ "tcprcvbuf", figure }, { "othersockbuf", figure }, \
	{ "dgramrcvbuf", figure }

/* The first term must be recorded; others are added where they are. */
/* clang-format off */
static const struct {
	const char *name, *what;
	unsigned int unit;
	enum { MEMORY, SWAP, MEMORY_SWAP, THREADS, FILES, PTYS, CPUS } of;
	struct term term[TERMS_MAX];
} capacities[] = {
	{ "memory", "held", RESCORE_BYTES, MEMORY,
	  { { "physpages", HELD } } },
	{ "memory", "promised", RESCORE_BYTES, MEMORY,
	  { { "physpages", LIMIT } } },
	{ "swap", "held", RESCORE_BYTES, SWAP,
	  { { "swappages", HELD } } },
	{ "memory+swap", "held", RESCORE_BYTES, MEMORY_SWAP,
	  { { "physpages", HELD }, { "swappages", HELD } } },
	{ "memory+swap", "promised", RESCORE_BYTES, MEMORY_SWAP,
	  { { "swappages", LIMIT }, { "physpages", LIMIT } } },
	{ "memory+swap", "guaranteed", RESCORE_BYTES, MEMORY_SWAP,
	  { { "oomguarpages", BARRIER } } },
	{ "allocation", "held", RESCORE_BYTES, MEMORY_SWAP,
	  { { "privvmpages", HELD }, KERNEL(HELD) } },
	{ "allocation", "promised", RESCORE_BYTES, MEMORY_SWAP,
	  { { "privvmpages", LIMIT }, KERNEL(LIMIT) } },
	{ "allocation", "guaranteed", RESCORE_BYTES, MEMORY_SWAP,
	  { { "vmguarpages", BARRIER } } },
	{ "processes", "held", RESCORE_COUNT, THREADS,
	  { { "numproc", HELD } } },
	{ "processes", "promised", RESCORE_COUNT, THREADS,
	  { { "numproc", LIMIT } } },
	{ "files", "held", RESCORE_COUNT, FILES,
	  { { "numfile", HELD } } },
	{ "files", "promised", RESCORE_COUNT, FILES,
	  { { "numfile", LIMIT } } },
	{ "terminals", "held", RESCORE_COUNT, PTYS,
	  { { "numpty", HELD } } },
	{ "terminals", "promised", RESCORE_COUNT, PTYS,
	  { { "numpty", LIMIT } } },
	{ "CPU", "held", RESCORE_PERCENT, CPUS,
	  { { "cpulimit", HELD } } },
	{ "CPU", "promised", RESCORE_PERCENT, CPUS,
	  { { "cpulimit", LIMIT } } },
};
/* clang-format on */

#define NR_CAPACITIES (sizeof(capacities) / sizeof(capacities[0]))

_Static_assert(NR_CAPACITIES <= FORECAST_CAPACITIES_MAX, "too many");

/* One sum over time; in base units (bytes, items, percent). */
struct sum {
	unsigned int containers; /* that have the first term */
	unsigned int unlimited;
	double now;		/* of the bounds as they are */
	double cell[CELLS_MAX];
	bool known[CELLS_MAX];
};

struct host_part {
	const struct store *store;
	int64_t from, to, step;	/* of the cells */
	int heartbeat;
	size_t nr;
	unsigned int number, parts, next;
	struct sum *sum;	/* [NR_CAPACITIES] */
};

static const struct term *terms_of(size_t capacity)
{
	return capacities[capacity].term;
}

static double capacity_of(const struct host *host, size_t capacity)
{
	double value = 0;

	switch (capacities[capacity].of) {
	case MEMORY:
		value = host->memory;
		break;
	case SWAP:
		value = host->swap;
		break;
	case MEMORY_SWAP:
		value = host->memory + host->swap;
		break;
	case THREADS:
		value = host->threads;
		break;
	case FILES:
		value = host->files;
		break;
	case PTYS:
		value = host->ptys;
		break;
	case CPUS:
		value = 100 * host->cpus;
		break;
	}

	return value > 0 && value < NO_MAXIMUM ? value : NAN;
}

/* --- in a child ---------------------------------------------------------------------- */

static const char *const
	suffixes[] = { [HELD] = "held", [BARRIER] = "bar", [LIMIT] = "lim" };

static void add_column(const struct host_part *part,
		       const struct rrd_table *table,
		       const struct meta_resource *resource, enum figure figure,
		       struct sum *sum)
{
	bool grows = figure == HELD && meta_held_grows(resource);
	double factor = unit_scale(resource->unit, 0).factor;
	char name[24];
	int column;

	snprintf(name, sizeof(name), "%s_%s", resource->name, suffixes[figure]);
	column = rrd_table_column(table, name);
	/* Nanoseconds since the row before, in percent. */
	if (grows)
		factor = 100 / 1e9 / (double)table->step;
	for (size_t i = 0; i < part->nr; i++) {
		int64_t stamp = part->from + (int64_t)(i + 1) * part->step;
		double v = rrd_table_value(table, column, stamp);

		if (grows)
			v = fmax(v - rrd_table_value(table, column,
						     stamp - table->step),
				 0);
		if (isnan(v))
			continue;
		sum->cell[i] += v * factor;
		sum->known[i] = true;
	}
}

/* What the bounds are now; false: at least one is unlimited. */
static bool bounds_now(const struct meta *meta, size_t capacity, double *ret)
{
	const struct term *term = terms_of(capacity);
	double total = 0;

	for (int t = 0; t < TERMS_MAX && term[t].resource; t++) {
		const struct meta_resource *r;
		const struct bounds *b;
		int64_t bound;

		r = meta_find(meta, term[t].resource, NULL);
		if (!r || !r->nr_changes)
			continue;
		b = &r->change[r->nr_changes - 1].bounds;
		bound = term[t].figure == LIMIT ? b->limit : b->barrier;
		if (bound == RESCORE_UNLIMITED)
			return false;
		total += (double)bound * unit_scale(r->unit, 0).factor;
	}
	*ret = total;

	return true;
}

static void add_terms(const struct host_part *part, const struct meta *meta,
		      unsigned int set, size_t capacity, bool live,
		      const struct rrd_table *use, const struct rrd_table *cap)
{
	const struct term *term = terms_of(capacity);
	struct sum *sum = &part->sum[capacity];

	for (int t = 0; t < TERMS_MAX && term[t].resource; t++) {
		const struct meta_resource *r;
		unsigned int its_set;
		double now = 0;

		r = meta_find(meta, term[t].resource, &its_set);
		if (!r || its_set != set)
			continue;
		if (term[t].figure == HELD) {
			sum->containers += !t;
			add_column(part, use, r, HELD, sum);
			continue;
		}
		if (!t && live && bounds_now(meta, capacity, &now)) {
			sum->containers++;
			sum->now += now;
		} else if (!t && live) {
			sum->unlimited++;
		}
		add_column(part, cap, r, term[t].figure, sum);
	}
}

static int add_series(struct host_part *part, const struct series_dir *dir,
		      const struct meta *meta)
{
	int64_t last;
	int err = history_last(dir, meta, &last);
	bool live = last + part->heartbeat >= part->to;

	for (unsigned int s = 0; !err && last && s < meta->nr_sets; s++) {
		struct rrd_table use = {}, cap = {};

		err = history_rows(LAYOUT_USE, s, part->from - part->step,
				   part->to, part->step, &use);
		if (!err)
			err = history_rows(LAYOUT_CAP, s, part->from, part->to,
					   part->step, &cap);
		for (size_t c = 0; !err && c < NR_CAPACITIES; c++)
			add_terms(part, meta, s, c, live, &use, &cap);
		rrd_table_free(&use);
		rrd_table_free(&cap);
		if (err == -ENOENT)
			err = 0;
	}

	return err;
}

static int visit(void *arg, const char *path)
{
	struct host_part *part = arg;
	struct series_dir dir = { .fd = -1 };
	struct meta meta = {};

	if (part->next++ % part->parts != part->number)
		return 0;
	snprintf(dir.path, sizeof(dir.path), "%s", path);
	/* What cannot be read has been said already. */
	if (!store_open_series(part->store, &dir, &meta))
		(void)add_series(part, &dir, &meta);
	series_dir_close(&dir);
	meta_free(&meta);

	return 0;
}

static int sum_part(void *arg, FILE *out)
{
	struct host_part *part = arg;
	int err;

	part->sum = calloc(NR_CAPACITIES, sizeof(*part->sum));
	if (!part->sum)
		return fail(ENOMEM, "no memory");
	err = store_each_path(part->store, visit, part);
	if (!err)
		fwrite(part->sum, sizeof(*part->sum), NR_CAPACITIES, out);

	return err;
}

/* --- put together ---------------------------------------------------------------------- */

static void merge(struct sum *total, const struct blob *blob, size_t nr)
{
	static struct sum part;

	for (size_t c = 0; c < NR_CAPACITIES; c++) {
		memcpy(&part, blob->data + c * sizeof(part), sizeof(part));
		total[c].containers += part.containers;
		total[c].unlimited += part.unlimited;
		total[c].now += part.now;
		for (size_t i = 0; i < nr; i++) {
			total[c].cell[i] += part.cell[i];
			total[c].known[i] |= part.known[i];
		}
	}
}

static int add_up(struct host_part *part, struct sum *total)
{
	unsigned int parts = child_cpus(), started = 0;
	struct child child[parts];
	int err = 0;

	for (part->parts = parts; !err && started < parts; started += !err) {
		part->number = started;
		err = child_start(sum_part, part, &child[started]);
	}
	for (unsigned int i = 0; i < started; i++) {
		struct blob blob = {};
		int rc = child_finish(&child[i], &blob);

		if (!rc && !err)
			merge(total, &blob, part->nr);
		if (!rc)
			blob_free(&blob);
		if (!err)
			err = rc;
	}

	return err;
}

static void fit_sum(const struct host_part *part, const struct sum *sum,
		    bool held, int64_t horizon, struct forecast_capacity *c)
{
	struct forecast_point point[CELLS_MAX];

	for (size_t i = 0; i < part->nr; i++) {
		point[i].stamp = part->from + (int64_t)(i + 1) * part->step;
		point[i].value = sum->known[i] ? sum->cell[i] : NAN;
	}
	forecast_fit(point, part->nr, part->step, &c->forecast);
	/* Rows of bounds are late by up to an hour. */
	if (!held)
		c->forecast.now = sum->now;
	c->full = forecast_hit(&c->forecast, c->capacity, horizon);
}

static void choose_cells(struct host_part *part,
			 const struct forecast_report *report, int step)
{
	int64_t from = report->first - step;

	if (from < report->last - (int64_t)DAYS * 24 * HOUR)
		from = report->last - (int64_t)DAYS * 24 * HOUR;
	part->step = step;
	while ((report->last - from) / part->step >= CELLS_MAX / 2 &&
	       part->step < HOUR)
		part->step *= HOUR % (part->step * 2) ? HOUR / part->step : 2;
	part->from = from - from % part->step;
	part->to = report->last;
	part->nr = (size_t)((part->to - part->from) / part->step);
	if (part->nr > CELLS_MAX) {
		part->from += (int64_t)(part->nr - CELLS_MAX) * part->step;
		part->nr = CELLS_MAX;
	}
}

int forecast_host(const struct store *store, const struct host *host,
		  struct forecast_report *report)
{
	struct host_part part = {
		.store = store,
		.heartbeat = layout_heartbeat(store->step),
	};
	struct sum *total = calloc(NR_CAPACITIES, sizeof(*total));
	int err;

	if (!total)
		return fail(ENOMEM, "no memory");
	choose_cells(&part, report, store->step);
	err = add_up(&part, total);
	for (size_t i = 0; !err && i < NR_CAPACITIES; i++) {
		struct forecast_capacity *c;

		/* Nothing of the kind is recorded, or nobody is limited. */
		if (!total[i].containers)
			continue;
		c = &report->capacity[report->nr_capacities++];
		c->name = capacities[i].name;
		c->what = capacities[i].what;
		c->unit = capacities[i].unit;
		c->capacity = capacity_of(host, i);
		c->unlimited = total[i].unlimited;
		fit_sum(&part, &total[i], terms_of(i)->figure == HELD,
			report->horizon, c);
	}
	free(total);

	return err;
}
