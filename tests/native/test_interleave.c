// SPDX-License-Identifier: GPL-2.0
/* Small scenarios of two or three CPUs, in every order: interleave.h. */
#include "interleave.h"

/* A reader that waits for a writer would do so for ever: it may not stop then. */
#define USER_STEPS	12

static unsigned int user_steps;

void user_step(void);
void user_step(void)
{
	if (machine.running >= 0 && user_steps++ < USER_STEPS)
		interleave_step();
}

/* --- one line ------------------------------------------------------------------ */

enum { END, TRY, DROP, FREE, RESET, PEAK };

/* TRY n; DROP: uncharge what TRY got; FREE n of held0. */
struct charging {
	__s64 barrier, held0;
	struct {
		int what, n;
	} op[CPUS_MAX][4];
};

static struct {
	__s64 true_peak;	/* of held, whoever looked */
	__s64 since;		/* the same since the last RESET or PEAK */
	__s64 taken;		/* the highest that PEAK saw */
	unsigned int refused;
	bool passed, unjust;
	struct {
		__s64 n;	/* it asks for; 0: nothing now */
		__s64 got;
		bool no_room;	/* at some moment since it asked */
	} cpu[CPUS_MAX];
} line_seen;

static void charging_begin(const void *arg)
{
	const struct charging *charging = arg;
	struct rescore_line *line;

	fixture_for_user((struct sizes){});
	native_clock = 1000 * RESCORE_EVENT_WINDOW;
	line = rescore_line(1, 0);
	set_bounds(line, charging->barrier, charging->barrier);
	rescore_force_charge(1, 0, charging->held0);
	memset(&line_seen, 0, sizeof(line_seen));
	line_seen.true_peak = line_seen.since = charging->held0;
}

static void charging_run(const void *arg, unsigned int cpu)
{
	const struct charging *charging = arg;
	typeof(&line_seen.cpu[0]) self = &line_seen.cpu[cpu];
	__s64 n, peak;
	int i;

	for (i = 0; i < 4; i++) {
		n = charging->op[cpu][i].n;
		switch (charging->op[cpu][i].what) {
		case TRY:
			self->n = n;
			self->no_room = false;
			if (!rescore_try_charge(1, 0, n, RESCORE_HARD)) {
				self->got += n;
			} else {
				line_seen.refused++;
				line_seen.unjust |= !self->no_room;
			}
			self->n = 0;
			break;
		case DROP:
			if (self->got)
				rescore_uncharge(1, 0, self->got);
			self->got = 0;
			break;
		case FREE:
			rescore_uncharge(1, 0, n);
			break;
		case RESET:
			user_steps = 0;
			user_reset_maxheld(1, 0);
			line_seen.since = rescore_line(1, 0)->held;
			break;
		case PEAK:
			user_steps = 0;
			peak = user_take_peak(1, 0);
			if (peak > line_seen.taken)
				line_seen.taken = peak;
			line_seen.since = rescore_line(1, 0)->held;
			break;
		}
	}
}

static bool charging_holds(const void *arg)
{
	const struct charging *charging = arg;
	__s64 held = rescore_line(1, 0)->held;
	int cpu;

	line_seen.passed |= held > charging->barrier;
	if (held > line_seen.true_peak)
		line_seen.true_peak = held;
	if (held > line_seen.since)
		line_seen.since = held;
	for (cpu = 0; cpu < CPUS_MAX; cpu++)
		if (held + line_seen.cpu[cpu].n > charging->barrier)
			line_seen.cpu[cpu].no_room = true;
	return !line_seen.passed && !line_seen.unjust;
}

static bool charging_sums(const struct charging *charging)
{
	struct rescore_line *line = rescore_line(1, 0);
	__s64 held = charging->held0;
	int cpu, i;

	for (cpu = 0; cpu < CPUS_MAX; cpu++) {
		held += line_seen.cpu[cpu].got;
		for (i = 0; i < 4; i++)
			if (charging->op[cpu][i].what == FREE)
				held -= charging->op[cpu][i].n;
	}
	return line->held == held && line->failcnt == line_seen.refused &&
	       !line->underflow;
}

static bool charging_end(const void *arg)
{
	struct rescore_line *line = rescore_line(1, 0);

	return charging_sums(arg) && line->maxheld == line_seen.true_peak &&
	       line->peak == line_seen.true_peak;
}

