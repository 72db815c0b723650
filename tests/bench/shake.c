// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's allocators have a fast and a slow way, and whoever repeats an
 * operation stays on the one that his first round met: an object that comes from
 * one slab and goes back to it costs less than one that alternates between two.
 * Programs that load, or a container that is made, change that for all that comes
 * after them. After a shake each round has another chance of the fast way, and the
 * best round is the same for everyone.
 */
#include "shake.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST		97	/* of each; prime, so that rounds differ */
#define CHILDREN	7
#define LOW		256	/* descriptors */
#define PACKET		1000	/* bytes */

static int taken[6 * MOST], n_taken;
static pid_t children[CHILDREN];
static int n_children;

/* The low descriptors are left to who is measured. */
static void take(int fd)
{
	int high = fcntl(fd, F_DUPFD, LOW);

	if (high < 0)
		err(1, "shake");
	close(fd);
	taken[n_taken++] = high;
}

static void take_descriptors(void)
{
	static const char packet[PACKET];
	int pair[2];

	take(open("/etc/passwd", O_RDONLY));
	take(socket(AF_INET, SOCK_STREAM, 0));
	take(socket(AF_INET, SOCK_DGRAM, 0));
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ||
	    write(pair[0], packet, sizeof(packet)) != sizeof(packet))
		err(1, "shake");
	take(pair[0]);
	take(pair[1]);
}

void shake_end(void)
{
	while (n_taken)
		close(taken[--n_taken]);
}

/* Every other page is another mapping, and every page is there. */
static void map_pages(int n)
{
	long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, n * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		err(1, "shake");
	for (int i = 0; i < n; i++) {
		map[i * page] = 1;
		if (i % 2)
			mprotect(map + i * page, page, PROT_READ);
	}
	munmap(map, n * page);
}

static void fork_children(int n)
{
	for (; n_children < n; n_children++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "shake");
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		children[n_children] = pid;
	}
}

static void end_children(void)
{
	while (n_children) {
		pid_t pid = children[--n_children];

		if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
			err(1, "shake");
	}
}

void shake(unsigned int round)
{
	int n = 1 + (round * 37 + 11) % MOST;

	shake_end();
	map_pages(n);
	for (int i = 0; i < n; i++)
		take_descriptors();
}

void shake_processes(unsigned int round)
{
	end_children();
	fork_children(round % (CHILDREN + 1));
}
