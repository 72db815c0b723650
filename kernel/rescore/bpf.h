/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every program needs: kernel types, helpers, the maps it shares with the
 * others, and what the loader tells it. A controller includes rescore.h, which
 * includes this.
 *
 * With RESCORE_NATIVE the counting headers compile for user space instead, over
 * tests/native/native.h in place of the helpers.
 */
#ifndef RESCORE_BPF_H
#define RESCORE_BPF_H

#ifdef RESCORE_NATIVE
#include "native.h"
#else
#include "vmlinux.h"
#include <asm-generic/errno.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#endif

#include <rescore/abi.h>

/*
 * A function that the verifier looks at once, knowing nothing of its arguments,
 * instead of on every path that calls it: what seldom runs. It takes numbers and
 * pointers to memory; those may be NULL to the verifier.
 */
#ifdef RESCORE_NATIVE
#define RESCORE_FUNCTION static __noinline
#else
#define RESCORE_FUNCTION __noinline
#endif

#ifndef WRITE_ONCE
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))
#endif
#ifndef READ_ONCE
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#endif

/*
 * Put @new where @old is, or leave what is there: did it? What was there comes back in
 * a register, and one comparison tells; to the compiler it is a success in a register
 * of its own, which takes four instructions.
 */
#define rescore_swapped(place, old, new)				\
({									\
	typeof(*(place)) __old = (old);					\
	typeof(*(place)) __was =					\
		__sync_val_compare_and_swap(place, __old, new);		\
									\
	asm volatile("" : "+r"(__was));					\
	__was == __old;							\
})

/* Given by the loader before the programs are verified, so it costs nothing. */
const volatile struct rescore_config rescore_cfg SEC(".rodata.config");

/* Address of a variable of the kernel, or 0: it has none. */
#define rescore_symbol(id) ((const char *)rescore_cfg.symbol[id])

/* One for all objects: the loader gives each the same map. */
struct rescore_meta rescore_meta SEC(".data.rescore");

/*
 * A variable, and no array map, so that a bucket is found without a look-up. One for
 * all objects as well: the only one that may be in .bss, which the loader shares.
 */
#ifndef RESCORE_NATIVE
struct rescore_bucket members[1 << RESCORE_MEMBERS_BITS];
#endif

/*
 * A table of a controller's own that is looked up often: a variable as well. An upgrade
 * keeps it.
 *
 *	struct sockplace sockbufs[1 << 14] RESCORE_TABLE(sockbufs);
 */
#define RESCORE_TABLE(name)	SEC(".data." #name)

/* Any other variable, which is of one object, and begins with 0 after an upgrade. */
#define RESCORE_OWN	static SEC(".data.own")

/*
 * Sizes are set by the loader in the core's object; the others get the core's
 * maps by name. A map that only one controller needs is defined there.
 */
#define RESCORE_ARRAY(name, element)				\
	struct {						\
		__uint(type, BPF_MAP_TYPE_ARRAY);		\
		__uint(map_flags, BPF_F_MMAPABLE);		\
		__uint(max_entries, 1);				\
		__type(key, __u32);				\
		__type(value, element);				\
	} name SEC(".maps")

#define RESCORE_HASH(name)					\
	struct {						\
		__uint(type, BPF_MAP_TYPE_HASH);		\
		__uint(max_entries, 1);				\
		__type(key, __u64);				\
		__type(value, __u64);				\
	} name SEC(".maps")

RESCORE_ARRAY(table, struct rescore_row);
#ifdef RESCORE_NATIVE
RESCORE_ARRAY(members, struct rescore_bucket);
#endif
RESCORE_HASH(members_more);
RESCORE_ARRAY(payers, struct rescore_bucket);
RESCORE_HASH(payers_more);
RESCORE_ARRAY(events, struct rescore_event);
RESCORE_ARRAY(throttle, struct rescore_throttle);
RESCORE_ARRAY(containers, struct rescore_container);
RESCORE_ARRAY(registry, struct rescore_resource);
RESCORE_ARRAY(gauges, struct rescore_gauges);

#include "program.h"

/*
 * A kernel pointer as a number, for what the verifier forbids on pointers: to
 * hash, store or compare it. The difference of two pointers is a number to it,
 * and meta.base is the number of the one that is subtracted. Calls no helper.
 */
#ifdef RESCORE_NATIVE
#define rescore_address(pointer) ((__u64)(uintptr_t)(pointer))
#else
static __always_inline __u64 rescore_address(const void *pointer)
{
	__u64 distance = (__u64)pointer;

	/* opaque to the compiler, which would shift the pointer first */
	asm volatile("%[distance] -= %[meta]"
		     : [distance] "+r"(distance)
		     : [meta] "r"(&rescore_meta));
	return distance + rescore_meta.base;
}
#endif

/* Read as memory (a context's member, say), a pointer is a number as well. */
static __always_inline __u64 rescore_scalar(const void *where)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), where);
	return value;
}

/*
 * The same for argument @n of a traced function, inlined by the kernel; where
 * the argument's type differs between kernels. Not in lsm programs.
 */
#define rescore_arg(ctx, n)			\
({						\
	__u64 __value = 0;			\
						\
	bpf_get_func_arg(ctx, n, &__value);	\
	__value;				\
})

#endif /* RESCORE_BPF_H */
