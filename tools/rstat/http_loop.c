// SPDX-License-Identifier: GPL-2.0
/* Where the server listens, what it waits for, and for how long. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "http_internal.h"
#include "say.h"

/* libmicrohttpd's own clock starts anew with every byte: one byte a while
 * would keep a connection for ever. This one does not.
 */
struct http_connection {
	struct http_connection *next;
	struct http_connection **at;	/* what points here */
	int fd;
	int64_t deadline;		/* milliseconds, job_now() */
};

/* --- addresses -------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

int http_parse_address(const char *text, struct http_address *ret_address)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	char host[64];
	size_t len;

	len = colon ? (size_t)(colon - text) : 0;
	if (!len || len >= sizeof(host) || !colon[1])
		goto bad;
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		memmove(host, host + 1, len - 1);
	} else if (strchr(host, ':')) {
		goto bad;	/* "::1:80" could be anything */
	}
	if (!strcmp(host, "localhost"))
		strcpy(host, "127.0.0.1");
	if (strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    atol(colon + 1) > 65535 ||
	    getaddrinfo(host, colon + 1, &hints, &found))
		goto bad;
	memset(ret_address, 0, sizeof(*ret_address));
	memcpy(&ret_address->at, found->ai_addr, found->ai_addrlen);
	ret_address->len = found->ai_addrlen;
	ret_address->loopback = is_loopback(&ret_address->at);
	freeaddrinfo(found);

	return 0;
bad:
	return fail(EINVAL,
		    "--listen '%s': give ADDRESS:PORT, as in 127.0.0.1:9119 or "
		    "[::1]:9119",
		    text);
}

static int listen_socket(const struct http_address *address, int *ret_fd)
{
	char host[64] = "?", port[16] = "?";
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	int one = 1, fd, err;

	getnameinfo((const void *)&address->at, address->len, host,
		    sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	fd = socket(address->at.ss_family,
		    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(errno, "socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const void *)&address->at, address->len) ||
	    listen(fd, HTTP_CONNECTIONS)) {
		err = fail(errno, "cannot listen on %s port %s: %s", host, port,
			   strerror(errno));
		close(fd);
		return err;
	}
	/* Port 0 has become another one. */
	if (!getsockname(fd, (void *)&at, &len))
		getnameinfo((const void *)&at, len, NULL, 0, port, sizeof(port),
			    NI_NUMERICSERV);
	printf(strchr(host, ':') ? "listening on http://[%s]:%s/\n" :
				   "listening on http://%s:%s/\n",
	       host, port);
	(void)fflush(stdout);
	*ret_fd = fd;

	return 0;
}

/* --- connections -------------------------------------------------------------- */

static struct http_connection *connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection,
					MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void set_deadline(struct http_connection *c, int seconds)
{
	if (c)
		c->deadline = job_now() + seconds * 1000LL;
}

void http_head_arrived(struct MHD_Connection *connection)
{
	set_deadline(connection_of(connection), HTTP_REPLY_SECONDS);
}

void http_reply_done(struct MHD_Connection *connection)
{
	set_deadline(connection_of(connection), HTTP_HEAD_SECONDS);
}

static void connection_changed(void *arg, struct MHD_Connection *connection,
			       void **context,
			       enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = arg;
	struct http_connection *c = *context;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (!c)
			return;
		*c->at = c->next;
		if (c->next)
			c->next->at = c->at;
		free(c);
		*context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection,
				       MHD_CONNECTION_INFO_CONNECTION_FD);
	c = info ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return;	/* MHD's own time-out is left */
	c->fd = info->connect_fd;
	set_deadline(c, HTTP_HEAD_SECONDS);
	c->next = server->connections;
	c->at = &server->connections;
	if (c->next)
		c->next->at = &c->next;
	server->connections = c;
	*context = c;
}

/* MHD sees the end of the connection and tidies up. */
static void cut_off_late(struct http_server *server)
{
	int64_t now = job_now();

	for (struct http_connection *c = server->connections; c; c = c->next)
		if (now >= c->deadline)
			(void)shutdown(c->fd, SHUT_RDWR);
}

/* --- the loop ------------------------------------------------------------------- */

/* It reports every client that goes away. */
static void be_quiet(void *arg, const char *format, va_list args)
{
	(void)arg;
	(void)format;
	(void)args;
}

static int start(struct http_server *server)
{
	int fd, err;

	err = listen_socket(&server->options->address, &fd);
	if (err)
		return err;
	/* clang-format off */
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
		NULL, NULL, http_access, server,
		MHD_OPTION_EXTERNAL_LOGGER, be_quiet, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, HTTP_CONNECTIONS_IP,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, HTTP_HEAD_SECONDS,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_NOTIFY_COMPLETED, http_completed, server,
		MHD_OPTION_NOTIFY_CONNECTION, connection_changed, server,
		MHD_OPTION_END);
	/* clang-format on */
	if (server->daemon)
		return 0;
	close(fd);

	return fail(EIO, "the HTTP server does not start");
}

static int signal_file(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	return fd < 0 ? fail(errno, "signalfd: %s", strerror(errno)) : fd;
}

static int least(int a, int b)
{
	return b < 0 || (a >= 0 && a < b) ? a : b;
}

static int wait_time(struct http_server *server, int64_t next_tick)
{
	int64_t left = next_tick - job_now();
	MHD_UNSIGNED_LONG_LONG mhd;
	int timeout = left > 0 ? (int)left : 0;

	timeout = least(timeout, jobs_timeout(&server->jobs));
	if (MHD_get_timeout(server->daemon, &mhd) == MHD_YES &&
	    mhd < (MHD_UNSIGNED_LONG_LONG)timeout)
		timeout = (int)mhd;

	return timeout;
}

static int loop(struct http_server *server, int signals)
{
	const struct http_options *options = server->options;
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds[2 + JOBS_RUNNING + HTTP_STREAMS];
	int64_t next_tick = job_now() + options->tick_ms;

	if (!info)
		return fail(EIO, "the HTTP server has no epoll");
	for (;;) {
		unsigned int n = 2;

		fds[0] = (struct pollfd){ signals, POLLIN, 0 };
		fds[1] = (struct pollfd){ info->epoll_fd, POLLIN, 0 };
		n += jobs_poll(&server->jobs, fds + n);
		n += http_streams_poll(server, fds + n);
		if (poll(fds, n, wait_time(server, next_tick)) < 0 &&
		    errno != EINTR)
			return fail(errno, "poll: %s", strerror(errno));
		if (fds[0].revents)
			return 0;
		if (job_now() >= next_tick) {
			options->tick(options->arg);
			cut_off_late(server);
			next_tick = job_now() + options->tick_ms;
		}
		jobs_run(&server->jobs);
		http_streams_run(server, false);
		MHD_run(server->daemon);
	}
}

int http_run(const struct http_options *options)
{
	struct http_server server = { .options = options };
	int signals, err;

	signals = signal_file();
	if (signals < 0)
		return signals;
	options->tick(options->arg);
	err = start(&server);
	if (!err) {
		err = loop(&server, signals);
		jobs_stop(&server.jobs);
		/* No connection may be suspended then. */
		http_streams_run(&server, true);
		MHD_stop_daemon(server.daemon);
	}
	close(signals);

	return err;
}
