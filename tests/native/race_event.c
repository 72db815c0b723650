// SPDX-License-Identifier: GPL-2.0
/*
 * Writers go round a small ring as fast as they can while readers follow it
 * through librescore: no reader takes a record that is not whole.
 */
#include <sched.h>

#include "threads.h"

#define SLOTS	16

static unsigned int nr_writers;
static __u64 torn, nr_read[THREADS_MAX], nr_lost[THREADS_MAX];

/* All of a record follows from its amount. */
static struct rescore_report report_of(__u32 slot, __u64 amount)
{
	return (struct rescore_report){
		.slot = slot,
		.resource = amount % RESCORE_RESOURCES_MAX,
		.severity = amount % 2,
		.kind = RESCORE_EV_REFUSED + amount % 2,
		.held = -amount,
		.bound = amount * 3,
		.amount = amount,
	};
}

static void set_task(__u64 amount)
{
	native_self.pid_tgid = (amount & 0xffffffff) << 32 | (amount ^ 0xffff);
	snprintf(native_self.comm, sizeof(native_self.comm), "%llx", amount);
}

static bool is_whole(const struct rescore_event *event)
{
	struct rescore_report report = report_of(event->slot, event->amount);
	char comm[RESCORE_COMM_LEN] = "";

	snprintf(comm, sizeof(comm), "%llx", (__u64)event->amount);
	return event->held == report.held && event->bound == report.bound &&
	       event->resource == report.resource &&
	       event->severity == report.severity &&
	       event->kind == report.kind &&
	       event->serial == 1000U + event->slot &&
	       event->pid == (__u32)event->amount &&
	       event->tid == (__u32)(event->amount ^ 0xffff) &&
	       !strcmp(event->comm, comm);
}

static void writer(unsigned int thread)
{
	struct rescore_report report;
	unsigned int i;
	__u64 amount;

	for (i = 0; time_left(i); i++) {
		/* each in a window of its own: all are written */
		native_clock += 2 * RESCORE_EVENT_WINDOW;
		amount = (__u64)(thread + 1) << 28 | i;
		set_task(amount);
		report = report_of(1 + thread, amount);
		rescore_event_write(&report);
		/* sometimes let a reader keep up */
		if (i % 1024 < 64)
			sched_yield();
	}
	thread_is_done();
}

static void reader(unsigned int thread)
{
	struct rescore_event event;
	uint64_t cursor = 0, lost = 0, last = 0;
	bool more = true;

	while (more) {
		/* asked before the last look, or the last ones are overlooked */
		more = others_busy();
		while (user_next_event(&cursor, &event, &lost) == 1) {
			if (!is_whole(&event) || event.seq != cursor ||
			    event.seq <= last)
				__atomic_fetch_add(&torn, 1, __ATOMIC_RELAXED);
			last = event.seq;
			nr_read[thread]++;
		}
		sched_yield();
	}
	nr_lost[thread] = lost;
}

static void run(unsigned int thread)
{
	if (thread < nr_writers)
		writer(thread);
	else
		reader(thread);
}

static void test_ring(unsigned int writers, unsigned int readers,
		      unsigned int size)
{
	unsigned int i, n = writers + readers;
	bool complete = true;

	fixture_for_user((struct sizes){ .slots = SLOTS, .events = size });
	memset(nr_read, 0, sizeof(nr_read));
	torn = 0;
	nr_writers = nr_busy = writers;
	run_threads(n, run);
	for (i = writers; i < n; i++) {
		complete &= nr_read[i] + nr_lost[i] == rescore_meta.event_head;
		printf("# reader %u: %llu read, %llu lost of %llu\n",
		       i - writers, nr_read[i], nr_lost[i],
		       rescore_meta.event_head);
	}
	tap_ok(!torn,
	       "%u writers, %u readers, a ring of %u: every record is "
	       "whole",
	       writers, readers, size);
	tap_ok(complete, "each event was read or counted as lost");
}

/* --- one line is refused by all of them ------------------------------------------- */

static void be_refused(unsigned int thread)
{
	unsigned int i;

	/* clocks of CPUs differ a little */
	native_clock += thread * 20;
	for (i = 0; i < 2000; i++)
		rescore_try_charge(1, 0, 1, RESCORE_HARD);
}

static void test_throttle(unsigned int nr, unsigned int windows)
{
	uint64_t told = 0, lost = 0, cursor = 0, failed, written;
	struct rescore_event event;

	fixture_for_user((struct sizes){ .events = 64 });
	run_threads(nr, be_refused);
	while (user_next_event(&cursor, &event, &lost) == 1)
		told += event.suppressed;
	written = rescore_meta.event_head;
	failed = rescore_line(1, 0)->failcnt;
	tap_is_int(written, RESCORE_EVENT_BURST * windows,
		   "all threads together report one burst");
	told += native_array(throttle)[1].line[0].suppressed;
	tap_ok(failed == nr * 2000 && written + told == failed && !lost,
	       "%u threads: each refusal is reported, or counted as left out",
	       nr);
}

int main(void)
{
	unsigned int nr;

	test_ring(1, 1, 1);
	test_ring(2, 1, 1);
	test_ring(2, 2, 2);
	test_ring(4, 2, 4);
	test_ring(6, 2, 64);
	for (nr = 2; nr <= 8; nr *= 2)
		test_throttle(nr, 1);
	return tap_done();
}
