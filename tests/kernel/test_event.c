// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what they say, how many of them there are, and what a reader gets
 * that came late. The ring is loaded small, so that it is soon overwritten.
 */
#include "puppet.h"

#define RING	16

FIXTURE(event)
{
	int slot;
	struct puppet *p;
	uint64_t cursor;
};

FIXTURE_SETUP(event)
{
	world_begin(_metadata);
	ASSERT_LT(0, self->slot = make("kt-a"));
	self->p = puppet_in(self->slot);
	self->cursor = rescore_meta(rs)->event_head;
}

FIXTURE_TEARDOWN(event)
{
	end_puppets();
	world_end(_metadata);
}

static int64_t boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int64_t real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* @n opens that are refused. Returns how many were. */
static long refused_opens(long n, long b, long c)
{
	long refused = 0;

	while (n--)
		refused += open("/dev/null", O_RDONLY) < 0 && errno == ENFILE;
	return refused;
}

/* An event says who was refused what, when, and at which bound. */
TEST_F(event, fields)
{
	int64_t before, boot, real, seconds = 1000000000LL;
	struct rescore_event event;

	set_bounds(self->slot, numfile, 3, 5);
	EXPECT_EQ(0, puppet_sys(self->p, SYS_prctl, PR_SET_NAME,
				"kt-event-comm", 0, 0));
	EXPECT_EQ(3, puppet_do(self->p, open_many, "/dev/null", 3, O_RDONLY));
	EXPECT_EQ(0, rescore_next_event(rs, &self->cursor, &event, NULL));
	before = boot_ns();
	EXPECT_EQ(-ENFILE, puppet_open(self->p, "/dev/null", O_RDONLY));
	boot = boot_ns();
	real = real_ns();

	ASSERT_EQ(1, rescore_next_event(rs, &self->cursor, &event, NULL));
	EXPECT_EQ(self->cursor, event.seq);
	EXPECT_LE(before, event.time_ns);
	EXPECT_GE(boot, event.time_ns);
	EXPECT_LE(real - 5 * seconds, rescore_event_realtime(&event));
	EXPECT_GE(real + 5 * seconds, rescore_event_realtime(&event));
	EXPECT_EQ(rescore_container(rs, self->slot)->serial, event.serial);
	EXPECT_EQ(self->slot, event.slot);
	EXPECT_EQ(numfile, event.resource);
	EXPECT_EQ(RESCORE_EV_REFUSED, event.kind);
	EXPECT_EQ(RESCORE_HARD, event.severity);
	EXPECT_EQ(3, event.held);
	EXPECT_EQ(3, event.bound);
	EXPECT_EQ(1, event.amount);
	EXPECT_EQ(0, event.suppressed);
	EXPECT_EQ(self->p->pid, event.pid);
	EXPECT_EQ(self->p->pid, event.tid);
	EXPECT_STREQ("kt-event-comm", event.comm);
	EXPECT_STREQ("refused", rescore_event_kind_name(event.kind));
	EXPECT_EQ(0, rescore_next_event(rs, &self->cursor, &event, NULL));
}

/* In observe mode the event is of another kind, and held goes on. */
TEST_F(event, observed)
{
	struct rescore_event event;

	set_bounds(self->slot, numfile, 1, 1);
	ASSERT_EQ(0, rescore_set_mode(rs, self->slot, -1, true));
	EXPECT_EQ(3, puppet_do(self->p, open_many, "/dev/null", 3, O_RDONLY));
	ASSERT_EQ(1, rescore_next_event(rs, &self->cursor, &event, NULL));
	EXPECT_EQ(RESCORE_EV_OBSERVED, event.kind);
	EXPECT_EQ(1, event.held);
	EXPECT_EQ(1, event.bound);
	EXPECT_STREQ("observed", rescore_event_kind_name(event.kind));
	ASSERT_EQ(1, rescore_next_event(rs, &self->cursor, &event, NULL));
	EXPECT_EQ(2, event.held);
	EXPECT_EQ(1, event.bound);
	EXPECT_EQ(0, rescore_next_event(rs, &self->cursor, &event, NULL));
}

static long split_lock(long start, long b, long c)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 100 };
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	if (fcntl(fd, F_SETLK, &lock))
		return -errno;
	lock.l_type = F_UNLCK;
	lock.l_start = start;
	lock.l_len = 1;
	return result(fcntl(fd, F_SETLK, &lock));
}

/* A SOFT refusal names the limit. */
TEST_F(event, soft)
{
	struct rescore_event event;

	set_bounds(self->slot, numflock, 1, 1);
	EXPECT_EQ(-ENOLCK, puppet_do(self->p, split_lock, 7, 0, 0));
	ASSERT_EQ(1, rescore_next_event(rs, &self->cursor, &event, NULL));
	EXPECT_EQ(RESCORE_SOFT, event.severity);
	EXPECT_EQ(numflock, event.resource);
	EXPECT_EQ(1, event.held);
	EXPECT_EQ(1, event.bound);
}