/* A mark set back meanwhile is not below what held reached afterwards. */
static bool reset_end(const void *arg)
{
	struct rescore_line *line = rescore_line(1, 0);

	return charging_sums(arg) && line->maxheld >= line_seen.since &&
	       line->maxheld >= line->held &&
	       line->maxheld <= line_seen.true_peak &&
	       line->peak == line_seen.true_peak;
}

/* The samples together miss no peak, and invent none. */
static bool peak_end(const void *arg)
{
	struct rescore_line *line = rescore_line(1, 0);
	__s64 highest = line->peak > line_seen.taken ? line->peak :
						       line_seen.taken;

	return charging_sums(arg) && highest == line_seen.true_peak &&
	       line->peak >= line_seen.since &&
	       line->maxheld == line_seen.true_peak;
}

static const struct charging charging[] = {
	{ 1,
	  0,
	  { { { TRY, 1 }, { DROP } },
	    { { TRY, 1 }, { DROP } },
	    { { TRY, 1 } } } },
	{ 2, 2, { { { FREE, 1 } }, { { TRY, 1 } }, { { TRY, 1 } } } },
	{ 3, 2, { { { FREE, 1 } }, { { TRY, 2 }, { DROP } }, { { TRY, 1 } } } },
	{ 4,
	  0,
	  { { { TRY, 3 }, { DROP } },
	    { { TRY, 2 } },
	    { { TRY, 2 }, { DROP } } } },
	{ 9, 0, { { { TRY, 5 }, { DROP } }, { { TRY, 9 } }, { { TRY, 4 } } } },
};

static const struct charging reset = {
	9,
	2,
	{ { { TRY, 3 }, { DROP } }, { { TRY, 2 } }, { { RESET } } }
};

static const struct charging peaks = { 9,
				       0,
				       { { { TRY, 3 }, { DROP } },
					 { { TRY, 2 }, { DROP } },
					 { { PEAK }, { PEAK } } } };

/* --- payers: entries of one bucket --------------------------------------------------- */

#define BITS	1
#define ROOM	(1 << BITS)
#define FILL	16

static __u64 keys[FILL];	/* of bucket 0 */
static int results[CPUS_MAX][4];

/* @n of them recorded for @slot and charged to it. */
static void payers_begin(unsigned int n, __u32 slot)
{
	__u64 address = 0xffff888000000000ULL, key;
	unsigned int i;

	fixture((struct sizes){ .slots = 4, .payers_bits = BITS, .events = 4 });
	native_clock = 1000 * RESCORE_EVENT_WINDOW;
	for (i = 0; i < FILL; address += 256) {
		key = rescore_object_key(address, RESCORE_OBJ_FILE);
		if (rescore_hash(key, rescore_cfg.payers_shift) == 0)
			keys[i++] = key;
	}
	for (i = 0; i < 4; i++)
		set_bounds(rescore_line(i, 0), 100, 100);
	for (i = 0; i < n; i++)
		rescore_force_charge_object(keys[i], slot, 0);
	memset(results, -1, sizeof(results));
}

/* Entries recorded for @slot, in the bucket and in the hash. */
static unsigned int recorded_for(__u32 slot)
{
	const struct rescore_bucket *bucket = native_array(payers);
	unsigned int i, n = 0;
	__u64 *more;

	for (i = 0; i < 2 * RESCORE_BUCKET_ENTRIES; i++)
		n += bucket[i / 8].entry[i % 8] &&
		     RESCORE_SLOT(bucket[i / 8].entry[i % 8]) == slot;
	for (i = 0; i < FILL; i++) {
		more = bpf_map_lookup_elem(&payers_more, &keys[i]);
		n += more && *more == slot;
	}
	return n;
}

/* Who removes must not find it 0 while there is something to remove. */
static bool overflow_holds(const void *arg)
{
	(void)arg;
	return rescore_meta.payers_overflow >= native_find(&payers_more)->used;
}

/* Each CPU has an object of its own; there is room for all, in bucket and hash. */
static void own_begin(const void *arg)
{
	(void)arg;
	payers_begin(RESCORE_BUCKET_ENTRIES - 1, 1);
}

