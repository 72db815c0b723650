// SPDX-License-Identifier: GPL-2.0
/* Through a real rrdcached: batches, what it refuses, and when it dies. */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "cached.h"
#include "capture.h"
#include "host.h"
#include "scripted.h"
#include "readback.h"
#include "tap.h"

#define T0	SCRIPT_START

static char base[256];
static struct capture captured;
static pid_t daemon_pid;

static const char *in_base(const char *name)
{
	static char path[4][400];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", base, name);
	return path[turn];
}

static bool reachable(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool there;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_base("s"));
	there = !connect(fd, (struct sockaddr *)&un, sizeof(un));
	close(fd);
	return there;
}

/* False: not installed. */
static bool start_daemon(const char *listen)
{
	char address[300], journal[300], dir[300], pid[300];
	struct timespec pause = { .tv_nsec = 20000000 };

	snprintf(address, sizeof(address), "unix:%s", in_base("s"));
	snprintf(journal, sizeof(journal), "%s", in_base("journal"));
	snprintf(dir, sizeof(dir), "%s", in_base("store"));
	snprintf(pid, sizeof(pid), "%s", in_base("pid"));
	mkdir(journal, 0755);
	fflush(stdout);
	daemon_pid = fork();
	if (!daemon_pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(126);
		/* Nothing is written before it has to be. */
		execlp("rrdcached", "rrdcached", "-g", "-l", address, "-l",
		       listen, "-b", dir, "-p", pid, "-j", journal, "-w",
		       "3600", "-f", "7200", NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && !reachable(); i++) {
		if (waitpid(daemon_pid, NULL, WNOHANG) == daemon_pid)
			return false;
		nanosleep(&pause, NULL);
	}
	return reachable();
}

static void stop_daemon(int sig)
{
	kill(daemon_pid, sig);
	waitpid(daemon_pid, NULL, 0);
	unlink(in_base("s"));
}

static void begin(struct script *s, const char *address)
{
	script_open(s, in_base("store"), 60);
	script_resource(s, "numproc", RESCORE_COUNT);
	script_resource(s, "numfile", RESCORE_COUNT);
	if (store_set_cached(&s->store, address))
		script_die("store_set_cached");
}

static const char *local(void)
{
	static char address[300];

	snprintf(address, sizeof(address), "unix:%s", in_base("s"));
	return address;
}

static void sample(struct script *s, const char *name, uint64_t slot, int i)
{
	script_name(s, name, slot, T0 - 86400);
	script_set(s, 0, 10 + i, 20 + i, 0);
	script_set(s, 1, 100, 100, (uint64_t)i * 60);
	batch_add(&s->batch, (unsigned int)slot, &s->id, &s->schema, s->reading,
		  T0 + 60LL * i);
}

static bool flush(struct script *s, struct writer *writer)
{
	bool done = true;

	writer->store = &s->store;
	capture_begin(&captured, stderr);
	if (writer_start(writer, &s->batch))
		script_die("writer_start");
	writer_reap(writer, true);
	capture_end(&captured);
	for (struct series *series = s->batch.series; series;
	     series = series->next)
		done &= !series_pending(series);
	return done;
}

static bool said(const char *text)
{
	return strstr(captured.text, text);
}

static double held_at(const char *name, int i)
{
	struct readback back;
	double held = -1;

	capture_begin(&captured, stderr);
	if (!readback(in_base("store"), name, NULL, "numproc", &back)) {
		held = readback_at(&back, T0 + 60LL * i).held;
		readback_free(&back);
	}
	capture_end(&captured);
	return held;
}

static void test_addresses(void)
{
	static const char *const good[] = { "unix:/run/x", "/run/x",
					    "localhost",   "h:42217",
					    "[::1]",	   "[::1]:99" };
	static const char *const bad[] = { "",	    "unix:",  "unix:x",
					   "host:", ":4221",  "h:4x",
					   "[::1",  "[::1]x", "[]:1" };
	bool all = true;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		all &= !cached_check(good[i]);
	tap_ok(all, "addresses");
	all = true;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		all &= cached_check(bad[i]) == -EINVAL;
	tap_ok(all, "no addresses: %s", failure());
}

static void test_batches(struct script *s, struct writer *w)
{
	bool stored;

	for (int i = 0; i < 5; i++) {
		sample(s, "web", 1, i);
		sample(s, "db", 2, i);
	}
	tap_ok(flush(s, w), "a batch: %s", captured.text);
	for (int i = 5; i < 60; i++)
		sample(s, "web", 1, i);
	stored = flush(s, w);
	tap_ok(stored && !*captured.text, "one of many lines");
	tap_ok(held_at("web", 3) == 13 && held_at("web", 59) == 69 &&
		       held_at("db", 4) == 14,
	       "reading makes the daemon write first");
}

static void test_restart(struct script *s, struct writer *w)
{
	bool stored;

	sample(s, "web", 1, 60);
	flush(s, w);
	/* "exit at once": the journal is replayed. Killed, its last few KB are
	 * lost with it, for it buffers them.
	 */
	stop_daemon(SIGUSR2);
	sample(s, "web", 1, 61);
	sample(s, "db", 2, 61);
	stored = flush(s, w);
	tap_ok(!stored && said("rrdcached at") && said("kept for a while") &&
		       !strchr(strchr(captured.text, '\n') + 1, '\n'),
	       "gone: %.*s", (int)strcspn(captured.text, "\n"), captured.text);
	stored = flush(s, w);
	tap_ok(!stored && !*captured.text, "it is said once");
	tap_ok(held_at("web", 60) != 70 && said("is missing here"),
	       "readers are told: %.*s", (int)strcspn(captured.text, "\n"),
	       captured.text);
	if (!start_daemon("127.0.0.1:42299"))
		script_die("start_daemon");
	stored = flush(s, w);
	tap_ok(stored && said("there again"), "back: %.*s",
	       (int)strcspn(captured.text, "\n"), captured.text);
	tap_ok(held_at("web", 60) == 70 && held_at("web", 61) == 71 &&
		       held_at("db", 61) == 71,
	       "with what its journal had, and what had waited");
}

/* A daemon that takes half a batch and dies: a socket that we close. */
static void test_half(struct script *s, struct writer *w)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char address[300];
	char *real = s->store.cached;
	bool stored;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", in_base("half"));
	snprintf(address, sizeof(address), "unix:%s", un.sun_path);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) || listen(fd, 4))
		script_die("listen");
	pid = fork();
	if (!pid) {
		static const char ahead[] = "0 Go ahead.\n";
		char buf[100];
		int client = accept(fd, NULL, NULL);

		/* "BATCH", and some of what follows */
		if (read(client, buf, sizeof(buf)) <= 0 ||
		    write(client, ahead, strlen(ahead)) <= 0 ||
		    read(client, buf, 20) <= 0)
			_exit(1);
		_exit(0);
	}
	close(fd);
	s->store.cached = address;
	sample(s, "web", 1, 62);
	stored = flush(s, w);
	waitpid(pid, NULL, 0);
	tap_ok(!stored && said("kept for a while"), "half a batch: %.*s",
	       (int)strcspn(captured.text, "\n"), captured.text);
	s->store.cached = real;
	stored = flush(s, w);
	tap_ok(stored && held_at("web", 62) == 72,
	       "nothing of it is lost, nor twice");
}

