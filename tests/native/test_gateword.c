// SPDX-License-Identifier: GPL-2.0
/*
 * What the gate saw last, in one word: for how many charges and for how long it is not
 * asked again, and that no order of a new barrier and of an answer leaves an old one.
 */
#include "fixture.h"

#define CHARGE	((__s64)1 << RESCORE_GATE_STRIDE)
#define BARRIER	(1000 * CHARGE)

static struct rescore_row row;
static struct rescore_line *const line = &row.line[3];

/* The gate is asked at @tick, and sees that @left bytes are below its barrier. */
static void saw(__u64 tick, __s64 left)
{
	line->barrier = BARRIER;
	native_jiffies = tick;
	rescore_gate_note(&row, line, tick, BARRIER, left);
}

/* For how many charges it is not asked again, of at most @most. */
static unsigned int charges(unsigned int most)
{
	unsigned int n = 0;

	while (n < most && rescore_gate_is_far(&row))
		n++;
	return n;
}

static void test_charges(void)
{
	row = (struct rescore_row){};
	tap_is_int(charges(9), 0, "a new container's gate is asked");
	saw(5000, 7 * CHARGE);
	tap_is_int(charges(9), 7, "not for as many charges as fit");
	tap_is_int(charges(9), 0, "then it is");
	saw(5000, 8 * CHARGE - 1);
	tap_is_int(charges(9), 7, "what fits in part does not");
	saw(5000, CHARGE - 1);
	tap_is_int(charges(9), 0, "none does near the barrier");
	saw(5000, 0);
	tap_is_int(charges(9), 0, "nor at the barrier");
	saw(5000, INT64_MAX);
	tap_is_int(charges(100000), 100000,
		   "so many that they are not counted");
	tap_is_int(row.gate.seen >> 32, RESCORE_GATE_LEFT_MAX - 100000,
		   "are as many as the word has room for");
	saw(5000, 7 * CHARGE);
	rescore_gate_forget(&row);
	tap_is_int(charges(9), 0, "it is asked again when the barrier is near");
}

static void test_ticks(void)
{
	saw(5000, 100 * CHARGE);
	native_jiffies = 5000 + RESCORE_GATE_TICKS - 1;
	tap_is_int(charges(9), 9, "not for 16 ticks");
	native_jiffies++;
	tap_is_int(charges(9), 0, "then it is, with what was left");
	saw(UINT32_MAX - 2, 100 * CHARGE);
	native_jiffies += RESCORE_GATE_TICKS - 1;
	tap_is_int(charges(9), 9, "across the end of a 32-bit tick as well");
	native_jiffies++;
	tap_is_int(charges(9), 0, "and no longer");
	/* who is refused goes on asking, and lowers what is below 0 */
	row.gate.seen = 0;
	native_jiffies = 1;
	tap_is_int(charges(9), 0, "in the first ticks of all");
	tap_is_int(charges(9), 0, "however often");
}

static void test_barrier(void)
{
	saw(5000, 100 * CHARGE);
	/* lib/values.c, rescore_set_gate() */
	line->barrier = 5 * CHARGE;
	row.gate.seen = 0;
	tap_is_int(charges(9), 0, "it is asked once the barrier is another");

	/* the answer of before comes after that */
	rescore_gate_note(&row, line, 5000, BARRIER, 100 * CHARGE);
	tap_is_int(charges(9), 0, "what was seen of the old one is not noted");
	rescore_gate_note(&row, line, 5000, 5 * CHARGE, 2 * CHARGE);
	tap_is_int(charges(9), 2, "what was seen of the new one is");
}

int main(void)
{
	test_charges();
	test_ticks();
	test_barrier();
	return tap_done();
}
