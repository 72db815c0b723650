// SPDX-License-Identifier: GPL-2.0
/* Unload: all of it, or some controllers. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "load.h"

/* One load or unload at a time. */
int load_lock(void)
{
	int fd;

	if (geteuid() != 0)
		return rescore_error(-EPERM,
				     "rescore needs root: run this as root");
	fd = open(BPFFS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return rescore_error(-errno, "cannot open " BPFFS_DIR ": %s",
				     strerror(errno));
	if (flock(fd, LOCK_EX) < 0) {
		close(fd);
		return rescore_error(-errno, "cannot lock " BPFFS_DIR ": %s",
				     strerror(errno));
	}
	return fd;
}

/*
 * The kernel takes its time to detach hundreds of programs, one grace period after
 * the other. From here on they do nothing.
 */
static void stop_programs(void)
{
	struct rescore_meta *meta = rescore_map("meta", sizeof(*meta), 1,
						false);

	if (meta && meta->abi == RESCORE_ABI)
		__atomic_store_n(&meta->generation, 0, __ATOMIC_SEQ_CST);
	rescore_unmap(meta, sizeof(*meta), 1);
}

/* 0, or -EBUSY and said why: there is something to lose. */
static int check_unload(bool force)
{
	unsigned int n = 0, slot;
	struct rescore *rs;
	int err;

	err = rescore_open(&rs, true);
	if (err == -EPROTO || (force && err == -EIO))
		return 0;
	if (err)
		return err;
	for (slot = 0; (slot = rescore_next(rs, slot));)
		n++;
	rescore_close(rs);
	if (!n || force)
		return 0;
	return rescore_error(
		-EBUSY,
		"%u containers exist: destroy them first, or --force to leave them without limits",
		n);
}

int rescore_unload(bool force)
{
	int err, lock = load_lock();

	if (lock < 0)
		return lock;
	err = check_unload(force);
	if (!err) {
		stop_programs();
		rescore_remove_tree(RESCORE_PIN_DIR "/links");
		err = rescore_remove_tree(RESCORE_PIN_DIR);
		if (err)
			rescore_error(err,
				      "cannot remove " RESCORE_PIN_DIR ": %s",
				      strerror(-err));
	}
	close(lock);
	return err;
}

int rescore_unload_controllers(const char *list, FILE *log)
{
	const struct rescore_load_opts opts = { .only = list, .log = log };

	return load_do(&opts, LOAD_WITHOUT);
}
