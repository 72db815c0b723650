// SPDX-License-Identifier: GPL-2.0
/* The cgroups of a container: attach, detach, walk, give back. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

int rescore_count_processes(const char *path, void *arg)
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
	err = rescore_run_iter_cgroup("core__adopt", path, false);
	if (err < 0)
		return err;
	if (rs->meta->adopt_failed)
		return rescore_error(-ENOSPC,
				     "no room to record %u cgroups below %s",
				     rs->meta->adopt_failed, path);
	return 0;
}

/* Whose a cgroup is when it is let go: its parent directory's. */
static unsigned int owner_above(const struct rescore *rs, const char *path)
{
	char above[PATH_MAX];
	int slot;

	snprintf(above, sizeof(above), "%s", path);
	*strrchr(above, '/') = '\0';
	slot = rescore_member_path(rs, above);
	return slot > 0 ? slot : 0;
}

/* What is in the cgroup at @path counts for who has the cgroup above it. */
static int let_go(struct rescore *rs, unsigned int slot, const char *path)
{
	return adopt(rs, path, slot, owner_above(rs, path), false);
}

/* As those of a service that was stopped, or started again. */
static void drop_removed_roots(struct rescore_container *container)
{
	char path[PATH_MAX];
	unsigned int i = container->flags & RESCORE_OWN_CGROUP ? 1 : 0, kept;

	for (kept = i; i < container->nr_roots; i++)
		if (rescore_cgroup_path_of(container->roots[i], path,
					   sizeof(path)) != -ENOENT)
			container->roots[kept++] = container->roots[i];
	if (kept < container->nr_roots)
		container->nr_roots = kept;
}

int rescore_attach_locked(struct rescore *rs, unsigned int slot,
			  const char *cgroup)
{
	struct rescore_container *container = &rs->containers[slot];
	const char *mount = rescore_cgroup_mount();
	char path[PATH_MAX], whose[PATH_MAX];
	unsigned int i, before;
	uint64_t id;
	int err, fd, from;

	drop_removed_roots(container);
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
	/* a part of what an ancestor has may be given to a container below it */
	snprintf(whose, sizeof(whose), "%s", path);
	from = rescore_member_path(rs, whose);
	if (from < 0 || !rescore_is_below(rs, slot, from))
		from = 0;
	err = adopt(rs, path, from, slot, true);
	if (err)
		return err;
	if (rs->meta->adopt_foreign)
		return rescore_error(
			-EBUSY,
			"\"%s\" or a cgroup below it belongs to another container",
			cgroup);
	if (!rs->meta->adopt_changed)
		return rescore_error(-EALREADY,
				     "\"%s\" belongs to \"%s\" already", cgroup,
				     container->name);
	/*
	 * First it is listed, perhaps by one that was killed then: what counts for a
	 * slot and is not listed, nobody could give back.
	 */
	before = container->nr_roots;
	for (i = 0; i < before && container->roots[i] != id; i++)
		;
	container->roots[i] = id;
	container->nr_roots = i < before ? before : before + 1;
	err = adopt(rs, path, from, slot, false);
	err = err ?: rescore_knobs_adopt(rs, slot, i);
	if (err) {
		adopt(rs, path, slot, from, false);
		container->nr_roots = before;
		return err;
	}
	return rescore_run_adopters(rs);
}

void rescore_prime(struct rescore *rs, unsigned int slot)
{
	rs->gauges[slot].primed = 0;
	rescore_refresh_slot(rs, slot);
	rs->gauges[slot].primed = rs->containers[slot].serial;
}

int rescore_attach(struct rescore *rs, unsigned int slot, const char *cgroup)
{
	int err = rescore_lock_slot(rs, slot);

	if (err)
		return err;
	/* what has happened up to now is still to be counted */
	err = rescore_refresh(rs);
	/* a `create` that was killed may have left the cgroup to a slot */
	rescore_reap(rs);
	err = err ?: rescore_attach_locked(rs, slot, cgroup);
	if (!err)
		rescore_prime(rs, slot);
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
	rescore_knobs_release(rs, slot, path);
	err = let_go(rs, slot, path);
	if (err)
		return err;
	container->nr_roots--;
	for (; i < container->nr_roots; i++)
		container->roots[i] = container->roots[i + 1];
	return rescore_run_adopters(rs);
}

