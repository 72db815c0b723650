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
#include "audit_socks.h"

/* A row that moves while it is counted is counted again. */
#define AUDIT_TRIES	20

/* Everything that was found, per slot. */
struct findings {
	const struct rescore *rs;
	struct rescore_bucket *payers;
	size_t nr_payers;
	uint64_t *files;		/* RESCORE_KEY_ADDRESS, sorted, unique */
	size_t nr_files;
	struct rescore_sock *socks;	/* by address, each once */
	size_t nr_socks;
	struct audit_counts counts;
};

static bool pays_for(const struct findings *found, unsigned int payer,
		     unsigned int slot)
{
	return payer == slot || rescore_is_below(found->rs, payer, slot);
}

/* --- files: all that a descriptor or a mapping of any process refers to -------------- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int find_files(struct findings *found)
{
	static const char *const programs[] = { "numfile__audit_fd",
						"numfile__audit_map" };
	uint64_t *all = NULL, *part, *more;
	size_t i, j, n = 0;
	ssize_t size;

	for (i = 0; i < ARRAY_SIZE(programs); i++) {
		size = rescore_run_iter(programs[i], (void **)&part);
		if (size < 0) {
			free(all);
			return size;
		}
		more = realloc(all, n * sizeof(*all) + size + 1);
		if (!more) {
			free(part);
			free(all);
			return rescore_error(-ENOMEM, "out of memory");
		}
		all = more;
		memcpy(all + n, part, size);
		free(part);
		n += size / sizeof(*all);
	}
	for (i = 0; i < n; i++)
		all[i] &= RESCORE_ADDRESS_MASK;
	qsort(all, n, sizeof(*all), compare);
	for (i = j = 0; i < n; i++)
		if (!i || all[i] != all[i - 1])
			all[j++] = all[i];
	free(found->files);
	found->files = all;
	found->nr_files = j;
	return 0;
}

/* No descriptor shows it: on its way through a socket, in an io_uring, or freed. */
static bool file_lives(uint64_t address)
{
	struct {
		uint64_t address;
		uint64_t references;
	} request = { .address = address };

	return rescore_run_syscall("numfile__audit_live", &request,
				   sizeof(request)) == 0 &&
	       request.references;
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
			if (entry && pays_for(found, entry & 0xffff, slot))
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

static bool is_live_file(const struct findings *found, uint64_t key,
			 uint32_t kinds)
{
	uint64_t address = RESCORE_KEY_ADDRESS(key);

	return is_of_kind(found, key, kinds) &&
	       (bsearch(&address, found->files, found->nr_files,
			sizeof(address), compare) ||
		file_lives(address));
}

/* --- sockets -------------------------------------------------------------------------- */

static bool is_live_sock(const struct findings *found, uint64_t key,
			 uint32_t kinds)
{
	uint64_t address = RESCORE_KEY_ADDRESS(key);

	return is_of_kind(found, key, kinds) &&
	       (rescore_has_sock(found->socks, found->nr_socks, address) ||
		rescore_sock_lives(address));
}

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
	const struct rescore_sock *sock;
	unsigned int n = 0;

	for (sock = found->socks; sock < found->socks + found->nr_socks; sock++)
		n += sock->kind == kind && !sock->unknown &&
		     rescore_member(found->rs, sock->cgroup) == (int)slot &&
		     !has_payer(found, sock->address | RESCORE_KIND_KEY(kind));
	return n;
}

/*
 * A container whose cgroup was attached has sockets from before, for which
 * nobody pays. In one that was made empty there are none.
 */
static int find_socks(struct findings *found, struct rescore_audit_row *row,
		      uint32_t kind)
{
	const struct rescore_container *container =
		&found->rs->containers[row->slot];
	bool own = container->nr_roots == 1 &&
		   container->flags & RESCORE_OWN_CGROUP;
	unsigned int live, strays;
	int err;

	free(found->socks);
	found->socks = NULL;
	found->nr_socks = 0;
	err = rescore_find_socks(&found->socks, &found->nr_socks);
	if (err)
		return err;
	live = for_each_payer(found, row->slot, is_live_sock, 1U << kind);
	strays = count_strays(found, row->slot, kind);
	row->low = own ? live + strays : live;
	row->high = live + strays;
	snprintf(row->how, sizeof(row->how),
		 "sockets in all network namespaces; %u that nobody pays for",
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
	case RESCORE_OBJ_FILE:
	case RESCORE_OBJ_PTY:
		err = find_files(found);
		if (err)
			return err;
		row->low = for_each_payer(found, row->slot, is_live_file,
					  1U << kind);
		row->high = row->low;
		snprintf(row->how, sizeof(row->how),
			 "files behind descriptors, mappings, or alive without");
		return 0;
	case RESCORE_OBJ_SOCK:
	case RESCORE_OBJ_OTHERSOCK:
		return find_socks(found, row, kind);
	}
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

static bool audit_line(struct findings *found, struct rescore_audit_row *row)
{
	const struct rescore *rs = found->rs;
	const struct rescore_line *line = &rs->table[row->slot].line[row->id];
	uint32_t kinds = rs->registry[row->id].objects;
	int64_t held;
	int tries;

	for (tries = 0; tries < AUDIT_TRIES; tries++) {
		if (tries)
			rescore_nap();
		held = __atomic_load_n(&line->held, __ATOMIC_SEQ_CST);
		if (truth(found, row, kinds)) {
			row->low = row->high = held;
			snprintf(row->how, sizeof(row->how),
				 "objects recorded one by one");
		}
		differs(row, held,
			for_each_payer(found, row->slot, is_of_kind, kinds));
		if (held == __atomic_load_n(&line->held, __ATOMIC_SEQ_CST) &&
		    !is_wrong(row))
			return false;
	}
	return true;
}

/* A row of amounts. Returns -ENOENT if it is none, or whether it is wrong. */
static int audit_amount(struct findings *found, struct rescore_audit_row *row)
{
	const struct rescore *rs = found->rs;
	const struct rescore_line *line = &rs->table[row->slot].line[row->id];
	int tries, err;

	for (tries = 0; tries < AUDIT_TRIES; tries++) {
		if (tries)
			rescore_nap();
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
		do {
			int wrong;

			if (!only && !(slot = rescore_next(rs, slot)))
				break;
			wrong = audit_slot(&found, slot, report, arg);
			n = wrong < 0 ? wrong : n + wrong;
		} while (!only && n >= 0);
	}
	rescore_unmap(found.payers, sizeof(*found.payers), found.nr_payers);
	free(found.socks);
	free(found.files);
	free(found.counts.of);
	return n;
}
