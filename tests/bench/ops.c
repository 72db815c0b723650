// SPDX-License-Identifier: GPL-2.0
/*
 * What one operation costs, in nanoseconds of CLOCK_MONOTONIC: in a guest that
 * runs with --icount that is the number of instructions. Prints "name cost".
 *
 *	ops [-r ROUNDS] [OPERATION...]
 *	ops -c [OPERATION...]	how many BPF programs run instead
 *
 * The best of the rounds counts: the others met an interrupt.
 */
#include "filter.h"
#include "runs.h"
#include "shake.h"

#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int lock_fd, listen_fd;

static void open_close(void)
{
	int fd = open("/etc/passwd", O_RDONLY);

	if (fd < 0)
		err(1, "open");
	close(fd);
}

static void pipe_close(void)
{
	int fds[2];

	if (pipe(fds))
		err(1, "pipe");
	close(fds[0]);
	close(fds[1]);
}

static void dup_close(void)
{
	close(dup(lock_fd));
}

static void socket_close(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		err(1, "socket");
	close(fd);
}

static void udp_socket_close(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		err(1, "socket");
	close(fd);
}

static void socketpair_close(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		err(1, "socketpair");
	close(fds[0]);
	close(fds[1]);
}

/* A pair of connected sockets: what is sent on the first comes to the second. */
static int tcp_pair[2], udp_pair[2], unix_pair[2];

static char buffer[65536];

static void echo(const int *pair, size_t size)
{
	if (send(pair[0], buffer, size, 0) != (ssize_t)size ||
	    recv(pair[1], buffer, size, MSG_WAITALL) != (ssize_t)size)
		err(1, "send and receive");
}

static void tcp_byte(void)
{
	echo(tcp_pair, 1);
}
static void tcp_bulk(void)
{
	echo(tcp_pair, sizeof(buffer));
}
/* What the page cache has, to a socket. */
static void tcp_sendfile(void)
{
	static int file;
	off_t from = 0;

	if (!file) {
		file = memfd_create("bench-sendfile", 0);
		if (write(file, buffer, sizeof(buffer)) != sizeof(buffer))
			err(1, "memfd");
	}
	if (sendfile(tcp_pair[0], file, &from, sizeof(buffer)) !=
		    sizeof(buffer) ||
	    recv(tcp_pair[1], buffer, sizeof(buffer), MSG_WAITALL) !=
		    sizeof(buffer))
		err(1, "sendfile");
}
static void udp_packet(void)
{
	echo(udp_pair, 1000);
}
static void unix_packet(void)
{
	echo(unix_pair, 1000);
}

static void connect_to(int fd, int listener)
{
	struct sockaddr_in address = {};
	socklen_t size = sizeof(address);

	if (getsockname(listener, (struct sockaddr *)&address, &size))
		err(1, "getsockname");
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&address, size))
		err(1, "connect");
}

/* Three-way handshake, accept, and both ends closed, on loopback. */
static void tcp_connection(void)
{
	const struct linger reset = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), peer;

	connect_to(fd, listen_fd);
	peer = accept(listen_fd, NULL, NULL);
	/* no TIME_WAIT: there are not that many ports */
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)))
		err(1, "SO_LINGER");
	close(fd);
	close(peer);
}

static void make_pairs(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int one = 1;

	listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (listen_fd < 0 || listen(listen_fd, 16))
		err(1, "listen");
	tcp_pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	connect_to(tcp_pair[0], listen_fd);
	tcp_pair[1] = accept(listen_fd, NULL, NULL);
	setsockopt(tcp_pair[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	udp_pair[1] = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(udp_pair[1], (struct sockaddr *)&any, sizeof(any)))
		err(1, "bind");
	udp_pair[0] = socket(AF_INET, SOCK_DGRAM, 0);
	connect_to(udp_pair[0], udp_pair[1]);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair))
		err(1, "socketpair");
}

static void flock_pair(void)
{
	if (flock(lock_fd, LOCK_EX) || flock(lock_fd, LOCK_UN))
		err(1, "flock");
}

static void fcntl_pair(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = 5, .l_len = 2 };

	if (fcntl(lock_fd, F_SETLK, &lock))
		err(1, "fcntl");
	lock.l_type = F_UNLCK;
	if (fcntl(lock_fd, F_SETLK, &lock))
		err(1, "fcntl");
}

static void pty(void)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);

	if (fd < 0)
		err(1, "posix_openpt");
	close(fd);
}

static void map_unmap(void)
{
	void *at = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		err(1, "mmap");
	munmap(at, 16 * 4096);
}

static void brk_pair(void)
{
	if (sbrk(16 * 4096) == (void *)-1 || sbrk(-16 * 4096) == (void *)-1)
		err(1, "sbrk");
}

static void protect_pair(void)
{
	static void *at;

	if (!at)
		at = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mprotect(at, 4096, PROT_READ) ||
	    mprotect(at, 4096, PROT_READ | PROT_WRITE))
		err(1, "mprotect");
}

/* 64 faults, and what gives the pages back: no hook of ours in either. */
static void fault(void)
{
	static char *at;
	int i;

	if (!at)
		at = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < 64; i++)
		at[i * 4096] = 1;
	if (madvise(at, 64 * 4096, MADV_DONTNEED))
		err(1, "madvise");
}

static void memfd_fill(void)
{
	static char pages[16 * 4096];
	static int fd;

	if (!fd)
		fd = memfd_create("bench", 0);
	if (pwrite(fd, pages, sizeof(pages), 0) != sizeof(pages) ||
	    ftruncate(fd, 0))
		err(1, "memfd");
}

