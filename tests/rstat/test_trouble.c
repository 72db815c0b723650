// SPDX-License-Identifier: GPL-2.0
/*
 * What goes wrong is said in one line and once, stays with the container it
 * happened to, and costs no sample that could be kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "capture.h"
#include "scripted.h"
#include "readback.h"
#include "tap.h"

#define T0	SCRIPT_START

static char base[256];
static struct capture captured;
static char first_line[512];

static const char *store_path(const char *name)
{
	static char path[2][400];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", base, name);
	return path[turn];
}

static void begin(struct script *s, const char *name)
{
	script_open(s, store_path(name), 60);
	script_resource(s, "numproc", RESCORE_COUNT);
}

static void sample_both(struct script *s, int i)
{
	script_set(s, 0, 10 + i, 20 + i, 0);
	script_name(s, "web", 1, T0 - 86400);
	batch_add(&s->batch, 1, &s->id, &s->schema, s->reading, T0 + 60LL * i);
	script_name(s, "db", 2, T0 - 86400);
	batch_add(&s->batch, 2, &s->id, &s->schema, s->reading, T0 + 60LL * i);
}

/* Flush and keep the first line that was printed. */
static bool flush(struct script *s)
{
	bool done;

	capture_begin(&captured, stderr);
	done = script_flush(s);
	capture_end(&captured);
	snprintf(first_line, sizeof(first_line), "%.*s",
		 (int)strcspn(captured.text, "\n"), captured.text);
	return done;
}

static int lines(void)
{
	int n = 0;

	for (const char *c = captured.text; *c; c++)
		n += *c == '\n';
	return n;
}

static double held_at(const char *store, const char *name, int i)
{
	struct readback back;
	double held;

	if (readback(store, name, NULL, "numproc", &back))
		return -1;
	held = readback_at(&back, T0 + 60LL * i).held;
	readback_free(&back);
	return held;
}

static void put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

static void test_corrupt_file(void)
{
	struct script s;
	bool stored;
	struct stat st;

	begin(&s, "corrupt");
	sample_both(&s, 0);
	flush(&s);
	rename(store_path("corrupt/fb/web@1/use.rrd"),
	       store_path("corrupt/saved"));
	put_file(store_path("corrupt/fb/web@1/use.rrd"), "something else");
	sample_both(&s, 1);
	stored = flush(&s);
	tap_ok(!stored && lines() == 1 &&
		       strstr(captured.text, "web@1': use.rrd: "),
	       "%s", first_line);
	tap_ok(held_at(store_path("corrupt"), "db", 1) == 11,
	       "the other container is stored");
	sample_both(&s, 2);
	stored = flush(&s);
	tap_ok(!stored && !lines(), "it is said once");
	tap_ok(!stat(store_path("corrupt/fb/web@1/use.rrd"), &st) &&
		       st.st_size == 14,
	       "the strange file is left alone");

	rename(store_path("corrupt/saved"),
	       store_path("corrupt/fb/web@1/use.rrd"));
	sample_both(&s, 3);
	stored = flush(&s);
	tap_ok(stored && strstr(captured.text, "'web' is stored again"),
	       "repaired: %.*s", (int)strcspn(captured.text, "\n"),
	       captured.text);
	tap_ok(held_at(store_path("corrupt"), "web", 1) == 11 &&
		       held_at(store_path("corrupt"), "web", 2) == 12 &&
		       held_at(store_path("corrupt"), "web", 3) == 13,
	       "with all that had waited");
	script_close(&s);
}

/* What is wrong with all is said of a few. */
static void test_all_of_many(void)
{
	char name[16], path[STORE_SERIES_LEN], file[STORE_SERIES_LEN + 16];
	struct script s;
	bool stored = true;

	begin(&s, "many");
	for (int round = 0; round < 2; round++) {
		for (int c = 0; c < 30; c++) {
			snprintf(name, sizeof(name), "c%d", c);
			script_name(&s, name, 1, SCRIPT_START - 86400);
			if (batch_add(&s.batch, (unsigned int)c + 1, &s.id,
				      &s.schema, s.reading, T0 + 60 * round))
				script_die("batch_add");
			store_series_path(&s.id, 1, path);
			snprintf(file, sizeof(file), "many/%s/use.rrd", path);
			if (round)
				put_file(store_path(file), "x");
		}
		stored = flush(&s);
	}
	tap_ok(!stored && lines() == 11 &&
		       strstr(captured.text, "20 more containers cannot be "),
	       "ten containers are named, then a number: %d lines", lines());
	script_close(&s);
}

