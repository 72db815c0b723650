// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cached.h"
#include "say.h"

#define DEFAULT_PORT	"42217"
#define TIMEOUT		10	/* seconds for one answer */

struct cached {
	int fd;
	bool local;
	char *address;

	/* What it said and was not read yet. */
	char in[4096];
	size_t in_start, in_end;

	/* The batch: its text, and to whom each line belongs. */
	char *out;
	size_t len, room;
	unsigned int *owner;
	size_t lines, lines_room;
};

/* --- address and connection --------------------------------------------------------- */

static const char *unix_path(const char *address)
{
	if (!strncmp(address, "unix:", 5))
		return address + 5;
	return *address == '/' ? address : NULL;
}

/* "[::1]:42217" and "host:42217" in two words; false: neither. */
static bool split_host(const char *address, char host[256], char port[32])
{
	const char *start = address, *end, *colon;

	if (*start == '[') {
		end = strchr(++start, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		colon = end[1] ? end + 1 : NULL;
	} else {
		colon = strrchr(start, ':');
		end = colon ? colon : start + strlen(start);
	}
	if (end == start || end - start >= 256 ||
	    (colon && (!colon[1] || strlen(colon + 1) >= 32 ||
		       strspn(colon + 1, "0123456789") != strlen(colon + 1))))
		return false;
	snprintf(host, 256, "%.*s", (int)(end - start), start);
	snprintf(port, 32, "%s", colon ? colon + 1 : DEFAULT_PORT);

	return true;
}

int cached_check(const char *address)
{
	const char *path = unix_path(address);
	char host[256], port[32];
	struct sockaddr_un un;

	if (path ? *path == '/' && strlen(path) < sizeof(un.sun_path) :
		   split_host(address, host, port))
		return 0;
	return fail(EINVAL,
		    "'%s': give unix:/PATH, HOST or HOST:PORT, as rrdcached -l "
		    "has it",
		    address);
}

static int connect_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un))) {
		int err = -errno;

		close(fd);
		return err;
	}

	return fd;
}

static int set_timeout(int fd)
{
	struct timeval limit = { .tv_sec = TIMEOUT };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		return -errno;
	return 0;
}

static int connect_host(const char *address, const char **ret_why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char host[256], port[32];
	struct addrinfo *list;
	int fd = -EINVAL, rc;

	split_host(address, host, port);
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc) {
		*ret_why = gai_strerror(rc);
		return -EHOSTUNREACH;
	}
	for (struct addrinfo *a = list; a; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC,
			    a->ai_protocol);
		if (fd < 0) {
			fd = -errno;
			continue;
		}
		/* The time limit of sending is that of connecting, too. */
		if (!set_timeout(fd) && !connect(fd, a->ai_addr, a->ai_addrlen))
			break;
		rc = -errno;
		close(fd);
		fd = rc;
	}
	freeaddrinfo(list);

	return fd;
}

int cached_open(struct cached **ret_cached, const char *address)
{
	const char *path = unix_path(address), *why = NULL;
	struct cached *cached;
	int fd, err;

	err = cached_check(address);
	if (err)
		return err;
	fd = path ? connect_unix(path) : connect_host(address, &why);
	if (fd < 0)
		return fail(-fd, "rrdcached at '%s': %s", address,
			    why ? why : strerror(-fd));
	cached = calloc(1, sizeof(*cached));
	if (cached)
		cached->address = strdup(address);
	err = set_timeout(fd);
	if (!cached || !cached->address || err) {
		close(fd);
		free(cached);
		return fail(ENOMEM, "no memory");
	}
	cached->fd = fd;
	cached->local = path;
	*ret_cached = cached;

	return 0;
}

void cached_close(struct cached *cached)
{
	if (!cached)
		return;
	close(cached->fd);
	free(cached->address);
	free(cached->out);
	free(cached->owner);
	free(cached);
}

/* --- lines -------------------------------------------------------------------------- */

static int fail_cached(const struct cached *cached, int err)
{
	const char *why = strerror(err);

	if (err == EAGAIN)
		why = "no answer";
	else if (err == ENODATA)
		why = "it hung up";
	return fail(err, "rrdcached at '%s': %s", cached->address, why);
}

static int put(struct cached *cached, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(cached->fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_cached(cached, errno);
		text += n;
		len -= (size_t)n;
	}

	return 0;
}

