// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <rescore/abi.h>

#include "unit.h"

struct multiple {
	double divisor;
	const char *label;
};

/* clang-format off */
static const struct multiple counts[] = {
	{ 1, "" }, { 1e6, "million" }, { 1e9, "billion" }, {}
};
static const struct multiple bytes[] = {
	{ 1, "bytes" }, { 0x1p10, "KiB" }, { 0x1p20, "MiB" },
	{ 0x1p30, "GiB" }, { 0x1p40, "TiB" }, { 0x1p50, "PiB" }, {}
};
static const struct multiple seconds[] = {
	{ 1, "s" }, { 3600, "h" }, { 86400, "days" }, {}
};
static const struct multiple percents[] = {
	{ 1, "%" }, {}
};
/* clang-format on */

/* The names are part of the stored format. */
static const struct {
	const char *name;
	double factor;
	const struct multiple *multiples;
} units[] = {
	[RESCORE_COUNT]		= { "count", 1, counts },
	[RESCORE_BYTES]		= { "bytes", 1, bytes },
	[RESCORE_PAGES]		= { "pages", 4096, bytes },
	[RESCORE_NSEC]		= { "ns", 1e-9, seconds },
	[RESCORE_PERCENT]	= { "percent", 1, percents },
};

#define NR_UNITS (sizeof(units) / sizeof(units[0]))

const char *unit_name(unsigned int unit)
{
	return unit < NR_UNITS ? units[unit].name : NULL;
}

int unit_find(const char *name)
{
	for (size_t i = 0; i < NR_UNITS; i++)
		if (!strcmp(units[i].name, name))
			return (int)i;
	return -1;
}

struct unit_scale unit_scale(unsigned int unit, double top)
{
	struct unit_scale scale = { .factor = 1, .divisor = 1, .label = "" };
	const struct multiple *m;

	if (unit >= NR_UNITS)
		return scale;

	scale.factor = units[unit].factor;
	m = units[unit].multiples;
	while (m[1].label && fabs(top) * scale.factor >= m[1].divisor)
		m++;
	scale.divisor = m->divisor;
	scale.label = m->label;

	return scale;
}

const char *unit_format(double value, unsigned int unit, char *buf, size_t size)
{
	struct unit_scale scale = unit_scale(unit, value);
	double scaled = value * scale.factor / scale.divisor;
	const char *space = *scale.label ? " " : "";
	int digits = 0;

	if (!isfinite(value)) {
		snprintf(buf, size, "–");
		return buf;
	}
	/* Three digits tell enough; a whole number needs no fraction. */
	if (scaled != floor(scaled) && fabs(scaled) < 1000)
		digits = fabs(scaled) < 10 ? 2 : fabs(scaled) < 100 ? 1 : 0;
	snprintf(buf, size, "%.*f%s%s", digits, scaled, space, scale.label);

	return buf;
}
