// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "say.h"

/* First byte of what the child sends. */
#define SENT_RESULT	'+'
#define SENT_FAILURE	'-'
#define SENT_ABSENT	'0'	/* a failure: -ENOENT */

#define CHILDREN_MAX	8

void child_answer(child_fn fn, void *arg, struct blob *ret)
{
	char *data = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&data, &len);
	int err = out ? 0 : fail(ENOMEM, "no memory");

	if (out) {
		fputc(SENT_RESULT, out);
		err = fn(arg, out);
	}
	if (out && fclose(out) && !err)
		err = fail(ENOMEM, "no memory");
	if (err) {
		free(data);
		data = NULL;
		len = 0;
		if (asprintf(&data, "%c%s",
			     err == -ENOENT ? SENT_ABSENT : SENT_FAILURE,
			     failure()) > 0)
			len = strlen(data);
	}
	*ret = (struct blob){ data, len };
}

static void child_main(child_fn fn, void *arg, int fd)
{
	struct blob answer;
	int err;

	child_answer(fn, arg, &answer);
	err = write_all(fd, answer.data, answer.len);
	/* Nothing that librrd has left behind is worth tidying up. */
	_exit(err || !answer.len || answer.data[0] != SENT_RESULT ?
		      RSTAT_FAILED :
		      RSTAT_OK);
}

int child_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail(errno, "wait: %s", strerror(errno));
	if (WIFSIGNALED(status))
		return fail(EIO,
			    "reading the samples ended in '%s'; is a file "
			    "damaged?",
			    strsignal(WTERMSIG(status)));
	return 0;
}

int child_start(child_fn fn, void *arg, struct child *ret_child)
{
	int fds[2], err;
	pid_t pid;

	(void)fflush(stdout);	/* else the child has a copy of it */
	if (pipe2(fds, O_CLOEXEC))
		return fail(errno, "pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		close(fds[0]);
		child_main(fn, arg, fds[1]);
	}
	close(fds[1]);
	if (pid < 0) {
		err = fail(errno, "fork: %s", strerror(errno));
		close(fds[0]);
		return err;
	}
	*ret_child = (struct child){ .pid = pid, .fd = fds[0] };

	return 0;
}

void child_close_others(int fd)
{
	const int first = STDERR_FILENO + 1;

	if (fd > first)
		(void)close_range((unsigned int)first, (unsigned int)fd - 1, 0);
	(void)close_range((unsigned int)fd + 1, ~0U, 0);
}

void child_limit_cpu(unsigned int seconds)
{
	struct rlimit limit;
	struct timespec used;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) ||
	    getrlimit(RLIMIT_CPU, &limit))
		return;
	limit.rlim_cur = (rlim_t)used.tv_sec + 1 + seconds;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_CPU, &limit);
}

int child_unpack(struct blob *sent, struct blob *ret_result)
{
	bool absent;
	int err;

	if (!sent->len || sent->data[0] != SENT_RESULT) {
		absent = sent->len && sent->data[0] == SENT_ABSENT;
		err = fail(absent ? ENOENT : EIO, "%s",
			   sent->len ? sent->data + 1 : "no result");
		blob_free(sent);
		return err;
	}
	sent->len--;
	memmove(sent->data, sent->data + 1, sent->len + 1);
	*ret_result = *sent;
	*sent = (struct blob){};

	return 0;
}

int child_finish(struct child *child, struct blob *ret_result)
{
	struct blob sent = {};
	int read = blob_read(child->fd, &sent);
	int err;

	close(child->fd);
	err = child_wait(child->pid);
	if (!err && read)
		err = fail(-read, "%s", strerror(-read));
	if (!err)
		return child_unpack(&sent, ret_result);
	blob_free(&sent);

	return err;
}

int child_run(child_fn fn, void *arg, struct blob *ret_result)
{
	struct child child;
	int err = child_start(fn, arg, &child);

	return err ? err : child_finish(&child, ret_result);
}

unsigned int child_cpus(void)
{
	cpu_set_t set;
	int n = 1;

	if (!sched_getaffinity(0, sizeof(set), &set))
		n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > CHILDREN_MAX ? CHILDREN_MAX : (unsigned int)n;
}
