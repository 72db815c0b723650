// SPDX-License-Identifier: GPL-2.0
/* Containers: make, find, destroy. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define KILL_MS		10000

bool rescore_slot_is_live(const struct rescore *rs, unsigned int slot)
{
	return slot && slot < rs->meta->nr_slots &&
	       rs->containers[slot].state == RESCORE_LIVE;
}

const struct rescore_container *rescore_container(const struct rescore *rs,
						  unsigned int slot)
{
	return rescore_slot_is_live(rs, slot) ? &rs->containers[slot] : NULL;
}

static void note_found(const struct rescore *rs, unsigned int slot,
		       uint64_t serial, const char *name)
{
	rs->found[slot].serial = serial;
	snprintf(rs->found[slot].name, sizeof(rs->found[slot].name), "%s",
		 name);
}

int rescore_find(const struct rescore *rs, const char *name)
{
	unsigned int slot;
	uint64_t serial;

	for (slot = 1; slot < rs->meta->nr_slots; slot++) {
		/* first: who is in a slot gets it before his name */
		serial = __atomic_load_n(&rs->containers[slot].serial,
					 __ATOMIC_ACQUIRE);
		if (rs->containers[slot].state != RESCORE_LIVE ||
		    strcmp(rs->containers[slot].name, name) != 0)
			continue;
		note_found(rs, slot, serial, name);
		return slot;
	}
	return rescore_error(-ENOENT, "no container \"%s\"", name);
}

int rescore_check_slot(const struct rescore *rs, unsigned int slot)
{
	bool live = rescore_slot_is_live(rs, slot);
	const struct rescore_found_in *found;

	found = slot < rs->meta->nr_slots ? &rs->found[slot] : NULL;
	if (!found || !found->serial)
		return live ? 0 :
			      rescore_error(-ENOENT, "no container in slot %u",
					    slot);
	if (live && rs->containers[slot].serial == found->serial)
		return 0;
	return rescore_error(-ENOENT, "\"%s\" has been destroyed meanwhile",
			     found->name);
}

unsigned int rescore_next(const struct rescore *rs, unsigned int slot)
{
	while (++slot < rs->meta->nr_slots)
		if (rs->containers[slot].state == RESCORE_LIVE)
			return slot;
	return 0;
}

/* What the kernel charges to a cgroup is no business of ours when that is gone. */
bool rescore_holds(const struct rescore *rs, unsigned int slot, unsigned int id)
{
	return rs->table[slot].line[id].held &&
	       !(rs->registry[id].flags & RESCORE_DELEGATED);
}

static bool holds_nothing(const struct rescore *rs, unsigned int slot)
{
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++)
		if (rescore_holds(rs, slot, id))
			return false;
	return true;
}

void rescore_reap(struct rescore *rs)
{
	unsigned int slot;

	for (slot = 1; slot < rs->meta->nr_slots; slot++) {
		if (rs->containers[slot].state != RESCORE_DYING)
			continue;
		if (rs->containers[slot].nr_roots &&
		    rescore_abandon_roots(rs, slot))
			continue;
		if (holds_nothing(rs, slot))
			rs->containers[slot].state = RESCORE_FREE;
	}
}

static unsigned int free_slot(struct rescore *rs, const char *name)
{
	unsigned long number;
	unsigned int slot;
	char *end;

	number = strtoul(name, &end, 10);
	if (!*end && number && number < rs->meta->nr_slots &&
	    rs->containers[number].state == RESCORE_FREE)
		return number;
	for (slot = 1; slot < rs->meta->nr_slots; slot++)
		if (rs->containers[slot].state == RESCORE_FREE)
			return slot;
	return 0;
}

static void clear_row(struct rescore *rs, unsigned int slot,
		      unsigned int parent)
{
	struct rescore_bounds bounds;
	struct rescore_line *line;
	unsigned int id;

	memset(&rs->gauges[slot], 0, sizeof(rs->gauges[slot]));
	memset(&rs->table[slot], 0, sizeof(rs->table[slot]));
	for (id = 0; id < RESCORE_REGISTERED_MAX; id++) {
		line = &rs->table[slot].line[id];
		rescore_initial_bounds(&rs->registry[id], &bounds);
		line->barrier = bounds.barrier;
		line->limit = bounds.limit;
		line->parent = parent;
	}
}

/* --- create ---------------------------------------------------------------------- */

/*
 * Where rescore makes its cgroups: in the one that it made for @parent, so that
 * the kernel's own limits nest as ours do; else in one for all.
 */
static int base_of_cgroups(const struct rescore *rs, unsigned int parent,
			   char *path, size_t size)
{
	const char *mount = rescore_cgroup_mount();

	if (!mount)
		return rescore_error(-EOPNOTSUPP,
				     "no cgroup v2 file system is mounted");
	if (parent && rs->containers[parent].flags & RESCORE_OWN_CGROUP)
		return rescore_cgroup_path(rs, parent, 0, path, size);
	snprintf(path, size, "%s/" OWN_CGROUPS, mount);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return rescore_error(-errno, "cannot make %s: %s", path,
				     strerror(errno));
	return 0;
}

