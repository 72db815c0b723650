// SPDX-License-Identifier: GPL-2.0
/*
 * One CPU: charges in a tree of containers against the plainest model of one.
 * A charge is on every level or on none, whoever refuses.
 */
#include "fixture.h"

#define SLOTS	9
#define STEPS	200000
#define RESOURCE 3

/* parent[slot]: 1 over 2 and 5, 2 over 3 and 6, 3 over 4; 7 over 8; 0: none */
static const unsigned int parent[SLOTS] = { 0, 0, 1, 2, 3, 1, 2, 0, 7 };

static struct {
	__s64 held, maxheld, barrier, limit, own;
	__u64 failcnt;
	bool observe;
} model[SLOTS];

static struct rescore_line *line_of(unsigned int slot)
{
	return rescore_line(slot, RESOURCE);
}

static void begin(void)
{
	unsigned int slot;

	fixture((struct sizes){
		.slots = SLOTS, .payers_bits = 2, .spare = 8, .events = 4 });
	memset(model, 0, sizeof(model));
	for (slot = 1; slot < SLOTS; slot++) {
		model[slot].barrier = model[slot].limit = RESCORE_UNLIMITED;
		set_bounds(line_of(slot), RESCORE_UNLIMITED, RESCORE_UNLIMITED);
		line_of(slot)->parent = parent[slot];
	}
}

static bool agrees(void)
{
	const struct rescore_line *line;
	unsigned int slot;
	bool right = true;

	for (slot = 1; slot < SLOTS; slot++) {
		line = line_of(slot);
		right &= line->held == model[slot].held;
		right &= line->maxheld == model[slot].maxheld;
		right &= line->peak == model[slot].maxheld;
		right &= line->failcnt == model[slot].failcnt;
		right &= !line->underflow;
	}
	return right;
}

/* --- the model ------------------------------------------------------------------- */

static void model_add(unsigned int slot, __s64 n)
{
	for (; slot; slot = parent[slot]) {
		model[slot].held += n;
		if (model[slot].held > model[slot].maxheld)
			model[slot].maxheld = model[slot].held;
	}
}

static int model_try(unsigned int slot, __s64 n, unsigned int severity)
{
	unsigned int level;
	__s64 bound;

	for (level = slot; level; level = parent[level]) {
		bound = severity == RESCORE_HARD ? model[level].barrier :
						   model[level].limit;
		if (model[level].held <= bound - n)
			continue;
		model[level].failcnt++;
		if (!model[level].observe)
			return -1;
	}
	model_add(slot, n);
	return 0;
}

/* --- both -------------------------------------------------------------------------- */

static void change_bounds(unsigned int slot, uint64_t *random)
{
	__s64 barrier = (__s64)(tap_random(random) % 300);
	__s64 limit = barrier + (__s64)(tap_random(random) % 50);

	if (!(tap_random(random) % 4))
		barrier = limit = RESCORE_UNLIMITED;
	model[slot].barrier = barrier;
	model[slot].limit = limit;
	set_bounds(line_of(slot), barrier, limit);
	model[slot].observe = !(tap_random(random) % 6);
	line_of(slot)->flags = model[slot].observe ? RESCORE_OBSERVE : 0;
}

static bool step(uint64_t *random)
{
	unsigned int slot = 1 + tap_random(random) % (SLOTS - 1);
	unsigned int severity = tap_random(random) % 2;
	__s64 n = 1 + (__s64)(tap_random(random) % 20);
	int want;

	switch (tap_random(random) % 16) {
	case 0:
		change_bounds(slot, random);
		return true;
	case 1:
		rescore_force_charge(slot, RESOURCE, n);
		model_add(slot, n);
		model[slot].own += n;
		break;
	case 2 ... 7:
		if (n > model[slot].own)
			n = model[slot].own;
		if (!n)
			return true;
		rescore_uncharge(slot, RESOURCE, n);
		model_add(slot, -n);
		model[slot].own -= n;
		break;
	default:
		want = model_try(slot, n, severity);
		if (rescore_try_charge(slot, RESOURCE, n, severity) != want)
			return false;
		if (!want)
			model[slot].own += n;
	}
	return agrees();
}

static void test_random(void)
{
	uint64_t random = 23;
	bool right = true;
	unsigned int i;
	__u64 refused = 0;

	begin();
	for (i = 0; right && i < STEPS; i++)
		right = step(&random);
	for (i = 1; i < SLOTS; i++)
		refused += model[i].failcnt;
	tap_ok(right, "%d random operations on 8 containers in two trees",
	       STEPS);
	for (i = 1; i < SLOTS; i++)
		right &= model[i].failcnt > 100;
	tap_ok(right, "every level refused, %llu times together",
	       (unsigned long long)refused);
	for (i = 1; i < SLOTS; i++)
		if (model[i].own) {
			rescore_uncharge(i, RESOURCE, model[i].own);
			model_add(i, -model[i].own);
		}
	for (i = 1; i < SLOTS; i++)
		right &= line_of(i)->held == 0;
	tap_ok(right && agrees(), "and all is 0 when all is given back");
}

/* The sum of what children may have can be more than their parent has. */
static void test_sum(void)
{
	const struct rescore_event *event;
	int i, got[2] = { 0, 0 };
	bool right = true;

	begin();
	event = native_array(events);
	set_bounds(line_of(1), 23, 23);
	set_bounds(line_of(5), 17, 17);
	set_bounds(line_of(2), 17, 17);
	for (i = 0; i < 17; i++) {
		got[0] += !rescore_try_charge(2, RESOURCE, 1, RESCORE_HARD);
		got[1] += !rescore_try_charge(5, RESOURCE, 1, RESCORE_HARD);
	}
	tap_ok(got[0] == 12 && got[1] == 11, "the parent's 23 are shared");
	tap_ok(line_of(1)->failcnt == 11 && !line_of(2)->failcnt &&
		       !line_of(5)->failcnt,
	       "refusals are counted where they were made");
	for (i = 0; i < 4; i++)
		right &= event[i].seq && event[i].slot == 1 &&
			 event[i].held == 23 && event[i].bound == 23;
	tap_ok(right, "and the events name that level");
	tap_ok(line_of(2)->maxheld == 12 && line_of(5)->maxheld == 11,
	       "what the parent refused raised no mark below it");
}

/* The payer's free goes up the tree as the charge did. */
static void test_objects(void)
{
	__u64 key = rescore_object_key(0xffff888000123400ULL, RESCORE_OBJ_FILE);
	bool right;

	begin();
	right = !rescore_try_charge_object(key, 4, RESOURCE, RESCORE_HARD);
	right &= line_of(4)->held == 1 && line_of(3)->held == 1 &&
		 line_of(2)->held == 1 && line_of(1)->held == 1;
	tap_ok(right, "an object four levels down is held by all four");
	rescore_uncharge_object(key, RESOURCE);
	right &= !line_of(4)->held && !line_of(3)->held && !line_of(2)->held &&
		 !line_of(1)->held;
	tap_ok(right, "and by none when it is freed");
	set_bounds(line_of(1), 0, 0);
	right = rescore_try_charge_object(key, 4, RESOURCE, RESCORE_HARD) == -1;
	right &= rescore_payer_find(key) == -1 && !line_of(4)->held;
	tap_ok(right, "one that the top refuses has no payer");
}

int main(void)
{
	test_random();
	test_sum();
	test_objects();
	return tap_done();
}
