// SPDX-License-Identifier: GPL-2.0
/* Containers: make, find, attach, destroy. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* RCU and deferred fput() give charges back a little late. */
#define DRAIN_MS	5000
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

int rescore_find(const struct rescore *rs, const char *name)
{
	unsigned int slot;

	for (slot = 1; slot < rs->meta->nr_slots; slot++)
		if (rs->containers[slot].state == RESCORE_LIVE &&
		    !strcmp(rs->containers[slot].name, name))
			return slot;
	return rescore_error(-ENOENT, "no container \"%s\"", name);
}

unsigned int rescore_next(const struct rescore *rs, unsigned int slot)
{
	while (++slot < rs->meta->nr_slots)
		if (rs->containers[slot].state == RESCORE_LIVE)
			return slot;
	return 0;
}

static bool holds_nothing(const struct rescore *rs, unsigned int slot)
{
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++)
		if (rs->table[slot].line[id].held)
			return false;
	return true;
}

void rescore_reap(struct rescore *rs)
{
	unsigned int slot;

	for (slot = 1; slot < rs->meta->nr_slots; slot++)
		if (rs->containers[slot].state == RESCORE_DYING &&
		    holds_nothing(rs, slot))
			rs->containers[slot].state = RESCORE_FREE;
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

static void clear_row(struct rescore *rs, unsigned int slot)
{
	struct rescore_line *line;
	unsigned int id;

	memset(&rs->table[slot], 0, sizeof(rs->table[slot]));
	for (id = 0; id < RESCORE_RESOURCES_MAX; id++) {
		line = &rs->table[slot].line[id];
		line->barrier = RESCORE_UNLIMITED;
		line->limit = RESCORE_UNLIMITED;
	}
}

/* --- cgroups ------------------------------------------------------------------ */

static int count_processes(const char *path, void *arg)
{
	char name[PATH_MAX], line[32];
	FILE *file;

	snprintf(name, sizeof(name), "%s/cgroup.procs", path);
	file = fopen(name, "re");
	while (file && fgets(line, sizeof(line), file))
		++*(int *)arg;
	if (file)
		fclose(file);
	return 0;
}

static int own_cgroup(const char *name, char *path, size_t size)
{
	const char *mount = rescore_cgroup_mount();
	int n = 0;

	if (!mount)
		return rescore_error(-EOPNOTSUPP,
				     "no cgroup v2 file system is mounted");
	snprintf(path, size, "%s/" OWN_CGROUPS, mount);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return rescore_error(-errno, "cannot make %s: %s", path,
				     strerror(errno));
	snprintf(path, size, "%s/" OWN_CGROUPS "/%s", mount, name);
	if (mkdir(path, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return rescore_error(-errno, "cannot make %s: %s", path,
				     strerror(errno));
	/* left over from an `unload --force`: ours if nobody is in it */
	rescore_cgroup_walk(path, count_processes, &n);
	if (n)
		return rescore_error(
			-EBUSY,
			"%s exists and has %d processes: attach it with --cgroup",
			path, n);
	return 0;
}

/* Re-record @path and all below it. -EBUSY: some belong to others. */
static int adopt(struct rescore *rs, const char *path, unsigned int from,
		 unsigned int to, bool dry)
{
	int err;

	rs->meta->adopt_from = from;
	rs->meta->adopt_to = to;
	rs->meta->adopt_dry = dry;
	rs->meta->adopt_changed = 0;
	rs->meta->adopt_foreign = 0;
	rs->meta->adopt_failed = 0;
	err = rescore_run_iter_cgroup("core__adopt", path);
	if (err < 0)
		return err;
	if (rs->meta->adopt_failed)
		return rescore_error(-ENOSPC,
				     "no room to record %u cgroups below %s",
				     rs->meta->adopt_failed, path);
	return 0;
}

static int attach_locked(struct rescore *rs, unsigned int slot,
			 const char *cgroup)
{
	struct rescore_container *container = &rs->containers[slot];
	const char *mount = rescore_cgroup_mount();
	char path[PATH_MAX];
	uint64_t id;
	int err, fd;

	if (container->nr_roots == RESCORE_ROOTS_MAX)
		return rescore_error(
			-ENOSPC,
			"\"%s\" has %d cgroups attached, the most there may be",
			container->name, RESCORE_ROOTS_MAX);
	fd = rescore_cgroup_open(cgroup, path, sizeof(path), &id);
	if (fd < 0)
		return fd;
	close(fd);
	if (mount && !strcmp(path, mount))
		return rescore_error(
			-EINVAL, "\"%s\" is the root cgroup: that is the host",
			cgroup);
	err = adopt(rs, path, 0, slot, true);
	if (err)
		return err;
	if (rs->meta->adopt_foreign)
		return rescore_error(
			-EBUSY,
			"\"%s\" or a cgroup below it belongs to another container",
			cgroup);
	if (!rs->meta->adopt_changed)
		return rescore_error(-EBUSY, "\"%s\" belongs to \"%s\" already",
				     cgroup, container->name);
	err = adopt(rs, path, 0, slot, false);
	if (err) {
		adopt(rs, path, slot, 0, false);
		return err;
	}
	container->roots[container->nr_roots++] = id;
	return rescore_run_adopters(rs);
}

int rescore_attach(struct rescore *rs, unsigned int slot, const char *cgroup)
{
	int err;

	if (!rescore_slot_is_live(rs, slot))
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	err = rescore_lock(rs);
	if (err)
		return err;
	err = attach_locked(rs, slot, cgroup);
	rescore_unlock(rs);
	return err;
}

static int detach_locked(struct rescore *rs, unsigned int slot,
			 const char *cgroup)
{
	struct rescore_container *container = &rs->containers[slot];
	char path[PATH_MAX];
	unsigned int i;
	uint64_t id;
	int err, fd;

	fd = rescore_cgroup_open(cgroup, path, sizeof(path), &id);
	if (fd < 0)
		return fd;
	close(fd);
	for (i = 0; i < container->nr_roots; i++)
		if (container->roots[i] == id)
			break;
	if (i == container->nr_roots)
		return rescore_error(-ENOENT,
				     "\"%s\" is not attached to \"%s\"", cgroup,
				     container->name);
	if (i == 0 && (container->flags & RESCORE_OWN_CGROUP))
		return rescore_error(
			-EINVAL,
			"\"%s\" was made for \"%s\" and goes with it: destroy that",
			cgroup, container->name);
	err = adopt(rs, path, slot, 0, false);
	if (err)
		return err;
	container->nr_roots--;
	for (; i < container->nr_roots; i++)
		container->roots[i] = container->roots[i + 1];
	return rescore_run_adopters(rs);
}

int rescore_detach(struct rescore *rs, unsigned int slot, const char *cgroup)
{
	int err;

	if (!rescore_slot_is_live(rs, slot))
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	err = rescore_lock(rs);
	if (err)
		return err;
	err = detach_locked(rs, slot, cgroup);
	rescore_unlock(rs);
	return err;
}

int rescore_cgroup_path(const struct rescore *rs, unsigned int slot,
			unsigned int i, char *ret_path, size_t size)
{
	if (!rescore_slot_is_live(rs, slot) ||
	    i >= rs->containers[slot].nr_roots)
		return rescore_error(-ENOENT, "no such cgroup");
	return rescore_cgroup_path_of(rs->containers[slot].roots[i], ret_path,
				      size);
}

/* Calls @fn for every cgroup of the container; removed ones are passed over. */
static int for_each_cgroup(const struct rescore *rs, unsigned int slot,
			   int (*fn)(const char *path, void *arg), void *arg)
{
	char path[PATH_MAX];
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < rs->containers[slot].nr_roots; i++)
		if (!rescore_cgroup_path(rs, slot, i, path, sizeof(path)))
			err = rescore_cgroup_walk(path, fn, arg);
	return err;
}

int rescore_nr_processes(const struct rescore *rs, unsigned int slot)
{
	int n = 0, err;

	if (!rescore_slot_is_live(rs, slot))
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	err = for_each_cgroup(rs, slot, count_processes, &n);
	return err ?: n;
}

/* --- create ---------------------------------------------------------------------- */

static int create_locked(struct rescore *rs, const char *name,
			 const char *cgroup)
{
	struct rescore_container *container;
	char path[PATH_MAX];
	struct timespec now;
	unsigned int slot;
	int err;

	if (rescore_find(rs, name) >= 0)
		return rescore_error(-EEXIST, "container \"%s\" exists already",
				     name);
	rescore_reap(rs);
	slot = free_slot(rs, name);
	if (!slot)
		return rescore_error(
			-ENOSPC,
			"no room for \"%s\": all %u slots are taken (`load --containers` sets how many there are)",
			name, rs->meta->nr_slots - 1);
	if (!cgroup) {
		err = own_cgroup(name, path, sizeof(path));
		if (err)
			return err;
	}
	clear_row(rs, slot);
	clock_gettime(CLOCK_REALTIME, &now);
	container = &rs->containers[slot];
	*container = (struct rescore_container){
		.serial = rs->meta->next_serial++,
		.created_ns = now.tv_sec * 1000000000ULL + now.tv_nsec,
		.flags = cgroup ? 0 : RESCORE_OWN_CGROUP,
	};
	snprintf(container->name, sizeof(container->name), "%s", name);
	err = attach_locked(rs, slot, cgroup ?: path);
	if (err) {
		if (!cgroup)
			rmdir(path);
		return err;
	}
	__atomic_store_n(&container->state, RESCORE_LIVE, __ATOMIC_RELEASE);
	return slot;
}

int rescore_create(struct rescore *rs, const char *name, const char *cgroup)
{
	int ret;

	ret = rescore_check_name(name);
	ret = ret ?: rescore_lock(rs);
	if (ret)
		return ret;
	ret = create_locked(rs, name, cgroup);
	rescore_unlock(rs);
	return ret;
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
		if (rs->table[slot].line[id].held)
			return rescore_error(
				-EBUSY,
				"\"%s\" still holds %lld %s (in use outside it?): --force destroys it all the same",
				rs->containers[slot].name,
				(long long)rs->table[slot].line[id].held,
				rs->registry[id].name);
	return 0;
}

static int remove_cgroup(const char *path, void *arg)
{
	(void)arg;
	return rmdir(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* The last processes' exit is seen in cgroup.procs before rmdir allows it. */
static int remove_own_cgroup(const char *path)
{
	int64_t end = rescore_now_ms() + DRAIN_MS;
	int err;

	while ((err = rescore_cgroup_walk(path, remove_cgroup, NULL)) ==
	       -EBUSY) {
		if (rescore_now_ms() > end)
			break;
		rescore_nap();
	}
	return err ? rescore_error(err, "cannot remove %s: %s", path,
				   strerror(-err)) :
		     0;
}

static int release_roots(struct rescore *rs, unsigned int slot)
{
	struct rescore_container *container = &rs->containers[slot];
	char path[PATH_MAX];
	unsigned int i;
	int err;

	for (i = 0; i < container->nr_roots; i++) {
		if (rescore_cgroup_path(rs, slot, i, path, sizeof(path)))
			continue;
		if (i == 0 && (container->flags & RESCORE_OWN_CGROUP))
			err = remove_own_cgroup(path);
		else
			err = adopt(rs, path, slot, 0, false);
		if (err)
			return err;
	}
	return rescore_run_adopters(rs);
}

static int destroy_locked(struct rescore *rs, unsigned int slot, bool force)
{
	struct rescore_container *container = &rs->containers[slot];
	int n, err = 0;

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
	err = release_roots(rs, slot);
	if (err)
		return err;
	container->state = RESCORE_DYING;
	rescore_reap(rs);
	return 0;
}

int rescore_destroy(struct rescore *rs, unsigned int slot, bool force)
{
	int err;

	if (!rescore_slot_is_live(rs, slot))
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	err = rescore_lock(rs);
	if (err)
		return err;
	err = destroy_locked(rs, slot, force);
	rescore_unlock(rs);
	return err;
}
