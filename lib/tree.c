// SPDX-License-Identifier: GPL-2.0
/*
 * Trees of limits. A container's parent is a slot, kept in the container for us
 * and in each of its lines for the programs.
 */
#include <errno.h>

#include "internal.h"

bool rescore_is_below(const struct rescore *rs, unsigned int slot,
		      unsigned int above)
{
	int level;

	for (level = 1; slot && above && level < RESCORE_LEVELS_MAX; level++) {
		slot = rs->containers[slot].parent;
		if (slot == above)
			return true;
	}
	return false;
}

/* 1 for one without a parent. */
static unsigned int level_of(const struct rescore *rs, unsigned int slot)
{
	unsigned int level = 0;

	for (; slot && level <= RESCORE_LEVELS_MAX;
	     slot = rs->containers[slot].parent)
		level++;
	return level;
}

int rescore_check_parent(const struct rescore *rs, unsigned int parent,
			 unsigned int levels)
{
	if (!parent)
		return 0;
	if (!rescore_slot_is_live(rs, parent))
		return rescore_error(-ENOENT, "no container in slot %u",
				     parent);
	if (level_of(rs, parent) + levels > RESCORE_LEVELS_MAX)
		return rescore_error(
			-E2BIG,
			"there would be more than %d levels below each other under \"%s\"",
			RESCORE_LEVELS_MAX, rs->containers[parent].name);
	return 0;
}

int rescore_check_childless(const struct rescore *rs, unsigned int slot)
{
	const char *one = NULL;
	unsigned int child = 0, n = 0;

	while ((child = rescore_next(rs, child)))
		if (rs->containers[child].parent == slot) {
			one = rs->containers[child].name;
			n++;
		}
	if (n)
		return rescore_error(
			-EBUSY,
			"\"%s\" has %u container%s below it (\"%s\"): destroy or move %s first",
			rs->containers[slot].name, n, n == 1 ? "" : "s", one,
			n == 1 ? "that" : "those");
	return 0;
}

/* Levels from @slot down to the deepest below it; 1: none is. */
static unsigned int height_of(const struct rescore *rs, unsigned int slot)
{
	unsigned int below = 0, height = 1, levels;

	while ((below = rescore_next(rs, below))) {
		if (!rescore_is_below(rs, below, slot))
			continue;
		levels = level_of(rs, below) - level_of(rs, slot) + 1;
		if (levels > height)
			height = levels;
	}
	return height;
}

static int check_holds_nothing(const struct rescore *rs, unsigned int slot)
{
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++)
		if (rescore_holds(rs, slot, id))
			return rescore_error(
				-EBUSY,
				"\"%s\" holds %lld %s, which are counted above it: only an empty container can be moved",
				rs->containers[slot].name,
				(long long)rs->table[slot].line[id].held,
				rs->registry[id].name);
	return 0;
}

static void write_parent(struct rescore *rs, unsigned int slot,
			 unsigned int parent)
{
	unsigned int id;

	rs->containers[slot].parent = parent;
	for (id = 0; id < RESCORE_REGISTERED_MAX; id++)
		__atomic_store_n(&rs->table[slot].line[id].parent, parent,
				 __ATOMIC_SEQ_CST);
}

static int set_parent_locked(struct rescore *rs, unsigned int slot,
			     unsigned int parent)
{
	struct rescore_container *container = &rs->containers[slot];
	unsigned int old = container->parent;
	int err;

	if (parent == slot || rescore_is_below(rs, parent, slot))
		return rescore_error(-ELOOP, "\"%s\" cannot be below itself",
				     container->name);
	err = rescore_check_parent(rs, parent, height_of(rs, slot));
	err = err ?: check_holds_nothing(rs, slot);
	if (err)
		return err;
	write_parent(rs, slot, parent);
	/* a process that came in meanwhile was charged as before */
	err = check_holds_nothing(rs, slot);
	err = err ?: ct_limits_changed(rs, slot);
	if (err)
		write_parent(rs, slot, old);
	rescore_set_gate(rs, slot);
	return err;
}

int rescore_set_parent(struct rescore *rs, unsigned int slot,
		       unsigned int parent)
{
	int err = rescore_lock_slot(rs, slot);

	if (err)
		return err;
	err = set_parent_locked(rs, slot, parent);
	rescore_unlock(rs);
	return err;
}
