// SPDX-License-Identifier: GPL-2.0
/* Series of containers that are long gone, and who may touch which file. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "reap.h"
#include "readback.h"
#include "scripted.h"
#include "tap.h"

#define T0	SCRIPT_START
#define OWNER	65534

static char base[256];
static struct capture captured;

static const char *path_of(const char *name)
{
	static char path[4][400];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", base, name);
	return path[turn];
}

static bool exists(const char *name)
{
	return !access(path_of(name), F_OK);
}

/* As it would be when no sample has come for years. */
static void leave(const char *name)
{
	struct timespec then[2] = { { .tv_sec = T0 }, { .tv_sec = T0 } };

	if (utimensat(AT_FDCWD, path_of(name), then, 0))
		tap_ok(false, "utimensat %s", name);
}

static void put(const char *name)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT, 0644);

	if (fd < 0)
		tap_ok(false, "open %s", name);
	close(fd);
}

static void fill(const char *dir)
{
	static const char *const names[] = { "web", "db", "mail", "shop" };
	struct script s;

	script_open(&s, dir, 60);
	script_resource(&s, "numproc", RESCORE_COUNT);
	for (unsigned int i = 0; i < 4; i++) {
		script_name(&s, names[i], i + 1, T0 - 86400);
		for (int64_t k = 1; k <= 3; k++)
			batch_add(&s.batch, i, &s.id, &s.schema, s.reading,
				  T0 + 60 * k);
	}
	if (!script_flush(&s))
		script_die("flush");
	script_close(&s);
}

/* In a child, as the collector does it. */
static long reap(const char *name, int64_t before)
{
	struct store store;
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		long nr = 0;

		if (store_open(&store, path_of(name)) ||
		    reap_before(&store, before, &nr))
			_exit(100);
		_exit((int)nr);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Below base: @file of a container of the old store; "": its directory. */
static const char *of(const char *name, uint64_t serial, const char *file)
{
	static char path[4][300];
	static int turn;
	struct container_id id = { .serial = serial };
	char series[STORE_SERIES_LEN];

	turn = (turn + 1) % 4;
	strcpy(id.name, name);
	store_series_path(&id, 1, series);
	snprintf(path[turn], sizeof(path[turn]), "old/%s/%s", series, file);
	return path[turn];
}

static void test_reap(void)
{
	char hidden[32];

	fill(path_of("old"));
	leave(of("web", 1, "use.rrd"));
	tap_is_int(reap("old", T0 + 179), 0, "the last sample is newer: stays");
	/* mail has a file of somebody; shop was interrupted before. */
	put(of("mail", 3, "notes.txt"));
	leave(of("mail", 3, "use.rrd"));
	snprintf(hidden, sizeof(hidden), "%.6s/.gone.shop@4",
		 of("shop", 4, ""));
	if (rename(path_of(of("shop", 4, "")), path_of(hidden)))
		tap_ok(false, "rename");
	capture_begin(&captured, stderr);
	tap_is_int(reap("old", T0 + 180), 1, "one is old");
	capture_end(&captured);
	tap_ok(!exists(of("web", 1, "")) && exists("old/fb"), "it is gone");
	tap_ok(!exists(hidden), "so is what was interrupted");
	tap_ok(exists(of("mail", 3, "meta.json")) &&
		       exists(of("mail", 3, "use.rrd")) &&
		       strstr(captured.text, "holds other files"),
	       "what holds files of others stays whole, and is told of");
	tap_ok(exists(of("db", 2, "use.rrd")),
	       "what was touched since is not opened");
}

/* Root's writer has no more rights than the owner of the store. */
static void test_owner(void)
{
	struct stat st = {};

	if (geteuid()) {
		tap_ok(true, "the owner # SKIP not root");
		return;
	}
	if (mkdir(path_of("theirs"), 0755) ||
	    chown(path_of("theirs"), OWNER, OWNER) || chmod(base, 0711))
		tap_ok(false, "chown");
	fill(path_of("theirs"));
	tap_ok(!stat(path_of("theirs/fb/web@1/use.rrd"), &st) &&
		       st.st_uid == OWNER && st.st_gid == OWNER,
	       "librrd runs as the owner of the store");
}

static void test_no_capability(void)
{
	struct script s;

	if (geteuid()) {
		tap_ok(true, "no capability # SKIP not root");
		return;
	}
	script_open(&s, path_of("foreign"), 60);
	script_resource(&s, "numproc", RESCORE_COUNT);
	if (mkdir(path_of("foreign/fb"), 0700) ||
	    chown(path_of("foreign/fb"), OWNER, OWNER))
		tap_ok(false, "chown");
	script_sample(&s, T0 + 60);
	capture_begin(&captured, stderr);
	tap_ok(!script_flush(&s), "root cannot write what is another's");
	capture_end(&captured);
	tap_ok(strstr(captured.text, "Permission denied") != NULL,
	       "since the writer has no capability");
	script_close(&s);
}

/* A collector that starts while the clock is years ahead; and one after it. */
static void test_clock(void)
{
	const int64_t step = REAP_CLOCK_STEP, year = 365 * 86400LL;
	struct store store;

	if (store_open_writer(&store, path_of("clock"), 60))
		tap_ok(false, "store_open_writer");
	tap_is_int(reap_clock(&store, T0), T0, "the clock, the first time");
	tap_is_int(reap_clock(&store, T0 + 3600), T0 + 3600, "an hour later");
	tap_is_int(reap_clock(&store, T0 + 5 * year), T0 + 3600 + step,
		   "years ahead: two days");
	tap_is_int(reap_clock(&store, T0 + 86400), T0 + 86400,
		   "right again: at once");
	store_close(&store);
}

int main(void)
{
	snprintf(base, sizeof(base), "%s", tmp_make());
	test_reap();
	test_clock();
	test_owner();
	test_no_capability();
	tmp_remove(base);
	return tap_done();
}
