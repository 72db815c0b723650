// SPDX-License-Identifier: GPL-2.0
/*
 * Is held what is really there? Two answers for every row, both independent of
 * the counter: the objects recorded for the container, one by one; and, where
 * the kernel shows them in some other way, the objects themselves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "audit.h"
#include "audit_found.h"

/*
 * A row that moves while it is counted is counted again: so often if it stands
 * still and is wrong; longer if it goes on moving, since then it may be that each
 * count fell between an end and a beginning.
 */
#define AUDIT_TRIES	20
#define AUDIT_TRIES_MAX	200

/* Everything that was found, per slot. */
struct findings {
	const struct rescore *rs;
	struct rescore_bucket *payers;
	size_t nr_payers;
	unsigned int id;		/* of the row that is counted */
	struct rescore_found *all;	/* by address, each once */
	size_t nr_all;
	struct audit_counts counts;
};

static bool pays_for(const struct findings *found, unsigned int payer,
		     unsigned int slot)
{
	return payer == slot || rescore_is_below(found->rs, payer, slot);
}

/* --- what is recorded, in the buckets and in the overflow map ---------------------- */

/* Calls @fn with the key of all that @slot and those below pay for: the sum. */
static unsigned int for_each_payer(const struct findings *found,
				   unsigned int slot,
				   bool (*fn)(const struct findings *found,
					      uint64_t key, uint32_t kinds),
				   uint32_t kinds)
{
	uint64_t key, next, value, entry, *previous = NULL;
	unsigned int n = 0;
	size_t i;
	int fd, j;

	for (i = 0; i < found->nr_payers; i++)
		for (j = 0; j < RESCORE_BUCKET_ENTRIES; j++) {
			entry = __atomic_load_n(&found->payers[i].entry[j],
						__ATOMIC_RELAXED);
			if (entry && entry != RESCORE_TOMB &&
			    pays_for(found, entry & 0xffff, slot))
				n += fn(found, entry >> 16, kinds);
		}
	if (!found->rs->meta->payers_overflow)
		return n;
	fd = rescore_pin_fd("payers_more");
	if (fd < 0)
		return n;
	while (!bpf_map_get_next_key(fd, previous, &next)) {
		if (!bpf_map_lookup_elem(fd, &next, &value) &&
		    pays_for(found, value, slot))
			n += fn(found, next >> 16, kinds);
		key = next;
		previous = &key;
	}
	close(fd);
	return n;
}

static bool is_of_kind(const struct findings *found, uint64_t key,
		       uint32_t kinds)
{
	(void)found;
	return kinds & 1U << RESCORE_KEY_KIND(key);
}

static bool is_live(const struct findings *found, uint64_t key, uint32_t kinds)
{
	uint64_t address = RESCORE_KEY_ADDRESS(key);

	return is_of_kind(found, key, kinds) &&
	       (audit_has(found->all, found->nr_all, address) ||
		audit_lives(found->rs, found->id, address));
}

/* --- what nobody is recorded for -------------------------------------------------- */

/* Is anybody recorded as the payer of @key? */
static bool has_payer(const struct findings *found, uint64_t key)
{
	const struct rescore_bucket *bucket;
	uint64_t entry, value;
	bool has = false;
	int fd, j;

	bucket = &found->payers[rescore_bucket_index(
		key, found->rs->meta->payers_bits)];
	for (j = 0; j < RESCORE_BUCKET_ENTRIES && !has; j++) {
		entry = __atomic_load_n(&bucket->entry[j], __ATOMIC_RELAXED);
		has = entry >> 16 == key;
	}
	if (has || !found->rs->meta->payers_overflow)
		return has;
	fd = rescore_pin_fd("payers_more");
	if (fd < 0)
		return false;
	key <<= 16;
	has = !bpf_map_lookup_elem(fd, &key, &value);
	close(fd);
	return has;
}

/* Made in the cgroups of @slot, and nobody pays. */
static unsigned int count_strays(const struct findings *found,
				 unsigned int slot, uint32_t kind)
{
	const struct rescore_found *object = found->all;
	const struct rescore_found *end = object + found->nr_all;
	unsigned int n = 0;

	for (; object < end; object++)
		n += object->kind == kind && !object->unknown &&
		     rescore_member(found->rs, object->cgroup) == (int)slot &&
		     !has_payer(found,
				object->address | RESCORE_KIND_KEY(kind));
	return n;
}

