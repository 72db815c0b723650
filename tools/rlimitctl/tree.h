/* SPDX-License-Identifier: GPL-2.0 */
/* What a tree of limits leaves to a container. */
#ifndef RLIMITCTL_TREE_H
#define RLIMITCTL_TREE_H

#include "librescore.h"

/* What may still be charged up to line_bound(): >= 0, or RESCORE_UNLIMITED. */
int64_t line_left(const struct rescore_resource *resource,
		  const struct rescore_line *line);

/*
 * The container above @slot that leaves it less of resource @id than its own
 * bound does: its slot and line, or 0.
 */
unsigned int tight_level(const struct rescore *rs, unsigned int slot,
			 unsigned int id, struct rescore_line *ret_line);

/* 0 for a container that is below none. */
unsigned int tree_depth(const struct rescore *rs, unsigned int slot);

/*
 * The container after @slot (0: the first) when each comes before those below
 * it; 0: that was the last.
 */
unsigned int tree_next(const struct rescore *rs, unsigned int slot);

#endif /* RLIMITCTL_TREE_H */
