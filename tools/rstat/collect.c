// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"
#include "cached.h"
#include "clock.h"
#include "collect.h"
#include "events.h"
#include "host.h"
#include "forecast_report.h"
#include "layout.h"
#include "privilege.h"
#include "reap.h"
#include "say.h"
#include "store.h"
#include "writer.h"

#define SECOND		1000000000LL
#define DAY		86400
#define LAST_TRIES	3	/* writers at the end, if one is killed */

struct collector {
	struct store store;
	struct source *source;
	struct batch batch;
	struct writer writer;
	struct clock_guard guard;
	int timer;
	int signals;
	int64_t last;		/* stamp of the last round */
	int64_t held_from;	/* first stamp that is held back; 0: none */
	struct event_log events;
	int64_t loaded;		/* what the cursor is of */
	uint64_t cursor;
	int64_t keep;		/* of containers that are gone; seconds */
	int64_t started;	/* seconds since 1970, and of CLOCK_BOOTTIME */
	int64_t started_boot;
	int64_t reaped;		/* stamp */
	pid_t reaper;
	long rounds;
	long count;		/* 0: no end */
	long unflushed;		/* rounds */
	bool source_gone;
	bool clock_behind;
	bool stop;
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/*
 * Rounds per flush. Several samples in one call are several times cheaper; who
 * looks at a demo with short steps wants to see them soon.
 */
long collect_flush_rounds(int step)
{
	return step < 10 ? 10 : 5;
}

static int sink_add(void *arg, unsigned int slot, const struct container_id *id,
		    const struct schema *schema, const struct reading *readings)
{
	struct collector *c = arg;

	return batch_add(&c->batch, slot, id, schema, readings, c->last);
}

static int sink_carry(void *arg, unsigned int slot,
		      const struct container_id *id,
		      const struct schema *schema,
		      const struct reading *readings)
{
	struct collector *c = arg;

	return batch_carry(&c->batch, slot, id, schema, readings);
}

/* Gone before its refusal was read: its samples still say who it was. */
static void name_event(const struct collector *c, struct live_event *event)
{
	for (const struct series *s = c->batch.series; s; s = s->next)
		if (s->id.serial == event->serial)
			memcpy(event->container, s->id.name,
			       sizeof(s->id.name));
}

static void keep_events(struct collector *c)
{
	struct source *source = c->source;
	int64_t loaded = source->loaded ? source->loaded(source) : 0;
	struct live_event event;
	uint64_t lost = 0;
	int err = 0;

	if (!loaded)
		return;
	if (loaded != c->loaded) {
		c->cursor = events_cursor(c->store.fd, loaded);
		c->loaded = loaded;
	}
	while (!err && source->event(source, &c->cursor, &event, &lost) > 0) {
		if (!*event.container)
			name_event(c, &event);
		err = event_log_add(&c->events, &event);
	}
	if (lost && !err)
		err = event_log_lost(&c->events, lost);
	if (err)
		say("%s", failure());
	event_log_flush(&c->events);
}

static void flush(struct collector *c)
{
	if (!writer_reap(&c->writer, false) || c->held_from)
		return;
	batch_reap(&c->batch, c->last);
	if (writer_start(&c->writer, &c->batch))
		say("%s", failure());
	c->unflushed = 0;
}

/*
 * What time it is, but not later than it can be if it was right when we began: a
 * clock that jumps ahead must not make everything old.
 */
static int64_t sober_now(const struct collector *c)
{
	int64_t passed = now_ns(CLOCK_BOOTTIME) / SECOND - c->started_boot;

	return c->last < c->started + passed ? c->last : c->started + passed;
}

/* In a child: 10,000 directories take their time. */
static void reap(struct collector *c)
{
	int64_t today;
	long nr = 0;
	int err;

	if (c->reaper > 0 && waitpid(c->reaper, NULL, WNOHANG) == c->reaper)
		c->reaper = 0;
	if (c->reaper || (c->reaped && c->last - c->reaped < DAY))
		return;
	c->reaped = c->last;
	c->reaper = fork();
	if (c->reaper)
		return;
	err = privilege_become_owner(c->store.fd);
	today = err ? 0 : reap_clock(&c->store, sober_now(c));
	if (today > 0)
		err = reap_before(&c->store, today - c->keep, &nr);
	if (err)
		say("%s", failure());
	if (nr)
		say("removed %ld series of containers that are gone", nr);
	_exit(RSTAT_OK);
}

/* False: no round now. */
static bool check_clock(struct collector *c, int64_t now)
{
	int64_t stamp = now / SECOND;

	stamp -= stamp % c->store.step;
	switch (clock_check(&c->guard, now, now_ns(CLOCK_BOOTTIME))) {
	case CLOCK_STEADY:
		break;
	case CLOCK_AHEAD:
		if (c->held_from)
			break;
		c->held_from = stamp;
		say("the clock went ahead by %" PRId64 " s; samples are held "
		    "back until it has stayed there for two more",
		    stamp - c->last);
		break;
	case CLOCK_CONFIRMED:
		c->held_from = 0;
		break;
	case CLOCK_RETURNED:
		say("the clock went back; the samples of the wrong time are "
		    "dropped");
		(void)writer_reap(&c->writer, true);
		batch_forget_from(&c->batch, c->held_from);
		c->last = 0;
		c->held_from = 0;
		break;
	}
	if (stamp < c->last && !c->clock_behind)
		say("the clock went back by %" PRId64 " s; nothing is stored "
		    "until it has caught up",
		    c->last - stamp);
	c->clock_behind = stamp < c->last;
	if (stamp <= c->last)
		return false;
	c->last = stamp;

	return true;
}

static void sample(struct collector *c)
{
	int err;

	if (!check_clock(c, now_ns(CLOCK_REALTIME)))
		return;
	err = c->source->round(c->source, sink_add, c);
	if (err && !c->source_gone)
		say("%s; waiting", err == -ENOMEM ? "no memory" : failure());
	else if (!err && c->source_gone)
		say("samples come again");
	c->source_gone = err;
	keep_events(c);

	c->rounds++;
	c->unflushed++;
	if (c->count && c->rounds == c->count)
		c->stop = true;
	/* At once after the first: what is wrong shows early. */
	if (c->rounds == 1 ||
	    c->unflushed >= collect_flush_rounds(c->store.step))
		flush(c);
	if (!c->held_from && !c->clock_behind)
		reap(c);
}

static int arm_timer(struct collector *c)
{
	int64_t step = c->store.step;
	int64_t next = now_ns(CLOCK_REALTIME) / SECOND;
	struct itimerspec when = { .it_interval.tv_sec = step };

	when.it_value.tv_sec = next - next % step + step;
	if (timerfd_settime(c->timer,
			    TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when,
			    NULL))
		return fail(errno, "cannot set the timer: %s", strerror(errno));

	return 0;
}

static int on_timer(struct collector *c)
{
	uint64_t expired;

	if (read(c->timer, &expired, sizeof(expired)) == sizeof(expired)) {
		sample(c);
		return 0;
	}
	/* Somebody set the clock: full minutes are elsewhere now. */
	return errno == ECANCELED ? arm_timer(c) : 0;
}

static void on_signal(struct collector *c)
{
	struct signalfd_siginfo info;

	if (read(c->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		(void)writer_reap(&c->writer, false);
	else
		c->stop = true;
}

static int run(struct collector *c)
{
	struct pollfd fds[] = {
		{ .fd = c->timer, .events = POLLIN },
		{ .fd = c->signals, .events = POLLIN },
	};
	int err = arm_timer(c);

	while (!err && !c->stop) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return fail(errno, "poll: %s", strerror(errno));
		if (fds[1].revents)
			on_signal(c);
		if (!c->stop && fds[0].revents)
			err = on_timer(c);
	}

	return err;
}

/* Wait for the writer; a second signal ends that. */
static void wait_writer(struct collector *c)
{
	struct pollfd fd = { .fd = c->signals, .events = POLLIN };

	while (!writer_reap(&c->writer, false)) {
		c->stop = false;
		if (poll(&fd, 1, 1000) > 0)
			on_signal(c);
		if (c->stop) {
			writer_kill(&c->writer);
			(void)writer_reap(&c->writer, true);
		}
	}
}

/* Store everything; the exit status. */
static int finish(struct collector *c)
{
	uint64_t rows = 0, dropped = 0;

	wait_writer(c);
	if (c->held_from) {
		say("samples from after a jump of the clock are not stored");
		batch_forget_from(&c->batch, c->held_from);
	}
	for (int i = 0; i < LAST_TRIES; i++) {
		uint64_t before = c->writer.rows_stored;

		if (writer_start(&c->writer, &c->batch)) {
			say("%s", failure());
			break;
		}
		if (!c->writer.running)
			break;
		wait_writer(c);
		if (i && c->writer.rows_stored == before)
			break;
	}
	for (struct series *s = c->batch.series; s; s = s->next) {
		rows += s->use.nr;
		dropped += s->dropped;
	}
	if (!rows && !dropped)
		return RSTAT_OK;
	say("%" PRIu64 " samples could not be stored", rows + dropped);
	return RSTAT_FAILED;
}

static int open_events(struct collector *c)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGXFSZ, SIG_IGN);	/* write() then says EFBIG */
	c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	c->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->signals < 0 || c->timer < 0)
		return fail(errno, "cannot wait for the time: %s",
			    strerror(errno));

	return 0;
}

