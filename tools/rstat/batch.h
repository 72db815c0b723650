/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Samples that wait in memory to be written, and what the collector remembers
 * of each container between rounds.
 */
#ifndef RSTAT_BATCH_H
#define RSTAT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "source.h"

/* Rounds kept while the disk is full or a file is damaged; then the oldest go. */
#define BATCH_ROUNDS_MAX 60

/* In place of a value that could not be read; UBC has none below 0. */
#define CELL_UNKNOWN	INT64_MIN

/* 10,000 containers × 24 resources × 5 rounds of these are 29 MB. */
struct cell {
	int64_t held;		/* CELL_UNKNOWN: the others mean nothing */
	int64_t peak;
	uint64_t failcnt;
};

struct cap_cell {
	bool known;
	struct bounds bounds;
	int64_t maxheld;
};

struct pending_change {
	unsigned int resource;	/* index in the schema */
	struct bounds_change change;
};

/* Rows of nr_resources cells, oldest first. */
struct cells {
	size_t nr;
	size_t room;
	int64_t *stamp;
	void *data;
};

/* Sets of files that are remembered: 52 resources have two. */
#define BATCH_SETS	2

/* One container; another schema makes another series of the same container. */
struct series {
	struct series *next;
	struct container_id id;
	const struct schema *schema;
	unsigned int slot;
	int64_t last_seen;	/* stamp */

	struct cells use;	/* of struct cell */
	struct cells cap;	/* of struct cap_cell */
	struct bounds *bounds;	/* now, by resource; limit < 0: never seen */
	struct pending_change *change;
	size_t nr_changes;
	size_t changes_room;

	/*
	 * Peaks found at start: of the time since an earlier collector's last
	 * sample. The writer adds them to the first row if that was just now.
	 */
	int64_t *carried;

	/*
	 * The newest stamps that are stored, or that rrdcached has taken. 0: not
	 * known, the file says it.
	 */
	int64_t sent_use, sent_cap;
	bool plain;	/* meta.json is what the schema makes of it, and more */
	/* Files that have taken rows with the names of their columns; 0: none. */
	uint64_t identity[BATCH_SETS][LAYOUT_KINDS];

	uint32_t complaint;	/* hash of the last error that was printed */
	bool crashed;		/* killed a writer, which was not since repaired */
	uint64_t dropped;	/* rows lost because they could not be written */
};

struct batch {
	struct series *series;	/* in the order of their first round */
	struct series *last;
	struct series **by_slot;
	size_t nr_slots;
	int cap_step;
};

void batch_init(struct batch *batch, int step);
void batch_free(struct batch *batch);

/* Add one container's readings. 0 or -ENOMEM. */
int batch_add(struct batch *batch, unsigned int slot,
	      const struct container_id *id, const struct schema *schema,
	      const struct reading *readings, int64_t stamp);

/* The same before the first round: keeps the peaks only. */
int batch_carry(struct batch *batch, unsigned int slot,
		const struct container_id *id, const struct schema *schema,
		const struct reading *readings);

/* What is stamped up to @stamp is stored. Call before series_written(): */
void series_sent(struct series *series, int64_t stamp);
/* Forget what is stamped up to, or from, @stamp on. */
void series_written(struct series *series, int64_t stamp);
void batch_forget_from(struct batch *batch, int64_t stamp);

/* Free what waits for nothing and was not seen since @stamp. */
void batch_reap(struct batch *batch, int64_t stamp);

bool series_pending(const struct series *series);
const struct cell *series_row(const struct series *series, size_t i);
const struct cap_cell *series_cap_row(const struct series *series, size_t i);

#endif /* RSTAT_BATCH_H */
