// SPDX-License-Identifier: GPL-2.0
/* The audit of resources whose objects hold amounts, not one each. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

static int compare(const void *a, const void *b)
{
	const struct rescore_truth *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

int rescore_true_amount(const struct rescore *rs, unsigned int slot,
			unsigned int id, int64_t *ret_low, int64_t *ret_high)
{
	struct rescore_truth *truth;
	int64_t low = 0, high = 0;
	ssize_t n, i;

	n = rescore_run_truth(rs, id, &truth);
	if (n < 0)
		return n;
	qsort(truth, n, sizeof(*truth), compare);
	for (i = 0; i < n; i++)
		if ((truth[i].slot == slot ||
		     rescore_is_below(rs, truth[i].slot, slot)) &&
		    (!i || truth[i].key != truth[i - 1].key)) {
			high += truth[i].amount;
			low += truth[i].amount - truth[i].slack;
		}
	free(truth);
	*ret_low = low;
	*ret_high = high;
	return 0;
}
