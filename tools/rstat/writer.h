/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The processes that write. librrd maps its files, so a full disk or a damaged
 * file can kill it with SIGBUS; the collector then still has the samples, and
 * the next writer tries again. Each flush is a fork: the child has the samples
 * as they were at that moment, and the collector goes on sampling. With
 * store->cached set, samples go to that rrdcached.
 */
#ifndef RSTAT_WRITER_H
#define RSTAT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "batch.h"
#include "store.h"

struct writer_shared;

#define WRITERS_MAX	4

struct writer {
	const struct store *store;
	pid_t pid[WRITERS_MAX];	/* 0: it has ended */
	unsigned int running;
	unsigned int parts;	/* each takes every parts-th series */
	struct series **series;	/* what it writes, in this order */
	size_t nr;
	struct writer_shared *shared;
	size_t shared_size;
	bool daemon_complained;	/* it was said that rrdcached is gone */
	uint64_t rows_stored;	/* samples of containers, ever */
};

/*
 * Start children for all that waits: one, or one per CPU for many series, since
 * threads of one process would be slower than none (librrd maps and unmaps
 * files all the time). Nothing waits: no child. 0 or -errno.
 */
int writer_start(struct writer *writer, struct batch *batch);

/*
 * Take over what the children have done. @wait: until they end. False: they
 * still run. Series must not be freed in between.
 */
bool writer_reap(struct writer *writer, bool wait);

/* They are in the way of ending the program. */
void writer_kill(struct writer *writer);

#endif /* RSTAT_WRITER_H */
