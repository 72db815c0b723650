// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record.h"
#include "say.h"
#include "writer.h"

/* What the child tells; it may end at any moment. */
struct writer_shared {
	uint32_t busy_with;	/* index + 1 */
	struct {
		int64_t stamp;	/* stored up to here; 0: not */
		uint32_t complaint;
	} result[];
};

/* FNV-1a; 0 means none. Digits are left out: "5 KB free" is no news after 6. */
static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261U;

	for (; *text; text++)
		if (*text < '0' || *text > '9')
			hash = (hash ^ (unsigned char)*text) * 16777619U;
	return hash ? hash : 1;
}

/* Say what is wrong with a container once, not at every flush. */
static uint32_t complain(uint32_t before)
{
	uint32_t hash = hash_text(failure());

	if (hash != before)
		say("%s (its samples are kept for a while)", failure());
	return hash;
}

static void write_one(struct writer *writer, size_t i)
{
	struct series *series = writer->series[i];
	int64_t stamp = 0;

	writer->shared->busy_with = (uint32_t)i + 1;
	if (record_series(writer->store, series, &stamp)) {
		writer->shared->result[i].complaint =
			complain(series->complaint);
	} else {
		if (series->complaint)
			say("'%s' is stored again", series->id.name);
		writer->shared->result[i].complaint = 0;
		writer->shared->result[i].stamp = stamp;
	}
	writer->shared->busy_with = 0;
}

static void writer_child(struct writer *writer)
{
	sigset_t none;

	/* Ctrl-C reaches the whole group, and half a flush helps nobody. */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);	/* write() then says EFBIG */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	/* What killed a writer before comes last. */
	for (size_t i = 0; i < writer->nr; i++)
		if (!writer->series[i]->crashed)
			write_one(writer, i);
	for (size_t i = 0; i < writer->nr; i++)
		if (writer->series[i]->crashed)
			write_one(writer, i);
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
	writer->pid = 0;
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

int writer_start(struct writer *writer, struct batch *batch)
{
	int err = writer_prepare(writer, batch);

	if (err || !writer->nr)
		return err;
	writer->pid = fork();
	if (!writer->pid)
		writer_child(writer);
	if (writer->pid < 0) {
		err = errno;
		writer_done(writer);
		return fail(err, "cannot start the writer: %s", strerror(err));
	}

	return 0;
}

static void say_killed(struct writer *writer, int status)
{
	uint32_t busy = writer->shared->busy_with;
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

bool writer_reap(struct writer *writer, bool wait)
{
	int status;
	pid_t pid;

	if (!writer->pid)
		return true;
	do {
		pid = waitpid(writer->pid, &status, wait ? 0 : WNOHANG);
	} while (pid < 0 && errno == EINTR);
	if (!pid)
		return false;

	for (size_t i = 0; i < writer->nr; i++) {
		struct series *series = writer->series[i];
		int64_t stamp = writer->shared->result[i].stamp;

		series->complaint = writer->shared->result[i].complaint;
		if (!stamp)
			continue;
		writer->rows_stored += series->use.nr;
		series_written(series, stamp);
		writer->rows_stored -= series->use.nr;
		series->crashed = false;
	}
	if (pid > 0 && (!WIFEXITED(status) || WEXITSTATUS(status)))
		say_killed(writer, status);
	writer_done(writer);

	return true;
}

void writer_kill(struct writer *writer)
{
	if (writer->pid)
		(void)kill(writer->pid, SIGKILL);
}