static void *open_in_thread(void *arg)
{
	long *tid = arg;

	*tid = gettid();
	if (open("/dev/null", O_RDONLY) >= 0)
		*tid = 0;
	return NULL;
}

static long thread_refused(long a, long b, long c)
{
	pthread_t thread;
	long tid;

	pthread_create(&thread, NULL, open_in_thread, &tid);
	pthread_join(thread, NULL);
	return tid;
}

/* A thread is named by its own id and its process's. */
TEST_F(event, thread)
{
	struct rescore_event event;
	long tid;

	set_bounds(self->slot, numfile, 0, 0);
	tid = puppet_do(self->p, thread_refused, 0, 0, 0);
	EXPECT_NE(self->p->pid, tid);
	do {
		ASSERT_EQ(1,
			  rescore_next_event(rs, &self->cursor, &event, NULL));
	} while (event.tid != tid);
	EXPECT_EQ(tid, event.tid);
	EXPECT_EQ(self->p->pid, event.pid);
}

/*
 * A line reports at most RESCORE_EVENT_BURST refusals in a window, and says
 * with the next how many it left out: together they are all.
 */
TEST_F(event, rate_limit)
{
	struct rescore_event event;
	uint64_t start = 0, lost = 0;
	unsigned int seen = 0, burst = 0, suppressed = 0;
	uint64_t refused = 0;

	set_bounds(self->slot, numfile, 0, 0);
	/* a burst, and on until a report that takes all of it in */
	EXPECT_TRUE(eventually(({
		refused += puppet_do(self->p, refused_opens,
				     refused < 1009 ? 101 : 1, 0, 0);
		while (rescore_next_event(rs, &self->cursor, &event, &lost)) {
			if (event.time_ns - start >=
			    RESCORE_EVENT_WINDOW - 16) {
				start = event.time_ns;
				burst = 0;
			}
			EXPECT_GE(RESCORE_EVENT_BURST, ++burst);
			suppressed += event.suppressed;
			seen++;
		}
		suppressed &&seen + suppressed == refused;
	})));
	EXPECT_EQ(0, lost);
	EXPECT_EQ(refused, failcnt(self->slot, numfile));
}

/* Fill the ring from @n containers; each has its own rate. */
static void fill_ring(struct __test_metadata *_metadata, int n)
{
	struct puppet *p;
	int slot;

	while (n--) {
		ASSERT_LT(0, slot = make(text("kt-fill%d", n)));
		set_bounds(slot, numfile, 0, 0);
		p = puppet_in(slot);
		EXPECT_EQ(7, puppet_do(p, refused_opens, 7, 0, 0));
		puppet_end(p);
	}
}

/* Events that were overwritten before they were read are counted as lost. */
TEST_F(event, lost)
{
	uint64_t head, lost = 0, before = self->cursor;
	struct rescore_event event;
	int n = 0;

	ASSERT_EQ(RING, rescore_meta(rs)->nr_events);
	fill_ring(_metadata, 5);
	head = rescore_meta(rs)->event_head;
	EXPECT_EQ(before + 35, head);
	while (rescore_next_event(rs, &self->cursor, &event, &lost)) {
		n++;
		EXPECT_EQ(head - RING + n, event.seq);
		EXPECT_EQ(self->cursor, event.seq);
	}
	EXPECT_EQ(RING, n);
	EXPECT_EQ(35 - RING, lost);
	EXPECT_EQ(head, self->cursor);
}

/* Readers do not take events from one another, and a late one starts anywhere. */
TEST_F(event, readers)
{
	struct rescore *other;
	uint64_t oldest = 0, lost = 0, late;
	struct rescore_event event, same;

	ASSERT_EQ(0, rescore_open(&other, true));
	fill_ring(_metadata, 1);
	late = self->cursor;
	while (rescore_next_event(rs, &self->cursor, &event, NULL)) {
		ASSERT_EQ(1, rescore_next_event(other, &late, &same, NULL));
		EXPECT_EQ(0, memcmp(&event, &same, sizeof(event)));
	}
	EXPECT_EQ(self->cursor, late);
	/* from 0: the oldest kept, and the rest is lost */
	ASSERT_EQ(1, rescore_next_event(other, &oldest, &event, &lost));
	EXPECT_EQ(late > RING ? late - RING : 0, lost);
	EXPECT_EQ(lost + 1, event.seq);
	/* from the head: new ones only */
	oldest = rescore_meta(other)->event_head;
	EXPECT_EQ(0, rescore_next_event(other, &oldest, &event, NULL));
	rescore_close(other);
}

static const struct rescore_load_opts load_opts = {
	.events = RING,
	.only = "files,locks",
};

RESCORE_TEST_MAIN(&load_opts)
