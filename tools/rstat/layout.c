// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "layout.h"

#define HOUR	3600
#define DAY	86400

const struct layout_file layout_files[LAYOUT_KINDS] = {
	[LAYOUT_USE] = {
		.stem = "use", .cf = "AVERAGE", .xff = "0.5",
		.nr_columns = 2,
		/* DERIVE from 0 up: a counter that was reset gives no value,
		 * where COUNTER would give a huge one.
		 */
		.column = { { "held", "GAUGE" }, { "fail", "DERIVE" } },
	},
	[LAYOUT_PEAK] = {
		.stem = "peak", .cf = "MAX", .xff = "0.95",
		.nr_columns = 1,
		.column = { { "peak", "GAUGE" } },
	},
	[LAYOUT_CAP] = {
		.stem = "cap", .cf = "LAST", .xff = "0.9",
		.nr_columns = 3,
		.column = { { "bar", "GAUGE" }, { "lim", "GAUGE" },
			    { "max", "GAUGE" } },
	},
};

/* How long rows of which length are kept, in seconds. */
struct level {
	int row;
	int span;
};

/* clang-format off */
static const struct level use_levels[] = {
	{ 60, DAY }, { 600, 8 * DAY }, { HOUR, 45 * DAY }, { DAY, 1096 * DAY },
	{}
};
static const struct level cap_levels[] = {
	{ HOUR, 45 * DAY }, { DAY, 1096 * DAY }, {}
};
/* clang-format on */

/*
 * With a step below the first level's row, that many rows of one step come
 * before it: at 1 s an hour, where a day would take 33 MB per container.
 */
#define FINE_ROWS	3600

bool layout_step_ok(int step)
{
	return step > 0 && step <= HOUR && HOUR % step == 0;
}

int layout_cap_step(int step)
{
	return step < HOUR / 60 ? 60 * step : HOUR;
}

int layout_step(enum layout_kind kind, int step)
{
	return kind == LAYOUT_CAP ? layout_cap_step(step) : step;
}

int layout_heartbeat(int file_step)
{
	return 3 * file_step;
}

bool layout_name_ok(const char *resource)
{
	/* What rrdtool allows in the name of a data source. */
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";
	size_t len = strlen(resource);

	return len && len <= META_RES_NAME_MAX &&
	       strspn(resource, allowed) == len;
}

const char *layout_file_name(enum layout_kind kind, unsigned int set,
			     char buf[LAYOUT_FILE_LEN])
{
	const char *stem = layout_files[kind].stem;

	if (set)
		snprintf(buf, LAYOUT_FILE_LEN, "%s%u.rrd", stem, set + 1);
	else
		snprintf(buf, LAYOUT_FILE_LEN, "%s.rrd", stem);

	return buf;
}

int layout_rras(enum layout_kind kind, int step,
		struct layout_rra ret_rra[LAYOUT_RRAS_MAX])
{
	const struct level *level = use_levels;
	int file_step = layout_step(kind, step);
	int n = 0;

	if (kind == LAYOUT_CAP)
		level = cap_levels;
	if (file_step < level->row) {
		int rows = level->span / file_step;

		ret_rra[n].steps = 1;
		ret_rra[n++].rows = rows < FINE_ROWS ? rows : FINE_ROWS;
	}
	for (; level->row; level++) {
		int steps = level->row > file_step ? level->row / file_step : 1;
		int length = steps * file_step;

		/* Two levels of the same rows: the longer has them all. */
		if (n && ret_rra[n - 1].steps == steps)
			n--;
		ret_rra[n].steps = steps;
		ret_rra[n++].rows = (level->span + length - 1) / length;
	}

	return n;
}
