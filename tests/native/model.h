/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the counting headers are to do, said again in the plainest way: lists
 * searched from end to end, and sums in 128 bits that nothing can overflow.
 * model_step() does one operation on both and compares all there is to see.
 */
#ifndef MODEL_H
#define MODEL_H

#include "fixture.h"

__extension__ typedef __int128 big;

#define MODEL_SLOTS	4
#define MODEL_RESOURCES	2
#define MODEL_ENTRIES	4096

/* --- payers: a list of pairs --------------------------------------------------- */

struct model_entry {
	__u64 key;
	__u32 slot;
	bool more;	/* it is in the hash: its bucket was full */
};

struct model_payers {
	unsigned int bits;
	unsigned int spare;	/* of the hash, on top of one a bucket */
	bool admin;		/* the running task may use that, too */
	unsigned int nr, nr_more;
	__u64 missed, lost;
	struct model_entry entry[MODEL_ENTRIES];
};

static inline unsigned int model_bucket(const struct model_payers *list,
					__u64 key)
{
	return (key * RESCORE_HASH_MUL) >> (64 - list->bits);
}

/* The entry of @key in its bucket or in the hash, with this slot; -1: any. */
static inline struct model_entry *model_find(struct model_payers *list,
					     __u64 key, bool more, int slot)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		if (list->entry[i].key == key && list->entry[i].more == more &&
		    (slot < 0 || list->entry[i].slot == (__u32)slot))
			return &list->entry[i];
	return NULL;
}

static inline void model_drop(struct model_payers *list,
			      struct model_entry *entry)
{
	list->nr_more -= entry->more;
	*entry = list->entry[--list->nr];
}

static inline bool model_full(const struct model_payers *list)
{
	return list->nr_more >= 1U << list->bits;
}

/* @spare: what is added cannot be refused. */
static inline int model_add(struct model_payers *list, __u64 key, __u32 slot,
			    bool spare)
{
	unsigned int i, in_bucket = 0;
	bool more;

	for (i = 0; i < list->nr; i++)
		in_bucket += !list->entry[i].more &&
			     model_bucket(list, list->entry[i].key) ==
				     model_bucket(list, key);
	more = in_bucket == RESCORE_BUCKET_ENTRIES;
	spare |= list->admin;
	if (more && ((!spare && model_full(list)) ||
		     list->nr_more == (1U << list->bits) + list->spare ||
		     model_find(list, key, true, -1))) {
		list->lost++;
		return -1;
	}
	list->nr_more += more;
	list->entry[list->nr++] = (struct model_entry){ key, slot, more };
	return 0;
}

/* What a put finds there was missed. Keys that are put are never added twice. */
static inline int model_put(struct model_payers *list, __u64 key, __u32 slot,
			    int *missed, bool spare)
{
	struct model_entry *found = model_find(list, key, false, -1);

	*missed = -1;
	if (found) {
		*missed = found->slot;
		found->slot = slot;
		list->missed++;
		return 0;
	}
	found = model_find(list, key, true, -1);
	if (found) {
		*missed = found->slot;
		list->missed++;
		model_drop(list, found);
	}
	return model_add(list, key, slot, spare);
}

/*
 * May @got be what a look-up of @key returned? Of equal keys it may be any, but
 * those in the bucket come first.
 */
static inline struct model_entry *
model_match(struct model_payers *list, __u64 key, int got, bool *ret_right)
{
	bool more = !model_find(list, key, false, -1);
	struct model_entry *found;

	if (more && !model_find(list, key, true, -1)) {
		*ret_right = got == -1;
		return NULL;
	}
	found = got < 0 ? NULL : model_find(list, key, more, got);
	*ret_right = found;
	return found;
}

/* Does the real table say the same as the model? */
static inline bool model_payers_agree(const struct model_payers *list)
{
	return rescore_meta.payers_overflow == list->nr_more &&
	       native_find(&payers_more)->used == list->nr_more &&
	       rescore_meta.payers_lost == list->lost &&
	       rescore_meta.missed_frees == list->missed &&
	       nr_entries(native_array(payers), list->bits) ==
		       list->nr - list->nr_more;
}

/* --- lines ---------------------------------------------------------------------- */

struct model_line {
	big held, maxheld, peak, barrier, limit;
	__u64 failcnt, underflow;
	bool observe;
};

struct model {
	struct model_line line[MODEL_SLOTS][MODEL_RESOURCES];
	struct model_payers payers;
};

static inline void model_charge(struct model_line *line, big n)
{
	line->held += n;
	if (line->held > line->maxheld)
		line->maxheld = line->held;
	if (line->held > line->peak)
		line->peak = line->held;
}

