// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "say.h"
#include "worker.h"

/* What comes before the bytes of @arg. */
struct order {
	child_fn fn;	/* the same address there: it is a fork */
	size_t size;
};

/* --- in the worker ------------------------------------------------------------ */

/* False: nobody is there any more, or it is nonsense. */
static bool read_whole(int fd, void *data, size_t len)
{
	char *to = data;

	while (len) {
		ssize_t n = read(fd, to, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
	}

	return true;
}

static bool do_one(int fd)
{
	struct blob answer;
	struct order order;
	uint64_t len;
	bool sent;
	char *arg;

	if (!read_whole(fd, &order, sizeof(order)))
		return false;
	arg = malloc(order.size + 1);
	if (!arg || !read_whole(fd, arg, order.size)) {
		free(arg);
		return false;
	}
	child_limit_cpu(WORKER_CPU);
	child_answer(order.fn, arg, &answer);
	len = answer.len;
	sent = len && !write_all(fd, &len, sizeof(len)) &&
	       !write_all(fd, answer.data, answer.len);
	blob_free(&answer);
	free(arg);

	return sent;
}

/* No signal of the server's, and none of its files: clients are behind them. */
static void worker_main(int fd)
{
	sigset_t none;
	int here;

	child_close_others(fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* librrd is told names in the directory of the files. */
	while (do_one(fd))
		if (here < 0 || fchdir(here))
			break;
	_exit(RSTAT_OK);
}

/* --- in the server ------------------------------------------------------------- */

static int start(struct worker *worker)
{
	int fds[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return fail(errno, "socketpair: %s", strerror(errno));
	pid = fork();
	if (!pid)
		worker_main(fds[1]);
	close(fds[1]);
	if (pid < 0) {
		err = fail(errno, "fork: %s", strerror(errno));
		close(fds[0]);
		return err;
	}
	*worker = (struct worker){ .pid = pid, .fd = fds[0] };

	return 0;
}

/* It waits: so little finds room in the socket. */
static int order(struct worker *worker, child_fn fn, const void *arg,
		 size_t size)
{
	struct order order = { fn, size };
	struct iovec part[] = {
		{ &order, sizeof(order) },
		{ (void *)arg, size },
	};
	struct msghdr message = { .msg_iov = part, .msg_iovlen = 2 };
	ssize_t n = sendmsg(worker->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n == (ssize_t)(sizeof(order) + size))
		return 0;
	return fail(EIO, "the worker does not listen");
}

void worker_kill(struct worker *worker)
{
	if (worker->pid) {
		close(worker->fd);
		(void)kill(worker->pid, SIGKILL);
		(void)child_wait(worker->pid);
	}
	blob_free(&worker->sent);
	*worker = (struct worker){};
}

int worker_begin(struct worker *worker, child_fn fn, const void *arg,
		 size_t size)
{
	int err;

	if (worker->pid &&
	    (worker->jobs >= WORKER_JOBS || order(worker, fn, arg, size)))
		worker_kill(worker);
	else if (worker->pid)
		return 0;
	err = start(worker);
	if (err)
		return err;
	err = order(worker, fn, arg, size);
	if (err)
		worker_kill(worker);

	return err;
}

/* 1: there may be more. 0: not now. It has ended: -EPIPE; or another -errno. */
static int read_more(struct worker *worker)
{
	struct blob *sent = &worker->sent;
	char *data;
	ssize_t n;

	if (!worker->expected) {
		n = recv(worker->fd, &worker->expected,
			 sizeof(worker->expected), MSG_DONTWAIT);
		if (n == (ssize_t)sizeof(worker->expected)) {
			if (worker->expected > WORKER_ANSWER)
				return -EFBIG;
			data = malloc(worker->expected + 1);
			if (!data)
				return -ENOMEM;
			sent->data = data;
			return 1;
		}
	} else {
		n = recv(worker->fd, sent->data + sent->len,
			 worker->expected - sent->len, MSG_DONTWAIT);
		if (n > 0) {
			sent->len += (size_t)n;
			return 1;
		}
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;

	return n < 0 ? -errno : -EPIPE;
}

static int gone(struct worker *worker, int err)
{
	int ended;

	close(worker->fd);
	/* It changes nothing for one that has ended: how is known. */
	(void)kill(worker->pid, SIGKILL);
	ended = child_wait(worker->pid);
	worker->pid = 0;
	worker_kill(worker);
	if (err != -EPIPE)
		return fail(-err, "%s", strerror(-err));

	return ended ? ended : fail(EIO, "no result");
}

int worker_read(struct worker *worker, int *ret_err, struct blob *ret_result)
{
	struct blob sent;
	int more = 1;

	while (more > 0 &&
	       (!worker->expected || worker->sent.len < worker->expected))
		more = read_more(worker);
	if (!more)
		return 0;
	if (more < 0) {
		*ret_err = gone(worker, more);
		return 1;
	}
	sent = worker->sent;
	sent.data[sent.len] = '\0';
	worker->sent = (struct blob){};
	worker->expected = 0;
	worker->jobs++;
	*ret_err = child_unpack(&sent, ret_result);

	return 1;
}
