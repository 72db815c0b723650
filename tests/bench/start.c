// SPDX-License-Identifier: GPL-2.0
/*
 * How long a container takes from the start of its launcher to the first instruction
 * of its command, and from the request to stop to when all is over:
 *
 *	start STAMP LAUNCH STOP
 *
 * LAUNCH and STOP are command lines for sh. STOP "kill": LAUNCH itself is killed, and
 * over when it has ended. Prints both times in ns of CLOCK_MONOTONIC.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static pid_t run(const char *line)
{
	char exec[4096];
	int null;
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	snprintf(exec, sizeof(exec), "exec %s", line);
	execl("/bin/sh", "sh", "-c", exec, NULL);
	_exit(127);
}

static void finish(pid_t pid, const char *line)
{
	int status;

	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status))
		errx(1, "\"%s\" failed", line);
}

/* What the command wrote; it comes some time after the start. */
static long read_stamp(const char *path)
{
	long stamp[2];
	int fd, tries;

	for (tries = 0; tries < 20000; tries++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 &&
		    read(fd, stamp, sizeof(stamp)) == sizeof(stamp)) {
			close(fd);
			return stamp[0] * 1000000000L + stamp[1];
		}
		if (fd >= 0)
			close(fd);
		usleep(1000);
	}
	errx(1, "%s: the command did not start", path);
}

int main(int argc, char **argv)
{
	int by_signal = argc == 4 && !strcmp(argv[3], "kill");
	long began, started, stopping;
	pid_t pid;

	if (argc != 4)
		errx(2, "start STAMP LAUNCH STOP");
	unlink(argv[1]);
	began = now();
	pid = run(argv[2]);
	started = read_stamp(argv[1]);
	if (!by_signal)
		finish(pid, argv[2]);
	stopping = now();
	if (by_signal) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	} else {
		finish(run(argv[3]), argv[3]);
	}
	printf("%ld\t%ld\n", started - began, now() - stopping);
	return 0;
}
