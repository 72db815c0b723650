// SPDX-License-Identifier: GPL-2.0
#include "line.h"
#include "tree.h"

static unsigned int parent_of(const struct rescore *rs, unsigned int slot)
{
	const struct rescore_container *container = rescore_container(rs, slot);

	return container ? container->parent : 0;
}

int64_t line_left(const struct rescore_resource *resource,
		  const struct rescore_line *line)
{
	int64_t bound = line_ceiling(resource, line);

	if (bound == RESCORE_UNLIMITED)
		return RESCORE_UNLIMITED;
	if (line->held >= bound)
		return 0;
	return line->held < 0 ? bound : bound - line->held;
}

unsigned int tight_level(const struct rescore *rs, unsigned int slot,
			 unsigned int id, struct rescore_line *ret_line)
{
	const struct rescore_resource *resource = rescore_resource(rs, id);
	unsigned int above = slot, tight = 0, level;
	struct rescore_line line;
	int64_t least;

	if (rescore_read(rs, slot, id, &line))
		return 0;
	least = line_left(resource, &line);
	for (level = 1; level < RESCORE_LEVELS_MAX; level++) {
		above = parent_of(rs, above);
		if (!above || rescore_read(rs, above, id, &line))
			break;
		if (line_left(resource, &line) >= least)
			continue;
		least = line_left(resource, &line);
		tight = above;
		*ret_line = line;
	}
	return tight;
}

unsigned int tree_depth(const struct rescore *rs, unsigned int slot)
{
	unsigned int depth = 0;

	while (depth < RESCORE_LEVELS_MAX && (slot = parent_of(rs, slot)))
		depth++;
	return depth;
}

/* The first container after @slot, by number, that is right below @parent. */
static unsigned int next_child(const struct rescore *rs, unsigned int parent,
			       unsigned int slot)
{
	while ((slot = rescore_next(rs, slot)))
		if (parent_of(rs, slot) == parent)
			return slot;
	return 0;
}

unsigned int tree_next(const struct rescore *rs, unsigned int slot)
{
	unsigned int next = next_child(rs, slot, 0);

	while (!next && slot) {
		next = next_child(rs, parent_of(rs, slot), slot);
		slot = parent_of(rs, slot);
	}
	return next;
}