static void own_run(const void *arg, unsigned int cpu)
{
	__u64 key = keys[12 + cpu];
	int *result = results[cpu], missed;

	(void)arg;
	result[0] = rescore_payer_put(key, 40 + cpu, &missed, false) ?:
								       missed + 1;
	result[1] = rescore_payer_find(key);
	result[2] = rescore_payer_take(key);
	result[3] = rescore_payer_take(key);
}

static bool own_end(const void *arg)
{
	unsigned int cpu;
	bool right = true;

	(void)arg;
	for (cpu = 0; cpu < CPUS_MAX; cpu++)
		right &= results[cpu][0] == 0 &&
			 results[cpu][1] == (int)(40 + cpu) &&
			 results[cpu][2] == (int)(40 + cpu) &&
			 results[cpu][3] == -1;
	return right && !rescore_meta.payers_overflow &&
	       !native_find(&payers_more)->used &&
	       recorded_for(1) == RESCORE_BUCKET_ENTRIES - 1 &&
	       nr_entries(native_array(payers), BITS) == recorded_for(1);
}

/* One key for all, as the credits of one task: two give, one takes twice. */
static void credit_run(const void *arg, unsigned int cpu)
{
	(void)arg;
	if (cpu < 2) {
		results[cpu][0] = rescore_payer_add(keys[15], 2 + cpu);
		return;
	}
	results[cpu][0] = rescore_payer_take(keys[15]);
	results[cpu][1] = rescore_payer_take(keys[15]);
}

static bool credit_end(const void *arg)
{
	unsigned int slot, left, taken;
	bool right = true;

	(void)arg;
	for (slot = 2; slot < 4; slot++) {
		left = recorded_for(slot);
		taken = (results[2][0] == (int)slot) +
			(results[2][1] == (int)slot);
		right &= left + taken == (results[slot - 2][0] == 0);
	}
	/* there was room for both */
	return right && !results[0][0] && !results[1][0] &&
	       rescore_meta.payers_overflow == native_find(&payers_more)->used;
}

/* The last credit, in the hash: one of all gets it. */
static void last_begin(const void *arg)
{
	(void)arg;
	payers_begin(RESCORE_BUCKET_ENTRIES, 1);
	rescore_payer_add(keys[15], 2);
}

static void last_run(const void *arg, unsigned int cpu)
{
	(void)arg;
	results[cpu][0] = rescore_payer_take(keys[15]);
}

static bool last_end(const void *arg)
{
	unsigned int cpu, got = 0, none = 0;

	(void)arg;
	for (cpu = 0; cpu < CPUS_MAX; cpu++) {
		got += results[cpu][0] == 2;
		none += results[cpu][0] == -1;
	}
	return got == 1 && none == 2 && !rescore_meta.payers_overflow &&
	       !native_find(&payers_more)->used;
}

/* What is charged is what is recorded, whoever got the last place. */
static void object_begin(const void *arg)
{
	(void)arg;
	payers_begin(RESCORE_BUCKET_ENTRIES + ROOM, 1);
}

static void object_run(const void *arg, unsigned int cpu)
{
	(void)arg;
	switch (cpu) {
	case 0:	/* the address of an entry in the hash, whose free was missed */
		rescore_try_charge_object(keys[RESCORE_BUCKET_ENTRIES], 2, 0,
					  RESCORE_HARD);
		break;
	case 1:	/* a new one */
		rescore_try_charge_object(keys[15], 3, 0, RESCORE_HARD);
		break;
	case 2:	/* one goes, and comes back as another's */
		rescore_uncharge_object(keys[0], 0);
		rescore_try_charge_object(keys[0], 3, 0, RESCORE_HARD);
		break;
	}
}

static bool object_end(const void *arg)
{
	struct rescore_line *line;
	bool right = true;
	__u32 slot;

	(void)arg;
	for (slot = 1; slot < 4; slot++) {
		line = rescore_line(slot, 0);
		right &= line->held == recorded_for(slot) && !line->underflow;
	}
	return right && rescore_meta.missed_frees == 1 &&
	       rescore_meta.payers_overflow == native_find(&payers_more)->used;
}

/* --- members: one writer, readers ------------------------------------------------------ */

static __u64 ids[12];		/* of one bucket */

