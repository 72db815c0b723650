// SPDX-License-Identifier: GPL-2.0
/* The audit of resources whose objects hold amounts, not one each. */
#include <errno.h>
#include <stdlib.h>

#include "audit.h"

static int compare(const void *a, const void *b)
{
	const struct rescore_truth *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

int audit_count_amounts(struct audit_count *count)
{
	struct audit_sum sum = { 0 };
	struct rescore_truth *truth;
	ssize_t n, i;

	n = rescore_run_truth(count->rs, count->id, &truth);
	if (n < 0)
		return n;
	qsort(truth, n, sizeof(*truth), compare);
	for (i = 0; i < n; i++) {
		if (i && truth[i].key == truth[i - 1].key)
			continue;
		sum.high = truth[i].amount;
		sum.low = truth[i].amount - truth[i].slack;
		audit_add(count, truth[i].slot, &sum);
	}
	free(truth);
	return 0;
}