/*
 * What the resource's own programs list; -ENOENT: it has none. A container whose
 * cgroup was attached has objects from before, for which nobody pays. In one that
 * was made empty there are none.
 */
static int find(struct findings *found, struct rescore_audit_row *row,
		uint32_t kind)
{
	const struct rescore_container *container =
		&found->rs->containers[row->slot];
	bool own = container->nr_roots == 1 &&
		   container->flags & RESCORE_OWN_CGROUP;
	unsigned int live, strays;
	ssize_t n;

	free(found->all);
	found->all = NULL;
	found->nr_all = 0;
	found->id = row->id;
	n = audit_find(found->rs, row->id, &found->all);
	if (n < 0)
		return n;
	found->nr_all = n;
	live = for_each_payer(found, row->slot, is_live, 1U << kind);
	strays = count_strays(found, row->slot, kind);
	row->low = own ? live + strays : live;
	row->high = live + strays;
	snprintf(row->how, sizeof(row->how),
		 "what the kernel lists, or has alive without; %u that nobody pays for",
		 strays);
	return 0;
}

/* --- one row ------------------------------------------------------------------------- */

/* How the kernel itself shows the objects of a kind. Other kinds: not at all. */
static int truth(struct findings *found, struct rescore_audit_row *row,
		 uint32_t kinds)
{
	unsigned int kind = __builtin_ctz(kinds);
	int err;

	switch (kind) {
	case RESCORE_OBJ_TASK:
		audit_count_tasks(found->rs, &found->counts);
		row->low = found->counts.of[row->slot];
		row->high = row->low + found->counts.lost;
		snprintf(row->how, sizeof(row->how),
			 "tasks in /proc, zombies included");
		return 0;
	case RESCORE_OBJ_LOCK:
		audit_count_locks(found->rs, &found->counts);
		row->low = found->counts.of[row->slot];
		row->high = row->low + found->counts.lost;
		snprintf(row->how, sizeof(row->how),
			 "/proc/locks; %u of owners it does not name",
			 found->counts.lost);
		return 0;
	}
	err = find(found, row, kind);
	if (err != -ENOENT)
		return err;
	err = rescore_true_amount(found->rs, row->slot, row->id, &row->low,
				  &row->high);
	if (err)
		return err;
	snprintf(row->how, sizeof(row->how),
		 "what the kernel's own lists have");
	return 0;
}

static void differs(struct rescore_audit_row *row, int64_t held,
		    int64_t objects)
{
	row->held = held;
	if (held == objects)
		return;
	row->low = row->high = objects;
	snprintf(row->how, sizeof(row->how), "objects recorded one by one");
}

static bool is_wrong(const struct rescore_audit_row *row)
{
	return row->held < row->low || row->held > row->high;
}

/* How long a row was counted already. */
struct patience {
	int64_t held;		/* at the last count */
	int still;		/* counts since it moved */
	int tries;
};

/* Waits between one count and the next. False: it was counted often enough. */
static bool goes_on(struct patience *patience, const struct rescore_line *line)
{
	int64_t held;

	if (patience->tries)
		rescore_nap();
	held = __atomic_load_n(&line->held, __ATOMIC_RELAXED);
	if (held != patience->held)
		patience->still = 0;
	patience->held = held;
	return patience->still++ < AUDIT_TRIES &&
	       patience->tries++ < AUDIT_TRIES_MAX;
}

static bool audit_line(struct findings *found, struct rescore_audit_row *row)
{
	const struct rescore *rs = found->rs;
	const struct rescore_line *line = &rs->table[row->slot].line[row->id];
	uint32_t kinds = rs->registry[row->id].objects;
	struct patience patience = { 0 };
	int64_t held;

	while (goes_on(&patience, line)) {
		held = __atomic_load_n(&line->held, __ATOMIC_SEQ_CST);
		if (truth(found, row, kinds)) {
			row->low = row->high = held;
			snprintf(row->how, sizeof(row->how),
				 "objects recorded one by one");
		}
		differs(row, held,
			for_each_payer(found, row->slot, is_of_kind, kinds));
		if (held != __atomic_load_n(&line->held, __ATOMIC_SEQ_CST))
			patience.still = 0;
		else if (!is_wrong(row))
			return false;
	}
	return true;
}