static void member_begin(const void *arg)
{
	unsigned int i = 0;
	__u64 id;

	(void)arg;
	fixture((struct sizes){ .members_bits = 1, .members_more = 2 });
	for (id = 1; i < 12; id++)
		if (!rescore_hash(RESCORE_KEY(id), rescore_cfg.members_shift))
			ids[i++] = id;
	/* 8 in the bucket, one in the hash; of the rest nothing is recorded */
	for (i = 0; i < 9; i++)
		rescore_member_add(ids[i], 10 + i, true);
	memset(results, -1, sizeof(results));
}

static void member_run(const void *arg, unsigned int cpu)
{
	(void)arg;
	switch (cpu) {
	case 0:
		rescore_member_remove(ids[3]);
		rescore_member_add(ids[9], 19, true);
		rescore_member_add(ids[10], 20, true);
		rescore_member_remove(ids[9]);
		break;
	case 1:
		results[1][0] = rescore_member(ids[7]);	/* in the bucket */
		results[1][1] = rescore_member(ids[11]); /* in none */
		break;
	case 2:
		results[2][0] = rescore_member(ids[8]);	/* in the hash */
		results[2][1] = rescore_member(ids[3]);	/* goes */
		break;
	}
}

static bool member_end(const void *arg)
{
	(void)arg;
	return results[1][0] == 17 && results[1][1] == 0 &&
	       results[2][0] == 18 &&
	       (results[2][1] == 13 || results[2][1] == 0) &&
	       rescore_member(ids[10]) == 20 && !rescore_member(ids[3]) &&
	       !rescore_member(ids[9]) &&
	       rescore_meta.members_overflow ==
		       native_find(&members_more)->used;
}

/* --- events ------------------------------------------------------------------------------ */

struct ring {
	unsigned int size;
	unsigned int nr_events;		/* that each writer writes */
	unsigned int nr_writers;	/* the CPU after them reads */
};

static uint64_t cursor, lost;
static unsigned int nr_read;
static bool torn;

static void ring_begin(const void *arg)
{
	const struct ring *ring = arg;

	fixture_for_user((struct sizes){ .slots = 4, .events = ring->size });
	native_clock = 1000 * RESCORE_EVENT_WINDOW;
	cursor = lost = nr_read = 0;
	torn = false;
}

/* Every part of a record follows from its amount. */
static void ring_read(void)
{
	struct rescore_event event;
	char comm[RESCORE_COMM_LEN] = "";

	for (;;) {
		user_steps = 0;
		if (user_next_event(&cursor, &event, &lost) != 1)
			break;
		nr_read++;
		comm[0] = event.amount;
		torn |= event.seq != cursor || event.held != -event.amount ||
			event.bound != event.amount * 3 ||
			event.slot != event.amount / 16 ||
			event.serial != 1000U + event.slot ||
			memcmp(event.comm, comm, sizeof(comm));
	}
}

static void ring_run(const void *arg, unsigned int cpu)
{
	const struct ring *ring = arg;
	struct rescore_report report;
	unsigned int i;

	if (cpu == ring->nr_writers) {
		ring_read();
		return;
	}
	for (i = 0; i < ring->nr_events; i++) {
		report = (struct rescore_report){
			.slot = 1 + cpu,
			.amount = (1 + cpu) * 16 + i,
		};
		/* the name is the last part that is written */
		machine.self[cpu].comm[0] = report.amount;
		native_self = machine.self[cpu];
		report.held = -report.amount;
		report.bound = report.amount * 3;
		rescore_event_write(&report);
	}
}

static bool ring_end(const void *arg)
{
	const struct ring *ring = arg;
	unsigned int written = ring->nr_writers * ring->nr_events;

	ring_read();
	if (torn || nr_read + lost != written ||
	    rescore_meta.event_head != written)
		return false;
	/* whatever happened, the ring is as good as new */
	ring_run(arg, 0);
	nr_read = 0;
	ring_read();
	return !torn &&
	       nr_read == (ring->nr_events < ring->size ? ring->nr_events :
							  ring->size);
}

static const struct ring rings[] = {
	{ 1, 1, 2 }, { 1, 2, 2 }, { 2, 2, 2 }, { 2, 1, 3 }, { 1, 1, 3 },
};

/* --- the throttle -------------------------------------------------------------------------- */

