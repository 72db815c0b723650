// SPDX-License-Identifier: GPL-2.0
/*
 * Events with a clock that stands: what is in them, how many of them there are,
 * and what a reader makes of a ring that is written over.
 */
/* A writer may be held up where it fills in its record. */
static void (*hold_up)(void);

#define NATIVE_COMM()	(hold_up ? hold_up() : (void)0)
#include "fixture.h"

#define SECOND	1000000000ULL
#define START	(1000 * SECOND)
#define BURST	RESCORE_EVENT_BURST

static uint64_t cursor, lost;
static struct rescore_event event;

static void begin(unsigned int events)
{
	fixture_for_user((struct sizes){ .slots = 8, .events = events });
	native_clock = START;
	native_self = (struct native_task){
		.address = 0xff11000000001000ULL,
		.pid_tgid = 1234ULL << 32 | 1235,
		.comm = "fifteen letters",
	};
	cursor = lost = 0;
}

static int next(void)
{
	return user_next_event(&cursor, &event, &lost);
}

static unsigned int drain(void)
{
	unsigned int n = 0;

	while (next() == 1)
		n++;
	return n;
}

/* Be refused @n times; every time another amount. */
static void refuse(__u32 slot, __u32 resource, unsigned int n)
{
	unsigned int i;

	for (i = 1; i <= n; i++)
		rescore_try_charge(slot, resource, i, RESCORE_HARD);
}

/* --- what is in them ------------------------------------------------------------- */

static void test_content(void)
{
	struct rescore_line *line;

	begin(8);
	tap_is_int(next(), 0, "no events yet");
	line = rescore_line(3, 5);
	set_bounds(line, 10, 20);
	rescore_force_charge(3, 5, 8);
	tap_is_int(next(), 0, "a charge is no event");

	rescore_try_charge(3, 5, 3, RESCORE_HARD);
	tap_is_int(next(), 1, "a refusal is one");
	tap_ok(event.seq == 1 && event.time_ns == START && event.slot == 3 &&
		       event.serial == 1003 && event.resource == 5,
	       "when, and whose");
	tap_ok(event.kind == RESCORE_EV_REFUSED &&
		       event.severity == RESCORE_HARD && event.held == 8 &&
		       event.bound == 10 && event.amount == 3,
	       "what, at which bound");
	tap_ok(event.pid == 1234 && event.tid == 1235 &&
		       !strcmp(event.comm, "fifteen letters") &&
		       !event.suppressed,
	       "by which task");

	rescore_try_charge(3, 5, 13, RESCORE_SOFT);
	tap_ok(next() == 1 && event.seq == 2 &&
		       event.severity == RESCORE_SOFT && event.bound == 20 &&
		       event.amount == 13,
	       "the limit, when it is that");

	line->flags = RESCORE_OBSERVE;
	rescore_try_charge(3, 5, 3, RESCORE_HARD);
	tap_ok(next() == 1 && event.kind == RESCORE_EV_OBSERVED &&
		       event.held == 8 && event.amount == 3,
	       "what would have been refused");
	rescore_no_payer(3, 5);
	tap_ok(next() == 1 && event.kind == RESCORE_EV_NO_PAYER &&
		       event.held == 10 && event.bound == 10 &&
		       event.amount == 1,
	       "an object whose payer has no room");
	tap_is_int(next(), 0, "that was all");
	tap_is_int(lost, 0, "none was lost");

	rescore_event_write(&(struct rescore_report){ .slot = 8 });
	rescore_event_write(NULL);
	tap_is_int(next(), 0, "a slot that is not there reports nothing");
}

/* --- how many ----------------------------------------------------------------------- */

static void test_throttle(void)
{
	begin(64);
	refuse(1, 0, 1000);
	tap_is_int(drain(), BURST, "one burst, whatever happens");
	tap_is_int(rescore_line(1, 0)->failcnt, 1000, "all are counted");
	refuse(1, 1, 3);
	refuse(2, 0, 3);
	tap_is_int(drain(), 6, "other lines have bursts of their own");

	native_clock = START + SECOND - 16;
	refuse(1, 0, 5);
	tap_is_int(drain(), 0, "nothing more in this second");
	native_clock = START + SECOND;
	refuse(1, 0, 1);
	tap_ok(next() == 1 && event.suppressed == 1000 - BURST + 5,
	       "the first of the next says how many were left out");
	refuse(1, 0, 1);
	tap_ok(next() == 1 && event.suppressed == 0, "the second does not");
	refuse(1, 0, 100);
	tap_is_int(drain(), BURST - 2, "both count");

	/* a CPU that read the clock before another opened the window */
	native_clock = START + SECOND - 1;
	refuse(1, 0, 5);
	tap_is_int(drain(), 0, "a clock behind the window opens no other");
	native_clock = START + 100 * SECOND;
	refuse(1, 0, 100);
	tap_is_int(drain(), BURST, "after a pause it is one burst too");

	/* the machine has just booted: its clock begins at 0 */
	begin(64);
	native_clock = 5;
	refuse(1, 0, 100);
	tap_is_int(drain(), BURST, "in the first second after boot as well");
}