static int open_all(struct collector *c, const struct args *args,
		    source_opener open_source)
{
	struct host host;
	int err;

	err = open_source(&c->source);
	if (!err)
		err = store_open_writer(&c->store, args->dir, (int)args->step);
	if (!err)
		err = open_events(c);
	if (!err)
		err = store_set_cached(&c->store, args->rrdcached);
	if (!err) {
		host_read(&host);
		err = host_save(&c->store, &host);
	}
	if (err)
		return err;
	batch_init(&c->batch, c->store.step);
	event_log_init(&c->events, c->store.fd);
	clock_guard_init(&c->guard, c->store.step);
	c->writer.store = &c->store;

	/* From here on the peaks are ours. */
	return c->source->round(c->source, sink_carry, c);
}

static void close_all(struct collector *c)
{
	if (c->reaper > 0)
		(void)waitpid(c->reaper, NULL, 0);
	event_log_free(&c->events);
	batch_free(&c->batch);
	if (c->source)
		c->source->close(c->source);
	store_close(&c->store);
	if (c->timer >= 0)
		close(c->timer);
	if (c->signals >= 0)
		close(c->signals);
}

int collect_run(const struct args *args, source_opener open_source)
{
	struct collector c = {
		.store = { .fd = -1, .lock = -1 },
		.timer = -1,
		.signals = -1,
		.count = args->count,
		.keep = REAP_KEEP,
		.started = now_ns(CLOCK_REALTIME) / SECOND,
		.started_boot = now_ns(CLOCK_BOOTTIME) / SECOND,
	};
	int status = RSTAT_FAILED;

	if (args->step && !layout_step_ok((int)args->step)) {
		say("collect: --step %ld: give a divisor of 3600, such as 1, "
		    "10, 60 or 300",
		    args->step);
		return RSTAT_USAGE;
	}
	if (args->keep &&
	    (parse_span(args->keep, &c.keep) || c.keep < REAP_KEEP_MIN)) {
		say("collect: --keep '%s': give a length of time, such as "
		    "30d or 1y, and at least a day",
		    args->keep);
		return RSTAT_USAGE;
	}
	if (args->rrdcached && cached_check(args->rrdcached)) {
		say("collect: --rrdcached %s", failure());
		return RSTAT_USAGE;
	}
	if (open_all(&c, args, open_source)) {
		say("%s", failure());
		close_all(&c);
		return RSTAT_FAILED;
	}
	if (!args->quiet)
		say("collecting every %d s into '%s'", c.store.step, args->dir);
	if (run(&c))
		say("%s", failure());
	else
		status = RSTAT_OK;
	if (finish(&c))
		status = RSTAT_FAILED;
	if (!args->quiet)
		say("%ld rounds, %" PRIu64 " samples of containers stored",
		    c.rounds, c.writer.rows_stored);
	close_all(&c);

	return status;
}