static int own_cgroup(const struct rescore *rs, const char *name,
		      unsigned int parent, char *path, size_t size)
{
	size_t length;
	int err, n = 0;

	err = base_of_cgroups(rs, parent, path, size);
	if (err)
		return err;
	length = strlen(path);
	if ((size_t)snprintf(path + length, size - length, "/%s", name) >=
	    size - length)
		return rescore_error(-ENAMETOOLONG,
				     "the path of \"%s\"'s cgroup is too long",
				     name);
	if (mkdir(path, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return rescore_error(-errno, "cannot make %s: %s", path,
				     strerror(errno));
	/* left over from an `unload --force`: ours if nobody is in it */
	rescore_cgroup_walk(path, rescore_count_processes, &n);
	if (n)
		return rescore_error(
			-EBUSY,
			"%s exists and has %d processes: attach it with --cgroup",
			path, n);
	return 0;
}

static int create_locked(struct rescore *rs, const char *name,
			 const char *cgroup, unsigned int parent)
{
	struct rescore_container *container;
	char path[PATH_MAX];
	struct timespec now;
	unsigned int slot;
	int err;

	if (rescore_find(rs, name) >= 0)
		return rescore_error(-EEXIST, "container \"%s\" exists already",
				     name);
	err = rescore_check_parent(rs, parent, 1);
	if (err)
		return err;
	rescore_reap(rs);
	slot = free_slot(rs, name);
	if (!slot)
		return rescore_error(
			-ENOSPC,
			"no room for \"%s\": all %u slots are taken (`load --containers` sets how many there are)",
			name, rs->meta->nr_slots - 1);
	if (!cgroup) {
		err = own_cgroup(rs, name, parent, path, sizeof(path));
		if (err)
			return err;
	}
	clear_row(rs, slot, parent);
	clock_gettime(CLOCK_REALTIME, &now);
	container = &rs->containers[slot];
	*container = (struct rescore_container){
		.serial = rs->meta->next_serial++,
		.created_ns = now.tv_sec * 1000000000ULL + now.tv_nsec,
		.state = RESCORE_DYING,	/* as if it were, until it is whole */
		.flags = cgroup ? 0 : RESCORE_OWN_CGROUP,
		.parent = parent,
	};
	snprintf(container->name, sizeof(container->name), "%s", name);
	note_found(rs, slot, container->serial, name);
	err = rescore_attach_locked(rs, slot, cgroup ?: path);
	if (err) {
		if (!cgroup)
			rmdir(path);
		rescore_reap(rs);
		return err;
	}
	rescore_set_gate(rs, slot);
	__atomic_store_n(&container->state, RESCORE_LIVE, __ATOMIC_RELEASE);
	rescore_prime(rs, slot);
	return slot;
}

int rescore_create_below(struct rescore *rs, const char *name,
			 const char *cgroup, unsigned int parent)
{
	int ret;

	ret = rescore_check_name(name);
	ret = ret ?: rescore_lock(rs);
	if (ret)
		return ret;
	ret = create_locked(rs, name, cgroup, parent);
	rescore_unlock(rs);
	return ret;
}

int rescore_create(struct rescore *rs, const char *name, const char *cgroup)
{
	return rescore_create_below(rs, name, cgroup, 0);
}

/* --- destroy ------------------------------------------------------------------------ */

static int wait_empty(const struct rescore *rs, unsigned int slot)
{
	int64_t end = rescore_now_ms() + KILL_MS;

	while (rescore_nr_processes(rs, slot) > 0) {
		if (rescore_now_ms() > end)
			return rescore_error(-EBUSY,
					     "processes of \"%s\" do not die",
					     rs->containers[slot].name);
		rescore_kill((struct rescore *)rs, slot, 9);
		rescore_nap();
	}
	return 0;
}

static bool wait_drained(const struct rescore *rs, unsigned int slot)
{
	int64_t end = rescore_now_ms() + DRAIN_MS;

	while (!holds_nothing(rs, slot)) {
		if (rescore_now_ms() > end)
			return false;
		rescore_nap();
	}
	return true;
}

static int still_charged(const struct rescore *rs, unsigned int slot)
{
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++)
		if (rescore_holds(rs, slot, id))
			return rescore_error(
				-EBUSY,
				"\"%s\" still holds %lld %s (in use outside it?): --force destroys it all the same",
				rs->containers[slot].name,
				(long long)rs->table[slot].line[id].held,
				rs->registry[id].name);
	return 0;
}

int rescore_destroy_locked(struct rescore *rs, unsigned int slot, bool force)
{
	struct rescore_container *container = &rs->containers[slot];
	int n, err = 0;

	err = rescore_check_childless(rs, slot);
	if (err)
		return err;
	n = rescore_nr_processes(rs, slot);
	if (n < 0)
		return n;
	if (n && !force)
		return rescore_error(
			-EBUSY,
			"\"%s\" has %d processes: kill them first, or --force",
			container->name, n);
	if (n)
		err = wait_empty(rs, slot);
	if (err)
		return err;
	if (!wait_drained(rs, slot) && !force) {
		err = still_charged(rs, slot);
		if (err)
			return err;
	}
	err = rescore_release_roots(rs, slot);
	if (err)
		return err;
	container->state = RESCORE_DYING;
	rescore_reap(rs);
	return 0;
}

int rescore_destroy(struct rescore *rs, unsigned int slot, bool force)
{
	int err = rescore_lock_slot(rs, slot);

	if (err)
		return err;
	err = rescore_destroy_locked(rs, slot, force);
	rescore_unlock(rs);
	return err;
}