static inline void model_uncharge(struct model_line *line, big n)
{
	line->underflow += line->held < n;
	line->held -= n;
}

static inline int model_try(const struct model *model, struct model_line *line,
			    big n, __u32 severity)
{
	big bound = severity == RESCORE_HARD ? line->barrier : line->limit;

	if (line->held + n > bound && !model->payers.admin) {
		line->failcnt++;
		if (!line->observe)
			return -1;
	}
	model_charge(line, n);
	return 0;
}

static inline void model_no_payer(struct model_line *line)
{
	model_uncharge(line, 1);
	line->failcnt++;
}

/* The object is charged: who pays for it? */
static inline int model_own(struct model *model, __u64 key, __u32 slot,
			    __u32 resource, bool spare)
{
	int missed, err = model_put(&model->payers, key, slot, &missed, spare);

	if (missed > 0)
		model_uncharge(&model->line[missed][resource], 1);
	if (err)
		model_no_payer(&model->line[slot][resource]);
	return err;
}

static inline int model_credit(struct model *model, __u64 key, __u32 slot,
			       __u32 resource)
{
	if ((!model_full(&model->payers) || model->payers.admin) &&
	    !model_add(&model->payers, key, slot, false))
		return 0;
	model_no_payer(&model->line[slot][resource]);
	return -1;
}

/* --- one operation on both -------------------------------------------------------- */

enum model_op_kind {
	OP_TRY,
	OP_FORCE,
	OP_UNCHARGE,
	OP_TRY_OBJECT,
	OP_FORCE_OBJECT,
	OP_UNCHARGE_OBJECT,
	OP_TRY_CREDIT,
	OP_TAKE_CREDIT,		/* give it back unused */
	OP_BOUNDS,
	OP_OBSERVE,
	OP_ADMIN,
	OP_RESET,
	OP_KINDS,
};

struct model_op {
	enum model_op_kind kind;
	__u32 slot, resource, severity;
	__s64 n;		/* amount; barrier */
	__s64 limit;
	__u64 address;		/* of the object */
};

static const char *const model_op_names[OP_KINDS] = {
	"try",		"force",	   "uncharge",	 "try object",
	"force object", "uncharge object", "try credit", "take credit",
	"bounds",	"observe",	   "admin",	 "reset",
};

#define MODEL_ADMIN_TASK	0xff11000000badc00ULL

static inline void model_begin(struct model *model, unsigned int payers_bits,
			       unsigned int spare)
{
	fixture((struct sizes){ .slots = MODEL_SLOTS,
				.payers_bits = payers_bits,
				.spare = spare,
				.events = 4 });
	*model = (struct model){
		.payers = { .bits = payers_bits, .spare = spare },
	};
	native_self.address = MODEL_ADMIN_TASK;
	rescore_meta.admins = 0;
}

/* How the administrator's programs record and forget a task. */
static inline bool model_admin(struct model *model)
{
	__u64 key = rescore_object_key(MODEL_ADMIN_TASK, RESCORE_OBJ_ADMIN);
	int slot, want, stale, want_stale;
	struct model_entry *found;
	bool right;

	if (model->payers.admin) {
		slot = rescore_payer_take(key);
		rescore_meta.admins = 0;
		found = model_match(&model->payers, key, slot, &right);
		if (found)
			model_drop(&model->payers, found);
		model->payers.admin = false;
		return found;
	}
	want = model_put(&model->payers, key, 1, &want_stale, true);
	slot = rescore_payer_put(key, 1, &stale, true);
	model->payers.admin = !want;
	rescore_meta.admins = !want;
	return slot == want && stale == -1 && want_stale == -1;
}

static inline bool model_agrees(const struct model *model)
{
	const struct model_line *want;
	const struct rescore_line *got;
	unsigned int slot, resource;
	bool same = true;

	for (slot = 0; slot < MODEL_SLOTS; slot++) {
		for (resource = 0; resource < MODEL_RESOURCES; resource++) {
			want = &model->line[slot][resource];
			got = rescore_line(slot, resource);
			if (got->held == want->held &&
			    got->maxheld == want->maxheld &&
			    got->peak == want->peak &&
			    got->failcnt == want->failcnt &&
			    got->underflow == want->underflow)
				continue;
			printf("# slot %u, resource %u: held %lld (%lld), "
			       "maxheld %lld (%lld), peak %lld (%lld), "
			       "failcnt %llu (%llu), underflow %llu (%llu)\n",
			       slot, resource, got->held, (long long)want->held,
			       got->maxheld, (long long)want->maxheld,
			       got->peak, (long long)want->peak, got->failcnt,
			       want->failcnt, got->underflow, want->underflow);
			same = false;
		}
	}
	if (!model_payers_agree(&model->payers)) {
		printf("# the payers differ: %u, %u of them in the hash\n",
		       model->payers.nr, model->payers.nr_more);
		same = false;
	}
	return same;
}

