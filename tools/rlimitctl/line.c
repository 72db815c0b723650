// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "line.h"
#include "rlimitctl.h"

#define CELL_COLUMNS	7
#define NEAR_PERCENT	80
#define PERCENT_SHOWN	999

__extension__ typedef __int128 wide;

int64_t line_bound(const struct rescore_line *line)
{
	return line->barrier ? line->barrier : line->limit;
}

int64_t line_ceiling(const struct rescore_resource *resource,
		     const struct rescore_line *line)
{
	if (!rescore_has_ceiling(resource))
		return RESCORE_UNLIMITED;
	return line_bound(line);
}

int64_t line_percent(const struct rescore_resource *resource,
		     const struct rescore_line *line)
{
	int64_t bound = line_ceiling(resource, line);
	wide percent;

	if (bound == RESCORE_UNLIMITED)
		return -1;
	if (line->held <= 0)
		return 0;
	if (bound <= 0)
		return INT64_MAX;
	percent = (wide)line->held * 100 / bound;
	return percent > INT64_MAX ? INT64_MAX : (int64_t)percent;
}

enum line_level line_level(const struct rescore_resource *resource,
			   const struct rescore_line *line)
{
	int64_t bound = line_ceiling(resource, line);

	if (bound == RESCORE_UNLIMITED || line->held <= 0)
		return LINE_FINE;
	if (line->held > bound)
		return LINE_OVER;
	return line_percent(resource, line) >= NEAR_PERCENT ? LINE_NEAR :
							      LINE_FINE;
}

bool line_is_unbounded(const struct rescore_resource *resource,
		       const struct rescore_line *line)
{
	int64_t barrier = RESCORE_UNLIMITED, limit = RESCORE_UNLIMITED;

	if (resource->flags & RESCORE_INITIAL)
		barrier = resource->initial;
	if (resource->flags & RESCORE_INITIAL &&
	    !(resource->flags & RESCORE_GUARANTEE))
		limit = resource->initial;
	return line->barrier == barrier && line->limit == limit;
}

bool line_is_idle(const struct rescore_resource *resource,
		  const struct rescore_line *line)
{
	return line_is_unbounded(resource, line) && !line->held &&
	       !line->maxheld && !line->failcnt;
}

bool line_is_notable(const struct rescore_resource *resource,
		     const struct rescore_line *line)
{
	int64_t bound = line_ceiling(resource, line);

	return line->failcnt ||
	       (bound != RESCORE_UNLIMITED && line->held > bound / 2);
}

/* Three digits and a letter for what is too wide; of tables only. */
static void shorten(long double value, unsigned int base, char buf[CELL_LEN])
{
	static const char letters[] = " KMGTPEZY";
	const char *sign = value < 0 ? "-" : "";
	size_t i = 0;

	if (value < 0)
		value = -value;
	/* 999.5 would be printed as 1000. */
	while (value >= 999.5L && letters[i + 1]) {
		value /= base;
		i++;
	}
	snprintf(buf, CELL_LEN, "%s%.*Lf%c", sign,
		 value < 9.995L ? 2 :
		 value < 99.95L ? 1 :
				  0,
		 value, letters[i]);
}

const char *amount_cell(int64_t amount, unsigned int unit, bool raw,
			char buf[CELL_LEN])
{
	if (amount == RESCORE_UNLIMITED) {
		strcpy(buf, "-");
		return buf;
	}
	rescore_format_amount(amount, unit, raw, buf, CELL_LEN);
	if (raw || strlen(buf) <= CELL_COLUMNS)
		return buf;
	if (unit == RESCORE_PAGES)
		shorten(4096.0L * amount, 1024, buf);
	else
		shorten(amount, unit == RESCORE_BYTES ? 1024 : 1000, buf);
	return buf;
}

const char *count_cell(uint64_t count, bool raw, char buf[CELL_LEN])
{
	snprintf(buf, CELL_LEN, "%llu", (unsigned long long)count);
	if (!raw && strlen(buf) > CELL_COLUMNS)
		shorten(count, 1000, buf);
	return buf;
}

const char *percent_cell(int64_t percent, char buf[CELL_LEN])
{
	if (percent < 0)
		strcpy(buf, "-");
	else if (percent > PERCENT_SHOWN)
		snprintf(buf, CELL_LEN, ">%d%%", PERCENT_SHOWN);
	else
		snprintf(buf, CELL_LEN, "%lld%%", (long long)percent);
	return buf;
}

struct table *show_table_new(bool with_mode)
{
	static const struct table_column columns[] = {
		{ "RESOURCE", false }, { "HELD", true },  { "MAXHELD", true },
		{ "BARRIER", true },   { "LIMIT", true }, { "USED", true },
		{ "FAILCNT", true },   { "MODE", false },
	};
	size_t n = sizeof(columns) / sizeof(*columns);

	return table_new(columns, with_mode ? n : n - 1);
}

static enum colour level_colour(enum line_level level)
{
	switch (level) {
	case LINE_OVER:
		return COLOUR_BAD;
	case LINE_NEAR:
		return COLOUR_NEAR;
	case LINE_FINE:
		break;
	}
	return COLOUR_NONE;
}

void show_table_add(struct table *table,
		    const struct rescore_resource *resource,
		    const struct rescore_line *line, bool raw)
{
	unsigned int unit = resource->unit;
	enum colour colour = level_colour(line_level(resource, line));
	char cell[CELL_LEN];

	table_row(table);
	table_cell(table, COLOUR_NONE, "%s", resource->name);
	if (!resource_is_on(resource)) {
		table_cell(table, COLOUR_NONE, "off");
		return;
	}
	if (line->flags & RESCORE_UNCOUNTED)
		table_cell(table, COLOUR_NONE, "?");
	else
		table_cell(table, colour, "%s",
			   amount_cell(line->held, rescore_held_unit(resource),
				       raw, cell));
	table_cell(table, COLOUR_NONE, "%s",
		   amount_cell(line->maxheld, rescore_peak_unit(resource), raw,
			       cell));
	table_cell(table, COLOUR_NONE, "%s",
		   amount_cell(line->barrier, unit, raw, cell));
	table_cell(table, COLOUR_NONE, "%s",
		   amount_cell(line->limit, unit, raw, cell));
	table_cell(table, colour, "%s",
		   percent_cell(line_percent(resource, line), cell));
	table_cell(table, line->failcnt ? COLOUR_BAD : COLOUR_NONE, "%s",
		   count_cell(line->failcnt, raw, cell));
	table_cell(table, COLOUR_NONE, "%s",
		   line->flags & RESCORE_OBSERVE ? "observe" : "enforce");
}
