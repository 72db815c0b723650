// SPDX-License-Identifier: GPL-2.0
/* Writers one at a time, as cgroup_mutex has it: the table of cgroups. */
#include "fixture.h"

#define IDS	512
#define STEPS	200000
#define CHURN	1000000

/* The model: slots by id; 0 = not recorded. */
static __u32 slots[IDS];
static unsigned int nr, nr_more;
static bool in_more[IDS];

static void begin(unsigned int bits, unsigned int more)
{
	fixture((struct sizes){ .members_bits = bits, .members_more = more });
	memset(slots, 0, sizeof(slots));
	memset(in_more, 0, sizeof(in_more));
	nr = nr_more = 0;
}

static unsigned int bucket_of(__u64 id)
{
	return rescore_hash(RESCORE_KEY(id), rescore_cfg.members_shift);
}

/* An id nobody has used: inode numbers of cgroups begin at 1. */
static bool bucket_is_full(__u64 id)
{
	unsigned int i, n = 0;

	for (i = 1; i < IDS; i++)
		n += slots[i] && !in_more[i] && bucket_of(i) == bucket_of(id);
	return n == RESCORE_BUCKET_ENTRIES;
}

static bool add(__u64 id, __u32 slot)
{
	bool full = bucket_is_full(id);
	int want = full && nr_more == native_find(&members_more)->max_entries ?
			   -1 :
			   0;

	if (rescore_member_add(id, slot, true) != want)
		return false;
	if (want)
		return true;
	slots[id] = slot;
	in_more[id] = full;
	nr_more += full;
	nr++;
	return true;
}

static bool removed(__u64 id)
{
	rescore_member_remove(id);
	nr -= slots[id] != 0;
	nr_more -= in_more[id];
	slots[id] = 0;
	in_more[id] = false;
	return rescore_member(id) == 0;
}

static bool agrees(void)
{
	return rescore_meta.members_overflow == nr_more &&
	       native_find(&members_more)->used == nr_more &&
	       nr_entries(native_array(members), rescore_meta.members_bits) ==
		       nr - nr_more;
}

static bool all_found(void)
{
	unsigned int id;

	for (id = 1; id < IDS; id++)
		if (rescore_member(id) != slots[id])
			return false;
	return true;
}

/* Nothing stands behind an empty entry, or a look-up would end too early. */
static bool is_ordered(void)
{
	struct rescore_bucket *bucket = native_array(members);
	unsigned int i, j;

	for (i = 0; i < 1U << rescore_meta.members_bits; i++, bucket++)
		for (j = 1; j < RESCORE_BUCKET_ENTRIES; j++)
			if (bucket->entry[j] && !bucket->entry[j - 1])
				return false;
	return true;
}

static void test_one(void)
{
	begin(2, 1);
	tap_is_int(rescore_member(5), 0, "an empty table holds nobody");
	tap_ok(!rescore_member_add(5, 65535, true) &&
		       rescore_member(5) == 65535,
	       "the last slot");
	tap_is_int(rescore_member(6), 0, "its neighbour is in none");
	rescore_member_remove(6);
	tap_is_int(rescore_member(5), 65535, "nor does removing that matter");
	rescore_member_remove(5);
	tap_is_int(rescore_member(5), 0, "removed");
	tap_ok(!rescore_member_add(5, 3, true) && rescore_member(5) == 3,
	       "and recorded for another");
	/* inode numbers: what 48 bits hold */
	tap_ok(!rescore_member_add((1ULL << 48) - 2, 9, true) &&
		       rescore_member((1ULL << 48) - 2) == 9,
	       "the largest id");
}

/* What containers make leaves the spare room to the administrator. */
static void test_spare(void)
{
	bool right = true;
	__u64 id, ids[12];
	unsigned int i = 0;

	begin(1, 2 + 1);
	for (id = 1; i < 12; id++)
		if (bucket_of(id) == 0)
			ids[i++] = id;
	for (i = 0; i < 10; i++)
		right &= !rescore_member_add(ids[i], 7, false);
	tap_ok(right, "a bucket, and the room that containers have");
	tap_is_int(rescore_member_add(ids[10], 7, false), -1, "no more");
	tap_ok(!rescore_member_add(ids[10], 8, true) &&
		       rescore_member(ids[10]) == 8,
	       "but for the administrator");
	tap_is_int(rescore_member_add(ids[11], 8, true), -1,
		   "as far as there is any");
	tap_is_int(rescore_meta.members_overflow, 3, "which leaves no trace");
}

