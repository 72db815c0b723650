// SPDX-License-Identifier: GPL-2.0
/*
 * Bring what the kernel itself counts into the table: one program for each
 * controller that has such rows, whatever the number of containers.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "internal.h"

/* The first hook from *@i on that is called @what and runs over @target. */
static const char *next_program(const struct rescore *rs, unsigned int *i,
				const char *what, const char *target)
{
	const struct rescore_hook *hook;
	const char *found;

	for (; *i < rs->meta->nr_hooks; ++*i) {
		hook = &rs->hooks[*i];
		found = strstr(hook->name, "__");
		if (hook->state == RESCORE_ON && found &&
		    !strncmp(found, what, strlen(what)) &&
		    !strcmp(hook->target, target)) {
			++*i;
			return hook->name;
		}
	}
	return NULL;
}

/* Reading a cgroup's statistics makes the kernel bring its counts together. */
static void flush_by_reading(const char *mount)
{
	static const char *const files[] = { "cpu.stat", "memory.stat" };
	struct dirent *entry;
	char path[PATH_MAX], text[64];
	DIR *dir = opendir(mount);
	size_t i;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", mount, entry->d_name);
		for (i = 0; i < ARRAY_SIZE(files); i++)
			rescore_cgroup_read(path, files[i], text, sizeof(text));
	}
	if (dir)
		closedir(dir);
}

static int flush(const struct rescore *rs, const char *mount)
{
	unsigned int i = 0;
	const char *name;

	name = next_program(rs, &i, "__flush", "iter.s/cgroup");
	if (name)
		return rescore_run_iter_cgroup(name, mount, true);
	flush_by_reading(mount);
	return 0;
}

static int walk(const struct rescore *rs, const char *cgroup)
{
	unsigned int i = 0;
	const char *name;
	int err = 0;

	/* what can look up the roots of containers need not walk */
	while (!err &&
	       (name = next_program(rs, &i, "__refresh", "iter/cgroup")))
		err = rescore_run_iter_cgroup(name, cgroup,
					      strstr(name, "__with_") != NULL);
	return err;
}

static int walk_all(const struct rescore *rs)
{
	const char *mount = rescore_cgroup_mount(), *name;
	unsigned int i = 0;
	ssize_t n;
	int err;

	if (!mount)
		return rescore_error(-EOPNOTSUPP,
				     "no cgroup v2 file system is mounted");
	err = flush(rs, mount);
	if (err)
		return err;
	while ((name = next_program(rs, &i, "__refresh", "iter/task"))) {
		n = rescore_run_iter(name, NULL);
		if (n < 0)
			return n;
	}
	return walk(rs, mount);
}

/* Readings exclude one another, but nobody who sets something. */
static int lock_readings(void)
{
	int fd = open(RESCORE_PIN_DIR "/progs",
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return rescore_error(-errno,
				     "cannot open " RESCORE_PIN_DIR
				     "/progs: %s",
				     strerror(errno));
	if (flock(fd, LOCK_EX) < 0) {
		close(fd);
		return rescore_error(-errno,
				     "cannot lock " RESCORE_PIN_DIR
				     "/progs: %s",
				     strerror(errno));
	}
	return fd;
}

static bool has_readings(const struct rescore *rs)
{
	unsigned int i = 0;

	return next_program(rs, &i, "__refresh", "iter/cgroup");
}

int rescore_refresh(const struct rescore *rs)
{
	int err, lock;

	if (!has_readings(rs))
		return 0;
	lock = lock_readings();
	if (lock < 0)
		return lock;
	err = walk_all(rs);
	close(lock);
	return err;
}

int rescore_refresh_slot(const struct rescore *rs, unsigned int slot)
{
	char path[PATH_MAX];
	int err, lock;

	if (!has_readings(rs))
		return 0;
	/* the sums of several roots are complete only when all are walked */
	if (rs->containers[slot].nr_roots != 1)
		return rescore_refresh(rs);
	err = rescore_cgroup_path(rs, slot, 0, path, sizeof(path));
	if (err)
		return err;
	lock = lock_readings();
	if (lock < 0)
		return lock;
	err = walk(rs, path);
	close(lock);
	return err;
}

/* --- figures --------------------------------------------------------------------- */

unsigned int rescore_nr_figures(const struct rescore *rs)
{
	return rs->meta->nr_figures;
}

const struct rescore_figure *rescore_figure(const struct rescore *rs,
					    unsigned int i)
{
	return i < rs->meta->nr_figures ? &rs->figures[i] : NULL;
}

int rescore_read_figure(const struct rescore *rs, unsigned int slot,
			unsigned int i, int64_t *ret_value)
{
	if (!rescore_slot_is_live(rs, slot))
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	if (i >= rs->meta->nr_figures)
		return rescore_error(-ENOENT, "no figure %u", i);
	*ret_value = __atomic_load_n(&rs->gauges[slot].figure[i],
				     __ATOMIC_RELAXED);
	return 0;
}
