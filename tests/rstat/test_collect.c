// SPDX-License-Identifier: GPL-2.0
/* The collector with its clock, timer and signals; a script is its source. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "capture.h"
#include "collect.h"
#include "events.h"
#include "scripted.h"
#include "readback.h"
#include "tap.h"

static char base[256];
static struct schema schema = {
	.nr = 1,
	.resource = { { "numproc", RESCORE_COUNT } },
};
static volatile int *rounds;	/* asked for; seen by all processes */
static int gone_from, gone_to;	/* rounds in which there is no source */

static const char *store_path(const char *name)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static int script_round(struct source *source, source_sink sink, void *arg)
{
	struct container_id id = { .name = "web", .serial = 1, .created = 1 };
	struct reading reading = {
		.known = true,
		.bounds = { 10, 20 },
	};

	(void)source;
	++*rounds;
	if (*rounds >= gone_from && *rounds < gone_to)
		return fail(ENOENT, "the script is not there");
	reading.held = *rounds;
	reading.peak = 2 * *rounds;
	return sink(arg, 7, &id, &schema, &reading);
}

static int64_t script_loaded(struct source *source)
{
	(void)source;
	return 17;
}

/* One for each round; the container of every third is gone when it is read. */
static int script_event(struct source *source, uint64_t *cursor,
			struct live_event *ret_event, uint64_t *ret_lost)
{
	(void)source;
	(void)ret_lost;
	if (*cursor >= (uint64_t)*rounds)
		return 0;
	*ret_event = (struct live_event){
		.loaded_ns = 17,
		.seq = ++*cursor,
		.serial = 1,
		.resource = "numproc",
		.kind = "refused",
	};
	if (*cursor % 3)
		strcpy(ret_event->container, "web");

	return 1;
}

static void script_no_close(struct source *source)
{
	(void)source;
}

static int open_script(struct source **ret_source)
{
	static struct source source = {
		.round = script_round,
		.event = script_event,
		.loaded = script_loaded,
		.close = script_no_close,
	};

	*rounds = 0;
	*ret_source = &source;
	return 0;
}

static int open_nothing(struct source **ret_source)
{
	(void)ret_source;
	return fail(ENOENT, "rescore is not loaded");
}

/* In a child, as collect_run() blocks signals. Returns its exit status. */
static pid_t start(const char *name, long step, long count, bool quiet)
{
	struct args args = {
		.dir = store_path(name),
		.step = step,
		.count = count,
		.quiet = quiet,
	};
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(collect_run(&args, open_script));
	return pid;
}

