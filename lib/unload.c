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
	int fd = open(BPFFS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

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

int rescore_unload(bool force)
{
	struct rescore *rs;
	unsigned int n = 0, slot;
	int err, lock;

	err = rescore_open(&rs, true);
	if (err && err != -EPROTO && !(force && err == -EIO))
		return err;
	if (!err) {
		for (slot = 0; (slot = rescore_next(rs, slot));)
			n++;
		rescore_close(rs);
	}
	if (n && !force)
		return rescore_error(
			-EBUSY,
			"%u containers exist: destroy them first, or --force to leave them without limits",
			n);
	lock = load_lock();
	if (lock < 0)
		return lock;
	stop_programs();
	rescore_remove_tree(RESCORE_PIN_DIR "/links");
	err = rescore_remove_tree(RESCORE_PIN_DIR);
	close(lock);
	if (err)
		return rescore_error(err,
				     "cannot remove " RESCORE_PIN_DIR ": %s",
				     strerror(-err));
	return 0;
}

int rescore_unload_controllers(const char *list, FILE *log)
{
	struct rescore_load_opts opts = { .log = log };
	char left[RESCORE_LIST_LEN];
	struct rescore *rs;
	int err;

	err = rescore_open(&rs, true);
	if (err)
		return err;
	load_list_loaded(rs, left);
	rescore_close(rs);
	err = load_list_remove(left, list);
	if (err)
		return err;
	opts.only = left;
	return load_do(&opts, LOAD_EXACTLY);
}
