/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where samples come from. The collector sees only this, so that the store can
 * be tested without a kernel.
 */
#ifndef RSTAT_SOURCE_H
#define RSTAT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <rescore/abi.h>

#include "live.h"
#include "meta.h"

/* What the values of a reading are, in their order. Never changes once made. */
struct schema {
	unsigned int nr;
	struct {
		char name[RESCORE_RES_NAME_LEN];
		unsigned int unit;	/* enum rescore_unit, of the bounds */
		unsigned int held_unit;	/* + 1, where it is another; or 0 */
		unsigned int peak_unit;
		bool no_ceiling;	/* bounds that nothing will meet */
	} resource[RESCORE_RESOURCES_MAX];
};

/* One resource of one container at one moment. */
struct reading {
	int64_t held;
	int64_t maxheld;
	int64_t peak;		/* highest held since the last reading */
	uint64_t failcnt;
	struct bounds bounds;
	bool known;		/* else the rest means nothing */
};

/* @slot tells containers that exist together apart; a small number. */
typedef int (*source_sink)(void *arg, unsigned int slot,
			   const struct container_id *id,
			   const struct schema *schema,
			   const struct reading *readings);

struct source {
	/*
	 * Read every container once and hand it to @sink, whose non-zero
	 * result ends the round. A schema lives as long as the source. -ENOENT:
	 * there is nothing to read for now; failure() says why.
	 */
	int (*round)(struct source *source, source_sink sink, void *arg);
	/*
	 * Refusals, as those of struct live_source, of what was loaded at
	 * loaded() (0: nothing is); both NULL where there are none.
	 */
	int (*event)(struct source *source, uint64_t *cursor,
		     struct live_event *ret_event, uint64_t *ret_lost);
	int64_t (*loaded)(struct source *source);
	void (*close)(struct source *source);
};

typedef int (*source_opener)(struct source **ret_source);

/* The loaded rescore. */
int rescore_source_open(struct source **ret_source);
const char *rescore_source_version(void);

#endif /* RSTAT_SOURCE_H */