/*
 * Sums that no machine reaches: held stays within 64 bits whatever is asked,
 * since that many charges of 2^62 do not happen.
 */
static inline bool model_possible(const struct model *model,
				  const struct model_op *op)
{
	const struct model_line *line = &model->line[op->slot][op->resource];
	big most = RESCORE_UNLIMITED;
	unsigned int slot;

	switch (op->kind) {
	case OP_TRY:
	case OP_FORCE:
		return line->held + op->n <= most;
	case OP_UNCHARGE:
		return line->held - op->n >= -most;
	case OP_BOUNDS:
	case OP_OBSERVE:
	case OP_ADMIN:
	case OP_RESET:
		return true;
	default:
		/* an object may be charged to one and uncharged from another */
		for (slot = 0; slot < MODEL_SLOTS; slot++) {
			line = &model->line[slot][op->resource];
			if (line->held >= most || line->held <= -most)
				return false;
		}
		return true;
	}
}

/* Do it to both. False, and why is printed: they differ. */
static inline bool model_step(struct model *model, const struct model_op *op)
{
	struct model_line *want = &model->line[op->slot][op->resource];
	struct rescore_line *line = rescore_line(op->slot, op->resource);
	__u64 key = rescore_object_key(op->address, RESCORE_OBJ_FILE);
	__u64 credit = rescore_object_key(op->address, RESCORE_OBJ_LOCK_CREDIT);
	struct model_entry *found;
	int ret = 0, expected = 0;
	bool right;

	if (!model_possible(model, op))
		return true;
	switch (op->kind) {
	case OP_TRY:
		ret = rescore_try_charge(op->slot, op->resource, op->n,
					 op->severity);
		expected = model_try(model, want, op->n, op->severity);
		break;
	case OP_FORCE:
		rescore_force_charge(op->slot, op->resource, op->n);
		model_charge(want, op->n);
		break;
	case OP_UNCHARGE:
		rescore_uncharge(op->slot, op->resource, op->n);
		model_uncharge(want, op->n);
		break;
	case OP_TRY_OBJECT:
		ret = rescore_try_charge_object(key, op->slot, op->resource,
						op->severity);
		expected = model_try(model, want, 1, op->severity) ?:
				   model_own(model, key, op->slot, op->resource,
					     false);
		break;
	case OP_FORCE_OBJECT:
		ret = rescore_force_charge_object(key, op->slot, op->resource);
		model_charge(want, 1);
		expected = model_own(model, key, op->slot, op->resource, true);
		break;
	case OP_UNCHARGE_OBJECT:
		rescore_uncharge_object(key, op->resource);
		found = model_find(&model->payers, key, false, -1) ?:
				model_find(&model->payers, key, true, -1);
		if (!found)
			break;
		if (found->slot)
			model_uncharge(&model->line[found->slot][op->resource],
				       1);
		model_drop(&model->payers, found);
		break;
	case OP_TRY_CREDIT:
		ret = rescore_try_charge_credit(credit, op->slot, op->resource,
						op->severity);
		expected = model_try(model, want, 1, op->severity) ?:
				   model_credit(model, credit, op->slot,
						op->resource);
		break;
	case OP_TAKE_CREDIT:
		ret = expected = rescore_payer_take(credit);
		found = model_match(&model->payers, credit, ret, &right);
		if (!right)
			expected = -2;
		if (!found)
			break;
		rescore_uncharge(found->slot, op->resource, 1);
		model_uncharge(&model->line[found->slot][op->resource], 1);
		model_drop(&model->payers, found);
		break;
	case OP_BOUNDS:
		set_bounds(line, op->n, op->limit);
		want->barrier = op->n;
		want->limit = op->limit;
		break;
	case OP_OBSERVE:
		line->flags ^= RESCORE_OBSERVE;
		want->observe = !want->observe;
		break;
	case OP_ADMIN:
		ret = model_admin(model) ? 0 : -1;
		break;
	case OP_RESET:
		line->maxheld = line->held;
		line->failcnt = 0;
		want->maxheld = want->held;
		want->failcnt = 0;
		break;
	case OP_KINDS:
		break;
	}
	if (ret == expected && model_agrees(model))
		return true;
	printf("# after %s: slot %u, resource %u, severity %u, n %lld, "
	       "limit %lld, address %llx: returned %d (%d)\n",
	       model_op_names[op->kind], op->slot, op->resource, op->severity,
	       op->n, op->limit, op->address, ret, expected);
	return false;
}

#endif /* MODEL_H */
