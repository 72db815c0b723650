/* SPDX-License-Identifier: GPL-2.0 */
/*
 * meta.json of one series: which container it is, which resources are in which
 * files, and the last changes of their bounds. It makes the directory readable
 * without rescore, on any machine.
 */
#ifndef RSTAT_META_H
#define RSTAT_META_H

#include <stdbool.h>
#include <stdint.h>

#include <rescore/abi.h>

#include "file.h"

#define META_FILE	"meta.json"
#define META_VERSION	1

/*
 * Resources of one set of files. 26 × 3 data sources in cap.rrd stay below the
 * 80 up to which rrdcached's FETCH works (rrdtool issue 782).
 */
#define META_SET_MAX	26
#define META_SETS_MAX	8
#define META_CHANGES_MAX 16

/* Resource names that fit a data source's 19 characters with "_held". */
#define META_RES_NAME_MAX 14

struct bounds {
	int64_t barrier;	/* RESCORE_UNLIMITED: none */
	int64_t limit;
};

/* From stamp on, until the next. */
struct bounds_change {
	int64_t stamp;
	struct bounds bounds;
};

struct meta_resource {
	char name[RESCORE_RES_NAME_LEN];
	unsigned int unit;	/* enum rescore_unit */
	unsigned int held_unit;	/* + 1, where it is another one; else 0 */
	unsigned int peak_unit;	/* the same */
	bool no_ceiling;	/* its bounds are none for held */
	unsigned int nr_changes; /* oldest first */
	struct bounds_change change[META_CHANGES_MAX];
};

struct meta_set {
	unsigned int nr;
	struct meta_resource resource[META_SET_MAX];
};

/* A container: one that is made again has another serial. */
struct container_id {
	char name[RESCORE_NAME_LEN];
	uint64_t serial;
	int64_t created;	/* seconds since 1970 */
};

struct meta {
	struct container_id id;
	int64_t first;		/* stamp of the first sample */
	int step;		/* seconds; of use.rrd and peak.rrd */
	int cap_step;		/* of cap.rrd */
	unsigned int nr_sets;
	struct meta_set *set;	/* [META_SETS_MAX] */
};

int meta_init(struct meta *meta);	/* 0 or -ENOMEM */
void meta_free(struct meta *meta);

/* -EPROTO: not ours, damaged or of a newer version; see failure(). */
int meta_parse(const struct blob *json, struct meta *ret_meta);
int meta_format(const struct meta *meta, struct blob *ret_json);

/* The newest resource of this name, or NULL; its place, unless NULL. */
struct meta_resource *meta_find(const struct meta *meta, const char *name,
				unsigned int *ret_set);

/*
 * CPU time is a sum that only grows: what it grows by is a percentage of one
 * CPU, and that is what is drawn and summed up.
 */
bool meta_held_grows(const struct meta_resource *resource);
/* Of held as it is shown, and of peak. */
unsigned int meta_shown_unit(const struct meta_resource *resource);
/* Are the bounds in the unit that is shown? */
bool meta_bounds_shown(const struct meta_resource *resource);
/* Can what is shown meet them? Not with a guarantee. */
bool meta_bounds_met(const struct meta_resource *resource);

/*
 * Resource @name with this unit, added to the last set made for it when there
 * is none: files on disk cannot get new columns, so what turns up later goes
 * into files of its own. @fresh_set is the first set that has no files yet.
 * NULL: META_SETS_MAX are full.
 */
struct meta_resource *meta_add(struct meta *meta, const char *name,
			       unsigned int unit, unsigned int fresh_set);

/* Append; the oldest change falls out. True if something was added. */
bool meta_change(struct meta_resource *resource,
		 const struct bounds_change *change);

#endif /* RSTAT_META_H */
