// SPDX-License-Identifier: GPL-2.0
/* One CPU: the table of payers against a list of pairs. */
#include "model.h"

#define STEPS	200000

static struct model_payers model;

static void begin(unsigned int bits, unsigned int spare)
{
	fixture((struct sizes){ .payers_bits = bits, .spare = spare });
	model = (struct model_payers){ .bits = bits, .spare = spare };
}

static int overflow(void)
{
	return (int)rescore_meta.payers_overflow;
}

/* --- keys --------------------------------------------------------------------------- */

static void test_keys(void)
{
	/* where 5-level page tables put all of memory, and 4-level ones */
	static const __u64 bases[] = { 0xff11000000000000ULL,
				       0xffff888000000000ULL,
				       0xffffffffff000000ULL };
	unsigned int base, kind, i, nr = 0;
	bool right = true;
	__u64 key, seen[3 * RESCORE_OBJ_KINDS * 3];
	unsigned int slot;

	for (base = 0; base < 3; base++) {
		for (kind = 0; kind < RESCORE_OBJ_KINDS; kind++) {
			key = rescore_object_key(bases[base] + 0x123458, kind);
			right &= RESCORE_KEY_ADDRESS(key >> 16) ==
				 ((bases[base] + 0x123458) & 0x3fffffffffffULL);
			right &= RESCORE_KEY_KIND(key >> 16) == kind;
			right &= !(key & 0xffff);
			for (slot = 0; slot < 3; slot++) {
				/* 0, 1, 65535 */
				i = slot == 2 ? 65535 : slot;
				right &= RESCORE_SLOT(key | i) == i;
				right &= rescore_same_key(key | i, key);
				right &= !rescore_same_key(key | i,
							   key ^ 1 << 16);
				right &= !rescore_same_key(0, key);
				right &= !rescore_same_key(RESCORE_TOMB, key);
				seen[nr++] = key | i;
			}
		}
	}
	tap_ok(right, "43 bits of address, 5 of kind, 16 of slot");
	for (kind = 0; kind < nr; kind++)
		for (i = 0; i < kind; i++)
			right &= seen[i] != seen[kind];
	tap_ok(right, "no two of them are the same entry");

	begin(4, 0);
	right = true;
	for (kind = 0; kind < 8; kind++)
		right &= !rescore_payer_add(rescore_object_key(bases[1], kind),
					    65535 - kind);
	for (kind = 0; kind < 8; kind++)
		right &= rescore_payer_take(
				 rescore_object_key(bases[1], kind)) ==
			 (int)(65535 - kind);
	tap_ok(right, "one address can be of every kind at once");
	key = rescore_object_key(bases[1], 0);
	right = !rescore_payer_add(key, 0) && rescore_payer_find(key) == 0 &&
		rescore_payer_take(key) == 0 && rescore_payer_take(key) == -1;
	tap_ok(right, "slot 0 is a payer too");
}

/* --- full -------------------------------------------------------------------------------- */

/* @n keys of one bucket. */
static void same_bucket(__u64 *keys, unsigned int n)
{
	__u64 address = 0xffff888000000000ULL;
	unsigned int found = 0;

	for (; found < n; address += 256) {
		keys[found] = rescore_object_key(address, RESCORE_OBJ_FILE);
		if (!rescore_hash(keys[found], rescore_cfg.payers_shift))
			found++;
	}
}

/* Keys of one bucket: 8 fit it, 8 more the hash, 2 more its spare room. */
#define BITS	3
#define IN_BUCKET	RESCORE_BUCKET_ENTRIES
#define ROOM	(1 << BITS)
#define SPARE	2
#define ALL	(IN_BUCKET + ROOM + SPARE)

static bool put_one(__u64 key, __u32 slot, bool spare)
{
	int missed;

	return !rescore_payer_put(key, slot, &missed, spare) && missed == -1;
}

