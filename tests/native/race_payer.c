// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that record and remove objects in the same buckets: what was put is
 * taken exactly once, whoever comes between.
 */
#include "threads.h"

#define BITS	2
#define OBJECTS	44	/* more than there is room for */

static unsigned int nr_threads;

static struct seen {
	__u64 wrong, lost, put, taken, sum_put, sum_taken;
	char pad[16];
} seen[THREADS_MAX];

static void begin(unsigned int nr)
{
	fixture((struct sizes){ .payers_bits = BITS, .spare = 4 });
	memset(seen, 0, sizeof(seen));
	nr_threads = nr;
}

static struct seen sum_of_seen(void)
{
	struct seen sum = {};
	unsigned int i;

	for (i = 0; i < nr_threads; i++) {
		sum.wrong += seen[i].wrong;
		sum.lost += seen[i].lost;
		sum.put += seen[i].put;
		sum.taken += seen[i].taken;
		sum.sum_put += seen[i].sum_put;
		sum.sum_taken += seen[i].sum_taken;
	}
	return sum;
}

static bool is_empty(void)
{
	return !nr_entries(native_array(payers), BITS) &&
	       !native_find(&payers_more)->used &&
	       !rescore_meta.payers_overflow;
}

static __u64 key_of(unsigned int object)
{
	return rescore_object_key(0xff11000000001000ULL + object * 256,
				  RESCORE_OBJ_FILE);
}

/* --- objects of one's own ---------------------------------------------------------- */

static void own_objects(unsigned int thread)
{
	unsigned int round, i, n = OBJECTS / nr_threads;
	struct seen *self = &seen[thread];
	bool recorded[OBJECTS];
	int missed, want;
	__u64 key;

	for (round = 0; time_left(round); round++) {
		for (i = 0; i < n; i++) {
			key = key_of(thread * OBJECTS + i);
			recorded[i] = !rescore_payer_put(key, thread * 100 + i,
							 &missed, i % 2);
			self->wrong += missed != -1;
			self->lost += !recorded[i];
		}
		for (i = 0; i < n; i++) {
			key = key_of(thread * OBJECTS + i);
			want = recorded[i] ? (int)(thread * 100 + i) : -1;
			self->wrong += rescore_payer_find(key) != want;
			self->wrong += rescore_payer_take(key) != want;
			self->wrong += rescore_payer_take(key) != -1;
		}
	}
}

/* --- addresses that go from hand to hand --------------------------------------------- */

/* As the slab does it: free, allocated, freed by another, and so on. */
enum { FREE, BUSY, TAKEN };

static struct {
	int state;
	int slot;	/* -1: it was refused, and is not recorded */
} objects[OBJECTS];

static bool grab(unsigned int object, int state)
{
	return __atomic_compare_exchange_n(&objects[object].state, &state, BUSY,
					   false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static void put_down(unsigned int object, int state)
{
	__atomic_store_n(&objects[object].state, state, __ATOMIC_RELEASE);
}

static void pass_on(unsigned int thread)
{
	struct seen *self = &seen[thread];
	uint64_t random = thread + 1;
	unsigned int round, object;
	int missed, slot;

	for (round = 0; time_left(round); round++) {
		object = tap_random(&random) % OBJECTS;
		if (grab(object, FREE)) {
			slot = tap_random(&random) & 0xffff;
			if (rescore_payer_put(key_of(object), slot, &missed,
					      false))
				slot = -1;
			self->wrong += missed != -1;
			self->lost += slot < 0;
			self->put++;
			objects[object].slot = slot;
			put_down(object, TAKEN);
		} else if (grab(object, TAKEN)) {
			slot = rescore_payer_take(key_of(object));
			self->wrong += slot != objects[object].slot;
			self->taken++;
			put_down(object, FREE);
		}
	}
}

/* --- credits: equal keys -------------------------------------------------------------- */

static void credits(unsigned int thread)
{
	/* two tasks' */
	__u64 key = rescore_object_key(0xff11000000002000ULL + thread % 2 * 64,
				       RESCORE_OBJ_LOCK_CREDIT);
	struct seen *self = &seen[thread];
	uint64_t random = thread + 1;
	unsigned int round;
	int slot;

	for (round = 0; time_left(round); round++) {
		if (tap_random(&random) % 2) {
			slot = tap_random(&random) & 0xffff;
			if (rescore_payer_add(key, slot)) {
				self->lost++;
				continue;
			}
			self->put++;
			self->sum_put += slot;
		} else {
			slot = rescore_payer_take(key);
			if (slot < 0)
				continue;
			self->taken++;
			self->sum_taken += slot;
		}
	}
}

/* What is left over, taken by one alone. */
static void take_rest(struct seen *sum)
{
	unsigned int task;
	__u64 key;
	int slot;

	for (task = 0; task < 2; task++) {
		key = rescore_object_key(0xff11000000002000ULL + task * 64,
					 RESCORE_OBJ_LOCK_CREDIT);
		while ((slot = rescore_payer_take(key)) >= 0) {
			sum->taken++;
			sum->sum_taken += slot;
		}
	}
}

int main(void)
{
	struct seen sum;
	unsigned int nr, i;
	int missed;

	for (nr = 2; nr <= 8; nr *= 2) {
		begin(nr);
		run_threads(nr, own_objects);
		sum = sum_of_seen();
		tap_ok(!sum.wrong && is_empty(),
		       "%u threads: what each put is there, and is taken once",
		       nr);
		tap_is_int(rescore_meta.payers_lost, sum.lost,
			   "each that was refused is counted");
		printf("# %llu refused\n", sum.lost);

		begin(nr);
		memset(objects, 0, sizeof(objects));
		run_threads(nr, pass_on);
		sum = sum_of_seen();
		printf("# %llu put, %llu taken, %llu refused\n", sum.put,
		       sum.taken, sum.lost);
		for (i = 0; i < OBJECTS; i++)
			if (objects[i].state == TAKEN)
				sum.wrong += rescore_payer_take(key_of(i)) !=
					     objects[i].slot;
		tap_ok(!sum.wrong && !rescore_meta.missed_frees && is_empty(),
		       "addresses go from hand to hand");

		begin(nr);
		run_threads(nr, credits);
		sum = sum_of_seen();
		take_rest(&sum);
		printf("# %llu put, %llu taken, %llu refused\n", sum.put,
		       sum.taken, sum.lost);
		/* not whose: a task takes only its own, here all share them */
		tap_ok(sum.put == sum.taken && is_empty(),
		       "each credit is taken once");
		tap_is_int(rescore_meta.payers_lost, sum.lost,
			   "those without room are counted");
		tap_ok(!rescore_payer_put(key_of(0), 1, &missed, false) &&
			       missed == -1,
		       "the table works on");
	}
	return tap_done();
}
