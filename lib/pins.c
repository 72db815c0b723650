// SPDX-License-Identifier: GPL-2.0
/* The pinned maps, as memory. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

int rescore_pin_fd(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), RESCORE_PIN_DIR "/%s", name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return rescore_error(-errno, "cannot open %s: %s", path,
				     strerror(errno));
	return fd;
}

int64_t rescore_pinned_program(const char *path)
{
	union {
		struct bpf_prog_info prog;
		struct bpf_link_info link;
	} info = {};
	uint32_t size = sizeof(info.link);
	int64_t id;
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return -errno;
	/* the kernel goes by what it is, and fills in as much as fits */
	if (strstr(path, "/progs/"))
		size = sizeof(info.prog);
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		id = -errno;
	else
		id = strstr(path, "/progs/") ? info.prog.id : info.link.prog_id;
	close(fd);
	return id;
}

static size_t mapped_size(size_t element, size_t n)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (element * n + page - 1) / page * page;
}

void *rescore_map(const char *name, size_t element, size_t n, bool read_only)
{
	int fd = rescore_pin_fd(name);
	void *map;

	if (fd < 0)
		return NULL;
	map = mmap(NULL, mapped_size(element, n),
		   read_only ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, 0);
	if (map == MAP_FAILED) {
		rescore_error(-errno, "cannot map " RESCORE_PIN_DIR "/%s: %s",
			      name, strerror(errno));
		map = NULL;
	}
	close(fd);
	return map;
}

void rescore_unmap(void *map, size_t element, size_t n)
{
	if (map)
		munmap(map, mapped_size(element, n));
}

static int open_maps(struct rescore *rs)
{
	const struct rescore_meta *meta;
	bool ro = rs->read_only;

	meta = rs->meta = rescore_map("meta", sizeof(*rs->meta), 1, ro);
	if (!meta)
		return -EIO;
	if (meta->abi != RESCORE_ABI)
		return rescore_error(
			-EPROTO,
			"rescore was loaded by version %.*s (ABI %u, this is ABI %u): use its tools, or unload and load again",
			(int)sizeof(meta->version), meta->version, meta->abi,
			RESCORE_ABI);

	rs->registry = rescore_map("registry", sizeof(*rs->registry),
				   RESCORE_RESOURCES_MAX, true);
	rs->hooks = rescore_map("hooks", sizeof(*rs->hooks), RESCORE_HOOKS_MAX,
				true);
	rs->containers = rescore_map("containers", sizeof(*rs->containers),
				     meta->nr_slots, ro);
	rs->table = rescore_map("table", sizeof(*rs->table), meta->nr_slots,
				ro);
	rs->events = rescore_map("events", sizeof(*rs->events), meta->nr_events,
				 true);
	rs->members = rescore_map("members", sizeof(*rs->members),
				  (size_t)1 << meta->members_bits, true);
	rs->gauges = rescore_map("gauges", sizeof(*rs->gauges), meta->nr_slots,
				 ro);
	rs->knobs = rescore_map("knobs", sizeof(*rs->knobs), RESCORE_KNOBS_MAX,
				true);
	rs->figures = rescore_map("figures", sizeof(*rs->figures),
				  RESCORE_FIGURES_MAX, true);
	if (!rs->registry || !rs->hooks || !rs->members || !rs->containers ||
	    !rs->table || !rs->events || !rs->gauges || !rs->knobs ||
	    !rs->figures)
		return -EIO;
	rs->found = calloc(meta->nr_slots, sizeof(*rs->found));
	return rs->found ? 0 : rescore_error(-ENOMEM, "out of memory");
}

int rescore_open(struct rescore **ret_rs, bool read_only)
{
	struct rescore *rs;
	int err;

	rs = calloc(1, sizeof(*rs));
	if (!rs)
		return rescore_error(-ENOMEM, "out of memory");
	rs->read_only = read_only;

	rs->dir_fd = open(RESCORE_PIN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rs->dir_fd < 0) {
		err = -errno;
		if (geteuid() != 0)
			err = rescore_error(
				-EPERM, "rescore needs root: run this as root");
		else if (err == -ENOENT)
			rescore_error(
				err,
				"rescore is not loaded: run `rlimitctl load`");
		else
			rescore_error(err,
				      "cannot open " RESCORE_PIN_DIR ": %s",
				      strerror(-err));
		goto fail;
	}
	err = open_maps(rs);
	if (err)
		goto fail;
	*ret_rs = rs;
	return 0;
fail:
	rescore_close(rs);
	return err;
}

void rescore_close(struct rescore *rs)
{
	unsigned int slots, events;
	size_t buckets;

	if (!rs)
		return;
	if (rs->meta) {
		slots = rs->meta->nr_slots;
		events = rs->meta->nr_events;
		buckets = (size_t)1 << rs->meta->members_bits;
		rescore_unmap(rs->events, sizeof(*rs->events), events);
		rescore_unmap(rs->gauges, sizeof(*rs->gauges), slots);
		rescore_unmap(rs->knobs, sizeof(*rs->knobs), RESCORE_KNOBS_MAX);
		rescore_unmap(rs->figures, sizeof(*rs->figures),
			      RESCORE_FIGURES_MAX);
		rescore_unmap(rs->members, sizeof(*rs->members), buckets);
		rescore_unmap(rs->table, sizeof(*rs->table), slots);
		rescore_unmap(rs->containers, sizeof(*rs->containers), slots);
		rescore_unmap(rs->hooks, sizeof(*rs->hooks), RESCORE_HOOKS_MAX);
		rescore_unmap(rs->registry, sizeof(*rs->registry),
			      RESCORE_RESOURCES_MAX);
		rescore_unmap(rs->meta, sizeof(*rs->meta), 1);
	}
	if (rs->dir_fd >= 0)
		close(rs->dir_fd);
	free(rs->found);
	free(rs);
}

const struct rescore_meta *rescore_meta(const struct rescore *rs)
{
	return rs->meta;
}

int rescore_lock(struct rescore *rs)
{
	if (rs->read_only)
		return rescore_error(-EROFS, "this handle is read-only");
	if (flock(rs->dir_fd, LOCK_EX) < 0)
		return rescore_error(-errno,
				     "cannot lock " RESCORE_PIN_DIR ": %s",
				     strerror(errno));
	return 0;
}

int rescore_lock_slot(struct rescore *rs, unsigned int slot)
{
	int err = rescore_lock(rs);

	if (err)
		return err;
	/* to get the lock takes as long as who has it needs */
	err = rescore_check_slot(rs, slot);
	if (err)
		rescore_unlock(rs);
	return err;
}

void rescore_unlock(struct rescore *rs)
{
	flock(rs->dir_fd, LOCK_UN);
}

/* Neither bpffs nor cgroupfs has links that could lead elsewhere. */
int rescore_remove_tree(const char *path)
{
	struct dirent *entry;
	char child[4096];
	DIR *dir;
	int err = 0;

	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' &&
		    (!entry->d_name[1] || !strcmp(entry->d_name, "..")))
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path,
			     entry->d_name) >= (int)sizeof(child))
			continue;
		if (entry->d_type == DT_DIR)
			rescore_remove_tree(child);
		else
			unlink(child);	/* cgroupfs refuses: rmdir will do */
	}
	closedir(dir);
	if (rmdir(path) < 0)
		err = -errno;
	return err;
}