/* Is it put where @was stood? */
static bool put_over(__u64 key, __u32 slot, int was)
{
	int missed;

	return !rescore_payer_put(key, slot, &missed, false) && missed == was &&
	       rescore_payer_find(key) == (int)slot;
}

static void test_full(void)
{
	__u64 keys[ALL + 1];
	bool right = true;
	int i;

	begin(BITS, SPARE);
	same_bucket(keys, ALL + 1);
	for (i = 0; i < IN_BUCKET + ROOM; i++) {
		right &= put_one(keys[i], 100 + i, false);
		right &= overflow() == (i < IN_BUCKET ? 0 : i - IN_BUCKET + 1);
		right &= rescore_payers_full() == (i == IN_BUCKET + ROOM - 1);
	}
	tap_ok(right, "the bucket is filled first, then the hash");
	tap_ok(!put_one(keys[i], 100 + i, false) &&
		       rescore_payer_add(keys[i], 100 + i) == -1,
	       "the next is refused");
	tap_ok(rescore_meta.payers_lost == 2 && overflow() == ROOM,
	       "and counted as lost");
	for (; i < ALL; i++)
		right &= put_one(keys[i], 100 + i, true);
	tap_ok(right, "what cannot be refused has spare room");
	tap_ok(!put_one(keys[ALL], 100 + ALL, true) &&
		       rescore_meta.payers_lost == 3 &&
		       overflow() == ROOM + SPARE,
	       "until that is full as well");
	for (i = 0; i <= ALL; i++)
		right &= rescore_payer_find(keys[i]) ==
			 (i < ALL ? 100 + i : -1);
	tap_ok(right, "all but the refused are found");

	tap_is_int(rescore_payer_take(keys[ALL - 1]), 100 + ALL - 1,
		   "one is taken out of the hash");
	tap_is_int(rescore_payer_take(keys[ALL - 1]), -1, "and no second time");
	tap_is_int(rescore_payer_take(keys[3]), 103, "one out of the bucket");
	tap_ok(put_one(keys[ALL], 100 + ALL, false) &&
		       overflow() == ROOM + SPARE - 1,
	       "the place in the bucket is used first");
	for (i = 0; i <= ALL; i++)
		rescore_payer_take(keys[i]);
	for (i = 0; i <= ALL; i++)
		right &= rescore_payer_find(keys[i]) == -1;
	tap_ok(right && !overflow() && !native_find(&payers_more)->used &&
		       !nr_entries(native_array(payers), BITS),
	       "emptied again");

	native_find(&payers_more)->lookups = 0;
	rescore_payer_find(keys[0]);
	rescore_payer_take(keys[0]);
	put_one(keys[0], 1, false);
	tap_is_int(native_find(&payers_more)->lookups, 0,
		   "while nothing overflows a miss costs no look-up in the hash");
}

/* --- frees that nobody saw -------------------------------------------------------------- */

static void test_missed(void)
{
	const int last = IN_BUCKET + ROOM - 1;
	__u64 keys[ALL];
	int i;

	begin(BITS, SPARE);
	same_bucket(keys, ALL);
	for (i = 0; i <= last; i++)
		put_one(keys[i], 100 + i, false);

	tap_ok(put_over(keys[2], 200, 102),
	       "a put over an entry of the bucket replaces it");
	tap_ok(put_over(keys[last], 208, 100 + last),
	       "so does one over an entry of the hash, full as both are");
	rescore_payer_take(keys[0]);
	tap_ok(put_over(keys[last], 308, 208) && overflow() == ROOM - 1,
	       "it moves into the bucket when there is room");
	tap_is_int(rescore_payer_take(keys[last]), 308, "the newest is taken");
	tap_is_int(rescore_payer_take(keys[last]), -1, "nothing older is left");
	tap_is_int(rescore_meta.missed_frees, 3, "each was counted");
	tap_is_int(rescore_meta.payers_lost, 0, "nothing was refused");
}

