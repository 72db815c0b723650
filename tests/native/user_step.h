/* SPDX-License-Identifier: GPL-2.0 */
/*
 * In front of lib/values.c when test_interleave.c is built (-include), so that
 * user space stops at each of its accesses to shared memory too.
 */
#ifndef USER_STEP_H
#define USER_STEP_H

void user_step(void);

#define __atomic_load_n(p, order)					\
	(user_step(), __atomic_load_n(p, order))
#define __atomic_store_n(p, v, order)					\
	(user_step(), __atomic_store_n(p, v, order))
#define __atomic_exchange_n(p, v, order)				\
	(user_step(), __atomic_exchange_n(p, v, order))
#define __atomic_compare_exchange_n(p, old, new, weak, yes, no)		\
	(user_step(), __atomic_compare_exchange_n(p, old, new, weak, yes, no))
#define __atomic_thread_fence(order)					\
	(user_step(), __atomic_thread_fence(order))

#endif /* USER_STEP_H */