static int finish(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void test_count(void)
{
	struct readback back;
	bool right = true;
	time_t from = time(NULL), to;
	double before = 1;

	tap_is_int(finish(start("count", 1, 4, true)), RSTAT_OK, "four rounds");
	to = time(NULL);
	if (readback(store_path("count"), "web", NULL, "numproc", &back))
		script_die("readback");
	/*
	 * Round 1 was for the peaks that were there before. A busy machine may
	 * lose a second: that row has the next one's values.
	 */
	for (size_t i = 0; i < back.nr; i++) {
		const struct track_row *row = &back.row[i];

		right &= row->held >= before && row->held <= 5 &&
			 row->peak == 2 * row->held && row->limit == 20 &&
			 row->stamp > from && row->stamp <= to;
		before = row->held;
	}
	tap_ok(back.nr >= 4 && back.row[0].held == 2 && before == 5,
	       "four samples");
	tap_ok(right, "with their values, at full seconds of the clock");
	readback_free(&back);
}

static void test_gone(void)
{
	struct capture captured;
	struct readback back;
	const char *text;
	int unknown = 0;

	gone_from = 3;
	gone_to = 8;
	capture_begin(&captured, stderr);
	finish(start("gone", 1, 9, true));
	text = capture_end(&captured);
	gone_from = gone_to = 0;
	tap_ok(strstr(text, "the script is not there; waiting\n") &&
		       strstr(text, "samples come again\n"),
	       "a source that goes and "
	       "comes");
	readback(store_path("gone"), "web", NULL, "numproc", &back);
	for (size_t i = 0; i < back.nr; i++)
		unknown += isnan(back.row[i].held);
	tap_ok(back.nr >= 9 && back.row[0].held == 2 && unknown >= 5 &&
		       back.row[back.nr - 1].held == 10,
	       "leaves a gap and nothing else");
	readback_free(&back);
}

struct seen {
	uint64_t seq;
	bool whole;
};

static int see(void *arg, const struct live_event *event)
{
	struct seen *seen = arg;

	seen->whole &= event->seq == seen->seq + 1 &&
		       !strcmp(event->container, "web");
	seen->seq = event->seq;
	return 0;
}

/* A second collector goes on where the first has stopped. */
static void test_events(void)
{
	struct seen seen = { .whole = true };
	struct events_gaps gaps;
	int dir;

	finish(start("events", 1, 2, true));
	finish(start("events", 1, 4, true));
	dir = open(store_path("events"), O_RDONLY | O_DIRECTORY);
	tap_is_int(events_each(dir, see, &seen, &gaps), 0, "refusals are kept");
	close(dir);
	tap_ok(seen.whole && seen.seq == 5,
	       "each once, with the name of its container: %d", (int)seen.seq);
}

/* Poll for a file, or for a round; 30 s at most. */
static bool appears(const char *path, int round)
{
	struct timespec pause = { .tv_nsec = 20000000 };

	for (int i = 0; i < 1500; i++) {
		if (path ? !access(path, F_OK) : *rounds >= round)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

static void test_signal(int signal)
{
	char name[32], path[64];
	struct readback back;
	pid_t pid;

	snprintf(name, sizeof(name), "signal%d", signal);
	pid = start(name, 1, 0, true);
	snprintf(path, sizeof(path), "%s/fb/web@1/cap.rrd", name);
	tap_ok(appears(store_path(path), 0),
	       "the first sample is stored at once");
	/* Two more, which would be flushed only much later. */
	tap_ok(appears(NULL, 4), "more rounds");
	kill(pid, signal);
	tap_is_int(finish(pid), RSTAT_OK, strsignal(signal));
	readback(store_path(name), "web", NULL, "numproc", &back);
	tap_ok(back.nr >= 3 && back.row[back.nr - 1].held >= 4,
	       "stores what it has: %zu rows", back.nr);
	readback_free(&back);
}

static void test_refused(void)
{
	struct args args = { .dir = store_path("refused"), .step = 7 };
	struct capture captured;
	int status, second;
	pid_t pid;

	capture_begin(&captured, stderr);
	status = collect_run(&args, open_script);
	capture_end(&captured);
	tap_ok(status == RSTAT_USAGE && strstr(captured.text, "--step 7"), "%s",
	       "a step that does not divide an hour");

	args.step = 1;
	args.dir = store_path("refused");
	capture_begin(&captured, stderr);
	status = collect_run(&args, open_nothing);
	capture_end(&captured);
	tap_ok(status == RSTAT_FAILED &&
		       !strcmp(captured.text,
			       "rstat: rescore is not loaded\n") &&
		       access(args.dir, F_OK),
	       "nothing to collect: no store is made");

	args.keep = "5h";
	capture_begin(&captured, stderr);
	status = collect_run(&args, open_script);
	capture_end(&captured);
	tap_ok(status == RSTAT_USAGE && strstr(captured.text, "--keep '5h'"),
	       "%s", "less than a day is not kept");
	args.keep = NULL;

	pid = start("twice", 1, 0, true);
	appears(store_path("twice/store.json"), 0);
	capture_begin(&captured, stderr);
	second = finish(start("twice", 1, 1, true));
	capture_end(&captured);
	tap_ok(second == RSTAT_FAILED &&
		       strstr(captured.text, "collects there already"),
	       "two collectors in one store");
	kill(pid, SIGTERM);
	finish(pid);
}

int main(void)
{
	rounds = mmap(NULL, sizeof(*rounds), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (rounds == MAP_FAILED)
		return 2;
	snprintf(base, sizeof(base), "%s", tmp_make());
	test_refused();
	test_count();
	test_signal(SIGTERM);
	test_signal(SIGINT);
	test_gone();
	test_events();
	tmp_remove(base);
	return tap_done();
}
