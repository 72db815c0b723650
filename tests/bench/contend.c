// SPDX-License-Identifier: GPL-2.0
/*
 * How much processes that are charged at the same moment slow each other down.
 *
 *	contend WORKERS MILLISECONDS CGROUP...
 *
 * Each worker has a CPU, and a cgroup in turn; it opens and closes a file of its
 * own. Prints how many times all of them did it in a second.
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 64

struct shared {
	atomic_int ready;
	atomic_int phase;	/* 0: wait, 1: work, 2: end */
	atomic_ulong done[WORKERS_MAX][16];	/* a cache line each, and more */
};

static void enter(const char *cgroup)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		err(1, "%s", path);
	close(fd);
}

static void work(struct shared *shared, int worker, const char *cgroup)
{
	unsigned long n = 0;
	cpu_set_t cpu;
	char path[64];

	CPU_ZERO(&cpu);
	CPU_SET(worker, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		err(1, "CPU %d", worker);
	enter(cgroup);
	snprintf(path, sizeof(path), "/tmp/contend-%d", worker);
	close(open(path, O_RDWR | O_CREAT, 0600));
	atomic_fetch_add(&shared->ready, 1);
	while (!atomic_load(&shared->phase))
		;
	while (atomic_load(&shared->phase) == 1) {
		int fd = open(path, O_RDONLY);

		if (fd < 0)
			err(1, "%s", path);
		close(fd);
		n++;
	}
	atomic_store(&shared->done[worker][0], n);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	int workers = argc > 3 ? atoi(argv[1]) : 0, status, failed = 0;
	unsigned long all = 0;
	struct shared *shared;
	double start;

	if (workers < 1 || workers > WORKERS_MAX)
		errx(2, "usage: contend WORKERS MILLISECONDS CGROUP...");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	for (int i = 0; i < workers; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (!pid) {
			work(shared, i, argv[3 + i % (argc - 3)]);
			_exit(0);
		}
	}
	while (atomic_load(&shared->ready) < workers) {
		if (waitpid(-1, &status, WNOHANG) > 0)
			errx(1, "a worker ended");
		usleep(1000);
	}
	start = now();
	atomic_store(&shared->phase, 1);
	usleep((unsigned int)atoi(argv[2]) * 1000);
	atomic_store(&shared->phase, 2);
	start = now() - start;
	while (wait(&status) > 0)
		failed |= status;
	for (int i = 0; i < workers; i++)
		all += atomic_load(&shared->done[i][0]);
	printf("%.0f\n", (double)all / start);
	return !!failed;
}