/* The charge of an object whose free was missed goes back, whatever follows. */
static void test_missed_charge(void)
{
	const int full = IN_BUCKET + ROOM;
	struct rescore_line *old, *new;
	__u64 keys[ALL + 1];
	int i, missed;

	fixture((struct sizes){
		.slots = 3, .payers_bits = BITS, .spare = SPARE });
	same_bucket(keys, ALL + 1);
	old = rescore_line(1, 0);
	new = rescore_line(2, 0);
	set_bounds(old, 100, 100);
	set_bounds(new, 100, 100);
	for (i = 0; i < full; i++)
		rescore_try_charge_object(keys[i], 1, 0, RESCORE_HARD);
	tap_is_int(old->held, full, "objects of one payer fill the table");
	rescore_try_charge_object(keys[full - 1], 2, 0, RESCORE_HARD);
	rescore_try_charge_object(keys[0], 2, 0, RESCORE_HARD);
	tap_ok(old->held == full - 2 && new->held == 2,
	       "two of their addresses come back as another's");
	tap_ok(rescore_try_charge_object(keys[full], 2, 0, RESCORE_HARD) &&
		       new->held == 2 && new->failcnt == 1,
	       "one without room is refused, counted and not charged");
	tap_ok(rescore_try_charge_credit(keys[full], 2, 0, RESCORE_HARD) &&
		       new->held == 2 && new->failcnt == 2,
	       "so is a credit");
	tap_ok(!rescore_force_charge_object(keys[full], 2, 0) && new->held == 3,
	       "one that is there already takes spare room");

	/* the spare room is in use: what is taken out does not get back in */
	tap_ok(rescore_try_charge_object(keys[full - 2], 2, 0, RESCORE_HARD) &&
		       old->held == full - 3 && new->held == 3,
	       "an object found in the hash that is then refused");
	tap_is_int(rescore_payer_find(keys[full - 2]), -1,
		   "has no payer any more");
	tap_is_int(rescore_payer_put(keys[full - 3], 7, &missed, true), 0,
		   "with spare room it is replaced");
	tap_is_int(missed, 1, "and its payer is told");
	rescore_uncharge(missed, 0, 1);
	rescore_payer_take(keys[full - 3]);
	for (i = 0; i <= ALL; i++)
		rescore_uncharge_object(keys[i], 0);
	tap_ok(!old->held && !new->held && !old->underflow && !new->underflow,
	       "all goes back to 0");
}

/* --- credits: several of one key ------------------------------------------------------------ */

static void test_credits(void)
{
	__u64 key = rescore_object_key(0xff11000000001000ULL,
				       RESCORE_OBJ_LOCK_CREDIT);
	int i, sum = 0;

	begin(1, 4);
	for (i = 1; i <= 8; i++)
		sum += rescore_payer_add(key, i);
	tap_is_int(sum, 0, "eight credits of one task");
	tap_is_int(rescore_payer_add(key, 9), 0, "a ninth in the hash");
	tap_is_int(rescore_payer_add(key, 10), -1, "and no more");
	tap_ok(rescore_meta.payers_lost == 1 && overflow() == 1,
	       "which is counted");
	for (i = sum = 0; i < 9; i++)
		sum += rescore_payer_take(key);
	tap_is_int(sum, 45, "each is taken once");
	tap_is_int(rescore_payer_take(key), -1, "then there is none");
	tap_is_int(overflow(), 0, "nothing is left over");
}

/* --- against the model ------------------------------------------------------------------------ */

static bool put(__u64 key, __u32 slot, bool spare)
{
	int missed, want_missed, err;

	err = rescore_payer_put(key, slot, &missed, spare);
	return err == model_put(&model, key, slot, &want_missed, spare) &&
	       missed == want_missed;
}