static void exec_wait(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		execl("/bin/busybox", "true", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static pid_t answerer;

/* There and back: a byte to a process that waits for it, and its answer. */
static void switches(void)
{
	static int there[2], back[2];
	char byte = 0;

	if (!answerer) {
		if (pipe(there) || pipe(back))
			err(1, "pipe");
		answerer = fork();
		if (!answerer) {
			close(there[1]);
			while (read(there[0], &byte, 1) == 1)
				if (write(back[1], &byte, 1) != 1)
					break;
			_exit(0);
		}
	}
	if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
		err(1, "pipe");
}

/* Queued, and taken from the queue. */
static void signal_pair(void)
{
	const union sigval value = {};
	static sigset_t set;

	if (!sigismember(&set, SIGRTMIN)) {
		sigaddset(&set, SIGRTMIN);
		sigprocmask(SIG_BLOCK, &set, NULL);
	}
	if (sigqueue(getpid(), SIGRTMIN, value) ||
	    sigwaitinfo(&set, NULL) != SIGRTMIN)
		err(1, "sigqueue");
}

static void *thread(void *arg)
{
	return arg;
}

static void thread_join(void)
{
	pthread_t id;

	if (pthread_create(&id, NULL, thread, NULL) || pthread_join(id, NULL))
		errx(1, "pthread_create");
}

static void fork_wait(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static const struct {
	const char *name;
	void (*run)(void);
	int n;			/* operations of a round */
	int settles;		/* see settle() */
} operations[] = {
	{ "open+close", open_close, 2000 },
	{ "pipe+close", pipe_close, 1000 },
	{ "dup+close", dup_close, 2000 },
	{ "socket+close", socket_close, 1000 },
	{ "UDP socket+close", udp_socket_close, 1000 },
	{ "socketpair+close", socketpair_close, 1000 },
	{ "TCP connect+accept+close", tcp_connection, 200 },
	{ "TCP send+receive 1 B", tcp_byte, 1000 },
	{ "TCP send+receive 64 KiB", tcp_bulk, 100 },
	{ "TCP sendfile+receive 64 KiB", tcp_sendfile, 100 },
	{ "UDP send+receive 1000 B", udp_packet, 1000 },
	{ "AF_UNIX send+receive 1000 B", unix_packet, 1000 },
	{ "flock+unlock", flock_pair, 2000 },
	{ "fcntl lock+unlock", fcntl_pair, 2000 },
	{ "ptmx open+close", pty, 100, 1 },
	{ "mmap+munmap 64 KB", map_unmap, 2000 },
	{ "brk up+down", brk_pair, 2000 },
	{ "mprotect twice", protect_pair, 2000 },
	{ "64 page faults", fault, 100 },
	{ "memfd write+truncate 64 KB", memfd_fill, 200 },
	{ "two context switches", switches, 1000 },
	{ "sigqueue+sigwaitinfo", signal_pair, 1000 },
	{ "pthread create+join", thread_join, 200, 1 },
	{ "fork+exit+wait", fork_wait, 60, 1 },
	{ "fork+exec+wait", exec_wait, 40, 1 },
	/* the last: what it deletes is freed a little later */
	{ "nftables rule added+deleted", filter_rule, 100 },
};

#define ROUNDS	8	/* also in report.py */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double (*meter)(void) = now;

/*
 * The stack of a task that has ended comes back after a grace period of RCU. There
 * are two in store for each CPU; who finds none pays for a new one, a tenth of what
 * a thread costs, and whether he does depends on how his pace and that of the
 * clock's ticks go together. So whoever makes tasks waits until the last is gone.
 */
static void settle(void)
{
	usleep(20000);
}

static double round_cost(int operation)
{
	int n = operations[operation].n;
	int at_once = operations[operation].settles ? 1 : n;
	double cost = 0;

	for (int left = n; left; left -= at_once) {
		double start;

		settle();
		start = meter();
		for (int i = 0; i < at_once; i++)
			operations[operation].run();
		cost += meter() - start;
	}
	return cost / n;
}

static double measure(int operation, int rounds)
{
	double best = 0;

	while (rounds--) {
		double cost;

		shake(rounds);
		if (operations[operation].settles) {
			shake_end();	/* a process has no part in it */
			shake_processes(rounds);
		}
		cost = round_cost(operation);
		if (!best || cost < best)
			best = cost;
	}
	return best;
}

static int wanted(const char *name, char **names)
{
	if (!*names)
		return 1;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	int rounds = ROUNDS, done = 0;

	argv++;
	if (argc > 2 && !strcmp(*argv, "-r")) {
		rounds = atoi(argv[1]);
		argv += 2;
	} else if (argc > 1 && !strcmp(*argv, "-c")) {
		meter = runs;
		argv++;
	}
	lock_fd = open("/tmp/bench-lock", O_RDWR | O_CREAT, 0600);
	if (lock_fd < 0)
		err(1, "/tmp/bench-lock");
	make_pairs();
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (wanted(operations[i].name, argv)) {
			printf("%s\t%.0f\n", operations[i].name,
			       measure(i, rounds));
			done++;
		}
	/* whoever waits for us finds nobody left */
	shake_processes(0);
	if (answerer &&
	    (kill(answerer, SIGKILL) || waitpid(answerer, NULL, 0) != answerer))
		err(1, "kill");
	return !done;
}
