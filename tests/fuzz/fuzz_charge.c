// SPDX-License-Identifier: GPL-2.0
/*
 * Any sequence of charges, uncharges and changes of bounds: the counting headers
 * do what tests/native/model.h says, step by step.
 *
 * The first byte is the spare room of the payer table. Four bytes are one
 * operation:
 *
 *	kind; slot, resource, severity and size of the amount; amount; object,
 *	or how far the limit is above the barrier
 */
#include "model.h"

#define MAX_STEPS	400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 1 to 256, times a power of 16; at most 2^62. */
static __s64 amount_of(uint8_t value, unsigned int size)
{
	__s64 amount = (1 + (__u64)value) << (size % 16 * 4);

	return amount < 1 || amount > RESCORE_BOUND_MAX ? RESCORE_BOUND_MAX :
							  amount;
}

static struct model_op op_of(const uint8_t *bytes)
{
	struct model_op op = {
		.kind = bytes[0] % OP_KINDS,
		.slot = bytes[1] % MODEL_SLOTS,
		.resource = bytes[1] / 4 % MODEL_RESOURCES,
		.severity = bytes[1] / 8 % 2,
		.n = amount_of(bytes[2], bytes[1] / 16),
		.address = 0xff11000000001000ULL + bytes[3] % 64 * 256,
	};

	if (op.kind != OP_BOUNDS)
		return op;
	if (bytes[2] == 0)
		op.n = 0;
	op.limit = bytes[3] == 255 ? RESCORE_UNLIMITED : op.n + bytes[3];
	if (bytes[2] == 255 && bytes[3] == 255)
		op.n = RESCORE_UNLIMITED;
	if (op.limit > RESCORE_BOUND_MAX)
		op.limit = RESCORE_UNLIMITED;
	return op;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model model;
	unsigned int step;
	struct model_op op;

	if (!size)
		return 0;
	model_begin(&model, 1, data[0] % 8);
	for (data++, size--, step = 0; size >= 4 && step < MAX_STEPS;
	     data += 4, size -= 4, step++) {
		op = op_of(data);
		if (!model_step(&model, &op))
			native_die("step %u differs from the model", step);
	}
	return 0;
}