/* --- the ring ----------------------------------------------------------------------- */

/* Each in a window of its own, so that all are written. */
static void write_events(unsigned int n)
{
	while (n--) {
		native_clock += SECOND;
		refuse(1, 0, 1);
	}
}

static void test_ring(void)
{
	uint64_t other = 0, other_lost = 0, seq;
	unsigned int i, round;
	bool right = true;

	begin(8);
	write_events(8);
	for (seq = 1; seq <= 8; seq++)
		right &= next() == 1 && event.seq == seq && cursor == seq;
	tap_ok(right && !next() && !lost, "a full ring is read from 1 on");
	tap_ok(user_next_event(&other, &event, &other_lost) == 1 &&
		       event.seq == 1 && other == 1,
	       "a second reader does not mind the first");

	write_events(3);
	tap_ok(user_next_event(&other, &event, &other_lost) == 1 &&
		       event.seq == 4 && other_lost == 2,
	       "the slower one is told what it missed");
	tap_ok(next() == 1 && event.seq == 9 && !lost, "the other goes on");

	write_events(1000);
	for (seq = 1004; seq <= 1011; seq++)
		right &= next() == 1 && event.seq == seq;
	tap_ok(right && !next() && lost == 1003 - 9,
	       "after many rounds the newest are there, the others lost");

	cursor = rescore_meta.event_head;
	tap_is_int(next(), 0, "from the head on there is nothing");
	for (round = 0; round < 100; round++) {
		write_events(round % 11);
		for (i = 0; next() == 1; i++)
			right &= event.seq == cursor;
		right &= i == (round % 11 < 8 ? round % 11 : 8);
	}
	tap_ok(right, "numbers go on without a gap");

	begin(1);
	write_events(5);
	tap_ok(next() == 1 && event.seq == 5 && lost == 4, "a ring of one");
}

/* A writer is held up, and others go once round the ring meanwhile. */
static unsigned int meanwhile;

static void others_write(void)
{
	struct native_task was = native_self;

	hold_up = NULL;
	native_self.pid_tgid = 1;
	write_events(meanwhile);
	native_self = was;
}

/* While a record is half written: what does a reader see? */
static int seen_half;

static void reader_looks(void)
{
	struct rescore_event half;
	uint64_t at = cursor;

	hold_up = NULL;
	seen_half = user_next_event(&at, &half, NULL);
}

static bool is_consistent(void)
{
	/* refuse(1, …) asks for 1, the one held up for 77 */
	return event.amount == (event.tid == 42 ? 77 : 1);
}

static void write_held_up(unsigned int events_meanwhile)
{
	struct native_task was = native_self;

	meanwhile = events_meanwhile;
	hold_up = others_write;
	native_clock += SECOND;
	native_self.pid_tgid = 42;
	rescore_try_charge(2, 0, 77, RESCORE_HARD);
	native_self = was;
}

static void test_torn(void)
{
	unsigned int n;
	bool right = true;

	begin(4);
	write_events(1);
	hold_up = reader_looks;
	cursor = 1;
	write_events(1);
	tap_is_int(seen_half, 0, "a record half written is not read");
	tap_ok(next() == 1 && event.seq == 2, "when it is whole it is");

	for (n = 0; n <= 9; n++) {
		begin(4);
		write_events(4);
		write_held_up(n);
		while (next() == 1)
			right &= is_consistent() && event.seq == cursor;
		right &= cursor == 5 + n;
		/* afterwards nothing is stuck */
		write_events(4);
		right &= drain() == 4;
	}
	tap_ok(right, "one held up for a round of the ring tears no record");
}

int main(void)
{
	test_content();
	test_throttle();
	test_ring();
	test_torn();
	return tap_done();
}
