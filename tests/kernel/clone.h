/* SPDX-License-Identifier: GPL-2.0 */
/* clone3(), which the C library does not wrap. */
#ifndef RESCORE_CLONE_H
#define RESCORE_CLONE_H

#include <linux/sched.h>

#include "rescore_test.h"

/* A child that waits to be killed. Its pid, or -errno. */
static inline long clone_idle(struct clone_args *args)
{
	long pid;

	args->exit_signal = SIGCHLD;
	pid = syscall(SYS_clone3, args, sizeof(*args));
	if (!pid)
		for (;;)
			pause();
	return pid < 0 ? -errno : pid;
}

/* The same, made in the cgroup at @path. */
static inline long clone_into(long path, long b, long c)
{
	int fd = open((const char *)path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .cgroup = fd };
	long pid;

	if (fd < 0)
		return -errno;
	pid = clone_idle(&args);
	close(fd);
	return pid;
}

#endif /* RESCORE_CLONE_H */
