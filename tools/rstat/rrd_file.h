/* SPDX-License-Identifier: GPL-2.0 */
/* The files of a series: there, or made. For the writer's process. */
#ifndef RSTAT_RRD_FILE_H
#define RSTAT_RRD_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "rows.h"
#include "store.h"

struct rrd_file_state {
	bool fresh;	/* made just now */
	uint64_t identity;	/* another file has another; 0: not known */
};

/*
 * File @name of the set of @map, in the working directory, which is @dir. Where
 * there is none it is made, to begin before @first, the stamp of the oldest row
 * to come. -EINVAL: something else has the name; -ENOSPC: there is no room for
 * it.
 */
int rrd_file_ensure(const struct series_dir *dir, const struct set_map *map,
		    enum layout_kind kind, int step, int64_t first,
		    const char *name, struct rrd_file_state *ret);

#endif /* RSTAT_RRD_FILE_H */
