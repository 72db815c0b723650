/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The layout of a store, version 1. Changing anything here or in meta.c makes
 * another version.
 *
 *   DIR/store.json			version, step of every series
 *   DIR/host.json			what the machine has; see host.h
 *   DIR/rrdcached			address of the daemon that writes, if any
 *   DIR/.lock				held by the collector
 *   DIR/XX/NAME@SERIAL/meta.json	see meta.h
 *			use.rrd		R_held, R_fail of each resource R
 *			peak.rrd	R_peak
 *			cap.rrd		R_bar, R_lim, R_max
 *
 * XX: FNV-1a of the name folded to 8 bits, so that no directory grows large.
 * NAME: percent-encoded. SERIAL: followed by ".2", ".3" … where a container
 * of another creation time has the same serial (rescore was loaded anew).
 * Resources that came later are in use2.rrd, peak2.rrd, cap2.rrd, and so on.
 *
 * A sample taken at time t is stamped t - t % step. held, peak: the value;
 * fail: refusals per second; bar, lim: unknown when unlimited; max: maxheld.
 */
#ifndef RSTAT_LAYOUT_H
#define RSTAT_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "meta.h"

enum layout_kind { LAYOUT_USE, LAYOUT_PEAK, LAYOUT_CAP, LAYOUT_KINDS };

#define LAYOUT_COLUMNS_MAX 3

struct layout_column {
	const char *suffix;	/* of the resource's name */
	const char *type;	/* of the data source */
};

struct layout_file {
	const char *stem;
	const char *cf;		/* consolidation function */
	const char *xff;	/* part of a row that may be unknown */
	int nr_columns;
	struct layout_column column[LAYOUT_COLUMNS_MAX];
};

extern const struct layout_file layout_files[LAYOUT_KINDS];

/* Divisors of an hour: rows of every file then begin on the same seconds. */
bool layout_step_ok(int step);
/* An hour, or 60 steps if that is less: a short run gets its lines too. */
int layout_cap_step(int step);
int layout_step(enum layout_kind kind, int step);
/* A longer silence than this is a gap. */
int layout_heartbeat(int file_step);

bool layout_name_ok(const char *resource);

#define LAYOUT_FILE_LEN 24
/* "use.rrd", "use2.rrd": @set counts from 0. */
const char *layout_file_name(enum layout_kind kind, unsigned int set,
			     char buf[LAYOUT_FILE_LEN]);

struct layout_rra {
	int steps;		/* per row */
	int rows;
};

#define LAYOUT_RRAS_MAX 5
/* The archives of a file; returns how many. */
int layout_rras(enum layout_kind kind, int step,
		struct layout_rra ret_rra[LAYOUT_RRAS_MAX]);

#endif /* RSTAT_LAYOUT_H */
