// SPDX-License-Identifier: GPL-2.0
/*
 * Answers that are longer than one wants to keep: a child writes them into a pipe,
 * as fast as the client takes them. It is a fork, so that a slow client, too, gets
 * everything as it was when it asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "http_internal.h"
#include "say.h"

#define PART	65536

struct http_stream {
	struct http_stream *next;
	struct http_server *server;
	struct MHD_Connection *connection;
	pid_t pid;	/* 0: it was waited for */
	int fd;
	bool zipped;
	bool waits;	/* the connection is suspended: nothing is there yet */
};

/* --- in the child ------------------------------------------------------------- */

struct pipe_end {
	int fd;
	z_stream *zip;	/* or NULL */
	unsigned char part[PART];
};

static int put_plain(void *arg, const char *data, size_t len)
{
	const struct pipe_end *end = arg;

	return write_all(end->fd, data, len);
}

static int squeeze(struct pipe_end *end, const char *data, size_t len,
		   int flush)
{
	z_stream *z = end->zip;
	int err = 0;

	z->next_in = (Bytef *)data;
	z->avail_in = (uInt)len;
	do {
		z->next_out = end->part;
		z->avail_out = sizeof(end->part);
		(void)deflate(z, flush);
		err = write_all(end->fd, end->part,
				sizeof(end->part) - z->avail_out);
	} while (!err && !z->avail_out);

	return err;
}

static int put_zipped(void *arg, const char *data, size_t len)
{
	return squeeze(arg, data, len, Z_NO_FLUSH);
}

static void stream_child(int fd, bool zipped, http_writer fn, void *arg)
{
	static struct pipe_end end;
	z_stream zip = {};
	sigset_t none;
	int err;

	end.fd = fd;
	child_close_others(fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	child_limit_cpu(JOB_SECONDS);
	if (zipped) {
		/* 15 + 16: a window of 32 KiB and gzip's own header. */
		if (deflateInit2(&zip, 1, Z_DEFLATED, 15 + 16, 8,
				 Z_DEFAULT_STRATEGY) != Z_OK)
			_exit(RSTAT_FAILED);
		end.zip = &zip;
	}
	err = fn(arg, zipped ? put_zipped : put_plain, &end);
	if (!err && zipped)
		err = squeeze(&end, NULL, 0, Z_FINISH);
	_exit(err ? RSTAT_FAILED : RSTAT_OK);
}

/* --- in the server -------------------------------------------------------------- */

static bool ended_well(struct http_stream *s)
{
	int status;
	pid_t pid;

	do {
		pid = waitpid(s->pid, &status, 0);
	} while (pid < 0 && errno == EINTR);
	s->pid = 0;

	return pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status);
}

void http_stream_free(void *arg)
{
	struct http_stream *s = arg, **at = &s->server->streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->server->nr_streams--;
	close(s->fd);
	if (s->pid) {
		(void)kill(s->pid, SIGKILL);
		(void)ended_well(s);
	}
	free(s);
}

static ssize_t read_part(void *arg, uint64_t pos, char *to, size_t len)
{
	struct http_stream *s = arg;
	ssize_t n = read(s->fd, to, len);

	(void)pos;
	if (n > 0)
		return n;
	if (!n)
		return ended_well(s) ? MHD_CONTENT_READER_END_OF_STREAM :
				       MHD_CONTENT_READER_END_WITH_ERROR;
	if (errno != EAGAIN && errno != EINTR)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	s->waits = true;
	MHD_suspend_connection(s->connection);

	return 0;
}

struct MHD_Response *http_stream_response(struct http_stream *s,
					  bool *ret_zipped)
{
	*ret_zipped = s->zipped;
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PART,
						 read_part, s,
						 http_stream_free);
}

static int start(struct http_stream *s, http_writer fn, void *arg)
{
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC))
		return fail(errno, "pipe: %s", strerror(errno));
	s->pid = fork();
	if (!s->pid)
		stream_child(fds[1], s->zipped, fn, arg);
	close(fds[1]);
	s->fd = fds[0];
	if (s->pid > 0 && !fcntl(s->fd, F_SETFL, O_NONBLOCK))
		return 0;
	err = fail(errno, "fork: %s", strerror(errno));
	close(s->fd);

	return err;
}

struct http_stream *http_stream_start(struct http_request *request, bool zipped,
				      http_writer fn, void *arg)
{
	struct http_server *server = request->server;
	struct http_stream *s;

	if (server->nr_streams >= HTTP_STREAMS)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->server = server;
	s->connection = request->connection;
	s->zipped = zipped;
	if (start(s, fn, arg)) {
		say("serve: %s", failure());
		free(s);
		return NULL;
	}
	s->next = server->streams;
	server->streams = s;
	server->nr_streams++;

	return s;
}

unsigned int http_streams_poll(const struct http_server *server,
			       struct pollfd *ret_fds)
{
	unsigned int n = 0;

	for (const struct http_stream *s = server->streams; s; s = s->next)
		if (s->waits)
			ret_fds[n++] = (struct pollfd){ s->fd, POLLIN, 0 };
	return n;
}

void http_streams_run(struct http_server *server, bool all)
{
	for (struct http_stream *s = server->streams; s; s = s->next) {
		struct pollfd fd = { s->fd, POLLIN, 0 };

		if (!s->waits || (!all && poll(&fd, 1, 0) <= 0))
			continue;
		s->waits = false;
		MHD_resume_connection(s->connection);
	}
}