static void test_foreign_file(void)
{
	const char *rrdtool = "rrdtool create '%s' --step 60 --start %d "
			      "DS:other:GAUGE:180:0:U DS:one:GAUGE:180:0:U "
			      "RRA:AVERAGE:0.5:1:10";
	char command[700];
	struct script s;
	bool stored;

	begin(&s, "foreign");
	sample_both(&s, 0);
	flush(&s);
	unlink(store_path("foreign/fb/web@1/use.rrd"));
	snprintf(command, sizeof(command), rrdtool,
		 store_path("foreign/fb/web@1/use.rrd"), SCRIPT_START - 600);
	if (system(command)) {
		printf("ok - # SKIP rrdtool is not installed\n");
		script_close(&s);
		return;
	}
	sample_both(&s, 1);
	stored = flush(&s);
	tap_ok(!stored && lines() == 1 && strstr(captured.text, "numproc_held"),
	       "%s", first_line);

	/* Gone: it is made anew, and goes on. */
	unlink(store_path("foreign/fb/web@1/use.rrd"));
	sample_both(&s, 2);
	stored = flush(&s);
	tap_ok(stored && held_at(store_path("foreign"), "web", 1) == 11 &&
		       held_at(store_path("foreign"), "web", 2) == 12,
	       "a file that is missing is made");
	script_close(&s);
}

static void test_damaged_meta(void)
{
	struct script s;
	bool stored;

	begin(&s, "meta");
	sample_both(&s, 0);
	flush(&s);
	put_file(store_path("meta/fb/web@1/meta.json"), "{\"version\":9}");
	sample_both(&s, 1);
	/* Nothing has to be written into it: it is not looked at. */
	tap_ok(flush(&s) && !lines(), "samples are stored all the same");
	script_bounds(&s, 0, 100, 200);
	sample_both(&s, 2);
	/* The collector knows which directory is its own: a new series of the
	 * same name and serial must not begin beside it.
	 */
	stored = flush(&s);
	tap_ok(!stored && lines() == 1 && strstr(captured.text, "version 9"),
	       "%s", first_line);
	tap_ok(access(store_path("meta/fb/web@1.2"), F_OK) &&
		       held_at(store_path("meta"), "db", 2) == 12,
	       "no series is begun beside it; the other goes on");
	script_close(&s);
}

static void test_symlinks(void)
{
	struct script s;
	bool stored;

	begin(&s, "links");
	mkdir(store_path("target"), 0755);
	if (symlink(store_path("target"), store_path("links/fb")))
		script_die("symlink");
	sample_both(&s, 0);
	stored = flush(&s);
	tap_ok(!stored && lines() == 1, "%s", first_line);
	tap_ok(rmdir(store_path("target")) == 0,
	       "nothing was written behind a symbolic link");
	unlink(store_path("links/fb"));
	sample_both(&s, 1);
	flush(&s);

	unlink(store_path("links/fb/web@1/use.rrd"));
	put_file(store_path("victim"), "precious");
	if (symlink(store_path("victim"), store_path("links/fb/web@1/use.rrd")))
		script_die("symlink");
	sample_both(&s, 2);
	stored = flush(&s);
	tap_ok(!stored && strstr(captured.text, "not a regular file"), "%s",
	       first_line);
	script_close(&s);
}

static void test_refused_stores(void)
{
	struct store a, b;
	struct stat st;

	tap_ok(!store_open_writer(&a, store_path("locked"), 60), "a new store");
	tap_ok(store_open_writer(&b, store_path("locked"), 60) == -EBUSY &&
		       strstr(failure(), "collects there already"),
	       "%s", failure());
	store_close(&a);
	tap_ok(store_open_writer(&b, store_path("locked"), 10) == -EINVAL, "%s",
	       failure());
	tap_ok(!store_open_writer(&b, store_path("locked"), 0) && b.step == 60,
	       "without a step: that of the store");
	store_close(&b);
	mkdir(store_path("other"), 0755);
	put_file(store_path("other/thesis.txt"), "x");
	tap_ok(store_open_writer(&b, store_path("other"), 60) == -ENOTEMPTY,
	       "%s", failure());
	tap_ok(stat(store_path("other/store.json"), &st) < 0,
	       "nothing is put there");
	tap_ok(store_open(&b, store_path("other")) == -ENOENT, "%s", failure());
	if (symlink(store_path("locked"), store_path("link")))
		script_die("symlink");
	tap_ok(store_open_writer(&b, store_path("link"), 60) < 0, "%s",
	       failure());
	put_file(store_path("other/store.json"), "{\"version\":2,\"step\":60}");
	tap_ok(store_open(&b, store_path("other")) == -EPROTO, "%s", failure());
}

static void test_clock_back(void)
{
	struct script s;
	bool stored;

	begin(&s, "clock");
	for (int i = 0; i < 5; i++)
		sample_both(&s, i);
	flush(&s);
	/* The same once more, as after a writer that was killed. */
	for (int i = 2; i < 7; i++)
		sample_both(&s, i);
	stored = flush(&s);
	tap_ok(stored && held_at(store_path("clock"), "web", 3) == 13 &&
		       held_at(store_path("clock"), "web", 6) == 16,
	       "what is stored already is passed over");
	sample_both(&s, 1);
	stored = flush(&s);
	tap_ok(!stored && lines() == 2 &&
		       strstr(captured.text, "is of 2025-11-2"),
	       "%s", first_line);
	script_close(&s);
}

