// SPDX-License-Identifier: GPL-2.0
/* Events that act: log, signal, hook, once per crossing of a bound. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "action.h"
#include "event.h"
#include "hook.h"
#include "ledger.h"
#include "rlimitctl.h"
#include "text.h"

#define POLL_MS		100
#define CHECK_POLLS	10	/* polls between looks whether it is loaded */
#define ACT_NS		10000000000LL	/* of one row, at least so far apart */
#define HOOK_SECONDS	30

#define LOST_POLLS	100	/* polls between reports of lost events */

struct watch {
	struct rescore *rs;
	struct ledger *ledger;
	uint64_t lost;
	unsigned int seconds;
	bool syslog;
	bool journal;	/* standard output is: lines begin with their level */
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static void say(const struct watch *watch, int level, const char *text)
{
	if (watch->syslog)
		syslog(level, "%s", text);
	else if (watch->journal)
		printf("<%d>%s\n", level, text);
	else
		printf("%s\n", text);
}

/* --- once per crossing -------------------------------------------------------------- */

static bool has_room(const struct watch *watch,
		     const struct rescore_event *event)
{
	struct rescore_line line;

	if (rescore_read(watch->rs, event->slot, event->resource, &line))
		return true;
	return line.held <
	       (event->severity == RESCORE_HARD ? line.barrier : line.limit);
}

/* Is this event the first of a crossing, and not too soon after the last? */
static bool is_crossing(struct watch *watch, const struct rescore_event *event,
			int64_t now)
{
	struct crossing *c = ledger_crossing(watch->ledger, event->slot,
					     event->resource);

	if (c->serial == event->serial &&
	    (c->over || now - (int64_t)c->acted_ns < ACT_NS))
		return false;
	*c = (struct crossing){
		.serial = event->serial,
		.acted_ns = (uint64_t)now,
		.over = !has_room(watch, event),
		.soft = event->severity == RESCORE_SOFT,
	};
	return true;
}

/* Which crossings are over? Looked at between two readings of the events. */
static void end_crossings(struct watch *watch)
{
	struct rescore_line line;
	struct crossing *c;
	unsigned int slot, id;

	for (slot = 1; slot < watch->ledger->nr_slots; slot++)
		for (id = 0; id < rescore_nr_resources(watch->rs); id++) {
			c = ledger_crossing(watch->ledger, slot, id);
			if (!c->over)
				continue;
			/* a soft request is refused at the limit only */
			if (rescore_read(watch->rs, slot, id, &line) ||
			    line.held < (c->soft ? line.limit : line.barrier))
				c->over = false;
		}
}

/* --- actions -------------------------------------------------------------------------- */

/* The process may be gone, and another have its pid: then it is left alone. */
static void send_signal(const struct watch *watch,
			const struct rescore_event *event, int sig)
{
	int fd = (int)syscall(SYS_pidfd_open, event->pid, 0), slot;

	if (fd < 0)
		return;
	slot = rescore_container_of(watch->rs, (pid_t)event->pid);
	if (slot == event->slot ||
	    (slot > 0 &&
	     rescore_is_below(watch->rs, (unsigned int)slot, event->slot)))
		syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
	close(fd);
}

#define FACTS_MAX	16
#define FACT_LEN	160

struct facts {
	char text[FACTS_MAX][FACT_LEN];
	char *envp[FACTS_MAX + 1];
	unsigned int n;
};

__attribute__((format(printf, 2, 3))) static void
add_fact(struct facts *facts, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(facts->text[facts->n], FACT_LEN, format, args);
	va_end(args);
	facts->envp[facts->n] = facts->text[facts->n];
	facts->envp[++facts->n] = NULL;
}

static void gather(struct facts *facts, const struct event_view *view)
{
	const struct rescore_event *event = view->event;
	char comm[4 * RESCORE_COMM_LEN + 1], time[TIME_LEN];

	escape(comm, sizeof(comm), event->comm,
	       strnlen(event->comm, sizeof(event->comm)));
	add_fact(facts, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	add_fact(facts, "RESCORE_CONTAINER=%s", view->container);
	add_fact(facts, "RESCORE_RESOURCE=%s", view->resource->name);
	add_fact(facts, "RESCORE_UNIT=%s",
		 rescore_unit_name(view->resource->unit));
	add_fact(facts, "RESCORE_KIND=%s",
		 rescore_event_kind_name(event->kind));
	add_fact(facts, "RESCORE_HELD=%lld", (long long)event->held);
	add_fact(facts, "RESCORE_AMOUNT=%lld", (long long)event->amount);
	add_fact(facts, "RESCORE_BOUND=%s",
		 event->severity == RESCORE_HARD ? "barrier" : "limit");
	add_fact(facts, "RESCORE_BOUND_VALUE=%lld", (long long)event->bound);
	add_fact(facts, "RESCORE_PID=%u", event->pid);
	add_fact(facts, "RESCORE_COMM=%s", comm);
	add_fact(facts, "RESCORE_TIME=%s",
		 utc_time(time, sizeof(time), view->realtime_ns));
}

static void run_hook(struct watch *watch, const struct event_view *view,
		     const char *name)
{
	struct keeper *keeper = ledger_keeper(watch->ledger, view->event->slot);
	struct facts facts = { .n = 0 };
	char text[256];
	pid_t pid;

	if (keeper->pid) {
		snprintf(text, sizeof(text),
			 "%s: hook %s left out: one still runs",
			 view->container, name);
		say(watch, LOG_NOTICE, text);
		return;
	}
	gather(&facts, view);
	fflush(stdout);
	pid = hook_start(ACTION_HOOKS, name, facts.envp, watch->seconds);
	if (pid > 0) {
		keeper_begin(keeper, pid);
		return;
	}
	snprintf(text, sizeof(text), "%s: cannot run %s/%s: %s",
		 view->container, ACTION_HOOKS, name,
		 pid == -EACCES ?
			 "not an executable that only root can change" :
			 strerror(-pid));
	say(watch, LOG_ERR, text);
}

/* A hook has ended: what is wrong with it? */
static void report_hook(const struct watch *watch, unsigned int slot,
			int status)
{
	const struct rescore_container *container = rescore_container(watch->rs,
								      slot);
	char text[256];

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	snprintf(text, sizeof(text), "%s: its hook %s (status %d)",
		 container ? container->name : "(gone)",
		 WIFEXITED(status) && WEXITSTATUS(status) == 124 ?
			 "was killed: too slow" :
			 "failed",
		 WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	say(watch, LOG_WARNING, text);
}

static void reap_hooks(struct watch *watch)
{
	struct keeper *keeper;
	unsigned int slot;
	int status = 0;
	pid_t ended;

	for (slot = 1; slot < watch->ledger->nr_slots; slot++) {
		keeper = ledger_keeper(watch->ledger, slot);
		if (!keeper->pid)
			continue;
		ended = waitpid(keeper->pid, &status, WNOHANG);
		/* of the watch before this one: how it ends is not told */
		if (!ended || (ended < 0 && keeper_lives(keeper)))
			continue;
		keeper->pid = 0;
		if (ended > 0)
			report_hook(watch, slot, status);
	}
}

static void act(struct watch *watch, const struct rescore_event *event)
{
	const struct rescore_container *container;
	struct event_view view = {
		.event = event,
		.resource = rescore_resource(watch->rs, event->resource),
		.realtime_ns = rescore_event_realtime(event),
	};
	char text[EVENT_TEXT_LEN];
	struct actions actions;
	int err;

	if (event->slot >= watch->ledger->nr_slots || !view.resource)
		return;
	/* the slot may be another container's by now, of the same name too */
	container = rescore_container(watch->rs, event->slot);
	if (!container || container->serial != event->serial ||
	    !is_crossing(watch, event, (int64_t)event->time_ns))
		return;
	view.container = container->name;
	err = action_load(container->name, view.resource->name, &actions);
	if (err == -ENOENT)
		return;
	if (err) {
		snprintf(text, sizeof(text),
			 "%s: its actions are not of this version, or not readable",
			 container->name);
		say(watch, LOG_ERR, text);
		return;
	}
	if (actions.log)
		say(watch, LOG_WARNING, event_text(text, sizeof(text), &view));
	if (actions.signal)
		send_signal(watch, event, actions.signal);
	if (*actions.hook)
		run_hook(watch, &view, actions.hook);
}

/* --- the service --------------------------------------------------------------------------- */

static bool still_loaded(const struct watch *watch)
{
	struct rescore *now;
	bool same;

	if (rescore_open(&now, true))
		return false;
	same = rescore_meta(now)->loaded_ns ==
	       rescore_meta(watch->rs)->loaded_ns;
	rescore_close(now);
	return same;
}

static void report_lost(struct watch *watch)
{
	char text[96];

	if (!watch->lost)
		return;
	snprintf(text, sizeof(text), "%llu events lost: too many at once",
		 (unsigned long long)watch->lost);
	watch->lost = 0;
	say(watch, LOG_WARNING, text);
}

static int follow(struct watch *watch)
{
	struct sigaction action = { .sa_handler = stop };
	uint64_t cursor = watch->ledger->cursor;
	struct rescore_event event;
	unsigned int polls = 0;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	while (!stopped) {
		while (!stopped &&
		       rescore_next_event(watch->rs, &cursor, &event,
					  &watch->lost) > 0) {
			act(watch, &event);
			watch->ledger->cursor = cursor;
		}
		if (polls++ % LOST_POLLS == 0)
			report_lost(watch);
		end_crossings(watch);
		reap_hooks(watch);
		if (fflush(stdout))
			return STATUS_FAILURE;
		poll(NULL, 0, POLL_MS);
		if (polls % CHECK_POLLS == 0 && !still_loaded(watch))
			return fail(
				"rescore has been unloaded: there will be no more events");
	}
	report_lost(watch);
	return fflush(stdout) ? STATUS_FAILURE : STATUS_OK;
}

/* sd-daemon(3): what systemd connected to the journal, it tells by number. */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(fd, &st) && st.st_dev == device && st.st_ino == inode;
}

int cmd_watch(const struct invocation *inv)
{
	struct watch watch = {
		.syslog = inv->option[OPT_SYSLOG],
		.journal = is_journal(STDOUT_FILENO),
	};
	uint64_t seconds = HOOK_SECONDS;
	int status;

	status = number_option(inv, OPT_TIMEOUT, 1, 3600, &seconds);
	status = status ? status : open_session(inv, true, &watch.rs);
	if (status)
		return status;
	watch.seconds = (unsigned int)seconds;
	if (watch.syslog)
		openlog("rescore", LOG_PID, LOG_DAEMON);
	status = ledger_open(watch.rs, &watch.ledger);
	if (!status)
		status = follow(&watch);
	ledger_close(watch.ledger);
	rescore_close(watch.rs);
	return status;
}
