// SPDX-License-Identifier: GPL-2.0
/*
 * What there is of one resource, for the audit: of all containers at once, since
 * each look is at the whole machine.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "audit.h"
#include "audit_found.h"

int audit_count_begin(struct audit_count *count, const struct rescore *rs,
		      unsigned int only)
{
	*count = (struct audit_count){
		.rs = rs,
		.only = only,
		.nr_payers = (size_t)1 << rs->meta->payers_bits,
	};
	count->of = calloc(rs->meta->nr_slots, sizeof(*count->of));
	if (!count->of)
		return rescore_error(-ENOMEM, "out of memory");
	count->payers = rescore_map("payers", sizeof(*count->payers),
				    count->nr_payers, true);
	return count->payers ? 0 : -ENOMEM;
}

void audit_count_end(struct audit_count *count)
{
	rescore_unmap(count->payers, sizeof(*count->payers), count->nr_payers);
	free(count->of);
}

void audit_add(struct audit_count *count, unsigned int slot,
	       const struct audit_sum *sum)
{
	int level;

	for (level = 0; level < RESCORE_LEVELS_MAX; level++) {
		if (!slot || slot >= count->rs->meta->nr_slots)
			break;
		count->of[slot].low += sum->low;
		count->of[slot].high += sum->high;
		count->of[slot].recorded += sum->recorded;
		slot = count->rs->containers[slot].parent;
	}
}

/* --- what is recorded, in the buckets and in the overflow map ---------------------- */

/* What the resource's own programs list; all: NULL, it has none. */
struct list {
	struct rescore_found *all;	/* by address, each once */
	size_t n;
	uint32_t kind;
};

static bool is_live(const struct audit_count *count, const struct list *list,
		    uint64_t key)
{
	uint64_t address = RESCORE_KEY_ADDRESS(key);

	return list->all && list->kind == RESCORE_KEY_KIND(key) &&
	       (audit_has(list->all, list->n, address) ||
		audit_lives(count->rs, count->id, address));
}

static bool is_asked_for(const struct audit_count *count, unsigned int slot)
{
	return !count->only || slot == count->only ||
	       rescore_is_below(count->rs, slot, count->only);
}

static void add_payer(struct audit_count *count, const struct list *list,
		      uint64_t key, unsigned int slot)
{
	uint32_t kinds = count->rs->registry[count->id].objects;
	struct audit_sum sum = { .recorded = 1 };

	if (!(kinds & 1U << RESCORE_KEY_KIND(key)) ||
	    !is_asked_for(count, slot))
		return;
	sum.low = sum.high = is_live(count, list, key);
	audit_add(count, slot, &sum);
}

static void add_payers(struct audit_count *count, const struct list *list)
{
	uint64_t key, next, value, entry, *previous = NULL;
	size_t i;
	int fd, j;

	for (i = 0; i < count->nr_payers; i++)
		for (j = 0; j < RESCORE_BUCKET_ENTRIES; j++) {
			entry = __atomic_load_n(&count->payers[i].entry[j],
						__ATOMIC_RELAXED);
			if (!entry)
				break;
			if (entry != RESCORE_TOMB)
				add_payer(count, list, entry >> 16,
					  entry & 0xffff);
		}
	if (!count->rs->meta->payers_overflow)
		return;
	fd = rescore_pin_fd("payers_more");
	if (fd < 0)
		return;
	while (!bpf_map_get_next_key(fd, previous, &next)) {
		if (!bpf_map_lookup_elem(fd, &next, &value))
			add_payer(count, list, next >> 16, value);
		key = next;
		previous = &key;
	}
	close(fd);
}

/* --- what nobody is recorded for -------------------------------------------------- */