/* A line without its end; what does not fit in is lost. */
static int get(struct cached *cached, char *line, size_t size)
{
	size_t used = 0;

	for (;;) {
		ssize_t n;

		while (cached->in_start < cached->in_end) {
			char c = cached->in[cached->in_start++];

			if (c == '\n') {
				line[used] = '\0';
				return 0;
			}
			if (used + 1 < size)
				line[used++] = c;
		}
		n = recv(cached->fd, cached->in, sizeof(cached->in), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_cached(cached, n ? errno : ENODATA);
		cached->in_start = 0;
		cached->in_end = (size_t)n;
	}
}

static int get_number(struct cached *cached, char *line, size_t size,
		      long *ret_number)
{
	char *end;
	int err = get(cached, line, size);

	if (err)
		return err;
	*ret_number = strtol(line, &end, 10);
	if (end == line)
		return fail(EPROTO, "rrdcached at '%s': strange answer '%s'",
			    cached->address, line);
	return 0;
}

int cached_path(const struct cached *cached, const char *dir, const char *file,
		char *buf, size_t size)
{
	size_t used = 0;

	/* Blanks part the words of a command. */
	for (const char *c = cached->local ? dir : ""; *c; c++) {
		if (*c == ' ' || *c == '\t' || *c == '\\')
			buf[used++] = '\\';
		buf[used++] = *c;
		if (used + 3 >= size || *c == '\n')
			return fail(EINVAL, "'%s': no path for rrdcached", dir);
	}
	used += (size_t)snprintf(buf + used, size - used, "%s%s",
				 cached->local ? "/" : "", file);
	if (used >= size)
		return fail(EINVAL, "'%s': no path for rrdcached", dir);

	return 0;
}

int cached_flush(struct cached *cached, const char *path)
{
	char line[CACHED_LINE_MAX];
	long status = 0;
	int err;

	snprintf(line, sizeof(line), "FLUSH %s\n", path);
	err = put(cached, line, strlen(line));
	if (!err)
		err = get_number(cached, line, sizeof(line), &status);
	/* Lines that follow. */
	while (!err && status > 0) {
		err = get(cached, line, sizeof(line));
		status--;
	}
	if (!err && status < 0 && !strstr(line, "No such file"))
		err = fail(EIO, "rrdcached: %s", line);

	return err;
}

/* --- batch -------------------------------------------------------------------------- */

static int grow(struct cached *cached, size_t more)
{
	if (cached->len + more > cached->room) {
		size_t room = 2 * (cached->len + more) + 65536;
		char *out = realloc(cached->out, room);

		if (!out)
			return fail(ENOMEM, "no memory");
		cached->out = out;
		cached->room = room;
	}
	if (cached->lines == cached->lines_room) {
		size_t room = 2 * cached->lines + 1024;
		unsigned int *owner = realloc(cached->owner,
					      room * sizeof(*owner));

		if (!owner)
			return fail(ENOMEM, "no memory");
		cached->owner = owner;
		cached->lines_room = room;
	}

	return 0;
}

int cached_add(struct cached *cached, unsigned int owner, const char *path,
	       int nr, const char *const *row)
{
	size_t path_len = strlen(path);

	for (int i = 0; i < nr;) {
		size_t len = strlen("UPDATE ") + path_len;
		int n = 0;

		while (i + n < nr &&
		       (!n || len + 1 + strlen(row[i + n]) < CACHED_LINE_MAX))
			len += 1 + strlen(row[i + n++]);
		if (grow(cached, len + 2))
			return -ENOMEM;
		cached->len += (size_t)sprintf(cached->out + cached->len,
					       "UPDATE %s", path);
		for (; n; n--)
			cached->len +=
				(size_t)sprintf(cached->out + cached->len,
						" %s", row[i++]);
		cached->out[cached->len++] = '\n';
		cached->owner[cached->lines++] = owner;
	}

	return 0;
}

size_t cached_waiting(const struct cached *cached)
{
	return cached->len;
}

int cached_send(struct cached *cached,
		void (*refused)(void *arg, unsigned int owner,
				const char *message),
		void *arg)
{
	char line[1024];
	long errors = 0;
	int err;

	if (!cached->lines)
		return 0;
	err = put(cached, "BATCH\n", strlen("BATCH\n"));
	if (!err)
		err = get_number(cached, line, sizeof(line), &errors);
	if (!err && errors < 0)
		err = fail(EIO, "rrdcached: %s", line);
	if (!err)
		err = put(cached, cached->out, cached->len);
	if (!err)
		err = put(cached, ".\n", 2);
	if (!err)
		err = get_number(cached, line, sizeof(line), &errors);
	for (; !err && errors > 0; errors--) {
		long number;
		char *text;

		err = get_number(cached, line, sizeof(line), &number);
		if (err || number < 1 || (size_t)number > cached->lines)
			continue;
		text = strchr(line, ' ');
		refused(arg, cached->owner[number - 1], text ? text + 1 : line);
	}
	cached->len = 0;
	cached->lines = 0;

	return err;
}