static void test_full(void)
{
	__u64 ids[11], id;
	unsigned int i = 0;
	bool right = true;

	begin(3, 2);
	for (id = 1; i < 11; id++)
		if (bucket_of(id) == 0)
			ids[i++] = id;
	for (i = 0; i < 10; i++)
		right &= !rescore_member_add(ids[i], i + 1, true);
	tap_ok(right && rescore_meta.members_overflow == 2,
	       "eight in the bucket, two in the hash");
	tap_is_int(rescore_member_add(ids[10], 11, true), -1,
		   "there is no more room");
	tap_is_int(rescore_meta.members_overflow, 2, "which leaves no trace");
	for (i = 0; i < 11; i++)
		right &= rescore_member(ids[i]) == (i < 10 ? i + 1 : 0);
	tap_ok(right, "the ten are found, the last is not");

	rescore_member_remove(ids[0]);
	tap_ok(rescore_member(ids[8]) == 9 && rescore_member(ids[7]) == 8,
	       "a removed entry hides nothing behind it");
	tap_ok(!rescore_member_add(ids[10], 11, true) &&
		       rescore_meta.members_overflow == 2 &&
		       rescore_member(ids[10]) == 11,
	       "its place is used again");
	rescore_member_remove(ids[9]);
	rescore_member_remove(ids[9]);
	tap_is_int(rescore_meta.members_overflow, 1, "out of the hash, once");
	for (i = 0; i < 11; i++)
		rescore_member_remove(ids[i]);
	tap_ok(!rescore_meta.members_overflow && is_ordered() &&
		       !nr_entries(native_array(members), 3),
	       "emptied");

	native_find(&members_more)->lookups = 0;
	for (i = 0; i < 11; i++)
		right &= !rescore_member(ids[i]);
	tap_ok(right && !native_find(&members_more)->lookups,
	       "while nothing overflows nobody asks the hash");
}

static void test_random(unsigned int bits, unsigned int more, unsigned int ids)
{
	unsigned int step, id, lost = 0, most_more = 0;
	uint64_t random = bits + 1;
	bool same = true;

	begin(bits, more);
	for (step = 0; same && step < STEPS; step++) {
		id = 1 + tap_random(&random) % (ids - 1);
		if (slots[id] || tap_random(&random) % 4 == 0) {
			same = rescore_member(id) == slots[id] && removed(id);
		} else {
			same = add(id, 1 + tap_random(&random) % 65535);
			lost += !slots[id];
		}
		same &= agrees() && is_ordered();
		if (step % 64 == 0)
			same &= all_found();
		most_more = nr_more > most_more ? nr_more : most_more;
	}
	tap_ok(same && all_found(),
	       "%u random operations on %u buckets and %u more", STEPS,
	       1U << bits, more);
	printf("# at most %u in the hash, %u without room\n", most_more, lost);
	if (!same)
		printf("# at step %u, id %u\n", step, id);
}

/*
 * A busy machine for years: cgroups come and go under ever new ids, and some
 * stay. Removed entries must not fill the table, nor what stays get lost, nor
 * a look-up ever cost more than one bucket and, while some do not fit, a hash.
 */
static void test_churn(void)
{
	const unsigned int bits = 8, alive = 4 << bits, stay = 64;
	static __u64 ids[4 << 8];
	__u64 next = 1, lookups, most_more = 0, at;
	uint64_t random = 7;
	unsigned int i, step;
	bool right = true;

	begin(bits, alive);
	for (i = 0; i < alive; i++, next++) {
		ids[i] = next;
		right &= !rescore_member_add(next, 1 + next % 65535, true);
	}
	for (step = 0; right && step < CHURN; step++) {
		at = stay + tap_random(&random) % (alive - stay);
		rescore_member_remove(ids[at]);
		right &= !rescore_member(ids[at]);
		/* others than ours are counted by the same number */
		next += 1 + tap_random(&random) % 3;
		ids[at] = next;
		right &= !rescore_member_add(next, 1 + next % 65535, true) &&
			 rescore_member(next) == 1 + next % 65535;
		at = tap_random(&random) % alive;
		right &= rescore_member(ids[at]) == 1 + ids[at] % 65535;
		if (rescore_meta.members_overflow > most_more)
			most_more = rescore_meta.members_overflow;
	}
	tap_ok(right && is_ordered(), "%u cgroups made and removed", CHURN);
	tap_is_int(nr_entries(native_array(members), bits) +
			   rescore_meta.members_overflow,
		   alive, "those that live are recorded, and no others");
	printf("# half full, at most %llu of %u were in the hash\n", most_more,
	       alive);
	tap_ok(most_more < alive / 20, "few ever were in the hash");

	lookups = native_find(&members_more)->lookups;
	for (i = 0; i < 10000; i++)
		right &= !rescore_member(next + 1 + i);
	tap_ok(right && native_find(&members_more)->lookups - lookups <= 10000,
	       "a task outside costs one bucket and one look-up at most");

	for (i = 0; i < alive; i++)
		rescore_member_remove(ids[i]);
	lookups = native_find(&members_more)->lookups;
	for (i = 0; i < 10000; i++)
		right &= !rescore_member(i);
	tap_ok(right && native_find(&members_more)->lookups == lookups,
	       "when all are gone it is the bucket alone again");
}

int main(void)
{
	test_one();
	test_spare();
	test_full();
	test_random(1, 0, 32);
	test_random(2, 4, 64);
	test_random(5, 32, 512);
	test_churn();
	return tap_done();
}
