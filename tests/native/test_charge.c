// SPDX-License-Identifier: GPL-2.0
/*
 * One CPU: charge.h against the model, over edge cases written down and over
 * random sequences.
 */
#include "model.h"

#define STEPS	150000
#define MOST	RESCORE_BOUND_MAX
#define UNL	RESCORE_UNLIMITED

static struct model model;

/* --- edge cases ------------------------------------------------------------------- */

/* From held as it is, is a request of n allowed? */
static const struct {
	const char *name;
	__s64 held, barrier, limit, n;
	bool hard, soft;
} edges[] = {
	{ "exactly the bounds", 0, 10, 10, 10, true, true },
	{ "one above both", 0, 10, 10, 11, false, false },
	{ "between barrier and limit", 5, 10, 20, 6, false, true },
	{ "exactly the limit", 5, 10, 20, 15, false, true },
	{ "one above the limit", 5, 10, 20, 16, false, false },
	{ "bounds of 0", 0, 0, 0, 1, false, false },
	{ "bounds below held", 100, 10, 20, 1, false, false },
	{ "the barrier below held", 100, 10, 200, 1, false, true },
	{ "held below 0", -3, 10, 10, 13, true, true },
	{ "held below 0, one too many", -3, 10, 10, 14, false, false },
	{ "held below 0, bounds of 0", -3, 0, 0, 3, true, true },
	{ "held below 0, unlimited", -1, UNL, UNL, 1, true, true },
	{ "held far below 0, unlimited", -UNL, UNL, UNL, MOST, true, true },
	{ "held far below 0", -UNL, MOST, MOST, MOST, true, true },
	{ "2^62 of 2^62", 0, MOST, MOST, MOST, true, true },
	{ "2^62 of 2^62 - 1", 0, MOST - 1, MOST, MOST, false, true },
	{ "2^62 beside 1", 1, MOST, MOST, MOST, false, false },
	{ "2^62 of unlimited", 0, UNL, UNL, MOST, true, true },
	{ "the last 2^62 - 1 of unlimited", MOST, UNL, UNL, MOST - 1, true,
	  true },
	{ "more than 64 bits hold", MOST, UNL, UNL, MOST, false, false },
	{ "one at LONG_MAX", UNL, UNL, UNL, 1, false, false },
	{ "one below LONG_MAX", UNL - 1, UNL, UNL, 1, true, true },
	{ "held at LONG_MAX, bounds of 0", UNL, 0, 0, MOST, false, false },
};

/* The same request in every way it can be made. */
static bool edge_holds(unsigned int i, bool observe, bool admin)
{
	unsigned int severity;
	struct model_op op;
	bool allowed;

	for (severity = RESCORE_HARD; severity <= RESCORE_SOFT; severity++) {
		allowed = severity == RESCORE_HARD ? edges[i].hard :
						     edges[i].soft;
		/* 64 bits do not hold what observe would let through */
		if (!allowed && (observe || admin) &&
		    edges[i].held > UNL - edges[i].n)
			continue;
		model_begin(&model, 1, 1);
		op = (struct model_op){
			.kind = OP_BOUNDS,
			.slot = 1,
			.severity = severity,
			.n = edges[i].barrier,
			.limit = edges[i].limit,
		};
		if (!model_step(&model, &op))
			return false;
		rescore_line(1, 0)->held = edges[i].held;
		model.line[1][0].held = edges[i].held;
		op.kind = OP_OBSERVE;
		if (observe && !model_step(&model, &op))
			return false;
		op.kind = OP_ADMIN;
		if (admin && !model_step(&model, &op))
			return false;
		/* not through model_step(): it leaves out what cannot be */
		if (!rescore_try_charge(1, 0, edges[i].n, severity) !=
		    (allowed || observe || admin))
			return false;
		if (rescore_line(1, 0)->failcnt != (!allowed && !admin))
			return false;
		if (held_of(rescore_line(1, 0)) !=
		    edges[i].held +
			    (allowed || observe || admin ? edges[i].n : 0))
			return false;
	}
	return true;
}

static void test_edges(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(edges) / sizeof(*edges); i++)
		tap_ok(edge_holds(i, false, false) &&
			       edge_holds(i, true, false) &&
			       edge_holds(i, false, true),
		       "%s", edges[i].name);
}

