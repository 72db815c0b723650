/* SPDX-License-Identifier: GPL-2.0 */
/* Units of resources: how they are stored by name, scaled and printed. */
#ifndef RSTAT_UNIT_H
#define RSTAT_UNIT_H

#include <stddef.h>

/* "count", "bytes", …: as in meta.json; NULL for a number that is no unit. */
const char *unit_name(unsigned int unit);
/* enum rescore_unit, or -1. */
int unit_find(const char *name);

/* A readable multiple of a unit: values × factor ÷ divisor are in "MiB". */
struct unit_scale {
	double factor;		/* stored value to the base unit (4096, 1e-9) */
	double divisor;
	const char *label;	/* "MiB"; "" for plain counts */
};

/* The multiple that suits values up to @top (as stored). */
struct unit_scale unit_scale(unsigned int unit, double top);

/* "5.37 GiB", "12", "–" when not a number. */
const char *unit_format(double value, unsigned int unit, char *buf,
			size_t size);

#endif /* RSTAT_UNIT_H */
