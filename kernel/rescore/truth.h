/* SPDX-License-Identifier: GPL-2.0 */
/* For the audit: what the kernel itself says that an object holds. */
#ifndef RESCORE_TRUTH_H
#define RESCORE_TRUTH_H

#include "bpf.h"

static __always_inline void
rescore_truth_write(struct seq_file *seq, __u64 key, __u32 slot, __s64 amount)
{
	struct rescore_truth truth = {
		.key = key,
		.amount = amount,
		.slot = slot,
	};

	bpf_seq_write(seq, &truth, sizeof(truth));
}

#endif /* RESCORE_TRUTH_H */