/* librrd does not wait for locks, and readers have them too. */
static void test_readers(void)
{
	struct script s;
	bool all = true;
	pid_t pid[2];

	begin(&s, "readers");
	sample_both(&s, 0);
	flush(&s);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		while (!pid[i])
			if (held_at(store_path("readers"), "web", 0) != 10)
				_exit(1);
	}
	for (int i = 1; i < 30; i++) {
		sample_both(&s, i);
		all &= flush(&s);
	}
	tap_ok(all, "29 flushes beside two readers: %s", first_line);
	for (int i = 0; i < 2; i++) {
		int status = 0;

		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
		tap_ok(WIFSIGNALED(status), "reader %d always had its value",
		       i + 1);
	}
	script_close(&s);
}

static void sample_many(struct script *s, int nr, int i)
{
	for (int c = 1; c <= nr; c++) {
		char name[32];

		snprintf(name, sizeof(name), "many-%d", c);
		script_name(s, name, (uint64_t)c, T0 - 86400);
		script_set(s, 0, c + i, c + i, 0);
		batch_add(&s->batch, (unsigned int)c, &s->id, &s->schema,
			  s->reading, T0 + 60LL * i);
	}
}

/* So many that several writers share the work. */
static void test_many(void)
{
	struct script s;
	bool all = true, stored;
	char command[600];

	begin(&s, "many");
	for (int i = 0; i < 3; i++) {
		sample_many(&s, 150, i);
		all &= flush(&s);
	}
	tap_ok(all && !lines(), "150 containers");
	snprintf(command, sizeof(command),
		 "echo x >$(ls -d %s/*/many-77@77)/use.rrd",
		 store_path("many"));
	if (system(command))
		script_die("damage");
	sample_many(&s, 150, 3);
	stored = flush(&s);
	tap_ok(!stored && lines() == 1 && strstr(captured.text, "many-77@77"),
	       "one is damaged: %s", first_line);
	all = true;
	for (int c = 1; c <= 150; c += 7) {
		char name[32];

		snprintf(name, sizeof(name), "many-%d", c);
		all &= held_at(store_path("many"), name, 0) == c &&
		       held_at(store_path("many"), name, 3) == c + 3;
	}
	tap_ok(all, "the others have all of their samples");
	script_close(&s);
}

/* A full file system of our own, where that is allowed. */
static bool mount_small(const char *path)
{
	mkdir(path, 0755);
	return !mount("rstat-test", path, "tmpfs", 0, "size=700k,mode=755");
}

static void fill(const char *path)
{
	static char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static void test_full_disk(void)
{
	struct script s;
	bool stored;
	int fd;

	if (!mount_small(store_path("small"))) {
		printf("ok - # SKIP cannot mount a tmpfs: %s\n",
		       strerror(errno));
		return;
	}
	begin(&s, "small");
	sample_both(&s, 0);
	flush(&s);
	fill(store_path("small/.fill"));
	script_name(&s, "third", 3, T0);
	batch_add(&s.batch, 3, &s.id, &s.schema, s.reading, T0 + 60);
	sample_both(&s, 1);
	stored = flush(&s);
	tap_ok(!stored && lines() == 1 && strstr(captured.text, "third"),
	       "full: %s", first_line);
	tap_ok(held_at(store_path("small"), "web", 1) == 11,
	       "what has its place goes on");

	/* A hole in a file and no room for it: a store is a SIGBUS. */
	unlink(store_path("small/.fill"));
	fd = open(store_path("small/fb/web@1/use.rrd"), O_RDWR);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096,
		      1 << 20))
		script_die("fallocate");
	close(fd);
	fill(store_path("small/.fill"));
	for (int i = 2; i < 40; i++)
		sample_both(&s, i);
	flush(&s);
	tap_ok(strstr(captured.text, "writing 'web' failed"), "SIGBUS is "
							      "survived");
	sample_both(&s, 40);
	flush(&s);
	tap_ok(held_at(store_path("small"), "db", 40) == 50,
	       "the next writer takes the others first");
	unlink(store_path("small/.fill"));
	stored = flush(&s);
	tap_ok(stored && held_at(store_path("small"), "web", 39) == 49 &&
		       held_at(store_path("small"), "third", 1) == 10,
	       "with room again, all that waited is stored");
	script_close(&s);
	umount(store_path("small"));
}

int main(void)
{
	snprintf(base, sizeof(base), "%s", tmp_make());
	test_corrupt_file();
	test_all_of_many();
	test_foreign_file();
	test_damaged_meta();
	test_symlinks();
	test_refused_stores();
	test_clock_back();
	test_readers();
	test_many();
	test_full_disk();
	tmp_remove(base);
	return tap_done();
}