int rescore_detach(struct rescore *rs, unsigned int slot, const char *cgroup)
{
	int err = rescore_lock_slot(rs, slot);

	if (err)
		return err;
	err = detach_locked(rs, slot, cgroup);
	rescore_unlock(rs);
	return err;
}

int rescore_cgroup_path(const struct rescore *rs, unsigned int slot,
			unsigned int i, char *ret_path, size_t size)
{
	const struct rescore_container *container = rescore_container(rs, slot);
	int err = -ENOENT;

	if (!container)
		return rescore_error(err, "no container in slot %u", slot);
	if (i < container->nr_roots)
		err = rescore_cgroup_path_of(container->roots[i], ret_path,
					     size);
	if (err == -ENOENT)
		rescore_error(
			err,
			"\"%s\" has no cgroup any more: attach one, or destroy it",
			container->name);
	return err;
}

struct owned {
	const struct rescore *rs;
	unsigned int slot;
	int (*fn)(const char *path, void *arg);
	void *arg;
};

/* A container below may have its cgroups in here: they are its own. */
static int call_if_owned(const char *path, void *arg)
{
	const struct owned *owned = arg;
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	if (rescore_member_path(owned->rs, copy) != (int)owned->slot)
		return 0;
	return owned->fn(path, owned->arg);
}

int rescore_for_each_cgroup(const struct rescore *rs, unsigned int slot,
			    int (*fn)(const char *path, void *arg), void *arg)
{
	struct owned owned = { rs, 0, fn, arg };
	char path[PATH_MAX];
	unsigned int below = 0, i;
	int err = 0;

	while (!err && ++below < rs->meta->nr_slots) {
		/* most are below none, and there may be thousands */
		if (below != slot && (!rs->containers[below].parent ||
				      !rescore_is_below(rs, below, slot)))
			continue;
		if (!rescore_slot_is_live(rs, below))
			continue;
		owned.slot = below;
		for (i = 0; !err && i < rs->containers[below].nr_roots; i++)
			if (!rescore_cgroup_path(rs, below, i, path,
						 sizeof(path)))
				err = rescore_cgroup_walk(path, call_if_owned,
							  &owned);
	}
	return err;
}

int rescore_nr_processes(const struct rescore *rs, unsigned int slot)
{
	int n = 0, err;

	if (!rescore_slot_is_live(rs, slot))
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	err = rescore_for_each_cgroup(rs, slot, rescore_count_processes, &n);
	return err ?: n;
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

int rescore_abandon_roots(struct rescore *rs, unsigned int slot)
{
	struct rescore_container *container = &rs->containers[slot];
	char path[PATH_MAX];
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < container->nr_roots; i++)
		if (rescore_member(rs, container->roots[i]) == (int)slot &&
		    !rescore_cgroup_path_of(container->roots[i], path,
					    sizeof(path)))
			err = let_go(rs, slot, path);
	if (err)
		return err;
	container->nr_roots = 0;
	return rescore_run_adopters(rs);
}

int rescore_release_roots(struct rescore *rs, unsigned int slot)
{
	struct rescore_container *container = &rs->containers[slot];
	char path[PATH_MAX];
	unsigned int i;
	int err;

	for (i = 0; i < container->nr_roots; i++) {
		if (rescore_cgroup_path(rs, slot, i, path, sizeof(path)))
			continue;
		if (i == 0 && (container->flags & RESCORE_OWN_CGROUP)) {
			err = remove_own_cgroup(path);
		} else {
			rescore_knobs_release(rs, slot, path);
			err = let_go(rs, slot, path);
		}
		if (err)
			return err;
	}
	container->nr_roots = 0;
	return rescore_run_adopters(rs);
}
