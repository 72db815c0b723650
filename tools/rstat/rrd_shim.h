/* SPDX-License-Identifier: GPL-2.0 */
/*
 * librrd, loaded when it is needed: it brings in cairo, pango and 45 more. All
 * calls are for single-threaded child processes, since librrd maps the file
 * (a full disk is a SIGBUS) and parses times in static memory.
 *
 * Return 0 or a negative errno, with the message in failure(). A file that
 * another process has locked is tried again for about a second.
 */
#ifndef RSTAT_RRD_SHIM_H
#define RSTAT_RRD_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include "file.h"

/* -ENOENT: not installed. The other calls do this first by themselves. */
int rrd_shim_load(void);

/* @arg: "DS:…" and "RRA:…". Never replaces a file. */
int rrd_shim_create(const char *file, int step, int64_t start, int argc,
		    const char **arg);

/*
 * @arg: "stamp:v:v…", values in the order of @columns, "name:name…"; NULL: in
 * that of the file.
 */
int rrd_shim_update(const char *file, const char *columns, int argc,
		    const char **arg);

/* "name:name…" of the data sources, in their order; to be freed. */
int rrd_shim_columns(const char *file, char **ret_columns);

int rrd_shim_last(const char *file, int64_t *ret_stamp);

/* Row i of column c, data[i * columns + c], ends at from + (i + 1) * step. */
struct rrd_table {
	int64_t from;
	int64_t to;
	int64_t step;
	size_t rows;
	size_t columns;
	char **name;
	double *data;
};

/* @step: the finest wanted; what is stored may be coarser. */
int rrd_shim_fetch(const char *file, const char *cf, int64_t from, int64_t to,
		   int64_t step, struct rrd_table *ret_table);
void rrd_table_free(struct rrd_table *table);
/* -1: no such column. */
int rrd_table_column(const struct rrd_table *table, const char *name);
/* Of the row that covers the time up to @stamp; NAN: none, or not known. */
double rrd_table_value(const struct rrd_table *table, int column,
		       int64_t stamp);

/* Draw what @arg says; arg[0] is any word, arg[1] must be "-". */
int rrd_shim_graph(int argc, const char **arg, struct blob *ret_image);

/* Times as rrdtool takes them: "1732400000", "-2h", "10:00 yesterday"; or "yesterday". */
int rrd_shim_times(const char *from, const char *to, int64_t *ret_from,
		   int64_t *ret_to);

#endif /* RSTAT_RRD_SHIM_H */