static void test_killed(struct script *s, struct writer *w)
{
	bool stored;

	sample(s, "db", 2, 62);
	flush(s, w);
	stop_daemon(SIGKILL);
	if (!start_daemon("127.0.0.1:42299"))
		script_die("start_daemon");
	sample(s, "db", 2, 63);
	stored = flush(s, w);
	tap_ok(stored && held_at("db", 61) == 71 && held_at("db", 63) == 73,
	       "killed and back in between: what comes later is stored");
}

static void test_refused(struct script *s, struct writer *w)
{
	char command[800];
	bool stored;

	/* A stamp of tomorrow that somebody else has sent. */
	snprintf(command, sizeof(command),
		 "cd %s && rrdtool update --daemon %s %s/fb/web@1/use.rrd "
		 "%d:1:1:1:1 >/dev/null",
		 base, local(), in_base("store"), T0 + 86400);
	if (system(command)) {
		printf("ok - # SKIP rrdtool cannot talk to it\n");
		return;
	}
	sample(s, "web", 1, 63);
	sample(s, "db", 2, 64);
	stored = flush(s, w);
	tap_ok(!stored && said("'web': rrdcached: illegal attempt"),
	       "refused: %.*s", (int)strcspn(captured.text, "\n"),
	       captured.text);
	tap_ok(held_at("db", 64) == 74, "the other one is stored");
}

/* Wrong columns: the daemon says OK and drops them. */
static void test_foreign(struct script *s, struct writer *w)
{
	char command[800];
	bool stored;

	sample(s, "other", 9, 64);
	flush(s, w);
	/* Anew, as a collector that was just started sees it. */
	for (struct series *x = s->batch.series; x; x = x->next)
		x->sent_use = x->sent_cap = 0;
	snprintf(command, sizeof(command),
		 "f=$(echo %s/*/other@9/use.rrd) && rm $f && rrdtool create $f "
		 "--step 60 --start %d DS:a:GAUGE:180:0:U "
		 "RRA:AVERAGE:0.5:1:10",
		 in_base("store"), T0 - 600);
	if (system(command)) {
		printf("ok - # SKIP rrdtool is not installed\n");
		return;
	}
	sample(s, "other", 9, 65);
	stored = flush(s, w);
	tap_ok(!stored && said("other columns"), "%.*s",
	       (int)strcspn(captured.text, "\n"), captured.text);
}

static void test_tcp(void)
{
	struct writer w = {};
	struct script s;
	bool stored;

	begin(&s, "127.0.0.1:42299");
	sample(&s, "db", 2, 70);
	stored = flush(&s, &w);
	tap_ok(stored && held_at("db", 70) == 80,
	       "over TCP, below its base directory%s", captured.text);
	script_close(&s);
}

static void test_one_way(void)
{
	struct store store;

	if (store_open_writer(&store, in_base("store"), 0))
		script_die("store_open_writer");
	tap_ok(store_set_cached(&store, NULL) == -EBUSY, "%s", failure());
	store_close(&store);
}

int main(void)
{
	struct writer w = {};
	struct script s;

	snprintf(base, sizeof(base), "%s", tmp_make());
	test_addresses();
	if (!start_daemon("127.0.0.1:42299")) {
		printf("ok - # SKIP rrdcached is not installed\n");
		tmp_remove(base);
		return tap_done();
	}
	begin(&s, local());
	test_batches(&s, &w);
	test_restart(&s, &w);
	test_half(&s, &w);
	test_killed(&s, &w);
	test_refused(&s, &w);
	test_foreign(&s, &w);
	script_close(&s);
	test_tcp();
	test_one_way();
	stop_daemon(SIGTERM);
	tmp_remove(base);
	return tap_done();
}
