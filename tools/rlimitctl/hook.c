// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook.h"

#define TIMED_OUT	124	/* as timeout(1) has it */
#define NOT_EXECUTED	126
#define NAP_NS		20000000

/* Nobody but root may decide what root runs. */
static int check(const char *path, bool directory)
{
	struct stat st;

	if (lstat(path, &st))
		return -errno;
	if (st.st_uid || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EACCES;
	if (directory ? !S_ISDIR(st.st_mode) :
			!S_ISREG(st.st_mode) || !(st.st_mode & S_IXUSR))
		return -EACCES;
	return 0;
}

/* All that leads to @path, which no link is a part of, and itself. */
static int check_all(char *path, bool directory)
{
	char *slash = path;
	int err = check("/", true);

	while (!err && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		err = check(path, true);
		*slash = '/';
	}
	return err ? err : check(path, directory);
}

/* File @name of @directory, wherever links lead: its path, or -errno. */
static int find(const char *directory, const char *name, char *ret_path)
{
	char folder[PATH_MAX], path[PATH_MAX * 2];
	int err;

	if (!realpath(directory, folder))
		return -errno;
	err = check_all(folder, true);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!realpath(path, ret_path))
		return -errno;
	return check_all(ret_path, false);
}

/* Every child of ours; what they forked becomes ours when they are gone. */
static void kill_children(void)
{
	char path[64];
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		 (int)getpid());
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (file)
		fclose(file);
}

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Waits for all descendants: orphans come to the keeper. */
static int keep(pid_t hook, unsigned int seconds)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };
	time_t end = seconds_now() + (time_t)seconds;
	int status, result = NOT_EXECUTED;
	bool late = false;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0 && errno == ECHILD)
			return late ? TIMED_OUT : result;
		if (pid == hook)
			result = WIFEXITED(status) ? WEXITSTATUS(status) :
						     128 + WTERMSIG(status);
		if (pid > 0)
			continue;
		if (seconds_now() >= end) {
			late = true;
			kill_children();
		}
		nanosleep(&nap, NULL);
	}
}

static void execute(const char *path, char *const envp[])
{
	char *const argv[] = { (char *)path, NULL };
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		_exit(NOT_EXECUTED);
	closefrom(STDERR_FILENO + 1);
	if (chdir("/"))
		_exit(NOT_EXECUTED);
	execve(path, argv, envp);
	_exit(NOT_EXECUTED);
}

pid_t hook_start(const char *directory, const char *name, char *const envp[],
		 unsigned int seconds)
{
	char path[PATH_MAX];
	pid_t keeper, hook;
	int err;

	err = find(directory, name, path);
	if (err)
		return err;
	keeper = fork();
	if (keeper)
		return keeper < 0 ? -errno : keeper;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	/* not what the caller has locked, nor the maps of the table */
	closefrom(STDERR_FILENO + 1);
	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	hook = fork();
	if (!hook)
		execute(path, envp);
	_exit(hook < 0 ? NOT_EXECUTED : keep(hook, seconds));
}
