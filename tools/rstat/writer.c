// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "privilege.h"
#include "record.h"
#include "say.h"
#include "writer.h"

/* What the children tell; they may end at any moment. */
struct writer_shared {
	uint32_t busy_with[WRITERS_MAX];	/* index + 1 */
	uint32_t daemon_complained;
	struct {
		struct recorded recorded;	/* stamp 0: not */
		uint32_t complaint;
	} result[];
};

#define SERIES_PER_WRITER 64	/* fewer are not worth another process */
#define BATCH_BYTES	262144	/* of updates, sent to rrdcached */

/* FNV-1a; 0 means none. Digits are left out: "5 KB free" is no news after 6. */
static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261U;

	for (; *text; text++)
		if (*text < '0' || *text > '9')
			hash = (hash ^ (unsigned char)*text) * 16777619U;
	return hash ? hash : 1;
}

/*
 * In a child: of what concerns all, such as a clock that was set back, a few
 * containers are enough.
 */
static unsigned int lines_left = 10, failed_unsaid, stored_unsaid;

static bool may_say(unsigned int *unsaid)
{
	if (lines_left) {
		lines_left--;
		return true;
	}
	++*unsaid;

	return false;
}

static void say_the_rest(void)
{
	if (failed_unsaid)
		say("%u more containers cannot be stored now (their samples are "
		    "kept for a while)",
		    failed_unsaid);
	if (stored_unsaid)
		say("%u more containers are stored again", stored_unsaid);
}

/* Say what is wrong with a container once, not at every flush. */
static uint32_t complain(uint32_t before)
{
	uint32_t hash = hash_text(failure());

	if (hash != before && may_say(&failed_unsaid))
		say("%s (its samples are kept for a while)", failure());
	return hash;
}

static void write_failed(struct writer *writer, size_t i)
{
	writer->shared->result[i].complaint =
		complain(writer->series[i]->complaint);
}

static void write_succeeded(struct writer *writer, size_t i,
			    const struct recorded *recorded)
{
	if (writer->series[i]->complaint && may_say(&stored_unsaid))
		say("'%s' is stored again", writer->series[i]->id.name);
	writer->shared->result[i].complaint = 0;
	writer->shared->result[i].recorded = *recorded;
}

static void write_one(struct writer *writer, size_t i)
{
	struct recorded recorded;

	writer->shared->busy_with[i % writer->parts] = (uint32_t)i + 1;
	if (record_series(writer->store, writer->series[i], &recorded))
		write_failed(writer, i);
	else
		write_succeeded(writer, i, &recorded);
	writer->shared->busy_with[i % writer->parts] = 0;
}

/* --- through rrdcached ------------------------------------------------------------- */

struct sending {
	struct writer *writer;
	struct cached *cached;
	struct recorded *recorded; /* by series; stamp 0: not in this batch */
};

static void refused(void *arg, unsigned int owner, const char *message)
{
	struct sending *s = arg;
	const struct series *series = s->writer->series[owner];

	/* More lines of it may be refused: one complaint will do. */
	if (!s->recorded[owner].stamp)
		return;
	s->recorded[owner].stamp = 0;
	(void)fail(EIO, "'%s': rrdcached: %s", series->id.name, message);
	write_failed(s->writer, owner);
}

/* What the batch is made of: series first..last - 1. False: the daemon is gone. */
static bool send_batch(struct sending *s, size_t first, size_t last)
{
	int err = cached_send(s->cached, refused, s);

	if (err && !s->writer->daemon_complained)
		say("%s (samples are kept for a while)", failure());
	s->writer->shared->daemon_complained = err;
	for (size_t i = first; i < last; i += s->writer->parts)
		if (!err && s->recorded[i].stamp)
			write_succeeded(s->writer, i, &s->recorded[i]);

	return !err;
}

static void send_all(struct sending *s, unsigned int part)
{
	struct writer *writer = s->writer;
	size_t first = part;

	for (size_t i = part; i < writer->nr; i += writer->parts) {
		int err;

		writer->shared->busy_with[i % writer->parts] = (uint32_t)i + 1;
		err = record_cached(writer->store, writer->series[i], s->cached,
				    (unsigned int)i, &s->recorded[i]);
		writer->shared->busy_with[i % writer->parts] = 0;
		if (err) {
			/* Some of its files may be in the batch already. */
			s->recorded[i].stamp = 0;
			write_failed(writer, i);
		}
		if (cached_waiting(s->cached) < BATCH_BYTES)
			continue;
		if (!send_batch(s, first, i + 1))
			return;
		first = i + writer->parts;
	}
	(void)send_batch(s, first, writer->nr);
}

static void write_cached(struct writer *writer, unsigned int part)
{
	struct sending s = { .writer = writer };

	s.recorded = calloc(writer->nr, sizeof(*s.recorded));
	if (!s.recorded || cached_open(&s.cached, writer->store->cached) ||
	    privilege_become_owner(writer->store->fd)) {
		/* Once for all of them, and once until it is back. */
		if (!writer->daemon_complained && !part)
			say("%s (samples are kept for a while)", failure());
		writer->shared->daemon_complained = true;
		return;
	}
	if (writer->daemon_complained && !part)
		say("rrdcached is there again");
	writer->shared->daemon_complained = false;
	send_all(&s, part);
	cached_close(s.cached);
	free(s.recorded);
}

