// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events.h"
#include "live_json.h"
#include "say.h"

#define HEADER_FORMAT	"{\"version\":%d}\n"

/* --- writing -------------------------------------------------------------- */

void event_log_init(struct event_log *log, int dir)
{
	*log = (struct event_log){ .dir = dir, .most = EVENTS_BYTES };
}

void event_log_free(struct event_log *log)
{
	blob_free(&log->waiting);
	log->room = 0;
}

static int add_line(struct event_log *log, const char *line, size_t len)
{
	struct blob *waiting = &log->waiting;

	if (waiting->len + len + 1 > log->room) {
		size_t room = 2 * (waiting->len + len + 1);
		char *data = realloc(waiting->data, room);

		if (!data)
			return fail(ENOMEM, "no memory");
		waiting->data = data;
		log->room = room;
	}
	memcpy(waiting->data + waiting->len, line, len);
	waiting->len += len;
	waiting->data[waiting->len++] = '\n';

	return 0;
}

int event_log_add(struct event_log *log, const struct live_event *event)
{
	json_t *json = live_json_event(event, false);
	char *line;
	int err;

	if (!json)
		return fail(ENOMEM, "no memory");
	json_object_set_new(json, "loaded", json_integer(event->loaded_ns));
	json_object_set_new(json, "seq", json_integer((json_int_t)event->seq));
	line = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (!line)
		return fail(ENOMEM, "no memory");
	err = add_line(log, line, strlen(line));
	free(line);

	return err;
}

int event_log_lost(struct event_log *log, uint64_t lost)
{
	char line[48];
	int len = snprintf(line, sizeof(line), "{\"lost\":%llu}",
			   (unsigned long long)lost);

	return add_line(log, line, (size_t)len);
}

/* The log, at its end; *@ret_size as it was found. */
static int open_log(const struct event_log *log, off_t *ret_size)
{
	struct stat st;
	int fd = openat(log->dir, EVENTS_FILE,
			O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			0644);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	*ret_size = st.st_size;

	return fd;
}

/* Power went while the last line was written? Then ours begin on another. */
static int end_line(int fd, off_t size)
{
	char last;

	if (pread(fd, &last, 1, size - 1) != 1)
		return -EIO;
	return last == '\n' ? 0 : write_all(fd, "\n", 1);
}

static int append(const struct event_log *log)
{
	off_t size = 0;
	int err, fd;

	fd = open_log(log, &size);
	if (fd < 0)
		return fd;
	if (size && (size_t)size + log->waiting.len > log->most) {
		close(fd);
		if (renameat(log->dir, EVENTS_FILE, log->dir, EVENTS_OLD_FILE))
			return -errno;
		fd = open_log(log, &size);
		if (fd < 0)
			return fd;
	}
	if (size) {
		err = end_line(fd, size);
	} else {
		char header[32];
		int len = snprintf(header, sizeof(header), HEADER_FORMAT,
				   EVENTS_VERSION);

		err = write_all(fd, header, (size_t)len);
	}
	if (!err)
		err = write_all(fd, log->waiting.data, log->waiting.len);
	/* Half a line would stay for ever. */
	if (err && ftruncate(fd, size))
		err = -errno;
	close(fd);

	return err;
}

void event_log_flush(struct event_log *log)
{
	int err;

	if (!log->waiting.len)
		return;
	err = append(log);
	log->waiting.len = 0;
	if (err && !log->complained)
		say("cannot write '" EVENTS_FILE "': %s; refusals are counted, "
		    "but not kept one by one",
		    strerror(-err));
	else if (!err && log->complained)
		say("'" EVENTS_FILE "' is written again");
	log->complained = err;
}

/* --- reading -------------------------------------------------------------- */

static int read_header(const char *name, const char *line, size_t len)
{
	json_t *root = json_loadb(line, len, 0, NULL);
	int version = 0;

	(void)json_unpack(root, "{s:i}", "version", &version);
	json_decref(root);
	if (version == EVENTS_VERSION)
		return 0;
	if (version > EVENTS_VERSION)
		return fail(EPROTO,
			    "'%s' is of version %d; this rstat reads %d", name,
			    version, EVENTS_VERSION);
	return fail(EPROTO, "'%s' is damaged, or not written by rstat", name);
}

struct reader {
	int (*visit)(void *arg, const struct live_event *event);
	void *arg;
	struct events_gaps *gaps;
};

static int read_line(const struct reader *reader, const char *line, size_t len)
{
	json_t *root = json_loadb(line, len, 0, NULL);
	json_t *lost = json_object_get(root, "lost");
	struct live_event event;
	int err = 0;

	if (json_is_integer(lost))
		reader->gaps->lost += (uint64_t)json_integer_value(lost);
	else if (!root || live_json_parse_event(root, &event))
		reader->gaps->damaged++;
	else
		err = reader->visit(reader->arg, &event);
	json_decref(root);

	return err;
}

static int read_file(int dir, const char *name, const struct reader *reader)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	const char *line, *end;
	struct blob text;
	int err;

	if (fd < 0 && errno == ENOENT)
		return 0;
	err = fd < 0 ? -errno : blob_read(fd, &text);
	if (fd >= 0)
		close(fd);
	if (err)
		return fail(-err, "cannot read '%s': %s", name, strerror(-err));
	line = text.data;
	/* What has no end yet is being written. */
	for (; !err && (end = strchr(line, '\n')); line = end + 1) {
		size_t len = (size_t)(end - line);

		err = line == text.data ? read_header(name, line, len) :
					  read_line(reader, line, len);
	}
	blob_free(&text);

	return err;
}

int events_each(int dir,
		int (*visit)(void *arg, const struct live_event *event),
		void *arg, struct events_gaps *ret_gaps)
{
	const struct reader reader = { visit, arg, ret_gaps };
	int err;

	*ret_gaps = (struct events_gaps){};
	err = read_file(dir, EVENTS_OLD_FILE, &reader);

	return err ? err : read_file(dir, EVENTS_FILE, &reader);
}

struct resume {
	int64_t loaded_ns;
	uint64_t cursor;
};

static int visit_resume(void *arg, const struct live_event *event)
{
	struct resume *resume = arg;

	if (event->loaded_ns == resume->loaded_ns &&
	    event->seq > resume->cursor)
		resume->cursor = event->seq;
	return 0;
}

uint64_t events_cursor(int dir, int64_t loaded_ns)
{
	struct resume resume = { .loaded_ns = loaded_ns };
	struct events_gaps gaps;

	/* Nothing is known of a damaged one: then everything is new. */
	(void)events_each(dir, visit_resume, &resume, &gaps);

	return resume.cursor;
}