static bool take(__u64 key)
{
	struct model_entry *entry;
	bool right;

	entry = model_match(&model, key, rescore_payer_take(key), &right);
	if (entry)
		model_drop(&model, entry);
	return right;
}

static bool find(__u64 key)
{
	bool right;

	model_match(&model, key, rescore_payer_find(key), &right);
	return right;
}

static bool one_step(uint64_t *random, unsigned int addresses)
{
	__u64 address = 0xff11000000000000ULL +
			tap_random(random) % addresses * 64;
	__u32 slot = tap_random(random) % 3 ? tap_random(random) & 3 :
					      tap_random(random) & 0xffff;
	/* one kind may have equal keys, the other must not */
	bool credit = tap_random(random) % 4 == 0;
	__u64 key = rescore_object_key(address,
				       credit ? RESCORE_OBJ_LOCK_CREDIT :
						RESCORE_OBJ_LOCK);

	switch (tap_random(random) % 8) {
	case 0:
	case 1:
	case 2:
		if (!credit)
			return put(key, slot, tap_random(random) % 4 == 0);
		return rescore_payer_add(key, slot) ==
		       model_add(&model, key, slot, false);
	case 3:
		return find(key);
	default:
		return take(key);
	}
}

static void test_random(unsigned int bits, unsigned int spare,
			unsigned int addresses)
{
	unsigned int step, most = 0, most_more = 0;
	uint64_t random = bits * 1000 + spare + 1;
	bool same = true;

	begin(bits, spare);
	for (step = 0; same && step < STEPS; step++) {
		same = one_step(&random, addresses) &&
		       model_payers_agree(&model);
		most = model.nr > most ? model.nr : most;
		most_more = model.nr_more > most_more ? model.nr_more :
							most_more;
	}
	tap_ok(same, "%u random operations on %u buckets, spare room for %u",
	       STEPS, 1U << bits, spare);
	if (!same)
		printf("# at step %u, with %u entries\n", step, model.nr);
	printf("# at most %u entries, %u in the hash; %llu lost, %llu missed\n",
	       most, most_more, model.lost, model.missed);
}

/* --- how well addresses spread ------------------------------------------------------------------ */

/*
 * Which part of four addresses per bucket overflows? They are @size apart in
 * slabs of 32 KB, which lie anywhere.
 */
static double part_overflowing(unsigned int bits, unsigned int size,
			       uint64_t *random)
{
	unsigned int i, n = 4U << bits, per_slab = 32768 / size;
	__u64 slab = 0, address;

	begin(bits, n);
	for (i = 0; i < n; i++) {
		if (i % per_slab == 0)
			slab = 0xff11000000000000ULL +
			       (1 + tap_random(random) % (1 << 21)) * 32768;
		address = slab + i % per_slab * size;
		put_one(rescore_object_key(address, 0), 1, true);
	}
	return (double)overflow() / n;
}

static void test_spread(void)
{
	/* of locks, files, sockets, tasks, in several kernels */
	static const unsigned int sizes[] = { 64,  192,	 232,  256,  320,
					      704, 1088, 2240, 4160, 9792 };
	uint64_t random = 1;
	double part, worst = 0;
	unsigned int i, bits;

	for (bits = 8; bits <= 16; bits += 4) {
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			part = part_overflowing(bits, sizes[i], &random);
			if (part > worst) {
				worst = part;
				printf("# %u apart in %u buckets: %.2f %%\n",
				       sizes[i], 1U << bits, 100 * part);
			}
		}
	}
	/* 0.9 % of addresses drawn one by one would */
	tap_ok(worst < 0.04,
	       "of a table half full of slabs, few do not fit their bucket");
}

int main(void)
{
	test_keys();
	test_full();
	test_missed();
	test_missed_charge();
	test_credits();
	test_random(1, 0, 16);
	test_random(1, 4, 16);
	test_random(2, 2, 40);
	test_random(5, 16, 400);
	test_spread();
	return tap_done();
}
