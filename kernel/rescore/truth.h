/* SPDX-License-Identifier: GPL-2.0 */
/* For the audit: what the kernel itself says that an object holds. */
#ifndef RESCORE_TRUTH_H
#define RESCORE_TRUTH_H

#include "bpf.h"

static __always_inline void
rescore_truth_about(struct seq_file *seq, __u64 key, __u32 slot, __s64 most,
		    __u32 slack)
{
	struct rescore_truth truth = {
		.key = key,
		.amount = most,
		.slot = slot,
		.slack = slack,
	};

	bpf_seq_write(seq, &truth, sizeof(truth));
}

static __always_inline void
rescore_truth_write(struct seq_file *seq, __u64 key, __u32 slot, __s64 amount)
{
	rescore_truth_about(seq, key, slot, amount, 0);
}

/*
 * Room for @n more? If not, a program that ends with 1 is run again for the same
 * element, with an empty buffer.
 */
static __always_inline bool rescore_truth_room(struct seq_file *seq, __u32 n)
{
	return seq->count + n * sizeof(struct rescore_truth) <= seq->size;
}

/*
 * Of a row that is a sum over objects for which payers are recorded. @write is
 * called as write(seq, entry) once for each, of whatever kind; entry may be 0.
 */
#define RESCORE_TRUTH_OF_PAYERS(resource, write)			\
SEC("iter/bpf_map_elem")						\
int resource##__truth__payers(struct bpf_iter__bpf_map_elem *ctx)	\
{									\
	struct rescore_bucket *bucket = ctx->value;			\
	int i;								\
									\
	if (!bucket)							\
		return 0;						\
	if (!rescore_truth_room(ctx->meta->seq, RESCORE_BUCKET_ENTRIES)) \
		return 1;						\
	for (i = 0; i < RESCORE_BUCKET_ENTRIES; i++)			\
		write(ctx->meta->seq, bucket->entry[i]);		\
	return 0;							\
}									\
									\
SEC("iter/bpf_map_elem")						\
int resource##__truth__more(struct bpf_iter__bpf_map_elem *ctx)		\
{									\
	__u64 *key = ctx->key, *slot = ctx->value;			\
									\
	if (key && slot && !rescore_truth_room(ctx->meta->seq, 1))	\
		return 1;						\
	if (key && slot)						\
		write(ctx->meta->seq, *key | *slot);			\
	return 0;							\
}

#endif /* RESCORE_TRUTH_H */