/* Reports in the window before, each CPU's clock, and how many may report. */
struct throttling {
	unsigned int before, want;
	__s64 clock[CPUS_MAX];
};

#define WINDOW	(1000 * RESCORE_EVENT_WINDOW)

static unsigned int reported, told;

static void throttle_begin(const void *arg)
{
	const struct throttling *throttling = arg;
	__u32 ignored;
	unsigned int i;

	fixture((struct sizes){});
	for (i = 0; i < throttling->before; i++)
		rescore_may_report(1, 0, WINDOW, &ignored);
	reported = told = 0;
}

static void throttle_run(const void *arg, unsigned int cpu)
{
	const struct throttling *throttling = arg;
	__u32 suppressed = 0, i;

	for (i = 0; i < 2; i++) {
		if (rescore_may_report(1, 0, WINDOW + throttling->clock[cpu],
				       &suppressed)) {
			reported++;
			told += suppressed;
		}
	}
}

static bool throttle_end(const void *arg)
{
	const struct throttling *throttling = arg;

	return reported <= throttling->want &&
	       reported + told + native_array(throttle)[1].line[0].suppressed ==
		       2 * CPUS_MAX;
}

#define NEXT	((__s64)RESCORE_EVENT_WINDOW)

static const struct throttling throttling[] = {
	/* one place left, and a clock behind the others */
	{ RESCORE_EVENT_BURST - 1, 1, { 5, 700, -16 } },
	/* the window is full, and two CPUs open the next one */
	{ RESCORE_EVENT_BURST, 6, { NEXT, NEXT + 32, NEXT - 16 } },
	/* they do not open it twice */
	{ 0, 6, { NEXT, NEXT + 16, 0 } },
};

static const struct scenario scenarios[] = {
	{ "charging to the barrier", 3, 3, &charging[0], charging_begin,
	  charging_run, charging_holds, charging_end },
	{ "room while two ask for it", 3, 3, &charging[1], charging_begin,
	  charging_run, charging_holds, charging_end },
	{ "more room for one than for another", 3, 3, &charging[2],
	  charging_begin, charging_run, charging_holds, charging_end },
	{ "one too large beside one that fits", 3, 3, &charging[3],
	  charging_begin, charging_run, charging_holds, charging_end },
	{ "the barrier exactly", 3, 3, &charging[4], charging_begin,
	  charging_run, charging_holds, charging_end },
	{ "maxheld is reset", 3, 3, &reset, charging_begin, charging_run,
	  charging_holds, reset_end },
	{ "the peak is taken", 3, 3, &peaks, charging_begin, charging_run,
	  charging_holds, peak_end },

	{ "objects of one bucket", 3, 2, NULL, own_begin, own_run,
	  overflow_holds, own_end },
	{ "credits of one key", 3, 2, NULL, own_begin, credit_run,
	  overflow_holds, credit_end },
	{ "the last credit", 3, 2, NULL, last_begin, last_run, overflow_holds,
	  last_end },
	{ "the last places", 3, 2, NULL, object_begin, object_run,
	  overflow_holds, object_end },
	{ "members while others come and go", 3, 2, NULL, member_begin,
	  member_run, NULL, member_end },

	{ "a ring of one, its reader", 3, 3, &rings[0], ring_begin, ring_run,
	  NULL, ring_end },
	{ "a ring of one, twice round", 3, 2, &rings[1], ring_begin, ring_run,
	  NULL, ring_end },
	{ "a ring of two, twice round", 3, 2, &rings[2], ring_begin, ring_run,
	  NULL, ring_end },
	{ "a ring of two, three writers", 3, 3, &rings[3], ring_begin, ring_run,
	  NULL, ring_end },
	{ "a ring of one, three writers", 3, 3, &rings[4], ring_begin, ring_run,
	  NULL, ring_end },

	{ "one report left of a window", 3, 3, &throttling[0], throttle_begin,
	  throttle_run, NULL, throttle_end },
	{ "a window opens", 3, 3, &throttling[1], throttle_begin, throttle_run,
	  NULL, throttle_end },
	{ "the first window", 3, 3, &throttling[2], throttle_begin,
	  throttle_run, NULL, throttle_end },
};

int main(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
		explore(&scenarios[i]);
	return tap_done();
}
