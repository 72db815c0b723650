/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table as it is at this moment, for whoever looks at it: show, top,
 * metrics, serve. Looking changes nothing; in contrast to the collector, which
 * takes the peaks. What resources there are is only known from the registry.
 */
#ifndef RSTAT_LIVE_H
#define RSTAT_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rescore/abi.h>

#include "meta.h"

struct live_resource {
	char name[RESCORE_RES_NAME_LEN];
	char controller[RESCORE_CTL_NAME_LEN];
	char help[116];
	char why[112];		/* why it is off */
	unsigned int unit;	/* enum rescore_unit: of the bounds */
	/* Of held, and of maxheld; mostly the same. */
	unsigned int held_unit, peak_unit;
	bool on;
	bool no_ceiling;	/* its bounds are none for held: a guarantee … */
	bool delegated;		/* counted by the kernel, read from time to time */
};

/* One resource of one container. */
struct live_row {
	bool known;		/* else the rest means nothing */
	bool observe;		/* failcnt counts what would have been refused */
	int64_t held;		/* in held_unit */
	int64_t maxheld;	/* in peak_unit */
	struct bounds bounds;
	uint64_t failcnt;
	/*
	 * What is measured against the bound, in unit: held; or what held, a
	 * time, grows by in percent of the time. NAN: not known (trend_add()
	 * fills it in), or nothing of that kind.
	 */
	double usage;
};

struct live_container {
	struct container_id id;
	unsigned int slot;	/* among those that exist together, unique */
	struct live_row *row;	/* one for each resource */
};

/* What the core says about itself; all but the first should stay 0. */
struct live_health {
	uint64_t events;	/* ever reported */
	uint64_t members_lost;
	uint64_t payers_lost;
	uint64_t missed_frees;
	uint64_t underflow;	/* of all rows together */
};

struct live {
	int64_t time_ns;	/* of the reading, since 1970 */
	int64_t loaded_ns;	/* another one: everything began anew */
	/*
	 * When we last brought what the kernel counts into the table: time_ns,
	 * or before it if we may not; then somebody else has to. 0: never.
	 */
	int64_t refreshed_ns;
	struct live_health health;
	unsigned int nr_resources;
	struct live_resource resource[RESCORE_RESOURCES_MAX];
	size_t nr;
	size_t room;		/* containers there is memory for */
	struct live_container *container;	/* by slot */
	struct live_row *row;	/* what container[].row points into */
};

/* One refusal. The texts are copies: the container may be gone. */
struct live_event {
	int64_t loaded_ns;	/* by this and its number it is known again */
	uint64_t seq;		/* also the cursor behind it */
	int64_t time_ns;	/* since 1970 */
	uint64_t serial;	/* of the container */
	char container[RESCORE_NAME_LEN];	/* "": gone when it was read */
	char resource[RESCORE_RES_NAME_LEN];
	unsigned int unit;
	char kind[16];		/* "refused", "observed" … */
	char err[16];		/* "EAGAIN", or "" */
	int64_t held, amount, bound;
	bool limit;		/* bound is the limit, else the barrier */
	unsigned int pid;
	unsigned int suppressed;
	char comm[RESCORE_COMM_LEN + 1];
};

struct live_source {
	/*
	 * Read everything into @live, whose memory is used again. On failure
	 * @live is empty; failure() says why.
	 */
	int (*read)(struct live_source *source, struct live *live);
	/*
	 * The event after *@cursor (from 0: the oldest that is kept): 1; 0 when
	 * there is none. *@ret_lost grows by those overwritten unread.
	 */
	int (*event)(struct live_source *source, uint64_t *cursor,
		     struct live_event *ret_event, uint64_t *ret_lost);
	void (*close)(struct live_source *source);
};

/*
 * The loaded rescore. Follows an unload and load. Tests have another function
 * of this name.
 */
int live_open(struct live_source **ret_source);

struct rescore;
/* The event function of a source whose table is @rs. */
int live_rescore_event(const struct rescore *rs, uint64_t *cursor,
		       struct live_event *ret_event, uint64_t *ret_lost);

/* Room for one container more; its rows are zero. NULL: no memory. */
struct live_container *live_add(struct live *live);
void live_empty(struct live *live);	/* keeps the memory */
void live_free(struct live *live);

const struct live_container *live_find(const struct live *live,
				       const char *name);	/* or NULL */
int live_find_resource(const struct live *live, const char *name); /* or -1 */

/* --- what a row means ----------------------------------------------------- */

/* From here on a row is "near" its bound. */
#define LIVE_NEAR	0.8

enum live_level { LIVE_FINE, LIVE_NEAR_BOUND, LIVE_FULL };

/* Held only grows: CPU time, of which percent are bounded or at least shown. */
bool live_grows(const struct live_resource *resource);
/* Set row->usage from what the row has by itself. */
void live_set_usage(const struct live_resource *resource, struct live_row *row);

/* What use is measured against: the barrier, or the limit if that is 0. */
int64_t live_bound(const struct live_row *row);
/* usage ÷ bound; NAN: unlimited or not known. */
double live_used(const struct live_row *row);
/*
 * What is not as fresh as the rest: how old the rows are that the kernel counts,
 * in nanoseconds; 0: they are not, or there are none. INT64_MAX: nobody knows.
 */
int64_t live_stale(const struct live *live);
enum live_level live_level(const struct live_row *row);
/* Nothing held, nothing bounded, nothing refused. */
bool live_idle(const struct live_row *row);

/* Seconds since 1970, with nanoseconds. */
int64_t live_now_ns(void);

#endif /* RSTAT_LIVE_H */