static void test_outside(void)
{
	struct rescore_row before;
	__u64 events;

	model_begin(&model, 1, 1);
	set_bounds(rescore_line(1, 0), 5, 5);
	before = native_array(table)[1];
	events = rescore_meta.event_head;
	tap_ok(rescore_try_charge(MODEL_SLOTS, 0, 1, RESCORE_HARD) == -1,
	       "a slot that is not there is charged nothing");
	rescore_force_charge(MODEL_SLOTS, 0, 1);
	rescore_uncharge(~0U, 0, 1);
	tap_ok(!memcmp(&before, &native_array(table)[1], sizeof(before)) &&
		       rescore_meta.event_head == events,
	       "and its charges go nowhere");
	tap_ok(rescore_line(1, RESCORE_RESOURCES_MAX) == rescore_line(1, 0),
	       "a resource's id cannot leave its row");
}

/* --- random sequences --------------------------------------------------------------- */

/* Where bounds and amounts are drawn from: near the next bound things happen. */
enum scale { SMALL, LARGE, EXTREME, NR_SCALES };

static const char *const scale_names[] = { "small", "large", "extreme" };

static __s64 random_amount(uint64_t *random, enum scale scale)
{
	static const __s64 corners[] = { 1,	   2,	    4096,
					 1LL << 31, 1LL << 32, MOST / 2,
					 MOST - 1, MOST };
	__s64 corner = corners[tap_random(random) % 8];

	if (scale == SMALL)
		return 1 + tap_random(random) % 4;
	if (scale == LARGE)
		return 1 + tap_random(random) % (1ULL << 40);
	corner -= tap_random(random) % 3;
	return corner < 1 ? 1 : corner;
}

static __s64 random_bound(uint64_t *random, enum scale scale)
{
	switch (tap_random(random) % 8) {
	case 0:
		return UNL;
	case 1:
		return 0;
	}
	return random_amount(random, scale) +
	       (scale == SMALL ? tap_random(random) % 8 : 0);
}

static struct model_op random_op(uint64_t *random, enum scale scale)
{
	/* Bounds and modes change seldom, or every charge meets new ones. */
	static const unsigned char weights[OP_KINDS] = {
		[OP_TRY] = 30,		    [OP_FORCE] = 3,
		[OP_UNCHARGE] = 20,	    [OP_TRY_OBJECT] = 20,
		[OP_FORCE_OBJECT] = 2,	    [OP_UNCHARGE_OBJECT] = 20,
		[OP_TRY_CREDIT] = 4,	    [OP_TAKE_CREDIT] = 4,
		[OP_BOUNDS] = 5,	    [OP_OBSERVE] = 1,
		[OP_ADMIN] = 1,		    [OP_RESET] = 1,
	};
	unsigned int at = tap_random(random) % 111, kind;
	struct model_op op = {};
	__s64 a, b;

	for (kind = 0; at >= weights[kind]; kind++)
		at -= weights[kind];
	op.kind = kind;
	op.slot = tap_random(random) % MODEL_SLOTS;
	op.resource = tap_random(random) % MODEL_RESOURCES;
	op.severity = tap_random(random) % 2;
	op.n = random_amount(random, scale);
	op.address = 0xffff888000000000ULL + tap_random(random) % 48 * 256;
	if (kind == OP_BOUNDS) {
		a = random_bound(random, scale);
		b = random_bound(random, scale);
		op.n = a < b ? a : b;
		op.limit = a < b ? b : a;
	}
	/* mostly what was charged goes back: held hovers about the bounds */
	if (kind == OP_UNCHARGE && tap_random(random) % 64) {
		if (model.line[op.slot][op.resource].held < 1)
			op.kind = OP_TRY;
		else if (model.line[op.slot][op.resource].held < op.n)
			op.n = model.line[op.slot][op.resource].held;
	}
	return op;
}

static void test_random(enum scale scale, uint64_t seed, unsigned int spare)
{
	unsigned int step, refused = 0, slot, i;
	uint64_t random = seed;
	struct model_op op;
	bool same = true;

	model_begin(&model, 1, spare);
	for (step = 0; same && step < STEPS; step++) {
		op = random_op(&random, scale);
		same = model_step(&model, &op);
	}
	if (!same)
		printf("# seed %llu, step %u\n", (unsigned long long)seed,
		       step);
	tap_ok(same, "%u random operations, %s amounts, spare room for %u",
	       STEPS, scale_names[scale], spare);
	for (slot = 0; slot < MODEL_SLOTS; slot++)
		for (i = 0; i < MODEL_RESOURCES; i++)
			refused += model.line[slot][i].failcnt;
	/* or the sequence tested less than it says */
	tap_ok(refused && model.payers.missed && model.payers.lost,
	       "refusals, lost payers and missed frees among them");
}

int main(void)
{
	enum scale scale;

	test_edges();
	test_outside();
	for (scale = SMALL; scale < NR_SCALES; scale++) {
		test_random(scale, 1 + scale, 4);
		test_random(scale, 11 + scale, 0);
	}
	return tap_done();
}
