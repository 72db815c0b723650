// SPDX-License-Identifier: GPL-2.0
/* The log of refusals: kept, bounded, read again, and what may be wrong with it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"
#include "events.h"
#include "readback.h"
#include "say.h"
#include "tap.h"

static int dir;

static struct live_event event_of(uint64_t seq)
{
	struct live_event event = {
		.loaded_ns = 17,
		.seq = seq,
		.time_ns = 1763942400LL * 1000000000 + (int64_t)seq * 1000000,
		.serial = 3,
		.container = "we\"b",
		.resource = "numproc",
		.kind = "refused",
		.err = "EAGAIN",
		.held = 22,
		.amount = 1,
		.bound = RESCORE_BOUND_MAX,
		.limit = true,
		.pid = 4242,
		.comm = "sh",
		.suppressed = 5,
	};

	return event;
}

static int write_events(uint64_t from, uint64_t to, size_t most)
{
	struct event_log log;

	event_log_init(&log, dir);
	if (most)
		log.most = most;
	for (uint64_t seq = from; seq <= to; seq++) {
		struct live_event event = event_of(seq);

		if (event_log_add(&log, &event))
			return -ENOMEM;
		event_log_flush(&log);
	}
	event_log_free(&log);

	return log.complained ? -EIO : 0;
}

struct seen {
	uint64_t first, last, nr, out_of_order;
	struct live_event event;
};

static int see(void *arg, const struct live_event *event)
{
	struct seen *seen = arg;

	if (!seen->nr++)
		seen->first = event->seq;
	seen->out_of_order += event->seq <= seen->last;
	seen->last = event->seq;
	seen->event = *event;
	return 0;
}

static struct events_gaps gaps;

static struct seen read_events(int *ret_err)
{
	struct seen seen = {};
	int err = events_each(dir, see, &seen, &gaps);

	if (ret_err)
		*ret_err = err;
	return seen;
}

static off_t size_of(const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) ? -1 : st.st_size;
}

static void append(const char *text)
{
	int fd = openat(dir, EVENTS_FILE, O_WRONLY | O_APPEND);

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		tap_ok(false, "write");
	close(fd);
}

static void remove_all(void)
{
	unlinkat(dir, EVENTS_FILE, 0);
	unlinkat(dir, EVENTS_OLD_FILE, 0);
}

static void test_kept(void)
{
	struct live_event want = event_of(23);
	struct event_log log;
	struct seen seen;
	int err;

	seen = read_events(&err);
	tap_ok(!err && !seen.nr, "no log: no events");
	tap_is_int((int64_t)events_cursor(dir, 17), 0, "and all are new");
	tap_is_int(write_events(1, 23, 0), 0, "written");
	seen = read_events(&err);
	tap_ok(!err && seen.nr == 23 && seen.first == 1 && !seen.out_of_order &&
		       !memcmp(&seen.event, &want, sizeof(want)),
	       "read again, field by field");
	tap_is_int((int64_t)events_cursor(dir, 17), 23, "where to go on");
	tap_is_int((int64_t)events_cursor(dir, 18), 0, "after another load");
	event_log_init(&log, dir);
	event_log_lost(&log, 7);
	event_log_flush(&log);
	event_log_free(&log);
	read_events(NULL);
	tap_is_int((int64_t)gaps.lost, 7, "those overwritten are counted");
}

static void test_damaged(void)
{
	struct seen seen;

	append("{\"loaded\":17,\"se");	/* power went */
	seen = read_events(NULL);
	tap_ok(seen.nr == 23 && !gaps.damaged, "a line that has no end yet");
	write_events(24, 24, 0);
	append("{\"time_ms\":true}\nnonsense\n");
	seen = read_events(NULL);
	tap_ok(seen.nr == 24 && seen.last == 24 && gaps.damaged == 3,
	       "damaged lines hide no others");
}

static void test_bounded(void)
{
	struct seen seen;

	remove_all();
	write_events(1, 997, 20000);
	tap_ok(size_of(EVENTS_FILE) <= 20000 &&
		       size_of(EVENTS_OLD_FILE) <= 20000 &&
		       size_of(EVENTS_OLD_FILE) > 15000,
	       "two files of a bounded size");
	seen = read_events(NULL);
	tap_ok(seen.last == 997 && seen.nr == 998 - seen.first &&
		       seen.nr > 60 && !seen.out_of_order && !gaps.damaged,
	       "which hold the newest %d, in order", (int)seen.nr);
}

static void test_refused(void)
{
	struct capture captured;
	int err;

	remove_all();
	write_events(1, 1, 0);
	unlinkat(dir, EVENTS_OLD_FILE, 0);
	renameat(dir, EVENTS_FILE, dir, EVENTS_OLD_FILE);
	dprintf(openat(dir, EVENTS_FILE, O_WRONLY | O_CREAT, 0644),
		"{\"version\":2}\n");
	read_events(&err);
	tap_ok(err == -EPROTO && strstr(failure(), "version 2"), "%s",
	       failure());
	remove_all();
	if (symlinkat("/etc/passwd", dir, EVENTS_FILE))
		tap_ok(false, "symlink");
	capture_begin(&captured, stderr);
	err = write_events(1, 2, 0);
	capture_end(&captured);
	tap_ok(err && strstr(captured.text, "cannot write 'events.log'") &&
		       strchr(captured.text, '\n') ==
			       captured.text + strlen(captured.text) - 1,
	       "a symbolic link is not followed, and told of once");
	remove_all();
	tap_is_int(write_events(1, 1, 0), 0, "it is gone: written again");
}

static void limit_file_size(rlim_t size)
{
	struct rlimit limit = { size, RLIM_INFINITY };

	setrlimit(RLIMIT_FSIZE, &limit);
}

/* The disk is full: nothing half stays. */
static void test_full(void)
{
	struct event_log log;
	struct live_event event = event_of(1);
	struct capture captured;
	struct seen seen;

	remove_all();
	write_events(1, 1, 0);
	event_log_init(&log, dir);
	capture_begin(&captured, stderr);
	limit_file_size((rlim_t)size_of(EVENTS_FILE) + 20);
	event = event_of(2);
	event_log_add(&log, &event);
	event_log_flush(&log);
	limit_file_size(RLIM_INFINITY);
	event = event_of(3);
	event_log_add(&log, &event);
	event_log_flush(&log);
	capture_end(&captured);
	event_log_free(&log);
	seen = read_events(NULL);
	tap_ok(seen.nr == 2 && seen.last == 3 && !gaps.damaged &&
		       strstr(captured.text, "written again"),
	       "a full disk leaves no half line");
}

int main(void)
{
	const char *base = tmp_make();

	signal(SIGXFSZ, SIG_IGN);	/* write() then says EFBIG */
	dir = open(base, O_RDONLY | O_DIRECTORY);
	test_kept();
	test_damaged();
	test_bounded();
	test_refused();
	test_full();
	close(dir);
	tmp_remove(base);
	return tap_done();
}
