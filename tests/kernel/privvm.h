/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of privvmpages share: a container with a tenant, and another. The
 * truth is /proc's: held is VmData + VmStk, each address space once.
 */
#ifndef RESCORE_PRIVVM_TEST_H
#define RESCORE_PRIVVM_TEST_H

#include "tenant.h"

FIXTURE(privvm)
{
	int a, b;
	struct puppet *p;
};

FIXTURE_SETUP(privvm)
{
	world_begin(_metadata);
	find_memory_rows();
	self->a = make("kt-privvm-a");
	self->b = make("kt-privvm-b");
	ASSERT_LT(0, self->a);
	ASSERT_LT(0, self->b);
	self->p = tenant_in(self->a);
}

FIXTURE_TEARDOWN(privvm)
{
	end_puppets();
	world_end(_metadata);
}

/* Leave room for @n more pages. */
#define leave_room(slot, n)						\
({									\
	int64_t __held = held(slot, privvmpages);			\
									\
	set_bounds(slot, privvmpages, __held + (n), __held + (n));	\
})

static inline bool is_address(long ret)
{
	return ret > 0 || ret < -4095;
}

#endif /* RESCORE_PRIVVM_TEST_H */