static void writer_child(struct writer *writer, unsigned int part)
{
	sigset_t none;

	/* Ctrl-C reaches the whole group, and half a flush helps nobody. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);	/* write() then says EFBIG */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	if (writer->store->cached) {
		write_cached(writer, part);
		say_the_rest();
		_exit(RSTAT_OK);
	}
	/* librrd gets at nothing but the store. */
	if (privilege_become_owner(writer->store->fd)) {
		say("%s", failure());
		_exit(RSTAT_FAILED);
	}
	/* What killed a writer before comes last. */
	for (size_t i = part; i < writer->nr; i += writer->parts)
		if (!writer->series[i]->crashed)
			write_one(writer, i);
	for (size_t i = part; i < writer->nr; i += writer->parts)
		if (writer->series[i]->crashed)
			write_one(writer, i);
	say_the_rest();
	_exit(RSTAT_OK);
}

static void writer_done(struct writer *writer)
{
	if (writer->shared)
		munmap(writer->shared, writer->shared_size);
	free(writer->series);
	writer->shared = NULL;
	writer->series = NULL;
	writer->nr = 0;
	writer->running = 0;
}

static int writer_prepare(struct writer *writer, struct batch *batch)
{
	size_t n = 0;
	void *shared;

	writer->nr = 0;
	for (struct series *s = batch->series; s; s = s->next)
		n += series_pending(s);
	if (!n)
		return 0;
	writer->shared_size = sizeof(*writer->shared) +
			      n * sizeof(writer->shared->result[0]);
	shared = mmap(NULL, writer->shared_size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return fail(ENOMEM, "no memory");
	writer->shared = shared;
	writer->shared->daemon_complained = writer->daemon_complained;
	writer->series = calloc(n, sizeof(struct series *));
	if (!writer->series) {
		writer_done(writer);
		return fail(ENOMEM, "no memory");
	}
	for (struct series *s = batch->series; s && writer->nr < n;
	     s = s->next) {
		if (!series_pending(s))
			continue;
		writer->shared->result[writer->nr].complaint = s->complaint;
		writer->series[writer->nr++] = s;
	}

	return 0;
}

static unsigned int count_parts(size_t series)
{
	unsigned int parts = child_cpus();

	if (parts > WRITERS_MAX)
		parts = WRITERS_MAX;
	while (parts > 1 && series / parts < SERIES_PER_WRITER)
		parts--;
	return parts;
}

int writer_start(struct writer *writer, struct batch *batch)
{
	int err = writer_prepare(writer, batch);

	if (err || !writer->nr)
		return err;
	writer->parts = count_parts(writer->nr);
	for (unsigned int part = 0; part < writer->parts; part++) {
		pid_t pid = fork();

		if (!pid)
			writer_child(writer, part);
		writer->pid[part] = pid > 0 ? pid : 0;
		writer->running += pid > 0;
	}
	/* What has no writer stays where it is. */
	if (!writer->running) {
		err = errno;
		writer_done(writer);
		return fail(err, "cannot start the writer: %s", strerror(err));
	}

	return 0;
}

static void say_killed(struct writer *writer, unsigned int part, int status)
{
	uint32_t busy = writer->shared->busy_with[part];
	struct series *series = NULL;

	if (busy && busy <= writer->nr)
		series = writer->series[busy - 1];
	/* Once: the same file may do it at every flush. */
	if (!series || !series->crashed)
		say("writing %s%s%s failed: %s; is the disk full, or a file "
		    "damaged? (samples are kept for a while)",
		    series ? "'" : "", series ? series->id.name : "samples",
		    series ? "'" : "",
		    WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) :
					  "the writer gave up");
	if (series)
		series->crashed = true;
}

static void take_over_one(struct writer *writer, struct series *series,
			  const struct recorded *recorded)
{
	if (!recorded->stamp) {
		/* What is in the files they must be asked. */
		series->sent_use = series->sent_cap = 0;
		series->plain = false;
		return;
	}
	series->plain = recorded->plain;
	memcpy(series->identity, recorded->identity, sizeof(series->identity));
	series_sent(series, recorded->stamp);
	writer->rows_stored += series->use.nr;
	series_written(series, recorded->stamp);
	writer->rows_stored -= series->use.nr;
	series->crashed = false;
}

static void take_over(struct writer *writer)
{
	writer->daemon_complained = writer->shared->daemon_complained;
	for (size_t i = 0; i < writer->nr; i++) {
		writer->series[i]->complaint =
			writer->shared->result[i].complaint;
		take_over_one(writer, writer->series[i],
			      &writer->shared->result[i].recorded);
	}
}

bool writer_reap(struct writer *writer, bool wait)
{
	if (!writer->running)
		return true;
	for (unsigned int part = 0; part < writer->parts; part++) {
		int status;
		pid_t pid;

		if (!writer->pid[part])
			continue;
		do {
			pid = waitpid(writer->pid[part], &status,
				      wait ? 0 : WNOHANG);
		} while (pid < 0 && errno == EINTR);
		if (!pid)
			continue;
		writer->pid[part] = 0;
		writer->running--;
		if (pid > 0 && (!WIFEXITED(status) || WEXITSTATUS(status)))
			say_killed(writer, part, status);
	}
	if (writer->running)
		return false;
	take_over(writer);
	writer_done(writer);

	return true;
}

void writer_kill(struct writer *writer)
{
	for (unsigned int part = 0; writer->running && part < writer->parts;
	     part++)
		if (writer->pid[part])
			(void)kill(writer->pid[part], SIGKILL);
}