/* A row of amounts. Returns -ENOENT if it is none, or whether it is wrong. */
static int audit_amount(struct findings *found, struct rescore_audit_row *row)
{
	const struct rescore *rs = found->rs;
	const struct rescore_line *line = &rs->table[row->slot].line[row->id];
	struct patience patience = { 0 };
	int err;

	while (goes_on(&patience, line)) {
		row->held = __atomic_load_n(&line->held, __ATOMIC_SEQ_CST);
		err = rescore_true_amount(rs, row->slot, row->id, &row->low,
					  &row->high);
		if (err)
			return err;
		snprintf(row->how, sizeof(row->how),
			 "the kernel's own figures, object by object");
		if (!is_wrong(row))
			return false;
	}
	return true;
}

/* Whether it is wrong; -ENOENT: there is no other way to count it. */
static int audit_row(struct findings *found, struct rescore_audit_row *row)
{
	if (found->rs->registry[row->id].objects)
		return audit_line(found, row);
	return audit_amount(found, row);
}

static int audit_slot(struct findings *found, unsigned int slot,
		      void (*report)(const struct rescore_audit_row *row,
				     bool differs, void *arg),
		      void *arg)
{
	const struct rescore *rs = found->rs;
	struct rescore_audit_row row = { .slot = slot };
	int n = 0, wrong;

	for (row.id = 0; row.id < rs->meta->nr_resources; row.id++) {
		const struct rescore_line *line = &rs->table[slot].line[row.id];

		row.finding = RESCORE_AUDIT_DIFFERENCE;
		wrong = -ENOENT;
		if (rs->registry[row.id].state == RESCORE_ON)
			wrong = audit_row(found, &row);
		if (wrong < 0 && wrong != -ENOENT)
			return wrong;
		if (wrong >= 0) {
			report(&row, wrong, arg);
			n += wrong;
		}
		if (rs->registry[row.id].flags & RESCORE_DELEGATED &&
		    rs->registry[row.id].state == RESCORE_ON)
			n += rescore_audit_delegated(rs, slot, row.id, report,
						     arg);
		if (!line->underflow)
			continue;
		row.finding = RESCORE_AUDIT_UNDERFLOW;
		row.held = line->held;
		row.low = row.high = 0;
		snprintf(row.how, sizeof(row.how),
			 "held went below 0 %llu times",
			 (unsigned long long)line->underflow);
		report(&row, true, arg);
		n++;
	}
	return n;
}

static int audit_lost(const struct rescore *rs,
		      void (*report)(const struct rescore_audit_row *row,
				     bool differs, void *arg),
		      void *arg)
{
	struct rescore_audit_row row = { .finding = RESCORE_AUDIT_LOST };

	if (!rs->meta->members_lost)
		return 0;
	snprintf(row.how, sizeof(row.how),
		 "%llu cgroups found no room: counted, but slowly, until the next load",
		 (unsigned long long)rs->meta->members_lost);
	/* slow, but right: nothing differs because of it */
	report(&row, false, arg);
	return 0;
}

int rescore_audit(struct rescore *rs, unsigned int slot,
		  void (*report)(const struct rescore_audit_row *row,
				 bool differs, void *arg),
		  void *arg)
{
	struct findings found = {
		.rs = rs,
		.nr_payers = (size_t)1 << rs->meta->payers_bits,
	};
	bool only = slot;
	int n = -ENOMEM;

	if (slot && !rescore_slot_is_live(rs, slot))
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	found.counts.of = calloc(rs->meta->nr_slots, sizeof(*found.counts.of));
	found.payers = rescore_map("payers", sizeof(*found.payers),
				   found.nr_payers, true);
	if (found.counts.of && found.payers) {
		n = audit_lost(rs, report, arg);
		if (!only)
			slot = rescore_next(rs, 0);
		while (slot && n >= 0) {
			int wrong = audit_slot(&found, slot, report, arg);

			n = wrong < 0 ? wrong : n + wrong;
			slot = only ? 0 : rescore_next(rs, slot);
		}
	}
	rescore_unmap(found.payers, sizeof(*found.payers), found.nr_payers);
	free(found.all);
	free(found.counts.of);
	return n;
}