/* Is anybody recorded as the payer of @key? */
static bool has_payer(const struct audit_count *count, uint64_t key)
{
	const struct rescore_bucket *bucket;
	uint64_t entry, value;
	bool has = false;
	int fd, j;

	bucket = &count->payers[rescore_bucket_index(
		key, count->rs->meta->payers_bits)];
	for (j = 0; j < RESCORE_BUCKET_ENTRIES && !has; j++) {
		entry = __atomic_load_n(&bucket->entry[j], __ATOMIC_RELAXED);
		has = entry >> 16 == key;
	}
	if (has || !count->rs->meta->payers_overflow)
		return has;
	fd = rescore_pin_fd("payers_more");
	if (fd < 0)
		return false;
	key <<= 16;
	has = !bpf_map_lookup_elem(fd, &key, &value);
	close(fd);
	return has;
}

/*
 * Made in a container's cgroups, and nobody pays. One whose cgroup was attached has
 * objects from before, for which nobody pays. In one that was made empty there are
 * none.
 */
static void add_strays(struct audit_count *count, const struct list *list)
{
	const struct rescore_container *container;
	const struct rescore_found *object;
	unsigned int i;
	int slot;

	for (object = list->all; object < list->all + list->n; object++) {
		if (object->kind != list->kind || object->unknown)
			continue;
		slot = rescore_member(count->rs, object->cgroup);
		if (slot > 0 &&
		    !has_payer(count,
			       object->address | RESCORE_KIND_KEY(list->kind)))
			count->of[slot].strays++;
	}
	for (i = 0; i < count->rs->meta->nr_slots; i++) {
		container = &count->rs->containers[i];
		count->of[i].high += count->of[i].strays;
		if (container->nr_roots == 1 &&
		    container->flags & RESCORE_OWN_CGROUP)
			count->of[i].low += count->of[i].strays;
	}
}

static int count_listed(struct audit_count *count, uint32_t kind)
{
	struct list list = { .kind = kind };
	ssize_t n = audit_find(count->rs, count->id, &list.all);

	if (n < 0)
		return n;
	list.n = n;
	add_payers(count, &list);
	add_strays(count, &list);
	free(list.all);
	count->strays = true;
	snprintf(count->how, sizeof(count->how),
		 "what the kernel lists, or has alive without");
	return 0;
}

/* --- one resource ----------------------------------------------------------------- */

/* How the kernel itself shows the objects of a kind. Other kinds: not at all. */
static int count_objects(struct audit_count *count)
{
	const struct list none = { 0 };
	uint32_t kind = __builtin_ctz(count->rs->registry[count->id].objects);
	unsigned int i, lost = 0;
	int err;

	switch (kind) {
	case RESCORE_OBJ_TASK:
		lost = audit_count_tasks(count);
		snprintf(count->how, sizeof(count->how),
			 "tasks in /proc, zombies included");
		break;
	case RESCORE_OBJ_LOCK:
		lost = audit_count_locks(count);
		snprintf(count->how, sizeof(count->how),
			 "/proc/locks; %u of owners it does not name", lost);
		break;
	default:
		err = count_listed(count, kind);
		if (err != -ENOENT)
			return err;
		err = audit_count_amounts(count);
		if (err)
			return err;
		snprintf(count->how, sizeof(count->how),
			 "what the kernel's own lists have");
		break;
	}
	for (i = 0; lost && i < count->rs->meta->nr_slots; i++)
		count->of[i].high += lost;
	add_payers(count, &none);
	return 0;
}

int audit_count(struct audit_count *count, unsigned int id)
{
	const struct list none = { 0 };

	count->id = id;
	count->strays = count->truth = false;
	memset(count->of, 0, count->rs->meta->nr_slots * sizeof(*count->of));
	if (!count->rs->registry[id].objects) {
		snprintf(count->how, sizeof(count->how),
			 "the kernel's own figures, object by object");
		count->truth = true;
		return audit_count_amounts(count);
	}
	count->truth = !count_objects(count);
	if (count->truth)
		return 0;
	memset(count->of, 0, count->rs->meta->nr_slots * sizeof(*count->of));
	add_payers(count, &none);
	return 0;
}
