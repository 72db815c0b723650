// SPDX-License-Identifier: GPL-2.0
/* User namespaces and their maps. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct.h"

static int write_map(pid_t pid, const char *file, const struct ct_map *map)
{
	char path[64], text[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	snprintf(text, sizeof(text), "%u %u %u\n", map->inside, map->outside,
		 map->count);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err = rescore_error(-errno, "cannot map ids (%s): %s", file,
				    strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

int ct_write_maps(pid_t pid, const struct ct_map *map)
{
	int err = write_map(pid, "uid_map", map);

	return err ?: write_map(pid, "gid_map", map);
}

/* A mount's ids are mapped by a namespace; somebody has to be in it meanwhile. */
int ct_make_userns(const struct ct_map *map)
{
	int ready[2], fd, err;
	char path[64], one = 0;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) == 0)
			(void)!write(ready[1], &one, 1);
		pause();
		_exit(0);
	}
	err = pid < 0 ? -errno : 0;
	close(ready[1]);
	if (!err && read(ready[0], &one, 1) != 1)
		err = rescore_error(-EPERM, "cannot make a user namespace");
	close(ready[0]);
	err = err ?: ct_write_maps(pid, map);
	if (!err) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	} else {
		fd = err;
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return fd;
}

void ct_act_as(const struct ct_map *map)
{
	setfsgid(map && map->count ? map->outside : 0);
	setfsuid(map && map->count ? map->outside : 0);
}
